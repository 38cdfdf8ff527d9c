// SPDX-License-Identifier: Apache-2.0
// The set-up of 2017, for real: Debian's lighttpd with the configuration of that time starts wlziipsrv.fcgi; an nginx in
// front maps /cgi-bin/wlziipsrv.fcgi to lighttpd's port and strips the path; Chromium looks at slice 41 of S2897L.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from '../lib/test.mjs';
import { bin, body, browser, freePort, importSet, top, until, World } from './servers.mjs';

let world;
let docroot;
let front; // as the world sees it
let lighttpd;

before(async () => {
  world = new World();
  docroot = world.path('webapps/wp_visorb_2017/.keep').replace(/\/.keep$/, '');
  await importSet(world, docroot);
  // The configuration as it was, with our paths and port put in; the app under its old name.
  mkdirSync(world.path('build/WlzIIPSrv/src'), { recursive: true });
  symlinkSync(join(bin, 'wlziipsrv.fcgi'), world.path('build/WlzIIPSrv/src/wlziipsrv.fcgi'));
  mkdirSync(world.path('webapps/visorb_iipsrv'), { recursive: true });
  const port = await freePort();
  const config = readFileSync(join(top, 'tests/fixtures/host/visorb/completed.conf'), 'utf8')
    .replaceAll('/home/myusername/', `${world.dir}/`)
    .replace('22430', String(port));
  lighttpd = await world.lighttpd(config);
  const public_ = await freePort();
  await world.nginx(`server { listen 127.0.0.1:${public_};
    location = /cgi-bin/wlziipsrv.fcgi { proxy_pass http://127.0.0.1:${port}/; }
    location /cgi-bin/wlziipsrv.fcgi/ { proxy_pass http://127.0.0.1:${port}/; } }`);
  front = `http://127.0.0.1:${public_}/cgi-bin/wlziipsrv.fcgi`;
  await until('the app answers through both servers', async () => (await fetch(`${front}/healthz`)).ok);
});

after(async () => {
  await world?.close();
});

test('IIP through nginx and lighttpd: handshake, tile, export', async () => {
  const hello = await body(`${front}?FIF=S2897L/S2897L_pyr_0041.tif&obj=IIP,1.0&obj=Max-size&obj=Tile-size&obj=Resolution-number`);
  assert.equal(hello.status, 200);
  assert.match(hello.bytes.toString(), /^IIP:1\.0\r\nMax-size:1024 670\r\nTile-size:256 256\r\nResolution-number:3\r\n$/);

  const tile = await body(`${front}?FIF=S2897L/S2897L_pyr_0041.tif&JTL=2,0`);
  assert.equal(tile.status, 200);
  assert.equal(tile.headers.get('content-type'), 'image/jpeg');
  assert.equal(Number(tile.headers.get('content-length')), tile.bytes.length);
  // Passed through: what lies between the file's first tile's SOI and EOI is in the answer as it is in the file.
  const file = readFileSync(join(docroot, 'S2897L/S2897L_pyr_0041.tif'));
  const scan = tile.bytes.subarray(tile.bytes.length - 2000);
  assert.ok(file.includes(scan), 'the tile is not the stored one');

  const all = await body(`${front}?FIF=S2897L/S2897L_pyr_0041.tif&WID=400&CVT=jpeg`);
  assert.equal(all.status, 200);
  assert.deepEqual(jpegSize(all.bytes), { width: 400, height: 262 });
});

test('the variables of the configuration hold', async () => {
  // MAX_CVT 3000: an export is at most that wide.
  const big = await body(`${front}?FIF=S2897L/S2897L_pyr_0041.tif&WID=4000&CVT=jpeg`);
  assert.equal(big.status, 200);
  assert.equal(jpegSize(big.bytes).width, 3000);
  // JPEG_QUALITY 50: the first quantiser of the standard luminance table at quality 50 is 16, at 75 it is 8.
  const export_ = await body(`${front}?FIF=S2897L/S2897L_pyr_0041.tif&WID=300&CVT=jpeg`);
  assert.equal(firstQuantiser(export_.bytes), 16);
  // LOGFILE and VERBOSITY: something was logged there.
  const log = world.path('webapps/visorb_iipsrv/iipsrv.log');
  assert.ok(existsSync(log), 'no log file');
  assert.notEqual(readFileSync(log, 'utf8'), '');
  // The socket that lighttpd made for the one process it was told to run.
  assert.ok(existsSync(world.path('webapps/visorb_iipsrv/wlziipsrv-fastcgi.socket-0')));
});

