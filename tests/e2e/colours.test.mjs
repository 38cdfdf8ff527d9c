// SPDX-License-Identifier: Apache-2.0
// Stored JPEG tiles go out as they lie: Chromium must see the right colours whether they are coded as RGB or as YCbCr, with
// and without a colour profile, and so it must after our own encoders.
import assert from 'node:assert/strict';
import { after, before, test } from '../lib/test.mjs';
import { browser, World } from './servers.mjs';

const world = new World();
let server;

// Four fields of known colours, 256x256 each.
const fields = [[220, 30, 40], [30, 180, 60], [40, 60, 210], [230, 200, 20]];

before(async () => {
  const patches = [];
  for (const [i, colour] of fields.entries()) {
    const black = world.path(`black${i}.v`);
    const patch = world.path(`patch${i}.v`);
    await world.run('vips', ['black', black, '256', '256', '--bands', '3']);
    await world.run('vips', ['linear', black, patch, '1 1 1', colour.join(' '), '--uchar']);
    patches.push(patch);
  }
  const all = world.path('all.v');
  const picture = world.path('rgb.v');
  await world.run('vips', ['arrayjoin', patches.join(' '), all, '--across', '2']);
  await world.run('vips', ['copy', all, picture, '--interpretation', 'srgb']);
  const save = (name, ...options) =>
    world.run('vips', ['tiffsave', picture, world.path('root', name), '--tile', '--tile-width', '256', '--tile-height', '256', ...options]);
  await save('ycc.tif', '--compression', 'jpeg', '--Q', '95');
  await save('half.tif', '--compression', 'jpeg', '--Q', '80');
  await save('rgb.tif', '--compression', 'jpeg', '--Q', '95', '--rgbjpeg');
  await save('profile.tif', '--compression', 'jpeg', '--Q', '95', '--rgbjpeg', '--profile', 'srgb');
  await save('deflate.tif', '--compression', 'deflate');
  server = await world.serve(['serve', world.path('root', '.keep').replace(/\/.keep$/, ''), '--listen', '127.0.0.1:0']);
});
after(() => world.close());

const requests = ['ycc', 'half', 'rgb', 'profile', 'deflate'].flatMap((name) => [
  [`FIF=${name}.tif&JTL=0,`, 0],
  [`FIF=${name}.tif&QLT=92&JTL=0,`, 0],
  [`FIF=${name}.tif&PTL=0,`, 0],
  [`FIF=${name}.tif&WTL=0,`, 0],
  [`FIF=${name}.tif&INV&JTL=0,`, 1],
]);

test('Chromium sees the colours of tiles, however they are coded', async () => {
  const chromium = await browser(world);
  try {
    const page = await chromium.newPage();
    await page.goto(`${server.address}/healthz`);
    for (const [request, inverted] of requests) {
      for (const [tile, colour] of fields.entries()) {
        const seen = await page.evaluate(async (url) => {
          const bitmap = await createImageBitmap(await (await fetch(url)).blob());
          const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
          const context = canvas.getContext('2d');
          context.drawImage(bitmap, 0, 0);
          return [...context.getImageData(bitmap.width / 2, bitmap.height / 2, 1, 1).data.slice(0, 3)];
        }, `/iip?${request}${tile}`);
        const wanted = inverted ? colour.map((value) => 255 - value) : colour;
        const off = Math.max(...seen.map((value, c) => Math.abs(value - wanted[c])));
        assert.ok(off <= 6, `${request}${tile}: ${seen} instead of ${wanted}`);
      }
    }
  } finally {
    await chromium.close();
  }
});
