// SPDX-License-Identifier: Apache-2.0
// What the two generations of the validator of the IIIF Image API ask (one with Pillow, one with libvips), test by test
// and under their names, for 3.0 and 2.1 and every level. The picture has ten by ten squares of known colours, as the
// validators' own, and is named without its extension, as they do. libvips reads the answers, whatever their format.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { after, before, describe, test } from '../lib/test.mjs';

import { decodePng, encodePng } from '../lib/png.mjs';
import { execFileSync, scratchDir, start } from '../lib/process.mjs';

const side = 1000;
const id = '67352ccc-d1b0-11e1-89ae-279075081939';
const colour = (column, row) => [5 + 27 * column, 250 - 27 * row, ((column * 3 + row * 7) % 10) * 28];

const scratch = scratchDir('validator');
let server;
let base;
// Repeatable, but not the same places in every test.
let seed = 20260101;
const random = (least, most) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return least + (seed % (most - least + 1));
};
// All that lies from "0" to "z", but what ends a segment: also what belongs into no address.
const word = (length) => Array.from({ length }, () => String.fromCharCode(random(48, 122))).join('').replaceAll(/[?#/]/g, '$');

before(async () => {
  writeFileSync(scratch.file(`${id}.png`), encodePng(side, side, (x, y) => colour(Math.floor(x / 100), Math.floor(y / 100))));
  server = await start('microtome', ['serve', scratch.path, '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+?)\/?\n/ });
  base = server.match[1];
});

after(async () => {
  const how = await server?.stop();
  scratch.remove();
  assert.deepEqual(how, { code: 0, signal: null });
});

function get(path, headers = {}, method = 'GET') {
  const { hostname, port } = new URL(base);
  return new Promise((done, fail) => {
    const asked = request({ hostname, port, path, headers, method }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
    });
    asked.on('error', fail);
    asked.end();
  });
}

// Any picture by libvips: { width, height, channels, at(x, y) }.
function read(bytes, extension) {
  const file = scratch.file(`answer.${extension}`);
  writeFileSync(file, bytes);
  execFileSync('vips', ['copy', file, scratch.file('decoded.png')], { stdio: 'ignore' });
  return decodePng(readFileSync(scratch.file('decoded.png')));
}

// How far an answer is from what libvips makes of the picture itself, as the mean over all samples.
function distance(bytes, extension, ...steps) {
  const vips = (...words) => execFileSync('vips', words, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  const [given, difference] = [scratch.file(`answer.${extension}`), scratch.file('difference.v')];
  writeFileSync(given, bytes);
  let [from, made, asked] = [scratch.file(`${id}.png`), '', given];
  steps.forEach(([operation, ...words], i) => {
    made = scratch.file(`step${i}.v`);
    vips(operation, from, made, ...words.map(String));
    // What is cut from the expected picture is cut from the answer, unless it is what was asked for.
    if (operation === 'extract_area' && i > 0) vips(operation, asked, (asked = scratch.file(`cut${i}.v`)), ...words.map(String));
    from = made;
  });
  vips('subtract', asked, from, difference);
  vips('abs', difference, scratch.file('absolute.v'));
  return Number(vips('avg', scratch.file('absolute.v')));
}

const near = (pixel, expected, allowed = 5) => expected.every((value, i) => Math.abs(value - pixel[i]) <= allowed);
function same(pixel, expected, what) {
  assert.ok(near(pixel, expected), `${what}: ${pixel} is not ${expected}`);
}

for (const version of [3, 2]) {
  const url = ({ identifier = id, region = 'full', size = 'max', rotation = '0', quality = 'default', format = 'jpg' } = {}) =>
    `/iiif/${version}/${identifier}/${region}/${size}/${rotation}/${quality}.${format}`;
  const image = async (parts) => {
    const answer = await get(url(parts));
    assert.equal(answer.status, 200, `${url(parts)}: ${answer.body.toString().slice(0, 100)}`);
    return read(answer.body, parts?.format ?? 'jpg');
  };
  const status = async (parts) => (await get(url(parts))).status;
  const info = async (headers) => {
    const answer = await get(`/iiif/${version}/${id}/info.json`, headers);
    assert.equal(answer.status, 200);
    return { ...answer, json: JSON.parse(answer.body.toString()) };
  };
  const up = version === 3 ? '^' : '';
  // The middle of five squares.
  const squares = () => Array.from({ length: 5 }, () => [random(0, 9), random(0, 9)]);
  function shows(picture, scaleX = 1, scaleY = scaleX, place = (x, y) => [x, y]) {
    for (const [x, y] of squares()) {
      const [toX, toY] = place(x, y);
      same(picture.at(Math.floor((toX * 100 + 50) * scaleX), Math.floor((toY * 100 + 50) * scaleY)), colour(x, y), `square ${x},${y}`);
    }
  }

  const tests = {
    'info_json (0)': async () => {
      const { json, headers } = await info();
      assert.match(headers['content-type'], /^application\/(ld\+)?json/);
      assert.equal(json[version === 3 ? 'id' : '@id'], `${base}/iiif/${version}/${id}`);
      assert.equal(json['@context'], `http://iiif.io/api/image/${version}/context.json`);
      assert.equal(json.protocol, 'http://iiif.io/api/image');
      assert.deepEqual([json.width, json.height], [side, side]);
      if (version === 3) assert.deepEqual([json.type, json.profile], ['ImageService3', 'level2']);
      else assert.equal(json.profile[0], 'http://iiif.io/api/image/2/level2.json');
      for (const list of ['extraQualities', 'extraFormats', 'extraFeatures']) assert.equal(Array.isArray(json[list]), version === 3, list);
      for (const gone of version === 3 ? ['license', 'attribution', 'logo', '@id'] : ['id', 'rights']) assert.ok(!(gone in json), gone);
      for (const size of json.sizes) assert.ok(Number.isInteger(size.width) && Number.isInteger(size.height));
      for (const tile of json.tiles) assert.ok(Number.isInteger(tile.width) && tile.scaleFactors.every(Number.isInteger));
    },
    'cors (0)': async () => {
      for (const path of [`/iiif/${version}/${id}/info.json`, url(), url({ region: 'nonsense' }), `/iiif/${version}/none/info.json`]) {
        for (const method of ['GET', 'OPTIONS']) assert.equal((await get(path, { Origin: 'http://elsewhere' }, method)).headers['access-control-allow-origin'], '*', path);
      }
    },
    'jsonld (1)': async () => {
      const { headers } = await info({ Accept: 'application/ld+json' });
      assert.match(headers['content-type'], /^application\/ld\+json/);
      assert.match(headers.vary, /Accept/i);
      assert.match((await info({ Accept: 'application/json' })).headers['content-type'], /^application\/json/);
    },
    'baseurl_redirect (1)': async () => {
      const answer = await get(`/iiif/${version}/${id}`);
      assert.equal(answer.status, 303);
      assert.equal(answer.headers.location, `${base}/iiif/${version}/${id}/info.json`);
    },
    'id_basic, id_squares (0)': async () => shows(await image()),
    'id_escaped (1)': async () => {
      shows(await image({ identifier: id.replaceAll('-', '%2D') }));
      assert.equal((await get(`/iiif/${version}/${id.replaceAll('-', '%2D')}/info.json`)).status, 200);
    },
    'id_random, id_error_random (1)': async () => {
      const uuid = randomUUID();
      assert.equal(await status({ identifier: uuid }), 404);
      assert.equal((await get(`/iiif/${version}/${uuid}/info.json`)).status, 404);
      assert.equal((await get(`/iiif/${version}/${uuid}`)).status, 404);
    },
    'id_error_escapedslash (1)': async () => {
      assert.equal(await status({ identifier: 'a/b' }), 404);
      assert.equal(await status({ identifier: 'a%2Fb' }), 404);
      assert.equal((await get(`/iiif/${version}/a/b/info.json`)).status, 404);
    },
    'id_error_unescaped (1)': async () => {
      for (const identifier of ['[frob]', '[0]', ':id', '%5Bfrob%5D']) {
        assert.ok([400, 404].includes(await status({ identifier })), identifier);
        assert.ok([400, 404].includes((await get(`/iiif/${version}/${identifier}/info.json`)).status), identifier);
      }
    },
    'region_error_random (1)': async () => {
      for (let i = 0; i < 16; i += 1) assert.equal(await status({ region: word(6) }), 400);
    },
    'region_pixels (1)': async () => {
      for (const [x, y] of squares()) {
        const picture = await image({ region: `${x * 100 + 13},${y * 100 + 13},74,74` });
        assert.deepEqual([picture.width, picture.height], [74, 74]);
        same(picture.at(37, 37), colour(x, y), 'middle');
        same(picture.at(3, 70), colour(x, y), 'corner');
        const whole = await image({ region: `${x * 100},${y * 100},100,100` });
        for (let row = 13; row < 87; row += 1) for (let column = 13; column < 87; column += 1) assert.ok(near(whole.at(column, row), colour(x, y)), `${column},${row} of ${x},${y}`);
      }
    },
    'region_percent (2)': async () => {
      for (const [x, y] of squares()) {
        const picture = await image({ region: `pct:${x * 10 + 1},${y * 10 + 1},8,8` });
        assert.deepEqual([picture.width, picture.height], [80, 80]);
        same(picture.at(40, 40), colour(x, y), 'middle');
      }
    },
    'region_square (1)': async () => {
      const picture = await image({ region: 'square' });
      assert.equal(picture.width, picture.height);
      assert.ok(distance((await get(url({ region: 'square' }))).body, 'jpg', ['copy']) < 6);
    },
    'size_wc (1)': async () => { const wide = random(450, 750); const picture = await image({ size: `${wide},` }); assert.deepEqual([picture.width, picture.height], [wide, wide]); shows(picture, wide / side); },
    'size_ch (1)': async () => { const high = random(450, 750); const picture = await image({ size: `,${high}` }); assert.deepEqual([picture.width, picture.height], [high, high]); shows(picture, high / side); },
    'size_percent (2)': async () => { const percent = random(45, 75); const picture = await image({ size: `pct:${percent}` }); assert.equal(picture.width, percent * 10); shows(picture, percent / 100); },
    'size_wh (2)': async () => { const [wide, high] = [random(350, 750), random(350, 750)]; const picture = await image({ size: `${wide},${high}` }); assert.deepEqual([picture.width, picture.height], [wide, high]); shows(picture, wide / side, high / side); },
    'size_bwh (2)': async () => { const [wide, high] = [random(350, 750), random(350, 750)]; const least = Math.min(wide, high); const picture = await image({ size: `!${wide},${high}` }); assert.deepEqual([picture.width, picture.height], [least, least]); shows(picture, least / side); },
    'size_region (1)': async () => {
      const [x, y] = [random(0, 9), random(0, 9)];
      const picture = await image({ region: `${x * 100 + 10},${y * 100 + 10},80,80`, size: '35,' });
      assert.equal(picture.width, 35);
      same(picture.at(17, 17), colour(x, y), 'middle');
    },
    'size_up (3)': async () => { const wide = random(1100, 2000); const picture = await image({ size: `${up},${wide}` }); assert.equal(picture.height, wide); shows(picture, wide / side); },
    'size_up of the newer one (3)': async () => {
      const wide = random(1100, 2000);
      const sizes = version === 2 ? { [`,${wide}`]: wide } : { [`^${wide},${wide}`]: wide, [`^,${wide}`]: wide, [`^${wide},`]: wide, '^pct:200': 2000, '^!2000,500': 500, '^!2000,3000': 2000 };
      for (const [size, expected] of Object.entries(sizes)) {
        const { body } = await get(url({ size }));
        assert.equal(read(body, 'jpg').width, expected, size);
        assert.ok(distance(body, 'jpg', ['thumbnail_image', expected, '--height', expected, '--size', 'force']) < 6, size);
      }
    },
    'size_up: ^max (3)': async () => {
      // The validator wants the size of the picture; the text of 3.0 wants the most that info.json says.
      const { json } = await info();
      const { width, height } = version === 3 ? await image({ region: '0,0,100,1', size: '^max' }) : await image({ region: '0,0,100,1' });
      assert.deepEqual([width, height], version === 3 ? [json.maxWidth, json.maxWidth / 100] : [100, 1]);
    },
    'sizes of the newer one (1, 2)': async () => {
      const [wide, high] = [random(350, 750), random(350, 750)];
      const least = Math.min(wide, high);
      for (const [size, x, y] of [[`${wide},`, wide, wide], [`,${high}`, high, high], [`${wide},${high}`, wide, high], [`!${wide},${high}`, least, least], ['pct:61', 610, 610]]) {
        const far = distance((await get(url({ size }))).body, 'jpg', ['thumbnail_image', x, '--height', y, '--size', 'force']);
        assert.ok(far < 6, `${size}: ${far}`);
      }
    },
    'size_noup (0)': async () => {
      if (version === 3) for (const size of [`,${random(1100, 2000)}`, `${random(1100, 2000)},`, `${random(1100, 2000)},${random(1100, 2000)}`, `pct:${random(101, 200)}`, 'pct:200', '!2000,3000']) assert.equal(await status({ size }), 400, size);
    },
    'size_nofull (0)': async () => assert.equal(await status({ size: 'full' }), version === 3 ? 400 : 200),
    'size_error_random (1)': async () => {
      for (let i = 0; i < 16; i += 1) assert.equal(await status({ size: word(6) }), 400);
    },
    'rot_error_random (1)': async () => {
      for (let i = 0; i < 16; i += 1) assert.equal(await status({ rotation: word(4) }), 400);
    },
    'rot_full_basic (2)': async () => {
      const turned = { 0: (x, y) => [x, y], 90: (x, y) => [9 - y, x], 180: (x, y) => [9 - x, 9 - y], 270: (x, y) => [y, 9 - x] };
      for (const [rotation, place] of Object.entries(turned)) shows(await image({ rotation }), 1, 1, place);
    },
    'rot_region_basic (2)': async () => {
      for (const [rotation, [x, y]] of Object.entries({ 90: [70, 5], 180: [70, 70], 270: [5, 70] })) {
        const [column, row] = [random(0, 8), random(0, 8)];
        // 5, 5 of the square's picture, whose neighbours below and right are seen too.
        const picture = await image({ region: `${column * 100 + 50},${row * 100 + 50},76,76`, rotation });
        same(picture.at(x, y), colour(column, row), rotation);
      }
    },
    'rot_full_non90, rot_region_non90 (3)': async () => {
      for (let i = 0; i < 3; i += 1) {
        const rotation = random(1, 359);
        const picture = await image({ rotation: String(rotation) });
        const radians = (rotation * Math.PI) / 180;
        const wide = side * (Math.abs(Math.cos(radians)) + Math.abs(Math.sin(radians)));
        assert.ok(Math.abs(picture.width - wide) <= 2 && Math.abs(picture.height - wide) <= 2, `${picture.width} for ${wide}`);
        for (const [x, y] of squares()) {
          const [dx, dy] = [x * 100 + 50 - side / 2, y * 100 + 50 - side / 2];
          const at = [picture.width / 2 + dx * Math.cos(radians) - dy * Math.sin(radians), picture.height / 2 + dx * Math.sin(radians) + dy * Math.cos(radians)];
          same(picture.at(...at.map(Math.round)), colour(x, y), `${rotation} degrees`);
        }
        const [x, y] = [random(0, 9), random(0, 9)];
        const part = await image({ region: `${x * 100 + 10},${y * 100 + 10},80,80`, rotation: String(rotation) });
        same(part.at(Math.floor(part.width / 2), Math.floor(part.height / 2)), colour(x, y), 'a region');
      }
    },
    'rot_full_non90, rot_region_non90 of the newer one (3)': async () => {
      for (const rotation of [33, 101, random(181, 269)]) {
        const far = distance((await get(url({ rotation }))).body, 'jpg', ['rotate', rotation], ['extract_area', 300, 300, 300, 300]);
        assert.ok(far < 6, `${rotation}: ${far}`);
      }
      // Its corners count: nearly half of what is compared lies beside the picture.
      const far = distance((await get(url({ region: '110,120,300,300', rotation: 45 }))).body, 'jpg', ['extract_area', 110, 120, 300, 300], ['rotate', 45], ['extract_area', 75, 75, 75, 75]);
      assert.ok(far < 6, `a region: ${far}`);
    },
    'rot_mirror (3)': async () => shows(await image({ rotation: '!0' }), 1, 1, (x, y) => [9 - x, y]),
    'rot_mirror_180 (3)': async () => shows(await image({ rotation: '!180' }), 1, 1, (x, y) => [x, 9 - y]),
    'quality_color (2)': async () => shows(await image({ quality: 'color' })),
    'quality_grey (2)': async () => {
      const picture = await image({ quality: 'gray' });
      for (const [x, y] of squares()) {
        const pixel = picture.at(x * 100 + 50, y * 100 + 50);
        const [r, g, b] = colour(x, y);
        assert.ok(pixel.every((value) => near([value], [0.299 * r + 0.587 * g + 0.114 * b])), `${pixel}`);
      }
    },
    'quality_bitonal (2)': async () => {
      assert.equal((await image({ quality: 'bitonal' })).channels, 1);  // one gray channel, or palettes are compared
      const picture = await image({ quality: 'bitonal', format: 'png' });
      for (const [x, y] of squares()) assert.ok(picture.at(x * 100 + 50, y * 100 + 50).every((value) => value === 0 || value === 255));
    },
    'quality_error_random (1)': async () => {
      for (let i = 0; i < 16; i += 1) assert.equal(await status({ quality: word(6) }), 400);
    },
    'format_error_random (1)': async () => {
      for (let i = 0; i < 16; i += 1) assert.equal(await status({ format: word(3) }), 400);
    },
    'linkheader_canonical (3)': async () => {
      const { headers } = await get(url({ region: '0,0,1000,1000' }));
      const canonical = /<([^>]+)>\s*;\s*rel="canonical"/.exec(headers.link);
      assert.equal(canonical[1], `${base}/iiif/${version}/${id}/full/${version === 3 ? 'max' : 'full'}/0/default.jpg`);
      assert.equal((await get(canonical[1].slice(base.length))).status, 200);
    },
    'linkheader_profile (3)': async () => assert.match((await get(url())).headers.link, new RegExp(`<http://iiif.io/api/image/${version}/level2.json>;\\s*rel="profile"`)),
  };
  const magic = { jpg: /^\xff\xd8\xff/, png: /^\x89PNG/, tif: /^(II\*\0|MM\0\*|II\+\0)/, gif: /^GIF8[79]a/, jp2: /^\0\0\0\x0cjP {2}\r\n/, pdf: /^%PDF-/, webp: /^RIFF....WEBP/s, avif: /^....ftypavif/s };
  const types = { jpg: 'image/jpeg', png: 'image/png', tif: 'image/tiff', gif: 'image/gif', jp2: 'image/jp2', pdf: 'application/pdf', webp: 'image/webp', avif: 'image/avif' };
  for (const [format, start] of Object.entries(magic)) {
    tests[`format_${format} (${{ jpg: 0, png: 2 }[format] ?? 3})`] = async () => {
      const answer = await get(url({ format }));
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], types[format]);
      assert.match(answer.body.subarray(0, 16).toString('latin1'), start);
      const picture = read(answer.body, format);
      assert.deepEqual([picture.width, picture.height], [side, side]);
      shows(picture);
      const { json } = await info();
      const said = version === 3 ? ['jpg', 'png', ...json.extraFormats] : json.profile[1].formats;
      assert.ok(said.includes(format), `${format} is not announced`);
    };
  }

  describe(`the validator of ${version === 3 ? '3.0' : '2.1'}`, () => {
    for (const [name, run] of Object.entries(tests)) test(name, run);
  });
}
