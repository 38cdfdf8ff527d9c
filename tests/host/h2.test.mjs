// SPDX-License-Identifier: Apache-2.0
// microtome-host over HTTP/2: Node's client, curl and nghttp; bodies both ways with back-pressure; floods.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { after, before, test } from '../lib/test.mjs';
import { block, E, END_HEADERS, END_STREAM, F, frame, H2, literal, preface, request, setting, u32 } from '../lib/h2.mjs';
import { eventually, execFileSync, freePort } from '../lib/process.mjs';
import { Raw } from '../lib/raw.mjs';
import { app, host, rogue, site } from './host.mjs';

let place;
let served;
let secure;
const big = Buffer.alloc(5_000_000);
for (let i = 0; i < big.length; i += 1) big[i] = (i * 7919) >> 5;

before(async () => {
  place = site({ 'hello.txt': 'hello, world\n', 'big.bin': big });
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { cwd: place.path, stdio: 'pipe' });
  secure = await freePort();
  served = await host(`
$SERVER["socket"] == "127.0.0.1:${secure}" { ssl.engine = "enable" ssl.pemfile = "${place.file('cert.pem')}" ssl.privkey = "${place.file('key.pem')}" }
server.max-keep-alive-idle = 2
server.max-request-size = 4000
fastcgi.server = ( ${app(place, rogue(), { key: '/app' })} )`, { place });
});
after(() => served?.close());

// A session of Node's client: over TLS, or with prior knowledge.
function session({ tls = true, ...options } = {}) {
  const made = tls ? connect(`https://localhost:${secure}`, { ca: readFileSync(place.file('cert.pem')), lookup: (name, o, done) => (o.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)), ...options }) : connect(`http://127.0.0.1:${served.port}`, options);
  made.on('error', () => {});
  return made;
}
function ask(client, path, { method = 'GET', body, headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ':path': path, ':method': method, ...headers });
    const parts = [];
    let got;
    stream.on('response', (fields) => (got = fields));
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => resolve({ status: got[':status'], headers: got, body: Buffer.concat(parts) }));
    stream.on('error', reject);
    stream.end(body);
  });
}

for (const tls of [true, false]) {
  test(`files, apps and bodies (${tls ? 'TLS' : 'prior knowledge'})`, async () => {
    const client = session({ tls });
    const hello = await ask(client, '/hello.txt');
    assert.deepEqual([hello.status, String(hello.body), hello.headers['content-length']], [200, 'hello, world\n', '13']);
    assert.ok(hello.headers.date && !hello.headers.connection);
    assert.ok((await ask(client, '/big.bin')).body.equals(big));
    assert.equal((await ask(client, '/hello.txt', { headers: { 'if-none-match': hello.headers.etag } })).status, 304);
    assert.equal(String((await ask(client, '/hello.txt', { headers: { range: 'bytes=7-11' } })).body), 'world');
    const head = await ask(client, '/big.bin', { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, String(big.length), 0]);
    assert.equal((await ask(client, '/none')).status, 404);
    for (const headers of [{}, { 'content-length': 300_000 }]) {
      const echo = JSON.parse((await ask(client, '/app?do=echo', { method: 'POST', body: big.subarray(0, 300_000), headers: { ...headers, cookie: 'a=1; b=2', 'x-test': 'ok' } })).body);
      assert.equal(echo.length, 300_000);
      assert.deepEqual([echo.params.CONTENT_LENGTH, echo.params.HTTP_X_TEST, echo.params.HTTP_COOKIE, echo.params.SERVER_PROTOCOL], ['300000', 'ok', 'a=1; b=2', 'HTTP/2.0']);
      assert.equal(echo.params.HTTPS, tls ? 'on' : undefined);
    }
    const produced = await ask(client, '/app?do=big&size=3000000');
    assert.equal(produced.body.length, 3_000_000);
    client.close();
  });
}

test('a hundred requests at a time on one connection', async () => {
  const client = session();
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(client, i % 2 ? '/hello.txt' : `/app?do=echo&n=${i}`)));
  answers.forEach((answer, i) => (i % 2 ? assert.equal(String(answer.body), 'hello, world\n') : assert.equal(JSON.parse(answer.body).params.QUERY_STRING, `do=echo&n=${i}`)));
  client.close();
});

