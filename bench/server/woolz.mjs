// SPDX-License-Identifier: Apache-2.0
// Sections through a Woolz object of 512³ bytes: CPU time of the server per request, every request another view and
// the cache of results off; the first request after a restart; memory after many different views. The old server is not
// to be had as a package, so its figures are quoted: measured with the same requests on a machine of this kind.
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { bin, body, World } from '../../tests/e2e/servers.mjs';
import { cpu, data, median, table, us, warm } from './lib.mjs';

const kSide = 512;
const kViews = Number(process.env.VIEWS ?? 200000);

// Nested shells with a little noise: about as hard to compress as a stained slice.
function volume(path) {
  if (existsSync(path)) return path;
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [3, kSide, kSide, kSide, 1, 1, 1, 1].forEach((v, i) => header.writeInt16LE(v, 40 + 2 * i));
  header.writeInt16LE(2, 70);
  header.writeInt16LE(8, 72);
  [1, 1, 1, 1].forEach((v, i) => header.writeFloatLE(v, 76 + 4 * i));
  header.writeFloatLE(352, 108);
  header.write('n+1\0', 344, 'latin1');
  const file = openSync(`${path}.part`, 'w');
  writeSync(file, header);
  const plane = Buffer.alloc(kSide * kSide);
  for (let z = 0; z < kSide; ++z) {
    for (let y = 0, i = 0; y < kSide; ++y) {
      for (let x = 0; x < kSide; ++x, ++i) {
        const d = (x - 256) ** 2 + (y - 250) ** 2 * 2 + (z - 240) ** 2;
        const noise = Math.imul(Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(z, 83492791), 0x9e3779b1) >>> 29;
        plane[i] = Math.floor(d / 600) + noise;
      }
    }
    writeSync(file, plane);
  }
  closeSync(file);
  renameSync(`${path}.part`, path);
  return path;
}

