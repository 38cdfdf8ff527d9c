// SPDX-License-Identifier: Apache-2.0
// The configuration of 2017, as it was printed and as it was meant, and what a user of it may do to its programs.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from '../lib/test.mjs';
import { eventually, freePort, spawnSync, start } from '../lib/process.mjs';
import { fixture, program, rogue, site } from './host.mjs';

const run = (...args) => spawnSync(program, args, { encoding: 'utf8' });
let place;
let port;
let file;

before(async () => {
  place = site();
  mkdirSync(place.file('webapps/wp_visorb_2017'), { recursive: true });
  mkdirSync(place.file('webapps/visorb_iipsrv'), { recursive: true });
  mkdirSync(place.file('build/WlzIIPSrv/src'), { recursive: true });
  const app = place.file('build/WlzIIPSrv/src/wlziipsrv.fcgi');
  writeFileSync(app, `#!/bin/sh\nexec ${rogue('--do', 'env')}\n`);
  chmodSync(app, 0o755);
  port = await freePort();
  file = place.file('visorb-lighttpd.conf');
  writeFileSync(file, fixture('host/visorb/completed.conf').replaceAll('/home/myusername/', `${place.path}/`).replace('22430', String(port)));
});
after(() => place.remove());

test('as printed: the message points at the list of line 13', () => {
  const printed = place.file('as-printed.conf');
  writeFileSync(printed, fixture('host/visorb/as-printed.conf'));
  const { status, stderr } = run('-t', '-f', printed);
  assert.equal(status, 255);
  assert.match(stderr.split('\n')[0], /as-printed\.conf:13:19: error: the list opened here is not closed/);
});

test('completed: -t and -tt say Syntax OK, -p prints it', () => {
  for (const flag of ['-t', '-tt']) {
    const { status, stdout, stderr } = run(flag, '-f', file);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'Syntax OK\n');
    assert.equal(stderr, '');
  }
  assert.match(run('-p', '-f', file).stdout, /"MAX_CVT" +=> "3000",/);
});

test('-f -: the configuration on standard input', () => {
  const { status, stdout } = spawnSync(program, ['-t', '-f', '-'], { encoding: 'utf8', input: readFileSync(file, 'utf8') });
  assert.equal(status, 0);
  assert.equal(stdout, 'Syntax OK\n');
});

test('-D: the app runs as lighttpd would run it, and ends with the host', async () => {
  const host = await start(program, ['-D', '-f', file], { ready: /serves on/, env: { HANDED_ON: 'yes' } });
  const socket = place.file('webapps/visorb_iipsrv/wlziipsrv-fastcgi.socket-0');
  assert.ok(existsSync(socket));
  const { env, cwd, pid } = await (await fetch(`http://127.0.0.1:${port}/?FIF=x`)).json();
  assert.equal(env.PHP_FCGI_CHILDREN, '1');
  assert.equal(env.FILENAME_PATTERN, '_pyr_');
  assert.equal(env.LOGFILE, place.file('webapps/visorb_iipsrv/iipsrv.log'));
  assert.equal(env.HANDED_ON, 'yes');
  assert.equal(cwd, place.file('build/WlzIIPSrv/src'));
  assert.deepEqual(await host.stop(), { code: 0, signal: null });
  assert.ok(!existsSync(socket), 'the socket is still there');
  assert.ok(!existsSync(`/proc/${pid}`), 'the app still runs');
});

test('without -D: goes to the background when it serves, and leaves nothing behind', async () => {
  const pidFile = place.file('host.pid');
  const daemon = place.file('daemon.conf');
  writeFileSync(daemon, `${readFileSync(file, 'utf8')}\nserver.pid-file = "${pidFile}"\nserver.errorlog = "${place.file('host.log')}"\n`);
  const { status } = run('-f', daemon);
  assert.equal(status, 0);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  process.kill(pid, 'SIGTERM');
  await eventually(() => !existsSync(`/proc/${pid}`), 'the host ends');
  assert.ok(!existsSync(pidFile));
  assert.match(readFileSync(place.file('host.log'), 'utf8'), /stopped/);
});

test('a port that is taken: a clear sentence and status 255, also in the background', async () => {
  const host = await start(program, ['-D', '-f', file], { ready: /serves on/ });
  for (const flags of [['-D'], []]) {
    const { status, stderr } = run(...flags, '-f', file);
    assert.equal(status, 255);
    assert.match(stderr, /cannot listen on 127\.0\.0\.1:\d+: another program uses it/);
  }
  // The second one must not have touched the socket of the first one's app.
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  await host.stop();
});

test('kill -9 of the host: no orphan; started again, it heals when the app dies', async () => {
  const first = await start(program, ['-D', '-f', file], { ready: /serves on/ });
  const { pid } = await (await fetch(`http://127.0.0.1:${port}/`)).json();
  await first.kill();
  await eventually(() => !existsSync(`/proc/${pid}`), 'the app ends with its host');
  const second = await start(program, ['-D', '-f', file], { ready: /serves on/ });
  const again = (await (await fetch(`http://127.0.0.1:${port}/`)).json()).pid;
  process.kill(again, 'SIGKILL');
  for (let i = 0; i < 5; i++) assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  await second.stop();
});
