// SPDX-License-Identifier: Apache-2.0
// The IIIF Image API over a real socket: one test for each line of the tables of 3.0 and 2.1. The picture has ten by
// ten squares, each of its own colour, so that every answer shows what part of it it is.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { after, before, describe, test } from '../lib/test.mjs';

import { decodePng, encodePng, jpegSize } from '../lib/png.mjs';
import { bin, eventually, execFileSync, scratchDir, start } from '../lib/process.mjs';
import { World } from '../e2e/servers.mjs';

const side = 1000;
const colour = (column, row) => [20 + 24 * column, 20 + 24 * row, ((column * 7 + row * 3) % 10) * 25];
const squares = () => encodePng(side, side, (x, y) => colour(Math.floor(x / 100), Math.floor(y / 100)));

const scratch = scratchDir('iiif');
const world = new World();
let server;
let base;

before(async () => {
  writeFileSync(scratch.file('squares.png'), squares());
  mkdirSync(scratch.file('deep/er'), { recursive: true });
  mkdirSync(scratch.file('a b'), { recursive: true });
  copyFileSync(scratch.file('squares.png'), scratch.file('deep/er/squares-1.png'));
  copyFileSync(scratch.file('squares.png'), scratch.file('a b/ü,!.png'));
  writeFileSync(scratch.file('note.png'), 'no picture at all, whatever it is called');
  writeFileSync(scratch.file('odd.png'), encodePng(1501, 1003, (x, y) => [x % 256, y % 256, 99]));
  writeFileSync(world.path('sources', 'tiled_0001.png'), encodePng(1501, 1003, (x, y) => [x % 256, y % 256, 99]));
  await world.run(`${bin}/microtome`, ['import', world.path('sources', 'tiled_0001.png'), '--to', scratch.path, '--name', 'tiled', '--tile', '256']);
  server = await start('microtome', ['serve', scratch.path, '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+?)\/?\n/ });
  base = server.match[1];
});

after(async () => {
  const how = await server?.stop();
  await world.close();
  scratch.remove();
  assert.deepEqual(how, { code: 0, signal: null });
});

// One request, with the path exactly as it is written. Never follows a redirect.
function get(path, headers = {}, method = 'GET') {
  const { hostname, port } = new URL(base);
  return new Promise((done, fail) => {
    const asked = request({ hostname, port, path, method, headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => {
        const body = Buffer.concat(parts);
        done({ status: answer.statusCode, headers: answer.headers, body, text: body.toString() });
      });
    });
    asked.on('error', fail);
    asked.end();
  });
}

const json = async (path, headers) => JSON.parse((await get(path, headers)).text);
async function png(path) {
  const answer = await get(path);
  assert.equal(answer.status, 200, `${path}: ${answer.text}`);
  return decodePng(answer.body);
}
async function sizeOf(path) {
  const picture = await png(path);
  return `${picture.width}x${picture.height}`;
}
// The square that a colour belongs to.
function isSquare(pixel, column, row) {
  colour(column, row).forEach((value, i) => assert.ok(Math.abs(pixel[i] - value) <= 4, `${pixel} is not square ${column},${row}`));
}

for (const version of [3, 2]) {
  describe(`Image API ${version}`, () => {
    const at = (rest, id = 'squares.png') => `/iiif/${version}/${id}/${rest}`;

    test('info.json has what the specification requires, and says where it is', async () => {
      const answer = await get(at('info.json'));
      assert.equal(answer.status, 200);
      const info = JSON.parse(answer.text);
      assert.equal(info['@context'], `http://iiif.io/api/image/${version}/context.json`);
      assert.equal(info.protocol, 'http://iiif.io/api/image');
      assert.equal(info[version === 3 ? 'id' : '@id'], `${base}/iiif/${version}/squares.png`);
      assert.equal(info.width, side);
      assert.equal(info.height, side);
      if (version === 3) {
        assert.equal(info.type, 'ImageService3');
        assert.equal(info.profile, 'level2');
      } else {
        assert.equal(info.profile[0], 'http://iiif.io/api/image/2/level2.json');
      }
      assert.equal(answer.headers.vary, 'Accept');
      assert.equal(answer.headers['access-control-allow-origin'], '*');
    });

    test('everything that info.json announces works', async () => {
      const info = await json(at('info.json'));
      const extra = version === 3 ? info : info.profile[1];
      const formats = new Set(['jpg', 'png', ...(extra.extraFormats ?? extra.formats)]);
      const types = { jpg: 'image/jpeg', png: 'image/png', webp: 'image/webp', tif: 'image/tiff', gif: 'image/gif', avif: 'image/avif', jp2: 'image/jp2', pdf: 'application/pdf' };
      for (const format of formats) {
        const answer = await get(at(`full/200,/0/default.${format}`));
        assert.equal(answer.status, 200, format);
        assert.equal(answer.headers['content-type'], types[format]);
        assert.ok(answer.body.length > 100);
      }
      for (const quality of extra.extraQualities ?? extra.qualities) assert.equal(await sizeOf(at(`full/200,/0/${quality}.png`)), '200x200', quality);
      for (const { width, height } of info.sizes) assert.equal(await sizeOf(at(`full/${width},${height}/0/default.png`)), `${width}x${height}`);
      for (const tiles of info.tiles) {
        for (const factor of tiles.scaleFactors) {
          const covered = Math.min(tiles.width * factor, side);
          const made = Math.ceil(covered / factor);
          assert.equal(await sizeOf(at(`0,0,${covered},${covered}/${made},${made}/0/default.png`)), `${made}x${made}`);
        }
      }
    });

    test('the base URI leads to info.json', async () => {
      for (const id of ['squares.png', 'squares.png/', 'deep/er/squares-1.png', 'deep%2Fer%2Fsquares-1.png', 'tiled/1']) {
        const answer = await get(`/iiif/${version}/${id}`);
        assert.equal(answer.status, 303, id);
        assert.equal(answer.headers.location, `${base}/iiif/${version}/${id.replace(/\/$/, '')}/info.json`);
      }
    });

    test('identifiers take slashes raw and encoded, and any other escaped character', async () => {
      for (const id of ['deep/er/squares-1.png', 'deep%2Fer%2Fsquares-1.png', 'deep%2fer/squares%2D1.png', 'a%20b/%C3%BC,!.png', 'a%20b%2F%c3%bc%2C%21.png', 'tiled/1', 'tiled%2F1']) {
        assert.equal((await get(at('full/50,/0/default.jpg', id))).status, 200, id);
        const info = await json(at('info.json', id));
        assert.equal(info[version === 3 ? 'id' : '@id'], `${base}/iiif/${version}/${id}`);
      }
    });

    test('what is not there is 404', async () => {
      for (const path of [at('info.json', 'nothing.png'), at('full/max/0/default.jpg', 'nothing.png'), `/iiif/${version}/nothing.png`, `/iiif/${version}/`,
        at('extra/full/max/0/default.jpg'), `/iiif/${version}/nothing/at/all/of/this/name`.replace('/of', '')]) {
        const answer = await get(path);
        assert.ok([404, 400].includes(answer.status) && (answer.status === 404 || path.includes('/at/all')), `${path}: ${answer.status}`);
        assert.equal(answer.headers['access-control-allow-origin'], '*');
        assert.match(answer.headers['content-type'], /^text\/plain/);
      }
    });

    test('regions', async () => {
      isSquare((await png(at('full/max/0/default.png'))).at(350, 750), 3, 7);
      isSquare((await png(at('300,700,100,100/max/0/default.png'))).at(50, 50), 3, 7);
      isSquare((await png(at('pct:30,70,10,10/max/0/default.png'))).at(50, 50), 3, 7);
      assert.equal(await sizeOf(at('pct:30,70,10,10/max/0/default.png')), '100x100');
      assert.equal(await sizeOf(at('950,900,100,200/max/0/default.png')), '50x100');
      const square = await png(`/iiif/${version}/odd.png/square/max/0/default.png`);
      assert.deepEqual([square.width, square.height], [1003, 1003]);
      assert.deepEqual(square.at(0, 5).slice(0, 2), [249, 5]);
    });

    test('sizes', async () => {
      for (const [size, expected] of [['max', '1000x1000'], ['371,', '371x371'], [',371', '371x371'], ['pct:37', '370x370'], ['371,222', '371x222'], ['!371,222', '222x222']]) {
        assert.equal(await sizeOf(at(`full/${size}/0/default.png`)), expected);
      }
      isSquare((await png(at('full/371,222/0/default.png'))).at(Math.floor(37.1 * 3.5), Math.floor(22.2 * 7.5)), 3, 7);
      const large = version === 3 ? '^1500,' : '1500,';
      const picture = await png(at(`full/${large}/0/default.png`));
      assert.equal(picture.width, 1500);
      isSquare(picture.at(525, 1125), 3, 7);
    });

    test('rotation and mirroring', async () => {
      const where = [['0', 3, 7], ['90', 7, 6], ['180', 6, 2], ['270', 2, 3], ['360', 3, 7], ['!0', 6, 7], ['!90', 7, 3], ['!180', 3, 2], ['90.0', 7, 6]];
      // Square (3, 7) of the answer shows which square of the picture?
      const source = { 0: [3, 7], 90: [7, 6], 180: [6, 2], 270: [2, 3], 360: [3, 7], '!0': [6, 7], '!90': [2, 6], '!180': [3, 2], '90.0': [7, 6] };
      for (const [rotation] of where) isSquare((await png(at(`full/500,/${rotation}/default.png`))).at(175, 375), ...source[rotation]);
      const turned = await png(at('full/500,/22.5/default.png'));
      assert.equal(turned.width, 654); // 500 cos 22.5 + 500 sin 22.5 = 653.3
      assert.equal(turned.channels, 4);
      assert.equal(turned.at(0, 0)[3], 0);
      const radians = (22.5 * Math.PI) / 180;
      const [dx, dy] = [175 - 250, 375 - 250];
      isSquare(turned.at(Math.round(327 + dx * Math.cos(radians) - dy * Math.sin(radians)), Math.round(327 + dx * Math.sin(radians) + dy * Math.cos(radians))), 3, 7);
      assert.deepEqual(jpegSize((await get(at('300,0,600,200/300,100/90/default.jpg'))).body), [100, 300]);
    });

    test('qualities', async () => {
      isSquare((await png(at('full/max/0/color.png'))).at(350, 750), 3, 7);
      const grey = await png(at('full/max/0/gray.png'));
      assert.equal(grey.channels, 1);
      const [r, g, b] = colour(3, 7);
      assert.ok(Math.abs(grey.at(350, 750)[0] - (0.299 * r + 0.587 * g + 0.114 * b)) < 3);
      const bitonal = await png(at('full/max/0/bitonal.png'));
      for (let i = 0; i < 1000; i += 7) assert.ok([0, 255].includes(bitonal.at(i, (i * 31) % 1000)[0]));
      assert.equal(bitonal.at(50, 50)[0], 0);
      assert.equal(bitonal.at(950, 950)[0], 255);
    });

    test('a malformed or impossible request is 400 and never an image', async () => {
      const bad = ['full/max/0/default', 'full/max/0/default.', 'full/max/0/native.jpg', 'full/max/0/default.exe', 'full/max/0/default.jpeg', 'full/max/361/default.jpg',
        'full/max/-90/default.jpg', 'full/max/!/default.jpg', 'full/max/x/default.jpg', 'full/0,/0/default.jpg', 'full/,0/0/default.jpg', 'full/pct:0/0/default.jpg', 'full/x,y/0/default.jpg',
        'full/100/0/default.jpg', 'full/,/0/default.jpg', 'full/!100,/0/default.jpg', 'full/-1,/0/default.jpg', 'Full/max/0/default.jpg', '0,0,0,10/max/0/default.jpg', '0,0,10,0/max/0/default.jpg',
        '1000,0,10,10/max/0/default.jpg', '0,1000,10,10/max/0/default.jpg', '0,0,10/max/0/default.jpg', '-5,0,10,10/max/0/default.jpg', 'pct:0,0,0,0/max/0/default.jpg', 'pct:101,0,5,5/max/0/default.jpg',
        'full/5001,/0/default.jpg', 'full/pct:99999999/0/default.jpg', 'full/4294967295,/0/default.jpg', 'full/pct:0.01/0/default.jpg', 'full/max/0/%zz.jpg', '/max/0/default.jpg'];
      if (version === 3) bad.push('full/full/0/default.jpg', 'full/1001,/0/default.jpg', 'full/,1001/0/default.jpg', 'full/pct:101/0/default.jpg', 'full/1001,900/0/default.jpg', '0,0,10,10/11,/0/default.jpg', 'full/^4294967295,/0/default.jpg', 'full/^5001,/0/default.jpg', 'full/^0,/0/default.jpg');
      else bad.push('full/^max/0/default.jpg', 'full/^200,/0/default.jpg');
      for (const rest of bad) {
        const answer = await get(at(rest));
        assert.equal(answer.status, 400, `${rest}: ${answer.status}`);
        assert.match(answer.headers['content-type'], /^text\/plain/);
        assert.ok(answer.text.length < 100 && !answer.text.includes(scratch.path));
      }
      const info = await json(at('info.json'));
      const extra = version === 3 ? info.extraFormats : info.profile[1].formats;
      for (const format of ['tif', 'gif', 'jp2', 'pdf', 'avif']) {
        if (!extra.includes(format)) assert.equal((await get(at(`full/max/0/default.${format}`))).status, 501, format);
      }
    });

    test('images name their canonical URI and their profile', async () => {
      const link = async (rest, id) => (await get(at(rest, id))).headers.link;
      const prefix = `<${base}/iiif/${version}/squares.png`;
      const cases = version === 3
        ? [['0,0,1000,1000/1000,1000/360/color.jpg', 'full/max/0/default.jpg'], ['pct:0,0,50,50/pct:50/90.0/gray.png', '0,0,500,500/250,250/90/gray.png'], ['square/^1500,/!0/default.png', 'full/^1500,1500/!0/default.png']]
        : [['0,0,1000,1000/1000,1000/360/color.jpg', 'full/full/0/default.jpg'], ['pct:0,0,50,50/pct:50/90.0/gray.png', '0,0,500,500/250,/90/gray.png'], ['full/300,200/0/default.jpg', 'full/300,200/0/default.jpg']];
      for (const [asked, canonical] of cases) {
        const header = await link(asked);
        assert.ok(header.startsWith(`${prefix}/${canonical}>;rel="canonical", `), `${asked}: ${header}`);
        assert.ok(header.endsWith(`<http://iiif.io/api/image/${version}/level2.json>;rel="profile"`));
        const again = header.match(/<([^>]*)>/)[1].slice(base.length);
        const [one, other] = [await get(at(asked)), await get(again)];
        assert.ok(one.body.equals(other.body));
        assert.equal(one.headers.etag, other.headers.etag);
      }
    });

    test('every spelling of a stored tile is the stored tile', async () => {
      const info = await json(at('info.json', 'tiled/1'));
      assert.deepEqual(info.tiles, [{ width: 256, ...(version === 3 ? { height: 256 } : {}), scaleFactors: [1, 2, 4, 8] }]);
      assert.equal(info.sizes.length, 4);
      for (const [level, factor] of [1, 2, 4, 8].entries()) {
        const { width: across, height: down } = info.sizes[3 - level];
        const columns = Math.ceil(across / 256);
        for (const [x, y] of [[0, 0], [1, 1], [columns - 1, 0], [0, Math.ceil(down / 256) - 1]]) {
          const [left, top] = [x * 256 * factor, y * 256 * factor];
          const [width, height] = [Math.min(256 * factor, 1501 - left), Math.min(256 * factor, 1003 - top)];
          const [w, h] = [Math.min(256, across - 256 * x), Math.min(256, down - 256 * y)];
          if (w <= 0 || h <= 0) continue;
          // IIP makes the tiles of the edge in a quality of their own, as iipsrv does.
          const inside = x < Math.floor(across / 256) && y < Math.floor(down / 256);
          const stored = await get(inside ? `/iip?FIF=tiled/1&JTL=${3 - level},${y * columns + x}` : at(`${left},${top},${width},${height}/!${w},${h}/0/default.jpg`, 'tiled/1'));
          assert.equal(stored.status, 200);
          for (const size of [`${w},${h}`, `${w},`, `,${h}`]) {
            const tile = await get(at(`${left},${top},${width},${height}/${size}/0/default.jpg`, 'tiled/1'));
            assert.equal(tile.status, 200);
            assert.equal(tile.headers.etag, stored.headers.etag, `${left},${top},${width},${height}/${size}`);
            assert.ok(tile.body.equals(stored.body));
          }
        }
      }
      const { width, height } = info.sizes[0];
      const smallest = await get(at(`0,0,1501,1003/${width},${height}/0/default.jpg`, 'tiled/1'));
      assert.equal(smallest.status, 200);
      for (const size of [`${width},`, `${width},${height}`]) {
        assert.ok((await get(at(`full/${size}/0/color.jpg`, 'tiled/1'))).body.equals(smallest.body));
      }
    });

    test('conditional requests, HEAD and preflight', async () => {
      for (const path of [at('info.json'), at('full/200,/0/default.jpg'), at('full/200,/45/gray.png')]) {
        const first = await get(path);
        assert.match(first.headers.etag, /^"[^"]+"$/);
        const again = await get(path, { 'If-None-Match': first.headers.etag });
        assert.equal(again.status, 304);
        assert.equal(again.headers['access-control-allow-origin'], '*');
        assert.equal(again.body.length, 0);
        const head = await get(path, {}, 'HEAD');
        assert.equal(head.status, 200);
        assert.equal(head.headers['content-length'], String(first.body.length));
        const options = await get(path, { Origin: 'http://x', 'Access-Control-Request-Method': 'GET' }, 'OPTIONS');
        assert.equal(options.status, 204);
        assert.equal(options.headers['access-control-allow-origin'], '*');
        assert.match(first.headers['access-control-expose-headers'], /Link/);
      }
    });
  });
}

test('media types of info.json are negotiated', async () => {
  const type = async (path, accept) => (await get(path, accept ? { Accept: accept } : {})).headers['content-type'];
  const ld = (version) => `application/ld+json;profile="http://iiif.io/api/image/${version}/context.json"`;
  const three = '/iiif/3/squares.png/info.json';
  assert.equal(await type(three), ld(3));
  assert.equal(await type(three, '*/*'), ld(3));
  assert.equal(await type(three, 'application/ld+json'), ld(3));
  assert.equal(await type(three, 'application/json'), 'application/json');
  assert.equal(await type(three, 'application/json, application/ld+json;q=0.5'), 'application/json');
  assert.equal(await type(three, 'text/html,application/xhtml+xml,*/*;q=0.8'), 'application/json');
  const two = '/iiif/2/squares.png/info.json';
  assert.equal(await type(two), 'application/json');
  assert.equal(await type(two, 'application/ld+json'), ld(2));
  assert.match((await get(two)).headers.link, /^<http:\/\/iiif\.io\/api\/image\/2\/context\.json>;rel="http:\/\/www\.w3\.org\/ns\/json-ld#context"/);
});

test('without a version in the URL, Accept chooses it', async () => {
  const path = '/iiif/squares.png/info.json';
  const context = (version) => `http://iiif.io/api/image/${version}/context.json`;
  const of = async (accept) => (await json(path, accept ? { Accept: accept } : {}))['@context'];
  assert.equal(await of(), context(3));
  assert.equal(await of('application/json'), context(3));
  assert.equal(await of(`application/ld+json;profile="${context(2)}"`), context(2));
  assert.equal(await of(`application/ld+json;profile="${context(3)}"`), context(3));
  assert.equal((await json(path)).id, `${base}/iiif/squares.png`);
  assert.equal((await get(path)).headers.vary, 'Accept');
  assert.equal((await get('/iiif/squares.png')).headers.location, `${base}/iiif/squares.png/info.json`);
  for (const size of ['full', 'max', '100,', '^1500,']) assert.equal((await get(`/iiif/squares.png/full/${size}/0/default.jpg`)).status, 200, size);
});

test('IIIF= in a query, as iipsrv takes it', async () => {
  const info = await json('/iip?IIIF=deep/er/squares-1.png/info.json');
  assert.equal(info.id, `${base}/iip?IIIF=deep/er/squares-1.png`);
  const direct = await get('/iiif/3/squares.png/0,0,500,500/100,/90/gray.png');
  for (const query of ['IIIF=squares.png/0,0,500,500/100,/90/gray.png', 'iiif=squares.png%2F0%2C0%2C500%2C500%2F100%2C%2F90%2Fgray.png']) {
    const answer = await get(`/?${query}`);
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(direct.body));
  }
  assert.equal((await get('/iip?IIIF=deep/er/squares-1.png')).status, 303);
  assert.equal((await get('/iip?IIIF=squares.png/full/bad/0/default.jpg')).status, 400);
  assert.equal((await get('/iip?IIIF=nothing/info.json')).status, 404);
});

