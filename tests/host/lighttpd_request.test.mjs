// SPDX-License-Identifier: Apache-2.0
// What lighttpd's clients rely on in requests and answers: the request line, Host, bodies, ranges, dates, connections,
// error handlers, virtual hosts, access, links, authentication.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { Raw } from '../lib/raw.mjs';
import { after, before, test } from '../lib/test.mjs';
import { sleep } from '../lib/process.mjs';
import { app, host, rogue } from './host.mjs';

let server;
before(async () => {
  server = await host((place) => {
    mkdirSync(place.file('sites/numbers.example/pages'), { recursive: true });
    mkdirSync(place.file('sites/default.example/pages'), { recursive: true });
    writeFileSync(place.file('sites/numbers.example/pages/five.txt'), '12345\n');
    writeFileSync(place.file('sites/default.example/pages/here.txt'), 'default');
    for (const name of ['host', 'h-o-host', 'example.org']) place.put(`patterns/${name}/who.txt`, name);
    mkdirSync(`${place.www}/real`);
    writeFileSync(`${place.www}/real/in.txt`, 'in');
    mkdirSync(`${place.www}/dir with ä`);
    symlinkSync(`${place.www}/five.txt`, `${place.www}/link.txt`);
    symlinkSync(`${place.www}/real`, `${place.www}/linked`);
    // DES, {SHA}, $apr1$ and $1$ of the passwords des, sha, apr and md5.
    writeFileSync(place.file('htpasswd'), 'sha:{SHA}2PRZAyDhNDqRW2OUFwZQqPNdaSY=\n');
    writeFileSync(place.file('plain'), 'jan:jan\n');
    return `
    server.name = "main.example"
    server.max-request-size = 100
    index-file.names = ( "index.html" )
    mimetype.assign = ( ".txt" => "text/plain", ".html" => "text/html", ".jpg" => "image/jpeg" )
    $HTTP["url"] == "/noranges.txt" { server.range-requests = "disable" }
    $HTTP["host"] == "plain.example" { } else {
      $HTTP["host"] =~ "\\.vhost$|^numbers\\.example$" { simple-vhost.server-root = "${place.file('sites')}/" simple-vhost.document-root = "pages" simple-vhost.default-host = "default.example" }
    }
    $HTTP["host"] == "allowed" { url.access-allow = ( ".txt" ) url.access-deny = ( ".txt" ) }
    $HTTP["host"] == "no-path-info" { static-file.disable-pathinfo = "enable" }
    $HTTP["host"] == "old-names" { server.indexfiles = ( "five.txt" ) }
    $HTTP["host"] =^ "by-number." { evhost.path-pattern = "${place.file('patterns')}/%3/" }
    $HTTP["host"] =^ "by-letter." { evhost.path-pattern = "${place.file('patterns')}/%{3.1}-%{3.2}-%3/" }
    $HTTP["host"] =^ "by-zero." { evhost.path-pattern = "${place.file('patterns')}/%{3.0}/" }
    $HTTP["host"] =^ "by-whole." { evhost.path-pattern = "${place.file('patterns')}/%0/" }
    $HTTP["host"] == "nolinks" { server.follow-symlink = "disable" }
    $HTTP["host"] =^ "lower-" {
      server.force-lowercase-filenames = "enable"
      $HTTP["host"] == "lower-deny" { url.access-deny = ( ".jpg" ) }
      $HTTP["host"] == "lower-exclude" { static-file.exclude-extensions = ( ".jpg" ) }
      $HTTP["host"] == "lower-auth" { auth.backend = "plain" auth.backend.plain.userfile = "${place.file('plain')}" auth.require = ( "/image.jpg" => ( "method" => "digest", "realm" => "R", "require" => "valid-user" ) ) }
    }
    $HTTP["host"] == "errors" {
      fastcgi.server = ( ${app(place, rogue('--do', 'echo'), { key: '/app', name: 'handler' })}, ${app(place, rogue('--do', 'lf'), { key: '/sends404', name: 'sends' })} )
      $HTTP["url"] =^ "/static/" { server.error-handler-404 = "/handler.html" }
      else $HTTP["url"] =^ "/any/" { server.error-handler = "/app" }
      else $HTTP["url"] =^ "/dynamic/" { server.error-handler-404 = "/app" }
      else { server.error-handler-404 = "/handler.html" }
    }
    $HTTP["host"] == "auth" {
      auth.require = ( "/" => ( "method" => "basic", "realm" => "archive", "require" => "valid-user" ) )
      auth.backend = "htpasswd"
      auth.backend.htpasswd.userfile = "${place.file('htpasswd')}"
      $HTTP["url"] =^ "/five" { auth.backend = "plain" auth.backend.plain.userfile = "${place.file('plain')}" }
    }
    $HTTP["host"] == "posts" { fastcgi.server = ( ${app(place, rogue('--do', 'echo'), { key: '/', name: 'posts' })} ) }
    `;
  }, { files: { 'index.html': 'index', 'five.txt': '12345\n', 'hundred.txt': '0123456789'.repeat(9) + 'abcdefghi\n', 'image.jpg': 'jpg', 'Upper.txt': 'U', 'noranges.txt': 'whole', 'handler.html': 'handled' } });
});
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));

