// SPDX-License-Identifier: Apache-2.0
// extforward.hap-PROXY: what a proxy says of its client before the first byte of a request, or of TLS.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { after, before, test } from '../lib/test.mjs';
import { eventually, execFileSync, freePort } from '../lib/process.mjs';
import { bytes, Raw } from '../lib/raw.mjs';
import { app, host, rogue, site } from './host.mjs';

let server;
let secure;
let strange;
let plain;
before(async () => {
  const place = site();
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key', '-out', 'crt', '-days', '2', '-subj', '/CN=proxied.test', '-addext', 'subjectAltName=DNS:proxied.test'], { cwd: place.path, stdio: 'pipe' });
  [secure, strange, plain] = [await freePort(), await freePort(), await freePort()];
  server = await host(
    `server.modules += ( "mod_extforward", "mod_openssl", "mod_fastcgi" )
extforward.forwarder = ( "127.0.0.1" => "trust" )
extforward.hap-PROXY = "enable"
$HTTP["remoteip"] == "192.0.2.0/24" { setenv.add-environment = ( "NETWORK" => "documentation" ) }
$SERVER["socket"] == "127.0.0.1:${secure}" { ssl.engine = "enable" ssl.pemfile = "${place.file('crt')}" ssl.privkey = "${place.file('key')}" }
$SERVER["socket"] == "127.0.0.1:${strange}" { extforward.forwarder := ( "10.0.0.1" => "trust" ) }
$SERVER["socket"] == "127.0.0.1:${plain}" { extforward.hap-PROXY = "disable" }
fastcgi.server = ( ${app(place, rogue('--do', 'echo'))} )`,
    { place },
  );
});
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));

const ask = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
const line = 'PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n';
function binary(command, family, rest) {
  const head = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, command, family, rest.length >> 8, rest.length & 255]);
  return Buffer.concat([head, Buffer.from(rest)]);
}
const four = [192, 0, 2, 9, 127, 0, 0, 1, 0x12, 0x34, 0, 80];
async function variables(...pieces) {
  const connection = await Raw.open(server.port);
  try {
    for (const piece of pieces) await connection.trickle(piece, 1, 7);
    const answer = await connection.response();
    assert.equal(answer.status, 200);
    return JSON.parse(answer.body.toString()).params;
  } finally {
    connection.close();
  }
}

test('a line before the request names the client', async () => {
  const params = await variables(line + ask);
  assert.equal(params.REMOTE_ADDR, '192.0.2.7');
  assert.equal(params.REMOTE_PORT, '4711');
  assert.equal(params.NETWORK, 'documentation');
  assert.equal(params.REQUEST_SCHEME, 'http');
});

test('a binary header names the client, and whether it came by TLS', async () => {
  const v4 = await variables(binary(0x21, 0x11, four), ask);
  assert.equal(v4.REMOTE_ADDR, '192.0.2.9');
  assert.equal(v4.REMOTE_PORT, String(0x1234));
  assert.equal(v4.REQUEST_SCHEME, 'http');
  const v6 = await variables(binary(0x21, 0x21, [0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 1, ...Array(16).fill(0), 0, 99, 0, 80]), ask);
  assert.equal(v6.REMOTE_ADDR, '2001:db8::1');
  const tls = await variables(binary(0x21, 0x11, [...four, 0x20, 0, 5, 1, 0, 0, 0, 0]), ask);
  assert.equal(tls.REQUEST_SCHEME, 'https');
  assert.equal(tls.HTTPS, 'on');
});

test('a proxy that speaks for itself, or for nobody it can name, counts as the client', async () => {
  for (const header of [Buffer.from('PROXY UNKNOWN\r\n'), binary(0x20, 0, []), binary(0x21, 0, [])]) {
    assert.equal((await variables(header, ask)).REMOTE_ADDR, '127.0.0.1');
  }
});

test('what a client adds to trusted headers is not believed', async () => {
  const params = await variables(line + ask.replace('Host: h', 'Host: h\r\nX-Forwarded-For: 6.6.6.6'));
  assert.equal(params.REMOTE_ADDR, '192.0.2.7');
});

test('several requests on a connection keep its client', async () => {
  const connection = await Raw.open(server.port);
  connection.write(line);
  for (let i = 0; i < 3; i++) {
    connection.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(JSON.parse((await connection.response()).body.toString()).params.REMOTE_ADDR, '192.0.2.7');
  }
  connection.close();
});

test('without a header, or with a broken one, there is no answer', async () => {
  for (const text of [ask, 'PROXY TCP4 192.0.2.7 127.0.0.1 1\r\n' + ask, 'PROXY TCP4 nobody 127.0.0.1 1 2\r\n' + ask, bytes('\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0').toString('latin1') + ask, `PROXY ${'x'.repeat(200)}`]) {
    const connection = await Raw.open(server.port);
    connection.write(text);
    await connection.until(() => false);
    assert.equal(connection.size, 0, JSON.stringify(text));
    connection.close();
  }
  await eventually(() => /does not begin with a header of the PROXY protocol/.test(server.log()), 'it is in the log');
});

test('only proxies that are trusted, and addresses that want it, begin so', async () => {
  for (const port of [strange, plain]) {
    const connection = await Raw.open(port);
    connection.write(ask);
    assert.equal(JSON.parse((await connection.response()).body.toString()).params.REMOTE_ADDR, '127.0.0.1');
    connection.close();
    const wrong = await Raw.open(port);
    wrong.write(line + ask);
    assert.equal((await wrong.response()).status, 400);
    wrong.close();
  }
});

test('TLS begins behind the header', async () => {
  for (const header of [line, binary(0x21, 0x11, four)]) {
    const socket = connectPlain({ port: secure, host: '127.0.0.1' });
    socket.write(header);
    const tls = connectTls({ socket, servername: 'proxied.test', ca: readFileSync(server.place.file('crt')) });
    const text = await new Promise((resolve, reject) => {
      let all = '';
      tls.setEncoding('latin1').on('data', (part) => { all += part; }).on('end', () => resolve(all)).on('error', reject);
      tls.write(ask);
    });
    assert.match(text, /^HTTP\/1.1 200/);
    assert.match(text, header === line ? /"REMOTE_ADDR":"192.0.2.7"/ : /"REMOTE_ADDR":"192.0.2.9"/);
    assert.match(text, /"HTTPS":"on"/);
    tls.destroy();
  }
});