test('what does not fit the limits is refused before any pixel is touched', async () => {
  const info = await json('/iiif/3/squares.png/info.json');
  assert.equal(info.maxWidth, 5000);
  assert.equal(info.maxHeight, 5000);
  assert.equal(info.maxArea, 25_000_000);
  assert.equal(await sizeOf(`/iiif/3/squares.png/0,0,2,2/^${info.maxWidth},1/0/bitonal.png`), `${info.maxWidth}x1`);
  assert.equal((await get(`/iiif/3/squares.png/0,0,2,2/^${info.maxWidth + 1},1/0/default.png`)).status, 400);
  assert.equal(await sizeOf('/iiif/3/squares.png/0,0,100,1/^max/0/default.png'), '5000x50');
});

test('an identifier may leave out the extension of its file', async () => {
  const bare = '67352ccc-d1b0-11e1-89ae-279075081939';
  for (const format of ['png', 'tif']) {
    // A pyramid is preferred to a plain picture, and the exact name to both.
    const side = format === 'png' ? 40 : 60;
    writeFileSync(scratch.file('picture.png'), encodePng(side, side, () => [1, 2, 3]));
    execFileSync('vips', ['copy', scratch.file('picture.png'), scratch.file(`${bare}.${format}`)]);
    await eventually(async () => (await get(`/iiif/3/${bare}/info.json`)).text.includes(`"width":${side},`));
    assert.equal((await json(`/iiif/3/${bare}/info.json`)).id, `${base}/iiif/3/${bare}`);
    assert.equal(await sizeOf(`/iiif/2/${bare.replaceAll('-', '%2D')}/full/full/0/default.png`), `${side}x${side}`);
    assert.match((await get(`/dz/${bare}.dzi`)).text, new RegExp(`Width="${side}"`));
    assert.match((await get(`/zoomify/${bare}/ImageProperties.xml`)).text, new RegExp(`WIDTH="${side}"`));
  }
  assert.equal((await json(`/iiif/3/${bare}.png/info.json`)).width, 40);
  assert.equal((await get(`/iiif/3/${bare}`)).headers.location, `${base}/iiif/3/${bare}/info.json`);
  for (const none of [`${bare}.jpg`, bare.slice(1), `${bare}.`, 'deep', 'squares.png.png']) assert.equal((await get(`/iiif/3/${none}/info.json`)).status, 404, none);
});