// Sends bytes, closes, and gives every answer that came: "HTTP/1.1 200".
async function lines(bytes) {
  const raw = await Raw.open(server.port);
  raw.write(bytes);
  raw.socket.end();
  await raw.until(() => raw.over);
  const text = raw.data.toString('latin1');
  raw.close();
  return text.match(/HTTP\/1\.[01] \d+/g) ?? [];
}
const one = async (text) => (await lines(text.replaceAll('\n', '\r\n')))[0];
const get = (...words) => server.get(...words);

test('the request line', async () => {
  for (const [text, expected] of [
    ['GET / HTTP/1.0\n\n', 'HTTP/1.0 200'],
    ['OPTIONS * HTTP/1.0\n\n', 'HTTP/1.0 200'],
    ['OPTIONS / HTTP/1.1\nHost: a\nConnection: close\n\n', 'HTTP/1.1 200'],
    ['OPTIONS / HTTP/1.0\nContent-Length: 4\n\n1234', 'HTTP/1.0 200'],
    ['OPTIONS rtsp://192.0.2.1:80 RTSP/1.1\nHost: 192.0.2.1:80\n\n', 'HTTP/1.0 400'],
    ['HEAD http://main.example/five.txt HTTP/1.1\nHost: main.example\nConnection: close\n\n', 'HTTP/1.1 200'],
    ['HEAD http://main.example/five.txt HTTP/1.1\nConnection: close\n\n', 'HTTP/1.1 200'],
    ['HEAD https://main.example/five.txt HTTP/1.0\n\n', 'HTTP/1.0 200'],
    ['GET http://a/ HTTP/1.1\nHost: b\nConnection: close\n\n', 'HTTP/1.1 400'],
    ['GET /index.html%00 HTTP/1.0\n\n', 'HTTP/1.0 400'],
    ['GET /../etc/passwd HTTP/1.0\n\n', 'HTTP/1.0 400'],
    ['GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.0\n\n', 'HTTP/1.0 400'],
    ['GET /five.txt?%00 HTTP/1.0\n\n', 'HTTP/1.0 200'],
    ['GET  / HTTP/1.0\n\n', 'HTTP/1.0 400'],
    ['GET /\n\n', 'HTTP/1.0 400'],
    ['GET / HTTP/1.1 \nHost: a\n\n', 'HTTP/1.0 400'],
    ['GET / HTTP/2.7\nHost: a\n\n', 'HTTP/1.0 505'],
    ['GET / HTTP/1.3\nHost: a\n\n', 'HTTP/1.0 505'],
    ['GET / http/1.1\nHost: a\n\n', 'HTTP/1.0 400'],
    ['GET five.txt HTTP/1.0\n\n', 'HTTP/1.0 400'],
    ['BREW / HTTP/1.0\n\n', 'HTTP/1.0 501'],
    ['PROPFIND / HTTP/1.0\n\n', 'HTTP/1.0 405'],
    ['DELETE /five.txt HTTP/1.0\n\n', 'HTTP/1.0 405'],
  ]) assert.equal(await one(text), expected, JSON.stringify(text));
});

