// SPDX-License-Identifier: Apache-2.0
// Files and what stands around them: types, ranges, conditions, aliases, rewriting, redirects, access, listings, errors, logs.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from '../lib/test.mjs';
import { Raw } from '../lib/raw.mjs';
import { eventually } from '../lib/process.mjs';
import { host } from './host.mjs';

let server;
const get = (path, headers, options) => server.get(path, headers, options);
const text = async (path, headers, options) => (await get(path, headers, options)).body.toString();

before(async () => {
  server = await host((place) => {
    mkdirSync(place.file('other'));
    writeFileSync(place.file('other/o.txt'), 'other');
    writeFileSync(place.file('users'), 'ann:$apr1$abcdefgh$lBmjIQYAK3SyTBRjmCLHx/\nbob:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n');
    symlinkSync(place.file('other/o.txt'), `${place.www}/link.txt`);
    return `
    server.tag = "tag"
    index-file.names = ( "index.html", "/fallback.txt" )
    mimetype.assign = ( ".html" => "text/html", ".txt" => "text/plain", ".tar.gz" => "application/x-gtar", ".gz" => "application/gzip", "README" => "text/x-readme" )
    alias.url = ( "/alias/" => "${place.file('other')}/", "/bare" => "${place.file('other')}/" )
    url.access-deny = ( "~", ".inc" )
    url.redirect = ( "^/go/(.*)$" => "https://%0.example/$1?q", "^/keep(.*)" => "/x\${qsa}" )
    url.rewrite-once = ( "^/nice/([^?]*)(.*)" => "/sub/$1$2" )
    url.rewrite-if-not-file = ( "^/app/(.*)" => "/index.html?$1" )
    accesslog.filename = "${place.file('access.log')}"
    accesslog.format = "%h %u \\"%r\\" %>s %b \\"%{X-A}i\\" %{Server}o"
    setenv.add-response-header = ( "X-Every" => "1" )
    expire.url = ( "/sub/" => "access plus 1 hours" )
    server.errorfile-prefix = "${place.file('err-')}"
    $HTTP["host"] == "lists" { dir-listing.activate = "enable" dir-listing.exclude = ( "^hid" ) index-file.names := () }
    $HTTP["host"] == "nolinks" { server.follow-symlink = "disable" }
    $HTTP["host"] == "handled" { server.error-handler-404 = "/sub/handler.txt" }
    $HTTP["host"] == "kept" { server.error-handler = "/sub/handler.txt" }
    $HTTP["host"] == "locked" {
      auth.backend = "htpasswd"
      auth.backend.htpasswd.userfile = "${place.file('users')}"
      auth.require = ( "/" => ( "method" => "basic", "realm" => "R", "require" => "valid-user" ), "/sub" => ( "method" => "basic", "realm" => "S", "require" => "user=bob" ) )
    }
    $HTTP["host"] == "round" { url.rewrite-repeat = ( "^/(.*)" => "/$1x" ) }
    $HTTP["remoteip"] == "127.0.0.0/8" { status.status-url = "/status" status.statistics-url = "/statistics" }
    $HTTP["host"] =~ "^(\\w+)\\.vhost$" { server.document-root = "${place.www}/sub" url.redirect = ( "^/who" => "/%1" ) }
    $HTTP["host"] == "forwarded" { extforward.forwarder = ( "127.0.0.1" => "trust" ) $HTTP["remoteip"] == "9.9.9.9" { server.tag = "nine" } }
    `;
  }, {
    files: {
      'index.html': 'index', 'fallback.txt': 'fallback', 'a.txt': '0123456789', 'long.txt': 'a'.repeat(200) + 'c'.repeat(198) + 'bb', 'b.tar.gz': 'z', 'a.inc': 'no', 'README': 'r', 'sub/f.txt': 'sub',
      'sub/handler.txt': 'handled', 'hidden.txt': 'h', 'with space&<.txt': 's', 'empty.txt': '', 'deep/x.html': 'x', 'noread.txt': 'n',
    },
  });
  server.place.put('err-418.html', 'teapot');
  server.place.put('err-416.html', 'ranges');
});
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));

