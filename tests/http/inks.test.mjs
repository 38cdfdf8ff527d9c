// SPDX-License-Identifier: Apache-2.0
// Pictures of four inks with a profile: what is answered in RGB are the colours that the profile says, by Little CMS;
// without a profile the inks are taken as complements.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';

import { decodePng, encodePng } from '../lib/png.mjs';
import { bin, scratchDir, start } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

const scratch = scratchDir('inks');
const vips = (...args) => execFileSync('vips', args, { stdio: 'ignore' });
const read = (name) => decodePng(execFileSync('cat', [scratch.file(name)], { maxBuffer: 1 << 28 }));
const points = [[20, 20], [100, 20], [180, 20], [20, 100], [100, 100], [180, 180]];
const kinds = ['a.jpg', 'tiles.tif', 'strips.tif', 'jpeg.tif', 'deep.tif', 'tiles.dzi'];
let server;
let expected;

const close = (got, wanted, tolerance, what) => got.slice(0, 3).forEach((value, c) => {
  assert.ok(Math.abs(value - wanted[c]) <= tolerance, `${what}: ${got.slice(0, 3)} for ${wanted.slice(0, 3)}`);
});
async function get(target) {
  const answer = await fetch(server.match[1] + target);
  assert.equal(answer.status, 200, target);
  return Buffer.from(await answer.arrayBuffer());
}

before(async () => {
  // Squares of 80 pixels in colours that a press can print.
  const colours = [[200, 60, 60], [60, 140, 80], [70, 80, 150], [220, 220, 200], [120, 120, 120], [40, 40, 40]];
  writeFileSync(scratch.file('rgb.png'), encodePng(240, 240, (x, y) => colours[(Math.floor(x / 80) + 2 * Math.floor(y / 80)) % 6]));
  vips('icc_export', scratch.file('rgb.png'), scratch.file('cmyk.v'), '--output-profile', 'cmyk');
  vips('icc_export', scratch.file('rgb.png'), scratch.file('deep.v'), '--output-profile', 'cmyk', '--depth', '16');
  vips('jpegsave', scratch.file('cmyk.v'), scratch.file('a.jpg'), '--Q', '98');
  mkdirSync(scratch.file('tiles_files/8'), { recursive: true });
  copyFileSync(scratch.file('a.jpg'), scratch.file('tiles_files/8/0_0.jpg'));
  writeFileSync(scratch.file('tiles.dzi'), '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpg" Overlap="0" TileSize="256"><Size Width="240" Height="240"/></Image>');
  vips('tiffsave', scratch.file('cmyk.v'), scratch.file('tiles.tif'), '--tile', '--tile-width', '128', '--tile-height', '128', '--pyramid', '--compression', 'deflate');
  vips('tiffsave', scratch.file('cmyk.v'), scratch.file('strips.tif'));
  vips('tiffsave', scratch.file('deep.v'), scratch.file('deep.tif'), '--tile');
  vips('tiffsave', scratch.file('cmyk.v'), scratch.file('jpeg.tif'), '--compression', 'jpeg', '--Q', '98', '--tile');
  vips('tiffsave', scratch.file('cmyk.v'), scratch.file('none.tif'), '--profile', 'none', '--strip');
  vips('icc_transform', scratch.file('cmyk.v'), scratch.file('seen.png'), 'srgb', '--embedded', '--intent', 'perceptual', '--black-point-compensation');
  expected = read('seen.png');
  server = await start(`${bin}/microtome`, ['serve', scratch.path, '--listen', '127.0.0.1:0', '--pyramids', 'off'], { ready: /listening on (http:\S+:\d+)/ });
});
after(async () => {
  await server?.stop();
  scratch.remove();
});

for (const name of kinds) {
  test(`${name}: the colours of its profile`, async () => {
    const seen = decodePng(await get(`/iiif/3/${name}/full/max/0/default.png`));
    for (const [x, y] of points) close(seen.at(x, y), expected.at(x, y), /^(a\.jpg|jpeg\.tif|tiles\.dzi)$/.test(name) ? 6 : 3, `${x},${y}`);
  });
}

test('as JPEG and WebP, as tiles, small and processed, too, and never with the profile of inks', async () => {
  for (const name of kinds) {
    for (const target of [`/iip?FIF=${name}&CVT=jpeg`, `/iip?FIF=${name}&CVT=webp&QLT=95`, `/iip?FIF=${name}&ROT=180&CVT=jpeg`, `/iip?FIF=${name}&WID=120&CVT=png`]) {
      const bytes = await get(target);
      assert.ok(!bytes.includes('ICC_PROFILE') && !bytes.includes('ICCP') && !bytes.includes('iCCP'), target);
      writeFileSync(scratch.file('answer'), bytes);
      vips('copy', scratch.file('answer'), scratch.file('answer.png'));
      const seen = read('answer.png');
      const [x, y] = [200, 40];
      const at = target.includes('ROT') ? seen.at(239 - x, 239 - y) : target.includes('WID') ? seen.at(x / 2, y / 2) : seen.at(x, y);
      close(at, expected.at(x, y), 12, target);
    }
  }
});

test('without a profile: complements', async () => {
  const seen = decodePng(await get('/iiif/3/none.tif/full/max/0/default.png'));
  vips('copy', scratch.file('none.tif'), scratch.file('none.v'));
  const [c, m, y, k] = execFileSync('vips', ['getpoint', scratch.file('none.v'), '20', '20'], { encoding: 'utf8' }).trim().split(' ').map(Number);
  close(seen.at(20, 20), [c, m, y].map((ink) => (255 - ink) * (255 - k) / 255), 1, 'complements');
});