test('1.1: its description, its qualities, its sizes', async () => {
  const info = await json('/iiif/1/tiled/1/info.json');
  assert.equal(info['@context'], 'http://library.stanford.edu/iiif/image-api/1.1/context.json');
  assert.equal(info['@id'], `${base}/iiif/1/tiled/1`);
  assert.deepEqual([info.width, info.height, info.tile_width, info.tile_height, info.scale_factors], [1501, 1003, 256, 256, [1, 2, 4, 8]]);
  assert.equal(info.profile, 'http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level2');
  for (const quality of info.qualities) assert.equal(await sizeOf(`/iiif/1/squares.png/full/200,/0/${quality}.png`), '200x200', quality);
  for (const format of info.formats) assert.equal((await get(`/iiif/1/squares.png/full/full/0/native.${format}`)).status, 200, format);
  assert.equal(await sizeOf('/iiif/1/squares.png/full/1500,/0/native.png'), '1500x1500');
  assert.match((await get('/iiif/1/squares.png/full/200,/0/native.jpg')).headers.link, /^<http:\/\/library\.stanford\.edu\S+level2>;rel="profile"$/);
  assert.equal((await get('/iiif/1/squares.png')).headers.location, `${base}/iiif/1/squares.png/info.json`);
  for (const [accept, type] of [['image/png;q=1.0', 'image/png'], ['image/jpeg, image/png;q=0.5', 'image/jpeg'], ['*/*', 'image/jpeg'], ['image/webp,*/*;q=0.1', 'image/webp'], ['text/html', 'image/jpeg'], [undefined, 'image/jpeg']]) {
    for (let i = 0; i < 2; i += 1) {
      const answer = await get('/iiif/1/tiled/1/0,0,256,256/full/0/native', accept === undefined ? {} : { Accept: accept });
      assert.deepEqual([answer.status, answer.headers['content-type'], answer.headers.vary], [200, type, 'Accept'], accept);
    }
  }
  for (const rest of ['full/full/0/nativ', 'full/foll/0/native', 'full/full/0/native.']) assert.equal((await get(`/iiif/1/squares.png/${rest}`)).status, 400, rest);
  for (const rest of ['full/full/0/default.jpg', 'full/full/0/gray.jpg', 'full/^200,/0/native.jpg']) assert.equal((await get(`/iiif/1/squares.png/${rest}`)).status, 400, rest);
  const tile = await get('/iiif/1/tiled/1/0,0,512,512/256,/0/native.jpg');
  assert.ok(tile.body.equals((await get('/iiif/2/tiled/1/0,0,512,512/256,/0/default.jpg')).body));
});

