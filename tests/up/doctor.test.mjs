// SPDX-License-Identifier: Apache-2.0
// `microtome doctor`: what it says is so. Front-ends are real where Debian has them, else made here.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { test } from '../lib/test.mjs';
import { freePort, spawnSync } from '../lib/process.mjs';
import { World as Servers } from '../e2e/servers.mjs';
import { eventually, fast, healthy, homes } from './up.mjs';

const home = homes();
const findings = (how) => JSON.parse(how.stdout).findings;
const about = (list, name) => list.filter((each) => each.about === name);

test('a place: versions, clock, limits, disk, keepers', () => {
  const place = home();
  const how = place.run('doctor', '--json', { env: { PATH: '/nowhere' } });
  const list = findings(how);
  assert.equal(about(list, 'versions')[0].level, 'good');
  for (const name of ['clock', 'open files', 'memory', 'files', 'systemd', 'supervisord', 'cron']) assert.ok(about(list, name).length > 0, name);
  assert.match(about(list, 'cron')[0].says, /there is no crontab program/);
  assert.equal(about(list, 'keeper')[0].level, 'BAD');
  assert.equal(how.status, 1);
  assert.match(place.run('doctor').stdout, /^good +versions +microtome \d/m);
});

test('few open files and little memory are seen', () => {
  const place = home();
  const how = spawnSync('prlimit', ['--nofile=256:256', '--data=150000000', 'sh', '-c', 'exec "$0" doctor --json', place.program], { encoding: 'utf8', env: place.env });
  const list = findings(how);
  assert.match(about(list, 'open files')[0].says, /^256 /);
  assert.match(about(list, 'open files')[0].advice, /64 visitors/);
  assert.match(about(list, 'memory')[0].says, /143 MiB \(RLIMIT_DATA\)/);
});

test('a site: down, up, with a picture that cannot be read', { skip: process.getuid() === 0 && 'root may read everything' }, async () => {
  const place = home();
  assert.equal(place.up('--listen', '127.0.0.1:0').status, 0);
  const secret = place.file('pictures/GLTa/secret.tif');
  writeFileSync(secret, '');
  chmodSync(secret, 0);
  const list = findings(place.run('doctor', '--json'));
  assert.match(about(list, 'permissions')[0].says, /secret\.tif/);
});

test('a site: configuration, address, health; and when it does not run', async () => {
  const place = home();
  assert.equal(place.up('--listen', '127.0.0.1:0').status, 0);
  let list = findings(place.run('doctor', '--json', place.pictures));
  assert.equal(about(list, 'configuration')[0].level, 'good');
  assert.equal(about(list, 'permissions')[0].level, 'good');
  assert.match(about(list, 'site')[0].says, /answers 200 to \/healthz/);
  assert.match(about(list, 'address')[0].says, /this machine only/);
  place.run('down');
  list = findings(place.run('doctor', '--json', place.pictures));
  assert.match(about(list, 'site')[0].says, /does not run/);
  assert.match(about(list, 'site')[0].advice, /microtome up/);
});

