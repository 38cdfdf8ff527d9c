// SPDX-License-Identifier: Apache-2.0
// What the transports alone cost: 39 kB from a random place of one large file (600 bytes of memory before them, as for a
// tile of a pyramid) over HTTP and FastCGI, with canned answers instead of an engine; nginx serving as many files beside.
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { bin, freePort, until, World } from '../../tests/e2e/servers.mjs';
import { measure, ratio, table, us } from './lib.mjs';

const world = new World();
const seconds = Number(process.env.BENCH_SECONDS ?? 2);
const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const count = 2000;
const size = 39000;

try {
  const tile = Buffer.alloc(size + 600);
  const big = openSync(world.path('big'), 'w');
  mkdirSync(world.path('tiles', 'x').replace(/x$/, ''), { recursive: true });
  for (let i = 0; i < count; i += 1) {
    randomFillSync(tile);
    writeSync(big, tile, 600, size);
    writeFileSync(world.path('tiles', `${i}.jpg`), tile);
  }
  closeSync(big);

  const socket = world.path('bench.sock');
  const server = world.start(`${bin}/net_test_server`, ['--listen', '127.0.0.1:0', '--fastcgi', `unix:${socket}`, '--file', world.path('big')]);
  const port = Number((await until('ready', () => /ready/.test(server.output) && /http:\/\/127\.0\.0\.1:(\d+)/.exec(server.output)))[1]);
  const ports = { files: await freePort(), kept: await freePort(), fresh: await freePort() };
  const fastcgi = `include /etc/nginx/fastcgi_params; fastcgi_buffers 16 64k; fastcgi_buffer_size 64k;`;
  const nginx = await world.nginx(`sendfile on; tcp_nopush on; open_file_cache max=100000; open_file_cache_valid 60s;
    keepalive_requests 1000000; types { image/jpeg jpg; }
    upstream app { server unix:${socket}; keepalive 64; keepalive_requests 1000000; }
    server { listen 127.0.0.1:${ports.files}; root ${world.path('tiles', 'x').replace(/\/x$/, '')}; }
    server { listen 127.0.0.1:${ports.kept}; location / { fastcgi_pass app; fastcgi_keep_conn on; ${fastcgi} } }
    server { listen 127.0.0.1:${ports.fresh}; location / { fastcgi_pass unix:${socket}; ${fastcgi} } }`);
  const files = Array.from({ length: count }, (_, i) => `/${i}.jpg`);
  const ranges = Array.from({ length: count }, (_, i) => `/file?o=${i * size}&n=${size}`);
  const hello = Array.from({ length: 10 }, () => '/hello');
  const at = (p) => `http://127.0.0.1:${p}`;
  await until('nginx answers', async () => (await fetch(at(ports.files) + files[0])).ok);

  const options = { seconds, rounds, world, connections: 32 };
  const cases = [
    ['nginx, files by sendfile', [nginx.pid], ports.files, files],
    ['HTTP, file range', [server.pid], port, ranges],
    ['HTTP, 6 bytes', [server.pid], port, hello],
    ['FastCGI, file range, a connection each', [server.pid], ports.fresh, ranges],
    ['FastCGI, file range, kept connections', [server.pid], ports.kept, ranges],
    ['FastCGI, 6 bytes, kept connections', [server.pid], ports.kept, hello],
  ];
  measure([nginx.pid], at(ports.files), files, { ...options, rounds: 1, seconds: 1 });
  const results = cases.map(([, pids, p, paths]) => measure(pids, at(p), paths, options));
  const base = results[0].each[0];
  table([['what', 'own CPU a request', 'to nginx', 'p99'],
    ...cases.map(([name], i) => [name, us(results[i].each[0]), ratio(results[i].each[0] / base), `${results[i].p99.toFixed(1)} ms`])]);
} finally {
  await world.close();
}
