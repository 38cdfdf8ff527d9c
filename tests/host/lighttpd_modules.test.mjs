// SPDX-License-Identifier: Apache-2.0
// What users of lighttpd's modules know: compression, digest authentication, homes of users, SCGI, forwarded addresses,
// types from attributes, the configuration files that Debian installs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { gunzipSync, inflateSync } from 'node:zlib';
import { app, host, program, rogue, site } from './host.mjs';
import { ask } from '../lib/raw.mjs';
import { eventually, freePort } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';

const prose = 'A line that comes again and again.\n'.repeat(200);
const hash = (kind, text) => createHash(kind).update(text).digest('hex');

let server;
let scgi;
before(async () => {
  // An SCGI (or uwsgi) app: answers with the variables and the body it got.
  scgi = createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const got = bytes[0] === 0 ? readUwsgi(bytes) : readScgi(bytes);
      if (!got || got.body.length < Number(got.variables.CONTENT_LENGTH || 0)) return;
      const text = JSON.stringify({ ...got, body: got.body.toString() });
      socket.end(got.variables.QUERY_STRING === 'nph' ? `HTTP/1.1 404 Odd\r\n\r\n${text}` : `Status: 201 Made\r\nX-S: 1\r\n\r\n${text}`);
    });
  }).listen(0, '127.0.0.1');
  await once(scgi, 'listening');
  const behind = `(( "host" => "127.0.0.1", "port" => ${scgi.address().port}, "check-local" => "disable" ))`;
  server = await host((place) => {
    writeFileSync(place.file('htdigest'), `ann:The Realm:${hash('md5', 'ann:The Realm:secret')}\nsue:The Realm:${hash('sha256', 'sue:The Realm:hidden')}\n`);
    writeFileSync(place.file('plain'), 'bob:open sesame\njim:x\n');
    writeFileSync(place.file('groups'), 'staff: bob ann\n');
    mkdirSync(place.file('homes/ann/public_html/sub'), { recursive: true });
    writeFileSync(place.file('homes/ann/public_html/a.txt'), 'at home');
    mkdirSync(place.file('homes/b/bob'), { recursive: true });
    writeFileSync(place.file('homes/b/bob/b.txt'), 'with letters');
    return `
    mimetype.assign = ( ".txt" => "text/plain", ".html" => "text/html; charset=utf-8", ".bin" => "application/octet-stream" )
    deflate.mimetypes = ( "text/" )
    deflate.allowed-encodings = ( "brotli", "gzip", "deflate" )
    $HTTP["host"] == "cached" { deflate.cache-dir = "${place.file('cache')}" }
    $HTTP["host"] == "small" { deflate.max-compress-size = 1 }
    $HTTP["host"] == "old" { deflate.mimetypes := () compress.filetype = ( "text/plain" ) }
    $HTTP["host"] == "app" { fastcgi.server = ( ${app(place, rogue('--do', 'echo'), { key: '/' })} ) deflate.mimetypes = ( "application/json" ) }
    $HTTP["host"] == "digest" {
      auth.backend = "htdigest"
      auth.backend.htdigest.userfile = "${place.file('htdigest')}"
      auth.require = ( "/" => ( "method" => "digest", "algorithm" => "MD5|SHA-256", "realm" => "The Realm", "require" => "valid-user" ),
                       "/basic" => ( "method" => "basic", "realm" => "The Realm", "require" => "valid-user" ) )
    }
    $HTTP["host"] == "groups" {
      auth.backend = "plain"
      auth.backend.plain.userfile = "${place.file('plain')}"
      auth.backend.plain.groupfile = "${place.file('groups')}"
      auth.require = ( "" => ( "method" => "digest", "realm" => "G", "require" => "group=staff|user=root" ) )
    }
    userdir.path = "public_html"
    userdir.basepath = "${place.file('homes')}/"
    userdir.exclude-user = ( "root" )
    $HTTP["host"] == "letters" { userdir.path = "" userdir.letterhomes = "enable" }
    $HTTP["host"] == "some" { userdir.include-user = ( "bob" ) }
    $HTTP["host"] == "off" { userdir.active = "disable" }
    scgi.server = ( "/scgi" => ${behind}, ".scgi" => ${behind.replace(', "check-local" => "disable"', '')} )
    scgi.map-extensions = ( ".mapped" => ".scgi" )
    $HTTP["host"] == "uwsgi" { scgi.protocol = "uwsgi" }
    extforward.forwarder = ( "127.0.0.1" => "trust", "10.0.0.0/8" => "trust" )
    extforward.headers = ( "Forwarded", "X-Forwarded-For" )
    extforward.params = ( "host" => 1, "remote_user" => 1 )
    setenv.add-environment = ( "PLACE" => "here", "EMPTY" => "" )
    setenv.set-environment = ( "SET" => "yes" )
    setenv.add-request-header = ( "X-Added" => "a" )
    setenv.set-request-header = ( "X-Set" => "b", "X-Gone" => "" )
    $HTTP["host"] == "listed" { dir-listing.activate = "enable" dir-listing.show-header = "enable" dir-listing.show-readme = "mine.html" dir-listing.encode-readme = "disable" dir-listing.hide-header-file = "enable" }
    $HTTP["host"] == "bare" { dir-listing.activate = "enable" }
    $HTTP["host"] == "types" { mimetype.use-xattr = "enable" mimetype.xattr-name = "user.mime_type" }
    `;
  }, { files: { 'p.txt': prose, 'p.html': prose, 'p.bin': prose, 'tiny.txt': 'tiny', 'x.scgi': 'source', 'y.mapped': 'source', 'listed/HEADER.txt': '<b>header</b>', 'listed/mine.html': '<i>mine</i>', 'listed/a.txt': 'a' } });
});
after(async () => {
  const how = await server.stop();
  scgi.close();
  assert.deepEqual(how, { code: 0, signal: null });
});
const get = (...words) => server.get(...words);

