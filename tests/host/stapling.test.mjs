// SPDX-License-Identifier: Apache-2.0
// ssl.stapling-file: clients that ask get what the authority says about the certificate, from a file that may change.
import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { after, before, test } from '../lib/test.mjs';
import { eventually, execFileSync, freePort } from '../lib/process.mjs';
import { host, site } from './host.mjs';

let place;
let server;
let port;
const ssl = (...args) => execFileSync('openssl', args, { cwd: place.path, stdio: 'pipe' }).toString();
function certify(name) {
  writeFileSync(place.file(`${name}.ext`), `subjectAltName=DNS:${name}\n`);
  ssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  ssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.crt`, '-days', '2', '-extfile', `${name}.ext`);
}
// What the authority says about NAME, in FILE.
function say(name, file, ...period) {
  const serial = ssl('x509', '-in', `${name}.crt`, '-noout', '-serial').trim().split('=')[1];
  writeFileSync(place.file('index.txt'), `V\t350101000000Z\t\t${serial}\tunknown\t/CN=${name}\n`);
  ssl('ocsp', '-index', 'index.txt', '-CA', 'ca.crt', '-rsigner', 'ca.crt', '-rkey', 'ca.key', '-issuer', 'ca.crt', '-cert', `${name}.crt`, '-respout', 'said.new', ...period);
  renameSync(place.file('said.new'), place.file(file));
}
// The response that a handshake brings; null: none.
const asked = (name, options = {}) => new Promise((resolve, reject) => {
  let said = null;
  const socket = connect({ host: '127.0.0.1', port, servername: name, ca: readFileSync(place.file('ca.crt')), requestOCSP: true, ...options });
  socket.on('OCSPResponse', (response) => { said = response; });
  socket.on('secureConnect', () => { socket.destroy(); resolve(said && said.length > 0 ? said : null); });
  socket.on('error', reject);
});

before(async () => {
  place = site({ 'hello.txt': 'hello\n' });
  ssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=test CA');
  for (const name of ['one.test', 'two.test', 'three.test', 'four.test']) certify(name);
  say('one.test', 'one.der', '-ndays', '2');
  say('two.test', 'two.der', '-ndays', '2');
  port = await freePort();
  const pair = (name) => `ssl.pemfile = "${place.file(`${name}.test.crt`)}" ssl.privkey = "${place.file(`${name}.test.key`)}"`;
  const named = (name, file) => `$HTTP["host"] == "${name}.test" { ${pair(name)} ssl.stapling-file = "${place.file(file)}" }`;
  server = await host(
    `server.modules += ( "mod_openssl" )
$SERVER["socket"] == "127.0.0.1:${port}" {
  ssl.engine = "enable" ${pair('one')} ssl.stapling-file = "${place.file('one.der')}"
  ${named('two', 'two.der')}
  ${named('three', 'one.der')}
  ${named('four', 'missing.der')}
}`,
    { place },
  );
});
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));

test('each certificate comes with the response about it, in both versions of TLS', async () => {
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2']) {
    assert.deepEqual(await asked('one.test', { maxVersion }), readFileSync(place.file('one.der')));
    assert.deepEqual(await asked('two.test', { maxVersion }), readFileSync(place.file('two.der')));
  }
  writeFileSync(place.file('sent.der'), await asked('one.test'));
  assert.match(ssl('ocsp', '-respin', 'sent.der', '-issuer', 'ca.crt', '-cert', 'one.test.crt', '-CAfile', 'ca.crt', '-no_nonce'), /one.test.crt: good/);
});

test('who does not ask gets none', async () => {
  assert.equal(await asked('one.test', { requestOCSP: false }), null);
});

test('a response about another certificate, or none, is not sent; the log tells, and the server serves', async () => {
  assert.equal(await asked('three.test'), null);
  assert.equal(await asked('four.test'), null);
  assert.match(server.log(), /one\.der" is not used: it is about another certificate/);
  assert.match(server.log(), /missing\.der" is not used: it cannot be read/);
});

test('a new file counts at once, and one that is broken or out of date does not', async () => {
  const before = readFileSync(place.file('one.der'));
  say('one.test', 'one.der', '-ndays', '1');
  assert.notDeepEqual(readFileSync(place.file('one.der')), before);
  await eventually(async () => (await asked('one.test')).equals(readFileSync(place.file('one.der'))), 'the new response');
  writeFileSync(place.file('one.der'), before.subarray(0, 100));
  await eventually(async () => (await asked('one.test')) === null, 'nothing of a broken file');
  assert.match(server.log(), /one\.der" is not used: it is no OCSP response/);
  const times = [...before.toString('latin1').matchAll(/\d{14}Z/g)];  // produced, this update, next update
  before.write('20200101000000Z', times[2].index, 'latin1');
  writeFileSync(place.file('one.der'), before);
  await eventually(async () => (await asked('one.test')) === null && /one\.der" is not used: it is out of date/.test(server.log()), 'nothing that is out of date');
  say('one.test', 'one.der', '-ndays', '1');
  await eventually(async () => (await asked('one.test')) !== null, 'a good one again');
});
