// SPDX-License-Identifier: Apache-2.0
// What settings change in IIIF, and that info.json announces then what works then, no more.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { encodePng, jpegSize } from '../lib/png.mjs';
import { bin, scratchDir, start, top } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

const scratch = scratchDir('iiif-settings');
const root = scratch.file('pictures');
const running = [];

async function under(env) {
  const server = await start(`${bin}/microtome`, ['serve', root, '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+:\d+)/, env: { PYRAMIDS: 'off', ...env } });
  running.push(server);
  const base = server.match[1];
  const get = async (path, headers = {}) => {
    const answer = await fetch(base + path, { redirect: 'manual', headers });
    return { status: answer.status, link: answer.headers.get('link'), bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  // "WIDTHxHEIGHT" of a JPEG, or the status and the message.
  const size = async (path) => {
    const { status, bytes } = await get(path);
    const made = status === 200 ? jpegSize(bytes) : null;
    return made ? made.join('x') : `${status} ${bytes}`.trim();
  };
  const text = async (path, headers) => String((await get(path, headers)).bytes);
  return { base, get, size, text, info: async (path, headers) => JSON.parse(await text(path, headers)) };
}
const accept = (version) => ({ Accept: `application/ld+json;profile="http://iiif.io/api/image/${version}/context.json"` });
const supports = (info) => info.profile[1].supports;

before(() => {
  mkdirSync(root, { recursive: true });
  copyFileSync(join(top, 'tests/fixtures/CMU-1-Small-Region.svs'), join(root, 'slide.tif'));  // says how large a pixel is
  writeFileSync(join(root, 'black.png'), encodePng(60, 40, () => [0, 0, 0]));
});
after(async () => {
  for (const server of running) await server.stop();
  scratch.remove();
});

test('IIIF_VERSION=2: addresses without a version follow the rules of 2.1', async () => {
  const server = await under({ IIIF_VERSION: '2' });
  for (const address of ['/iiif/black.png', '/iip?IIIF=black.png']) {
    const info = await server.info(`${address}/info.json`);
    assert.ok(supports(info).includes('sizeAboveFull'));
    assert.equal(await server.size(`${address}/full/120,/0/default.jpg`), '120x80', 'it is announced');
    assert.equal(await server.size(`${address}/full/,80/0/default.jpg`), '120x80');
    assert.equal(await server.size(`${address}/full/max/0/default.jpg`), '60x40');
    assert.equal(await server.size(`${address}/full/^120,/0/default.jpg`), '120x80', 'who asked for 3.0 by Accept enlarges so');
    const { link } = await server.get(`${address}/full/60,40/0/default.jpg`);
    assert.match(link, /<http:\/\/iiif.io\/api\/image\/2\/level2.json>;rel="profile"/);
    const canonical = /<(\S+)>;rel="canonical"/.exec(link)[1];
    assert.equal(canonical, `${server.base}${address}/full/full/0/default.jpg`);
    assert.equal(await server.size(canonical.slice(server.base.length)), '60x40');
  }
  assert.equal(await server.size('/iiif/3/black.png/full/120,/0/default.jpg'), '400 IIIF: enlarging needs ^');
  assert.equal(await server.size('/iiif/3/black.png/full/full/0/default.jpg'), '400 IIIF: the size is not valid');
  assert.equal(await server.size('/iiif/2/black.png/full/^120,/0/default.jpg'), '400 IIIF: the size is not valid');
});

test('a 2.1 info.json that was chosen by Accept does not announce what its addresses refuse', async () => {
  const server = await under({});
  const info = await server.info('/iiif/black.png/info.json', accept(2));
  assert.equal(info['@context'], 'http://iiif.io/api/image/2/context.json');
  assert.equal(await server.size('/iiif/black.png/full/120,/0/default.jpg'), '400 IIIF: enlarging needs ^');
  assert.ok(!supports(info).includes('sizeAboveFull'));
  assert.equal(await server.size('/iiif/2/black.png/full/120,/0/default.jpg'), '120x80');
  assert.ok(supports(await server.info('/iiif/2/black.png/info.json')).includes('sizeAboveFull'));
  assert.ok(supports(await server.info('/iiif/2/black.png/info.json', accept(3))).includes('sizeAboveFull'));
});

test('ALLOW_UPSCALING=0: nothing is enlarged, and nothing says so', async () => {
  const server = await under({ ALLOW_UPSCALING: '0' });
  for (const size of ['^max', 'max', '^!400,400', '^60,', '^60,40', '^pct:100']) {
    assert.equal(await server.size(`/iiif/3/black.png/full/${size}/0/default.jpg`), '60x40', size);
    assert.equal(await server.size(`/iiif/black.png/full/${size}/0/default.jpg`), '60x40', size);
  }
  for (const size of ['^120,', '^,80', '^120,80', '^pct:200']) {
    assert.equal(await server.size(`/iiif/3/black.png/full/${size}/0/default.jpg`), '400 IIIF: this server does not enlarge', size);
  }
  assert.equal(await server.size('/iiif/3/black.png/full/120,/0/default.jpg'), '400 IIIF: this server does not enlarge');
  assert.equal(await server.size('/iiif/2/black.png/full/120,/0/default.jpg'), '400 IIIF: this server does not enlarge');
  assert.match((await server.get('/iiif/3/black.png/full/^max/0/default.jpg')).link, /\/full\/max\/0\/default.jpg>;rel="canonical"/);
  assert.ok(!supports(await server.info('/iiif/2/black.png/info.json')).includes('sizeAboveFull'));
  assert.ok(!(await server.info('/iiif/3/black.png/info.json')).extraFeatures.includes('sizeUpscaling'));
});

test('CORS that is off is not announced', async () => {
  const features = async (env) => supports(await (await under(env)).info('/iiif/2/black.png/info.json'));
  assert.ok((await features({})).includes('cors'));
  assert.ok(!(await features({ CORS: '' })).includes('cors'));
});

test('IIIF_EXTRA_INFO: its services stand beside ours, under one key', async () => {
  const login = '{"@context":"http://iiif.io/api/auth/1/context.json","id":"https://example.org/login","type":"AuthCookieService1","label":"a \\"service\\": {[,"}';
  const other = '{"id":"https://example.org/search","type":"SearchService2"}';
  const physdim = 'http://iiif.io/api/annex/services/physdim';
  const expected = [JSON.parse(login), JSON.parse(other)];
  for (const [services, count] of [[login, 1], [`[${login}]`, 1], [`[ ${login} , ${other} ]`, 2], ['[]', 0]]) {
    const server = await under({ IIIF_EXTRA_INFO: `"logo" : "https://example.org/l.png", "\\u0073ervice" : ${services} ,"x":{"service":1}` });
    for (const version of [2, 3]) {
      const text = await server.text(`/iiif/${version}/slide.tif/info.json`);
      const info = JSON.parse(text);
      assert.equal(text.split(/"(?:service|\\u0073ervice)" ?:/).length, 3, `one of its own and that in x: ${text}`);
      const [ours, ...others] = [info.service].flat();
      assert.equal(ours.profile, physdim);
      assert.deepEqual(others, expected.slice(0, count));
      assert.deepEqual([info.logo, info.x], ['https://example.org/l.png', { service: 1 }]);
      // A picture that does not say how large a pixel is. Services are a list in 3.0.
      const without = (await server.info(`/iiif/${version}/black.png/info.json`)).service;
      assert.deepEqual(version === 3 ? without : without && [without].flat(), count ? expected.slice(0, count) : undefined);
    }
  }
});

test('IIIF_EXTRA_INFO wins over COPYRIGHT, under one key', async () => {
  const server = await under({ IIIF_EXTRA_INFO: '"rights":"https://example.org/a","license":"https://example.org/b"', COPYRIGHT: 'https://example.org/c' });
  for (const [version, key, value] of [[3, 'rights', 'https://example.org/a'], [2, 'license', 'https://example.org/b']]) {
    const text = await server.text(`/iiif/${version}/black.png/info.json`);
    assert.equal(text.split(`"${key}"`).length, 2, text);
    assert.equal(JSON.parse(text)[key], value);
  }
});
