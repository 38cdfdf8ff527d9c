// SPDX-License-Identifier: Apache-2.0
// Apps that die, hang or grow: what clients see of it (nothing, where that is possible) and what becomes of the processes.
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { test } from '../lib/test.mjs';
import { eventually, sleep } from '../lib/process.mjs';
import { Raw } from '../lib/raw.mjs';
import { app, host, rogue } from './host.mjs';

const one = (keys = {}, ...words) => (place) => `fastcgi.server = ( ${app(place, rogue('--values', '1,1,0', ...words), keys)} )`;
// Until the app has `count` requests that say so (&say=1).
const arrived = (server, count = 1) => eventually(() => [...server.log().matchAll(/the request is here/g)].length >= count, 'the app has the request');
const json = async (server, path = '/?do=echo') => JSON.parse((await server.get(path)).body.toString());

test('kill -9 of the only process, in any rhythm, under load: no request fails', async () => {
  const server = await host(one());
  let failed = 0;
  let done = 0;
  let stop = false;
  const client = async () => {
    while (!stop) {
      const answer = await server.get('/?do=echo');
      if (answer?.status !== 200 || !answer.whole) failed++;
      done++;
    }
  };
  const clients = Array.from({ length: 4 }, client);
  for (const pause of [300, 0, 50, 200, 100]) {
    const { pid } = await json(server);
    process.kill(pid, 'SIGKILL');
    await sleep(pause);
  }
  stop = true;
  await Promise.all(clients);
  assert.equal(failed, 0, `${failed} of ${done} failed\n${server.log()}`);
  assert.ok(done > 20);
  await server.close();
});

test('a request in flight when the process dies is tried again; one with a body is not', async () => {
  const server = await host(one());
  const slow = server.get('/?do=slow&ms=500&say=1');
  await arrived(server);
  process.kill(Number(/process (\d+) started/.exec(server.log())[1]), 'SIGKILL');
  assert.equal((await slow).status, 200);
  const posted = server.get('/?do=slow&ms=5000&say=1', {}, { method: 'POST', body: 'abc' });
  await arrived(server, 3); // the second was the first one, tried again
  process.kill(Number([...server.log().matchAll(/process (\d+) started/g)].at(-1)[1]), 'SIGKILL');
  assert.equal((await posted).status, 502);
  await server.close();
});

test('a hung process: 504 at the deadline, and the process is replaced', async () => {
  const server = await host(one({ 'read-timeout': 4 }));
  const { pid } = await json(server);
  const hung = server.get('/?do=hang');
  const waiting = server.get('/?do=echo');
  assert.equal((await hung).status, 504);
  assert.equal((await waiting).status, 200);
  await eventually(() => !existsSync(`/proc/${pid}`), 'the hung process ends');
  assert.notEqual((await json(server)).pid, pid);
  await server.close();
});

