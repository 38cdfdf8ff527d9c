// SPDX-License-Identifier: Apache-2.0
// Reloads (USR1) and take-overs (USR2) of microtome-host under load, on a machine that is kept busy: which requests fail, and
// for how long nobody is answered. BENCH_TAKEOVERS (60) of each kind, BENCH_BURNERS (2) processes that take what CPU they get.
import { spawn } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { bin, freePort, until, World } from '../../tests/e2e/servers.mjs';
import { median, table } from './lib.mjs';

const world = new World();
const count = Number(process.env.BENCH_TAKEOVERS ?? 60);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const burners = [];
const program = `#include <fcgi_stdio.h>
int main(void) { while (FCGI_Accept() >= 0) printf("Content-Type: text/plain\\r\\n\\r\\nhello"); return 0; }
`;

// Asks on and on until told to stop. Kept connections count as failed when a request that was sent on them is not answered.
class Load {
  constructor(port, paths) {
    Object.assign(this, { port, paths, stop: false, done: 0, lost: [], last: performance.now(), gap: 0 });
    this.clients = [true, true, false, false, false, false].map((kept) => this.run(kept));
  }
  async run(kept) {
    for (let i = 0; !this.stop; i++) {
      const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
      socket.setEncoding('latin1');
      let text = '';
      let wake = () => {};
      let error = '';
      let over = false;
      socket.on('data', (data) => { text += data; wake(); });
      socket.on('end', () => { over = true; wake(); });
      socket.on('error', (what) => { error = what.code; over = true; wake(); });
      socket.on('close', () => { over = true; wake(); });
      for (let n = 0; !this.stop && !over; n++) {
        text = '';
        const connected = !socket.connecting;
        socket.write(`GET ${this.paths[(i + n) % this.paths.length]} HTTP/1.1\r\nHost: h\r\n${kept ? '' : 'Connection: close\r\n'}\r\n`);
        const whole = () => {
          const end = text.indexOf('\r\n\r\n');
          if (end < 0) return false;
          const length = text.match(/content-length: (\d+)/i);
          return length ? text.length >= end + 4 + Number(length[1]) : /\r\n0\r\n\r\n$/.test(text);
        };
        while (!over && !whole()) await new Promise((resolve) => { wake = resolve; });
        if (!whole() || !text.startsWith('HTTP/1.1 200')) {
          if (!this.stop) this.lost.push(`${kept ? 'kept' : 'new'} n=${n} connected=${connected} ${error} ${JSON.stringify(text.slice(0, 40))}`);
          break;
        }
        const now = performance.now();
        this.gap = Math.max(this.gap, now - this.last);
        this.last = now;
        this.done++;
        if (!kept || /connection: close/i.test(text.slice(0, text.indexOf('\r\n\r\n')))) break;
        await sleep(1);
      }
      socket.destroy();
    }
  }
  // The longest time without an answer since the last call.
  take() {
    const { gap } = this;
    this.gap = 0;
    return gap;
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
  for (let i = 0; i < Number(process.env.BENCH_BURNERS ?? 2); i++) burners.push(spawn('sh', ['-c', 'while :; do :; done']));
  const rows = [['what', 'times', 'requests', 'failed', 'longest time without an answer: median', 'worst']];
  const turns = async (name, act) => {
    const load = new Load(port, ['/1k.txt', '/unix', '/port']);
    await until('answers', () => load.done > 20);
    const gaps = [];
    load.take();
    for (let i = 1; i <= count; i++) {
      await act(i);
      gaps.push(load.take());
    }
    load.stop = true;
    await Promise.race([Promise.all(load.clients), sleep(3000)]);
    rows.push([name, count, load.done, load.lost.length, `${median(gaps).toFixed(0)} ms`, `${Math.max(...gaps).toFixed(0)} ms`]);
    for (const each of load.lost.slice(0, 10)) console.error(`${name}: ${each}`);
  };
  await turns('nothing', () => sleep(400));
  await turns('reload', async (i) => {
    writeFileSync(world.path('host.conf'), config(i));
    process.kill(pid(), 'SIGUSR1');
    await sleep(400);
  });
  await turns('take-over', async () => {
    const before = pid();
    process.kill(before, 'SIGUSR2');
    await until('the successor', () => pid() > 0 && pid() !== before);
    await sleep(200);
  });
  table(rows);
  const last = pid();
  process.kill(last, 'SIGTERM');
  await until('the end', () => !existsSync(`/proc/${last}`), 40000);
} catch (error) {
  console.error(readFileSync(world.path('log'), 'utf8').slice(-3000));
  throw error;
} finally {
  for (const each of burners) each.kill('SIGKILL');
  await world.close();
}