function object(name, ...flags) {
  const path = join(data, name);
  if (!existsSync(path)) {
    execFileSync(join(bin, 'microtome'), ['import', volume(join(data, 'volume.nii')), '--to', path, '--whole',
      '--progress', 'lines', ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  warm(path);
  return name;
}

let seed = 1;
function random() {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

// Size of the section, as docs/formats/woolz.md has it, for mode zeta around the middle.
function sizeOf(pitch, yaw, roll) {
  const [p, t, z] = [pitch, yaw, roll].map((v) => (v * Math.PI) / 180);
  const [cp, sp, ct, st, cz, sz] = [Math.cos(p), Math.sin(p), Math.cos(t), Math.sin(t), Math.cos(z), Math.sin(z)];
  const rows = [[cz * cp * ct - sz * st, cz * cp * st + sz * ct, -cz * sp], [-sz * cp * ct - cz * st, -sz * cp * st + cz * ct, sz * sp]];
  return rows.map((row) => Math.trunc(row.reduce((sum, v) => sum + Math.abs(v), 0) * (kSide - 1)) + 1);
}

// A different view each time; `rest` makes the command from the section's size.
function views(name, count, rest, angles = () => [180 * random(), 360 * random(), 360 * random()]) {
  return Array.from({ length: count }, () => {
    const [pitch, yaw, roll] = angles().map((v) => Number(v.toFixed(4)));
    const distance = (200 * random() - 100).toFixed(4);
    return `/iip?WLZ=${name}&MOD=zeta&FXP=256,256,256&PIT=${pitch}&YAW=${yaw}&ROL=${roll}&DST=${distance}&${rest(...sizeOf(pitch, yaw, roll))}`;
  });
}
const oblique = () => [30 + 30 * random(), 20 + 50 * random(), 10 + 40 * random()];
const middle = (side, command) => (w, h) => `${command}=0,${Math.floor(h / 2 / side) * Math.ceil(w / side) + Math.floor(w / 2 / side)}`;
const centre = (format) => (w, h) =>
  `RGN=${[(w - kSide) / 2 / w, (h - kSide) / 2 / h, (kSide + 0.5) / w, (kSide + 0.5) / h].map((v) => v.toFixed(6))}&CVT=${format}`;

// Each URL once, in order; gives the number of requests.
function sweep(base, paths, world, seconds) {
  const list = world.write('urls.txt', paths.join('\n'));
  const lua = world.write('urls.lua', `local urls, n = {}, 0
    for line in io.lines("${list}") do urls[#urls + 1] = line end
    request = function() n = n + 1; return wrk.format("GET", urls[(n - 1) % #urls + 1]) end
    done = function(summary) io.write(string.format("RESULT %d %d\\n", summary.requests, summary.errors.status +
      summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout)) end`);
  const out = execFileSync('wrk', ['-t1', '-c2', `-d${seconds}s`, '-s', lua, base], { encoding: 'utf8' });
  const [requests, failed] = out.match(/^RESULT (\d+) (\d+)$/m).slice(1).map(Number);
  if (failed > 0 || requests === 0) throw new Error(`${failed} of ${requests} requests failed`);
  return requests;
}

const own = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^RssAnon:\s+(\d+)/m)[1]) / 1024;
const world = new World();
const serve = (...more) =>
  world.serve(['serve', data, '--listen', '127.0.0.1:0', '--log-file', world.path('serve.log'), ...more]);

try {
  const plain = object('volume.wlz');
  const tiled = object('volume-tiled.wlz', '--tiled');
  const rows = [['what', 'CPU', 'values in tiles', 'goal', 'WlzIIPSrv 1.1.10']];
  const add = async (what, goal, old, side, makePaths) => {
    const each = [];
    for (const name of [plain, tiled]) {
      const server = await serve('--cache-size', '0', '--woolz-tile', String(side));
      const paths = makePaths(name);
      const answer = await body(`${server.address}${paths[0]}`);  // opens the object
      if (answer.status !== 200) throw new Error(`${paths[0]}: ${answer.status} ${answer.bytes}`);
      const rounds = [];
      for (let i = 0; i < 3; ++i) {
        const before = cpu(server.pid);
        const requests = sweep(server.address, paths, world, 2);
        rounds.push((cpu(server.pid) - before) / 1000 / requests);
      }
      await world.stop(server);
      each.push(median(rounds));
    }
    rows.push([what, us(each[0]), us(each[1]), goal, old]);
  };
  await add('100² JPEG tile, random angles', '0.25 ms', '0.43 to 1.2 ms', 100, (name) => views(name, 20000, middle(100, 'JTL')));
  await add('512² JPEG tile, random oblique angles', '2.5 ms', '12 to 16 ms', 512, (name) => views(name, 3000, () => 'JTL=0,0', oblique));
  await add('512² JPEG out of the middle', '2.5 ms', '-', 512, (name) => views(name, 3000, centre('jpeg'), oblique));
  await add('512² PNG with alpha', '6 ms', '57 ms', 512, (name) => views(name, 1500, () => 'PTL=0,0', oblique));
  await add('512² PNG with alpha out of the middle', '6 ms', '-', 512, (name) => views(name, 1500, centre('png'), oblique));
  await add('whole oblique section, JPEG', '5 ms', '28 ms', 512, (name) => views(name, 1500, () => 'CVT=jpeg', oblique));
  table(rows);

  const first = [['first request after a restart', 'CPU', 'took', 'own memory more', 'goal', 'WlzIIPSrv 1.1.10']];
  for (const [name, old] of [[plain, '0.18 s, 134 MB'], [tiled, '4 ms, 0 MB']]) {
    const times = [];
    const more = [];
    const work = [];
    for (let i = 0; i < 5; ++i) {
      const server = await serve();
      await body(`${server.address}/healthz`);  // the connection and the client's code are warm
      const before = own(server.pid);
      const busy = cpu(server.pid);
      const start = process.hrtime.bigint();
      const answer = await body(`${server.address}${views(name, 1, middle(100, 'JTL'))[0]}`);
      times.push(Number(process.hrtime.bigint() - start) / 1000);
      work.push((cpu(server.pid) - busy) / 1000);
      if (answer.status !== 200) throw new Error(`${answer.status}`);
      more.push(own(server.pid) - before);
      await world.stop(server);
    }
    first.push([name, us(median(work)), us(median(times)), `${median(more).toFixed(1)} MB`, '10 ms, 5 MB', old]);
  }
  table(first);

  const server = await serve('--cache-size', '16');
  const memory = [['different views', 'own memory', 'goal', 'WlzIIPSrv 1.1.10']];
  let asked = 0;
  const until = Date.now() + 240000;
  for (const mark of [kViews / 20, kViews / 4, kViews / 2, kViews]) {
    while (asked < mark && Date.now() < until) {
      asked += sweep(server.address, views(plain, 10000, middle(100, 'JTL')), world, 1);
    }
    memory.push([asked, `${own(server.pid).toFixed(0)} MB`, mark === kViews ? 'flat (cache: 16 MB)' : '', mark === kViews ? '3.4 GB' : '']);
  }
  table(memory);
  if (asked < kViews) console.log(`(${asked} views in the four minutes that this part may take)`);
} finally {
  await world.close();
}
