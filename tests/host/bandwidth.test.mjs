// SPDX-License-Identifier: Apache-2.0
// connection.kbytes-per-second and server.kbytes-per-second: answers arrive whole, and not sooner than they may.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { after, before, test } from '../lib/test.mjs';
import { execFileSync, freePort } from '../lib/process.mjs';
import { Raw } from '../lib/raw.mjs';
import { app, host, rogue, site } from './host.mjs';

const KiB = 1024;
const big = Buffer.alloc(300 * KiB);
for (let i = 0; i < big.length; i += 1) big[i] = (i * 7919) >> 5;
let server;
let secure;
before(async () => {
  const place = site({ 'a/big.bin': big, 'b/big.bin': big, 'free/big.bin': big, 'slow/small.txt': 'y'.repeat(6 * KiB) });
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key', '-out', 'crt', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { cwd: place.path, stdio: 'pipe' });
  secure = await freePort();
  server = await host(
    `server.modules += ( "mod_openssl", "mod_fastcgi" )
$SERVER["socket"] == "127.0.0.1:${secure}" { ssl.engine = "enable" ssl.pemfile = "${place.file('crt')}" ssl.privkey = "${place.file('key')}" }
$HTTP["url"] =~ "^/(a|app)" { connection.kbytes-per-second = 200 }
$HTTP["url"] =^ "/b/" { server.kbytes-per-second = 400 }
$HTTP["url"] =^ "/slow/" { connection.kbytes-per-second = 4 }
fastcgi.server = ( ${app(place, rogue(), { key: '/app' })} )`,
    { place },
  );
});
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));

// At least so many seconds: all but what a quarter of a second may bring at once, and the last record of TLS.
const least = (bytes, rate) => (bytes - Math.min(16 * KiB, (rate * KiB) / 4)) / (rate * KiB) - 0.25;
async function timed(work) {
  const begin = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - begin) / 1000 };
}
const sooner = (seconds, bound) => `${seconds} s, and ${bound} s is what it must take`;

test('a connection is limited, and its answer whole', async () => {
  const { result, seconds } = await timed(() => server.get('/a/big.bin'));
  assert.ok(result.body.equals(big));
  assert.ok(seconds >= least(big.length, 200), sooner(seconds, least(big.length, 200)));
});

test('rates below a packet', async () => {
  const { result, seconds } = await timed(() => server.get('/slow/small.txt'));
  assert.equal(result.body.toString(), 'y'.repeat(6 * KiB));
  assert.ok(seconds >= least(6 * KiB, 4), sooner(seconds, least(6 * KiB, 4)));
});

test('a kept connection does not begin anew with every request', async () => {
  const connection = await Raw.open(server.port);
  const { seconds } = await timed(async () => {
    for (let i = 0; i < 3; i++) {
      connection.write('GET /slow/small.txt HTTP/1.1\r\nHost: h\r\nRange: bytes=0-2047\r\n\r\n');
      assert.equal((await connection.response()).body.length, 2 * KiB);
    }
  });
  connection.close();
  assert.ok(seconds >= least(6 * KiB, 4), sooner(seconds, least(6 * KiB, 4)));
});

test('a request without a limit on the same connection is not held, nor are refusals', async () => {
  const connection = await Raw.open(server.port);
  for (const [path, length] of [['/slow/small.txt', 6 * KiB], ['/free/big.bin', big.length], ['/slow/small.txt', 6 * KiB]]) {
    connection.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
    assert.equal((await connection.response()).body.length, length);
  }
  connection.write('nonsense\r\n\r\n');
  assert.equal((await connection.response()).status, 400);
  connection.close();
});

test('all connections together are limited', async () => {
  const { seconds } = await timed(() => Promise.all([1, 2, 3].map(async () => assert.ok((await server.get('/b/big.bin')).body.equals(big)))));
  assert.ok(seconds >= least(3 * big.length, 400), sooner(seconds, least(3 * big.length, 400)));
});

test('TLS and HTTP/2 are limited as well', async () => {
  const client = connect(`https://localhost:${secure}`, { ca: readFileSync(server.place.file('crt')), lookup: (name, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) });
  const ask = (path) => new Promise((resolve, reject) => {
    const parts = [];
    client.request({ ':path': path }).on('data', (part) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts))).on('error', reject);
  });
  const { result, seconds } = await timed(() => Promise.all([ask('/a/big.bin'), ask('/a/big.bin')]));
  client.close();
  for (const body of result) assert.ok(body.equals(big));
  assert.ok(seconds >= least(2 * big.length, 200), sooner(seconds, least(2 * big.length, 200)));
});

test('clients that leave meanwhile harm nobody', async () => {
  for (let i = 0; i < 5; i++) {
    const connection = await Raw.open(server.port);
    connection.write('GET /slow/small.txt HTTP/1.1\r\nHost: h\r\n\r\n');
    await connection.until(() => connection.size > 0);
    i % 2 ? connection.reset() : connection.close();
  }
  assert.equal((await server.get('/free/big.bin')).body.length, big.length);
});
