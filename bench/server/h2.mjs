// SPDX-License-Identifier: Apache-2.0
// microtome-host over HTTP/2 beside lighttpd and nginx: own CPU time a request by h2load, without TLS and with it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { bin, freePort, until, World } from '../../tests/e2e/servers.mjs';
import { ratio, table, us } from './lib.mjs';

const world = new World();
const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const cpu = (pid) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;

// Microseconds of the server a request: the median of the rounds.
function measure(pid, url, count) {
  const each = [];
  for (let round = 0; round <= rounds; round += 1) {
    const before = cpu(pid);
    const out = execFileSync('h2load', ['-n', String(count), '-c', '8', '-m', '16', url]).toString();
    if (!out.includes(`${count} succeeded, 0 failed`)) throw new Error(`${url}: ${out}`);
    if (round > 0) each.push((cpu(pid) - before) / count); // the first warms up
  }
  return each.sort((a, b) => a - b)[Math.floor(each.length / 2)];
}

try {
  const www = world.path('www', 'x').replace(/\/x$/, '');
  mkdirSync(www, { recursive: true });
  writeFileSync(`${www}/1k.txt`, 'x'.repeat(1024));
  writeFileSync(`${www}/1m.bin`, Buffer.alloc(1 << 20));
  const [cert, key] = [world.path('cert.pem'), world.path('key.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'], { stdio: 'pipe' });
  const port = {};
  for (const name of ['host', 'lighttpd', 'nginx']) port[name] = [await freePort(), await freePort()];
  const config = ([plain, tls], modules = '') => `${modules}server.document-root = "${www}"\nserver.bind = "127.0.0.1"\nserver.port = ${plain}\nserver.max-keep-alive-requests = 1000000\nmimetype.assign = ( ".txt" => "text/plain" )
$SERVER["socket"] == "127.0.0.1:${tls}" {\n  ssl.engine = "enable"\n  ssl.pemfile = "${cert}"\n  ssl.privkey = "${key}"\n}\n`;
  writeFileSync(world.path('host.conf'), config(port.host));
  writeFileSync(world.path('lighttpd.conf'), config(port.lighttpd, 'server.modules = ( "mod_openssl" )\nserver.feature-flags = ( "server.h2c" => "enable" )\n'));
  const host = world.start(`${bin}/microtome-host`, ['-D', '-f', world.path('host.conf')]);
  const lighttpd = world.start('lighttpd', ['-D', '-f', world.path('lighttpd.conf')]);
  const nginx = await world.nginx(`sendfile on; keepalive_requests 10000000; types { text/plain txt; }
    server { listen 127.0.0.1:${port.nginx[0]} http2; root ${www}; }
    server { listen 127.0.0.1:${port.nginx[1]} ssl http2; ssl_certificate ${cert}; ssl_certificate_key ${key}; root ${www}; }`);
  const url = (name, tls, path) => (tls ? `https://127.0.0.1:${port[name][1]}${path}` : `http://127.0.0.1:${port[name][0]}${path}`);
  for (const name of Object.keys(port)) await until(`${name} answers`, () => execFileSync('h2load', ['-n', '1', url(name, false, '/1k.txt')]).toString().includes('1 succeeded'));
  const pids = { host: host.pid, lighttpd: lighttpd.pid, nginx: Number(readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8').trim().split(' ')[0]) };
  const rows = [['what', ...Object.keys(pids), 'to lighttpd']];
  for (const [what, tls, path, count] of [['file, 1 KiB', false, '/1k.txt', 20000], ['file, 1 KiB, TLS', true, '/1k.txt', 20000], ['file, 1 MiB', false, '/1m.bin', 300], ['file, 1 MiB, TLS', true, '/1m.bin', 300]]) {
    const each = Object.keys(pids).map((name) => measure(pids[name], url(name, tls, path), count));
    rows.push([what, ...each.map(us), ratio(each[0] / each[1])]);
  }
  table(rows);
} finally {
  await world.close();
}
