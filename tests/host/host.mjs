// SPDX-License-Identifier: Apache-2.0
// microtome-host under test: a configuration in a scratch directory, started and stopped.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Raw } from '../lib/raw.mjs';
import { bin, eventually, freePort, scratchDir, spawn, start } from '../lib/process.mjs';

const here = dirname(fileURLToPath(import.meta.url));
export const rogueApp = join(here, 'rogue-app.mjs');
export const nonblockingApp = join(here, 'nonblocking-app.pl');
export const rogue = (...words) => [process.execPath, rogueApp, ...words].join(' ');
export const program = join(bin, 'microtome-host');

// A directory with a document root in it. `files`: { 'name': 'content' } below www.
export function site(files = {}) {
  const scratch = scratchDir('microtome-host');
  mkdirSync(scratch.file('www'));
  const put = (name, content) => {
    mkdirSync(dirname(scratch.file(name)), { recursive: true });
    writeFileSync(scratch.file(name), content);
  };
  for (const [name, content] of Object.entries(files)) put(`www/${name}`, content);
  return { ...scratch, put, www: scratch.file('www') };
}

// Starts the host on a free port. `config` follows document root, port and address; it may be a function of the site.
export async function host(config = '', { files = {}, place = site(files), port, env = {}, ready = /serves on/, limits = '' } = {}) {
  port ??= await freePort();
  const text = typeof config === 'function' ? config(place) : config;
  place.put('host.conf', `server.document-root = "${place.www}"\nserver.port = ${port}\nserver.bind = "127.0.0.1"\n${text}\n`);
  const words = [program, '-D', '-f', place.file('host.conf')];
  // `limits`: words of a shell that go before it, such as "ulimit -f 100;".
  const started = await start(...(limits ? ['/bin/bash', ['-c', `${limits} exec "$@"`, 'host', ...words]] : [program, words.slice(1)]), { ready, env });
  return {
    ...place,
    place,
    port,
    process: started,
    pid: started.pid,
    log: () => started.err,
    url: (path) => `http://127.0.0.1:${port}${path}`,
    // One request, bytes as given, on a connection of its own.
    async raw(text, options = {}) {
      const connection = await Raw.open(port);
      try {
        connection.write(text);
        return await connection.response(options);
      } finally {
        connection.close();
      }
    },
    get(path, headers = {}, { method = 'GET', body = '', ...options } = {}) {
      const lines = Object.entries({ Host: 'test', Connection: 'close', ...(body ? { 'Content-Length': body.length } : {}), ...headers });
      return this.raw(`${method} ${path} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n${body}`, { method, ...options });
    },
    async stop() {
      const how = await started.stop();
      place.remove();
      return how;
    },
    async close() {
      await started.kill();
      place.remove();
    },
  };
}

// lighttpd with the same configuration; null where it is not installed.
export async function lighttpd(place, config, modules = []) {
  if (!existsSync('/usr/sbin/lighttpd')) return null;
  const port = await freePort();
  place.put('lighttpd.conf', `server.document-root = "${place.www}"\nserver.port = ${port}\nserver.bind = "127.0.0.1"\nserver.modules = ( ${modules.map((name) => `"${name}"`).join(', ')} )\n${config}\n`);
  const child = spawn('/usr/sbin/lighttpd', ['-D', '-f', place.file('lighttpd.conf')], { stdio: 'ignore' });
  const ended = new Promise((done) => child.once('exit', done));
  await eventually(() => Raw.open(port).then((raw) => { raw.close(); return true; }, () => { assert.equal(child.exitCode, null, 'lighttpd has ended'); return false; }), 'lighttpd listens');
  return { port, close: () => { child.kill('SIGTERM'); return ended; } };
}

// fastcgi.server for one app that is started by the host.
export const app = (place, command, { name = 'app', key = '/', ...keys } = {}) => {
  const all = { 'bin-path': command, socket: place.file(`${name}.socket`), 'check-local': 'disable', 'max-procs': 1, 'min-procs': 1, ...keys };
  const lines = Object.entries(all).map(([k, v]) => `"${k}" => ${typeof v === 'number' ? v : v.startsWith('(') ? v : `"${v}"`}`);
  return `"${key}" => (( ${lines.join(', ')} ))`;
};
export const fixture = (name) => readFileSync(join(here, '..', 'fixtures', name), 'utf8');
