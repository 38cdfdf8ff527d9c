// SPDX-License-Identifier: Apache-2.0
// Our FastCGI app behind other gateways: nginx directly, with kept connections, and Apache's mod_proxy_fcgi.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from '../lib/test.mjs';
import { body, freePort, importSet, until, World } from './servers.mjs';

let world;
let root;
let plain; // what microtome itself answers over HTTP, to compare with
let expected;

const tiles = ['JTL=2,0', 'JTL=2,1', 'JTL=2,5', 'JTL=2,11', 'JTL=1,0', 'JTL=0,0', 'RGN=0.2,0.2,0.4,0.4&WID=200&CVT=jpeg'];
const query = (i) => `FIF=S2897L/S2897L_pyr_004${i % 3}.tif&${tiles[i % tiles.length]}`;

before(async () => {
  world = new World();
  root = world.path('pictures/.keep').replace(/\/.keep$/, '');
  mkdirSync(root, { recursive: true });
  await importSet(world, root);
  plain = await world.serve(['serve', root, '--listen', '127.0.0.1:0']);
  expected = await Promise.all(Array.from({ length: 21 }, (_, i) => body(`${plain.address}/iip?${query(i)}`)));
  for (const answer of expected) assert.equal(answer.status, 200);
});

after(async () => {
  await world?.close();
});

// `count` requests over `width` connections at a time, each compared with what microtome itself answers.
async function hammer(address, count, width) {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) {
      const answer = await body(`${address}?${query(i)}`);
      assert.equal(answer.status, 200, query(i));
      assert.ok(answer.bytes.equals(expected[i % 21].bytes), `other bytes for ${query(i)}`);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

test('nginx to FastCGI over a unix socket, connections kept', async () => {
  const socket = world.path('app.socket');
  await world.serve(['fcgi', '--listen', `unix:${socket}`, '--root', root]);
  const port = await freePort();
  const nginx = await world.nginx(`
    upstream app { server unix:${socket}; keepalive 8; }
    server { listen 127.0.0.1:${port};
      location /iip { fastcgi_pass app; fastcgi_keep_conn on; include /etc/nginx/fastcgi_params; } }`);
  await until('nginx answers', async () => (await fetch(`http://127.0.0.1:${port}/iip?${query(0)}`)).ok);
  await hammer(`http://127.0.0.1:${port}/iip`, 600, 32);
  const missing = await body(`http://127.0.0.1:${port}/iip?FIF=none.tif&JTL=0,0`);
  assert.equal(missing.status, 404);
  const unchanged = await body(`http://127.0.0.1:${port}/iip?${query(0)}`, {
    headers: { 'If-None-Match': expected[0].headers.get('etag') },
  });
  assert.equal(unchanged.status, 304);
  await world.stop(nginx);
});

test('nginx to FastCGI over TCP, a connection for each request', async () => {
  const fastcgi = await freePort();
  const app = await world.serve(['fcgi', '--bind', `127.0.0.1:${fastcgi}`, '--root', root]);
  const port = await freePort();
  const nginx = await world.nginx(`
    server { listen 127.0.0.1:${port};
      location /cgi-bin/iipsrv.fcgi { fastcgi_pass 127.0.0.1:${fastcgi}; include /etc/nginx/fastcgi_params; } }`);
  const address = `http://127.0.0.1:${port}/cgi-bin/iipsrv.fcgi`;
  await until('nginx answers', async () => (await fetch(`${address}?${query(0)}`)).ok);
  await hammer(address, 200, 16);
  const posted = await body(address, { method: 'POST', body: query(3) });
  assert.ok(posted.bytes.equals(expected[3].bytes), 'POST');
  const head = await body(`${address}?${query(1)}`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(Number(head.headers.get('content-length')), expected[1].bytes.length);
  await world.stop(nginx);
  const how = await world.stop(app, 'SIGTERM');
  assert.deepEqual(how, { code: 0, signal: null });
});

test('Apache mod_proxy_fcgi, with and without reuse of connections', async () => {
  const fastcgi = await freePort();
  await world.serve(['fcgi', '--listen', `127.0.0.1:${fastcgi}`, '--root', root]);
  const port = await freePort();
  const apache = await world.apache(
    port,
    `ProxyPass /kept/iipsrv.fcgi fcgi://127.0.0.1:${fastcgi}/ enablereuse=on
     ProxyPass /iipsrv.fcgi fcgi://127.0.0.1:${fastcgi}/`,
  );
  await until('Apache answers', async () => (await fetch(`http://127.0.0.1:${port}/iipsrv.fcgi?${query(0)}`)).ok);
  await hammer(`http://127.0.0.1:${port}/iipsrv.fcgi`, 200, 16);
  await hammer(`http://127.0.0.1:${port}/kept/iipsrv.fcgi`, 200, 16);
  await world.stop(apache);
});