function readScgi(bytes) {
  const colon = bytes.indexOf(':');
  const size = Number(bytes.subarray(0, Math.max(colon, 0)).toString());
  if (colon < 0 || bytes.length < colon + size + 2) return null;
  const words = bytes.subarray(colon + 1, colon + size).toString('latin1').split('\0');
  const variables = {};
  for (let i = 0; i + 1 < words.length; i += 2) variables[words[i]] = words[i + 1];
  return { first: words.slice(0, 4), comma: bytes.subarray(colon + 1 + size, colon + 2 + size).toString(), variables, body: bytes.subarray(colon + size + 2) };
}
function readUwsgi(bytes) {
  if (bytes.length < 4) return null;
  const size = bytes.readUInt16LE(1);
  if (bytes.length < size + 4) return null;
  const variables = {};
  let at = 4;
  const word = () => {
    const length = bytes.readUInt16LE(at);
    at += length + 2;
    return bytes.subarray(at - length, at).toString('latin1');
  };
  while (at < size + 4) {
    const name = word();
    variables[name] = word();
  }
  return { variables, body: bytes.subarray(size + 4) };
}

test('text is compressed for clients that take it', async () => {
  for (const [accept, coding] of [['gzip', 'gzip'], ['deflate', 'deflate'], ['gzip, deflate', 'gzip'], ['deflate, gzip;q=0.5', 'deflate'], ['br, *', 'gzip'], ['x-gzip', 'gzip']]) {
    const answer = await get('/p.txt', { 'Accept-Encoding': accept });
    assert.equal(answer.headers['content-encoding'], coding, accept);
    assert.equal(answer.headers.vary, 'Accept-Encoding');
    assert.equal(Number(answer.headers['content-length']), answer.body.length);
    assert.ok(answer.body.length < prose.length / 10);
    assert.equal((coding === 'gzip' ? gunzipSync : inflateSync)(answer.body).toString(), prose);
    assert.match(answer.headers.etag, new RegExp(`-${coding}"$`));
  }
  for (const accept of ['', 'identity', 'br', 'gzip;q=0', 'bzip2']) {
    const answer = await get('/p.txt', { 'Accept-Encoding': accept });
    assert.equal(answer.headers['content-encoding'], undefined, accept);
    assert.equal(answer.headers.vary, 'Accept-Encoding', accept);
    assert.equal(answer.body.toString(), prose);
  }
  assert.equal((await get('/p.html', { 'Accept-Encoding': 'gzip' })).headers['content-type'], 'text/html; charset=utf-8');
});

