// SPDX-License-Identifier: Apache-2.0
// What goes wrong on other people's machines: each said in a sentence, and survived.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from '../lib/test.mjs';
import { bin, freePort, spawnSync } from '../lib/process.mjs';
import { another, eventually, healthy, listeners, root, someone, homes } from './up.mjs';

const home = homes();
// Another user can run the programs only when he may read the folders above them.
const others = !root ? 'needs root, to be several users' : spawnSync(join(bin, 'microtome'), ['--version'], someone).status !== 0 ? 'another user cannot reach the programs here' : false;

test('the address is in use: said, tried again, and served as soon as it is free', async () => {
  const place = home();
  const port = await freePort();
  const thief = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => thief.once('listening', resolve));
  const up = place.up('--listen', `127.0.0.1:${port}`);
  assert.equal(up.status, 1);
  assert.match(up.stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: another program uses it`));
  for (let i = 0; i < 5; i++) assert.equal(place.run('up', '--tick', place.pictures).status, 1);
  const [site] = place.status();
  assert.equal(site.state, 'failing');
  assert.equal(site.errors.length, 1, 'the same error is repeated');
  assert.ok(site.failures >= 6);
  assert.match(place.run('status').stdout, /another program uses it/);
  await new Promise((resolve) => thief.close(resolve));
  assert.equal(place.run('up', '--tick', place.pictures).status, 0);
  assert.ok(await healthy(`http://127.0.0.1:${port}/`));
  assert.equal(place.status()[0].failures, 0);
});

test('without --listen a second site takes the next free port', async () => {
  const [one, two] = [home(), home()];
  assert.equal(one.up().status, 0);
  assert.equal(two.up().status, 0);
  const urls = [await one.url(), await two.url()];
  assert.notEqual(urls[0], urls[1]);
  for (const url of urls) assert.ok(await healthy(url), url);
});

test('an address that is none, a folder that is none: a sentence and status 2', () => {
  const place = home();
  for (const [listen, says] of [['nonsense', /not an address: nonsense/], ['1.2.3:80', /not an IP address/], ['127.0.0.1:99999', /not an address/]]) {
    const up = place.up('--listen', listen);
    assert.equal(up.status, 2);
    assert.match(up.stderr, says);
  }
  const gone = place.run('up', join(place.dir, 'not-here'), '--no-install');
  assert.equal(gone.status, 2);
  assert.match(gone.stderr, /there is no .*not-here/);
  assert.match(place.run('up').stderr, /say what to bring up/);
  assert.match(place.run('down', place.pictures).stderr, /nothing was brought up/);
});

test('a unix socket, and another address while it runs', async () => {
  const place = home();
  const socket = place.file('front.socket');
  assert.equal(place.up('--listen', `unix:${socket}`).status, 0);
  const ask = () => spawnSync('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--unix-socket', socket, 'http://x/healthz'], { encoding: 'utf8' }).stdout;
  assert.equal(ask(), '200');
  const port = await freePort();
  const moved = place.up('--listen', `127.0.0.1:${port}`);
  assert.equal(moved.status, 0, moved.stderr);
  await eventually(() => healthy(`http://127.0.0.1:${port}/`), 'it answers at the new address');
  // A configuration that was changed by hand is not overwritten.
  const [site] = place.status();
  writeFileSync(site.config, `${readFileSync(site.config, 'utf8')}# mine\n`);
  const refused = place.up('--listen', '127.0.0.1:0', '--memory', '512');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /was changed by hand/);
  assert.match(readFileSync(site.config, 'utf8'), /# mine/);
});

test('blanks, quotes and signs in names', async () => {
  const place = home();
  const odd = join(place.dir, `a "b" %d 'c' $e`);
  spawnSync('mv', [place.pictures, odd]);
  const up = place.run('up', odd, '--no-install', '--listen', '127.0.0.1:0');
  assert.equal(up.status, 0, up.stderr);
  const url = /http:\S+/.exec(up.stdout)[0];
  assert.equal((await (await fetch(`${url}sets`)).json()).sets[0].name, 'GLTa');
  assert.equal(place.run('up', '--tick', odd).status, 0);
  assert.equal(place.run('reload', odd).status, 0);
});

test('sockets and notes of the dead are in nobody’s way', async () => {
  const place = home();
  const port = await freePort();
  assert.equal(place.up('--listen', `127.0.0.1:${port}`).status, 0);
  const [site] = place.status();
  await place.killAll();
  assert.ok(existsSync(join(site.files, 'control')) && existsSync(join(site.files, 'app.socket-0')), 'nothing stale to find');
  // A process id in the notes that is somebody else's by now.
  writeFileSync(join(site.files, 'ready'), readFileSync(join(site.files, 'ready'), 'utf8').replace(/pid \d+/, `pid ${process.pid}`));
  assert.equal(place.status()[0].state, 'not running');
  assert.equal(place.run('up', '--tick', place.pictures).status, 0);
  assert.ok(await healthy(`http://127.0.0.1:${port}/`));
  assert.equal(place.run('down').status, 0);
});