test('Host and other fields', async () => {
  for (const [fields, expected] of [
    ['', 400], ['Host: a\nHost: a\n', 400], ['Host: a\nHost: b\n', 400], ['Host: \n', 400], ['Host: a b\n', 400], ['Host: a/b\n', 400], ['Host: a:\n', 200], ['Host: a:x\n', 400],
    ['Host: [::1]\n', 200], ['Host: [::1]:80\n', 200], ['Host: [::1\n', 400], ['Host: [::g]\n', 400], ['Host: ..\n', 400], ['Host: a..b\n', 400], ['Host: .a\n', 400], ['Host: a.example.\n', 200], ['Host: 192.0.2.1:8080\n', 200],
    ['Host: -a.b\n', 400], ['Host: a.-b\n', 400], ['Host: a-b.c\n', 200], ['Host: a1.b2\n', 200], ['Host: 1a.b\n', 200], ['Host: x192.0.2.1\n', 400], ['Host: 192.0.2\n', 400], ['Host: 192.0.2.256\n', 400], ['Host: a.7b\n', 400], ['Host: 3\n', 400],
    ['Host: a\nContent-Type: a/b\nContent-Type: a/c\n', 400], ['Host: a\nContent-Type: a/b\nContent-Type: a/b\n', 200], ['Host: a\nIf-Modified-Since: 5\nIf-Modified-Since: 4\n', 400],
    ['Host: a\nX : y\n', 400], ['Host: a\nno colon\n', 400], ['Host: a\n folded\n', 400], ['Host: a\n: empty\n', 400], ['Host: a\nX-A: b\x01c\n', 400],
    ['Host: a\nContent-Length: 0\nContent-Length: 0\n', 400], ['Host: a\nContent-Length: -1\n', 400], ['Host: a\nContent-Length: +1\n', 400], ['Host: a\nContent-Length: 0x0\n', 400],
    ['Host: a\nTransfer-Encoding: gzip\n', 501], ['Host: a\nTransfer-Encoding: chunked\nContent-Length: 3\n', 400],
    ['Host: a\nConnection: ,close\n', 200], ['Host: a\nConnection: close,,TE\n', 200], ['Host: a\nConnection: close, ,TE\n', 200], ['Host: a\nConnection: close,\n', 200], ['Host: a\nConnection: close, \n', 200],
    ['Host: a\nIf-Modified-Since: never\n', 200], ['Host: a\nUser-Agent:\n', 200],
  ]) assert.equal((await one(`GET /five.txt HTTP/1.1\n${fields}Connection: close\n\n`))?.slice(9), String(expected), JSON.stringify(fields));
});

// Where lighttpd, nginx and Caddy differ, the strictest verdict counts.
test('malformed requests', async () => {
  const host = 'Host: a\r\n';
  const post = `POST /x HTTP/1.1\r\nHost: posts\r\nConnection: close\r\n`;
  for (const [name, bytes, expected] of [
    ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n', 400], ['one bare line feed', `GET / HTTP/1.1\r\nX: y\n${host}\r\n`, 400], ['folded', `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, 400],
    ['no colon', `GET / HTTP/1.1\r\n${host}nothing\r\n\r\n`, 400], ['HTTP/1.2', `GET / HTTP/1.2\r\n${host}\r\n`, 505], ['another host', `GET http://b/ HTTP/1.1\r\n${host}\r\n`, 400],
    ['GET with a body', `GET / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`, 400], ['POST without a length', `POST / HTTP/1.1\r\n${host}\r\n`, 411],
    ['a field of 20 KiB', `GET /five.txt HTTP/1.1\r\n${host}Connection: close\r\nX: ${'y'.repeat(20 << 10)}\r\n\r\n`, 200], ['fields of 70 KiB', `GET / HTTP/1.1\r\n${host}X: ${'y'.repeat(70 << 10)}\r\n\r\n`, 431], ['a target of 70 KiB', `GET /${'y'.repeat(70 << 10)} HTTP/1.1\r\n${host}\r\n`, 414],
    ['length and chunks', `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400], ['two equal lengths', `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400],
    ['a chunk size that ends with a line feed', `${post}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`, 400], ['NUL in the path', `GET /%00 HTTP/1.1\r\n${host}\r\n`, 400], ['NUL, bare', `GET /a\0b HTTP/1.1\r\n${host}\r\n`, 400], ['percent garbage', `GET /%zz HTTP/1.1\r\n${host}\r\n`, 400],
  ]) assert.equal((await lines(bytes))[0]?.slice(9), String(expected), name);
});

