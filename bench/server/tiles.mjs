// SPDX-License-Identifier: Apache-2.0
// A stored JPEG tile of 39 kB, random over a pyramid of more than 500 MB in the page cache, 32 kept connections:
// microtome over HTTP; nginx serving the same tiles as files; Debian's iipsrv behind lighttpd; our app behind lighttpd and
// behind nginx with kept connections.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, body, freePort, until, World } from '../../tests/e2e/servers.mjs';
import { bigPyramid, data, measure, ratio, table, us, warm } from './lib.mjs';

const world = new World();
const picture = bigPyramid();
const seconds = Number(process.env.BENCH_SECONDS ?? 3);

try {
  const server = await world.serve(['serve', data, '--listen', '127.0.0.1:0', '--log-file', world.path('serve.log')]);
  const info = (await body(`${server.address}/iip?FIF=big.tif&OBJ=Resolutions&OBJ=Tile-size`)).bytes.toString();
  const sizes = info.match(/Resolutions:(.*)\r/)[1].split(',').map((s) => s.trim().split(' ').map(Number));

  // Interior tiles of every level, and the same tiles as files for nginx.
  const tiles = [];
  sizes.forEach(([w, h], level) => {
    const across = Math.ceil(w / 256);
    for (let y = 0; y < Math.floor(h / 256); ++y) {
      for (let x = 0; x < Math.floor(w / 256); ++x) tiles.push([level, y * across + x]);
    }
  });
  const files = join(data, 'tiles');
  if (!existsSync(join(files, 'complete'))) {
    mkdirSync(files, { recursive: true });
    let next = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let i = next++; i < tiles.length; i = next++) {
          const [level, tile] = tiles[i];
          const answer = await body(`${server.address}/iip?FIF=big.tif&JTL=${level},${tile}`);
          if (answer.status !== 200) throw new Error(`tile ${level},${tile}: ${answer.status}`);
          writeFileSync(join(files, `${level}_${tile}.jpg`), answer.bytes);
        }
      }),
    );
    writeFileSync(join(files, 'complete'), '');
  }
  warm(picture);
  let bytes = 0;
  for (const [level, tile] of tiles) {
    const file = join(files, `${level}_${tile}.jpg`);
    bytes += statSync(file).size;
  }
  console.log(
    `pyramid ${(statSync(picture).size / 1e6).toFixed(0)} MB, ${tiles.length} tiles, mean ${(bytes / tiles.length / 1000).toFixed(1)} kB`,
  );
  const asIip = (prefix) => tiles.map(([level, tile]) => `${prefix}?FIF=big.tif&JTL=${level},${tile}`);
  const options = { seconds, world, connections: 32 };

  // Two servers in one nginx: as it comes, and with the head held back until the body is there, as we send it.
  const nginxPort = await freePort();
  const pushPort = await freePort();
  const nginx = await world.nginx(`sendfile on; open_file_cache max=100000; open_file_cache_valid 60s;
    keepalive_requests 1000000; types { image/jpeg jpg; }
    server { listen 127.0.0.1:${nginxPort}; root ${files}; }
    server { listen 127.0.0.1:${pushPort}; root ${files}; tcp_nopush on; }`);
  const asFiles = tiles.map(([level, tile]) => `/${level}_${tile}.jpg`);
  await until('nginx answers', async () => (await fetch(`http://127.0.0.1:${nginxPort}${asFiles[0]}`)).ok);

  const rows = [['what', 'server', 'gateway', 'sum', 'to nginx', 'p99']];
  // Warm-up of both, so that no first-touch cost is counted.
  measure([server.pid], server.address, asIip('/iip'), { ...options, rounds: 1, seconds: 1 });
  measure([nginx.pid], `http://127.0.0.1:${nginxPort}`, asFiles, { ...options, rounds: 1, seconds: 1 });
  // In turns, so that what else the machine does meets all of them.
  const turns = { peer: [], pushed: [], own: [] };
  for (let i = 0; i < 5; ++i) {
    const short = { ...options, rounds: 1, seconds: Math.min(seconds, 2) };
    turns.peer.push(measure([nginx.pid], `http://127.0.0.1:${nginxPort}`, asFiles, short));
    turns.pushed.push(measure([nginx.pid], `http://127.0.0.1:${pushPort}`, asFiles, short));
    turns.own.push(measure([server.pid], server.address, asIip('/iip'), short));
  }
  const middle = (list) => [...list].sort((a, b) => a.each[0] - b.each[0])[Math.floor(list.length / 2)];
  const [peer, pushed, own] = [middle(turns.peer), middle(turns.pushed), middle(turns.own)];
  const base = peer.each[0];
  const row = (name, result) => {
    const sum = result.each.reduce((a, b) => a + b, 0);
    rows.push([name, us(result.each[0]), result.each.length > 1 ? us(result.each[1]) : '-', us(sum), ratio(sum / base),
      `${result.p99.toFixed(1)} ms`]);
    return sum;
  };
  row('nginx, tiles as files, sendfile', peer);
  const nopush = row('nginx, the same with tcp_nopush', pushed);
  const ours = row('microtome serve, tile passed through', own);
  await world.stop(server);
  await world.stop(nginx);

  // Gateways with an app behind: [name, program, arguments of fastcgi.server].
  const behind = async (name, program, environment) => {
    const port = await freePort();
    const lighttpd = await world.lighttpd(`
      server.document-root = "${data}"
      server.port = ${port}
      server.bind = "127.0.0.1"
      server.max-keep-alive-requests = 100000000
      server.modules += ( "mod_fastcgi" )
      fastcgi.server = ( "/fcgi" => (( "socket" => "${world.path(`${name}.socket`)}", "check-local" => "disable",
        "min-procs" => 1, "max-procs" => 1, "bin-path" => "${program}",
        "bin-environment" => ( ${Object.entries(environment).map(([k, v]) => `"${k}" => "${v}"`).join(', ')} ) )) )`);
    await until(`${name} answers`, async () => (await fetch(`http://127.0.0.1:${port}/fcgi?FIF=big.tif&JTL=0,0`)).ok);
    const app = await until('the app is there', () => childOf(lighttpd.pid));
    const result = measure([app, lighttpd.pid], `http://127.0.0.1:${port}`, asIip('/fcgi'), options);
    result.each[1] -= result.each[0]; // lighttpd's figure holds its child's
    await world.stop(lighttpd, 'SIGINT');
    return row(name, result);
  };
  const app = await behind('microtome.fcgi behind lighttpd', join(bin, 'microtome.fcgi'),
    { FILESYSTEM_PREFIX: `${data}/`, LOGFILE: world.path('app.log') });
  const iipsrv = '/usr/lib/iipimage-server/iipsrv.fcgi';
  let old = null;
  if (existsSync(iipsrv)) {
    old = await behind('iipsrv (Debian) behind lighttpd', iipsrv,
      { FILESYSTEM_PREFIX: `${data}/`, LOGFILE: world.path('iipsrv.log'), VERBOSITY: '0', MAX_IMAGE_CACHE_SIZE: '10' });
  }

  const socket = world.path('kept.socket');
  const kept = await world.serve(['fcgi', '--listen', `unix:${socket}`, '--root', data, '--log-file', world.path('kept.log')]);
  const port = await freePort();
  const gateway = await world.nginx(`keepalive_requests 1000000; upstream app { server unix:${socket}; keepalive 64; keepalive_requests 1000000; }
    server { listen 127.0.0.1:${port}; location / { fastcgi_pass app; fastcgi_keep_conn on; fastcgi_buffers 16 64k;
      fastcgi_buffer_size 64k; include /etc/nginx/fastcgi_params; } }`);
  await until('nginx answers', async () => (await fetch(`http://127.0.0.1:${port}/?FIF=big.tif&JTL=0,0`)).ok);
  row('microtome.fcgi behind nginx, connections kept',
    measure([kept.pid, gateway.pid], `http://127.0.0.1:${port}`, asIip('/'), options));

  table(rows);
  console.log(`microtome / nginx: ${ratio(ours / base)} (goal: at most 0.8); with tcp_nopush ${ratio(ours / nopush)}`);
  if (old !== null) console.log(`iipsrv behind lighttpd / microtome: ${ratio(old / ours)} (goal: at least 15)`);
  console.log(`app behind lighttpd in all: ${us(app)}`);
} finally {
  await world.close();
}

function childOf(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}
