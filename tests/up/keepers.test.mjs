// SPDX-License-Identifier: Apache-2.0
// What keeps a site running, for real: Debian's cron, a supervisord, systemd's user manager; each in a world of its own.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from '../lib/test.mjs';
import { freePort } from '../lib/process.mjs';
import { eventually, fast, healthy, listeners } from './up.mjs';
import { World, noWorld } from './world.mjs';

const skip = noWorld;

async function inWorld(body) {
  const world = await World.make();
  try {
    const port = await freePort();
    await body(world, port, `http://127.0.0.1:${port}/`);
  } finally {
    await world.close();
  }
}

test('cron: two marked lines, started at boot and within a minute, taken away without touching other lines', { skip }, () =>
  inWorld(async (world, port, url) => {
    const mine = '# mine\n5 5 * * * true\n';
    assert.equal(world.run('sh', '-c', `printf '%s' '${mine}' | crontab -`).status, 0);
    const without = world.microtome('up', world.pictures, '--listen', `127.0.0.1:${port}`);
    assert.equal(without.status, 0, without.stderr);
    assert.match(without.stdout, /kept by cron/);
    assert.match(without.stderr, /no cron daemon is to be seen/);
    const crontab = () => world.run('crontab', '-l').stdout;
    const lines = crontab();
    assert.ok(lines.startsWith(mine));
    assert.match(lines, /^@reboot \S+microtome-keep up --tick \S+pictures >\/dev\/null 2>&1 # microtome pictures-[0-9a-f]{8}$/m);
    assert.match(lines, /^\* \* \* \* \* \S+microtome-keep up --tick /m);
    assert.equal(world.microtome('up', world.pictures).status, 0);
    assert.equal(crontab(), lines, 'a second up changed the crontab');

    // The machine goes down and boots.
    await world.killAll();
    assert.ok(!(await healthy(url)));
    const cron = world.daemon('root', '/usr/sbin/cron', '-f');
    await eventually(() => healthy(url), 'cron starts it at boot');
    assert.equal(world.microtome('up', world.pictures).stderr, '', 'cron is seen');
    if (!fast) {
      await world.killAll();
      await eventually(() => healthy(url), 'cron starts it within a minute', 90000);
    }
    assert.equal(listeners(port), 1);
    assert.equal(world.microtome('status').status, 0);

    const down = world.microtome('down', '--purge');
    assert.equal(down.status, 0, down.stderr);
    assert.equal(crontab(), mine);
    assert.deepEqual(readdirSync(world.file('home')).sort(), ['pictures']);
    assert.equal(cron.child.exitCode, null);
  }));

test('cron: a line of the user is enough, and down says that it is there', { skip }, () =>
  inWorld(async (world, port, url) => {
    assert.equal(world.microtome('up', world.pictures, '--no-install', '--listen', `127.0.0.1:${port}`).status, 0);
    world.run('sh', '-c', `printf '@reboot ${world.file('bin/microtome')} up\\n' | crontab -`);
    await world.killAll();
    world.daemon('root', '/usr/sbin/cron', '-f');
    await eventually(() => healthy(url), 'cron starts all sites');
    assert.match(world.microtome('down').stderr, /this line of your crontab starts it again: @reboot/);
  }));

test('cron is forbidden, or not there: said in words, and the site runs', { skip }, () =>
  inWorld(async (world, port) => {
    world.run('true');
    const no = world.write('home/bin/crontab', '#!/bin/sh\necho "You (slicer) are not allowed to use this program (crontab)" >&2\nexit 1\n', 0o755);
    const up = world.microtome('up', world.pictures, '--listen', `127.0.0.1:${port}`);
    assert.equal(up.status, 0, up.stderr);
    assert.match(up.stderr, /nothing here starts it again after a crash or a reboot/);
    assert.match(up.stderr, /cron: crontab says: You \(slicer\) are not allowed/);
    assert.ok(existsSync(no));
    const missing = world.run(world.file('bin/microtome'), 'up', world.pictures, { PATH: '/nowhere' });
    assert.equal(missing.status, 0, missing.stderr);
    assert.match(missing.stderr, /cron: there is no crontab program/);
    assert.match(missing.stderr, /run every minute by whatever you have/);
    const forced = world.microtome('up', world.pictures, '--keeper', 'cron');
    assert.equal(forced.status, 0);
    assert.match(forced.stderr, /not registered with cron: crontab says/);
  }));

test('supervisord: a program in the folder it includes, restarted by it, taken away', { skip }, () =>
  inWorld(async (world, port, url) => {
    const conf = world.write('home/supervisord.conf', `[unix_http_server]
file=${world.file('home/supervisor.sock')}
[supervisord]
logfile=${world.file('home/supervisord.log')}
pidfile=${world.file('home/supervisord.pid')}
childlogdir=${world.file('home/childlogs')}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${world.file('home/supervisor.sock')}
[include]
files = ${world.file('home/etc/services.d')}/*.ini
`);
    world.write('home/etc/services.d/.keep', '');
    world.write('home/childlogs/.keep', '');
    world.write('home/bin/supervisorctl', `#!/bin/sh\nexec /usr/bin/supervisorctl -c ${conf} "$@"\n`, 0o755);
    const daemon = world.daemon('slicer', 'supervisord', '-n', '-c', conf);
    await eventually(() => world.run('supervisorctl', 'pid').status === 0, 'supervisord runs');
    const up = world.microtome('up', world.pictures, '--listen', `127.0.0.1:${port}`);
    assert.equal(up.status, 0, up.stderr + daemon.output);
    assert.match(up.stdout, /kept by supervisord/);
    const ini = readdirSync(world.file('home/etc/services.d')).find((name) => name.endsWith('.ini'));
    assert.match(readFileSync(world.file('home/etc/services.d', ini), 'utf8'), /command=\S+microtome-keep up --foreground/);
    assert.ok(await healthy(url));
    // STARTING until it has stayed up for a second.
    await eventually(() => /RUNNING/.test(world.run('supervisorctl', 'status').stdout), 'supervisord counts it as running');
    await world.killAll();
    await eventually(() => healthy(url), 'supervisord starts it again');
    // From everywhere at once: still one.
    for (let i = 0; i < 3; i++) assert.equal(world.microtome('up', '--tick', world.pictures).status, 0);
    assert.equal(listeners(port), 1);
    const down = world.microtome('down', '--purge');
    assert.equal(down.status, 0, down.stderr);
    assert.ok(!(await healthy(url)));
    assert.deepEqual(readdirSync(world.file('home/etc/services.d')), ['.keep']);
    assert.equal(world.run('supervisorctl', 'status').stdout, '');
    assert.deepEqual(readdirSync(world.file('home/childlogs')), ['.keep'], 'supervisord keeps no logs of ours');
    assert.ok(!existsSync(world.file('home/.microtome')));
  }));

test("systemd's user manager: a unit, started again by it, taken away", { skip }, async (t) =>
  inWorld(async (world, port, url) => {
    const manager = world.daemon('slicer', '/lib/systemd/systemd', '--user');
    const asks = () => {
      if (manager.child.exitCode !== null) throw new Error('it has ended');
      return works();
    };
    const works = () => world.run('systemctl', '--user', 'show', '--property=Version', { XDG_RUNTIME_DIR: '/run/user/54321' }).status === 0;
    try {
      await eventually(asks, 'the user manager runs', 30000);
    } catch {
      return t.skip(`systemd's user manager cannot run here: ${manager.output.split('\n')[0]}`);
    }
    const unit = () => readdirSync(world.file('home/.config/systemd/user')).find((name) => name.endsWith('.service'));
    // Without lingering it would end at logout: cron is the better keeper.
    const first = world.microtome('up', world.pictures, '--listen', `127.0.0.1:${port}`);
    assert.match(first.stdout, /kept by cron/, first.stderr);
    // As `loginctl enable-linger` leaves it.
    world.daemon('root', 'touch', '/var/lib/systemd/linger/slicer');
    await eventually(() => world.run('test', '-e', '/var/lib/systemd/linger/slicer').status === 0, 'he lingers');
    const up = world.microtome('up', world.pictures);
    assert.equal(up.status, 0, up.stderr);
    assert.match(up.stdout, /kept by systemd/);
    assert.doesNotMatch(world.run('crontab', '-l').stdout, /microtome/, 'cron still knows it');
    assert.ok(await healthy(url));
    await world.killAll();
    await eventually(() => healthy(url), 'systemd starts it again');
    const state = world.run('systemctl', '--user', 'is-active', unit(), { XDG_RUNTIME_DIR: '/run/user/54321' }).stdout;
    assert.equal(state, 'active\n');
    assert.equal(listeners(port), 1);
    const down = world.microtome('down', '--purge');
    assert.equal(down.status, 0, down.stderr);
    assert.ok(!(await healthy(url)));
    assert.ok(!existsSync(world.file('home/.microtome')));
    assert.ok(!existsSync(world.file('home/.config/systemd/user')) || !unit());
  }));
