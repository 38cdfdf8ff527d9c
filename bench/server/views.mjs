// SPDX-License-Identifier: Apache-2.0
// View-sized pictures and strips: CPU time of the server per request, every request another region so that none is
// answered from a cache; beside it what `vips` takes for the same picture as a process of its own (user and system time).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { body, World } from '../../tests/e2e/servers.mjs';
import { cpu, data, median, slices, table, us } from './lib.mjs';

const world = new World();
slices(60);
try {
  const main = await world.serve(['serve', data, '--listen', '127.0.0.1:0', '--log-file', world.path('serve.log')]);
  const timed = async (paths, server = main) => {
    const each = [];
    for (const path of paths) {
      const before = cpu(server.pid);
      const answer = await body(`${server.address}${path}`);
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.bytes}`);
      each.push((cpu(server.pid) - before) / 1000);
    }
    return median(each);
  };
  const numbers = Array.from({ length: 60 }, (_, i) => i + 1);
  const fit = await timed(numbers.map((n) => `/sets/slices/view?slice=${n}&W=1067&H=800`));
  const region = await timed(numbers.map((n) => `/sets/slices/view?slice=${n}&x=${n * 3}&y=${n}&w=3500&h=2625&W=1067&H=800`));
  const strip = await timed(numbers.slice(0, 40).map((n) => `/sets/slices/strip?from=${n}&count=16&height=${64 + (n % 3)}`));
  const reference = (...args) => {
    const each = [];
    for (let i = 0; i < 5; ++i) {
      const out = spawnSync('bash', ['-c', `TIMEFORMAT='%U %S'; time vips ${args.join(' ')}`], { encoding: 'utf8' });
      const [user, system] = out.stderr.trim().split('\n').at(-1).split(' ').map(Number);
      each.push((user + system) * 1e6);
    }
    return median(each);
  };
  const thumbnail = reference('thumbnail', join(data, 'slices/slice_0001.tif'), world.path('out.jpg'), '1067', '--height', '800');
  // The same picture as plain JPEG files, each seen for the first time: without pyramids, then with those made of them.
  const plain = world.path('plain/p');
  mkdirSync(plain, { recursive: true });
  const old = Date.now() / 1000 - 60;
  for (let n = 1; n <= 10; ++n) {
    const path = join(plain, `plain_${n}.jpg`);
    spawnSync('vips', ['copy', join(data, `slices/slice_${String(n).padStart(4, '0')}.tif`), `${path}[Q=85]`]);
    utimesSync(path, old, old);
  }
  const views = (w) => Array.from({ length: 10 }, (_, i) => `/sets/p/view?slice=${i + 1}&W=${w}&H=800`);
  const one = async (args) => {
    const other = await world.serve(['serve', world.path('plain'), '--listen', '127.0.0.1:0', '--log-file', world.path('plain.log'), ...args]);
    return { timed: (paths) => timed(paths, other), other };
  };
  const without = await (await one(['--pyramids', 'off'])).timed(views(1067));
  const maker = await one([]);
  await maker.timed(views(1067));
  const made = () => (existsSync(join(plain, 'set.cache')) ? readdirSync(join(plain, 'set.cache')).filter((name) => name.endsWith('.tif')).length : 0);
  const started = cpu(maker.other.pid);
  for (let i = 0; i < 600 && made() < 10; ++i) await new Promise((resolve) => setTimeout(resolve, 100));
  if (made() < 10) throw new Error(`${made()} of 10 pyramids`);
  const making = (cpu(maker.other.pid) - started) / 1000 / 10;
  const withPyramid = await (await one([])).timed(views(1067));
  table([
    ['what', 'CPU', 'goal'],
    ['view: a whole slice of 4000x3000 at 1067x800', us(fit), '15 ms'],
    ['view: 3500x2625 of it at 1067x800', us(region), '15 ms'],
    ['strip of 16 thumbnails', us(strip), '30 ms'],
    ['view of a plain 4000x3000 JPEG at 1067x800, opened for it, without a pyramid', us(without), '-'],
    ['the same with the pyramid that was made of it', us(withPyramid), '15 ms'],
    ['making it, in the background, about', us(making), '-'],
    ['vips thumbnail of the same, one process', us(thumbnail), '-'],
  ]);
} finally {
  await world.close();
}
