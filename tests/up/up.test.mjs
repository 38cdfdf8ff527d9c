// SPDX-License-Identifier: Apache-2.0
// `microtome up` and its kin, with real processes: one server whoever calls, healed whatever is killed, nothing left.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from '../lib/test.mjs';
import { bin, freePort } from '../lib/process.mjs';
import { eventually, fast, healthy, listeners, sleep, homes } from './up.mjs';

const home = homes();
// The host's own helper, which ends apps when the host was killed, comes and goes with it.
const ours = (place) => place.processes().filter(({ name }) => name !== 'host-guard').length;
const size = (path) => (existsSync(path) ? statSync(path).size : 0);

test('a folder of pictures: served, seen in status, reloaded, stopped; purged without a trace', async () => {
  const place = home();
  const up = place.up('--listen', '127.0.0.1:0');
  assert.equal(up.status, 0, up.stderr);
  const url = /http:\S+/.exec(up.stdout)[0];
  assert.ok(await healthy(url));
  assert.match(await (await fetch(url)).text(), /<title>/);
  assert.equal((await (await fetch(`${url}sets`)).json()).sets[0].name, 'GLTa');
  const view = await fetch(`${url}sets/GLTa/view?slice=104&W=640&H=420`);
  assert.equal(view.headers.get('content-type'), 'image/jpeg');

  const again = place.up();
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /runs already/);
  assert.ok(again.stdout.includes(url), 'the address has changed');

  const [site] = place.status();
  assert.equal(site.state, 'running');
  assert.equal(site.starts, 1);
  assert.equal(site.queue, 0);
  assert.equal(site.health, 200);
  assert.ok(site.memory_bytes > 1 << 20 && site.latency_ms >= 0 && site.uptime_s >= 0);
  assert.equal(site.host.apps[0].processes[0].state, 'up');
  assert.equal(site.app.status, 'ok');
  assert.match(place.run('status').stdout, /running for .*, process \d+/);
  assert.match(place.run('logs').stdout, /serves on 127\.0\.0\.1:/);

  const config = readFileSync(site.config, 'utf8');
  assert.match(config, /server\.bind = "127\.0\.0\.1"/);
  assert.match(config, new RegExp(`server\\.document-root = "${place.pictures}"`));

  assert.equal(place.run('reload', place.pictures).status, 0);
  assert.ok(await healthy(url));
  writeFileSync(site.config, 'server.port = = 3\n');
  const broken = place.run('reload');
  assert.equal(broken.status, 2);
  assert.match(broken.stderr, /lighttpd\.conf:1:\d+: error/);
  assert.ok(await healthy(url), 'a broken configuration took the site down');
  writeFileSync(site.config, config);

  const down = place.run('down', place.pictures);
  assert.equal(down.status, 0, down.stderr);
  assert.ok(!(await healthy(url)));
  assert.equal(place.run('status').status, 3);
  assert.equal(place.status()[0].state, 'stopped');
  // Who was told to stop is not started by cron.
  assert.equal(place.run('up', '--tick', place.pictures).status, 0);
  assert.ok(!(await healthy(url)));
  assert.equal(place.up().status, 0);
  assert.ok(await healthy(url), 'the second up does not take the first address');

  assert.equal(place.run('down', '--purge').status, 0);
  assert.deepEqual(readdirSync(place.home), []);
  await eventually(() => place.processes().length === 0, 'no process is left');
});

test('a configuration: run as it is, its own address, log and status page', async () => {
  const place = home();
  const port = await freePort();
  mkdirSync(place.file('site'));
  const file = place.file('site/my-lighttpd.conf');
  writeFileSync(file, `server.document-root = "${place.pictures}"\nserver.port = ${port}\nserver.errorlog = "${place.file('site/error.log')}"\n`);
  const wrong = place.run('up', file, '--no-install', '--listen', '127.0.0.1:1');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /server\.bind/);
  const up = place.run('up', file, '--no-install');
  assert.equal(up.status, 0, up.stderr);
  assert.equal((await fetch(`http://127.0.0.1:${port}/GLTa/set.toml`)).status, 200);
  assert.match(place.run('logs', file).stdout, /serves on/);
  writeFileSync(file, `server.document-root = "${place.pictures}\n`);
  place.run('down', file);
  const broken = place.run('up', file, '--no-install');
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /my-lighttpd\.conf:1:\d+: error/);
  assert.match(place.status()[0].errors[0], /my-lighttpd\.conf:1/);
});

test("a configuration: status tells queue, latency and apps, whatever the user's file forbids", async () => {
  const place = home();
  const port = await freePort();
  const file = place.file('my.conf');
  const text = `server.document-root = "${place.pictures}"
server.bind = "127.0.0.1"
server.port = ${port}
url.access-deny = ( "json", "status" )
url.rewrite-once = ( "^/-/(.*)" => "/elsewhere/$1" )
fastcgi.server = ( "/" => (( "socket" => "${place.file('s')}", "bin-path" => "${join(bin, 'microtome.fcgi')}", "check-local" => "disable", "max-procs" => 1,
  "bin-environment" => ( "FILESYSTEM_PREFIX" => "${place.pictures}/" ) )) )
`;
  writeFileSync(file, text);
  const up = place.run('up', file, '--no-install');
  assert.equal(up.status, 0, up.stderr);
  await eventually(() => healthy(`http://127.0.0.1:${port}/`), 'it answers');
  const tells = () => {
    const [site] = place.status();
    assert.deepEqual(site.addresses, [`http://127.0.0.1:${port}/`]);
    assert.equal(site.queue, 0);
    assert.ok(site.latency_ms >= 0 && site.health === 200);
    assert.equal(site.host.apps[0].processes[0].state, 'up');
    assert.match(place.run('status').stdout, /queue +0 waiting, 0 in work, \d+ answered/);
  };
  tells();
  writeFileSync(file, `${text}server.tag = "again"\n`);
  assert.equal(place.run('reload', file).status, 0);
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).headers.get('server') === 'again', 'it was read again');
  tells();
  assert.ok(!/control/.test(readFileSync(file, 'utf8')), "the user's file is his");
});