test('a part of a picture by Range: stored, computed, and beyond its end', async () => {
  for (const path of ['/iiif/3/tiled/1/0,0,256,256/256,/0/default.jpg', '/iiif/3/squares.png/full/200,/0/default.png']) {
    const whole = await get(path);
    const part = await get(path, { Range: 'bytes=100-299' });
    assert.equal(part.status, 206);
    assert.equal(part.headers['content-range'], `bytes 100-299/${whole.body.length}`);
    assert.equal(part.headers['content-length'], '200');
    assert.ok(part.body.equals(whole.body.subarray(100, 300)));
    assert.ok((await get(path, { Range: 'bytes=-50', 'If-Range': whole.headers.etag })).body.equals(whole.body.subarray(-50)));
    assert.equal((await get(path, { Range: 'bytes=-50', 'If-Range': '"other"' })).status, 200);
    const beyond = await get(path, { Range: 'bytes=99999999-' });
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers['content-range'], `bytes */${whole.body.length}`);
    assert.equal((await get(path, { Range: 'bytes=0-1,4-5' })).status, 200);
    const again = await get(path);
    assert.equal(again.status, 200);
    assert.ok(again.body.equals(whole.body));
  }
});

test('a file that is no picture is not found, by its description as by its pixels', async () => {
  for (const path of ['info.json', 'full/max/0/default.jpg']) {
    for (const version of ['3', '2']) {
      const answer = await get(`/iiif/${version}/note.png/${path}`);
      assert.equal(answer.status, 404, `${version} ${path}`);
    }
  }
});