test('a file: type, length, validators, our headers', async () => {
  const answer = await get('/a.txt');
  assert.equal(answer.body.toString(), '0123456789');
  assert.equal(answer.headers['content-type'], 'text/plain');
  assert.equal(answer.headers['content-length'], '10');
  assert.equal(answer.headers.server, 'tag');
  assert.equal(answer.headers['x-every'], '1');
  assert.match(answer.headers.etag, /^"[0-9a-f-]+"$/);
  assert.ok(Date.parse(answer.headers['last-modified']) > 0);
  assert.equal((await get('/b.tar.gz')).headers['content-type'], 'application/x-gtar');
  assert.equal((await get('/README')).headers['content-type'], 'text/x-readme');
  assert.equal((await get('/empty.txt')).headers['content-length'], '0');
});

test('conditional requests', async () => {
  const { etag, 'last-modified': changed } = (await get('/a.txt')).headers;
  assert.equal((await get('/a.txt', { 'If-None-Match': etag })).status, 304);
  assert.equal((await get('/a.txt', { 'If-None-Match': '"other"' })).status, 200);
  assert.equal((await get('/a.txt', { 'If-Modified-Since': changed })).status, 304);
  assert.equal((await get('/a.txt', { 'If-None-Match': '"other"', 'If-Modified-Since': changed })).status, 200);
  assert.equal((await get('/a.txt', { 'If-Match': '"other"' })).status, 412);
  assert.equal((await get('/a.txt', { 'If-Unmodified-Since': 'Mon, 01 Jan 1990 00:00:00 GMT' })).status, 412);
});

test('ranges', async () => {
  for (const [range, status, body, content] of [
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'], ['bytes=7-', 206, '789', 'bytes 7-9/10'], ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=0-99', 206, '0123456789', 'bytes 0-9/10'], ['bytes=5-2', 416, undefined, 'bytes */10'], ['lines=1-2', 200, '0123456789'],
    ['bytes=a-b', 416, undefined, 'bytes */10'], ['bytes=2-4,a', 206, '234', 'bytes 2-4/10'], ['bytes=0-1,4-5,-1', 206, '0123456789', 'bytes 0-9/10'], ['bytes=20-', 416, undefined, 'bytes */10'],
    [`bytes=${Array.from({ length: 20 }, () => '1-2').join(',')}`, 200, '0123456789'],
  ]) {
    const answer = await get('/a.txt', { Range: range });
    assert.equal(answer.status, status, range);
    if (body !== undefined) assert.equal(answer.body.toString(), body, range);
    assert.equal(answer.headers['content-range'], content, range);
  }
  const several = await get('/long.txt', { Range: 'bytes=0-1,-2,200-201' });
  assert.equal(several.status, 206);
  const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(several.headers['content-type'])[1];
  const parts = several.body.toString().split(`--${boundary}`).slice(1, -1).map((part) => part.split('\r\n\r\n'));
  assert.deepEqual(parts.map(([, body]) => body.trim()), ['aa', 'bb', 'cc']);
  assert.match(parts[2][0], /Content-Range: bytes 200-201\/400/);
  const { etag } = (await get('/a.txt')).headers;
  assert.equal((await get('/a.txt', { Range: 'bytes=0-1', 'If-Range': etag })).status, 206);
  assert.equal((await get('/a.txt', { Range: 'bytes=0-1', 'If-Range': '"old"' })).status, 200);
});