test('a clock that jumps ten years forth and back', async () => {
  const place = home();
  assert.equal(place.up('--listen', '127.0.0.1:0').status, 0);
  const [before] = place.status();
  for (const jump of ['+3650d', '-3650d']) {
    // Without the faketime program, which would take the clock away from the servers that stay.
    const clock = { LD_PRELOAD: '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', FAKETIME: jump, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    const fake = (...words) => spawnSync(join(bin, 'microtome'), words, { encoding: 'utf8', timeout: 30000, env: { ...place.env, ...clock } });
    for (const name of readdirSync(before.files)) {
      const at = Date.now() / 1000 + (jump === '+3650d' ? 1 : -1) * 315576000;
      utimesSync(join(before.files, name), at, at);
    }
    assert.match(spawnSync('date', ['+%Y'], { encoding: 'utf8', env: { ...place.env, ...clock } }).stdout, jump === '+3650d' ? /203\d|204\d/ : /201\d/);
    const tick = fake('up', '--tick', place.pictures);
    assert.equal(tick.status, 0, tick.stderr);
    const [site] = JSON.parse(fake('status', '--json').stdout).sites;
    assert.equal(site.pid, before.pid, 'it was replaced for no reason');
    assert.equal(site.state, 'running');
    assert.ok(site.uptime_s >= 0 && site.uptime_s < 600, `uptime ${site.uptime_s}`);
    place.kill(['microtome-keep', 'microtome-host']);
    await eventually(() => fake('up', '--tick', place.pictures).status === 0, 'healed');
    await eventually(() => healthy(before.addresses[0]), 'it answers again');
    before.pid = place.status()[0].pid;
  }
});

test('a home that cannot be written: another place, and it is said', { skip: others }, async () => {
  const place = home({ user: someone });
  spawnSync('chown', ['root:root', place.home]);
  chmodSync(place.home, 0o555);
  const fallback = `/tmp/microtome-${someone.uid}`;
  const up = place.up('--listen', '127.0.0.1:0');
  assert.equal(up.status, 0, up.stderr);
  assert.match(up.stderr, /\.microtome cannot be written: the site's files are in \/tmp\/microtome-54321\//);
  assert.ok(await healthy(await place.url()));
  assert.equal(statSync(fallback).mode & 0o777, 0o700);
  assert.equal(place.run('down', '--purge').status, 0);
  assert.ok(!existsSync(fallback));
  // Somebody has put a folder there that he can change under us.
  mkdirSync(fallback, { mode: 0o777 });
  chmodSync(fallback, 0o777);
  try {
    const refused = place.up();
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /can be written by others/);
  } finally {
    spawnSync('rmdir', [fallback]);
  }
});

test('a full disk: a running site stays up and is healed, a new one says what is wrong', { skip: !root && 'needs root, to mount a small disk' }, async (t) => {
  const place = home();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', place.home], { encoding: 'utf8' });
  if (mounted.status !== 0) return t.skip(`no small disk can be mounted here: ${mounted.stderr.trim()}`);
  try {
    assert.equal(place.up('--listen', '127.0.0.1:0').status, 0);
    const url = await place.url();
    spawnSync('sh', ['-c', `cat /dev/zero >${place.home}/fill 2>/dev/null`]);
    assert.ok(await healthy(url));
    for (let turn = 0; turn < 3; turn++) {
      await place.killAll();
      const tick = place.run('up', '--tick', place.pictures);
      assert.equal(tick.status, 0, tick.stderr);
      assert.ok(await healthy(url));
    }
    // All places full: a sentence that names the disk.
    place.env.MICROTOME_HOME = join(place.home, 'new');
    const fresh = place.up('--listen', '127.0.0.1:0');
    assert.equal(fresh.status, 1);
    assert.match(fresh.stderr, /cannot write .*: No space left on device/);
    delete place.env.MICROTOME_HOME;
    assert.equal(place.run('down', '--purge').status, 0);
    assert.deepEqual(readdirSync(place.home), ['fill']);
  } finally {
    await place.killAll();
    spawnSync('umount', ['-l', place.home]);
  }
});

test('two users on one machine: each has his own, nobody can touch the other’s', { skip: others }, async () => {
  const [one, two] = [home({ user: someone }), home({ user: another })];
  const port = await freePort();
  assert.equal(one.up('--listen', `127.0.0.1:${port}`).status, 0);
  // The same pictures, by another user, at the same address.
  chmodSync(one.dir, 0o755);
  chmodSync(one.pictures, 0o755);
  const clash = two.run('up', one.pictures, '--no-install', '--listen', `127.0.0.1:${port}`);
  assert.equal(clash.status, 1);
  assert.match(clash.stderr, /another program uses it/);
  const own = two.run('up', one.pictures, '--no-install', '--listen', '127.0.0.1:0');
  assert.equal(own.status, 0, own.stderr);
  assert.ok(await healthy(await two.url()));
  assert.equal(listeners(port), 1);
  assert.match(two.run('down').stdout, /stopped/);
  assert.ok(await healthy(`http://127.0.0.1:${port}/`), 'the other user’s site was stopped');
  const mode = statSync(one.status()[0].files).mode & 0o777;
  assert.equal(mode, 0o700);
  two.env.MICROTOME_HOME = join(one.home, '.microtome');
  assert.notEqual(two.run('down', one.pictures).status, 0);
  delete two.env.MICROTOME_HOME;
  assert.ok(await healthy(`http://127.0.0.1:${port}/`));
});
