// SPDX-License-Identifier: Apache-2.0
// The FastCGI gateway with an app that behaves: variables, bodies, streaming, kept and shared connections, X-Sendfile, authorizers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from '../lib/test.mjs';
import { Raw } from '../lib/raw.mjs';
import { eventually, freePort, sleep } from '../lib/process.mjs';
import { app, host, rogue, rogueApp } from './host.mjs';

let server;
const json = async (path, headers, options) => JSON.parse((await server.get(path, headers, options)).body.toString());

before(async () => {
  const allowed = (place) => `( \\"${place.file('files')}\\" )`.replaceAll('\\"', '"');
  server = await host((place) => {
    mkdirSync(place.file('files'));
    writeFileSync(place.file('files/a.bin'), 'a'.repeat(5000));
    writeFileSync(place.file('secret'), 'secret');
    symlinkSync(place.file('secret'), place.file('files/link'));
    return `
    mimetype.assign = ( ".txt" => "text/plain" )
    index-file.names = ( "index.x" )
    fastcgi.map-extensions = ( ".y" => ".x" )
    fastcgi.server = (
      ${app(place, rogue('--values', '1,1,0'), { key: '/one', name: 'one' })},
      ${app(place, rogue('--values', '8,64,1'), { key: '/many', name: 'many' })},
      ${app(place, rogue(), { key: '/never', name: 'never', 'keep-connections': 'disable' })},
      ${app(place, rogue('--values', '1,1,0', '--do', 'echo'), { key: '.x', name: 'x', 'check-local': 'enable', docroot: '/remote', 'strip-request-uri': '/sub', 'broken-scriptfilename': 'enable' })},
      "/other" => (( "socket" => "${place.file('other.socket')}", "check-local" => "disable", "disable-time" => 1 )),
      ${app(place, rogue('--values', '1,1,0'), { key: '/send', name: 'send', 'x-sendfile': 'enable', 'x-sendfile-docroot': allowed(place) })}
    )
    $HTTP["host"] == "guarded" {
      fastcgi.server = (
        ${app(place, rogue(), { key: '/', name: 'guard', mode: 'authorizer' })}
      ) + (
        ${app(place, rogue('--do', 'echo'), { key: '/app', name: 'behind' })}
      )
    }
    $HTTP["host"] == "root" {
      fastcgi.server = ( ${app(place, rogue('--do', 'echo'), { key: '/', name: 'root', 'fix-root-scriptname': 'enable' })} )
    }
    $HTTP["host"] == "env" {
      setenv.add-environment = ( "MINE" => "1", "REMOTE_ADDR" => "faked" )
    }
    url.rewrite-once = ( "^/old/(.*)" => "/one/$1?do=echo&was=old" )
    `;
  }, { files: { 'index.x': 'x', 'sub/b.x': 'x', 'sub/c.y': 'y', 'open.txt': 'open' } });
});
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));

