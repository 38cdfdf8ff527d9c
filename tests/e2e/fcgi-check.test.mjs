// SPDX-License-Identifier: Apache-2.0
// fcgi-check with real peers: lighttpd and nginx as gateways, fcgiwrap (a program of libfcgi) as an app. What they do is theirs; here
// counts that every row has a verdict, that plain things pass, and that the verdicts are about the peer and not about us.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from '../lib/test.mjs';
import { bin, freePort, until, World } from './servers.mjs';
import { spawn } from '../lib/process.mjs';

let world;
let probe;
before(async () => {
  world = new World();
  probe = await freePort();
  world.start(join(bin, 'fcgi-check'), ['app', '--listen', `127.0.0.1:${probe}`]);
});
after(() => world?.close());

function check(...args) {
  return new Promise((resolve) => {
    const child = spawn(join(bin, 'fcgi-check'), [...args, '--json', '--timeout', '2500']);
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    child.on('close', (code) => {
      const report = JSON.parse(out || '{"rows":[]}'); // nothing: it could not be reached
      const verdicts = Object.fromEntries(report.rows.map((row) => [row.name, row.verdict]));
      resolve({ code, report, verdicts });
    });
  });
}
function sensible({ code, report, verdicts }, plain) {
  assert.equal(code, report.failed > 0 ? 1 : 0);
  for (const row of report.rows) {
    if (row.verdict !== 'pass') assert.ok(row.detail.length > 0, `${row.name}: no reason`);
  }
  for (const name of plain) assert.equal(verdicts[name], 'pass', `${name}: ${report.rows.find((row) => row.name === name).detail}`);
}
const plain = ['reaches-app', 'REQUEST_METHOD', 'header-mapped', 'body-5000000', 'at-once', 'status-404', 'location', 'big-length', 'stdout-padding', 'stderr-between', 'closed-at-once'];

test('lighttpd as a gateway', async () => {
  const port = await freePort();
  mkdirSync(world.path('www', 'x'), { recursive: true });
  const server = await world.lighttpd(`server.modules = ( "mod_fastcgi" )
server.document-root = "${world.path('www')}"
server.bind = "127.0.0.1"
server.port = ${port}
fastcgi.server = ( "/app" => (( "host" => "127.0.0.1", "port" => ${probe}, "check-local" => "disable" )) )
`);
  await until('lighttpd answers', async () => (await fetch(`http://127.0.0.1:${port}/app?do=echo`)).ok);
  sensible(await check('gateway', `http://127.0.0.1:${port}/app`), plain);
  await world.stop(server);
});

test('nginx as a gateway', async () => {
  const port = await freePort();
  const server = await world.nginx(`server { listen 127.0.0.1:${port}; client_max_body_size 100m;
    location /app { fastcgi_pass 127.0.0.1:${probe}; include /etc/nginx/fastcgi_params; } }`);
  await until('nginx answers', async () => (await fetch(`http://127.0.0.1:${port}/app?do=echo`)).ok);
  sensible(await check('gateway', `http://127.0.0.1:${port}/app`), plain);
  await world.stop(server);
});

test('a program of libfcgi as an app', async () => {
  const socket = world.path('wrap.sock');
  const script = world.write('answer.cgi', '#!/bin/sh\ncat >/dev/null\nprintf "Content-Type: text/plain\\r\\n\\r\\nhello\\n"\n');
  await world.run('chmod', ['755', script]);
  world.start('fcgiwrap', ['-s', `unix:${socket}`], { stdio: 'ignore' });
  await until('fcgiwrap listens', async () => (await check('responder', socket, '--only', 'header-block')).report.rows.length === 1);
  sensible(await check('responder', socket, '--param', `SCRIPT_FILENAME=${script}`), ['request', 'closes-without-keep-conn', 'header-block', 'post', 'padding-255', 'value-20000', 'survives-http']);
});