test('methods that bring a body, and those that do not', async () => {
  const json = async (text) => (await server.raw(text.replaceAll('\n', '\r\n')));
  assert.equal(await one('POST /five.txt HTTP/1.0\n\n'), 'HTTP/1.0 411');
  assert.equal(await one('POST /five.txt HTTP/1.0\nContent-Length: 0\n\n'), 'HTTP/1.0 200');
  assert.equal(await one('POST /five.txt HTTP/1.0\nContent-Length: 2147483648\n\n'), 'HTTP/1.0 413');
  assert.equal(await one('GET /five.txt HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 4\n\n1234'), 'HTTP/1.1 400');
  for (const [chunks, expected] of [
    ['a\n0123456789\n0\n\n', 10], ['A\n0123456789\n0\n\n', 10], ['10\n0123456789abcdef\n0\n\n', 16], ['a\n0123456789\n0\nTest: trailer\n\n', 10], ['a; comment\n0123456789\n0\n\n', 10],
    ['az\n0123456789\n0\n\n', 400], ['a\n0123456789xxxxxxxx\n0\n\n', 400], [`a;${'x'.repeat(900)}\n0123456789\n0\n\n`, 10], [`a;${'x'.repeat(1100)}\n0123456789\n0\n\n`, 400], [`a;${'x'.repeat(70000)}\n0123456789\n0\n\n`, 400], ['-1\n\n', 400], ['fffffffffffffffff\n', 400],
  ]) {
    const answer = await json(`POST /x HTTP/1.1\nHost: posts\nConnection: close\nTransfer-Encoding: chunked\n\n${chunks}`);
    if (expected === 400) assert.equal(answer.status, 400, chunks.slice(0, 30));
    else assert.deepEqual([answer.status, JSON.parse(answer.body.toString()).length], [200, expected], chunks);
  }
  const sent = await json('POST /x HTTP/1.1\nHost: posts\nConnection: close\nContent-Length: 4\nExpect: 100-continue\n\n123\n'.replace(/\n$/, 'x'));
  assert.equal(sent.status, 200);
});

test('types, HEAD, empty lines, slow requests', async () => {
  assert.equal((await get('/image.jpg')).headers['content-type'], 'image/jpeg');
  assert.equal((await get('/Upper.txt')).body.toString(), 'U');
  const head = await get('/five.txt', {}, { method: 'HEAD' });
  assert.deepEqual([head.headers['content-length'], head.headers['content-type']], ['6', 'text/plain']);
  assert.equal((await get('/none?x', {}, { method: 'HEAD' })).status, 404);
  assert.ok(Date.parse((await get('/')).headers.date) > 0);
  assert.equal((await get('/index.html/abc')).status, 200);
  assert.equal((await get('/real/abc/def')).status, 404);
  assert.equal((await get('/five.txt%20%20')).status, 404);
  const raw = await Raw.open(server.port);
  raw.write('GET /five.txt HTTP/1.0\r\nHost: a\r\n');
  await sleep(50);
  raw.write('\r');
  await sleep(50);
  raw.write('\n');
  assert.equal((await raw.response()).body.toString(), '12345\n');
  raw.close();
});

