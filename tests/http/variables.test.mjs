// SPDX-License-Identifier: Apache-2.0
// What each variable of the environment changes in answers. Where a request can ask for the same thing, the answer under
// the variable is compared with that. Those of Woolz are in woolz_variables.test.mjs, MAX_LAYERS in layers.test.mjs,
// PYRAMIDS and CACHE_QUOTA in pyramids.test.mjs, ACCESS_LOG in metrics.test.mjs.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { decodePng, encodePng, jpegSize } from '../lib/png.mjs';
import { bin, eventually, execFileSync, scratchDir, start, top } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

const scratch = scratchDir('variables');
const root = scratch.file('pictures');
const running = [];

// A server with these variables, and what asks it.
async function under(env, args = [root]) {
  const server = await start(`${bin}/microtome`, ['serve', ...args, '--listen', '127.0.0.1:0'], {
    ready: /listening on (http:\S+:\d+)/,
    env: { PYRAMIDS: 'off', ...env },
  });
  running.push(server);
  const get = async (path, headers = {}) => {
    const answer = await fetch(server.match[1] + path, { redirect: 'manual', headers });
    return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  const good = async (path) => {
    const answer = await get(path);
    assert.equal(answer.status, 200, `${path}: ${answer.bytes.subarray(0, 80)}`);
    return answer.bytes;
  };
  const json = async (path) => JSON.parse(await good(path));
  const metric = async (name) => Number(new RegExp(`^microtome_${name} (\\S+)$`, 'm').exec(String(await good('/metrics')))[1]);
  return { server, base: server.match[1], get, good, json, metric };
}
let usual;

before(async () => {
  mkdirSync(join(root, 'below'), { recursive: true });
  copyFileSync(join(top, 'tests/fixtures/CMU-1-Small-Region.svs'), join(root, 'slide.tif'));
  copyFileSync(join(top, 'tests/fixtures/CMU-1-Small-Region.svs'), join(root, 'below/slide.tif'));
  copyFileSync(join(root, 'slide.tif'), join(root, 'series_nr_000_090.tif'));
  copyFileSync(join(root, 'slide.tif'), join(root, 'series_nr_007_090.tif'));
  writeFileSync(join(root, 'stripes.png'), encodePng(200, 100, (x) => (x % 2 ? [255, 255, 255] : [0, 0, 0])));
  writeFileSync(join(root, 'black.png'), encodePng(64, 64, () => [0, 0, 0]));
  writeFileSync(join(root, 'wide.png'), encodePng(6000, 2, () => [9, 99, 199]));
  writeFileSync(scratch.file('mark.png'), encodePng(64, 64, () => [200, 200, 200]));
  execFileSync('vips', ['icc_transform', join(root, 'stripes.png'), join(root, 'profile.png'), 'p3', '--input-profile', 'srgb']);
  usual = await under({});
});
after(async () => {
  for (const server of running) await server.stop();
  scratch.remove();
});

const view = '/iip?FIF=slide.tif&RGN=0.1,0.1,0.3,0.3&WID=300';

test('JPEG_QUALITY, PNG_QUALITY, WEBP_QUALITY and AVIF_QUALITY are what QLT is where a request has none', async () => {
  const other = await under({ JPEG_QUALITY: '31', PNG_QUALITY: '9', WEBP_QUALITY: '11', AVIF_QUALITY: '20' });
  for (const [type, quality] of [['jpeg', 31], ['png', 9], ['webp', 11], ['avif', 20]]) {
    const got = await other.good(`${view}&CVT=${type}`);
    assert.ok(got.equals(await usual.good(`${view}&QLT=${quality}&CVT=${type}`)), type);
    assert.ok(!got.equals(await usual.good(`${view}&CVT=${type}`)), `${type} is not what it is without the variable`);
  }
  const tile = await usual.good('/iip?FIF=slide.tif&QLT=9&PTL=0,13');
  assert.ok((await other.good('/iip?FIF=slide.tif&PTL=0,13')).equals(tile), 'tiles too');
});

test('the defaults of qualities are those of iipsrv', async () => {
  for (const [type, quality] of [['jpeg', 75], ['png', 1], ['webp', 50], ['avif', 50]]) {
    assert.ok((await usual.good(`${view}&CVT=${type}`)).equals(await usual.good(`${view}&QLT=${quality}&CVT=${type}`)), type);
  }
});

test('-1 is without loss', async () => {
  const other = await under({ WEBP_QUALITY: '-1', AVIF_QUALITY: '-1' });
  const exact = decodePng(await usual.good(`${view}&CVT=png`));
  const bytes = await other.good(`${view}&CVT=webp`);
  assert.equal(bytes.toString('latin1', 12, 16), 'VP8L');
  assert.ok((await other.good(`${view}&CVT=avif`)).length > (await usual.good(`${view}&CVT=avif`)).length * 2);
  writeFileSync(scratch.file('lossless.webp'), bytes);
  execFileSync('vips', ['copy', scratch.file('lossless.webp'), scratch.file('lossless.png')]);
  const same = decodePng(readFileSync(scratch.file('lossless.png')));
  for (let x = 0; x < exact.width; x += 7) assert.deepEqual(same.at(x, 50).slice(0, 3), exact.at(x, 50).slice(0, 3));
});

// The value of a tag of the first directory of a little-endian TIFF.
function tagOf(tiff, wanted) {
  assert.equal(tiff.toString('latin1', 0, 2), 'II');
  const at = tiff.readUInt32LE(4);
  for (let i = 0; i < tiff.readUInt16LE(at); i++) {
    if (tiff.readUInt16LE(at + 2 + 12 * i) === wanted) return tiff.readUInt16LE(at + 2 + 12 * i + 8);
  }
  return undefined;
}

test('TIFF_COMPRESSION and TIFF_QUALITY', async () => {
  const deflate = await usual.good(`${view}&CVT=tiff`);
  assert.ok([8, 32946].includes(tagOf(deflate, 259)), 'deflate is the default');
  for (const [value, tag] of [[0, 1], [1, 5], [2, tagOf(deflate, 259)], [3, 7], [4, 50001], [5, 50000]]) {
    const other = await under({ TIFF_COMPRESSION: String(value) });
    assert.equal(tagOf(await other.good(`${view}&CVT=tiff`), 259), tag, `TIFF_COMPRESSION=${value}`);
    assert.equal(tagOf(await other.good('/iip?FIF=slide.tif&TTL=0,13'), 259), tag, 'tiles too');
    await other.server.stop();
  }
  const [low, high] = await Promise.all(['20', '90'].map((TIFF_QUALITY) => under({ TIFF_COMPRESSION: '3', TIFF_QUALITY })));
  assert.ok((await low.good(`${view}&CVT=tiff`)).length * 1.5 < (await high.good(`${view}&CVT=tiff`)).length);
});

test('MAX_CVT', async () => {
  const other = await under({ MAX_CVT: '120' });
  assert.deepEqual(jpegSize(await other.good('/iip?FIF=slide.tif&WID=300&CVT=jpeg')), [90, 120]);
  const info = await other.json('/iiif/3/slide.tif/info.json');
  assert.deepEqual([info.maxWidth, info.maxHeight], [120, 120]);
  assert.equal((await other.get('/iiif/3/slide.tif/full/121,/0/default.jpg')).status, 400);
  assert.deepEqual(jpegSize(await usual.good('/iip?FIF=wide.png&CVT=jpeg')), [5000, 2]);
  const free = await under({ MAX_CVT: '-1' });
  assert.deepEqual(jpegSize(await free.good('/iip?FIF=wide.png&CVT=jpeg')), [6000, 2]);
});

test('ALLOW_UPSCALING', async () => {
  const other = await under({ ALLOW_UPSCALING: '0' });
  assert.deepEqual(jpegSize(await other.good('/iip?FIF=black.png&WID=200&CVT=jpeg')), [64, 64]);
  assert.deepEqual(jpegSize(await usual.good('/iip?FIF=black.png&WID=200&CVT=jpeg')), [200, 200]);
  assert.equal((await other.get('/iiif/3/black.png/full/^200,/0/default.jpg')).status, 400);
});

test('INTERPOLATION: nearest, bilinear, averaged', async () => {
  const values = {};
  for (const way of ['0', '1', '2']) {
    const other = await under({ INTERPOLATION: way });
    const shown = decodePng(await other.good('/iip?FIF=stripes.png&WID=300&CVT=png'));
    values[way] = Array.from({ length: 300 }, (_, x) => shown.at(x, 50)[0]).join();
    const iiif = decodePng(await other.good('/iiif/3/stripes.png/full/^300,/0/default.png'));
    assert.equal(Array.from({ length: 300 }, (_, x) => iiif.at(x, 50)[0]).join(), values[way], 'IIIF too');
  }
  assert.ok(values[0].split(',').every((value) => value === '0' || value === '255'), 'nearest makes no new values');
  assert.ok(values[1].split(',').some((value) => value !== '0' && value !== '255'));
  assert.equal(decodePng(await usual.good('/iip?FIF=stripes.png&WID=300&CVT=png')).at(100, 50)[0], Number(values[1].split(',')[100]), 'bilinear is the default');
  const averaged = await under({ INTERPOLATION: '2' });
  const small = decodePng(await averaged.good('/iip?FIF=stripes.png&WID=100&CVT=png'));
  for (const x of [10, 50, 90]) assert.ok(Math.abs(small.at(x, 20)[0] - 128) < 3, 'every pixel counts');
});

test('CODEC_PASSTHROUGH=0 encodes stored tiles anew', async () => {
  const other = await under({ CODEC_PASSTHROUGH: '0' });
  const stored = await usual.good('/iip?FIF=slide.tif&JTL=0,13');
  assert.ok(readFileSync(join(root, 'slide.tif')).includes(stored.subarray(-2000)), 'the stored bytes');
  const made = await other.good('/iip?FIF=slide.tif&JTL=0,13');
  assert.ok(!made.equals(stored));
  assert.deepEqual(jpegSize(made), jpegSize(stored));
});

test('MAX_ICC and EMBED_ICC', async () => {
  const profiles = async (env) => {
    const other = await under(env);
    const [png, jpeg] = [await other.good('/iip?FIF=profile.png&CVT=png'), await other.good('/iip?FIF=profile.png&CVT=jpeg')];
    assert.equal(png.includes('iCCP'), jpeg.includes('ICC_PROFILE'));
    return png.includes('iCCP');
  };
  assert.equal(await profiles({}), true);
  assert.equal(await profiles({ MAX_ICC: '0' }), false);
  assert.equal(await profiles({ MAX_ICC: '100' }), false, 'it is larger');
  assert.equal(await profiles({ MAX_ICC: '-1' }), true);
  assert.equal(await profiles({ EMBED_ICC: '0' }), false);
});

test('WATERMARK, its opacity and how many pictures get it', async () => {
  const mark = { WATERMARK: scratch.file('mark.png') };
  for (const [env, value] of [[{}, 200], [{ WATERMARK_OPACITY: '0.5' }, 100], [{ WATERMARK_PROBABILITY: '0' }, 0]]) {
    const other = await under({ ...mark, ...env });
    for (const path of ['/iip?FIF=black.png&CVT=png', '/iip?FIF=black.png&PTL=0,0', '/iiif/3/black.png/full/max/0/default.png', '/dz/black.png_files/6/0_0.png']) {
      assert.equal(decodePng(await other.good(path)).at(30, 30)[0], value, `${path} ${JSON.stringify(env)}`);
    }
  }
  const some = await under({ ...mark, WATERMARK_PROBABILITY: '0.5' });
  let marked = 0;
  for (let i = 0; i < 40; i++) marked += decodePng(await some.good(`/iip?FIF=wide.png&RGN=${i / 50},0,0.01,1&WID=60&CVT=png`)).at(30, 0)[0] === 200 ? 1 : 0;
  assert.ok(marked > 5 && marked < 35, `${marked} of 40`);
  const whole = await under(mark);
  assert.ok(!(await whole.good('/iip?FIF=slide.tif&JTL=0,13')).equals(await usual.good('/iip?FIF=slide.tif&JTL=0,13')), 'nothing passes through');
});

test('FILESYSTEM_PREFIX and FILESYSTEM_SUFFIX are text around names', async () => {
  const tile = await usual.good('/iip?FIF=below/slide.tif&JTL=0,13');
  for (const [env, fif] of [[{ FILESYSTEM_PREFIX: `${root}/` }, 'below/slide.tif'], [{ FILESYSTEM_PREFIX: root }, '/below/slide.tif'],
    [{ FILESYSTEM_PREFIX: `${root}/below/sli` }, 'de.tif'], [{ FILESYSTEM_PREFIX: `${root}/`, FILESYSTEM_SUFFIX: '.tif' }, 'below/slide'],
    [{ FILESYSTEM_PREFIX: `${root}/below/`, FILESYSTEM_SUFFIX: '.tif' }, 'slide']]) {
    const other = await under(env, []);
    assert.ok((await other.good(`/iip?FIF=${fif}&JTL=0,13`)).equals(tile), JSON.stringify(env));
    assert.equal((await other.get('/iip?FIF=nothing&JTL=0,13')).status, 404);
  }
});

test('FILENAME_PATTERN', async () => {
  const other = await under({ FILENAME_PATTERN: '_nr_' });
  assert.match(String(await other.good('/iip?FIF=series&OBJ=Horizontal-views')), /^Horizontal-views:0 7\r\n/);
  assert.ok((await other.good('/iip?FIF=series&SDS=7,90&JTL=0,13')).equals(await usual.good('/iip?FIF=slide.tif&JTL=0,13')));
  assert.equal((await usual.get('/iip?FIF=series&JTL=0,13')).status, 404, 'the default is _pyr_');
});

test('CORS', async () => {
  for (const [env, wanted] of [[{}, '*'], [{ CORS: 'https://example.org' }, 'https://example.org'], [{ CORS: '' }, null]]) {
    const other = await under(env);
    for (const path of ['/iip?FIF=slide.tif&JTL=0,13', '/iip?FIF=slide.tif&OBJ=Max-size', '/iiif/3/slide.tif/info.json', '/dz/slide.tif.dzi', '/nothing']) {
      assert.equal((await other.get(path)).headers.get('access-control-allow-origin'), wanted, path);
    }
    const asked = await fetch(`${other.base}/iip`, { method: 'OPTIONS' });
    assert.equal(asked.headers.has('access-control-allow-methods'), wanted !== null);
  }
});

test('CACHE_CONTROL', async () => {
  const other = await under({ CACHE_CONTROL: 'public, max-age=77' });
  for (const path of ['/iip?FIF=slide.tif&JTL=0,13', '/iip?FIF=slide.tif&WID=90&CVT=jpeg', '/iip?FIF=slide.tif&INV&JTL=0,13', '/iiif/3/slide.tif/full/90,/0/default.jpg',
    '/dz/slide.tif_files/8/0_0.jpg', '/zoomify/slide.tif/TileGroup0/0-0-0.jpg', '/iip?FIF=slide.tif&OBJ=Max-size']) {
    assert.equal((await other.get(path)).headers.get('cache-control'), 'public, max-age=77', path);
    assert.equal((await usual.get(path)).headers.get('cache-control'), 'max-age=86400', path);
  }
  const { headers } = await other.get('/iip?FIF=slide.tif&JTL=0,13');
  assert.equal((await other.get('/iip?FIF=slide.tif&JTL=0,13', { 'If-None-Match': headers.get('etag') })).headers.get('cache-control'), 'public, max-age=77', '304');
  assert.notEqual((await other.get('/iip?FIF=nothing.tif&JTL=0,13')).headers.get('cache-control'), 'public, max-age=77', 'faults');
});

test('BASE_URL is what absolute links begin with', async () => {
  const other = await under({ BASE_URL: 'https://pictures.example.org/app/' });
  assert.equal((await other.json('/iiif/3/slide.tif/info.json')).id, 'https://pictures.example.org/app/iiif/3/slide.tif');
  assert.equal((await other.json('/iiif/2/slide.tif/info.json'))['@id'], 'https://pictures.example.org/app/iiif/2/slide.tif');
  assert.equal((await other.get('/iiif/3/slide.tif')).headers.get('location'), 'https://pictures.example.org/app/iiif/3/slide.tif/info.json');
  assert.match((await other.get('/iiif/3/slide.tif/full/90,/0/default.jpg')).headers.get('link'), /^<https:\/\/pictures\.example\.org\/app\/iiif\/3\/slide\.tif\//);
  assert.equal((await usual.json('/iiif/3/slide.tif/info.json')).id, `${usual.base}/iiif/3/slide.tif`);
});

test('URI_MAP', async () => {
  const tile = await usual.good('/iip?FIF=slide.tif&JTL=0,13');
  for (const [map, path] of [['p=>IIIF', '/p/slide.tif/info.json'], ['/p=>iiif', '/p/below%2Fslide.tif/full/90,/0/default.jpg'], ['deep/zoom=>DeepZoom', '/deep/zoom/slide.tif.dzi'],
    ['zoom=>Zoomify', '/zoom/slide.tif/ImageProperties.xml'], ['old=>IIP', '/old/FIF=slide.tif&JTL=0,13']]) {
    const other = await under({ URI_MAP: map });
    const bytes = await other.good(path);
    if (map.endsWith('IIP')) assert.ok(bytes.equals(tile), map);
    assert.equal((await usual.get(path)).status, 404, path);
    assert.equal((await other.get('/elsewhere/slide.tif')).status, 404);
  }
});

test('IIIF_VERSION, IIIF_DELIMITER, IIIF_EXTRA_INFO, IIIF_EXTENSIONS and COPYRIGHT', async () => {
  const other = await under({ IIIF_VERSION: '2', IIIF_DELIMITER: '~~', IIIF_EXTRA_INFO: '"logo":"https://example.org/l.png","x":[1,{"y":"\u00e9"}]', IIIF_EXTENSIONS: '1', COPYRIGHT: 'https://example.org/by' });
  assert.equal((await other.json('/iiif/slide.tif/info.json'))['@context'], 'http://iiif.io/api/image/2/context.json');
  assert.equal((await usual.json('/iiif/slide.tif/info.json'))['@context'], 'http://iiif.io/api/image/3/context.json');
  const two = await other.json('/iiif/2/below~~slide.tif/info.json');
  const three = await other.json('/iiif/3/below~~slide.tif/info.json');
  assert.equal(two.license, 'https://example.org/by');
  assert.equal(three.rights, 'https://example.org/by');
  for (const info of [two, three]) assert.deepEqual([info.logo, info.x], ['https://example.org/l.png', [1, { y: '\u00e9' }]]);
  assert.equal((await usual.get('/iiif/3/below~~slide.tif/info.json')).status, 404);
  assert.equal(String(await other.good('/iip?FIF=stripes.png&OBJ=rights')), 'https://example.org/by\r\n');
  const negative = decodePng(await other.good('/iiif/3/black.png/full/max/0/negative.png'));
  assert.deepEqual(negative.at(5, 5).slice(0, 3), [255, 255, 255]);
  for (const quality of ['stretch', 'equalization', 'log']) await other.good(`/iiif/3/slide.tif/full/90,/0/${quality}.jpg`);
  assert.equal((await usual.get('/iiif/3/black.png/full/max/0/negative.png')).status, 400);
});

test('MAX_IMAGE_CACHE_SIZE: what is computed is kept in as much, or not at all', async () => {
  for (const [env, entries] of [[{}, 12], [{ MAX_IMAGE_CACHE_SIZE: '0' }, 0]]) {
    const other = await under(env);
    for (let i = 0; i < 12; i++) await other.good(`/iip?FIF=slide.tif&RGN=0.${i + 10},0.1,0.2,0.2&WID=200&CVT=png`);
    assert.equal(await other.metric('cache_entries'), entries, JSON.stringify(env));
  }
  const small = await under({ MAX_IMAGE_CACHE_SIZE: '0.2' });
  for (let i = 0; i < 12; i++) await small.good(`/iip?FIF=slide.tif&RGN=0.${i + 10},0.1,0.2,0.2&WID=200&CVT=png`);
  assert.ok((await small.metric('cache_bytes')) <= 0.2 * 1024000);
});

test('MAX_METADATA_CACHE_SIZE and its other name: pictures kept open', async () => {
  const names = ['slide.tif', 'below/slide.tif', 'stripes.png', 'black.png'];
  for (const [env, most] of [[{}, 4], [{ MAX_METADATA_CACHE_SIZE: '-1' }, 4], [{ MAX_METADATA_CACHE_SIZE: '2' }, 2], [{ MAX_IMAGE_METADATA_CACHE_SIZE: '2' }, 2]]) {
    const other = await under(env);
    for (const name of names) await other.good(`/iip?FIF=${name}&OBJ=Max-size`);
    assert.equal(await other.metric('open_pictures'), most, JSON.stringify(env));
  }
});

test('OMP_NUM_THREADS and MICROTOME_MEMORY', async () => {
  for (const count of ['1', '3']) assert.equal(await (await under({ OMP_NUM_THREADS: count })).metric('pool_threads'), Number(count));
  const small = await under({ MICROTOME_MEMORY: '100' });
  await eventually(() => /100 MiB by MICROTOME_MEMORY: 12 MiB for computed pictures/.test(small.server.err), 'its line');
});

test('LOGFILE, VERBOSITY and LOGLEVEL', async () => {
  const lines = async (env) => {
    const file = scratch.file(`log-${Object.values(env).join('')}`);
    const other = await under({ LOGFILE: file, ...env });
    await other.get('/iip?FIF=nothing.tif&JTL=0,0');
    await other.server.stop();
    assert.equal(other.server.err, '', 'nothing on standard error');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  const info = await lines({ VERBOSITY: '2' });
  assert.match(info, /info: listening on/);
  assert.equal(await lines({ VERBOSITY: '0' }), '');
  assert.doesNotMatch(await lines({ VERBOSITY: '1' }), /info:/);
  assert.match(await lines({ LOGLEVEL: 'INFO' }), /info: listening on/);
  assert.equal(await lines({ LOGLEVEL: 'ERROR' }), '');
  const nowhere = await under({ LOGFILE: scratch.file('mark.png/log') });
  await eventually(() => /LOGFILE: .*\n.*listening on/.test(nowhere.server.err), 'goes on with standard error, and says why');
});

test('what means nothing here is understood, and the log says so', async () => {
  const set = { MEMCACHED_SERVERS: 'localhost', MEMCACHED_TIMEOUT: '86400', KAKADU_READMODE: '1', AVIF_CODEC: '1', DECODER_MODULES: '/x.so', MAX_VIEW_STRUCT_CACHE_COUNT: '1024', MAX_VIEW_STRUCT_CACHE_SIZE: '1024' };
  const other = await under(set);
  for (const name of Object.keys(set)) await eventually(() => other.server.err.includes(`${name} has no effect here`), name);
  assert.ok((await other.good('/iip?FIF=slide.tif&JTL=0,13')).equals(await usual.good('/iip?FIF=slide.tif&JTL=0,13')));
  assert.equal(readdirSync(root).length, 8, 'and nothing was written');
});
