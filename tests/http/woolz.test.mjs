// SPDX-License-Identifier: Apache-2.0
// Woolz as a user meets it: volumes imported from NIfTI and from pictures and read back voxel for voxel over a real
// socket, bricks that stay beside the object, objects that change or shrink under a running server.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, test } from '../lib/test.mjs';
import { gzipSync } from 'node:zlib';

import { decodePng, encodePng } from '../lib/png.mjs';
import { ask } from '../lib/fcgi.mjs';
import { bin, scratchDir, start } from '../lib/process.mjs';
import { World, body, until } from '../e2e/servers.mjs';

const [width, height, depth] = [37, 29, 11];
const value = (x, y, z) => (x * 5 + y * 7 + z * 23) % 251;  // 0 where the object is not

// Bits 8 or 16; the values of 16 bits are ten times those of 8.
function nifti(bits = 8, plus = 0, [w, h, d] = [width, height, depth]) {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [3, w, h, d, 1, 1, 1, 1].forEach((v, i) => header.writeInt16LE(v, 40 + 2 * i));
  header.writeInt16LE(bits === 8 ? 2 : 4, 70);
  [1, 1, 1, 1].forEach((v, i) => header.writeFloatLE(v, 76 + 4 * i));
  header.writeFloatLE(352, 108);
  header.write('n+1\0', 344, 'latin1');
  const voxels = Buffer.alloc((w * h * d * bits) / 8);
  for (let z = 0, i = 0; z < d; z++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++, i++) {
        if (bits === 8) voxels[i] = value(x, y, z) === 0 ? 0 : (value(x, y, z) + plus) % 256;
        else voxels.writeInt16LE(value(x, y, z) * 10, 2 * i);
      }
    }
  }
  return Buffer.concat([header, voxels]);
}

const scratch = scratchDir('woolz');
const world = new World();
let server;
let base;
const convert = (...args) => world.run(`${bin}/microtome`, ['import', ...args, '--progress', 'lines']);
const plane = async (name, z, more = '') => {
  const answer = await body(`${base}/iip?WLZ=${name}&MOD=zeta&DST=${z}${more}&CVT=png`);
  assert.equal(answer.status, 200, String(answer.bytes));
  return decodePng(answer.bytes);
};

async function same(name, expected, more = '', planes = depth) {
  for (let z = 0; z < planes; z++) {
    const shown = await plane(name, z, more);
    for (let y = 0; y < shown.height; y++) {
      for (let x = 0; x < shown.width; x++) {
        assert.deepEqual(shown.at(x, y), expected(x, y, z), `${name} at ${x},${y},${z}`);
      }
    }
  }
}

