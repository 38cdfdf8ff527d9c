// SPDX-License-Identifier: Apache-2.0
// What the server benchmarks share: test pictures, load by wrk, CPU time per request from the scheduler.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { top } from '../../tests/e2e/servers.mjs';

export const data = join(top, 'build/bench-data');
mkdirSync(data, { recursive: true });

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// Nanoseconds on a CPU of a process, all its threads and, when `children` is set, of its child processes.
export function cpu(pid, children = true) {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    if (children) {
      const list = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
      for (const child of list ? list.split(' ') : []) sum += cpu(child, true);
    }
  }
  return sum;
}

export const rss = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m)[1]) / 1024;

// Runs `wrk` over a list of URLs in random order; gives the requests made, those that failed, and wrk's own figures.
export function load(base, paths, { connections = 32, seconds = 3, world }) {
  const list = world.write('urls.txt', paths.join('\n'));
  const lua = world.write(
    'urls.lua',
    `local urls = {}
     for line in io.lines("${list}") do urls[#urls + 1] = line end
     math.randomseed(42)
     request = function() return wrk.format("GET", urls[math.random(#urls)]) end
     done = function(summary, latency)
       io.write(string.format("RESULT %d %d %d\\n", summary.requests,
         summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
         latency:percentile(99)))
     end`,
  );
  const out = execFileSync('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', lua, base], { encoding: 'utf8' });
  const [requests, failed, p99] = out.match(/^RESULT (\d+) (\d+) (\d+)$/m).slice(1).map(Number);
  return { requests, failed, p99 };
}

// CPU microseconds per request of each named process (pids; with their children unless options.children is false), median
// over `rounds`.
export function measure(pids, base, paths, options) {
  const rounds = [];
  for (let i = 0; i < (options.rounds ?? 3); ++i) {
    const before = pids.map((pid) => cpu(pid, options.children));
    const { requests, failed, p99 } = load(base, paths, options);
    if (failed > 0 || requests === 0) throw new Error(`${failed} of ${requests} requests failed at ${base}`);
    rounds.push({ each: pids.map((pid, k) => (cpu(pid, options.children) - before[k]) / 1000 / requests), p99, requests });
  }
  return {
    each: pids.map((_, k) => median(rounds.map((round) => round.each[k]))),
    p99: median(rounds.map((round) => round.p99)) / 1000,
    rate: median(rounds.map((round) => round.requests)) / (options.seconds ?? 3),
  };
}

export function once(name, make) {
  const path = join(data, name);
  if (!existsSync(path)) {
    make(`${path}.part.tif`);
    renameSync(`${path}.part.tif`, path);
  }
  return path;
}

export const vips = (...args) => execFileSync('vips', args, { stdio: ['ignore', 'inherit', 'inherit'] });

// Real tissue, repeated, with noise, so that 256-pixel tiles at quality 85 have about 39 kB; more than 500 MB.
export const bigPyramid = () =>
  once('big.tif', (out) => {
    const slide = join(top, 'tests/fixtures/CMU-1-Small-Region.svs');
    const noise = join(data, 'noise.v');
    const noisy = join(data, 'noisy.v');
    vips('gaussnoise', noise, '2220', '2967', '--sigma', '72', '--mean', '0');
    vips('add', slide, noise, noisy);
    vips('cast', noisy, join(data, 'noisy8.v'), 'uchar');
    vips('extract_band', join(data, 'noisy8.v'), join(data, 'noisy3.v'), '0', '--n', '3');
    vips('replicate', join(data, 'noisy3.v'), join(data, 'all.v'), '14', '10');
    vips('tiffsave', join(data, 'all.v'), out, '--compression', 'jpeg', '--Q', '85', '--tile', '--pyramid',
      '--bigtiff', '--tile-width', '256', '--tile-height', '256');
    spawnSync('sh', ['-c', `rm -f ${data}/*.v`]);
  });

// Slices of 4000 x 3000 from a real slide, each another part and orientation of it, as tiled JPEG pyramids.
export function slices(count) {
  const folder = join(data, 'slices');
  mkdirSync(folder, { recursive: true });
  const slide = join(top, 'tests/fixtures/CMU-1-Small-Region.svs');
  for (let i = 1; i <= count; ++i) {
    once(`slices/slice_${String(i).padStart(4, '0')}.tif`, (out) => {
      const area = join(data, 'area.v');
      vips('crop', slide, area, String((i * 7) % 200), String((i * 13) % 440), '2000', '2500');
      vips('replicate', area, join(data, 'twice.v'), '2', '2');
      vips('crop', join(data, 'twice.v'), join(data, 'slice.v'), '0', '0', '4000', '3000');
      vips('linear', join(data, 'slice.v'), join(data, 'tone.v'), String(1 - (i % 7) * 0.02), String((i % 5) * 2), '--uchar');
      vips('extract_band', join(data, 'tone.v'), join(data, 'rgb.v'), '0', '--n', '3');
      vips('tiffsave', join(data, 'rgb.v'), out, '--compression', 'jpeg', '--Q', '85', '--tile', '--pyramid', '--bigtiff',
        '--tile-width', '512', '--tile-height', '512');
    });
  }
  spawnSync('sh', ['-c', `rm -f ${data}/*.v`]);
  return folder;
}

export function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  for (const [n, row] of rows.entries()) {
    console.log(`| ${row.map((cell, i) => String(cell).padEnd(widths[i])).join(' | ')} |`);
    if (n === 0) console.log(`|${widths.map((w) => '-'.repeat(w + 2)).join('|')}|`);
  }
}

// Reads a file once, so that it is in the page cache.
export function warm(path) {
  closeSync(openSync(path, 'r'));
  execFileSync('sh', ['-c', `cat '${path}' >/dev/null`]);
}

export const saveJson = (name, value) => writeFileSync(join(data, name), JSON.stringify(value));
export const us = (value) => (value < 1000 ? `${value.toFixed(1)} us` : `${(value / 1000).toFixed(2)} ms`);
export const ratio = (value) => `${value.toFixed(2)} x`;