// A front-end that hands on as it is told: `change` gets the path and the headers.
async function frontEnd(to, change) {
  const server = createServer((from, answer) => {
    const { path, headers } = change(from.url, { ...from.headers });
    const onward = request({ host: '127.0.0.1', port: to, path, method: from.method, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    onward.on('error', () => {
      answer.writeHead(502);
      answer.end('bad gateway');
    });
    from.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
// Not spawnSync: the front-end answers in this process.
const probe = async (place, url, port) => JSON.parse((await place.go('doctor', '--json', '--public-url', url, '--listen', `127.0.0.1:${port}`)).out).findings;

test('through the public URL: the path is taken off, no header tells', async () => {
  const place = home();
  const port = await freePort();
  const front = await frontEnd(port, (url, headers) => ({ path: url.replace('/cgi-bin/wlziipsrv.fcgi', ''), headers }));
  const list = await probe(place, `${front.url}/cgi-bin/wlziipsrv.fcgi`, port);
  front.close();
  assert.match(about(list, 'public URL')[0].says, /reaches 127\.0\.0\.1/);
  assert.match(about(list, 'path')[0].says, /taken off: \/cgi-bin\/wlziipsrv\.fcgi/);
  assert.match(about(list, 'path')[0].advice, /BASE_URL/);
  assert.match(about(list, 'headers')[0].says, /no forwarding headers/);
});

test('through the public URL: whole path, headers; a wrong port; a site that runs', async () => {
  const place = home();
  const port = await freePort();
  const front = await frontEnd(port, (path, headers) => ({ path, headers: { ...headers, 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '192.0.2.7' } }));
  let list = await probe(place, `${front.url}/slices/`, port);
  assert.match(about(list, 'path')[0].says, /handed over whole: \/slices\//);
  assert.match(about(list, 'headers')[0].says, /X-Forwarded-Proto: https/i);
  assert.match(about(list, 'headers')[0].says, /192\.0\.2\.7/);
  list = await probe(place, `${front.url}/`, await freePort());
  assert.equal(about(list, 'public URL')[0].level, 'BAD');
  assert.match(about(list, 'public URL')[0].says, /somebody else answered 502/);
  assert.equal(place.up('--listen', `127.0.0.1:${port}`).status, 0);
  list = await probe(place, `${front.url}/`, port);
  assert.match(about(list, 'public URL')[0].says, /reaches the site/);
  front.close();
});

test('--for: all have lines, an unknown one is refused', () => {
  const place = home();
  const names = place.run('doctor', '--for', 'list').stdout.trim().split('\n');
  for (const name of ['nginx', 'apache', 'caddy', 'lighttpd', 'haproxy', 'htaccess', 'opalstack', 'uberspace', 'alwaysdata', 'nearlyfreespeech', 'pythonanywhere', 'dreamhost', 'cpanel']) {
    assert.ok(names.includes(name), name);
    assert.match(place.run('doctor', '--for', name, '--mount', '/m').stdout, /^# .*\((tested|written|general|from its manual)/);
  }
  assert.equal(place.run('doctor', '--for', 'iis').status, 2);
});

for (const mount of ['/', '/cgi-bin/slices']) {
  for (const name of ['nginx', 'apache', 'lighttpd']) {
    test(`--for ${name} at ${mount}: pasted into the real one, the viewer and tiles come through`, { skip: fast && 'other web servers are not in --fast' }, async () => {
      const place = home();
      const port = await freePort();
      const out = await freePort();
      assert.equal(place.up('--listen', `127.0.0.1:${port}`).status, 0);
      const lines = place.run('doctor', '--for', name, '--mount', mount, '--listen', `127.0.0.1:${port}`).stdout;
      const servers = new Servers();
      try {
        const modules = '/usr/lib/apache2/modules';
        if (name === 'nginx') await servers.nginx(`server { listen 127.0.0.1:${out};\n${lines}\n}`);
        if (name === 'apache') await servers.apache(out, `LoadModule proxy_http_module ${modules}/mod_proxy_http.so\nLoadModule headers_module ${modules}/mod_headers.so\n${lines}`);
        if (name === 'lighttpd') {
          mkdirSync(servers.path('www/.keep'), { recursive: true });
          await servers.lighttpd(`server.document-root = "${servers.path('www/x').replace(/\/x$/, '')}"\nserver.bind = "127.0.0.1"\nserver.port = ${out}\n${lines}`);
        }
        const url = `http://127.0.0.1:${out}${mount === '/' ? '/' : `${mount}/`}`;
        await eventually(() => healthy(url), `it answers through ${name}`);
        assert.match(await (await fetch(`${url}v/GLTa/104`)).text(), /<title>/);
        const view = await fetch(`${url}sets/GLTa/view?slice=104&W=320&H=210`);
        assert.equal(view.headers.get('content-type'), 'image/jpeg');
      } finally {
        await servers.close();
      }
    });
  }
}