test('a client that does not read one answer still gets the others', async () => {
  const client = session({ tls: false });
  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${served.pid}/status`, 'utf8'))[1]);
  assert.equal((await ask(client, '/app?do=big&size=3000000')).status, 200);
  const before = resident();
  const stuck = client.request({ ':path': '/app?do=big&size=20000000' });
  stuck.pause();
  await new Promise((resolve) => stuck.on('response', resolve));
  for (let i = 0; i < 5; i += 1) assert.equal((await ask(client, '/hello.txt')).status, 200);
  const grown = resident() - before;
  assert.ok(grown < 12_000, `${grown} kB more: the answer waits with the app, not in memory`);
  let size = 0;
  stuck.on('data', (part) => (size += part.length));
  stuck.resume();
  await new Promise((resolve) => stuck.on('end', resolve));
  assert.equal(size, 20_000_000);
  client.close();
});

test('an app that breaks off is seen as a reset stream; the connection goes on', async () => {
  const client = session();
  await assert.rejects(ask(client, '/app?do=middle'), /INTERNAL_ERROR|aborted/i);
  await assert.rejects(ask(client, '/app?do=tooshort'), /INTERNAL_ERROR|aborted/i);
  assert.equal((await ask(client, '/app?do=noheader')).status, 502);
  assert.equal((await ask(client, '/hello.txt')).status, 200);
  client.close();
});

test('a request that is taken back leaves the connection and the app in order', async () => {
  const client = session({ tls: false });
  for (let i = 0; i < 20; i += 1) {
    const stream = client.request({ ':path': '/app?do=slow&ms=200' });
    stream.on('error', () => {});
    stream.close(8);
  }
  assert.equal((await ask(client, '/app?do=good')).status, 200);
  client.close();
});

test('bodies above the limit get 413, answers before the body is read arrive', async () => {
  const client = session({ tls: false });
  assert.equal((await ask(client, '/app?do=good', { method: 'POST', body: big })).status, 413);
  assert.equal((await ask(client, '/hello.txt')).status, 200);
  client.close();
});

test('requests that HTTP/1.1 would refuse are refused', async () => {
  for (const [more, status] of [[{ path: '/../etc' }, 400], [{ path: '/a\\..%2f..' }, 0], [{ path: `/${'x'.repeat(20_000)}` }, 414], [{ more: [['x-long', 'y'.repeat(12_000)], ['x-more', 'y'.repeat(12_000)], ['x-most', 'y'.repeat(12_000)]] }, 431]]) {
    const h2 = await H2.open(served.port);
    const payload = block(request(more.path, more));
    const parts = [frame(F.headers, END_STREAM | (payload.length > 16000 ? 0 : END_HEADERS), 1, payload.subarray(0, 16000))];
    for (let at = 16000; at < payload.length; at += 16000) parts.push(frame(F.continuation, at + 16000 >= payload.length ? END_HEADERS : 0, 1, payload.subarray(at, at + 16000)));
    h2.send(...parts);
    assert.equal(await h2.answer(1), undefined);
    const seen = h2.find(F.headers, 1).payload;
    if (status) assert.ok(seen.includes(String(status)) || [0x8c].includes(seen[0]), `${status}: ${seen.toString('latin1')}`);
    assert.equal(await h2.alive(), undefined);
    h2.close();
  }
});

test('Host that contradicts :authority is refused', async () => {
  const h2 = await H2.open(served.port);
  h2.headers(1, request('/hello.txt', { more: [['host', 'other']] }));
  assert.equal(await h2.answer(1), undefined);
  assert.ok(!h2.find(F.data, 1).payload.toString().startsWith('hello'));
  h2.close();
});

test('Upgrade: h2c, and what is no proper one', async () => {
  const settings = setting(4, 65535).toString('base64url');
  const connection = await Raw.open(served.port);
  connection.write(`GET /hello.txt HTTP/1.1\r\nHost: test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: ${settings}\r\n\r\n`);
  await connection.until(() => connection.data.includes('\r\n\r\n'));
  assert.match(connection.data.toString('latin1'), /^HTTP\/1\.1 101 [^]*Upgrade: h2c/);
  connection.write(Buffer.concat([Buffer.from(preface), frame(F.settings, 0, 0)]));
  await connection.until(() => connection.data.includes('hello, world'));
  assert.ok(connection.data.includes('hello, world'));
  connection.close();
  const ordinary = await served.get('/hello.txt', { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': '!!!' });
  assert.equal(ordinary.status, 200);
});

test('curl and nghttp', () => {
  const curl = (...args) => execFileSync('curl', ['-sk', '-m', '10', '-o', '/dev/null', '-w', '%{http_version} %{http_code} %{size_download}', ...args]).toString();
  assert.equal(curl('--http2', `https://127.0.0.1:${secure}/big.bin`), '2 200 5000000');
  assert.equal(curl('--http2', `http://127.0.0.1:${served.port}/big.bin`), '2 200 5000000');
  assert.equal(curl('--http2-prior-knowledge', `http://127.0.0.1:${served.port}/hello.txt`), '2 200 13');
  assert.equal(curl('--http1.1', `https://127.0.0.1:${secure}/hello.txt`), '1.1 200 13');
  assert.match(execFileSync('nghttp', ['-v', `http://127.0.0.1:${served.port}/hello.txt`]).toString(), /:status: 200[^]*hello, world/);
  assert.match(execFileSync('h2load', ['-n', '500', '-c', '4', '-m', '20', `http://127.0.0.1:${served.port}/hello.txt`]).toString(), /500 succeeded, 0 failed/);
});

