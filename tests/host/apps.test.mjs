// SPDX-License-Identifier: Apache-2.0
// Real FastCGI apps under the host: what they answer, and that killing them in any rhythm loses no request.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from '../lib/test.mjs';
import { eventually, bin, execFileSync, sleep } from '../lib/process.mjs';
import { encodePng } from '../lib/png.mjs';
import { app, host } from './host.mjs';

const iipsrv = '/usr/lib/iipimage-server/iipsrv.fcgi';

const libfcgi = `#include <fcgi_stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
  while (FCGI_Accept() >= 0) {
    char body[64] = "";
    const char* length = getenv("CONTENT_LENGTH");
    size_t got = length ? fread(body, 1, (size_t)atoi(length) < 63 ? (size_t)atoi(length) : 63, stdin) : 0;
    body[got] = 0;
    printf("Content-Type: text/plain\\r\\n\\r\\n%s %s %s\\n", getenv("REQUEST_METHOD"), getenv("QUERY_STRING"), body);
  }
  return 0;
}
`;
const perl = `use FCGI;
my %env; my $in = FCGI::new_handle(); 
my $request = FCGI::Request(\\*STDIN, \\*STDOUT, \\*STDERR, \\%env);
while ($request->Accept() >= 0) {
  my $body = ''; read(STDIN, $body, $env{CONTENT_LENGTH}) if $env{CONTENT_LENGTH};
  print "Content-Type: text/plain\\r\\n\\r\\n$env{REQUEST_METHOD} $env{QUERY_STRING} $body\\n";
}
`.replace('my $in = FCGI::new_handle(); ', '');

// name: how it is put in place (its lines of fastcgi.server), and a request with what it must answer.
const apps = {
  libfcgi: {
    config(place) {
      place.put('app.c', libfcgi);
      execFileSync('cc', ['-o', place.file('libfcgi-app'), place.file('app.c'), '-lfcgi']);
      return app(place, place.file('libfcgi-app'), { name: 'libfcgi' });
    },
    expected: /^GET x=1 \n$/,
    posted: /^POST x=1 body\n$/,
  },
  'Perl FCGI': {
    config(place) {
      place.put('app.pl', perl);
      return app(place, `/usr/bin/perl ${place.file('app.pl')}`, { name: 'perl' });
    },
    expected: /^GET x=1 \n$/,
    posted: /^POST x=1 body\n$/,
  },
  'php-cgi': {
    config(place) {
      place.put('www/a.php', '<?php echo $_SERVER["REQUEST_METHOD"], " ", $_SERVER["QUERY_STRING"], " ", file_get_contents("php://input"), "\\n";');
      return app(place, '/usr/bin/php-cgi', { key: '.php', name: 'php', 'check-local': 'enable', 'broken-scriptfilename': 'enable' });
    },
    path: '/a.php',
    expected: /^GET x=1 \n$/,
    posted: /^POST x=1 body\n$/,
  },
  fcgiwrap: {
    config(place) {
      place.put('www/a.cgi', '#!/bin/sh\nread -r body\nprintf "Content-Type: text/plain\\n\\n%s %s %s\\n" "$REQUEST_METHOD" "$QUERY_STRING" "$body"\n');
      chmodSync(place.file('www/a.cgi'), 0o755);
      return app(place, '/usr/sbin/fcgiwrap', { key: '.cgi', name: 'wrap', 'check-local': 'enable' });
    },
    path: '/a.cgi',
    expected: /^GET x=1 \n$/,
    posted: /^POST x=1 body\n$/,
  },
  'microtome fcgi': {
    config(place) {
      mkdirSync(place.file('pictures/set'), { recursive: true });
      place.put('pictures/set/a.png', encodePng(64, 48, (x, y) => [x, y, 0]));
      return app(place, `${join(bin, 'microtome')} fcgi --root ${place.file('pictures')}`, { name: 'tiles' });
    },
    path: '/',
    query: 'FIF=set/a.png&OBJ=Max-size',
    expected: /Max-size:64 48/,
  },
  'iipsrv': {
    config(place) {
      place.put('log/x', '');
      return app(place, iipsrv, { name: 'iipsrv' });
    },
    query: 'FIF=none.tif&OBJ=Max-size',
    expected: /none\.tif|Error/,
    status: [200, 404],
    skip: !existsSync(iipsrv) && 'iipimage-server is not installed',
  },
};

for (const [name, { config, path = '/', query = 'x=1', expected, posted, status = [200], skip = false }] of Object.entries(apps)) {
  test(`${name}: answers, also to a body; killed in any rhythm, no request fails`, { skip }, async () => {
    const server = await host((place) => `index-file.names = ()\nfastcgi.server = ( ${config(place)} )`);
    try {
      const ask = () => server.get(`${path}?${query}`);
      const good = (answer) => answer !== null && answer.whole && status.includes(answer.status) && expected.test(answer.body.toString());
      const first = await ask();
      assert.ok(good(first), `${first?.status} ${first?.body}\n${server.log()}`);
      if (posted) assert.match((await server.get(`${path}?${query}`, {}, { method: 'POST', body: 'body' })).body.toString(), posted);
      let stop = false;
      const bad = [];
      let done = 0;
      let begun = 0; // and not ended
      const clients = [1, 2, 3].map(async () => {
        for (; !stop; done++) {
          const answer = await ask();
          if (answer !== null && !answer.whole && status.includes(answer.status)) begun++;
          else if (!good(answer)) bad.push(`${answer?.status} ${answer?.body}`);
        }
      });
      // An answer that has begun cannot be asked for again: it is cut, visibly, and the log tells of each.
      const cut = () => [...server.log().matchAll(/broke off in the middle/g)].length;
      const processes = () => [...server.log().matchAll(/process (\d+) started/g)].map(([, pid]) => Number(pid));
      for (const pause of [200, 10, 0, 100, 50]) {
        const pid = processes().at(-1);
        if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
        await sleep(pause);
      }
      const before = done;
      await eventually(() => done >= before + 5, 'it answers again');
      stop = true;
      await Promise.all(clients);
      assert.deepEqual(bad, [], server.log());
      await eventually(() => begun <= cut(), `${begun} answers were cut`);
      assert.ok(processes().length >= 3);
    } finally {
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
    }
  });
}

test('kill -9 of the host: its apps end, and the next one heals by itself', async () => {
  const server = await host((place) => `fastcgi.server = ( ${apps.libfcgi.config(place)} )`);
  assert.equal((await server.get('/?x=1')).status, 200);
  const pid = Number(/process (\d+) started/.exec(server.log())[1]);
  process.kill(server.pid, 'SIGKILL');
  await eventually(() => !existsSync(`/proc/${pid}`), 'the app ends');
  assert.ok(readdirSync(server.place.path).some((file) => file.endsWith('.socket-0')), 'the socket was left behind');
  const text = readFileSync(server.place.file('host.conf'), 'utf8').split('\n').slice(3).join('\n');
  const again = await host(text, { place: server.place, port: server.port });
  assert.equal((await again.get('/?x=1')).status, 200);
  process.kill(Number(/process (\d+) started/.exec(again.log())[1]), 'SIGKILL');
  assert.equal((await again.get('/?x=1')).status, 200);
  assert.deepEqual(await again.stop(), { code: 0, signal: null });
});
