// SPDX-License-Identifier: Apache-2.0
// Answers without loss are those of the picture itself, whether it has a pyramid or not; what may be lossy comes from
// the pyramid. Processed answers and strips have pyramids made, too.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statfsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { encodePng } from '../lib/png.mjs';
import { bin, eventually, scratchDir, start } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

const scratch = scratchDir('pyramids-exact');
const vips = (...args) => execFileSync('vips', args, { stdio: 'ignore' });
const servers = [];
const at = (folder, name = '') => join(scratch.file(folder), name);
const pyramids = (folder) => (existsSync(at(folder, 'set.cache')) ? readdirSync(at(folder, 'set.cache')) : []);
const finished = (folder, count = 1) => {
  const names = pyramids(folder);
  return names.length === count && names.every((name) => name.endsWith('.pyramid.tif'));
};

// 2560 x 1920 pixels of noise, which no JPEG keeps exactly.
function make(folder, name, ...options) {
  mkdirSync(at(folder), { recursive: true });
  vips('copy', scratch.file('noise.v'), `${at(folder, name)}${options.join('')}`);
  const then = Date.now() / 1000 - 60;
  utimesSync(at(folder, name), then, then);
}
async function serve(folder, ...args) {
  const server = await start(`${bin}/microtome`, ['serve', at(folder), '--listen', '127.0.0.1:0', '--threads', '2', ...args],
    { ready: /listening on (http:\S+)/, env: { XDG_CACHE_HOME: scratch.file('user-cache') } });
  servers.push(server);
  return async (target) => {
    const answer = await fetch(server.match[1].replace(/\/$/, '') + target);
    return { status: answer.status, etag: answer.headers.get('etag'), bytes: Buffer.from(await answer.arrayBuffer()) };
  };
}

before(() => {
  const seed = { at: 12345 };
  const next = () => (seed.at = (seed.at * 1103515245 + 12345) & 0x7fffffff) >> 16 & 255;
  writeFileSync(scratch.file('noise.png'), encodePng(256, 192, () => [next(), next(), next()]));
  vips('replicate', scratch.file('noise.png'), scratch.file('noise.v'), '10', '10');
});
after(async () => {
  for (const server of servers) await server.stop();
  scratch.remove();
});

// Levels of a.png: 2560, 1280, 640, 320, 160 pixels wide; resolution 4 is the full size.
const exact = (name) => [
  `/iip?FIF=${name}&PTL=4,5`,
  `/iip?FIF=${name}&CNT=1.2&PTL=4,5`,
  `/iip?FIF=${name}&GAM=0.8&PTL=3,2`,
  `/iip?FIF=${name}&ROT=90&PTL=2,1`,
  `/iip?FIF=${name}&COL=gray&TTL=3,1`,
  `/iip?FIF=${name}&QLT=-1&CNT=1.1&WTL=3,1`,
  `/iip?FIF=${name}&QLT=-1&WTL=2,1`,
  `/iip?FIF=${name}&CNT=1.2&RGN=.1,.1,.2,.2&WID=512&CVT=png`,
  `/iip?FIF=${name}&ROT=!180&RGN=.1,.1,.2,.2&WID=300&CVT=png`,
  `/iip?FIF=${name}&INV&WID=400&CVT=png`,
  `/iip?FIF=${name}&WID=400&CVT=png`,
  `/iip?FIF=${name}&CNV=sharpen&RGN=.1,.1,.2,.2&CVT=tiff&WID=512`,
  `/iip?FIF=${name}&PFL=4:100,7-400,7`,
  `/iip?FIF=${name}&SPECTRA=3,1,5,6`,
  `/iiif/3/${name}/0,0,1000,1000/500,/!90/gray.png`,
  `/iiif/3/${name}/0,0,1000,1000/max/0/default.tif`,
];
const lossy = (name) => [
  `/iip?FIF=${name}&JTL=4,5`,
  `/iip?FIF=${name}&CNT=1.2&JTL=4,5`,
  `/iip?FIF=${name}&GAM=0.8&WTL=3,2`,
  `/iip?FIF=${name}&QLT=80&INV&RGN=.1,.1,.2,.2&CVT=jpeg`,
  `/iiif/3/${name}/0,0,1000,1000/500,/!90/gray.jpg`,
];

async function collect(get, targets) {
  const answers = new Map();
  for (const target of targets) {
    const answer = await get(target);
    assert.equal(answer.status, 200, target);
    answers.set(target, answer);
  }
  return answers;
}

for (const [name, options, quality] of [['a.png', '[compression=1]', 'png'], ['a.tif', '[compression=none]', 'tif']]) {
  test(`${quality}: without loss means the picture itself, before there is a pyramid and after`, async () => {
    make(quality, name, options);
    const plain = await serve(quality, '--pyramids', 'off');
    const before = await collect(plain, [...exact(name), ...lossy(name)]);
    const get = await serve(quality);
    assert.equal((await get(`/iip?FIF=${name}&WID=500&CVT=jpeg`)).status, 200);
    await eventually(() => finished(quality), 'a pyramid', 30000);
    const tile = lossy(name)[0];
    await eventually(async () => (await get(tile)).etag !== before.get(tile).etag, 'another ETag', 10000);
    for (const [target, answer] of await collect(get, exact(name))) {
      assert.ok(answer.bytes.equals(before.get(target).bytes), `other pixels: ${target}`);
      assert.equal(answer.etag, before.get(target).etag, target);
    }
    for (const [target, answer] of await collect(get, lossy(name))) {
      assert.notEqual(answer.etag, before.get(target).etag, `not from the pyramid: ${target}`);
    }
  });
}

