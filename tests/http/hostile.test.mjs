// SPDX-License-Identifier: Apache-2.0
// What strangers, broken files and impatient clients do to a running `microtome serve`: the right status, a short message,
// no path, no crash, nothing else disturbed.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from '../lib/test.mjs';
import { deflateSync } from 'node:zlib';
import { top, until, World } from '../e2e/servers.mjs';

let world;
let root;
let server;
const slide = join(top, 'tests/fixtures/CMU-1-Small-Region.svs');
const good = 'FIF=slide/a.svs&JTL=0,0';

before(async () => {
  world = new World();
  root = world.path('root/.keep').replace(/\/.keep$/, '');
  mkdirSync(join(root, 'slide'), { recursive: true });
  mkdirSync(world.path('secret'), { recursive: true });
  copyFileSync(slide, join(root, 'slide/a.svs'));
  copyFileSync(slide, world.path('secret/outside.svs'));
  symlinkSync(world.path('secret/outside.svs'), join(root, 'slide/link.svs'));
  symlinkSync(world.path('secret'), join(root, 'way-out'));
  server = await world.serve(['serve', root, '--listen', '127.0.0.1:0', '--log-file', world.path('log')]);
});

after(async () => {
  await alive();
  await world?.close();
});

// Unlike fetch, sends the path as it is: dot segments, spaces and all.
const ask = (path, { method = 'GET', headers = {}, body } = {}) =>
  new Promise((done, failed) => {
    const { hostname, port } = new URL(server.address);
    const bytes = Buffer.from(path).toString('latin1').replace(/[^!-~]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
    const sent = request({ hostname, port, path: bytes, method, headers, agent: false }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', failed);
      response.on('end', () =>
        done({ status: response.statusCode, bytes: Buffer.concat(parts), headers: { get: (name) => response.headers[name] } }));
    });
    sent.on('error', failed);
    sent.end(body);
  });

async function alive() {
  assert.equal(server.how, undefined, `the server ended: ${server.errors}`);
  const answer = await ask(`/iip?${good}`);
  assert.equal(answer.status, 200, 'a good tile after all that');
}

async function refuses(path, statuses, options) {
  const answer = await ask(path, options);
  const text = answer.bytes.toString('latin1');
  assert.ok([statuses].flat().includes(answer.status), `${path.slice(0, 120)}: ${answer.status}, wanted ${statuses}: ${text.slice(0, 200)}`);
  assert.ok(!text.includes(world.dir), `${path.slice(0, 120)} shows a path of the server`);
  assert.ok(answer.bytes.length < 500, `${path.slice(0, 120)}: a long message`);
}

test('path traversal in every spelling', async () => {
  const names = [
    '../secret/outside.svs', 'slide/../../secret/outside.svs', '..%2fsecret%2foutside.svs', '%2e%2e/secret/outside.svs',
    '%2e%2e%2fsecret%2foutside.svs', '....//secret/outside.svs', '..%5csecret%5coutside.svs', '%252e%252e%252fsecret/outside.svs',
    '%c0%ae%c0%ae/secret/outside.svs', './../secret/outside.svs', 'slide/..', '..', '.', '/', '/etc/passwd', '//etc/passwd',
    'file:///etc/passwd', 'slide/a.svs/', 'slide/a.svs/..', `${encodeURIComponent(world.dir)}/secret/outside.svs`,
    'slide/link.svs', 'way-out/outside.svs', 'slide/a.svs%00.jpg', '%00', 'slide', '/proc/self/environ', '/dev/zero', '~/x',
  ];
  for (const name of names) {
    await refuses(`/iip?FIF=${name}&JTL=0,0`, [400, 404]);
    await refuses(`/iip?FIF=${name}&OBJ=Max-size`, [400, 404]);
    await refuses(`/dz/${name}_files/0/0_0.jpg`, [400, 404]);
    // Dot segments that stay inside are resolved: slide/a.svs/../view is slide/view.
    if (!['slide', 'slide/a.svs/..'].includes(name)) await refuses(`/sets/${name}/view?slice=1`, [400, 404]);
    if (!['.', '/', 'slide', 'slide/..', 'slide/a.svs/..'].includes(name)) await refuses(`/sets/${name}/stack.json`, [400, 404]);
  }
});

