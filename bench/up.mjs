// SPDX-License-Identifier: Apache-2.0
// What keeping alive costs: processor time of a tick with everything well, against the script of 2017 (ps and grep); and the
// time from the unpacked bundle to the first tile. Uses the bundle of script/package where there is one, else the build.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dir = mkdtempSync(join(tmpdir(), 'microtome-bench-up-'));
const env = { PATH: process.env.PATH, HOME: join(dir, 'home') };
mkdirSync(env.HOME);
cpSync(join(top, 'demo/GLTa'), join(dir, 'pictures/GLTa'), { recursive: true });
cpSync(join(top, 'tests/fixtures/CMU-1-Small-Region.svs'), join(dir, 'pictures/CMU-1/CMU-1-Small-Region.svs'));
const packed = existsSync(join(top, 'build/package')) && readdirSync(join(top, 'build/package')).find((name) => name.endsWith('.tar.gz'));
let bin = join(top, 'build/release/bin');
if (packed) {
  spawnSync('tar', ['-C', dir, '-xzf', join(top, 'build/package', packed)]);
  bin = join(dir, packed.replace('.tar.gz', ''), 'bin');
}
const run = (...words) => {
  const how = spawnSync(join(bin, 'microtome'), words, { env, encoding: 'utf8' });
  if (how.status !== 0) throw new Error(how.stderr);
  return how.stdout;
};
// Milliseconds of processor time of one run, children included: the median of `count`.
const cpu = (count, program, args) => {
  const script = `for i in $(seq ${count}); do ${[program, ...args].map((w) => `'${w.replaceAll("'", "'\\''")}'`).join(' ')} >/dev/null; done; times`;
  const out = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' }).stdout.trim().split('\n').at(-1);
  const seconds = [...out.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
  return (seconds * 1000) / count;
};
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
try {
  const starts = [];
  for (let turn = 0; turn < 5; turn++) {
    const before = performance.now();
    const url = /http:\S+/.exec(run('up', join(dir, 'pictures'), '--no-install', '--listen', '127.0.0.1:0'))[0];
    const tile = await fetch(`${url}iip?FIF=CMU-1/CMU-1-Small-Region.svs&JTL=0,0`);
    if (tile.status !== 200 || (await tile.arrayBuffer()).byteLength < 1000) throw new Error(`no tile: ${tile.status}`);
    starts.push(performance.now() - before);
    if (turn < 4) run('down', '--purge');
  }
  const ticks = [];
  const plain = [];
  const scripts = [];
  for (let turn = 0; turn < 5; turn++) {
    ticks.push(cpu(40, join(bin, 'microtome-keep'), ['up', '--tick', join(dir, 'pictures')]));
    plain.push(cpu(40, join(bin, 'microtome'), ['up', '--tick', join(dir, 'pictures')]));
    scripts.push(cpu(40, 'bash', ['-c', 'ps ax | grep visorb-lighttpd | grep -v grep']));
  }
  console.log(`programs of ${packed ? `the bundle ${packed}` : 'the build'}\n`);
  console.log('| | measured | target |\n|---|---:|---:|');
  console.log(`| tick with everything well, CPU | ${median(ticks).toFixed(1)} ms | <= 10 ms |`);
  console.log(`| the same by microtome, which loads the image libraries, CPU | ${median(plain).toFixed(1)} ms | |`);
  console.log(`| the script of 2017 (ps, grep, grep), CPU | ${median(scripts).toFixed(1)} ms | |`);
  console.log(`| from the unpacked bundle to the first tile | ${(median(starts) / 1000).toFixed(2)} s | <= 5 s |`);
} finally {
  spawnSync(join(bin, 'microtome'), ['down', '--purge'], { env });
  rmSync(dir, { recursive: true, force: true });
}