// Each flood has to end with GOAWAY ENHANCE_YOUR_CALM, or the end of the connection, before all of it is served.
const floods = {
  'rapid reset': (h2, i) => h2.send(frame(F.headers, END_STREAM | END_HEADERS, i * 2 + 1, block(request('/app?do=slow&ms=1000'))), frame(F.reset, 0, i * 2 + 1, u32(E.cancel))),
  'PING': (h2) => h2.send(frame(F.ping, 0, 0, 'pingpong')),
  'SETTINGS': (h2) => h2.send(frame(F.settings, 0, 0, setting(4, 65535))),
  'PRIORITY': (h2, i) => h2.send(frame(F.priority, 0, (i % 1000) * 2 + 1, Buffer.concat([u32(0), Buffer.from([1])]))),
  'empty DATA': (h2, i) => h2.send(...(i === 0 ? [frame(F.headers, END_HEADERS, 1, block(request('/app?do=good', { method: 'POST', more: [['content-length', '10']] })))] : []), frame(F.data, 0, 1, '')),
  'CONTINUATION': (h2, i) => h2.send(...(i === 0 ? [frame(F.headers, END_STREAM, 1, block(request()))] : []), frame(F.continuation, 0, 1, literal('x', 'y'.repeat(100)))),
  'empty CONTINUATION': (h2, i) => h2.send(...(i === 0 ? [frame(F.headers, END_STREAM, 1, block(request()))] : []), frame(F.continuation, 0, 1, '')),
};
for (const [name, one] of Object.entries(floods)) {
  test(`flood: ${name}`, async () => {
    const h2 = await H2.open(served.port);
    h2.socket.on('error', () => {});
    for (let i = 0; i < 20_000 && !h2.ended && !h2.find(F.goaway); i += 1) {
      one(h2, i);
      if (i % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
    }
    await h2.until(() => h2.ended || h2.find(F.goaway), 30000);
    assert.ok(h2.ended || h2.find(F.goaway), 'it goes on for ever');
    h2.close();
    assert.equal((await served.get('/hello.txt')).status, 200);
  });
}

test('an idle connection is closed with GOAWAY; headers that never end are cut', async () => {
  const h2 = await H2.open(served.port);
  h2.headers(1, request());
  assert.equal(await h2.answer(1), undefined);
  await h2.until(() => h2.ended, 30000);
  assert.ok(h2.ended && h2.find(F.goaway)?.payload.readUInt32BE(4) === E.none, h2.shown());
});

test('SIGTERM: what runs is answered, GOAWAY tells', async () => {
  const other = await host((where) => `fastcgi.server = ( ${app(where, rogue(), { key: '/app' })} )`, { files: { 'hello.txt': 'x' } });
  const h2 = await H2.open(other.port);
  h2.headers(1, request('/app?do=slow&ms=500'));
  await h2.alive();
  const stopped = other.stop();
  assert.equal(await h2.answer(1), undefined);
  await h2.until(() => h2.ended);
  assert.ok(h2.find(F.goaway));
  assert.deepEqual(await stopped, { code: 0, signal: null });
});

test('switched off by lighttpd\'s words', async () => {
  const off = await host('server.feature-flags += ( "server.h2proto" => "disable" )', { files: { 'hello.txt': 'x' } });
  try {
    const answer = await off.get('/hello.txt', { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': '' });
    assert.equal(answer.status, 200);
    assert.match((await off.raw(preface)).head ?? '', /^(HTTP\/1\.1 (400|505)|$)/);
  } finally {
    await off.close();
  }
});

test('after all of that, no request is open', async () => {
  await eventually(async () => (await served.get('/hello.txt')).status === 200, 'it serves');
});