test('nothing outside the document root is served', async () => {
  for (const name of ['/etc/passwd', '../../../etc/passwd', '..%2f..%2f..%2fetc%2fpasswd', `${world.dir}/lighttpd.conf`]) {
    const answer = await body(`${front}?FIF=${name}&JTL=0,0`);
    assert.equal(answer.status, 404, name);
    assert.ok(!answer.bytes.includes(world.dir), 'the answer shows a path of the server');
  }
  // An absolute path below the document root is what the old server took.
  const absolute = await body(`${front}?FIF=${docroot}/S2897L/S2897L_pyr_0041.tif&JTL=0,0`);
  assert.equal(absolute.status, 200);
});

test('Chromium opens slice 41 of S2897L through nginx and sees its pixels', async () => {
  const chromium = await browser(world);
  try {
    const page = await chromium.newPage({ viewport: { width: 1000, height: 700 } });
    const errors = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`${front}/v/S2897L/40`);
    await page.waitForSelector('[data-slice-shown="40"][data-sharp="true"]');
    // To slice 41 as a person would: type its number.
    await page.fill('#number', '41');
    await page.press('#number', 'Enter');
    await page.waitForSelector('[data-slice-shown="41"][data-sharp="true"]');
    // The address follows a moment after the picture.
    await until('the address bar says slice 41', () => /\/cgi-bin\/wlziipsrv\.fcgi\/v\/S2897L\/41(\?|$)/.test(page.url()));

    // The middle of the canvas holds what the server says lies in the middle of slice 41, and not of slice 40.
    const seen = await canvasPatch(page);
    const [own, other] = await Promise.all(['41', '40'].map((n) => slicePatch(page, `${front}/sets/S2897L/view?slice=${n}`)));
    const near = difference(seen, own);
    const far = difference(seen, other);
    assert.ok(near < 12, `the pixels differ from slice 41 by ${near}`);
    assert.ok(far > near * 2, `the pixels are as near to slice 40 (${far}) as to slice 41 (${near})`);
    assert.deepEqual(errors, []);
  } finally {
    await chromium.close();
  }
});

test('lighttpd stops its app and takes the socket away', async () => {
  const how = await world.stop(lighttpd, 'SIGINT');
  assert.equal(how.code, 0);
  await until('no wlziipsrv.fcgi of ours runs', () => !processes().some((line) => line.includes(world.dir)));
});

// --- pictures ---

function jpegSize(bytes) {
  for (let at = 2; at < bytes.length;) {
    const marker = bytes[at + 1];
    if (marker >= 0xc0 && marker <= 0xc3) {
      return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  throw new Error('no SOF');
}

function firstQuantiser(bytes) {
  const at = bytes.indexOf(Buffer.from([0xff, 0xdb]));
  return bytes[at + 5];
}

// 16x16 mean colours of the middle half of what the canvas shows of the slice.
const canvasPatch = (page) =>
  page.evaluate(() => {
    const canvas = document.querySelector('#canvas');
    const small = document.createElement('canvas');
    small.width = small.height = 16;
    // The slice is fitted into the canvas: its middle is the canvas's middle, its width or height fills it.
    const aspect = 1024 / 670;
    const width = Math.min(canvas.width, canvas.height * aspect) / 2;
    const height = width / aspect;
    const context = small.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(canvas, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height, 0, 0, 16, 16);
    return [...context.getImageData(0, 0, 16, 16).data];
  });

const slicePatch = (page, url) =>
  page.evaluate(async (address) => {
    const picture = await createImageBitmap(await (await fetch(address)).blob());
    const small = document.createElement('canvas');
    small.width = small.height = 16;
    const context = small.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, picture.width / 4, picture.height / 4, picture.width / 2, picture.height / 2, 0, 0, 16, 16);
    return [...context.getImageData(0, 0, 16, 16).data];
  }, url);

const difference = (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;

const processes = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes('wlziipsrv.fcgi'));
