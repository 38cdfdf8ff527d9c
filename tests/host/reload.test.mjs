// SPDX-License-Identifier: Apache-2.0
// A new configuration, or a new program, takes over while clients are served: nobody is refused, nothing is cut.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from '../lib/test.mjs';
import { eventually, freePort } from '../lib/process.mjs';
import { F, H2, request } from '../lib/h2.mjs';
import { Raw } from '../lib/raw.mjs';
import { app, host, nonblockingApp, rogue } from './host.mjs';

const one = (place, keys = {}, ...words) => `fastcgi.server = ( ${app(place, rogue('--values', '1,1,0', ...words), { 'min-procs': 2, 'max-procs': 2, ...keys })} )`;
const rewrite = (server, text) => writeFileSync(server.place.file('host.conf'), text(readFileSync(server.place.file('host.conf'), 'utf8')));

// Asks on and on, on kept and on new connections, until `what` is done. How many answers were not whole and 200.
async function underLoad(server, what, paths = ['/?do=echo', '/?do=slow&ms=30'], method = 'GET') {
  let stop = false;
  let failed = 0;
  let done = 0;
  const lost = [];
  const client = async (kept) => {
    let connection = null;
    for (let i = 0; !stop; i++) {
      try {
        connection ??= await Raw.open(server.port);
        connection.write(`${method} ${paths[i % paths.length]} HTTP/1.1\r\nHost: h\r\n${method === 'POST' ? 'Content-Length: 4\r\n' : ''}${kept ? '' : 'Connection: close\r\n'}\r\n${method === 'POST' ? 'body' : ''}`);
        const answer = await connection.response();
        // A kept connection may be closed between two requests; that is no failure, and a client asks again.
        if (answer === null && kept && i > 0 && connection.size === 0) {
          connection.close();
          connection = null;
          continue;
        }
        done++;
        if (answer?.status !== 200 || !answer.whole) failed++, lost.push(`${answer?.status} ${kept ? "kept" : "new"} ${i} ${connection?.error} ${connection?.size}`);
        if (!kept || answer?.headers.connection === 'close') {
          connection.close();
          connection = null;
        }
      } catch (error) {
        failed++;
        lost.push(error.message);
        connection = null;
      }
    }
    connection?.close();
  };
  const clients = [true, true, false, false].map(client);
  await eventually(() => done > 20, 'answers come');
  await what();
  const before = done;
  await eventually(() => done > before + 20, 'answers come again');
  stop = true;
  await Promise.all(clients);
  assert.equal(failed, 0, `${failed} of ${done}: ${lost.slice(0, 5)}\n${server.log()}`);
}