test('long queries and names', async () => {
  await refuses(`/iip?FIF=${'a'.repeat(100_000)}`, [400, 404, 414, 431]);
  await refuses(`/iip?FIF=${'a/'.repeat(4000)}x&JTL=0,0`, [400, 404, 414]);
  await refuses(`/iip?${'JTL=0,0&'.repeat(1500)}FIF=slide/a.svs`, [400, 404, 414]);
  await refuses(`/${'x/'.repeat(7000)}`, [404, 414]);
  const posted = await ask('/iip', { method: 'POST', body: `FIF=${'a'.repeat(100_000)}` });
  assert.ok([400, 404, 413, 414].includes(posted.status), String(posted.status));
});

test('numbers that are none', async () => {
  for (const n of ['-1', '99999999999999999999', '1e9', 'NaN', 'inf', '-inf', '0x10', '', ' ', '1,2,3', '2147483648', '4294967296', '1.5', '%00', '١']) {
    await refuses(`/iip?FIF=slide/a.svs&JTL=${n},0`, [400, 404]);
    await refuses(`/iip?FIF=slide/a.svs&JTL=0,${n}`, [400, 404]);
    await refuses(`/dz/slide/a.svs_files/${n}/0_0.jpg`, [400, 404]);
  }
  for (const n of ['NaN', 'inf', '-5', '0', '1e300', '99999999999', 'x', '-1e-300', '1e-300']) {
    for (const parameter of ['W', 'H', 'w', 'h', 'q']) {
      const answer = await ask(`/sets/slide/view?slice=1&W=100&H=100&x=0&y=0&${parameter}=${n}`.replace(/&([WH])=100(?=.*&\1=)/, ''));
      assert.ok([200, 400, 404, 413].includes(answer.status), `${parameter}=${n}: ${answer.status}`);
    }
  }
  for (const rgn of ['NaN,0,1,1', '0,0,0,0', '0,0,-1,1', '1e308,1e308,1e308,1e308', 'a,b,c,d', '0,0,1', '0,0,1,1,1,1,1,1,1,1,1']) {
    const answer = await ask(`/iip?FIF=slide/a.svs&WID=50&RGN=${rgn}&CVT=jpeg`);
    assert.ok([200, 400].includes(answer.status), `RGN=${rgn}: ${answer.status}`);
  }
  for (const wid of ['-5', '0', 'NaN', '99999999999', 'x']) {
    const answer = await ask(`/iip?FIF=slide/a.svs&WID=${wid}&CVT=jpeg`);
    assert.ok([200, 400, 413].includes(answer.status), `WID=${wid}: ${answer.status}`);
  }
});

test('tiles beyond the picture', async () => {
  for (const tile of ['0,1000000', '0,-1', '99,0']) await refuses(`/iip?FIF=slide/a.svs&JTL=${tile}`, [400, 404]);
  for (const tile of ['12/100_0', '12/0_100', '13/0_0', '99/0_0', '0/1_0']) await refuses(`/dz/slide/a.svs_files/${tile}.jpg`, [400, 404]);
});

// A PNG of 17000 x 17000 zeros in a few kB of deflate.
function bomb(side) {
  const table = Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; ++k) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
  });
  const crc = (bytes) => {
    let c = 0xffffffff;
    for (const b of bytes) c = table[(c ^ b) & 255] ^ (c >>> 8);
    return (c ^ 0xffffffff) >>> 0;
  };
  const chunk = (type, data) => {
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length, 0);
    out.write(type, 4, 'latin1');
    data.copy(out, 8);
    out.writeUInt32BE(crc(out.subarray(4, 8 + data.length)), 8 + data.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([1, 0, 0, 0, 0], 8); // 1 bit grey
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.alloc((Math.ceil(side / 8) + 1) * side))), chunk('IEND', Buffer.alloc(0))]);
}

test('a decompression bomb is refused without decoding it', async () => {
  writeFileSync(join(root, 'slide/bomb.png'), bomb(30000));
  const before = process.hrtime.bigint();
  await refuses('/iip?FIF=slide/bomb.png&JTL=0,0', [413, 501]);
  await refuses('/dz/slide/bomb.png_files/3/0_0.jpg', [413, 501]);
  assert.ok(process.hrtime.bigint() - before < 20_000_000_000n);
  rmSync(join(root, 'slide/bomb.png'));
});