test('a hung process whose client has left is replaced all the same', async () => {
  const server = await host(one({ 'read-timeout': 4 }));
  const { pid } = await json(server);
  const client = await Raw.open(server.port);
  client.write('GET /?do=hang&say=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  await arrived(server);
  client.close();
  await eventually(() => !existsSync(`/proc/${pid}`), 'the hung process ends');
  assert.equal((await server.get('/?do=good')).status, 200);
  await server.close();
});

test('with two processes a hung one holds up nobody', async () => {
  const server = await host(one({ 'min-procs': 2, 'max-procs': 2, 'read-timeout': 5 }));
  await server.get('/?do=good');
  let over = false;
  const hung = server.get('/?do=hang&say=1').finally(() => (over = true));
  await arrived(server);
  for (let i = 0; i < 10; i++) assert.equal((await server.get('/?do=good')).status, 200);
  assert.equal(over, false, 'they waited for the hung one');
  assert.equal((await hung).status, 504);
  await server.close();
});

test('min-procs 0: started when needed; more when all are busy; ended when idle', async () => {
  const server = await host(one({ 'min-procs': 0, 'max-procs': 3, 'idle-timeout': 1 }));
  assert.doesNotMatch(server.log(), /process \d+ started/);
  assert.equal((await server.get('/?do=good')).status, 200);
  const pids = new Set((await Promise.all([1, 2, 3].map(() => server.get('/?do=slow&ms=1500')))).map((a) => a.body.toString().split(' ')[0]));
  assert.equal(pids.size, 3);
  for (const pid of pids) await eventually(() => !existsSync(`/proc/${pid}`), 'idle processes end');
  assert.equal((await server.get('/?do=good')).status, 200);
  await server.close();
});

test('max-requests: the process is replaced, no request fails', async () => {
  const server = await host(one({ 'max-requests': 3 }));
  const pids = [];
  for (let i = 0; i < 9; i++) pids.push((await json(server)).pid);
  assert.equal(new Set(pids).size, 3, pids.join(' '));
  await server.close();
});

test('an app that cannot start: 503 with Retry-After after queue-wait; it is tried again for ever', async () => {
  const server = await host((place) => {
    place.put('broken.sh', '#!/bin/sh\necho this is why >&2\nexit 7\n');
    return `fastcgi.server = ( ${app(place, `/bin/sh ${place.file('broken.sh')}`, { 'queue-wait': 1 })} )`;
  });
  const answer = await server.get('/');
  assert.equal(answer.status, 503);
  assert.ok(answer.headers['retry-after']);
  assert.match(server.log(), /this is why/);
  assert.match(server.log(), /exit status 7/);
  const starts = () => [...server.log().matchAll(/process \d+ started/g)].length;
  const before = starts();
  assert.ok(before >= 3);
  await eventually(() => starts() > before, 'it is started again');
  await server.close();
});

test('a crash loop that ends: requests that waited are answered', async () => {
  const server = await host((place) => {
    place.put('later.sh', `#!/bin/sh\n[ -e ${place.file('good')} ] || exit 1\nexec ${rogue()}\n`);
    return `fastcgi.server = ( ${app(place, `/bin/sh ${place.file('later.sh')}`, { 'queue-wait': 10 })} )`;
  });
  await eventually(() => /4 times in a row/.test(server.log()), 'it is in a crash loop');
  const waiting = server.get('/?do=good');
  await sleep(50);
  server.place.put('good', '');
  assert.equal((await waiting).status, 200);
  await server.close();
});

test('an app that ignores SIGTERM does not keep the host from ending', async () => {
  const server = await host((place) => {
    place.put('stubborn.sh', '#!/bin/sh\ntrap "" TERM\nwhile :; do sleep 1; done\n');
    return `fastcgi.server = ( ${app(place, `/bin/sh ${place.file('stubborn.sh')}`)} )`;
  });
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test('SIGTERM: what runs is finished', async () => {
  const server = await host(one());
  const slow = server.get('/?do=slow&ms=700&say=1');
  await arrived(server);
  const ended = server.process.stop();
  assert.equal((await slow).status, 200);
  assert.deepEqual(await ended, { code: 0, signal: null });
  server.place.remove();
});

test('the socket of an app can be opened by its owner only', async () => {
  const server = await host(one());
  assert.equal(statSync(`${server.place.file('app.socket')}-0`).mode & 0o777, 0o600);
  await server.close();
});

test('an app on a TCP port, with a process on each port', async () => {
  const server = await host((place) => `fastcgi.server = ( "/" => (( "bin-path" => "${rogue('--values', '1,1,0')}", "host" => "127.0.0.1", "port" => ${20000 + (process.pid % 20000)}, "check-local" => "disable", "max-procs" => 2, "min-procs" => 2 )) )`);
  const pids = new Set((await Promise.all([1, 2].map(() => server.get('/?do=slow&ms=300')))).map((a) => a.body.toString().split(' ')[0]));
  assert.equal(pids.size, 2);
  await server.close();
});

test('kill -9 of the host ends apps that ignore SIGTERM, and what they have started', async () => {
  const server = await host((place) => {
    place.put('stubborn.sh', '#!/bin/sh\ntrap "" TERM\nsleep 987 &\necho "child $!" >&2\nwhile :; do sleep 1; done\n');
    return `fastcgi.server = ( ${app(place, `/bin/sh ${place.file('stubborn.sh')}`)} )`;
  });
  await eventually(() => /child (\d+)/.test(server.log()), 'it runs');
  const pids = [/process (\d+) started/, /child (\d+)/].map((pattern) => Number(pattern.exec(server.log())[1]));
  assert.ok(pids.every((pid) => existsSync(`/proc/${pid}`)));
  process.kill(server.pid, 'SIGKILL');
  for (const pid of pids) await eventually(() => !existsSync(`/proc/${pid}`), `${pid} ends`);
  server.place.remove();
});