test('variables of a prefix route', async () => {
  const { params } = await json('/one/x%20y/z?do=echo&q=%41', { 'X-A': '1', Cookie: 'a=1', Proxy: 'evil', X_B: '2', 'X-Empty': '' });
  const expected = {
    SCRIPT_NAME: '/one', PATH_INFO: '/x y/z', PATH_TRANSLATED: `${server.www}/x y/z`, REQUEST_URI: '/one/x%20y/z?do=echo&q=%41',
    QUERY_STRING: 'do=echo&q=%41', DOCUMENT_ROOT: server.www, SCRIPT_FILENAME: `${server.www}/one`, REQUEST_METHOD: 'GET',
    SERVER_PROTOCOL: 'HTTP/1.1', GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_SCHEME: 'http', SERVER_PORT: String(server.port),
    SERVER_ADDR: '127.0.0.1', SERVER_NAME: 'test', REMOTE_ADDR: '127.0.0.1', REDIRECT_STATUS: '200', CONTENT_LENGTH: '0',
    HTTP_X_A: '1', HTTP_COOKIE: 'a=1', HTTP_HOST: 'test', HTTP_X_B: '2',
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(params[name], value, name);
  for (const name of ['HTTP_PROXY', 'HTTP_X_EMPTY', 'HTTPS', 'HTTP_CONTENT_LENGTH']) assert.equal(params[name], undefined, name);
  assert.match(params.REMOTE_PORT, /^\d+$/);
});

test('fields that come twice are joined; one with underscores cannot pass for one with dashes', async () => {
  const text = 'GET /one?do=echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: a=1\r\nCookie: b=2\r\nX-D: 1\r\nX_Forwarded_For: 6.6.6.6\r\nX-D: 2\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n';
  const { params } = JSON.parse((await server.raw(text)).body.toString());
  assert.equal(params.HTTP_COOKIE, 'a=1; b=2');
  assert.equal(params.HTTP_X_D, '1, 2');
  assert.equal(params.HTTP_X_FORWARDED_FOR, '1.1.1.1');
});

test('a route by extension: file, path info, docroot of the app, mapped ends, index file', async () => {
  let { params } = await json('/sub/b.x/more?x=1');
  assert.equal(params.SCRIPT_NAME, '/sub/b.x');
  assert.equal(params.PATH_INFO, '/more');
  assert.equal(params.SCRIPT_FILENAME, '/remote/sub/b.x/more');
  assert.equal(params.DOCUMENT_ROOT, '/remote');
  assert.equal(params.REQUEST_URI, '/b.x/more?x=1');
  ({ params } = await json('/sub/c.y'));
  assert.equal(params.SCRIPT_NAME, '/sub/c.y');
  ({ params } = await json('/'));
  assert.equal(params.SCRIPT_NAME, '/index.x');
  assert.equal((await server.get('/nothing.x')).status, 404);
});

test('fix-root-scriptname: the script is empty and the path all', async () => {
  for (const path of ['/', '/cgi-bin/wlziipsrv.fcgi/a']) {
    const { params } = await json(path, { Host: 'root' });
    assert.equal(params.SCRIPT_NAME, '');
    assert.equal(params.PATH_INFO, path);
  }
});

test('rewriting: REQUEST_URI stays, REDIRECT_URI says what it became; setenv', async () => {
  const { params } = await json('/old/p', { Host: 'env' });
  assert.equal(params.REQUEST_URI, '/old/p');
  assert.equal(params.REDIRECT_URI, '/one/p?do=echo&was=old');
  assert.equal(params.MINE, '1');
  assert.equal(params.REMOTE_ADDR, 'faked');
});

test('bodies: with a length, in chunks, larger than any buffer', async () => {
  for (const kind of ['one', 'many', 'never']) {
    const small = await json(`/${kind}?do=echo`, {}, { method: 'POST', body: 'abc' });
    assert.deepEqual([small.length, small.params.CONTENT_LENGTH], [3, '3']);
    const chunked = JSON.parse((await server.raw(`POST /${kind}?do=echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n`)).body.toString());
    assert.deepEqual([chunked.length, chunked.params.CONTENT_LENGTH, chunked.params.HTTP_TRANSFER_ENCODING], [8, '8', undefined]);
    const body = Buffer.alloc(5_000_000, 'x');
    const connection = await Raw.open(server.port);
    connection.write(`POST /${kind}?do=echo HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`).write(body);
    const big = JSON.parse((await connection.response()).body.toString());
    connection.close();
    assert.equal(big.length, body.length);
    assert.equal(big.sum, body.reduce((a, b) => (a + b) % 65521, 0));
  }
});

test('Expect: 100-continue is answered when the body is wanted', async () => {
  const connection = await Raw.open(server.port);
  connection.write('POST /one?do=echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n');
  assert.equal((await connection.response()).status, 100);
  connection.write('abc');
  assert.equal(JSON.parse((await connection.response()).body.toString()).length, 3);
  connection.close();
});

test('large answers arrive whole, with and without a length; a slow client holds the app back, not our memory', async () => {
  for (const kind of ['one', 'many']) {
    for (const length of ['', '&length=1']) {
      const answer = await server.get(`/${kind}?do=big&size=20000000${length}`, {}, { ms: 30000 });
      assert.equal(answer.body.length, 20_000_000);
      assert.equal(answer.whole, true);
    }
  }
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]);
  const before = memory();
  const slow = await Raw.open(server.port);
  slow.write('GET /one?do=big&size=200000000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  await slow.until(() => slow.size > 1000);
  slow.socket.pause();
  await sleep(1000);
  const more = memory() - before;
  slow.close();
  const room = process.env.MICROTOME_BIN?.includes('asan') ? 100000 : 8000;  // freed memory is kept from reuse there
  assert.ok(more < room, `${more} KiB more`);
});

