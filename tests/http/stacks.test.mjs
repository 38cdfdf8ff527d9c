// SPDX-License-Identifier: Apache-2.0
// A file of several pages is a set of its own: its slices are its planes, with their places, sizes and colours.
import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { decodePng, encodePng } from '../lib/png.mjs';
import { bin, eventually, scratchDir, start } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';
import { ome, stackOf } from '../lib/tiff.mjs';

const side = 64;
const scratch = scratchDir('stacks');
const servers = [];
const planes = Array.from({ length: 40 }, (_, z) => 5 * z + 10);
const channels = '<Channel ID="Channel:0:0" Color="16711935"/><Channel ID="Channel:0:1" Color="-16776961"/><TiffData/>'; // green, red

function put(name, bytes, age = 60) {
  const path = scratch.file(name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  utimesSync(path, Date.now() / 1000 - age, Date.now() / 1000 - age);
}
async function serve(...roots) {
  const server = await start(`${bin}/microtome`, ['serve', ...roots, '--listen', '127.0.0.1:0', '--pyramids', 'off'], { ready: /listening on (http:\S+:\d+)/ });
  servers.push(server);
  return (target) => fetch(server.match[1] + target);
}
let get;
const stack = async (name, from = get) => (await from(`/sets/${name}/stack.json`)).json();
async function colour(target, from = get) {
  const answer = await from(target);
  assert.equal(answer.status, 200, target);
  const seen = decodePng(Buffer.from(await answer.arrayBuffer())).at(5, 5);
  return seen.slice(0, 3);
}
const grey = async (target, from) => (await colour(target, from))[0];
const shown = (set, number) => `/sets/${set}/view?slice=${number}&x=0&y=0&w=${side}&h=${side}&W=${side}&H=${side}&format=png`;

before(async () => {
  put('cells/stack.ome.tif', stackOf(planes, side, ome({ z: 40 }, '<TiffData/>', 'PhysicalSizeX="0.25" PhysicalSizeY="0.25" PhysicalSizeZ="1.5"')));
  put('mixed/s001.png', encodePng(side, side, () => [1, 2, 3]));
  put('mixed/s002.png', encodePng(side, side, () => [4, 5, 6]));
  put('mixed/time.tif', stackOf([7, 8, 9], side, 'ImageJ=1.53t\nimages=3\nframes=3\n'));
  put('colours/two.ome.tif', stackOf([10, 20, 30, 40], side, ome({ z: 2, c: 2 }, channels)));
  put('colours/grey.ome.tif', stackOf([50, 60], side, ome({ c: 2 })));
  put('plain/a.tif', stackOf([100, 110, 120], side));
  put('plain/one.tif', stackOf([130], side));
  // Three files; the third is not there, a fourth lies outside the folder.
  const data = (z, file) => `<TiffData IFD="0" FirstZ="${z}"><UUID FileName="${file}">urn:uuid:${z}</UUID></TiffData>`;
  const inside = data(0, 'f_z0.ome.tif') + data(1, 'f_z1.ome.tif') + data(2, 'f_z2.ome.tif') + data(3, '../secret.tif');
  put('several/f_z0.ome.tif', stackOf([140], side, ome({ z: 4 }, inside, 'PhysicalSizeZ="2"')));
  put('several/f_z1.ome.tif', stackOf([150], side, ome({ z: 4 }, inside, 'PhysicalSizeZ="2"')));
  put('secret.tif', stackOf([255], side));
  put('alone/x.ome.tif', stackOf([1, 2], side, ome({ z: 2 })));
  put('alone/other.png', encodePng(side, side, () => [1, 2, 3]));
  get = await serve(scratch.path);
});
after(async () => {
  for (const server of servers) await server.stop();
  scratch.remove();
});

test('a stack is a set of its planes, with places and sizes', async () => {
  const sets = (await (await get('/sets')).json()).sets.map((set) => set.name);
  assert.ok(sets.includes('cells/stack.ome.tif'), sets.join());
  assert.ok(!sets.includes('cells'), sets.join());
  const set = await stack('cells/stack.ome.tif');
  assert.equal(set.slices.length, 40);
  assert.equal(set.pixel_size_um, 0.25);
  assert.equal(set.spacing_um, 1.5);
  assert.deepEqual(set.slices.map((slice) => slice.number), planes.map((_, z) => z));
  assert.deepEqual(set.slices.map((slice) => slice.z_um), planes.map((_, z) => 1.5 * z));
  assert.ok(set.slices.every((slice) => slice.width === side && slice.status === 'ok'));
  assert.equal(set.slices[3].name, 'z3');
  assert.equal(set.slices[3].id, 'cells/stack.ome.tif/3');
});

test('its slices are shown by every protocol', async () => {
  for (const z of [0, 17, 39]) {
    assert.equal(await grey(shown('cells/stack.ome.tif', z)), planes[z]);
    assert.equal(await grey(`/iiif/3/${encodeURIComponent(`cells/stack.ome.tif/${z}`)}/full/max/0/default.png`), planes[z]);
    assert.equal(await grey(`/iip?FIF=cells/stack.ome.tif/${z}&PTL=0,0`), planes[z]);
  }
  assert.equal((await get(shown('cells/stack.ome.tif', 40))).status, 404);
  assert.equal((await get('/dz/cells/stack.ome.tif/3.dzi')).status, 200);
  const strip = await get('/sets/cells/stack.ome.tif/strip?count=40&height=16&width=16&format=png');
  const cells = decodePng(Buffer.from(await strip.arrayBuffer()));
  assert.equal(cells.width, 640);
  for (const z of [0, 17, 39]) assert.equal(cells.at(16 * z + 8, 8)[0], planes[z]);
  assert.equal((await stack('cells')).slices.length, 40, 'the folder\'s own name leads to its only set');
});

test('beside a series it is another set; moments are slices', async () => {
  assert.deepEqual((await stack('mixed')).slices.map((slice) => slice.number), [1, 2]);
  const set = await stack('mixed/time.tif');
  assert.deepEqual(set.slices.map((slice) => slice.name), ['t0', 't1', 't2']);
  assert.ok(set.slices.every((slice) => slice.z_um === null));
  assert.equal(await grey(shown('mixed/time.tif', 2)), 9);
});

test('channels with colours are merged, others are reachable, and are slices where there is nothing else', async () => {
  const set = await stack('colours/two.ome.tif');
  assert.deepEqual(set.slices.map((slice) => slice.name), ['z0', 'z1']);
  assert.deepEqual(await colour(shown('colours/two.ome.tif', 0)), [20, 10, 0]);
  assert.deepEqual(await colour(shown('colours/two.ome.tif', 1)), [40, 30, 0]);
  assert.equal(await grey('/iip?FIF=colours/two.ome.tif;z1c0&CVT=png'), 30);
  assert.equal(await grey('/iip?FIF=colours/two.ome.tif;z1c1&CVT=png'), 40);
  assert.deepEqual(await colour('/iip?FIF=colours/two.ome.tif;z1-merged&CVT=png'), [40, 30, 0]);
  assert.equal((await get('/iip?FIF=colours/two.ome.tif;z2-merged&CVT=png')).status, 404);
  assert.deepEqual((await stack('colours/grey.ome.tif')).slices.map((slice) => slice.name), ['c0', 'c1']);
  assert.equal(await grey(shown('colours/grey.ome.tif', 1)), 60);
});

test('pages without words about them are planes; a file of one page is a slice as ever', async () => {
  assert.equal((await stack('plain/a.tif')).slices.length, 3);
  assert.equal(await grey(shown('plain/a.tif', 1)), 110);
  assert.equal((await stack('plain')).slices.length, 1);
});

test('planes in other files of the folder, and only of it', async () => {
  const sets = (await (await get('/sets')).json()).sets.map((set) => set.name).filter((name) => name.startsWith('several'));
  assert.deepEqual(sets, ['several/f_z0.ome.tif']);
  const set = await stack('several/f_z0.ome.tif');
  assert.deepEqual(set.slices.map((slice) => slice.status), ['ok', 'ok', 'missing', 'missing']);
  assert.equal(await grey(shown('several/f_z0.ome.tif', 1)), 150);
  assert.equal((await get(shown('several/f_z0.ome.tif', 3))).status, 404);
  // The missing file appears.
  put('several/f_z2.ome.tif', stackOf([160], side));
  await eventually(async () => (await stack('several/f_z0.ome.tif')).slices[2].status === 'ok', 'the third plane', 10000);
  assert.equal(await grey(shown('several/f_z0.ome.tif', 2)), 160);
});

test('a stack that changes is shown as it is now', async () => {
  put('later/s.ome.tif', stackOf([1, 2], side, ome({ z: 2 })), 30);
  await eventually(async () => (await get('/sets/later/s.ome.tif/stack.json')).status === 200, 'a new set', 10000);
  const before = await stack('later/s.ome.tif');
  put('later/s.ome.tif', stackOf([3, 4, 5], side, ome({ z: 3 })), 20);
  await eventually(async () => (await stack('later/s.ome.tif')).slices.length === 3, 'three planes', 10000);
  assert.notEqual((await stack('later/s.ome.tif')).version, before.version);
  assert.equal(await grey(shown('later/s.ome.tif', 2)), 5);
  put('later/s.ome.tif', stackOf([6], side), 10);
  await eventually(async () => (await stack('later'))?.slices?.length === 1, 'an ordinary picture', 10000);
});

test('the file alone', async () => {
  const alone = await serve(scratch.file('alone/x.ome.tif'));
  const sets = (await (await alone('/sets')).json()).sets.map((set) => set.name);
  assert.deepEqual(sets, ['x.ome.tif']);
  assert.equal((await stack('x.ome.tif', alone)).slices.length, 2);
  assert.equal(await grey(shown('x.ome.tif', 1), alone), 2);
  assert.equal(await grey('/iip?FIF=x.ome.tif;z1&CVT=png', alone), 2);
  for (const name of ['other.png', `${scratch.file('alone/other.png')}`, '../secret.tif', 'alone/x.ome.tif']) {
    assert.equal((await alone(`/iip?FIF=${name}&CVT=png`)).status, 404, name);
  }
});