test('USR1: other settings, other processes, another port; under load nothing fails', async () => {
  const server = await host(one);
  const another = await freePort();
  await underLoad(server, async () => {
    rewrite(server, (text) => text.replace('"max-procs" => 2', '"bin-environment" => ( "MINE" => "new" ), "max-procs" => 2') + `\nserver.tag = "second"\n$SERVER["socket"] == "127.0.0.1:${another}" { }\n`);
    process.kill(server.pid, 'SIGUSR1');
    await eventually(() => /configuration read again/.test(server.log()), 'it was read');
  });
  const { env } = JSON.parse((await server.get('/?do=env')).body.toString());
  assert.equal(env.MINE, 'new');
  const other = await Raw.open(another);
  other.write('GET /?do=good HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  assert.equal((await other.response()).headers.server, 'second');
  rewrite(server, (text) => text.replace(/\$SERVER.*\n/, ''));
  process.kill(server.pid, 'SIGUSR1');
  await eventually(() => /no longer serves on/.test(server.log()), 'the port is given up');
  await assert.rejects(Raw.open(another));
  assert.equal((await server.get('/?do=good')).status, 200);
  // The apps of the first configuration have ended, and their sockets were not taken away from the new ones.
  assert.ok(existsSync(`${server.place.file('app.socket')}-0`));
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test('USR1 with a mistake: the old configuration goes on', async () => {
  const server = await host(one);
  const { pid } = JSON.parse((await server.get('/?do=echo')).body.toString());
  rewrite(server, (text) => `${text}\nserver.tag = (`);
  process.kill(server.pid, 'SIGUSR1');
  await eventually(() => /stays as it was/.test(server.log()), 'it says so');
  process.kill(pid, 'SIGKILL');
  assert.equal((await server.get('/?do=good')).status, 200);
  // One that parses but cannot be opened: the socket of the running app must survive it.
  rewrite(server, (text) => text.replace('\nserver.tag = (', '\n$SERVER["socket"] == "/nowhere/at/all" { }').replace('"min-procs" => 2', '"min-procs" => 1'));
  process.kill(server.pid, 'SIGUSR1');
  await eventually(() => /stays as it was: cannot listen/.test(server.log()), 'it says why');
  assert.equal((await server.get('/?do=good')).status, 200);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test('USR2: a new process takes over, apps on unix sockets and on ports', async () => {
  const port = await freePort();
  let pidFile;
  const server = await host((place) => {
    pidFile = place.file('host.pid');
    return `server.pid-file = "${pidFile}"\nfastcgi.server = ( ${app(place, rogue('--values', '1,1,0'), { key: '/unix' })}, "/port" => (( "bin-path" => "${rogue('--values', '8,8,1')}", "host" => "127.0.0.1", "port" => ${port}, "max-procs" => 1, "check-local" => "disable" )) )`;
  });
  const first = Number(readFileSync(pidFile, 'utf8'));
  await underLoad(server, async () => {
    process.kill(first, 'SIGUSR2');
    await eventually(() => !existsSync(`/proc/${first}`), 'the old process ends');
  }, ['/unix?do=echo', '/port?do=echo', '/unix?do=slow&ms=30']);
  const second = Number(readFileSync(pidFile, 'utf8'));
  assert.notEqual(second, first);
  try {
    for (const path of ['/unix?do=good', '/port?do=good']) assert.equal((await server.get(path)).status, 200);
    // Once more, from the successor.
    await underLoad(server, async () => {
      process.kill(second, 'SIGUSR2');
      await eventually(() => !existsSync(`/proc/${second}`), 'the second process ends');
    }, ['/unix?do=echo', '/port?do=echo']);
  } finally {
    const last = Number(readFileSync(pidFile, 'utf8'));
    process.kill(last, 'SIGTERM');
    await eventually(() => !existsSync(`/proc/${last}`), 'the last process ends');
  }
  assert.ok(!existsSync(pidFile));
  assert.ok(!existsSync(`${server.place.file('app.socket')}-0`), 'the socket is gone');
  server.place.remove();
});

// Each generation of an app has a listening socket of its own, on a TCP port too: none takes the other's connections, or changes
// how its accept() behaves.
for (const [what, number] of [['USR1', 'SIGUSR1'], ['USR2', 'SIGUSR2']]) {
  test(`${what}: an app on a port that sets its listening socket back, with POST`, async () => {
    const port = await freePort();
    let pidFile;
    const server = await host((place) => {
      pidFile = place.file('host.pid');
      return `server.pid-file = "${pidFile}"\nfastcgi.server = ( "/" => (( "bin-path" => "${nonblockingApp}", "host" => "127.0.0.1", "port" => ${port}, "max-procs" => 1, "bin-environment" => ( "TURN" => "0" ), "check-local" => "disable" )) )`;
    });
    const pid = () => Number(readFileSync(pidFile, 'utf8'));
    const appPid = async () => (await server.get('/')).body.toString();
    const turns = 3;
    try {
      for (let turn = 1; turn <= turns; turn++) {
        const before = [pid(), await appPid()];
        await underLoad(server, async () => {
          rewrite(server, (text) => text.replace(/"TURN" => "\d"/, `"TURN" => "${turn}"`));
          process.kill(before[0], number);
          await eventually(() => (number === 'SIGUSR2' ? !existsSync(`/proc/${before[0]}`) : !existsSync(`/proc/${Number(before[1])}`)), 'the old one ends', 20000);
        }, ['/'], 'POST');
        assert.notEqual(await appPid(), before[1]);
      }
    } finally {
      process.kill(pid(), 'SIGTERM');
      const last = pid();
      await eventually(() => !existsSync(`/proc/${last}`), 'the last process ends');
    }
    server.place.remove();
  });
}

test('USR2: the new process serves when its apps answer', async () => {
  let pidFile;
  const server = await host((place) => {
    pidFile = place.file('host.pid');
    place.put('slow.sh', `#!/bin/sh\nsleep 0.5\necho awake >&2\nexec ${rogue('--values', '8,8,1')}\n`);
    chmodSync(place.file('slow.sh'), 0o755);
    return `server.pid-file = "${pidFile}"\nfastcgi.server = ( ${app(place, place.file('slow.sh'))} )`;
  });
  const first = Number(readFileSync(pidFile, 'utf8'));
  assert.equal((await server.get('/?do=good')).status, 200);
  const before = server.log().length;
  process.kill(first, 'SIGUSR2');
  await eventually(() => !existsSync(`/proc/${first}`), 'the old process ends', 20000);
  const since = server.log().slice(before);
  assert.match(since, /awake[^]*serves on/);
  assert.equal((await server.get('/?do=good')).status, 200);
  const last = Number(readFileSync(pidFile, 'utf8'));
  process.kill(last, 'SIGTERM');
  await eventually(() => !existsSync(`/proc/${last}`), 'the last process ends');
  server.place.remove();
});

test('USR2: kept connections may ask once more, over HTTP/1.1 and HTTP/2', async () => {
  let pidFile;
  const server = await host((place) => { pidFile = place.file('host.pid'); return `server.pid-file = "${pidFile}"`; }, { files: { 'hello.txt': 'hello' } });
  const first = Number(readFileSync(pidFile, 'utf8'));
  const kept = await Raw.open(server.port);
  const ask = () => kept.write('GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n').response();
  assert.equal((await ask()).headers.connection, undefined);
  const h2 = await H2.open(server.port);
  assert.equal(await h2.headers(1, request()).answer(1), undefined);
  process.kill(first, 'SIGUSR2');
  // The first GOAWAY takes back nothing; the second names the last request.
  const goaway = await h2.until(() => h2.find(F.goaway), 20000);
  assert.equal(goaway.payload.readUInt32BE(0), 0x7fffffff);
  assert.equal(await h2.headers(3, request()).answer(3), undefined);
  assert.equal((await ask()).headers.connection, 'close');
  await h2.until(() => h2.ended);
  assert.equal(h2.frames.findLast((one) => one.type === F.goaway).payload.readUInt32BE(0), 3);
  await eventually(() => !existsSync(`/proc/${first}`), 'the old process ends', 20000);
  kept.close();
  h2.close();
  const last = Number(readFileSync(pidFile, 'utf8'));
  process.kill(last, 'SIGTERM');
  await eventually(() => !existsSync(`/proc/${last}`), 'the last process ends');
  server.place.remove();
});

test('USR2 with a mistake in the configuration: the old process goes on', async () => {
  const server = await host(one);
  rewrite(server, (text) => `${text}\nserver.tag = (`);
  process.kill(server.pid, 'SIGUSR2');
  await eventually(() => /did not get ready; this one goes on/.test(server.log()), 'it says so');
  assert.equal((await server.get('/?do=good')).status, 200);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});