test('HEAD: the fields of GET, no body, and the connection stays usable', async () => {
  const connection = await Raw.open(server.port);
  connection.write('HEAD /one?do=big&size=1000&length=1 HTTP/1.1\r\nHost: h\r\n\r\n');
  const head = await connection.response({ method: 'HEAD' });
  assert.equal(head.headers['content-length'], '1000');
  connection.write('GET /one?do=good HTTP/1.1\r\nHost: h\r\n\r\n');
  assert.equal((await connection.response()).body.toString(), 'hello\n');
  connection.close();
});

test('pipelined requests are answered in order', async () => {
  const connection = await Raw.open(server.port);
  connection.write('GET /one?do=slow&ms=50 HTTP/1.1\r\nHost: h\r\n\r\nGET /open.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /many?do=good HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  assert.match((await connection.response()).body.toString(), /^\d+ 1\n$/);
  assert.equal((await connection.response()).body.toString(), 'open');
  assert.equal((await connection.response()).body.toString(), 'hello\n');
  connection.close();
});

test('connections: kept for an app of one, shared by one that multiplexes, one each where it is switched off', async () => {
  await eventually(async () => (await json('/one?do=echo')).connections === (await json('/one?do=echo')).connections, 'the kept connection is used again');
  // Before the app has said what it can, each request had a connection of its own.
  let known;
  await eventually(async () => (known = (await json('/many?do=echo')).connections) === (await json('/many?do=echo')).connections, 'it is known');
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.get('/many?do=slow&ms=200')));
  assert.equal(new Set(answers.map((a) => a.body.toString())).size, 20, 'each has an id of its own');
  const { connections } = await json('/many?do=echo');
  assert.ok(connections - known <= 4, `${connections - known} connections more`);
  const [a, b] = [await json('/never?do=echo'), await json('/never?do=echo')];
  assert.equal(b.connections, a.connections + 1);
});

test('an app that others have started is asked what it can, and so is the one that takes its place', async () => {
  const place = server.place;
  const socket = place.file('other.socket');
  const start = (...values) => {
    rmSync(socket, { force: true });
    return spawn(process.execPath, [rogueApp, '--listen', socket, ...values], { stdio: 'ignore' });
  };
  const ask = async (path = '/other?do=echo') => JSON.parse((await server.get(path)).body.toString());
  const apps = [start('--values', '8,64,1')];
  try {
    let known;
    await eventually(async () => (known = (await ask()).connections) === (await ask()).connections, 'it is known');
    const answers = await Promise.all(Array.from({ length: 20 }, () => server.get('/other?do=slow&ms=200')));
    assert.equal(new Set(answers.map((a) => a.body.toString())).size, 20, 'each has an id of its own');
    assert.ok((await ask()).connections - known <= 2);
    apps[0].kill('SIGKILL');
    await once(apps[0], 'exit');
    await eventually(async () => (await server.get('/other?do=good')).status !== 200, 'it is gone');
    apps.push(start());  // this one does not say what it can
    await eventually(async () => (await server.get('/other?do=good')).status === 200, 'the other one answers');
    assert.equal((await ask()).connections + 1, (await ask()).connections);
  } finally {
    for (const each of apps) each.kill('SIGKILL');
  }
});

test('a client that leaves: ABORT on a shared connection, and others are not disturbed', async () => {
  const leaver = await Raw.open(server.port);
  leaver.write('GET /many?do=hang HTTP/1.1\r\nHost: h\r\n\r\n');
  await sleep(100);
  const stays = server.get('/many?do=slow&ms=500');
  leaver.close();
  assert.equal((await stays).status, 200);
  assert.equal((await server.get('/many?do=good')).status, 200);
});

test('X-Sendfile: below the allowed directory only, links followed, with ranges', async () => {
  const send = (name, headers) => server.get(`/send?do=sendfile&path=${encodeURIComponent(server.place.file(name))}`, headers);
  const answer = await send('files/a.bin');
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), 'a'.repeat(5000));
  assert.equal(answer.headers['content-type'], 'text/x-mine');
  assert.equal(answer.headers['x-sendfile'], undefined);
  const part = await send('files/a.bin', { Range: 'bytes=10-19' });
  assert.deepEqual([part.status, part.body.length], [206, 10]);
  assert.equal((await send('secret')).status, 403);
  assert.equal((await send('files/link')).status, 403);
  assert.equal((await send('files/../secret')).status, 403);
  assert.equal((await send('files/none')).status, 404);
  const name = (file) => encodeURIComponent(server.place.file(file));
  const parts = (value) => server.get(`/send?do=sendfile&two=${encodeURIComponent(value)}`);
  for (const [value, length] of [[`${name('files/a.bin')} 0-`, 5000], [`${name('files/a.bin')} 0-4, ${name('files/a.bin')} 5-`, 5000], [name('files/a.bin'), 5000], [`${name('files/a.bin')} 10-19`, 10]]) {
    const whole = await parts(value);
    assert.deepEqual([whole.status, whole.headers['content-length'], whole.body.length], [200, String(length), length], value);
  }
  assert.equal((await parts(`${name('files/a.bin')} 0-4, ${name('secret')} 0-`)).status, 403);
  assert.equal((await parts(`${name('files/a.bin')} 5000-`)).status, 502);
  assert.equal((await parts(`${name('files/a.bin')} x`)).status, 502);
  // Where it is not allowed the field must not show our paths to the client either.
  const off = await server.get('/one?do=sendfile&path=/etc/passwd');
  assert.equal(off.body.toString(), 'not this');
  assert.equal(off.headers['x-sendfile'], undefined);
});

