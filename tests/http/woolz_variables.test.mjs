// SPDX-License-Identifier: Apache-2.0
// What the variables of WlzIIPSrv change.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { decodePng, encodePng } from '../lib/png.mjs';
import { bin, eventually, execFileSync, scratchDir, start, top } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

const scratch = scratchDir('woolz-variables');
const root = scratch.file('objects');
const running = [];

async function under(env) {
  const server = await start(`${bin}/microtome`, ['serve', root, '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+:\d+)/, env });
  running.push(server);
  const good = async (path) => {
    const answer = await fetch(server.match[1] + path);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(answer.status, 200, `${path}: ${bytes.subarray(0, 80)}`);
    return bytes;
  };
  const metric = async (name) => Number(new RegExp(`^microtome_${name} (\\S+)$`, 'm').exec(String(await good('/metrics')))[1]);
  return { server, good, metric };
}

before(() => {
  mkdirSync(root);
  copyFileSync(join(top, 'tests/golden/wlz/samples/comp_grey.wlz.gz'), `${root}/compound.wlz.gz`);
  mkdirSync(scratch.file('planes'));
  for (let z = 0; z < 130; z++) writeFileSync(scratch.file(`planes/p${z}.png`), encodePng(160, 170, (x, y) => [x + 1, y + 1, z + 1]));
  const convert = (...args) => execFileSync(`${bin}/microtome`, ['import', ...args, '--progress', 'lines'], { stdio: 'ignore' });
  convert(...Array.from({ length: 5 }, (_, z) => scratch.file(`planes/p${z}.png`)), '--to', `${root}/small.wlz`);
  convert(...Array.from({ length: 4 }, (_, z) => scratch.file(`planes/p${z}.png`)), '--to', `${root}/other.wlz`);
  convert(scratch.file('planes'), '--to', `${root}/large.wlz`);
});
after(async () => {
  for (const server of running) await server.stop();
  scratch.remove();
});

test('WLZ_TILE_WIDTH and WLZ_TILE_HEIGHT', async () => {
  for (const [env, size] of [[{}, [100, 100]], [{ WLZ_TILE_WIDTH: '64', WLZ_TILE_HEIGHT: '32' }, [64, 32]]]) {
    const server = await under(env);
    assert.equal(String(await server.good('/iip?WLZ=small.wlz&DST=2&MOD=zeta&OBJ=Tile-size')).trim(), `Tile-size:${size[0]} ${size[1]}`);
    const tile = decodePng(await server.good('/iip?WLZ=small.wlz&DST=2&MOD=zeta&PTL=0,0'));
    assert.deepEqual([tile.width, tile.height], size);
  }
});

test('COMPLEX_SELECTION: what costs more than is allowed selects nothing', async () => {
  const drawn = async (server, selection) => {
    const { width, height, at } = decodePng(await server.good(`/iip?WLZ=compound.wlz.gz&DST=30&SEL=${selection},255,0,0&PTL=0,0`));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) if (at(x, y).some((value) => value !== 0)) return true;
    }
    return false;
  };
  for (const [level, shown] of [['0', [true, false, false]], ['1', [true, true, false]], ['2', [true, true, true]], [undefined, [true, true, true]]]) {
    const server = await under(level === undefined ? {} : { COMPLEX_SELECTION: level });
    const got = [];
    for (const selection of ['1', 'domain(1)', 'union(1,3)']) got.push(await drawn(server, selection));
    assert.deepEqual(got, shown, `COMPLEX_SELECTION=${level}`);
  }
});

test('MAX_WLZOBJ_CACHE_COUNT and MAX_WLZOBJ_CACHE_SIZE: objects and selections that are kept', async () => {
  for (const [env, kept] of [[{}, 4], [{ MAX_WLZOBJ_CACHE_COUNT: '1' }, 1], [{ MAX_WLZOBJ_CACHE_COUNT: '0' }, 0], [{ MAX_WLZOBJ_CACHE_SIZE: '0' }, 0]]) {
    const server = await under(env);
    for (const request of ['WLZ=small.wlz&PTL=0,0', 'WLZ=other.wlz&PTL=0,0', 'WLZ=compound.wlz.gz&SEL=union(1,3),255,0,0&PTL=0,0']) await server.good(`/iip?${request}`);
    assert.equal(await server.metric('woolz_kept'), kept, JSON.stringify(env));
    assert.equal((await server.metric('woolz_bytes')) > 0, kept > 0);
  }
});

test('WLZ_CACHE_DIR: bricks lie there, and not beside the object', async () => {
  const elsewhere = scratch.file('bricks');
  mkdirSync(elsewhere);
  const server = await under({ WLZ_CACHE_DIR: elsewhere });
  await server.good('/iip?WLZ=large.wlz&DST=2&MOD=zeta&PTL=0,0');
  const made = () => execFileSync('find', [elsewhere, '-type', 'f'], { encoding: 'utf8' }).trim();
  await eventually(() => made() !== '', 'bricks');
  assert.ok(!existsSync(`${root}/large.wlz.bricks`));
  const usual = await under({});
  await usual.good('/iip?WLZ=large.wlz&DST=2&MOD=zeta&PTL=0,0');
  await eventually(() => existsSync(`${root}/large.wlz.bricks`), 'beside it');
});

test('COPYRIGHT, IIIF_EXTRA_INFO and IIIF_VERSION are in the info.json of sections', async () => {
  const server = await under({ COPYRIGHT: 'https://example.org/by', IIIF_EXTRA_INFO: '"logo":"https://example.org/l.png"', IIIF_VERSION: '2' });
  const view = encodeURIComponent('small.wlz/section/yaw=20,pitch=45');
  const info = async (front) => JSON.parse(await server.good(`/iiif/${front}${view}/info.json`));
  const [three, two, usual] = [await info('3/'), await info('2/'), await info('')];
  assert.deepEqual([three.rights, two.license, usual.license], Array(3).fill('https://example.org/by'));
  for (const one of [three, two, usual]) assert.equal(one.logo, 'https://example.org/l.png');
  const plain = await under({});
  const [etag, other] = await Promise.all([server, plain].map(async (one) => (await fetch(`${one.server.match[1]}/iiif/3/${view}/info.json`, { headers: { Host: 'x' } })).headers.get('etag')));
  assert.notEqual(etag, other, 'other settings, another ETag');
});
