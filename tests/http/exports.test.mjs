// SPDX-License-Identifier: Apache-2.0
// Exports that are made while they are sent: whole and right, with memory for a few strips, at the reader's pace, and
// given up when the reader leaves.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from '../lib/test.mjs';

import { Fcgi } from '../lib/fcgi.mjs';
import { decodePng, encodePng } from '../lib/png.mjs';
import { bin, eventually, execFileSync, scratchDir, sleep, start } from '../lib/process.mjs';
import { Raw } from '../lib/raw.mjs';

// 4096 x 4096, in squares of 64 whose colour says where they are.
const side = 4096;
const colour = (x, y) => [(x >> 6) * 4, (y >> 6) * 4, (((x >> 6) + (y >> 6)) & 1) * 200];
const scratch = scratchDir('exports');
let server;
let port;

const vips = (...args) => execFileSync('vips', args, { stdio: 'ignore' });

before(async () => {
  writeFileSync(scratch.file('squares.png'), encodePng(64, 64, (x, y) => colour(x << 6, y << 6)));
  vips('zoom', scratch.file('squares.png'), scratch.file('squares.v'), '64', '64');
  vips('tiffsave', scratch.file('squares.v'), scratch.file('a.tif'), '--tile', '--pyramid', '--compression', 'jpeg', '--Q', '95');
  execFileSync('cp', [scratch.file('a.tif'), scratch.file('broken.tif')]);
  server = await start(`${bin}/microtome`, ['serve', scratch.path, '--listen', '127.0.0.1:0', '--fastcgi', `unix:${scratch.file('s')}`, '--threads', '2'],
    { ready: /listening on http:\S+:(\d+)/ });
  port = Number(server.match[1]);
});

after(async () => {
  const how = await server?.stop();
  scratch.remove();
  assert.deepEqual(how, { code: 0, signal: null });
});

const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;
const most = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;

async function fetched(target) {
  const raw = await Raw.open(port);
  raw.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const answer = await raw.response({ ms: 60000 });
  raw.close();
  assert.equal(answer.status, 200, answer.body.toString('latin1').slice(0, 100));
  assert.equal(answer.whole, true);
  return answer;
}
// Any picture by libvips, shrunk to one pixel a square.
function read(bytes, extension) {
  writeFileSync(scratch.file(`out.${extension}`), bytes);
  vips('shrink', scratch.file(`out.${extension}`), scratch.file('read.png'), '64', '64');
  return decodePng(readFileSync(scratch.file('read.png')));
}
function shows(picture) {
  for (let i = 0; i < 64; i += 3) {
    for (const [x, y] of [[i, i], [63 - i, i], [i, 5], [5, i]]) {
      const expected = colour(x << 6, y << 6);
      const pixel = picture.at(x, y);
      // JPEG rings at the edges of squares.
      assert.ok(expected.every((value, c) => Math.abs(value - pixel[c]) < 40), `${x},${y}: ${pixel} is not ${expected}`);
    }
  }
}

test('JPEG, PNG and TIFF of a large picture are whole and right, and take little memory', async () => {
  const warm = await fetched('/iiif/3/a.tif/0,0,1024,1024/512,/0/default.jpg');
  assert.ok(warm.body.length > 0);
  const before = most();
  for (const [format, chunked] of [['jpg', true], ['png', true], ['tif', false]]) {
    const answer = await fetched(`/iiif/3/a.tif/full/max/0/default.${format}`);
    assert.equal(/chunked/i.test(answer.headers['transfer-encoding'] ?? ''), chunked, format);
    assert.ok(answer.headers.etag);
    const picture = read(answer.body, format);
    assert.deepEqual([picture.width, picture.height], [64, 64]);
    shows(picture);
  }
  shows(read((await fetched('/iip?FIF=a.tif&WID=4096&CVT=jpeg')).body, 'jpg'));
  assert.ok(most() - before < 32, `${most() - before} MiB more than before`);
});