test('100 calls at the same time make one server', async () => {
  const place = home();
  const port = await freePort();
  const calls = fast ? 20 : 100;
  const all = await Promise.all(Array.from({ length: calls }, (_, i) => (i % 3 ? place.go('up', place.pictures, '--no-install', '--listen', `127.0.0.1:${port}`) : place.go('up', '--tick', place.pictures))));
  for (const [i, how] of all.entries()) {
    // A tick before the first `up` is done finds nothing to do.
    if (i % 3) assert.equal(how.status, 0, how.err);
  }
  assert.equal(listeners(port), 1);
  const names = place.processes().map(({ name }) => name).filter((name) => name !== 'host-guard').sort();
  assert.deepEqual(names, ['microtome-host', 'microtome-keep', 'microtome.fcgi']);
  assert.equal(place.status()[0].starts, 1);
});

test('many ticks leave logs and memory as they are', async () => {
  const place = home();
  assert.equal(place.up('--listen', '127.0.0.1:0').status, 0);
  const [site] = place.status();
  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${site.pid}/status`, 'utf8'))[1]);
  const tick = async (count) => {
    for (let i = 0; i < count; i += 10) {
      const ends = await Promise.all(Array.from({ length: 10 }, () => place.go('up', '--tick', place.pictures)));
      for (const how of ends) assert.deepEqual(how, { out: '', err: '', status: 0 });
    }
  };
  await tick(20);
  const files = () => readdirSync(site.files).map((name) => [name, size(join(site.files, name))]);
  const before = files();
  const memory = resident();
  await tick(fast ? 60 : 1000);
  assert.deepEqual(files(), before);
  assert.ok(resident() < memory + 512, `${memory} KiB became ${resident()} KiB`);
  assert.equal(place.status()[0].pid, site.pid);
});

test('kill -9 of any process, in any company: the next tick heals it, and there is never a second listener', async () => {
  const place = home();
  const port = await freePort();
  assert.equal(place.up('--listen', `127.0.0.1:${port}`).status, 0);
  const url = `http://127.0.0.1:${port}/`;
  let most = 0;
  let watching = true;
  const watch = (async () => {
    while (watching) {
      most = Math.max(most, listeners(port));
      await sleep(3);
    }
  })();
  const all = ['microtome-keep', 'microtome-host', 'microtome.fcgi'];
  const companies = [];
  for (let bits = 1; bits < 8; bits++) companies.push(all.filter((_, i) => bits & (1 << i)));
  for (const names of companies) {
    await eventually(() => ours(place) === 3, 'all three processes run');
    assert.equal(place.kill(names), names.length, names.join());
    const how = await place.go('up', '--tick', place.pictures);
    assert.equal(how.status, 0, how.err);
    await eventually(() => healthy(url), `it answers after ${names.join(' and ')} died`);
  }
  watching = false;
  await watch;
  assert.equal(most, 1);
  await eventually(() => ours(place) === 3, 'all three processes run');
});

test('kill -9 at any moment of a start: the next tick heals it', async () => {
  const place = home();
  const port = await freePort();
  assert.equal(place.up('--listen', `127.0.0.1:${port}`).status, 0);
  const names = ['microtome', 'microtome-keep', 'microtome-host', 'microtome.fcgi'];
  for (let turn = 0; turn < (fast ? 6 : 30); turn++) {
    place.kill(names);
    const starting = place.go('up', '--tick', place.pictures);
    await sleep(turn * 3);
    place.kill(names);
    await starting;
    // What was just killed may still be dying; one more tick is the next one.
    await eventually(() => place.processes().length === 0 || place.processes().some(({ name }) => name === 'microtome-host'), 'dead or up');
    await place.go('up', '--tick', place.pictures);
    await eventually(() => healthy(`http://127.0.0.1:${port}/`), `it answers after turn ${turn}`);
    assert.equal(listeners(port), 1);
  }
});

test('without any tick: the host that died is started again at once, an app that died as well', async () => {
  const place = home();
  assert.equal(place.up('--listen', '127.0.0.1:0').status, 0);
  const url = await place.url();
  place.kill(['microtome-host']);
  await eventually(() => healthy(url), 'it answers again');
  place.kill(['microtome.fcgi']);
  await eventually(() => healthy(url), 'it answers again');
  assert.equal(place.status()[0].restarts, 1);
});

test('a host that hangs is replaced', { skip: fast && 'waits for 15 s' }, async () => {
  const place = home();
  assert.equal(place.up('--listen', '127.0.0.1:0').status, 0);
  const [before] = place.status();
  place.kill(['microtome-host'], 'SIGSTOP');
  const tick = await place.go('up', '--tick', place.pictures);
  assert.equal(tick.status, 0, tick.err);
  await eventually(() => healthy(before.addresses[0]), 'it answers again');
  const [now] = place.status();
  assert.notEqual(now.pid, before.pid);
  assert.match(now.errors.at(-1), /did not answer/);
});
