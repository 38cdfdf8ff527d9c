// SPDX-License-Identifier: Apache-2.0
// docs/setup-2017.md, done literally: its commands, its configuration, its front-end lines, its cron line under a real cron.
// Only the home and the port are others.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from '../lib/test.mjs';
import { bin, freePort, importSet, top, until, World as Servers } from './servers.mjs';
import { World, noWorld } from '../up/world.mjs';
import { spawnSync } from '../lib/process.mjs';

const page = readFileSync(join(top, 'docs/setup-2017.md'), 'utf8');
const blocks = (language) => [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1]);
const healthy = async (url) => {
  try {
    return (await fetch(`${url}/healthz`)).status === 200;
  } catch {
    return false;
  }
};

test('the page of the set-up of 2017, from the first line to the last', { skip: noWorld }, async () => {
  const world = await World.make();
  const servers = new Servers();
  try {
    const home = world.file('home');
    const port = await freePort();
    const mine = (text) => text.replaceAll('/home/myusername', home).replaceAll('22430', String(port));
    const shell = (text) => {
      const how = world.run('sh', '-e', '-c', mine(text));
      assert.equal(how.status, 0, `${mine(text)}\n${how.stdout}${how.stderr}`);
      return how.stdout;
    };
    // What the reader has downloaded: the programs, and his slices.
    mkdirSync(world.file('bundle/microtome-0-linux-x86_64/bin'), { recursive: true });
    for (const name of ['microtome', 'microtome-host', 'microtome.fcgi', 'wlziipsrv.fcgi']) {
      cpSync(join(bin, name), world.file('bundle/microtome-0-linux-x86_64/bin', name), { verbatimSymlinks: true });
    }
    spawnSync('tar', ['-C', world.file('bundle'), '-czf', join(home, 'microtome-0-linux-x86_64.tar.gz'), 'microtome-0-linux-x86_64']);
    mkdirSync(join(home, 'webapps/wp_visorb_2017'), { recursive: true });
    await importSet(servers, join(home, 'webapps/wp_visorb_2017'));
    world.own(home);

    const [unpack, frontEnd, configure, check, up, look, reload, down, ...more] = blocks('sh');
    const [cronLine] = blocks('cron');
    assert.deepEqual(more, [], 'the page has more commands than this test');
    assert.match(shell(unpack), /^microtome \d/);
    // The front-end's lines, as doctor prints them, in a real nginx.
    const lines = shell(frontEnd);
    const out = await freePort();
    await servers.nginx(`server { listen 127.0.0.1:${out};\n${lines}\n}`);
    const front = `http://127.0.0.1:${out}/cgi-bin/wlziipsrv.fcgi`;
    shell(configure);
    assert.match(shell(check), /Syntax OK/);
    assert.match(shell(up), /running: .*visorb-lighttpd\.conf[^]*kept by cron/);
    await until('it answers through the front-end', () => healthy(front));
    const hello = await fetch(`${front}/?FIF=S2897L/S2897L_pyr_0041.tif&obj=IIP,1.0&obj=Max-size`);
    assert.match(await hello.text(), /Max-size:1024 670/);
    assert.equal((await fetch(`${front}/v/S2897L/41`)).status, 200);
    const view = await fetch(`${front}/sets/S2897L/view?slice=41&W=300&H=200`);
    assert.equal(view.headers.get('content-type'), 'image/jpeg');
    assert.match(shell(look), /running for .*[^]*kept by +cron/);
    assert.ok(existsSync(join(home, 'webapps/visorb_iipsrv/iipsrv.log')));

    // The other way: the user's own cron line, and nothing else, brings it back after a crash of everything.
    shell(down);
    assert.ok(!(await healthy(front)));
    shell(up.replace('microtome up', 'microtome up --no-install'));
    world.run('sh', '-c', `printf '%s' '${mine(cronLine)}' | crontab -`);
    await world.killAll();
    world.daemon('root', '/usr/sbin/cron', '-f');
    await until('cron brings it back', () => healthy(front), 90000);
    shell(reload);
    assert.ok(await healthy(front));
    spawnSync('true');
    world.run('crontab', '-r');
    shell(down);
    assert.ok(!(await healthy(front)));
    assert.ok(!existsSync(join(home, '.microtome')));
    assert.deepEqual(readdirSync(join(home, 'webapps/visorb_iipsrv')).filter((name) => name.includes('socket')), []);
  } finally {
    await servers.close();
    await world.close();
  }
});