test('what is not compressed: other types, small files, large files, ranges', async () => {
  for (const [path, headers] of [['/p.bin', {}], ['/tiny.txt', {}], ['/p.txt', { Host: 'small' }], ['/p.txt', { Range: 'bytes=0-9' }]]) {
    const answer = await get(path, { 'Accept-Encoding': 'gzip', ...headers });
    assert.equal(answer.headers['content-encoding'], undefined, path);
  }
  assert.equal((await get('/p.txt', { Host: 'old', 'Accept-Encoding': 'gzip' })).headers['content-encoding'], 'gzip');
  assert.equal((await get('/p.html', { Host: 'old', 'Accept-Encoding': 'gzip' })).headers['content-encoding'], undefined);
});

test('each coding has its own tag; HEAD says what GET would', async () => {
  const gzip = { 'Accept-Encoding': 'gzip' };
  const coded = (await get('/p.txt', gzip)).headers.etag;
  const plain = (await get('/p.txt')).headers.etag;
  assert.notEqual(coded, plain);
  const same = await get('/p.txt', { ...gzip, 'If-None-Match': coded });
  assert.deepEqual([same.status, same.headers.etag, same.headers.vary], [304, coded, 'Accept-Encoding']);
  assert.equal((await get('/p.txt', { ...gzip, 'If-None-Match': plain })).status, 200);
  assert.equal((await get('/p.txt', { 'If-None-Match': coded })).status, 200);
  assert.equal((await get('/p.txt', { 'If-None-Match': plain })).status, 304);
  const head = await get('/p.txt', gzip, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers['content-encoding'], head.headers.etag], [200, 'gzip', coded]);
  assert.notEqual(head.headers['content-length'], String(prose.length));
});

test('compressed files are kept where there is a directory for them', async () => {
  const first = await get('/p.txt', { Host: 'cached', 'Accept-Encoding': 'gzip' });
  const find = (directory) => readdirSync(directory, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const kept = find(server.place.file('cache'));
  assert.equal(kept.length, 1);
  assert.match(kept[0].name, /^p\.txt-gzip-/);
  const again = await get('/p.txt', { Host: 'cached', 'Accept-Encoding': 'gzip' });
  assert.deepEqual(again.body, first.body);
  writeFileSync(`${server.www}/p2.txt`, prose);
  await get('/p2.txt', { Host: 'cached', 'Accept-Encoding': 'deflate' });
  assert.equal(find(server.place.file('cache')).length, 2);
});

test('answers of apps are compressed while they pass', async () => {
  const answer = await get('/x', { Host: 'app', 'Accept-Encoding': 'gzip' });
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.equal(JSON.parse(gunzipSync(answer.body).toString()).params.REQUEST_METHOD, 'GET');
  const head = await get('/x', { Host: 'app', 'Accept-Encoding': 'gzip' }, { method: 'HEAD' });
  assert.equal(head.headers['content-encoding'], 'gzip');
});

// The Authorization field a browser would send after `challenge`.
function respond(challenge, { user, password, method = 'GET', uri, kind = 'md5', algorithm = kind === 'md5' ? 'MD5' : 'SHA-256', ...changed }) {
  const realm = /realm="([^"]*)"/.exec(challenge)[1];
  const nonce = /nonce="([^"]*)"/.exec(challenge)[1];
  const ha1 = hash(kind, `${user}:${realm}:${password}`);
  const response = hash(kind, `${ha1}:${nonce}:00000001:c0ffee:auth:${hash(kind, `${method}:${uri}`)}`);
  const fields = { username: user, realm, nonce, uri, response, algorithm, cnonce: 'c0ffee', qop: 'auth', nc: '00000001', ...changed };
  return `Digest ${Object.entries(fields).filter(([, v]) => v !== undefined).map(([n, v]) => (['qop', 'nc', 'algorithm'].includes(n) ? `${n}=${v}` : `${n} = "${v}"`)).join(', ')}`;
}

