// SPDX-License-Identifier: Apache-2.0
// The proxy (proxy.server) before backends that answer every byte the test says, and before real web servers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { once } from 'node:events';
import { Raw } from '../lib/raw.mjs';
import { eventually, freePort, sleep } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';
import { backend, body } from './backend.mjs';
import { host } from './host.mjs';

// What the backend does is named by the path.
const acts = {
  '/hello': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-App: yes\r\n\r\nhello'),
  '/close-delimited': (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end'),
  '/chunked': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: t\r\n\r\n'),
  '/kept': (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9\r\n\r\nok'),
  '/304': (socket) => socket.end('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 99\r\n\r\n'),
  '/204': (socket) => socket.end('HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n'),
  '/interim': (socket) => {
    socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    setTimeout(() => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate'), 20);
  },
  '/hop': (socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTrailer: x\r\nUpgrade: h9\r\nX-End: 1\r\nStatus: 500 no\r\nContent-Length: 1\r\n\r\n1'),
  '/empty': (socket) => socket.end(),
  '/half-head': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'),
  '/short': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
  '/short-chunk': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc'),
  '/reset': (socket) => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'); setTimeout(() => socket.resetAndDestroy(), 30); },
  '/long': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef'),
  '/nonsense': (socket) => socket.end('no http at all\r\n\r\n'),
  '/two-lengths': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'),
  '/gzip-coding': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'),
  '/slow-head': () => {},
  '/slow-body': (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
  '/drip': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\none ');
    setTimeout(() => socket.write('two '), 150);
    setTimeout(() => socket.end('three'), 300);
  },
  '/large': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n');
    socket.end(Buffer.alloc(8388608, 'x'));
  },
  '/moved': (socket) => socket.end('HTTP/1.1 302 Found\r\nLocation: http://inner.example/app/next?q=/app\r\nContent-Location: /app/this\r\nSet-Cookie: a=b; Path=/app; Domain=inner.example; HttpOnly\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n'),
  '/elsewhere': (socket) => socket.end('HTTP/1.1 302 Found\r\nLocation: http://other.example/app/x\r\nContent-Length: 0\r\n\r\n'),
  '/404': (socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone'),
};

let inner;
let server;
before(async () => {
  inner = await backend(async (socket, request) => {
    const [, target] = request.line.split(' ');
    const path = target.split('?')[0].replace(/^\/app/, '');
    if (acts[path]) return acts[path](socket, request);
    if (path === '/upload') {
      const length = Number(request.headers['content-length']);
      const got = await body(request, length);
      return socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${String(got.length).length}\r\n\r\n${got.length}`);
    }
    if (path === '/socket' && request.headers.upgrade === 'websocket') {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: z\r\n\r\nfirst');
      socket.on('data', (bytes) => socket.write(`<${bytes}>`));
      return undefined;
    }
    const text = JSON.stringify({ line: request.line, headers: request.headers, names: request.list.map(([name]) => name) });
    return socket.end(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  });
  const dead = await freePort();
  server = await host((place) => `
    proxy.server = ( "" => ( "inner" => ( "host" => "127.0.0.1", "port" => ${inner.port}, "read-timeout" => 1 ) ) )
    url.rewrite-once = ( "^/rewritten/(.*)" => "/$1?r" )
    $HTTP["host"] == "dead" { proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => ${dead}, "queue-wait" => 1 )) ) }
    $HTTP["host"] == "two" { proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => ${dead} ), ( "host" => "127.0.0.1", "port" => ${inner.port} )) ) proxy.balance = "round-robin" }
    $HTTP["host"] == "outer.example" { proxy.header = (
      "map-host-request" => ( "outer.example" => "inner.example" ), "map-host-response" => ( "-" => "-" ),
      "map-urlpath" => ( "/public/" => "/app/", "/public" => "/app" ) ) }
    $HTTP["host"] == "named" { proxy.replace-http-host = "enable" proxy.forwarded = ( "for" => 1, "proto" => 1, "host" => 1, "by" => 1 ) }
    $HTTP["host"] == "ws" { proxy.header = ( "upgrade" => "enable" ) }
    $HTTP["host"] == "ws-idle" { proxy.header = ( "upgrade" => "enable" ) proxy.tunnel-idle = 1 }
    $HTTP["host"] == "old" { proxy.header = ( "force-http10" => "enable" ) }
    $HTTP["host"] == "intercepted" { server.error-intercept = "enable" server.errorfile-prefix = "${place.file('err-')}" }
    $HTTP["host"] == "ends" { proxy.server = ( ".do" => (( "host" => "127.0.0.1", "port" => ${inner.port} )) ) proxy.map-extensions = ( ".doit" => ".do" ) }
    $HTTP["host"] == "packed" { deflate.mimetypes = ( "application/json" ) deflate.min-compress-size = 1 }
  `, { files: { 'a.txt': 'file' } });
  server.place.put('err-404.html', 'ours');
});
after(async () => {
  const how = await server.stop();
  await inner.close();
  assert.deepEqual(how, { code: 0, signal: null });
});
const seen = async (path, headers, options) => JSON.parse((await server.get(path, headers, options)).body.toString());

test('what comes back: lengths, chunks, answers that end with the connection', async () => {
  for (const [path, expected] of [['/hello', 'hello'], ['/chunked', 'hello!'], ['/close-delimited', 'until the end'], ['/kept', 'ok'], ['/long', 'abc'], ['/interim', 'late']]) {
    const answer = await server.get(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.body.toString(), expected, path);
    assert.equal(answer.whole, true, path);
  }
  assert.equal((await server.get('/hello')).headers['x-app'], 'yes');
  assert.equal((await server.get('/hello')).headers['content-length'], '5');
});

test('HEAD, 204 and 304 have no body, and the connection goes on behind them', async () => {
  const raw = await Raw.open(server.port);
  const next = async (method, path) => {
    raw.write(`${method} ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
    return raw.response({ method });
  };
  const head = await next('HEAD', '/hello');
  assert.equal(head.status, 200);
  assert.equal(head.headers['content-length'], '5');
  const unchanged = await next('GET', '/304');
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.headers.etag, '"a"');
  assert.equal(unchanged.headers['content-length'], undefined);
  assert.equal((await next('GET', '/204')).headers['x-a'], 'b');
  assert.equal((await next('GET', '/hello')).body.toString(), 'hello');
  raw.close();
});

