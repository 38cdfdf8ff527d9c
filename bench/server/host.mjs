// SPDX-License-Identifier: Apache-2.0
// microtome-host beside lighttpd and nginx: own CPU time a request, memory, idle connections, and what is lost when the app
// is killed again and again. The app is a libfcgi program (1 KiB), or our own responder on kept connections.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { get } from 'node:http';
import { bin, freePort, until, World } from '../../tests/e2e/servers.mjs';
import { measure, ratio, rss, table, us } from './lib.mjs';

const world = new World();
const options = { seconds: Number(process.env.BENCH_SECONDS ?? 2), rounds: Number(process.env.BENCH_ROUNDS ?? 3), connections: 32, children: false, world };
const at = (port) => `http://127.0.0.1:${port}`;
const program = `#include <fcgi_stdio.h>
#include <string.h>
int main(void) {
  static char body[1025];
  memset(body, 'x', 1024);
  while (FCGI_Accept() >= 0) printf("Content-Type: text/plain\\r\\nContent-Length: 1024\\r\\n\\r\\n%s", body);
  return 0;
}
`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// Kills the app that the server has started.
function killChild(server) {
  for (const task of readdirSync(`/proc/${server}/task`)) {
    for (const child of readFileSync(`/proc/${server}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean)) {
      if (readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith(world.path('app'))) process.kill(Number(child), 'SIGKILL');
    }
  }
}

// The share of requests that failed while the app is killed every `pause` ms.
async function killed(port, kill) {
  let stop = false;
  let done = 0;
  let failed = 0;
  const ask = () => new Promise((resolve) => {
    const request = get(`${at(port)}/app`, { agent: false }, (answer) => { answer.resume(); answer.on('end', () => resolve(answer.statusCode === 200)); answer.on('error', () => resolve(false)); });
    request.on('error', () => resolve(false));
  });
  const clients = [1, 2, 3, 4].map(async () => { while (!stop) { if (!(await ask())) failed++; done++; } });
  for (let i = 0; i < 6; i++) { await sleep(300); kill(); }
  await sleep(1500);
  stop = true;
  await Promise.all(clients);
  return `${failed} of ${done}`;
}

async function idle(port, pid, count) {
  const before = rss(pid);
  const sockets = [];
  for (let i = 0; i < count; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    sockets.push(socket);
  }
  for (const socket of sockets) socket.write('GET /1k.txt HTTP/1.1\r\nHost: h\r\n\r\n');
  await sleep(1500);
  const after = rss(pid);
  const open = sockets.filter((socket) => !socket.destroyed && socket.readable).length;
  sockets.forEach((socket) => socket.destroy());
  return { each: ((after - before) * 1024) / count, open };
}

try {
  writeFileSync(world.path('app.c'), program);
  execFileSync('cc', ['-O2', '-o', world.path('app'), world.path('app.c'), '-lfcgi']);
  const www = world.path('www', 'x').replace(/\/x$/, '');
  mkdirSync(www, { recursive: true });
  writeFileSync(`${www}/1k.txt`, 'x'.repeat(1024));
  writeFileSync(`${www}/1m.bin`, Buffer.alloc(1 << 20));
  const ports = { host: await freePort(), lighttpd: await freePort(), nginx: await freePort() };
  const fastcgi = (name, extra = '') => `fastcgi.server = ( "/app" => (( "bin-path" => "${world.path('app')}", "socket" => "${world.path(`${name}.socket`)}", "check-local" => "disable", "max-procs" => 1 ))${extra} )`;
  const common = (port) => `server.document-root = "${www}"\nserver.bind = "127.0.0.1"\nserver.port = ${port}\nserver.max-keep-alive-requests = 1000000\nserver.max-keep-alive-idle = 60\nserver.max-fds = 20000\nmimetype.assign = ( ".txt" => "text/plain" )\n`;
  const kept = world.path('bench.sock');
  const responder = world.start(`${bin}/net_test_server`, ['--fastcgi', `unix:${kept}`, '--listen', '127.0.0.1:0', '--file', `${www}/1m.bin`]);
  await until('the responder', () => /ready/.test(responder.output));
  writeFileSync(world.path('host.conf'), `${common(ports.host)}${fastcgi('host', `, "/hello" => (( "socket" => "${kept}", "check-local" => "disable", "fix-root-scriptname" => "enable" ))`)}\n`);
  writeFileSync(world.path('lighttpd.conf'), `${common(ports.lighttpd)}server.modules = ( "mod_fastcgi" )\n${fastcgi('lighttpd', `, "/hello" => (( "socket" => "${kept}", "check-local" => "disable" ))`)}\n`);
  const host = world.start(`${bin}/microtome-host`, ['-D', '-f', world.path('host.conf')]);
  const lighttpd = world.start('lighttpd', ['-D', '-f', world.path('lighttpd.conf')]);
  execFileSync('spawn-fcgi', ['-s', world.path('spawned.sock'), '-P', world.path('spawned.pid'), '--', world.path('app')]);
  const nginx = await world.nginx(`sendfile on; keepalive_requests 1000000; types { text/plain txt; }
    upstream kept { server unix:${kept}; keepalive 8; keepalive_requests 1000000; }
    server { listen 127.0.0.1:${ports.nginx}; root ${www};
      location /app { include /etc/nginx/fastcgi_params; fastcgi_pass unix:${world.path('spawned.sock')}; }
      location /hello { include /etc/nginx/fastcgi_params; fastcgi_pass kept; fastcgi_keep_conn on; } }`);
  for (const port of Object.values(ports)) await until(`port ${port}`, async () => (await fetch(`${at(port)}/1k.txt`)).ok && (await fetch(`${at(port)}/app`)).ok);
  const worker = Number(readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8').trim().split(' ')[0]);
  const pids = { host: host.pid, lighttpd: lighttpd.pid, nginx: worker };
  const memory = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, `${rss(pid).toFixed(1)} MB`]));
  const rows = [['what', ...Object.keys(pids), 'to lighttpd']];
  const line = (name, path, also = []) => {
    const each = Object.keys(pids).map((server) => {
      measure([pids[server]], at(ports[server]), [path], { ...options, rounds: 1, seconds: 1 });
      const result = measure([pids[server], ...also], at(ports[server]), [path], options);
      return result.each.reduce((a, b) => a + b);
    });
    rows.push([name, ...each.map(us), ratio(each[0] / each[1])]);
  };
  line('libfcgi app, 1 KiB: the gateway', '/app');
  line('our responder, 6 bytes: gateway and responder', '/hello', [responder.pid]);
  line('file, 1 KiB', '/1k.txt');
  line('file, 1 MiB', '/1m.bin');
  rows.push(['memory at the start', ...Object.values(memory), '']);
  const idles = {};
  for (const server of Object.keys(pids)) idles[server] = await idle(ports[server], pids[server], 500);
  rows.push(['an idle connection (of 500)', ...Object.values(idles).map(({ each }) => `${each.toFixed(1)} kB`), '']);
  rows.push(['failed while the app is killed 6 times', await killed(ports.host, () => killChild(host.pid)),
    await killed(ports.lighttpd, () => killChild(lighttpd.pid)), '(nobody restarts it)', '']);
  table(rows);
} finally {
  const spawned = world.path('spawned.pid');  // of spawn-fcgi, which leaves its program to itself
  if (existsSync(spawned)) process.kill(Number(readFileSync(spawned, 'utf8')));
  await world.close();
}
