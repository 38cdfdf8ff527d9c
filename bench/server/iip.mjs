// SPDX-License-Identifier: Apache-2.0
// What iipsrv has to decode for, against Debian's iipsrv, both behind lighttpd in the same run: CPU time of the app per
// request, one request at a time, every one another tile or region, caches of answers off. Then the tiles of one
// client while four others export 5000 pixels.
import { existsSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { bin, body, freePort, until, World } from '../../tests/e2e/servers.mjs';
import { cpu, data, median, once, ratio, table, us, vips, warm } from './lib.mjs';
import { top } from '../../tests/e2e/servers.mjs';

const world = new World();
const kWidth = 8192;
const kHeight = 6144;

// The same tissue in each encoding.
function pictures() {
  const slide = join(top, 'tests/fixtures/CMU-1-Small-Region.svs');
  const mosaic = (out) => {
    vips('extract_band', slide, `${out}.3.v`, '0', '--n', '3');
    vips('replicate', `${out}.3.v`, `${out}.all.v`, '4', '3');
    vips('crop', `${out}.all.v`, `${out}.v`, '0', '0', String(kWidth), String(kHeight));
  };
  const tiff = (name, compression, ...prepare) =>
    once(name, (out) => {
      mosaic(out);
      let source = `${out}.v`;
      for (const step of prepare) {
        vips(step[0], source, `${out}.${step[0]}.v`, ...step.slice(1));
        source = `${out}.${step[0]}.v`;
      }
      vips('tiffsave', source, out, '--tile', '--pyramid', '--tile-width', '256', '--tile-height', '256', ...compression);
      execFileSync('sh', ['-c', `rm -f '${out}'*.v`]);
    });
  tiff('iip_jpeg.tif', ['--compression', 'jpeg', '--Q', '85']);
  tiff('iip_deflate.tif', ['--compression', 'deflate', '--predictor', 'horizontal']);
  tiff('iip_16.tif', ['--compression', 'deflate', '--predictor', 'horizontal'], ['colourspace', 'grey16']);
  // Tiles of 1024 inside, as scanners and archives write them.
  once('iip_1024.jp2', (out) => vips('jp2ksave', join(data, 'iip_deflate.tif'), out, '--tile-width', '1024', '--tile-height', '1024', '--Q', '40'));
  for (const name of ['iip_jpeg.tif', 'iip_deflate.tif', 'iip_16.tif', 'iip_1024.jp2']) warm(join(data, name));
}

// All tiles of some rows, one after the other, as a viewer takes them; of a JPEG 2000 picture 4 of 256 pixels share a block.
const inTurn = (i) => i;
// Tiles of the largest level, in a fixed order without neighbours.
const tile = (i) => (i * 197) % ((kWidth / 256) * (kHeight / 256));
const region = (i) => {
  const size = 0.13 + 0.7 * ((i * 37) % 100) / 100;
  const at = (k) => ((1 - size) * ((i * k) % 100)) / 100;
  return `RGN=${at(13).toFixed(4)},${at(29).toFixed(4)},${size.toFixed(4)},${size.toFixed(4)}`;
};
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const cases = [
  ['JPEG tile, quality given', 'image/jpeg', 60, (i) => `FIF=iip_jpeg.tif&QLT=60&JTL=5,${tile(i)}`],
  ['deflate tile as JPEG', 'image/jpeg', 60, (i) => `FIF=iip_deflate.tif&JTL=5,${tile(i)}`],
  ['16-bit grey tile as JPEG', 'image/jpeg', 60, (i) => `FIF=iip_16.tif&JTL=5,${tile(i)}`],
  ['tile with contrast and gamma', 'image/jpeg', 60, (i) => `FIF=iip_jpeg.tif&CNT=1.3&GAM=0.8&JTL=5,${tile(i)}`],
  ['PNG tile', 'image/png', 60, (i) => `FIF=iip_deflate.tif&PTL=5,${tile(i)}`, 2500],
  ['WebP tile', 'image/webp', 40, (i) => `FIF=iip_deflate.tif&WTL=5,${tile(i)}`],
  ['JPEG 2000 tile, average of all', 'image/jpeg', 256, (i) => `FIF=iip_1024.jp2&JTL=5,${inTurn(i)}`, 10000, mean],
  ['region at 1000x750', 'image/jpeg', 30, (i) => `FIF=iip_jpeg.tif&${region(i)}&WID=1000&HEI=750&CVT=jpeg`, 12000],
  ['export of 5000 pixels', 'image/jpeg', 5, (i) => `FIF=iip_jpeg.tif&WID=${5000 - i}&CVT=jpeg`, 400000],
];

async function behind(name, program) {
  const port = await freePort();
  const lighttpd = await world.lighttpd(`
    server.document-root = "${data}"
    server.port = ${port}
    server.bind = "127.0.0.1"
    server.max-keep-alive-requests = 100000000
    server.modules += ( "mod_fastcgi" )
    fastcgi.server = ( "/fcgi" => (( "socket" => "${world.path(`${name}.socket`)}", "check-local" => "disable",
      "min-procs" => 1, "max-procs" => 1, "bin-path" => "${program}",
      "bin-environment" => ( "FILESYSTEM_PREFIX" => "${data}/", "LOGFILE" => "${world.path(`${name}.log`)}",
        "VERBOSITY" => "0", "MAX_IMAGE_CACHE_SIZE" => "0", "MAX_CVT" => "5000" ) )) )`);
  const base = `http://127.0.0.1:${port}/fcgi?`;
  await until(`${name} answers`, async () => (await fetch(`${base}FIF=iip_jpeg.tif&JTL=0,0`)).ok);
  const pid = await until('the app is there', () =>
    Number(execFileSync('cat', [`/proc/${lighttpd.pid}/task/${lighttpd.pid}/children`], { encoding: 'utf8' }).trim().split(' ')[0]));
  return { base, pid };
}

// CPU microseconds of a request; null where the server cannot.
async function each(server, type, count, query, middle = median) {
  const taken = [];
  for (let i = 0; i < count; ++i) {
    const before = cpu(server.pid);
    const answer = await body(server.base + query(i));
    if (answer.status !== 200 || !String(answer.headers.get('content-type')).startsWith(type)) return null;
    taken.push((cpu(server.pid) - before) / 1000);
  }
  return middle(taken);
}

// What an export needs beside what the app holds before: the highest that its memory ever was, of an app that has only given out tiles.
async function exportMemory(server) {
  const status = (what) => Number(readFileSync(`/proc/${server.pid}/status`, 'utf8').match(new RegExp(`^${what}:\\s+(\\d+)`, 'm'))[1]) / 1024;
  for (let i = 0; i < 40; ++i) await body(`${server.base}FIF=iip_jpeg.tif&QLT=60&JTL=5,${tile(i)}`);
  const before = status('VmHWM');
  await body(`${server.base}FIF=iip_jpeg.tif&WID=5000&CVT=jpeg`);
  return status('VmHWM') - before;
}

// How long the tiles of one client take while four others export.
async function tilesBesideExports(server) {
  let running = true;
  let exports = 0;
  const exporter = async (k) => {
    for (let i = 0; running; ++i, ++exports) {
      await body(`${server.base}FIF=iip_jpeg.tif&WID=${4999 - k * 300 - (i % 290)}&CVT=jpeg`);
    }
  };
  const others = [0, 1, 2, 3].map(exporter);
  const times = [];
  const end = performance.now() + 1000 * Number(process.env.BENCH_SECONDS ?? 8);
  for (let i = 0; performance.now() < end; ++i) {
    const before = performance.now();
    await body(`${server.base}FIF=iip_jpeg.tif&JTL=5,${tile(i)}`);
    times.push(performance.now() - before);
  }
  running = false;
  await Promise.all(others);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
  return { p50: at(0.5), p99: at(0.99), tiles: times.length, exports };
}

try {
  pictures();
  const ours = await behind('microtome', join(bin, 'microtome.fcgi'));
  const iipsrv = '/usr/lib/iipimage-server/iipsrv.fcgi';
  const theirs = existsSync(iipsrv) ? await behind('iipsrv', iipsrv) : null;
  const rows = [['what', 'microtome', 'iipsrv (Debian)', 'ratio', 'goal']];
  const memory = [];
  for (const [name, server] of [['microtome', ours], ['iipsrv', theirs]]) {
    if (server !== null) memory.push(`${name} ${(await exportMemory(server)).toFixed(1)} MiB`);
  }
  for (const [name, type, count, query, goal, middle] of cases) {
    const own = await each(ours, type, count, query, middle);
    const old = theirs && (await each(theirs, type, count, query, middle));
    if (own === null) throw new Error(`${name}: no such answer`);
    rows.push([name, us(own), old === null ? 'cannot' : us(old), old === null ? '-' : ratio(old / own), goal ? us(goal) : '-']);
  }
  table(rows);
  console.log(`memory that an export of 5000 pixels needs beside: ${memory.join(', ')} (goal: 32 MiB)`);
  for (const [name, server] of [['microtome', ours], ['iipsrv', theirs]]) {
    if (server === null) continue;
    const { p50, p99, tiles, exports } = await tilesBesideExports(server);
    console.log(`${name}: a tile beside four exports of 5000 pixels: p50 ${p50} ms, p99 ${p99} ms (${tiles} tiles, ${exports} exports)`);
  }
} finally {
  await world.close();
}
