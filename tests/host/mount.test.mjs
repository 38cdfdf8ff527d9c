// SPDX-License-Identifier: Apache-2.0
// Several apps in one process behind a front-end that strips the path: the ways to know what the client has asked for,
// and the spreading of requests over servers by the picture they are about.
import assert from 'node:assert/strict';
import { after, before, test } from '../lib/test.mjs';
import { freePort } from '../lib/process.mjs';
import { Raw } from '../lib/raw.mjs';
import { app, host, rogue } from './host.mjs';

let server;
let second;
const echo = rogue('--values', '8,8,1', '--do', 'echo');
const json = async (path, headers) => JSON.parse((await server.get(path, headers)).body.toString()).params;

before(async () => {
  second = await freePort();
  server = await host((place) => `
    extforward.forwarder = ( "127.0.0.1" => "trust" )
    mount.headers = ( "X-Forwarded-Prefix", "X-Original-URI" )
    fastcgi.server = ( ${app(place, echo, { key: '/cgi-bin/a.fcgi', name: 'a' })}, ${app(place, echo, { key: '/cgi-bin/b.fcgi', name: 'b' })} )
    $SERVER["socket"] == "127.0.0.1:${second}" { mount.path = "/cgi-bin/a.fcgi" }
    $HTTP["host"] == "b.example" { mount.path = "/cgi-bin/b.fcgi" }
    $HTTP["host"] == "shape" {
      $HTTP["querystring"] =~ "^(FIF|IIIF|DeepZoom|Zoomify|wlz)=" { mount.path = "/cgi-bin/a.fcgi" }
      else { mount.path = "/cgi-bin/b.fcgi" }
    }
    $HTTP["host"] == "untrusted" { extforward.forwarder := ( "10.1.2.3" => "trust" ) }
    $HTTP["host"] == "farm" {
      fastcgi.balance = "object"
      fastcgi.server := ( "/" => ( ${['x', 'y', 'z'].map((name) => `"${name}" => ( "bin-path" => "${echo}", "socket" => "${place.file(name)}.socket", "check-local" => "disable", "max-procs" => 1 )`).join(', ')} ) )
    }
  `);
});
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));

const is = (params, name, rest, uri) => {
  assert.equal(params.SCRIPT_NAME, `/cgi-bin/${name}.fcgi`);
  assert.equal(params.PATH_INFO ?? '', rest);
  assert.equal(params.REQUEST_URI, uri);
};

test('a header of a trusted front-end: the prefix', async () => {
  is(await json('/?FIF=x', { 'X-Forwarded-Prefix': '/cgi-bin/b.fcgi' }), 'b', '', '/cgi-bin/b.fcgi?FIF=x');
  is(await json('/p%20q?x', { 'X-Forwarded-Prefix': '/cgi-bin/a.fcgi/' }), 'a', '/p q', '/cgi-bin/a.fcgi/p%20q?x');
  for (const bad of ['/cgi-bin/../b.fcgi', '//b', 'b', '/b"']) assert.equal((await server.get('/', { 'X-Forwarded-Prefix': bad })).status, 403);
});

test('a header of a trusted front-end: the whole address', async () => {
  is(await json('/x/y?q', { 'X-Original-URI': '/cgi-bin/a.fcgi/x/y?q' }), 'a', '/x/y', '/cgi-bin/a.fcgi/x/y?q');
});

test('of others no header counts', async () => {
  assert.notEqual((await server.get('/?FIF=x', { Host: 'untrusted', 'X-Forwarded-Prefix': '/cgi-bin/b.fcgi' })).status, 200);
});

test('a port for each public path', async () => {
  const connection = await Raw.open(second);
  connection.write('GET /z?FIF=x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  is(JSON.parse((await connection.response()).body.toString()).params, 'a', '/z', '/cgi-bin/a.fcgi/z?FIF=x');
  connection.close();
});

test('a host name for each, and the path may be stripped or not', async () => {
  is(await json('/?x', { Host: 'b.example' }), 'b', '', '/cgi-bin/b.fcgi?x');
  is(await json('/cgi-bin/b.fcgi/r?x', { Host: 'b.example' }), 'b', '/r', '/cgi-bin/b.fcgi/r?x');
});

test('by the shape of the request', async () => {
  is(await json('/?FIF=x', { Host: 'shape' }), 'a', '', '/cgi-bin/a.fcgi?FIF=x');
  is(await json('/?other', { Host: 'shape' }), 'b', '', '/cgi-bin/b.fcgi?other');
});

test('balance by object: a picture stays with its server, and moves when that has gone', async () => {
  const where = async (query) => JSON.parse((await server.get(`/?${query}`, { Host: 'farm' })).body.toString()).pid;
  const pids = new Set();
  for (let i = 0; i < 40; i++) {
    const pid = await where(`FIF=p${i}.tif&JTL=0,0`);
    assert.equal(await where(`FIF=p${i}.tif&JTL=3,${i}&CVT=jpeg`), pid, 'the same picture, the same server');
    pids.add(pid);
  }
  assert.equal(pids.size, 3);
  const pid = await where('FIF=p1.tif');
  process.kill(pid, 'SIGKILL');
  assert.equal((await server.get('/?FIF=p1.tif', { Host: 'farm' })).status, 200);
});