test('ranges', async () => {
  const part = async (range, path = '/five.txt') => get(path, { Range: range });
  for (const [range, status, body] of [['bytes=0-3', 206, '1234'], ['bytes=-3', 206, '45\n'], ['bytes=3-', 206, '45\n'], ['bytes=0-1,3-4', 206, '12345'], ['bytes=0-', 206, '12345\n'], ['bytes=0--', 416], ['bytes=-2-3', 416], ['bytes=-0', 416], ['bytes=25-', 416], ['0', 200, '12345\n']]) {
    const answer = await part(range);
    assert.equal(answer.status, status, range);
    if (body) assert.equal(answer.body.toString(), body, range);
    else assert.match(answer.body.toString(), /<h1>416 Range Not Satisfiable<\/h1>/);
  }
  const apart = (await part('bytes=0-1,97-98', '/hundred.txt'));
  assert.equal(apart.status, 206);
  assert.match(apart.body.toString(), /Content-Range: bytes 0-1\/100\r\n\r\n01\r\n--[^\r]+\r\nContent-Type: text\/plain\r\nContent-Range: bytes 97-98\/100\r\n\r\nhi\r\n--/);
  assert.equal((await part('bytes=0-', '/noranges.txt')).status, 200);
  const twice = async (a, b) => server.raw(`GET /five.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\nRange: ${a}\r\nRange: ${b}\r\n\r\n`);
  assert.equal((await twice('0', 'bytes=0-3')).status, 200);
  assert.equal((await twice('bytes=0-3', '0')).status, 206);
});

test('dates and tags', async () => {
  const old = new Date('2020-02-03T04:05:06Z');
  utimesSync(`${server.www}/hundred.txt`, old, old);
  const plain = await get('/hundred.txt');
  assert.equal(plain.headers['last-modified'], 'Mon, 03 Feb 2020 04:05:06 GMT');
  for (const [headers, status] of [
    [{ 'If-Modified-Since': plain.headers['last-modified'] }, 304], [{ 'If-Modified-Since': 'Sun, 01 Jan 2040 00:00:02 GMT' }, 304], [{ 'If-Modified-Since': 'Sun, 02 Feb 2020 00:00:00 GMT' }, 200],
    [{ 'If-Modified-Since': 'Monday, 03-Feb-20 04:05:06 GMT' }, 304], [{ 'If-Modified-Since': 'Mon Feb  3 04:05:06 2020' }, 304], [{ 'If-Modified-Since': 'nonsense' }, 200], [{ 'If-Modified-Since2': 'Sun, 01 Jan 2040 00:00:02 GMT' }, 200],
    [{ 'If-None-Match': plain.headers.etag }, 304], [{ 'If-None-Match': `"a", ${plain.headers.etag}` }, 304], [{ 'If-None-Match': `W/${plain.headers.etag}` }, 304], [{ 'If-None-Match': '*' }, 304], [{ 'If-None-Match': '"a"', 'If-Modified-Since': plain.headers['last-modified'] }, 200],
    [{ 'If-Match': '*' }, 200], [{ 'If-Match': '"a"' }, 412],
  ]) {
    const answer = await get('/hundred.txt', headers);
    assert.equal(answer.status, status, JSON.stringify(headers));
    if (status === 304) assert.deepEqual([answer.headers['content-length'], answer.headers.etag], [undefined, plain.headers.etag]);
  }
});

