// SPDX-License-Identifier: Apache-2.0
// Variables and flags with values that make no sense stop the start and are named; the manual has every variable.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { bin, spawnSync, top } from '../lib/process.mjs';
import { test } from '../lib/test.mjs';

const program = `${bin}/microtome`;
const check = (env, args = []) => spawnSync(program, ['serve', top, '--check', ...args], { encoding: 'utf8', env: { ...process.env, ...env } });
const help = spawnSync(program, ['serve', '--help'], { encoding: 'utf8' }).stdout;
const flags = new Map([...help.matchAll(/(--[a-z0-9-]+) VALUE\s+([^[]*)\[([A-Z0-9_]+)\]/g)].map(([, flag, , name]) => [name, flag]));

// One value for each variable that is no word of its own; "line" is a text with an end of line in it.
const line = 'a\nX-Other: b';
const bad = {
  LOGFILE: [line], VERBOSITY: ['', '-1', '11', '2x'], LOGLEVEL: ['', 'LOUD'], ACCESS_LOG: [line], ACCESS_LOG_FORMAT: ['', 'xml'],
  MAX_IMAGE_CACHE_SIZE: ['', '-1', '10MB', 'nan', 'inf'], MAX_METADATA_CACHE_SIZE: ['', '-2', 'all'], MAX_IMAGE_METADATA_CACHE_SIZE: ['-2'],
  FILENAME_PATTERN: [line], FILESYSTEM_PREFIX: [line], FILESYSTEM_SUFFIX: [line],
  JPEG_QUALITY: ['', '0', '101', '75%'], PNG_QUALITY: ['-1', '10', '1.5'], WEBP_QUALITY: ['-2', '101'], AVIF_QUALITY: ['-2', '101'], AVIF_CODEC: ['4', 'aom'],
  TIFF_COMPRESSION: ['-1', '6', 'lzw'], TIFF_QUALITY: ['0', '101'], MAX_CVT: ['', '0', '-2', '3000px', '99999999999999999999'], MAX_LAYERS: ['-2', 'half'],
  ALLOW_UPSCALING: ['2', 'no'], INTERPOLATION: ['3', 'bilinear'], CODEC_PASSTHROUGH: ['yes'], MAX_ICC: ['-2', 'all'], EMBED_ICC: ['2', 'yes'],
  WATERMARK: [line, '/no/such/file.png', join(top, 'README.md')], WATERMARK_OPACITY: ['', '1.5', '-0.1', 'nan', '50%'], WATERMARK_PROBABILITY: ['2', 'nan'],
  CORS: [line], CACHE_CONTROL: [line], BASE_URL: [line, 'example.org', 'ftp://example.org', 'https://a b/'], URI_MAP: ['x', 'x=>FTP', '=>', `${line}=>IIIF`],
  IIIF_VERSION: ['', '1', '4'], IIIF_DELIMITER: [line], IIIF_EXTRA_INFO: ['x', '"a":', '"a":1,', '{"a":1}', '"a":1}'], IIIF_EXTENSIONS: ['2'], COPYRIGHT: [line],
  OMP_NUM_THREADS: ['0', '257', 'all'], KAKADU_READMODE: ['3'], DECODER_MODULES: [line], DECODER_MODULE: [line], MEMCACHED_SERVERS: [line], MEMCACHED_TIMEOUT: ['-1', 'day'],
  MAX_WLZOBJ_CACHE_COUNT: ['-1', ''], MAX_WLZOBJ_CACHE_SIZE: ['-1', '1G'], MAX_VIEW_STRUCT_CACHE_COUNT: ['-1'], MAX_VIEW_STRUCT_CACHE_SIZE: ['x'],
  WLZ_TILE_WIDTH: ['0', '7', '8193', '100.5'], WLZ_TILE_HEIGHT: ['0', '8193'], COMPLEX_SELECTION: ['-1', '3'], WLZ_CACHE_DIR: [line],
  PYRAMIDS: ['', 'somewhere', '/x\ny'], CACHE_QUOTA: ['-1', '20G'], MICROTOME_MEMORY: ['', '0', '-1', '1G'],
};

test('every variable has a flag, bad values here, and its place in the manual', () => {
  assert.deepEqual([...flags.keys()].sort(), Object.keys(bad).sort());
  const manual = readFileSync(join(top, 'docs/manual.md'), 'utf8');
  for (const name of flags.keys()) assert.match(manual, new RegExp(`\`${name}[\`=]`), `${name} in docs/manual.md`);
});

for (const [name, values] of Object.entries(bad)) {
  test(`${name}: a bad value stops the start and is named`, () => {
    for (const value of values) {
      const { status, stderr } = check({ [name]: value });
      assert.ok(status === 1 || status === 2, `${name}=${value} was taken`);
      assert.ok(stderr.includes(name), stderr);
      assert.ok(!stderr.includes('X-Other'), 'and writes no lines of its own');
      const flag = spawnSync(program, ['serve', top, '--check', flags.get(name), value], { encoding: 'utf8' });
      assert.notEqual(flag.status, 0, `${flags.get(name)} ${value} was taken`);
    }
  });
}

test('a prefix that leads nowhere is named', () => {
  const { status, stderr } = spawnSync(program, ['serve', '--check'], { encoding: 'utf8', env: { ...process.env, FILESYSTEM_PREFIX: '/no/such/place/' } });
  assert.ok(status === 1 || status === 2);
  assert.match(stderr, /FILESYSTEM_PREFIX/);
});

test('a flag wins over its variable; good values are good', () => {
  assert.equal(check({ JPEG_QUALITY: '10' }, ['--jpeg-quality', '20']).status, 0);
  const fine = { MAX_IMAGE_CACHE_SIZE: '65.5', MAX_CVT: '-1', URI_MAP: '', CORS: '', WATERMARK: '', BASE_URL: '', IIIF_EXTRA_INFO: '', IIIF_DELIMITER: '', COPYRIGHT: '\u00a9 me', CACHE_CONTROL: 'public, max-age=1' };
  const { status, stderr } = check(fine);
  assert.equal(status, 0, stderr);
});