test('the server behind reads the same path as our conditions; one spelling of each', async () => {
  const line = async (target) => (await seen(target)).line.split(' ')[1];
  assert.equal(await line('/some+test%3axxx%20with%20space?a=%2f%7e'), '/some+test%3Axxx%20with%20space?a=%2F~');
  assert.equal(await line('/a%2Fb//c'), '/a%2Fb//c');
  assert.equal(await line('/x/../private/./y?q=../z'), '/private/y?q=../z');
  assert.equal(await line('/private%2f..%2fpublic/%2e/y'), '/public/y');
});

test('a request without a host goes on without one', async () => {
  const answer = await server.raw('GET /echo HTTP/1.0\r\n\r\n');
  const got = JSON.parse(answer.body.toString());
  assert.equal(got.line, 'GET /echo HTTP/1.0');
  for (const name of ['host', 'x-host', 'x-forwarded-host']) assert.equal(got.headers[name], undefined, name);
});

test('an answer is passed on as it comes', async () => {
  const raw = await Raw.open(server.port);
  raw.write('GET /drip HTTP/1.1\r\nHost: test\r\n\r\n');
  await raw.until(() => raw.data.includes('one '));
  assert.equal(raw.data.includes('two'), false);
  const answer = await raw.response();
  assert.equal(answer.body.toString(), 'one two three');
  raw.close();
});

