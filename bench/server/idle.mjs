// SPDX-License-Identifier: Apache-2.0
// Memory of `microtome serve` with a set of 5,000 slices, after the set was listed and nothing else was asked.
import { linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { body, top, World } from '../../tests/e2e/servers.mjs';
import { rss, table } from './lib.mjs';

const world = new World();
try {
  const folder = world.path('sets/S2897L/.keep').replace(/\/.keep$/, '');
  mkdirSync(folder, { recursive: true });
  const source = join(top, 'demo/GLTa', readdirSync(join(top, 'demo/GLTa')).find((name) => name.endsWith('.jpg')));
  for (let i = 1; i <= 5000; ++i) {
    try {
      linkSync(source, join(folder, `S2897L_pyr_${String(i).padStart(4, '0')}.jpg`));
    } catch {
      (await import('node:fs')).copyFileSync(source, join(folder, `S2897L_pyr_${String(i).padStart(4, '0')}.jpg`));
    }
  }
  const server = await world.serve(['serve', world.path('sets'), '--listen', '127.0.0.1:0', '--log-file', world.path('log')]);
  const start = rss(server.pid);
  const stack = await body(`${server.address}/sets/S2897L/stack.json`, { headers: { 'Accept-Encoding': 'gzip' } });
  if (JSON.parse(stack.bytes).slices.length !== 5000) throw new Error('not 5,000 slices');
  await body(`${server.address}/sets`);
  await new Promise((done) => setTimeout(done, 3000));
  table([
    ['what', 'MB', 'goal'],
    ['after the start', start.toFixed(1), '-'],
    ['idle, 5,000 slices listed', rss(server.pid).toFixed(1), '40'],
  ]);
} finally {
  await world.close();
}