test('an authorizer: lets in with variables, or gives its own answer', async () => {
  const refused = await server.get('/app', { Host: 'guarded' });
  assert.deepEqual([refused.status, refused.headers['x-why'], refused.body.toString()], [403, 'no key', 'no key']);
  const { params } = await json('/app', { Host: 'guarded', 'X-Key': 'open' });
  assert.equal(params.AUTH_METHOD, 'key');
  assert.equal(params.REMOTE_GROUP, 'readers');
  assert.equal(params.X_LEVEL, '3');
  const file = await server.get('/open.txt', { Host: 'guarded', 'X-Key': 'open' });
  assert.equal(file.body.toString(), 'open');
  assert.equal((await server.get('/open.txt', { Host: 'guarded' })).status, 403);
});

test('more variables than one record holds', async () => {
  const lines = Array.from({ length: 4 }, (_, i) => `X-Big-${i}: ${String(i).repeat(7000)}\r\n`).join('');
  const { params } = JSON.parse((await server.raw(`GET /one?do=echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${lines}\r\n`)).body.toString());
  assert.equal(params.HTTP_X_BIG_3, '3'.repeat(7000));
});

test('what an app writes to its standard error is in the log with its process id', async () => {
  await server.get('/one?do=stderr');
  await eventually(() => /one\.socket\[\d+\] \/one: e{100}/.test(server.log()), 'the line is in the log');
});

test('an app that takes long to start is asked again what it can, when it has answered', async () => {
  const late = await host((place) => {
    place.put('late.sh', `#!/bin/sh\nsleep 1.5\nexec ${rogue('--values', '1,1,0')}\n`);
    return `fastcgi.server = ( ${app(place, `/bin/sh ${place.file('late.sh')}`)} )`;
  });
  const connections = async () => JSON.parse((await late.get('/?do=echo')).body.toString()).connections;
  try {
    await eventually(async () => (await connections()) === (await connections()), 'the kept connection is used again', 20000);
  } finally {
    await late.close();
  }
});

test('entries of one address share the processes, each with its own way of asking', async () => {
  const port = await freePort();
  const same = await host(() => {
    const entry = (name, more) => `"${name}" => ( "host" => "127.0.0.1", "port" => ${port}, "bin-path" => "${rogue('--values', '8,8,0')}", "check-local" => "disable", "max-procs" => 1, ${more} )`;
    return `
    fastcgi.server = ( "/" => ( ${entry('guard', '"mode" => "authorizer"')}, ${entry('app', '"docroot" => "/far"')} ) )
    $HTTP["host"] == "other" { fastcgi.server = ( "/" => (( "host" => "127.0.0.1", "port" => ${port}, "bin-path" => "${rogue('--values', '8,8,0')}", "max-procs" => 1, "check-local" => "disable", "fix-root-scriptname" => "enable" )) ) }`;
  });
  assert.equal((await same.get('/x?do=echo')).status, 403);
  const { params } = JSON.parse((await same.get('/x/y?do=echo', { 'X-Key': 'open' })).body.toString());
  assert.deepEqual([params.AUTH_METHOD, params.DOCUMENT_ROOT], ['key', '/far']);
  const other = JSON.parse((await same.get('/x/y?do=echo', { Host: 'other' })).body.toString()).params;
  assert.deepEqual([other.SCRIPT_NAME, other.PATH_INFO], ['', '/x/y']);
  assert.equal([...same.log().matchAll(/process \d+ started/g)].length, 1);
  assert.deepEqual(await same.stop(), { code: 0, signal: null });
});
