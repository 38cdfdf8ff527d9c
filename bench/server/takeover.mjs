// SPDX-License-Identifier: Apache-2.0
// Reloads (USR1) and take-overs (USR2) of microtome-host under load beside lighttpd's graceful restart (USR1) and nginx's
// reload (HUP): which requests fail, and for how long nobody is answered. BENCH_TAKEOVERS (60) of each kind, BENCH_BURNERS (0)
// processes that take what CPU they get.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { bin, freePort, until, World } from '../../tests/e2e/servers.mjs';
import { median, table } from './lib.mjs';
import { Load } from './takeover_load.mjs';

const world = new World();
const count = Number(process.env.BENCH_TAKEOVERS ?? 60);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const burners = [];
const program = `#include <fcgi_stdio.h>
int main(void) { while (FCGI_Accept() >= 0) printf("Content-Type: text/plain\\r\\n\\r\\nhello"); return 0; }
`;

// The same for the peers, with one app each: lighttpd starts its anew, nginx's stands beside it and is not touched.
async function peers(turns, www) {
  const app = world.path('app');
  const ports = { lighttpd: await freePort(), nginx: await freePort() };
  writeFileSync(world.path('lighttpd.conf'), `server.document-root = "${www}"\nserver.bind = "127.0.0.1"\nserver.port = ${ports.lighttpd}\nserver.modules = ( "mod_fastcgi" )
server.max-keep-alive-requests = 100000\nmimetype.assign = ( ".txt" => "text/plain" )
fastcgi.server = ( "/unix" => (( "bin-path" => "${app}", "socket" => "${world.path('lighttpd.socket')}", "check-local" => "disable", "max-procs" => 1 )) )\n`);
  const lighttpd = world.start('lighttpd', ['-D', '-f', world.path('lighttpd.conf')]);
  execFileSync('spawn-fcgi', ['-s', world.path('spawned.sock'), '-P', world.path('spawned.pid'), '--', app]);
  const nginx = await world.nginx(`keepalive_requests 1000000; types { text/plain txt; }
    server { listen 127.0.0.1:${ports.nginx}; root ${www}; location /unix { include /etc/nginx/fastcgi_params; fastcgi_pass unix:${world.path('spawned.sock')}; } }`);
  for (const each of Object.values(ports)) await until(`port ${each}`, async () => (await fetch(`http://127.0.0.1:${each}/unix`)).ok);
  for (const [name, server, signal] of [['lighttpd: graceful restart (USR1)', lighttpd, 'SIGUSR1'], ['nginx: reload (HUP)', nginx, 'SIGHUP']]) {
    const place = { at: ports[name.split(':')[0]], paths: ['/1k.txt', '/unix'] };
    await turns(name, async () => {
      process.kill(server.pid, signal);
      await sleep(400);
    }, place);
  }
}

try {
  writeFileSync(world.path('app.c'), program);
  execFileSync('cc', ['-O2', '-o', world.path('app'), world.path('app.c'), '-lfcgi']);
  const www = world.path('www', 'x').replace(/\/x$/, '');
  mkdirSync(www, { recursive: true });
  writeFileSync(`${www}/1k.txt`, 'x'.repeat(1024));
  const port = await freePort();
  const appPort = await freePort();
  const log = world.path('log');
  const pidFile = world.path('host.pid');
  const config = (n) => `server.document-root = "${www}"\nserver.bind = "127.0.0.1"\nserver.port = ${port}\nserver.pid-file = "${pidFile}"\nserver.errorlog = "${log}"\nserver.tag = "${n}"
server.max-keep-alive-requests = 100000\nmimetype.assign = ( ".txt" => "text/plain" )
fastcgi.server = ( "/unix" => (( "bin-path" => "${world.path('app')}", "socket" => "${world.path('app.socket')}", "check-local" => "disable", "max-procs" => 1, "bin-environment" => ( "N" => "${n}" ) )),
 "/port" => (( "bin-path" => "${world.path('app')}", "host" => "127.0.0.1", "port" => ${appPort}, "check-local" => "disable", "max-procs" => 1 )) )\n`;
  writeFileSync(world.path('host.conf'), config(0));
  const first = world.start(process.env.WRAP ?? `${bin}/microtome-host`, ['-D', '-f', world.path('host.conf')]);
  first.ended.then((how) => console.error('first', how));
  const pid = () => Number(readFileSync(pidFile, 'utf8'));
  for (let i = 0; i < Number(process.env.BENCH_BURNERS ?? 0); i++) burners.push(spawn('sh', ['-c', 'while :; do :; done']));
  const rows = [['what', 'times', 'requests', 'failed', 'longest time without an answer: median', 'worst', 'to one client: median', 'worst']];
  const turns = async (name, act, { at = port, paths = ['/1k.txt', '/unix', '/port'] } = {}) => {
    const load = new Load(at, paths);
    await until('answers', () => load.done > 20);
    const gaps = [];
    load.take();
    for (let i = 1; i <= count; i++) {
      await act(i);
      gaps.push(load.take());
    }
    load.stop = true;
    await Promise.race([Promise.all(load.clients), sleep(3000)]);
    rows.push([name, count, load.done, load.lost.length, ...['gap', 'waited'].flatMap((what) => {
      const times = gaps.map((each) => each[what]);
      return [`${median(times).toFixed(0)} ms`, `${Math.max(...times).toFixed(0)} ms`];
    })]);
    for (const each of load.lost.slice(0, 10)) console.error(`${name}: ${each}`);
  };
  await turns('nothing', () => sleep(400));
  await turns('reload (USR1)', async (i) => {
    writeFileSync(world.path('host.conf'), config(i));
    process.kill(pid(), 'SIGUSR1');
    await sleep(400);
  });
  await turns('take-over (USR2)', async () => {
    const before = pid();
    process.kill(before, 'SIGUSR2');
    await until('the successor', () => pid() > 0 && pid() !== before);
    await sleep(200);
  });
  const last = pid();
  process.kill(last, 'SIGTERM');
  await until('the end', () => !existsSync(`/proc/${last}`), 40000);
  await peers(turns, www);
  table(rows);
} catch (error) {
  console.error(readFileSync(world.path('log'), 'utf8').slice(-3000));
  throw error;
} finally {
  for (const each of burners) each.kill('SIGKILL');
  const spawned = world.path('spawned.pid');  // of spawn-fcgi, which leaves its program to itself
  if (existsSync(spawned)) process.kill(Number(readFileSync(spawned, 'utf8')));
  await world.close();
}