test('digest authentication: challenge, right and wrong answers, both algorithms', async () => {
  const asked = await get('/p.txt?a=b', { Host: 'digest' });
  assert.equal(asked.status, 401);
  const challenge = asked.headers['www-authenticate'];
  assert.match(challenge, /^Digest realm="The Realm", charset="UTF-8", algorithm=MD5, nonce="[^"]+", qop="auth", Digest .*algorithm=SHA-256/);
  const answer = async (path, options) => get(path, { Host: 'digest', Authorization: respond(challenge, { user: 'ann', password: 'secret', uri: path, ...options }) });
  assert.equal((await answer('/p.txt?a=b')).status, 200);
  assert.equal((await answer('/p.txt', { user: 'sue', password: 'hidden', kind: 'sha256' })).status, 200);
  for (const wrong of [{ password: 'Secret' }, { user: 'nobody' }, { user: 'sue', password: 'hidden' }, { kind: 'sha256' }, { realm: 'Other' }, { qop: undefined, nc: undefined, cnonce: undefined }]) {
    assert.equal((await answer('/p.txt', wrong)).status, 401, JSON.stringify(wrong));
  }
  for (const broken of [{ uri: '/other' }, { cnonce: undefined }, { nc: undefined }, { algorithm: 'MD5-sess' }, { qop: 'auth-int' }, { response: undefined }]) {
    assert.equal((await answer('/p.txt', broken)).status, 400, JSON.stringify(broken));
  }
  const stale = await answer('/p.txt', { nonce: 'b3b26457000000003a9b34a3cd56d26e' });
  assert.deepEqual([stale.status, /, stale=true$/.test(stale.headers['www-authenticate'])], [401, true]);
  assert.equal((await get('/p.txt', { Host: 'digest', Authorization: 'Digest nonsense' })).status, 400);
  assert.equal((await get('/p.txt', { Host: 'digest', Authorization: 'Digest' })).status, 401);
});

test('basic authentication by a digest file; groups', async () => {
  const basic = (text) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  assert.equal((await get('/basic', { Host: 'digest', ...basic('ann:secret') })).status, 404);
  assert.equal((await get('/basic', { Host: 'digest', ...basic('ann:wrong') })).status, 401);
  assert.equal((await get('/basic', { Host: 'digest', Authorization: 'Basic =' })).status, 400);
  const challenge = (await get('/p.txt', { Host: 'groups' })).headers['www-authenticate'];
  const as = async (user, password) => (await get('/p.txt', { Host: 'groups', Authorization: respond(challenge, { user, password, uri: '/p.txt' }) })).status;
  assert.equal(await as('bob', 'open sesame'), 200);
  assert.equal(await as('jim', 'x'), 401);
});

test('homes of users', async () => {
  assert.equal((await get('/~ann/a.txt')).body.toString(), 'at home');
  const moved = await get('/~ann?q');
  assert.deepEqual([moved.status, moved.headers.location], [301, '/~ann/?q']);
  assert.equal((await get('/~ann/sub')).headers.location, '/~ann/sub/');
  assert.equal((await get('/~none')).headers.location, '/~none/'); // tells nothing about who is there
  for (const path of ['/~none/a.txt', '/~root/a.txt', '/~../ann/a.txt', '/~/a.txt']) assert.equal((await get(path)).status, 404, path);
  assert.equal((await get('/~ann/../../b/bob/b.txt')).status, 400);
  assert.equal((await get('/~bob/b.txt', { Host: 'letters' })).body.toString(), 'with letters');
  assert.equal((await get('/~ann/a.txt', { Host: 'some' })).status, 404);
  assert.equal((await get('/~ann/a.txt', { Host: 'off' })).status, 404);
});

test('SCGI and uwsgi apps', async () => {
  const json = async (...words) => JSON.parse((await get(...words)).body.toString());
  const answer = await get('/scgi/app/rest?q=1', {}, { method: 'POST', body: 'the body' });
  assert.deepEqual([answer.status, answer.headers['x-s']], [201, '1']);
  const got = JSON.parse(answer.body.toString());
  assert.deepEqual(got.first, ['CONTENT_LENGTH', '8', 'SCGI', '1']);
  assert.deepEqual([got.comma, got.body], [',', 'the body']);
  const { variables } = got;
  assert.deepEqual([variables.SCRIPT_NAME, variables.PATH_INFO, variables.QUERY_STRING, variables.REQUEST_METHOD], ['/scgi', '/app/rest', 'q=1', 'POST']);
  assert.deepEqual([variables.PLACE, variables.EMPTY, variables.SET, variables.HTTP_X_ADDED, variables.HTTP_X_SET], ['here', '', 'yes', 'a', 'b']);
  assert.equal((await json('/scgi', { 'X-Gone': 'x' })).variables.HTTP_X_GONE, undefined);
  assert.equal((await json('/scgi')).first[1], '0');
  assert.equal((await get('/scgi?nph')).status, 404);
  assert.equal((await json('/x.scgi')).variables.SCRIPT_FILENAME, `${server.www}/x.scgi`);
  assert.equal((await json('/y.mapped')).variables.SCRIPT_NAME, '/y.mapped');
  assert.equal((await get('/none.scgi')).status, 404);
  const uwsgi = await json('/scgi/u', { Host: 'uwsgi' }, { method: 'POST', body: 'x'.repeat(100000) });
  assert.deepEqual([uwsgi.variables.PATH_INFO, uwsgi.body.length], ['/u', 100000]);
});