before(async () => {
  mkdirSync(scratch.file('planes'));
  writeFileSync(scratch.file('volume.nii'), nifti());
  writeFileSync(scratch.file('volume.nii.gz'), gzipSync(nifti()));
  writeFileSync(scratch.file('short.nii'), nifti(16));
  for (let z = 0; z < depth; z++) {
    const grey = (x, y) => [value(x, y, z), value(x, y, z), value(x, y, z)];
    writeFileSync(scratch.file(`planes/p_${String(z + 1).padStart(3, '0')}.png`), encodePng(width, height, grey));
  }
  server = await start('microtome', ['serve', scratch.path, '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+?)\/?\n/ });
  base = server.match[1];
});

after(async () => {
  const how = await server?.stop();
  await world.close();
  scratch.remove();
  assert.deepEqual(how, { code: 0, signal: null });
});

const byte = (x, y, z) => (value(x, y, z) === 0 ? [0, 0] : [value(x, y, z), 255]);

test('volumes of NIfTI come back voxel for voxel', async () => {
  for (const [source, target, ...flags] of [['volume.nii', 'a.wlz'], ['volume.nii.gz', 'b.wlz', '--tiled']]) {
    assert.match(await convert(scratch.file(source), '--to', scratch.file(target), ...flags), /37 x 29 x 11 voxels/);
    await same(target, byte);
  }
  await convert(scratch.file('volume.nii'), '--to', scratch.file('whole.wlz'), '--whole');
  await same('whole.wlz', (x, y, z) => [value(x, y, z), 255]);
  await convert(scratch.file('short.nii'), '--to', scratch.file('short.wlz'));
  await same('short.wlz', (x, y, z) => [Math.floor((value(x, y, z) * 10 * 256) / 2511), value(x, y, z) === 0 ? 0 : 255],
    '&MAP=LINEAR,0,2510,0,255');
  const said = await body(`${base}/iip?WLZ=short.wlz&PAB=3,4,5&OBJ=Wlz-grey-value`);
  assert.equal(String(said.bytes), `\r\nWlz-grey-value:${value(3, 4, 5) * 10}\r\n`);
});

test('pictures become the planes of a volume, and an object is served gzipped', async () => {
  await convert(scratch.file('planes'), '--to', scratch.file('stack.wlz'), '--voxel-size', '1', '1', '2');
  const shown = decodePng((await body(`${base}/iip?WLZ=stack.wlz&MOD=zeta&DST=6&PTL=0`)).bytes);  // plane 3 at 2 each
  assert.deepEqual(shown.at(5, 6), byte(5, 6, 3));
  writeFileSync(scratch.file('packed.wlz.gz'), gzipSync(readFileSync(scratch.file('stack.wlz'))));
  assert.deepEqual((await body(`${base}/iip?WLZ=packed.wlz.gz&MOD=zeta&DST=6&PTL=0`)).bytes,
    (await body(`${base}/iip?WLZ=stack.wlz&MOD=zeta&DST=6&PTL=0`)).bytes);
});

test('inspect says what an object is', async () => {
  const said = await world.run(`${bin}/microtome`, ['inspect', '--json', scratch.file('stack.wlz')]);
  const { compound, components } = JSON.parse(said);
  assert.equal(compound, false);
  assert.deepEqual(components[0].voxel_size, [1, 1, 2]);
  assert.deepEqual([components[0].values, components[0].minimum, components[0].maximum], ['ubyte', 1, 250]);
  assert.match(await world.run(`${bin}/microtome`, ['inspect', scratch.file('stack.wlz')]), /one object\n.*x 0\.\.36, y 0\.\.28, z 0\.\.10/);
  assert.ok(!existsSync(scratch.file('stack.wlz.bricks')));
});

test('what cannot be imported is named and leaves nothing', async () => {
  writeFileSync(scratch.file('cut.nii'), nifti().subarray(0, 5000));
  await assert.rejects(convert(scratch.file('cut.nii'), '--to', scratch.file('cut.wlz')), /truncated/);
  writeFileSync(scratch.file('text.nii'), 'no volume');
  await assert.rejects(convert(scratch.file('text.nii'), '--to', scratch.file('text.wlz')));
  assert.ok(!existsSync(scratch.file('cut.wlz')) && !existsSync(scratch.file('text.wlz')));
});

test('bricks stay beside a large object and follow it when it changes', async () => {
  const size = [160, 160, 130];
  const section = async () => (await plane('large.wlz', 60)).at(30, 40)[0];
  writeFileSync(scratch.file('large.nii'), nifti(8, 0, size));
  await convert(scratch.file('large.nii'), '--to', scratch.file('large.wlz'));
  assert.equal(await section(), value(30, 40, 60));
  const bricks = scratch.file('large.wlz.bricks');
  const made = statSync(bricks).ino;
  const again = await start('microtome', ['serve', scratch.path, '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+?)\/?\n/ });
  const answer = await body(`${again.match[1]}/iip?WLZ=large.wlz&MOD=zeta&DST=60&PTL=0`);
  await again.stop();
  assert.equal(decodePng(answer.bytes).at(30, 40)[0], value(30, 40, 60));
  assert.equal(statSync(bricks).ino, made, 'made a second time');
  writeFileSync(scratch.file('large.nii'), nifti(8, 1, size));
  await convert(scratch.file('large.nii'), '--to', scratch.file('next.wlz'));
  renameSync(scratch.file('next.wlz'), scratch.file('large.wlz'));
  await until('the new object is served', async () => (await section()) === value(30, 40, 60) + 1);
  assert.notEqual(statSync(bricks).ino, made);
});

test('an object that is cut short while it is served is an error, and the server lives', async () => {
  await convert(scratch.file('large.nii'), '--to', scratch.file('shrinking.wlz'), '--tiled');
  assert.equal((await plane('shrinking.wlz', 60)).at(30, 40)[0], value(30, 40, 60) + 1);
  truncateSync(scratch.file('shrinking.wlz'), 100000);
  const statuses = new Set();
  for (let z = 1; z < 120; z++) statuses.add((await body(`${base}/iip?WLZ=shrinking.wlz&MOD=zeta&DST=${z}.25&PTL=0`)).status);
  assert.ok(![...statuses].includes(200), `answered with ${[...statuses]}`);
  assert.equal((await body(`${base}/healthz`)).status, 200);
  await same('a.wlz', byte, '', 1);
});

test('old viewers speak in lower case and by POST', async () => {
  const said = await body(`${base}/fcgi/wlziipsrv.fcgi?wlz=a.wlz&mod=zeta&dst=5&prl=-1,3,4&obj=wlz-coordinate-3d`, { method: 'POST' });
  assert.equal(String(said.bytes), '\r\nWlz-coordinate-3d:3 4 5\r\n');
  assert.equal(said.headers.get('content-type'), 'application/vnd.netfpx');
  const tile = await body(`${base}/?wlz=a.wlz&sel=0,255,255,255&mod=zeta&fxp=0,0,0&scl=1.0&dst=5.0&pit=0&yaw=0&rol=0&qlt=80&jtl=T`);
  assert.equal(tile.headers.get('content-type'), 'image/jpeg');
  const wrong = await body(`${base}/?wlz=none.wlz&jtl=0`);
  assert.equal(wrong.status, 404);
  assert.match(String(wrong.bytes), /html/);
});

test('the name that it is started under says which old server it stands for', async () => {
  for (const [program, status, said] of [['wlziipsrv.fcgi', 200, /^Error\/7:1 3 FIF\r\n$/], ['iipsrv.fcgi', 404, /^no such picture\n?$/]]) {
    const socket = scratch.file(`${program}.socket`);
    const app = await start(program, ['--listen', `unix:${socket}`, '--root', scratch.path]);
    try {
      const answer = await ask(socket, '/?FIF=none.tif&OBJ=Max-size');
      assert.equal(answer.status || 200, status, program);
      assert.match(answer.body.toString(), said, program);
      assert.match((await ask(socket, '/?WLZ=a.wlz&OBJ=Max-size')).body.toString(), /Max-size:37 29/);
    } finally {
      await app.stop();
    }
  }
});

test('FILESYSTEM_PREFIX with or without its slash stands before names, also of packed objects', async () => {
  writeFileSync(scratch.file('packed.wlz.gz'), gzipSync(readFileSync(scratch.file('a.wlz'))));
  for (const [prefix, names] of [[scratch.path, ['/a.wlz', '/packed.wlz.gz']], [`${scratch.path}/`, ['a.wlz', 'packed.wlz.gz', '/a.wlz']]]) {
    const other = await start('microtome', ['serve', '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+?)\/?\n/, env: { FILESYSTEM_PREFIX: prefix } });
    try {
      for (const name of names) {
        const said = await body(`${other.match[1]}/iip?wlz=${name}&obj=wlz-n-components`);
        assert.equal(String(said.bytes), '\r\nWlz-n-components:1\r\n', `${prefix} ${name}`);
      }
    } finally {
      await other.stop();
    }
  }
});
