// SPDX-License-Identifier: Apache-2.0
// Health checks: an idle process that hangs is replaced before anybody asks it, a server that is not well comes last.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { app, host, rogue } from './host.mjs';
import { eventually } from '../lib/process.mjs';
import { test } from '../lib/test.mjs';

test('a process that hangs while nobody asks is replaced', async () => {
  const server = await host((place) => `fastcgi.server = ( ${app(place, rogue('--do', 'hang'), { 'health-path': '/check?x=y', 'health-interval': 1, 'read-timeout': 1 })} )`);
  try {
    await eventually(() => /\/check\?x=y: is not well \(504\)/.test(server.log()), 'the check gets no answer');
    await eventually(() => [...server.log().matchAll(/process \d+ started/g)].length > 1, 'another process', 15000);
  } finally {
    await server.close();
  }
});

test('a process that is well stays, and gets an ordinary request', async () => {
  const server = await host((place) => `fastcgi.server = ( ${app(place, rogue('--values', '1,1,0', '--do', 'echo'), { 'health-path': '/check', 'health-interval': 1 })} )`);
  try {
    const requests = async () => JSON.parse((await server.get('/x')).body.toString());
    const first = await requests();
    const later = await eventually(async () => {
      const now = await requests();
      return now.requests > first.requests + 4 ? now : null;
    }, 'checks come');
    assert.equal(later.pid, first.pid);
    assert.doesNotMatch(server.log(), /not well/);
  } finally {
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  }
});

test('of several servers behind, one that is not well comes last until it is well again', async () => {
  let status = 200;
  let checks = 0;
  const make = async (name) => {
    const server = createServer((request, response) => {
      const check = request.url === '/healthz';
      if (check && name === 'a') checks += 1;
      response.writeHead(check && name === 'a' ? status : 200);
      response.end(name);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  const [a, b] = [await make('a'), await make('b')];
  const entry = (server) => `( "host" => "127.0.0.1", "port" => ${server.address().port}, "health-path" => "/healthz", "health-interval" => 1 )`;
  const front = await host(`proxy.balance = "round-robin" proxy.server = ( "" => ( ${entry(a)}, ${entry(b)} ) )`);
  try {
    const names = async () => {
      const all = [];
      for (let i = 0; i < 6; i += 1) all.push((await front.get('/')).body.toString());
      return [...new Set(all)].sort().join('');
    };
    assert.equal(await names(), 'ab');
    status = 503;
    await eventually(async () => (await names()) === 'b', 'only the other one is asked');
    assert.match(front.log(), /\/healthz: is not well \(503\)/);
    status = 200;
    await eventually(async () => (await names()) === 'ab', 'it is back');
    assert.ok(checks > 1);
  } finally {
    await front.stop();
    a.close();
    b.close();
  }
});