test('SCGI apps that the host starts, and starts again', async () => {
  const place = site();
  place.put('app.mjs', `
    import { createServer } from 'node:net';
    createServer((socket) => socket.on('data', (bytes) => {
      if (String(bytes).includes('die')) process.exit(1);
      socket.end('Content-Type: text/plain\\r\\n\\r\\nbody ' + process.pid);
    })).listen({ fd: 0 });`);
  const own = await host(`scgi.server = ( "/" => (( "bin-path" => "${process.execPath} ${place.file('app.mjs')}", "socket" => "${place.file('s')}", "max-procs" => 1, "check-local" => "disable" )) )`, { place });
  try {
    const first = (await own.get('/a')).body.toString();
    assert.match(first, /^body \d+$/);
    assert.equal((await own.get('/die', {}, { method: 'POST', body: 'die' })).status, 502);
    const second = (await own.get('/a')).body.toString();
    assert.match(second, /^body \d+$/);
    assert.notEqual(first, second);
  } finally {
    assert.deepEqual(await own.stop(), { code: 0, signal: null });
  }
});

test('who asks, behind proxies that are trusted', async () => {
  const asked = async (headers) => JSON.parse((await get('/scgi', headers)).body.toString()).variables;
  for (const [headers, address] of [
    [{ 'X-Forwarded-For': '9.9.9.9' }, '9.9.9.9'],
    [{ 'X-Forwarded-For': '1.1.1.1, 9.9.9.9, 10.1.2.3' }, '9.9.9.9'],
    [{ Forwarded: 'for=1.1.1.1, for=9.9.9.9;proto=https, for=10.1.2.3;proto=http' }, '9.9.9.9'],
    [{ Forwarded: 'for="[2001:db8::1]:4711"' }, '2001:db8::1'],
    [{ Forwarded: 'for=_hidden' }, '127.0.0.1'],
    [{ Forwarded: 'for=9.9.9.9;;' }, '127.0.0.1'],
  ]) assert.equal((await asked(headers)).REMOTE_ADDR, address, JSON.stringify(headers));
  const all = await asked({ Forwarded: 'for=9.9.9.9;proto=https;host=public.example;remote_user="ann b"' });
  assert.deepEqual([all.REQUEST_SCHEME, all.HTTP_HOST, all.REMOTE_USER], ['https', 'public.example', 'ann b']);
});

test('listings with a file in front and one behind', async () => {
  const page = async (name) => (await get('/listed/', { Host: name })).body.toString();
  const listed = await page('listed');
  assert.match(listed, /<body><pre class="header">&lt;b&gt;header&lt;\/b&gt;<\/pre>\n<h1>[^]*<\/table>\n<i>mine<\/i><footer>/);
  assert.ok(!listed.includes('href="HEADER.txt"') && listed.includes('href="mine.html"') && listed.includes('href="a.txt"'));
  assert.ok(!(await page('bare')).includes('header'));
});

test('targets that are refused where that is asked for', async () => {
  const status = async (path) => (await strict.get(path)).status;
  const strict = await host(`
    server.http-parseopts = ( "url-path-2f-reject" => "enable", "url-path-dotseg-reject" => "enable", "url-invalid-utf8-reject" => "enable", "url-query-20-plus" => "enable" )
    url.redirect = ( "^/to" => "/x\${qsa}" )`, { files: { 'a.txt': 'a', 'sub/b.txt': 'b' } });
  try {
    for (const path of ['/sub%2fb.txt', '/sub/./b.txt', '/sub/%2e%2e/a.txt', '/a%ff.txt', '/a%c0%ae.txt', '/a%ed%a0%80.txt']) assert.equal(await status(path), 400, path);
    for (const path of ['/a.txt', '/sub/b.txt', '/a.txt?%2f/../%ff']) assert.equal(await status(path), 200, path);
    assert.equal(await status('/%c3%a4%e2%82%ac%f0%9f%98%80'), 404);
    assert.equal((await strict.get('/to?a%20b+c')).headers.location, '/x?a+b+c');
  } finally {
    await strict.stop();
  }
});