test('what clients of lighttpd know: HTTP/1.0 answered in kind, one empty line between requests, the host in the target', async () => {
  const raw = async (bytes) => {
    const connection = await Raw.open(server.port);
    connection.write(bytes);
    connection.socket.end();
    await connection.until(() => connection.over);
    return connection.data.toString();
  };
  const old = await raw('GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /a.txt HTTP/1.0\r\n\r\n');
  assert.deepEqual(old.match(/HTTP\/1\.[01] \d+/g), ['HTTP/1.0 200', 'HTTP/1.0 200']);
  assert.deepEqual((await raw('nonsense\r\n\r\n')).match(/^HTTP.*/gm).map((line) => line.trim()), ['HTTP/1.0 400 Bad Request']);
  const one = 'GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n';
  const last = 'GET http://other/a.txt HTTP/1.1\r\nConnection: close\r\n\r\n';
  assert.deepEqual((await raw(`${one}\r\n${last}`)).match(/HTTP\/1\.[01] \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200']);
  assert.deepEqual((await raw(`${one}\r\n\r\n${last}`)).match(/HTTP\/1\.[01] \d+/g), ['HTTP/1.1 200', 'HTTP/1.0 400']);
  assert.equal((await get('/a%0ab')).status, 400);
  const same = await get('/sub/f.txt', { 'If-Modified-Since': 'Fri, 01 Jan 2100 00:00:00 GMT' });
  assert.deepEqual([same.status, same.headers['content-type']], [304, 'text/plain']);
});

test('directories: index files, the slash, no listing', async () => {
  assert.equal(await text('/'), 'index');
  const moved = await get('/sub?x=1');
  assert.deepEqual([moved.status, moved.headers.location], [301, '/sub/?x=1']);
  assert.equal(await text('/deep/'), 'fallback', 'an index name with a slash is below the document root');
});

test('listing: names escaped, hidden and excluded ones left out', async () => {
  const page = await text('/', { Host: 'lists' });
  assert.match(page, /<a href="with%20space%26%3C\.txt">with space&amp;&lt;\.txt<\/a>/);
  assert.match(page, /<a href="sub\/">sub<\/a>\//);
  assert.doesNotMatch(page, /hidden/);
  assert.equal((await get('/sub/', { Host: 'lists' })).headers['content-type'], 'text/html; charset=utf-8');
});

test('alias: also without a slash, and no way out of it', async () => {
  assert.equal(await text('/alias/o.txt'), 'other');
  assert.equal(await text('/bare/o.txt'), 'other');
  for (const path of ['/bare../secret', '/bare..%2fsecret', '/alias/../../x', '/alias/%2e%2e/users', '/bare%2e%2e/users']) {
    const { status } = await get(path);
    assert.ok([400, 403, 404].includes(status), `${path}: ${status}`);
  }
});

test('paths that leave the document root, or hold what no path may hold', async () => {
  for (const path of ['/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc/passwd', '/a.txt%00.html', '/sub/../../users']) {
    const answer = await get(path);
    assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
    assert.doesNotMatch(answer.body.toString(), /root:|ann:/);
  }
});

test('access: denied ends, also of files found by index or rewriting', async () => {
  assert.equal((await get('/a.inc')).status, 403);
  assert.equal((await get('/a.txt~')).status, 403);
});

test('redirect with captures, rewrite with query, rewrite of what is no file', async () => {
  const go = await get('/go/a/b');
  assert.deepEqual([go.status, go.headers.location], [301, 'https://.example/a/b?q']);
  assert.equal((await get('/keep?a=1')).headers.location, '/x?a=1');
  assert.equal(await text('/nice/f.txt?x=1'), 'sub');
  assert.equal(await text('/app/anything'), 'index');
  assert.equal((await get('/who', { Host: 'me.vhost' })).headers.location, '/me');
  assert.equal(await text('/f.txt', { Host: 'me.vhost' }), 'sub');
});

test('a rewrite that goes round in circles ends with 500', async () => {
  assert.equal((await get('/a', { Host: 'round' })).status, 500);
});

test('path info behind a file; methods', async () => {
  assert.equal(await text('/a.txt/more/info'), '0123456789');
  assert.deepEqual((({ status, headers }) => [status, headers.allow])(await get('/a.txt', {}, { method: 'OPTIONS' })), [200, 'OPTIONS, GET, HEAD, POST']);
  assert.equal((await get('/a.txt', {}, { method: 'DELETE' })).status, 405);
  assert.equal((await get('/a.txt', {}, { method: 'POST', body: 'x' })).body.toString(), '0123456789');
});

test('expire: Cache-Control and Expires', async () => {
  const { headers } = await get('/sub/f.txt');
  assert.equal(headers['cache-control'], 'max-age=3600');
  assert.ok(Math.abs(Date.parse(headers.expires) - Date.now() - 3_600_000) < 60_000);
});

test('symbolic links: followed, or not', async () => {
  assert.equal(await text('/link.txt'), 'other');
  assert.equal((await get('/link.txt', { Host: 'nolinks' })).status, 403);
  assert.equal(await text('/a.txt', { Host: 'nolinks' }), '0123456789');
});

test('error handlers: a page of 404 becomes the answer, or keeps the status', async () => {
  const handled = await get('/nothing', { Host: 'handled' });
  assert.deepEqual([handled.status, handled.body.toString()], [200, 'handled']);
  const kept = await get('/nothing', { Host: 'kept' });
  assert.deepEqual([kept.status, kept.body.toString()], [404, 'handled']);
});

test('basic authentication', async () => {
  const login = (user, password) => ({ Host: 'locked', Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
  const asked = await get('/a.txt', { Host: 'locked' });
  assert.deepEqual([asked.status, asked.headers['www-authenticate']], [401, 'Basic realm="R", charset="UTF-8"']);
  assert.equal((await get('/a.txt', login('bob', 'test'))).status, 200);
  assert.equal((await get('/a.txt', login('bob', 'wrong'))).status, 401);
  assert.equal((await get('/a.txt', login('nobody', 'test'))).status, 401);
  assert.equal((await get('/a.txt', { Host: 'locked', Authorization: 'Basic !!!' })).status, 400);
  assert.equal((await get('/sub/f.txt', login('ann', 'secret'))).status, 401, 'the longer path counts');
  assert.equal((await get('/sub/f.txt', login('bob', 'test'))).status, 200);
});

test('status pages', async () => {
  assert.match(await text('/status'), /<h1>Status<\/h1>/);
  assert.ok(JSON.parse(await text('/status?json')).requests > 10);
  assert.match(await text('/status?auto'), /^Total Accesses: \d+$/m);
  assert.match(await text('/status?prometheus'), /^host_requests_total \d+$/m);
  assert.match(await text('/statistics'), /^gw\.active-requests: 0$/m);
});

test('forwarded addresses: of trusted proxies only, from the right', async () => {
  const tag = async (headers) => (await get('/a.txt', headers)).headers.server;
  assert.equal(await tag({ Host: 'forwarded', 'X-Forwarded-For': '9.9.9.9' }), 'nine');
  assert.equal(await tag({ Host: 'forwarded', 'X-Forwarded-For': '9.9.9.9, 8.8.8.8' }), 'tag');
  assert.equal(await tag({ Host: 'other', 'X-Forwarded-For': '9.9.9.9' }), 'tag');
});

test('the access log: one line a request, nothing forged, reopened on HUP', async () => {
  await server.raw('GET /a.txt?%22 HTTP/1.1\r\nHost: h\r\nX-A: "q\\"\r\nConnection: close\r\n\r\n');
  const log = () => readFileSync(server.place.file('access.log'), 'utf8');
  await eventually(() => log().includes('127.0.0.1 - "GET /a.txt?%22 HTTP/1.1" 200 10 "\\"q\\\\\\"" tag\n'), 'the line is there');
  writeFileSync(server.place.file('access.log'), '');
  process.kill(server.pid, 'SIGHUP');
  await get('/README');
  await eventually(() => /GET \/README/.test(log()), 'lines go on after HUP');
});

test('keep-alive: many requests on a connection; HTTP/1.0; idle connections cost nothing but time', async () => {
  const connection = await Raw.open(server.port);
  for (let i = 0; i < 50; i++) {
    connection.write('GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal((await connection.response()).body.toString(), '0123456789');
  }
  connection.close();
  const old = await server.raw('GET /a.txt HTTP/1.0\r\n\r\n');
  assert.equal(old.headers.connection, 'close');
});

test('a file that cannot be read', { skip: process.getuid() === 0 && 'root may read everything' }, async () => {
  chmodSync(`${server.www}/noread.txt`, 0);
  assert.equal((await get('/noread.txt')).status, 403);
});
