// SPDX-License-Identifier: Apache-2.0
// Pyramids of large pictures that have none: made once in the background after the first view, served in the source's
// place with the right pixels, never stale, never half, and kept where there is room for them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { decodePng, encodePng } from '../lib/png.mjs';
import { bin, eventually, scratchDir, sleep, start } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

// 4096 x 3072, in squares of 64 whose colour says where they are.
const across = 64;
const down = 48;
const colour = (x, y) => [x * 4, y * 4, ((x + y) & 1) * 200];
const inverse = (x, y) => colour(x, y).map((value) => 255 - value);
const scratch = scratchDir('pyramids');
const vips = (...args) => execFileSync('vips', args, { stdio: 'ignore' });
const servers = [];

function picture(name, of, ...options) {
  writeFileSync(scratch.file('squares.png'), encodePng(across, down, of));
  vips('zoom', scratch.file('squares.png'), scratch.file('squares.v'), '64', '64');
  vips('copy', scratch.file('squares.v'), `${scratch.file(name)}${options.join('')}`);
}
// As old as files are that nobody writes any more.
function aged(path) {
  const then = Date.now() / 1000 - 60;
  utimesSync(path, then, then);
}
function folder(name) {
  mkdirSync(scratch.file(name), { recursive: true });
  const path = scratch.file(name);
  return { path, pyramids: () => (existsSync(join(path, 'set.cache')) && statSync(join(path, 'set.cache')).isDirectory() ? readdirSync(join(path, 'set.cache')) : []) };
}
function put(from, to) {
  execFileSync('cp', [scratch.file(from), `${to}.new`]);
  aged(`${to}.new`);
  execFileSync('mv', [`${to}.new`, to]);
}
async function serve(path, args = [], env = {}) {
  const server = await start(`${bin}/microtome`, ['serve', path, '--listen', '127.0.0.1:0', '--threads', '2', ...args],
    { ready: /listening on (http:\S+)/, env: { XDG_CACHE_HOME: scratch.file('user-cache'), ...env } });
  servers.push(server);
  const base = server.match[1].replace(/\/$/, '');
  const get = async (target, headers = {}) => {
    const answer = await fetch(base + target, { headers });
    return { status: answer.status, etag: answer.headers.get('etag'), bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  return { server, get };
}
// Any picture by libvips as one pixel a square.
function read(bytes, square) {
  writeFileSync(scratch.file('out'), bytes);
  vips('shrink', scratch.file('out'), scratch.file('read.png'), String(square), String(square));
  return decodePng(readFileSyncOf('read.png'));
}
const readFileSyncOf = (name) => execFileSync('cat', [scratch.file(name)], { maxBuffer: 1 << 28 });
function shows(seen, of, tolerance = 14) {
  for (let y = 0; y < seen.height; y += 3) {
    for (let x = 0; x < seen.width; x += 3) {
      const expected = of(x, y);
      const got = seen.at(x, y);
      for (let c = 0; c < 3; ++c) {
        assert.ok(Math.abs(got[c] - expected[c]) <= tolerance, `square ${x},${y}: ${got.slice(0, 3)} for ${expected}`);
      }
    }
  }
}
const whole = '/iip?FIF=a.jpg&WID=1024&QLT=85&CVT=jpeg';
const finished = (names) => names.length === 1 && names[0].endsWith('.pyramid.tif');

before(() => {
  picture('a.jpg', colour, '[Q=92]');
  picture('b.jpg', inverse, '[Q=92]');
  picture('a.png', colour, '[compression=1]');
});
after(async () => {
  for (const server of servers) await server.stop();
  scratch.remove();
});

test('the first view makes a pyramid, which then answers with the same pixels', async () => {
  const at = folder('one');
  put('a.jpg', join(at.path, 'a.jpg'));
  const { get } = await serve(at.path);
  const first = await get(whole);
  assert.equal(first.status, 200);
  shows(read(first.bytes, 16), colour);
  const lossless = await get('/iiif/3/a.jpg/512,512,256,256/max/0/default.png');
  await eventually(() => finished(at.pyramids()), 'a pyramid', 30000);
  await eventually(async () => (await get(whole)).etag !== first.etag, 'another ETag', 10000);
  const second = await get(whole);
  shows(read(second.bytes, 16), colour);
  assert.equal((await get(whole, { 'if-none-match': second.etag })).status, 304);
  assert.equal((await get(whole, { 'if-none-match': first.etag })).status, 200);
  // Tiles lie in the file now, in the grid that was announced before.
  const dzi = (await get('/dz/a.jpg.dzi')).bytes.toString();
  assert.match(dzi, /TileSize="256"/);
  const tile = await get('/dz/a.jpg_files/12/1_2.jpg');
  assert.equal(tile.status, 200);
  shows(read(tile.bytes, 64), (x, y) => colour(4 + x, 8 + y));
  const metrics = (await get('/metrics')).bytes.toString();
  assert.match(metrics, /passthrough"?\}? [1-9]/);
  // Without loss: from the source, bytes and ETag as before.
  const again = await get('/iiif/3/a.jpg/512,512,256,256/max/0/default.png');
  assert.equal(again.etag, lossless.etag);
  assert.ok(again.bytes.equals(lossless.bytes));
  // Not a picture of the set, nor a set.
  const sets = (await get('/sets')).bytes.toString();
  assert.ok(!sets.includes('set.cache') && !sets.includes('pyramid'), sets);
  // Replaced: new pixels at once, a new pyramid, the old one gone.
  const old = at.pyramids()[0];
  put('b.jpg', join(at.path, 'a.jpg'));
  await sleep(600);
  const third = await get(whole);
  assert.notEqual(third.etag, second.etag);
  shows(read(third.bytes, 16), inverse);
  await eventually(() => finished(at.pyramids()) && at.pyramids()[0] !== old, 'a new pyramid', 30000);
  await sleep(100);
  shows(read((await get(whole)).bytes, 16), inverse);
});

test('a server that starts finds what another one made', async () => {
  const at = folder('one');
  const before = at.pyramids();
  assert.ok(finished(before));
  const { get, server } = await serve(at.path);
  shows(read((await get('/dz/a.jpg_files/12/1_2.jpg')).bytes, 64), (x, y) => inverse(4 + x, 8 + y));
  assert.match((await get('/metrics')).bytes.toString(), /passthrough"?\}? [1-9]/);
  assert.deepEqual(at.pyramids(), before);
  assert.ok(!/made a pyramid/.test(server.err));
});

test('PNG pictures get one, too', async () => {
  const at = folder('png');
  put('a.png', join(at.path, 'a.png'));
  const { get } = await serve(at.path);
  shows(read((await get('/iip?FIF=a.png&WID=1024&CVT=jpeg')).bytes, 16), colour);
  await eventually(() => finished(at.pyramids()), 'a pyramid', 30000);
  await sleep(100);
  shows(read((await get('/iip?FIF=a.png&WID=1024&QLT=80&CVT=jpeg')).bytes, 16), colour);
});

test('a folder that cannot be written to: the cache of the user, then none and one line', async () => {
  const at = folder('fixed');
  put('a.jpg', join(at.path, 'a.jpg'));
  put('b.jpg', join(at.path, 'b.jpg'));
  writeFileSync(join(at.path, 'set.cache'), 'in the way, for root as well');
  chmodSync(at.path, 0o555);
  const one = await serve(at.path);
  await one.get(whole);
  const user = scratch.file('user-cache/microtome');
  await eventually(() => existsSync(user) && finished(readdirSync(user)), 'a pyramid in the cache', 30000);
  await sleep(100);
  shows(read((await one.get(whole)).bytes, 16), colour);
  const none = await serve(at.path, [], { XDG_CACHE_HOME: '/proc/nowhere' });
  shows(read((await none.get(whole)).bytes, 16), colour);
  shows(read((await none.get(whole.replace('a.jpg', 'b.jpg'))).bytes, 16), inverse);
  await eventually(() => /no place can be written to/.test(none.server.err), 'a line in the log');
  await sleep(300);
  assert.equal(none.server.err.match(/no place can be written to/g).length, 1);
  chmodSync(at.path, 0o755);
});

test('killed while it is made: nothing harmful is left, and the next server makes it', async () => {
  const at = folder('killed');
  picture('large.v', colour);
  vips('replicate', scratch.file('large.v'), scratch.file('large.jpg'), '3', '3');
  put('large.jpg', join(at.path, 'a.jpg'));
  const first = await serve(at.path);
  await first.get(whole);
  await eventually(() => at.pyramids().some((name) => name.endsWith('.part')), 'a pyramid on its way', 20000);
  first.server.child.kill('SIGKILL');
  await first.server.ended;
  assert.ok(!at.pyramids().some((name) => name.endsWith('.tif')), 'finished before it was killed');
  const second = await serve(at.path);
  assert.equal((await second.get(whole)).status, 200);
  await eventually(() => finished(at.pyramids()), 'a pyramid', 60000);
  assert.equal((await second.get(whole)).status, 200);
});

test('off, elsewhere, and without room', async () => {
  const at = folder('off');
  put('a.jpg', join(at.path, 'a.jpg'));
  const off = await serve(at.path, ['--pyramids', 'off']);
  const elsewhere = await serve(at.path, [], { PYRAMIDS: scratch.file('elsewhere') });
  const tight = await serve(at.path, ['--cache-quota', '1']);
  for (const { get } of [off, elsewhere, tight]) assert.equal((await get(whole)).status, 200);
  await eventually(() => existsSync(scratch.file('elsewhere')) && finished(readdirSync(scratch.file('elsewhere'))), 'a pyramid elsewhere', 30000);
  await eventually(() => /quota is used up/.test(tight.server.err), 'a line in the log');
  await sleep(300);
  assert.deepEqual(at.pyramids(), []);
});
