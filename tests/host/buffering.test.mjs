// SPDX-License-Identifier: Apache-2.0
// server.stream-request-body and server.stream-response-body: what is kept between a client and an app, in memory and in files.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect as connectH2 } from 'node:http2';
import { createServer } from 'node:net';
import { after, before, test } from '../lib/test.mjs';
import { Raw } from '../lib/raw.mjs';
import { eventually, freePort } from '../lib/process.mjs';
import { app, host, lighttpd, rogue, site } from './host.mjs';

const one = (place, name, keys) => app(place, rogue('--values', '1,1,0'), { key: `/${name}`, name, ...keys });
const modes = { whole: [0, 0], ahead: [1, 1], little: [2, 2], unset: null };

let server;
let backend;
let taken = 0;        // bytes that the server behind has read
let reading = true;   // whether it reads
let backendPort;
before(async () => {
  // A server behind that reads when it may, and answers when the body is whole.
  backend = createServer({ allowHalfOpen: true }, (socket) => {
    let size = 0;
    let length = null;
    let head = '';
    socket.on('error', () => {});
    const eat = () => {
      for (let chunk; reading && (chunk = socket.read()) !== null;) {
        if (length === null) {
          head += chunk.toString('latin1');
          const end = head.indexOf('\r\n\r\n');
          if (end < 0) continue;
          length = Number(/content-length: (\d+)/i.exec(head)[1]);
          size = head.length - end - 4;
        } else {
          size += chunk.length;
        }
        taken = size;
        if (size === length) socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${String(size).length}\r\n\r\n${size}`);
      }
    };
    socket.on('readable', eat);
    backend.on('resume', eat);
  });
  backendPort = await freePort();
  await new Promise((done) => backend.listen(backendPort, '127.0.0.1', done));
  server = await host((place) => {
    place.put('spool/.here', '');
    const blocks = Object.entries(modes).map(([name, mode]) => `
      $HTTP["host"] == "${name}" {
        ${mode ? `server.stream-request-body = ${mode[0]} server.stream-response-body = ${mode[1]}` : ''}
        fastcgi.server = ( ${one(place, name)} )
        proxy.server = ( "/behind" => (( "host" => "127.0.0.1", "port" => ${backendPort} )) )
        scgi.server = ( "/scgi" => (( "host" => "127.0.0.1", "port" => ${backendPort} )) )
        $HTTP["url"] =^ "/${name}/small" { server.max-request-size = 100 }
      }`);
    return `
      server.upload-dirs = ( "${place.file('nowhere')}", "${place.file('spool')}" )
      server.upload-temp-file-size = 65536
      ${blocks.join('')}
      $HTTP["host"] == "page" {
        server.error-intercept = "enable" server.error-handler-404 = "/page.html"
        fastcgi.server = ( ${app(place, rogue('--do', 'lf'), { key: '/app', name: 'page' })} )
      }`;
  }, { files: { 'page.html': 'not there, sorry' } });
});
after(async () => {
  backend.close();
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

// Files of the host's that have no name any more.
const spooled = (pid = server.pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return '';
  }
}).filter((name) => name.includes('/spool') && name.endsWith('(deleted)')).length;
const post = (name, path, length) => `POST ${path} HTTP/1.1\r\nHost: ${name}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`;
const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251));
const sum = body.reduce((a, b) => (a + b) % 65521, 0);

test('0: a slow uploader occupies no process; what it sends lies in files without names', async () => {
  const slow = await Raw.open(server.port);
  slow.write(post('whole', '/whole?do=echo', body.length)).write(body.subarray(0, 2_000_000));
  await eventually(() => spooled() >= 4, 'several files');
  assert.equal((await server.get('/whole?do=good', { Host: 'whole' })).status, 200);  // by the only process, at once
  assert.deepEqual(readdirSync(server.place.file('spool')), ['.here']);
  slow.write(body.subarray(2_000_000));
  const answer = JSON.parse((await slow.response()).body.toString());
  assert.deepEqual([answer.length, answer.sum, answer.params.CONTENT_LENGTH], [body.length, sum, String(body.length)]);
  slow.close();
  await eventually(() => spooled() === 0, 'no files');
});

test('every way of keeping a body gives the app all of it and its length, with a length and in chunks', async () => {
  const chunks = Buffer.concat([...[0, 1, 2].map((i) => Buffer.concat([Buffer.from('f4240\r\n'), body.subarray(i * 1e6, (i + 1) * 1e6), Buffer.from('\r\n')])), Buffer.from('0\r\n\r\n')]);
  for (const name of Object.keys(modes)) {
    for (const [head, bytes] of [[post(name, `/${name}?do=echo`, body.length), body], [post(name, `/${name}?do=echo`, 0).replace('Content-Length: 0', 'Transfer-Encoding: chunked'), chunks]]) {
      const connection = await Raw.open(server.port);
      connection.write(head).write(bytes);
      const answer = JSON.parse((await connection.response()).body.toString());
      assert.deepEqual([answer.length, answer.sum, answer.params.CONTENT_LENGTH], [body.length, sum, String(body.length)], name);
      connection.close();
    }
    const small = JSON.parse((await server.get(`/${name}?do=echo`, { Host: name }, { method: 'POST', body: 'abc' })).body.toString());
    assert.deepEqual([small.length, small.params.CONTENT_LENGTH], [3, '3']);
    const none = JSON.parse((await server.get(`/${name}?do=echo`, { Host: name, 'Content-Length': 0 }, { method: 'POST' })).body.toString());
    assert.deepEqual([none.length, none.params.CONTENT_LENGTH], [0, '0']);
  }
  await eventually(() => spooled() === 0, 'no files');
});

test('1: a client is rid of its body while the server behind reads nothing; unset: it is held back', async () => {
  const much = Buffer.alloc(24_000_000, 'x');
  for (const [name, rid] of [['ahead', true], ['unset', false]]) {
    reading = false;
    const connection = await Raw.open(server.port);
    connection.write(post(name, '/behind', much.length)).write(much);
    if (rid) {
      await eventually(() => connection.socket.bufferSize === 0 && connection.socket.writableLength === 0, 'all is sent');
      assert.ok(spooled() > 0);
    } else {
      let before = -1;
      await eventually(() => before === (before = connection.socket.writableLength) && connection.socket.bytesWritten > 0 && taken >= 0 && before > 0, 'it stands still');
    }
    reading = true;
    backend.emit('resume');
    assert.equal((await connection.response()).body.toString(), String(much.length));
    connection.close();
  }
  await eventually(() => spooled() === 0, 'no files');
});

test('an upload that is broken off leaves nothing; one that is too large is 413', async () => {
  for (const name of ['whole', 'ahead']) {
    const connection = await Raw.open(server.port);
    connection.write(post(name, `/${name}?do=echo`, body.length)).write(body.subarray(0, 1_000_000));
    await eventually(() => name === 'ahead' || spooled() > 0, 'files');
    connection.reset();
    await eventually(() => spooled() === 0, 'no files');
    assert.equal((await server.raw(post(name, `/${name}/small`, 200_000))).status, 413);
    const chunked = await Raw.open(server.port);
    chunked.write(post(name, `/${name}/small`, 0).replace('Content-Length: 0', 'Transfer-Encoding: chunked'));
    for (let i = 0; i < 3; i++) chunked.write('fa00\r\n').write(body.subarray(0, 0xfa00)).write('\r\n');
    assert.equal((await chunked.response()).status, 413);
    chunked.close();
    assert.equal((await server.get(`/${name}?do=good`, { Host: name })).status, 200);
  }
});

test('0 and 1: a slow reader occupies no process and gets all of it', async () => {
  const size = 30_000_000;
  for (const name of ['whole', 'ahead']) {
    for (const length of ['', '&length=1']) {
      const slow = await Raw.open(server.port);
      slow.socket.pause();
      slow.write(`GET /${name}?do=big&size=${size}${length} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
      await eventually(() => spooled() > 0, 'files');
      assert.equal((await server.get(`/${name}?do=good`, { Host: name })).status, 200);
      slow.socket.resume();
      const answer = await slow.response();
      assert.deepEqual([answer.body.length, answer.whole], [size, true]);
      assert.ok(answer.body.every((byte) => byte === 97));
      assert.equal(answer.headers['content-length'], name === 'whole' || length ? String(size) : undefined);
      slow.close();
    }
  }
  await eventually(() => spooled() === 0, 'no files');
});

test('the same over HTTP/2, and for HEAD', async () => {
  const size = 5_000_000;
  const client = connectH2(`http://127.0.0.1:${server.port}`);
  for (const name of ['whole', 'ahead']) {
    const got = await new Promise((resolve, reject) => {
      const stream = client.request({ ':path': `/${name}?do=big&size=${size}`, ':authority': name });
      let count = 0;
      let headers;
      stream.on('response', (all) => (headers = all)).on('error', reject);
      stream.pause();
      setTimeout(() => stream.on('data', (chunk) => (count += chunk.length)).on('end', () => resolve([count, headers['content-length']])).resume(), 50);
    });
    assert.deepEqual(got, [size, name === 'whole' ? String(size) : undefined]);
    const head = await server.get(`/${name}?do=big&size=100&length=1`, { Host: name }, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length']], [200, '100']);
  }
  client.close();
});

test('0: an answer that breaks off is 502; an abandoned one leaves nothing', async () => {
  const expected = { whole: 502, ahead: 200, little: 200 };
  for (const [name, status] of Object.entries(expected)) {
    const answer = await server.get(`/${name}?do=middlelength`, { Host: name });
    assert.equal(answer.status, status, name);
    if (status === 200) assert.equal(answer.whole, false);
  }
  for (const name of ['whole', 'ahead']) {
    const gone = await Raw.open(server.port);
    gone.socket.pause();
    gone.write(`GET /${name}?do=big&size=30000000 HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
    await eventually(() => spooled() > 0, 'files');
    gone.reset();
    await eventually(() => spooled() === 0, 'no files');
    assert.equal((await server.get(`/${name}?do=good`, { Host: name })).status, 200);
  }
});

test('an error of an app is replaced by a page', async () => {
  const answer = await server.get('/app', { Host: 'page' }, { ms: 5000 });
  assert.equal(answer.body.toString(), 'not there, sorry');
});

test('no room: 507, a line in the log, nothing left; the next directory is taken first', async () => {
  const small = await host((place) => {
    for (const dir of ['spool1', 'spool2']) place.put(`${dir}/.here`, '');
    return `
      server.upload-dirs = ( "${place.file('spool1')}", "${place.file('spool2')}" )
      server.upload-temp-file-size = 100000000
      server.stream-request-body = 0
      server.stream-response-body = 0
      fastcgi.server = ( ${one(place, 'app')} )`;
  }, { limits: "trap '' XFSZ; ulimit -f 1000;" });  // KiB of a file
  try {
    const send = async (size) => {
      const connection = await Raw.open(small.port);
      connection.write(post('h', '/app?do=echo', size)).write(body.subarray(0, size));
      const answer = await connection.response();
      connection.close();
      return answer;
    };
    assert.equal(JSON.parse((await send(1_800_000)).body.toString()).length, 1_800_000);  // more than fits one
    assert.equal((await send(2_900_000)).status, 507);
    await eventually(() => /the body cannot be kept.*spool2.*(large|space)/.test(small.log()), 'the log says so');
    await eventually(() => spooled(small.pid) === 0, 'no files');
    assert.equal((await small.get('/app?do=big&size=20000000')).status, 507);
    await eventually(() => spooled(small.pid) === 0, 'no files');
    assert.equal((await small.get('/app?do=good')).status, 200);
  } finally {
    await small.close();
  }
});

test('lighttpd does the same', async () => {
  const place = site();
  const peer = await lighttpd(place, `
    server.stream-request-body = 0
    server.stream-response-body = 0
    fastcgi.server = ( ${app(place, rogue(), { key: '/app' })} )`, ['mod_fastcgi']);
  if (!peer) return;
  try {
    for (const port of [peer.port, server.port]) {
      const path = port === server.port ? '/whole' : '/app';
      const ask = async (text) => {
        const connection = await Raw.open(port);
        connection.write(text);
        const answer = await connection.response();
        connection.close();
        return answer;
      };
      const chunked = await ask(`POST ${path}?do=echo HTTP/1.1\r\nHost: whole\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`);
      assert.equal(JSON.parse(chunked.body.toString()).params.CONTENT_LENGTH, '3');
      const big = await ask(`GET ${path}?do=big&size=300000 HTTP/1.1\r\nHost: whole\r\nConnection: close\r\n\r\n`);
      assert.deepEqual([big.headers['content-length'], big.body.length], ['300000', 300000]);
    }
  } finally {
    await peer.close();
    place.remove();
  }
});