test('a JPEG: processed answers without loss come from the picture itself near its full size', async () => {
  make('jpg', 'a.jpg', '[Q=95]');
  const plain = await serve('jpg', '--pyramids', 'off');
  const near = ['/iip?FIF=a.jpg&CNT=1.2&PTL=4,5', '/iip?FIF=a.jpg&CNT=1.2&RGN=.1,.1,.2,.2&WID=300&CVT=png',
    '/iip?FIF=a.jpg&QLT=95&CNT=1.2&JTL=4,5', '/iip?FIF=a.jpg&PFL=4:100,7-400,7'];
  const far = ['/iip?FIF=a.jpg&CNT=1.2&PTL=3,5', '/iip?FIF=a.jpg&CNT=1.2&RGN=.1,.1,.2,.2&WID=200&CVT=png'];
  const before = await collect(plain, [...near, ...far]);
  const get = await serve('jpg');
  await get('/iip?FIF=a.jpg&WID=500&CVT=jpeg');
  await eventually(() => finished('jpg'), 'a pyramid', 30000);
  await eventually(async () => (await get(far[0])).etag !== before.get(far[0]).etag, 'another ETag', 10000);
  for (const [target, answer] of await collect(get, near)) {
    assert.ok(answer.bytes.equals(before.get(target).bytes), `other pixels: ${target}`);
  }
  for (const [target, answer] of await collect(get, far)) {
    assert.notEqual(answer.etag, before.get(target).etag, `not from the pyramid: ${target}`);
  }
});

for (const [what, targets] of [
  ['a processed tile', ['/iip?FIF=a.png&CNT=1.2&JTL=2,1']],
  ['a processed export', ['/iip?FIF=a.png&INV&WID=300&CVT=jpeg']],
  ['an answer without loss', ['/iip?FIF=a.png&WID=300&CVT=png']],
  ['a line through it', ['/iip?FIF=a.png&PFL=4:100,7-400,7']],
  ['a spectrum', ['/iip?FIF=a.png&SPECTRA=3,1,5,6']],
  ['a stream of tiles', ['/iip?FIF=a.png&TIL=2,0-1']],
]) {
  test(`${what} has a pyramid made, once`, async () => {
    const folder = what.replaceAll(' ', '-');
    make(folder, 'a.png', '[compression=1]');
    const get = await serve(folder);
    for (const target of targets) assert.equal((await get(target)).status, 200);
    await eventually(() => finished(folder), 'a pyramid', 30000);
  });
}

test('a strip has pyramids made of the pictures that it shows', async () => {
  make('strip/set', 's1.png', '[compression=1]');
  make('strip/set', 's2.png', '[compression=1]');
  make('strip/set', 's3.png', '[compression=1]');
  const get = await serve('strip');
  assert.equal((await get('/sets/set/strip?from=1&count=2&height=64')).status, 200);
  await eventually(() => finished('strip/set', 2), 'two pyramids', 30000);
});

const root = process.getuid() === 0;
test('a disk that becomes full while a pyramid is made: no debris, and answers go on', { skip: !root && 'needs root, to mount a small disk' }, async (t) => {
  mkdirSync(at('full'), { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=340m', 'tmpfs', at('full')], { stdio: 'pipe' });
  } catch (error) {
    return t.skip(`nothing can be mounted here: ${error.message}`);
  }
  t.after(() => execFileSync('umount', ['-l', at('full')]));
  vips('replicate', scratch.file('noise.png'), scratch.file('large.v'), '28', '28');
  vips('copy', scratch.file('large.v'), `${at('full', 'a.jpg')}[Q=80]`);
  utimesSync(at('full', 'a.jpg'), 1e9, 1e9);
  const get = await serve('full');
  const server = servers.at(-1);
  const whole = '/iip?FIF=a.jpg&WID=500&CVT=jpeg';
  const first = await get(whole);
  assert.equal(first.status, 200);
  await eventually(() => pyramids('full').some((name) => name.endsWith('.part')), 'a pyramid on its way', 20000);
  const disk = statfsSync(at('full'));
  execFileSync('fallocate', ['-l', String(disk.bavail * disk.bsize - (16 << 20)), at('full', 'filler')]);
  spawnSync('dd', ['if=/dev/zero', `of=${at('full', 'rest')}`, 'bs=64k'], { stdio: 'ignore' });
  await eventually(() => /no pyramid of .*a\.jpg/.test(server.err), 'a line in the log', 30000);
  assert.deepEqual(pyramids('full'), []);
  const second = await get(whole);
  assert.equal(second.etag, first.etag);
  assert.ok(second.bytes.equals(first.bytes));
  assert.equal((await get('/iip?FIF=a.jpg&CNT=1.1&JTL=3,2')).status, 200);
  assert.equal(server.child.exitCode, null);
  await get(whole.replace('500', '510'));
  assert.equal(server.err.match(/no pyramid of/g).length, 1, server.err);
});