test('truncated and corrupt files', async () => {
  const bytes = readFileSync(slide);
  const file = join(root, 'slide/broken.svs');
  for (const length of [0, 1, 7, 8, 15, 100, 5000, 100_000, bytes.length - 40_000, bytes.length - 1]) {
    writeFileSync(file, bytes.subarray(0, length));
    await new Promise((done) => setTimeout(done, 600)); // longer than a file is believed to be unchanged
    const iip = ['JTL=0,0', 'JTL=0,50', 'OBJ=Max-size', 'WID=100&CVT=jpeg'].map((query) => `/iip?FIF=slide/broken.svs&${query}`);
    const others = ['dz/slide/broken.svs.dzi', 'dz/slide/broken.svs_files/12/0_0.jpg', 'zoomify/slide/broken.svs/TileGroup0/0-0-0.jpg'];
    for (const path of [...iip, ...others.map((other) => `/${other}`)]) {
      const answer = await ask(path);
      assert.ok([200, 404].includes(answer.status), `${length} bytes, ${path}: ${answer.status}`); // no trouble of the server's
      assert.equal(answer.headers.get('access-control-allow-origin'), '*');
      assert.ok(!answer.bytes.toString('latin1').includes(world.dir));
    }
    await alive();
  }
  rmSync(file);
});

test('a file that changes is never served stale, one that vanishes is gone', async () => {
  const file = join(root, 'slide/changing.jpg');
  const jpegs = ['099', '109'].map((n) => readFileSync(join(top, `demo/GLTa/641_2002_2568_NM01_s${n}.jpg`)));
  writeFileSync(file, jpegs[0]);
  const first = await ask('/iip?FIF=slide/changing.jpg&WID=100&CVT=jpeg');
  assert.equal(first.status, 200);
  writeFileSync(`${file}.new`, jpegs[1]);
  renameSync(`${file}.new`, file);
  await until('the new picture is served', async () => {
    const now = await ask('/iip?FIF=slide/changing.jpg&WID=100&CVT=jpeg', { headers: { 'If-None-Match': first.headers.get('etag') } });
    return now.status === 200 && !now.bytes.equals(first.bytes) && now.headers.get('etag') !== first.headers.get('etag');
  });
  rmSync(file);
  await until('the file is gone', async () => (await ask('/iip?FIF=slide/changing.jpg&WID=100&CVT=jpeg')).status === 404);
  // Cut off while it is open and known.
  const cut = join(root, 'slide/cut.svs');
  copyFileSync(slide, cut);
  assert.equal((await ask('/iip?FIF=slide/cut.svs&JTL=0,0')).status, 200);
  truncateSync(cut, 3000);
  for (let i = 0; i < 20; ++i) {
    // Within the moment of belief a passed-through tile is a cut connection; after it an error. Never a whole-looking answer.
    const answer = await ask(`/iip?FIF=slide/cut.svs&JTL=0,${100 + i}`).catch(() => ({ status: 0 }));
    assert.ok([0, 404, 500, 501].includes(answer.status), String(answer.status));
  }
  rmSync(cut);
});

test('clients that leave, and clients that read nothing, disturb nobody', async () => {
  const { port } = new URL(server.address);
  const sockets = [];
  for (let i = 0; i < 200; ++i) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET /sets/slide/view?slice=1&W=${800 + i}&H=800 HTTP/1.1\r\nHost: x\r\n\r\n`);
    if (i % 2 === 0) setTimeout(() => socket.destroy(), 5);
    else {
      socket.pause();
      sockets.push(socket);
    }
  }
  for (let i = 0; i < 20; ++i) await alive();
  for (const socket of sockets) socket.destroy();
  await alive();
});

test('methods and shapes of requests', async () => {
  assert.equal((await ask(`/iip?${good}`, { method: 'HEAD' })).status, 200);
  const options = await ask(`/iip?${good}`, { method: 'OPTIONS' });
  assert.ok([200, 204].includes(options.status));
  assert.equal(options.headers.get('access-control-allow-origin'), '*');
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const answer = await ask(`/iip?${good}`, { method });
    assert.equal(answer.status, 405);
    assert.match(answer.headers.get('allow'), /GET/);
  }
  await refuses('/nothing/here', 404);
  await refuses('/sets/none/stack.json', 404);
  await refuses('/sets/slide/view?slice=999', 404);
  await refuses('/sets/slide/view', 400);
});
