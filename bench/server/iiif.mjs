// SPDX-License-Identifier: Apache-2.0
// IIIF: info.json and DeepZoom's description; a stored tile in every spelling, beside the same tile as IIP spells it; large
// exports, with the CPU time and the memory that they take.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { World } from '../../tests/e2e/servers.mjs';
import { cpu, data, measure, median, ratio, slices, table, us } from './lib.mjs';

const world = new World();
const seconds = Number(process.env.BENCH_SECONDS ?? 2);
const vips = (...args) => execFileSync('vips', args, { stdio: ['ignore', 'ignore', 'inherit'] });

// 10,000 x 10,000, real tissue repeated, in tiles of 256.
const square = join(data, 'square.tif');
if (!existsSync(square)) {
  slices(1);
  vips('replicate', join(data, 'slices/slice_0001.tif'), join(data, 'all.v'), '3', '4');
  vips('crop', join(data, 'all.v'), join(data, 'cut.v'), '0', '0', '10000', '10000');
  vips('tiffsave', join(data, 'cut.v'), `${square}.part.tif`, '--compression', 'jpeg', '--Q', '85', '--tile', '--pyramid', '--tile-width', '256', '--tile-height', '256');
  spawnSync('sh', ['-c', `rm -f ${data}/*.v`]);
  renameSync(`${square}.part.tif`, square);
}
const memory = (pid, what) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${what}:\\s+(\\d+)`, 'm'))[1]) / 1024;
const start = () => world.serve(['serve', data, '--listen', '127.0.0.1:0', '--max-cvt', '10000', '--log-file', world.path('serve.log')]);

try {
  let server = await start();
  const options = { seconds, world, connections: 32 };
  const interior = [];
  for (let level = 0; level < 3; level += 1) {
    for (let y = 0; y < 8; y += 1) for (let x = 0; x < 8; x += 1) interior.push([level, x, y]);
  }
  const info = await (await fetch(`${server.address}/iiif/3/square.tif/info.json`)).json();
  const top = info.sizes.length - 1;
  const across = (level) => Math.ceil(info.sizes[top - level].width / 256);
  const region = ([level, x, y]) => [x * 256 << level, y * 256 << level, 256 << level, 256 << level].join(',');
  const percent = ([level, x, y]) => `pct:${[x * 256 << level, y * 256 << level, 256 << level, 256 << level].map((v) => v / 100).join(',')}`;
  const spellings = {
    'the stored tile, IIP': interior.map(([level, x, y]) => `/iip?FIF=square.tif&JTL=${top - level},${y * across(level) + x}`),
    'IIIF, w,h': interior.map((tile) => `/iiif/3/square.tif/${region(tile)}/256,256/0/default.jpg`),
    'IIIF, w,': interior.map((tile) => `/iiif/2/square.tif/${region(tile)}/256,/0/default.jpg`),
    'IIIF, !w,h': interior.map((tile) => `/iiif/3/square.tif/${region(tile)}/!256,256/0/color.jpg`),
    'IIIF, pct: region': interior.map((tile) => `/iiif/3/square.tif/${percent(tile)}/,256/0/default.jpg`),
    'DeepZoom': interior.map(([level, x, y]) => `/dz/square.tif_files/${14 - level}/${x}_${y}.jpg`),
  };
  const rows = [['what', 'CPU a request', 'to the stored tile']];
  for (const paths of Object.values(spellings)) measure([server.pid], server.address, paths, { ...options, rounds: 1, seconds: 1 });
  const turns = Object.fromEntries(Object.keys(spellings).map((name) => [name, []]));
  for (let i = 0; i < 2; i += 1) {
    for (const [name, paths] of Object.entries(spellings)) turns[name].push(measure([server.pid], server.address, paths, { ...options, rounds: 1 }).each[0]);
  }
  const plain = median(turns['the stored tile, IIP']);
  for (const [name, values] of Object.entries(turns)) rows.push([name, us(median(values)), ratio(median(values) / plain)]);
  for (const path of ['/iiif/3/square.tif/info.json', '/iiif/2/square.tif/info.json', '/dz/square.tif.dzi']) {
    rows.push([path, us(measure([server.pid], server.address, [path], options).each[0]), '-']);
  }
  table(rows);
  await world.stop(server);

  console.log();
  const exports = [['export', 'CPU', 'extra memory', 'bytes']];
  for (const path of ['/iip?FIF=square.tif&WID=5000&CVT=jpeg', '/iiif/3/square.tif/full/5000,/0/default.jpg', '/iiif/3/square.tif/full/max/0/default.jpg', '/iiif/3/square.tif/full/max/0/default.tif']) {
    server = await start();
    await (await fetch(`${server.address}/iiif/3/square.tif/0,0,2048,2048/512,/0/default.jpg`)).arrayBuffer();
    const before = memory(server.pid, 'VmHWM');
    const spent = cpu(server.pid);
    let bytes = 0;
    for await (const piece of (await fetch(server.address + path)).body) bytes += piece.length;
    exports.push([path, us((cpu(server.pid) - spent) / 1000), `${(memory(server.pid, 'VmHWM') - before).toFixed(1)} MiB`, `${(bytes / 1e6).toFixed(1)} MB`]);
    await world.stop(server);
  }
  table(exports);
} finally {
  await world.close();
}