test('the request: line, body, who asked; fields of a connection end here', async () => {
  const got = await seen('/echo?a=b%20c', { 'X-Own': '1', TE: 'trailers', 'Keep-Alive': '5', Connection: 'close, X-Mine', 'X-Mine': 'secret', 'X-Forwarded-For': '9.9.9.9', 'X-Forwarded-Proto': 'forged', 'X-Host': 'forged', Upgrade: 'websocket' });
  assert.equal(got.line, 'GET /echo?a=b%20c HTTP/1.1');
  assert.equal(got.headers.host, 'test');
  assert.equal(got.headers['x-own'], '1');
  for (const name of ['te', 'keep-alive', 'x-mine', 'upgrade', 'content-length', 'transfer-encoding']) assert.equal(got.headers[name], undefined, name);
  assert.equal(got.headers.connection, 'close');
  assert.equal(got.headers['x-forwarded-for'], '9.9.9.9, 127.0.0.1');
  assert.equal(got.headers['x-forwarded-proto'], 'http');
  assert.equal(got.headers['x-host'], 'test');
  assert.equal(got.headers['x-forwarded-host'], 'test');
  assert.equal((await seen('/rewritten/echo')).line, 'GET /echo?r HTTP/1.1');
  const hop = await server.get('/hop');
  assert.equal(hop.status, 200);
  for (const name of ['x-hop', 'keep-alive', 'proxy-connection', 'trailer', 'upgrade']) assert.equal(hop.headers[name], undefined, name);
  assert.equal(hop.headers['x-end'], '1');
  assert.equal(hop.headers.status, undefined);
});

