// SPDX-License-Identifier: Apache-2.0
// microtome-host over TLS: certificates by socket and by host name, renewal without a restart, versions, client certificates.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as plain } from 'node:net';
import { after, before, test } from '../lib/test.mjs';
import { connect } from 'node:tls';
import { eventually, execFileSync, freePort } from '../lib/process.mjs';
import { app, host, rogue, site } from './host.mjs';

let place;
let served;
let port;
let second;

// A certificate for `name` in NAME.crt and NAME.key, signed by the CA of the test.
function certify(name, file = name) {
  const ssl = (...args) => execFileSync('openssl', args, { cwd: place.path, stdio: 'pipe' });
  writeFileSync(place.file(`${file}.ext`), `subjectAltName=DNS:${name}\n`);
  ssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${file}.key`, '-out', `${file}.csr`, '-subj', `/CN=${name}`);
  ssl('x509', '-req', '-in', `${file}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${file}.crt`, '-days', '2', '-extfile', `${file}.ext`);
}

before(async () => {
  place = site({ 'hello.txt': 'hello over TLS\n', 'big.bin': Buffer.alloc(3_000_000, 'abcdefg') });
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=test CA'], { cwd: place.path, stdio: 'pipe' });
  for (const name of ['one.test', 'two.test', 'client.test']) certify(name);
  certify('one.test', 'renewed');
  second = await freePort();
  const file = (name) => place.file(name);
  served = await host(
    `server.modules += ( "mod_openssl", "mod_setenv", "mod_redirect", "mod_fastcgi" )
$SERVER["socket"] == "127.0.0.1:${second}" {
  ssl.engine = "enable"
  ssl.pemfile = "${file('one.test.crt')}"
  ssl.privkey = "${file('one.test.key')}"
  setenv.add-response-header = ( "Strict-Transport-Security" => "max-age=31536000" )
  $HTTP["host"] == "two.test" {
    ssl.pemfile = "${file('two.test.crt')}"
    ssl.privkey = "${file('two.test.key')}"
    ssl.openssl.ssl-conf-cmd = ( "MinProtocol" => "TLSv1.3" )
  }
  $HTTP["host"] == "private.test" {
    ssl.pemfile = "${file('two.test.crt')}"
    ssl.privkey = "${file('two.test.key')}"
    ssl.verifyclient.activate = "enable"
    ssl.verifyclient.ca-file = "${file('ca.crt')}"
  }
}
$HTTP["scheme"] == "http" { $HTTP["host"] == "moved.test" { url.redirect = ( "^/(.*)" => "https://moved.test/$1" ) } }
fastcgi.server = ( ${app(place, rogue('--do', 'echo'), { key: '/echo' })} )`,
    { place },
  );
  port = second;
});
after(() => served?.close());

// One request over TLS: { status, headers, body, certificate, version }.
function get(path, { name = 'one.test', headers = {}, method = 'GET', body, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, servername: name, ca: readFileSync(place.file('ca.crt')), agent: false, headers: { Host: name, ...headers }, ...options }, (answer) => {
      const { socket } = answer;
      const [certificate, version] = [socket.getPeerCertificate().subject?.CN, socket.getProtocol()];
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts), certificate, version }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

test('a file over TLS 1.3 and 1.2, with headers of the socket', async () => {
  const answer = await get('/hello.txt');
  assert.deepEqual([answer.status, String(answer.body), answer.certificate, answer.version], [200, 'hello over TLS\n', 'one.test', 'TLSv1.3']);
  assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000');
  assert.equal((await get('/hello.txt', { maxVersion: 'TLSv1.2' })).version, 'TLSv1.2');
});

test('large files arrive whole, also to a client that reads slowly', async () => {
  const expected = readFileSync(`${place.www}/big.bin`);
  assert.ok((await get('/big.bin')).body.equals(expected));
  const slow = connect({ host: '127.0.0.1', port, servername: 'one.test', ca: readFileSync(place.file('ca.crt')), ALPNProtocols: ['http/1.1'] });
  slow.write('GET /big.bin HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n');
  slow.pause();
  await new Promise((resolve) => setTimeout(resolve, 300));
  let size = 0;
  slow.on('data', (part) => (size += part.length));
  slow.resume();
  await new Promise((resolve) => slow.on('end', resolve));
  assert.ok(size > expected.length);
});

test('the certificate follows the name that the client asks for', async () => {
  assert.equal((await get('/hello.txt', { name: 'two.test' })).certificate, 'two.test');
  assert.equal((await get('/hello.txt', { name: 'TWO.test', checkServerIdentity: () => undefined })).certificate, 'two.test');
  assert.equal((await get('/hello.txt', { name: 'one.test' })).certificate, 'one.test');
  assert.equal((await get('/hello.txt', { name: 'other.test', rejectUnauthorized: false })).certificate, 'one.test');
});

test('versions that a host does not take are refused in the handshake', async () => {
  await assert.rejects(get('/hello.txt', { name: 'two.test', maxVersion: 'TLSv1.2' }), /protocol|alert/i);
  await assert.rejects(get('/hello.txt', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }), /protocol|alert|EPROTO|hang up/i);
});

test('client certificates', async () => {
  await assert.rejects(get('/hello.txt', { name: 'private.test', rejectUnauthorized: false }), /certificate required|alert|hang up|ECONNRESET/i);
  const mine = { cert: readFileSync(place.file('client.test.crt')), key: readFileSync(place.file('client.test.key')) };
  assert.equal((await get('/hello.txt', { name: 'private.test', rejectUnauthorized: false, ...mine })).status, 200);
  const wrongly = await get('/hello.txt', { name: 'one.test', headers: { Host: 'private.test' } });
  assert.equal(wrongly.status, 421, 'a connection to another host does not get around it');
});

test('apps see HTTPS, and bodies arrive', async () => {
  const body = Buffer.alloc(200_000, 'x');
  const answer = await get('/echo', { method: 'POST', body });
  const { params, length } = JSON.parse(answer.body);
  assert.deepEqual([params.HTTPS, params.REQUEST_SCHEME, params.SERVER_PORT, length], ['on', 'https', String(port), 200_000]);
  const chunked = await get('/echo', { method: 'POST', body, headers: { 'Transfer-Encoding': 'chunked' } });
  assert.equal(JSON.parse(chunked.body).length, 200_000);
});

test('many requests on one connection, pipelined', async () => {
  const client = connect({ host: '127.0.0.1', port, servername: 'one.test', ca: readFileSync(place.file('ca.crt')) });
  client.write('GET /hello.txt HTTP/1.1\r\nHost: one.test\r\n\r\n'.repeat(20));
  client.write('GET /hello.txt HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n');
  let text = '';
  client.on('data', (part) => (text += part));
  await new Promise((resolve) => client.on('end', resolve));
  assert.equal(text.split('hello over TLS\n').length - 1, 21);
});

test('the plain port still serves, and may send to the other', async () => {
  assert.equal((await served.get('/hello.txt')).status, 200);
  const moved = await served.get('/hello.txt', { Host: 'moved.test' });
  assert.deepEqual([moved.status, moved.headers.location], [301, 'https://moved.test/hello.txt']);
});

test('who speaks HTTP to the TLS port, or nonsense, gets an answer or an end', async () => {
  for (const [sent, expected] of [['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 400 .*speaks TLS/s], ['nonsense', /^[\s\S]{0,60}$/]]) {
    const client = plain(port, '127.0.0.1');
    let text = '';
    client.on('data', (part) => (text += part)).on('error', () => {});
    client.end(sent);
    await new Promise((resolve) => client.on('close', resolve));
    assert.match(text, expected);
  }
  assert.equal((await get('/hello.txt')).status, 200);
});

test('a renewed certificate is taken without a restart; a broken one is not', async () => {
  const serial = () => new Promise((resolve, reject) => {
    const client = connect({ host: '127.0.0.1', port, servername: 'one.test', ca: readFileSync(place.file('ca.crt')) }, () => {
      resolve(client.getPeerCertificate().serialNumber);
      client.destroy();
    });
    client.on('error', reject);
  });
  const old = await serial();
  writeFileSync(place.file('one.test.crt'), 'half a certificate');
  served.process.child.kill('SIGHUP');
  await eventually(async () => { await serial(); return /stays as it was/.test(served.log()); }, 'the log tells');
  assert.equal(await serial(), old);
  copyFileSync(place.file('renewed.key'), place.file('one.test.key'));
  copyFileSync(place.file('renewed.crt'), place.file('one.test.crt'));
  await eventually(async () => (await serial()) !== old, 'the new certificate');
  assert.equal((await get('/hello.txt')).status, 200);
});

test('what is missing is said at the start', async () => {
  await assert.rejects(host('ssl.engine = "enable"'), /ssl\.pemfile/);
  await assert.rejects(host('ssl.engine = "enable"\nssl.pemfile = "/nowhere.pem"'), /nowhere\.pem/);
  await assert.rejects(host(`ssl.engine = "enable"\nssl.pemfile = "${place.file('two.test.crt')}"\nssl.privkey = "${place.file('two.test.key')}"\nssl.openssl.ssl-conf-cmd = ( "MinProtokoll" => "x" )`), /MinProtokoll/);
});
