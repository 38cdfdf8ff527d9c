// SPDX-License-Identifier: Apache-2.0
// A TIFF of several pages over HTTP: each page by SDS and by name, in IIP, IIIF and DeepZoom; the list of pages.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { decodePng } from '../lib/png.mjs';
import { bin, execFileSync, scratchDir, start, top } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

const greys = [10, 100, 200];
const side = 64;
const scratch = scratchDir('pages');
let server;
let base;

// Pages of one grey each, in one strip.
function stack() {
  const head = Buffer.from('49492a0008000000', 'hex');
  const parts = [head];
  let at = head.length;
  greys.forEach((grey, page) => {
    const size = 2 + 8 * 12 + 4;
    const tags = [[256, side], [257, side], [258, 8], [259, 1], [262, 1], [273, at + size], [278, side], [279, side * side]];
    const directory = Buffer.alloc(size);
    directory.writeUInt16LE(tags.length, 0);
    tags.forEach(([tag, value], i) => {
      directory.writeUInt16LE(tag, 2 + 12 * i);
      directory.writeUInt16LE(4, 4 + 12 * i);
      directory.writeUInt32LE(1, 6 + 12 * i);
      directory.writeUInt32LE(value, 10 + 12 * i);
    });
    at += size + side * side;
    directory.writeUInt32LE(page + 1 < greys.length ? at : 0, size - 4);
    parts.push(directory, Buffer.alloc(side * side, grey));
  });
  return Buffer.concat(parts);
}

before(async () => {
  writeFileSync(scratch.file('s.tif'), stack());
  copyFileSync(join(top, 'tests/fixtures/CMU-1-Small-Region.svs'), scratch.file('a.svs'));
  server = await start(`${bin}/microtome`, ['serve', scratch.path, '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+:\d+)/ });
  base = server.match[1];
});
after(async () => {
  await server?.stop();
  scratch.remove();
});

const get = (target) => fetch(base + target);
async function grey(target) {
  const answer = await get(target);
  assert.equal(answer.status, 200, target);
  return decodePng(Buffer.from(await answer.arrayBuffer())).at(5, 5)[0];
}

test('SDS chooses the page, for tiles and exports', async () => {
  for (const [page, value] of greys.entries()) {
    assert.equal(await grey(`/iip?FIF=s.tif&SDS=${page},90&PTL=0,0`), value);
    assert.equal(await grey(`/iip?FIF=s.tif&SDS=${page}&CVT=png`), value);
    assert.equal((await get(`/iip?FIF=s.tif&SDS=${page},90&JTL=0,0`)).status, 200);
  }
  assert.equal((await get('/iip?FIF=s.tif&SDS=3,90&JTL=0,0')).status, 404);
  assert.equal((await get('/iip?FIF=a.svs&SDS=3,90&JTL=0,0')).status, 200, 'a picture that is no stack has one page');
});

test('OBJ=stack and Horizontal-views list the pages', async () => {
  const list = await (await get('/iip?FIF=s.tif&OBJ=stack')).json();
  assert.deepEqual(list.map((page) => page.id), [0, 1, 2]);
  assert.match(await (await get('/iip?FIF=s.tif&OBJ=Horizontal-views')).text(), /^Horizontal-views:0 1 2\r\n/);
});

test('a page is a picture by name', async () => {
  assert.equal(await grey('/iiif/3/s.tif;2/full/max/0/default.png'), 200);
  assert.equal(await grey('/iip?FIF=s.tif;1&PTL=0,0'), 100);
  assert.equal((await get('/iiif/3/s.tif;3/info.json')).status, 404);
  const tags = await Promise.all(['s.tif', 's.tif;1', 's.tif;2'].map(async (name) => (await get(`/iip?FIF=${name}&PTL=0,0`)).headers.get('etag')));
  assert.equal(new Set(tags).size, 3, 'pages have validators of their own');
});

test('the label of a slide is a picture by name', async () => {
  const info = await (await get('/iiif/3/a.svs;label/info.json')).json();
  assert.equal(info.width, 387);
  assert.equal((await get('/iiif/3/a.svs;nothing/info.json')).status, 404);
});

test('label, macro shot and thumbnail of a slide are the pictures in its file', async () => {
  for (const [part, page, width, height] of [['thumbnail', 1, 574, 768], ['label', 2, 387, 463], ['macro', 3, 1280, 431]]) {
    const shown = decodePng(Buffer.from(await (await get(`/iiif/3/a.svs;${part}/full/max/0/default.png`)).arrayBuffer()));
    assert.deepEqual([shown.width, shown.height], [width, height], part);
    execFileSync('vips', ['tiffload', scratch.file('a.svs'), scratch.file('page.png'), '--page', String(page)], { stdio: 'ignore' });
    const stored = decodePng(readFileSync(scratch.file('page.png')));
    for (let at = 0; at < 300; at += 7) {
      const [x, y] = [at % width, (at * 3) % height];
      stored.at(x, y).slice(0, 3).forEach((value, c) => assert.ok(Math.abs(shown.at(x, y)[c] - value) <= (part === 'label' ? 0 : 3), `${part} ${x},${y}`));
    }
  }
});

test('what the scanner says of a slide is metadata', async () => {
  const metadata = await (await get('/iip?FIF=a.svs&OBJ=metadata')).json();
  assert.match(metadata.description, /AppMag = 20\|/);
  assert.match(metadata.description, /ScanScope ID = CPAPERIOCS\|/);
  assert.match(await (await get('/iip?FIF=a.svs&OBJ=description')).text(), /^Aperio Image Library v11/);
  const service = (await (await get('/iiif/3/a.svs/info.json')).json()).service[0];
  assert.deepEqual([service.physicalScale, service.physicalUnits], [0.000499, 'mm']);
});