test('bodies of requests: with a length, in chunks, large, refused before they come', async () => {
  assert.equal((await server.get('/upload', {}, { method: 'POST', body: 'x'.repeat(100000) })).body.toString(), '100000');
  const chunked = await server.raw('POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
  assert.equal(chunked.body.toString(), '5');
  assert.equal(inner.last().headers['content-length'], '5');
  assert.equal(inner.last().headers['transfer-encoding'], undefined);
  const raw = await Raw.open(server.port);
  raw.write('POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
  assert.equal((await raw.response()).status, 100);
  raw.write('abc');
  assert.equal((await raw.response()).body.toString(), '3');
  raw.close();
});

test('a backend that is no HTTP server, or dies', async () => {
  for (const path of ['/empty', '/half-head', '/nonsense', '/two-lengths', '/gzip-coding']) assert.equal((await server.get(path)).status, 502, path);
  for (const path of ['/short', '/short-chunk', '/reset']) {
    const answer = await server.get(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.whole, false, path);
  }
  assert.equal((await server.get('/slow-head')).status, 504);
  const slow = await server.get('/slow-body');
  assert.deepEqual([slow.status, slow.whole, slow.body.toString()], [200, false, 'abc']);
  const dead = await server.get('/hello', { Host: 'dead' });
  assert.equal(dead.status, 503);
  assert.ok(dead.headers['retry-after']);
});

test('a server that cannot be reached is passed over; both get their share', async () => {
  for (let i = 0; i < 6; i += 1) assert.equal((await server.get('/hello', { Host: 'two' })).body.toString(), 'hello');
});

test('a client that leaves takes its request to the backend with it; one that reads slowly slows the backend', async () => {
  const raw = await Raw.open(server.port);
  raw.write('GET /slow-head HTTP/1.1\r\nHost: test\r\n\r\n');
  await eventually(() => inner.open > 0, 'the request is there');
  raw.close();
  await eventually(() => inner.open === 0, 'the backend is left');
  const lazy = await Raw.open(server.port);
  lazy.socket.pause();
  lazy.write('GET /large HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
  await sleep(200);
  lazy.socket.resume();
  const answer = await lazy.response();
  assert.deepEqual([answer.body.length, answer.whole], [8388608, true]);
  lazy.close();
});

test('proxy.header maps hosts and paths both ways, and leaves alone what is not ours', async () => {
  const got = await seen('/public/echo?x=/public', { Host: 'outer.example', Referer: 'http://outer.example/public/page', Origin: 'http://outer.example', 'X-Other': '/public' });
  assert.equal(got.line, 'GET /app/echo?x=/public HTTP/1.1');
  assert.equal(got.headers.host, 'inner.example');
  assert.equal(got.headers.referer, 'http://inner.example/app/page');
  assert.equal(got.headers.origin, 'http://inner.example');
  assert.equal(got.headers['x-forwarded-host'], 'outer.example');
  const moved = await server.get('/public/moved', { Host: 'outer.example' });
  assert.equal(moved.status, 302);
  assert.equal(moved.headers.location, 'http://outer.example/public/next?q=/app');
  assert.equal(moved.headers['content-location'], '/public/this');
  assert.deepEqual(moved.list.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value), ['a=b; Path=/public; Domain=outer.example; HttpOnly', 'c=d']);
  assert.equal((await server.get('/public/elsewhere', { Host: 'outer.example' })).headers.location, 'http://other.example/app/x');
});

test('Forwarded, the name of the entry as Host, HTTP/1.0, ends of names', async () => {
  const got = await seen('/echo', { Host: 'named', Forwarded: 'for=1.1.1.1' });
  assert.equal(got.headers.host, 'inner');
  assert.equal(got.headers.forwarded, `for=1.1.1.1, for=127.0.0.1;by="127.0.0.1:${server.port}";proto=http;host=named`);
  assert.equal((await seen('/echo', { Host: 'old' })).line, 'GET /echo HTTP/1.0');
  assert.equal((await seen('/x.do', { Host: 'ends' })).line, 'GET /x.do HTTP/1.1');
  assert.equal((await seen('/x.doit', { Host: 'ends' })).line, 'GET /x.doit HTTP/1.1');
  assert.equal((await server.get('/a.txt', { Host: 'ends' })).body.toString(), 'file');
});

test('error pages take the place of the backend\'s where that is asked for', async () => {
  assert.equal((await server.get('/404')).body.toString(), 'gone');
  assert.equal((await server.get('/404', { Host: 'intercepted' })).body.toString(), 'ours');
});

test('an upgrade is a tunnel where it is allowed, and an ordinary request elsewhere', async () => {
  const ask = 'GET /socket HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n';
  const plain = await server.raw(ask.replace('HOST', 'test'));
  assert.equal(plain.status, 200);
  assert.equal(JSON.parse(plain.body.toString()).headers.upgrade, undefined);
  const raw = await Raw.open(server.port);
  raw.write(ask.replace('HOST', 'ws'));
  const switched = await raw.response();
  assert.equal(switched.status, 101);
  assert.equal(switched.headers.upgrade, 'websocket');
  assert.equal(switched.headers.connection.toLowerCase(), 'upgrade');
  assert.equal(switched.headers['sec-websocket-accept'], 'z');
  await raw.until(() => raw.data.toString() === 'first');
  raw.write('ping');
  await raw.until(() => raw.data.toString() === 'first<ping>');
  await sleep(1300); // longer than read-timeout: a quiet tunnel stays
  raw.write('x'.repeat(300000));
  await raw.until(() => raw.size > 300000);
  raw.close();
  await eventually(() => inner.open === 0, 'the tunnel ends at both sides');
});

test('a tunnel in which nothing moves is cut after proxy.tunnel-idle', async () => {
  const raw = await Raw.open(server.port);
  raw.write('GET /socket HTTP/1.1\r\nHost: ws-idle\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n');
  assert.equal((await raw.response()).status, 101);
  for (let i = 0; i < 4; i += 1) { // longer than the limit, but something moves
    await sleep(500);
    raw.write('ping');
    await raw.until(() => raw.data.toString().split('<ping>').length === i + 2);
  }
  await raw.until(() => false, 20000);
  assert.equal(raw.over, true);
  raw.close();
  await eventually(() => inner.open === 0, 'the tunnel ends at both sides');
});

test('answers of backends are compressed where that is asked for', async () => {
  const { gunzipSync } = await import('node:zlib');
  const answer = await server.get('/echo', { Host: 'packed', 'Accept-Encoding': 'gzip' });
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.equal(answer.headers.vary, 'Accept-Encoding');
  assert.equal(JSON.parse(gunzipSync(answer.body).toString()).headers.host, 'packed');
});

// ---- before real servers

const real = {
  lighttpd: { program: '/usr/sbin/lighttpd', args: (file) => ['-D', '-f', file], config: (place, port) => `server.document-root = "${place.www}"\nserver.port = ${port}\nserver.bind = "127.0.0.1"\nmimetype.assign = ( ".txt" => "text/plain" )\nserver.feature-flags = ( "server.h2proto" => "disable" )\n` },
  nginx: { program: '/usr/sbin/nginx', args: (file, place) => ['-p', place.path, '-c', file, '-e', place.file('error.log')], config: (place, port) => `daemon off; master_process off; pid ${place.file('nginx.pid')};\nevents {}\nhttp { access_log off; client_body_temp_path ${place.file('b')}; proxy_temp_path ${place.file('p')}; fastcgi_temp_path ${place.file('f')}; uwsgi_temp_path ${place.file('u')}; scgi_temp_path ${place.file('s')}; types { text/plain txt; } server { listen 127.0.0.1:${port}; root ${place.www}; } }\n` },
};
for (const [name, { program, args, config }] of Object.entries(real)) {
  test(`before ${name}: files, ranges, conditions, HEAD, keep-alive, missing files`, { skip: !existsSync(program) }, async () => {
    const port = await freePort();
    const front = await host(`proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => ${port} )) )`, { files: { 'a.txt': '0123456789', 'big.txt': 'y'.repeat(3000000) } });
    front.place.put('real.conf', config(front.place, port));
    const started = spawn(program, args(front.place.file('real.conf'), front.place), { stdio: 'ignore' });
    const ended = once(started, 'exit');
    try {
      await eventually(async () => (await front.get('/a.txt')).status === 200, `${name} answers`);
      const plain = await front.get('/a.txt');
      assert.equal(plain.body.toString(), '0123456789');
      assert.equal(plain.headers['content-type'].split(';')[0], 'text/plain');
      const part = await front.get('/a.txt', { Range: 'bytes=2-4' });
      assert.deepEqual([part.status, part.body.toString(), part.headers['content-range']], [206, '234', 'bytes 2-4/10']);
      assert.equal((await front.get('/a.txt', { 'If-None-Match': plain.headers.etag })).status, 304);
      assert.equal((await front.get('/none')).status, 404);
      const raw = await Raw.open(front.port);
      for (const [method, path, length] of [['HEAD', '/a.txt', 0], ['GET', '/big.txt', 3000000], ['GET', '/a.txt', 10]]) {
        raw.write(`${method} ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
        assert.equal((await raw.response({ method })).body.length, length);
      }
      raw.close();
    } finally {
      started.kill('SIGTERM');
      await ended;
      await front.stop();
    }
  });
}

test('before Node\'s own server', async () => {
  const node = createHttp((request, response) => {
    let size = 0;
    request.on('data', (bytes) => { size += bytes.length; });
    request.on('end', () => { response.setHeader('X-Size', size); response.write('a'); setTimeout(() => response.end('b'), 20); });
  }).listen(0, '127.0.0.1');
  await once(node, 'listening');
  const front = await host(`proxy.server = ( "/node" => (( "host" => "127.0.0.1", "port" => ${node.address().port} )) )`);
  try {
    const answer = await front.get('/node/x', {}, { method: 'PUT', body: 'z'.repeat(70000) });
    assert.deepEqual([answer.status, answer.body.toString(), answer.headers['x-size']], [200, 'ab', '70000']);
  } finally {
    await front.stop();
    node.close();
  }
});