test('types from extended attributes', async (t) => {
  try {
    execFileSync('python3', ['-c', 'import os,sys; os.setxattr(sys.argv[1], "user.mime_type", b"text/x-mine")', `${server.www}/tiny.txt`], { stdio: 'ignore' });
  } catch {
    return t.skip('no extended attributes here');
  }
  assert.equal((await get('/tiny.txt', { Host: 'types' })).headers['content-type'], 'text/x-mine');
  assert.equal((await get('/tiny.txt')).headers['content-type'], 'text/plain');
  assert.equal((await get('/p.html', { Host: 'types' })).headers['content-type'], 'text/html; charset=utf-8');
});

test('the configuration that Debian installs', { skip: !existsSync('/etc/lighttpd/lighttpd.conf') }, async () => {
  const place = site({ 'index.html': 'It works' });
  const port = await freePort();
  cpSync('/etc/lighttpd', place.file('etc'), { recursive: true });
  rmSync(place.file('etc/conf-enabled'), { recursive: true });
  for (const name of ['etc/conf-enabled', 'log', 'run']) mkdirSync(place.file(name));
  const files = readdirSync(place.file('etc/conf-available')).filter((name) => name.endsWith('.conf'));
  const refused = new Set(['10-cgi.conf', '10-ssi.conf', '90-debian-doc.conf']); // CGI and server side includes
  const started = new Set(['10-fastcgi.conf', '15-fastcgi-php.conf', '15-fastcgi-php-fpm.conf']); // php need not be there
  for (const name of ['lighttpd.conf', ...files.map((each) => `conf-available/${each}`)]) {
    const text = readFileSync(place.file(`etc/${name}`), 'utf8').replaceAll('/etc/lighttpd', place.file('etc')).replaceAll('/var/log/lighttpd', place.file('log')).replaceAll('/var/www/html', place.www).replaceAll(/"\/run\//g, `"${place.file('run')}/`)
      .replace(/^server\.port .*$/m, `server.port = ${port}\nserver.bind = "127.0.0.1"`).replace(/^server\.(user|group)name.*$/gm, '').replace(/^include_shell .*use-ipv6.*$/m, '');
    writeFileSync(place.file(`etc/${name}`), text);
  }
  const config = place.file('etc/lighttpd.conf');
  let allow = ['--allow-include-shell'];
  const check = () => execFileSync(program, ['-t', '-f', config, ...allow], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  assert.match(check(), /Syntax OK/);
  for (const name of files) {
    const link = place.file(`etc/conf-enabled/${name}`);
    symlinkSync(place.file(`etc/conf-available/${name}`), link);
    if (refused.has(name)) {
      assert.throws(check, /cgi\.assign|ssi\.extension/, name);
    } else {
      assert.match(check(), /Syntax OK/, name);
    }
    if (refused.has(name) || started.has(name) || name.includes('vhost') || name.includes('-ssl') || name === '10-evhost.conf' || name === '10-no-www.conf') rmSync(link);
  }
  allow = [];
  assert.throws(check, /include_shell runs a command/);
  // Where it was installed, it is the administrator's and needs no word.
  assert.match(execFileSync(program, ['-t', '-f', '/etc/lighttpd/lighttpd.conf'], { encoding: 'utf8' }), /Syntax OK/);
  const own = spawn(program, ['-D', '-f', config, '--allow-include-shell'], { stdio: 'ignore' });
  const ended = once(own, 'exit');
  try {
    const answer = await eventually(() => ask(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').catch(() => null), 'it serves');
    assert.deepEqual([answer.status, answer.headers['content-type'], answer.body.toString()], [200, 'text/html', 'It works']);
    assert.equal((await ask(port, 'GET /a.inc HTTP/1.0\r\n\r\n')).status, 403);
    assert.match(readFileSync(place.file('log/access.log'), 'utf8') + readFileSync(place.file('log/error.log'), 'utf8'), /serves on/);
  } finally {
    own.kill('SIGTERM');
    await ended;
    place.remove();
  }
});
