// SPDX-License-Identifier: Apache-2.0
// LYR and MAX_LAYERS: JPEG 2000 by its first quality layers, as pictures of their own; nothing to any other picture.
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { bin, scratchDir, start, top } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

const scratch = scratchDir('layers');
const servers = [];
async function serve(...args) {
  const server = await start(`${bin}/microtome`, ['serve', scratch.path, '--listen', '127.0.0.1:0', ...args], { ready: /listening on (http:\S+:\d+)/ });
  servers.push(server);
  return async (query) => {
    const answer = await fetch(`${server.match[1]}/iip?${query}`);
    assert.equal(answer.status, 200, query);
    return { etag: answer.headers.get('etag'), bytes: Buffer.from(await answer.arrayBuffer()) };
  };
}
const same = (one, other) => one.bytes.equals(other.bytes);
let get;

before(async () => {
  copyFileSync(join(top, 'tests/fixtures/layers.jp2'), scratch.file('a.jp2'));
  copyFileSync(join(top, 'tests/fixtures/CMU-1-Small-Region.svs'), scratch.file('a.tif'));
  get = await serve();
});
after(async () => {
  for (const server of servers) await server.stop();
  scratch.remove();
});

test('LYR takes the first layers, for tiles, exports and processed pictures', async () => {
  for (const rest of ['PTL=0,0', 'CVT=png', 'CNT=1.2&CVT=png', 'PFL=0:0,5-9,5']) {
    const all = await get(`FIF=a.jp2&${rest}`);
    const three = await get(`FIF=a.jp2&LYR=3&${rest}`);
    const two = await get(`FIF=a.jp2&LYR=2&${rest}`);
    const one = await get(`FIF=a.jp2&LYR=1&${rest}`);
    assert.ok(same(three, all), rest);
    assert.ok(!same(one, all) && !same(one, two), rest);
    assert.equal(new Set([all, two, one].map((answer) => answer.etag)).size, 3, rest);
  }
});

test('its place among the commands does not matter, what follows the picture is without it', async () => {
  const one = await get('FIF=a.jp2&LYR=1&CVT=png');
  assert.ok(same(await get('LYR=1&FIF=a.jp2&CVT=png'), one));
  assert.ok(same(await get('FIF=a.jp2&OBJ=Max-size&LYR=1&CVT=png'), one));
  assert.ok(same(await get('FIF=a.jp2&LYR=256&CVT=png'), await get('FIF=a.jp2&CVT=png')));
});

test('numbers that are none, and other pictures, are as without it', async () => {
  const all = await get('FIF=a.jp2&CVT=png');
  for (const value of ['0', '-1', '257', 'x', '1.5']) assert.ok(same(await get(`FIF=a.jp2&LYR=${value}&CVT=png`), all), value);
  const tiff = await get('FIF=a.tif&JTL=0,0');
  assert.equal((await get('FIF=a.tif&LYR=1&JTL=0,0')).etag, tiff.etag);
});

test('MAX_LAYERS is the most that anybody gets', async () => {
  const one = await get('FIF=a.jp2&LYR=1&CVT=png');
  const limited = await serve('--max-layers', '1');
  assert.ok(same(await limited('FIF=a.jp2&CVT=png'), one));
  assert.ok(same(await limited('FIF=a.jp2&LYR=3&CVT=png'), one));
  const free = await serve('--max-layers', '-1');
  assert.ok(same(await free('FIF=a.jp2&CVT=png'), await get('FIF=a.jp2&CVT=png')));
});