test('conditional requests and HEAD make nothing', async () => {
  const { headers } = await fetched('/iiif/3/a.tif/full/4000,/0/default.jpg');
  const raw = await Raw.open(port);
  raw.write(`GET /iiif/3/a.tif/full/4000,/0/default.jpg HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${headers.etag}\r\n\r\n`);
  assert.equal((await raw.response()).status, 304);
  raw.write('HEAD /iiif/3/a.tif/full/4000,/0/default.jpg HTTP/1.1\r\nHost: x\r\n\r\n');
  const head = await raw.response({ method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.headers.etag, headers.etag);
  raw.close();
});

// Reads nothing more until resume().
async function slow(target) {
  const raw = await Raw.open(port);
  raw.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await raw.until(() => raw.size > 0);
  raw.socket.pause();
  return raw;
}

async function exportsMade() {
  const answer = await fetched('/metrics');
  return { work: Number(/microtome_memory_in_flight_bytes (\d+)/.exec(answer.body.toString())[1]), threads: 2 };
}

test('a slow reader makes the export wait, and others are served meanwhile', async () => {
  const readers = await Promise.all(Array.from({ length: 6 }, () => slow('/iiif/3/a.tif/full/max/0/default.tif')));
  const cpu = () => Number(readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((a, b) => Number(a) + Number(b)));
  await eventually(async () => {
    const spent = cpu();
    await sleep(500);
    return cpu() - spent < 20; // 200 ms of ticks
  }, 'nothing is made while nobody reads');
  const waiting = resident();
  assert.ok(waiting < 250, `${waiting} MiB for six exports of 48 MiB`);
  await fetched('/iiif/3/a.tif/0,0,1000,1000/333,/0/default.jpg');
  const [first, ...rest] = readers;
  first.socket.resume();
  const answer = await first.response({ ms: 60000 });
  assert.equal(answer.whole, true);
  shows(read(answer.body, 'tif'));
  for (const reader of readers) reader.close();
  assert.ok(rest.length > 0 && (await exportsMade()).threads === 2);
});

test('a client that leaves ends its export', async () => {
  const counted = async () => {
    const text = (await fetched('/metrics')).body.toString();
    return Number(/microtome_answers_cut_total\{protocol="iiif"\} (\d+)/.exec(text)[1]);
  };
  const before = await counted();
  const readers = await Promise.all(Array.from({ length: 4 }, () => slow('/iiif/3/a.tif/full/max/0/default.tif')));
  for (const reader of readers) reader.reset();
  await eventually(async () => (await counted()) === before + 4, 'the exports have ended');
});

test('FastCGI carries exports, too, and an abort ends one', async () => {
  const connection = await Fcgi.open(scratch.file('s'));
  connection.send(1, '/iiif/3/a.tif/full/max/0/default.jpg');
  const answer = await connection.answer(1, 60000);
  assert.equal(answer.status, 200);
  shows(read(answer.body, 'jpg'));
  connection.send(2, '/iiif/3/a.tif/full/max/0/default.tif');
  await connection.until(() => connection.size > 100000);
  connection.close();
  await fetched('/healthz');
});

test('an export that cannot begin has its proper status', async () => {
  const bytes = readFileSync(scratch.file('a.tif'));
  bytes.fill(0, 1024, Math.floor(bytes.length * 0.6)); // tiles of the full size; directories are where libtiff put them
  writeFileSync(scratch.file('broken.tif'), bytes);
  await sleep(600); // until it is looked at again
  const raw = await Raw.open(port);
  raw.write('GET /iiif/3/broken.tif/full/max/0/default.jpg HTTP/1.1\r\nHost: x\r\n\r\n');
  const answer = await raw.response({ ms: 60000 });
  raw.close();
  assert.ok(answer.status >= 400, `${answer.status}`);
  assert.equal(answer.headers['access-control-allow-origin'], '*');
});