test('connections that are kept', async () => {
  const file = (version, fields = '') => `GET /five.txt HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;
  const keep = 'Connection: keep-alive\r\n';
  const close = 'Connection: close\r\n';
  assert.deepEqual(await lines(file('1.0', keep) + file('1.0', close)), ['HTTP/1.0 200', 'HTTP/1.0 200']);
  assert.deepEqual(await lines(file('1.0', keep) + file('1.0')), ['HTTP/1.0 200', 'HTTP/1.0 200']);
  assert.deepEqual(await lines(file('1.0') + file('1.0')), ['HTTP/1.0 200']);
  assert.deepEqual(await lines(file('1.1', keep) + file('1.1', close)), ['HTTP/1.1 200', 'HTTP/1.1 200']);
  assert.deepEqual(await lines(file('1.1') + file('1.1', close) + file('1.1')), ['HTTP/1.1 200', 'HTTP/1.1 200']);
});

test('directories, and names that have to be escaped', async () => {
  assert.equal((await get('/real?foo')).headers.location, '/real/?foo');
  const odd = await server.raw(Buffer.from('GET /dir%20with%20ä?foo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').toString('latin1'));
  assert.deepEqual([odd.status, odd.headers.location], [301, '/dir%20with%20%C3%A4/?foo']);
});

test('virtual hosts', async () => {
  assert.equal((await get('/five.txt', { Host: 'numbers.example' })).body.toString(), '12345\n');
  assert.equal((await get('/here.txt', { Host: 'none.vhost' })).body.toString(), 'default');
  assert.equal((await get('/five.txt', { Host: 'none.vhost' })).status, 404);
  assert.equal((await get('/image.jpg', { Host: 'plain.example' })).status, 200);
});

test('error handlers', async () => {
  const answer = async (path) => get(path, { Host: 'errors' });
  const still = await answer('/static/none');
  assert.deepEqual([still.status, still.body.toString()], [200, 'handled']);
  const dynamic = await answer('/dynamic/none?a=b');
  assert.equal(dynamic.status, 200);
  const { params } = JSON.parse(dynamic.body.toString());
  assert.deepEqual([params.REDIRECT_STATUS, params.REQUEST_URI, params.REDIRECT_URI], ['404', '/dynamic/none?a=b', '/app']);
  const any = await answer('/any/none');
  assert.equal(JSON.parse(any.body.toString()).params.REDIRECT_STATUS, '404');
  const own = await answer('/sends404');
  assert.deepEqual([own.status, own.body.toString()], [404, 'not here']);
});

test('lower-cased names do not get around access, exclusion and passwords', async () => {
  for (const name of ['/image.jpg', '/image.JPG', '/IMAGE.jpg']) {
    assert.equal((await get(name, { Host: 'lower-allow' })).status, 200, name);
    assert.equal((await get(name, { Host: 'lower-deny' })).status, 403, name);
    assert.equal((await get(name, { Host: 'lower-exclude' })).status, 403, name);
    assert.equal((await get(name, { Host: 'lower-auth' })).status, 401, name);
  }
});

test('what is allowed, whatever is denied', async () => {
  assert.equal((await get('/five.txt', { Host: 'allowed' })).status, 200);
  assert.equal((await get('/image.jpg', { Host: 'allowed' })).status, 403);
});

test('a path behind a file, where that is not wanted', async () => {
  assert.equal((await get('/image.jpg/index.php', { Host: 'no-path-info' })).status, 403);
  assert.equal((await get('/image.jpg', { Host: 'no-path-info' })).status, 200);
});

test('index files by the setting\'s first name', async () => {
  assert.equal((await get('/', { Host: 'old-names' })).body.toString(), '12345\n');
});

test('document roots by pattern', async () => {
  for (const [name, path] of [['by-number.host.example.org', 'host'], ['by-letter.host.example.org', 'h-o-host'], ['by-zero.host.example.org', 'host'], ['by-whole.host.example.org', 'example.org']]) {
    assert.equal((await get('/who.txt', { Host: name })).body.toString(), path, name);
  }
});

test('symbolic links', async () => {
  for (const path of ['/link.txt', '/linked/in.txt', '/five.txt']) assert.equal((await get(path)).status, 200, path);
  for (const path of ['/link.txt', '/linked/', '/linked/in.txt']) assert.equal((await get(path, { Host: 'nolinks' })).status, 403, path);
  assert.equal((await get('/five.txt', { Host: 'nolinks' })).status, 200);
});

test('passwords', async () => {
  const as = async (text, path = '/', scheme = 'Basic') => (await get(path, { Host: 'auth', Authorization: `${scheme} ${Buffer.from(text).toString('base64')}` })).status;
  assert.equal((await get('/', { Host: 'auth' })).status, 401);
  assert.equal(await as('jan:jan', '/five.txt'), 200);
  assert.equal(await as('jan:other', '/five.txt'), 401);
  assert.equal(await as('sha:sha'), 200);
  assert.equal(await as('sha:sha', '/', 'basic'), 200);
  assert.equal(await as('sha:shb'), 401);
  for (const broken of ['\x80mFuOmphb', '=', '!!!!', 'YQ==']) assert.equal((await get('/', { Host: 'auth', Authorization: `Basic ${broken}` })).status, 400, broken);
});
