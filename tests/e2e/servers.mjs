// SPDX-License-Identifier: Apache-2.0
// Starts real web servers for the end-to-end tests: each in its own temporary directory, on free ports, stopped by pid.
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from '../lib/process.mjs';

export const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const bin = resolve(process.env.MICROTOME_BIN ?? join(top, 'build/release/bin'));

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export async function until(what, test, milliseconds = 60000) {
  const end = Date.now() + milliseconds;
  let last;
  while (Date.now() < end) {
    try {
      const value = await test();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`timed out waiting until ${what}${last ? `: ${last.message}` : ''}`);
}

// A place for everything a test starts and writes. close() stops the programs, last started first, and removes the files.
export class World {
  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'microtome-e2e-'));
    this.running = [];
  }

  path(...parts) {
    const path = join(this.dir, ...parts);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }

  write(name, text) {
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  start(program, args, options = {}) {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    child.output = '';
    child.errors = '';
    child.stdout?.on('data', (data) => (child.output += data));
    child.stderr?.on('data', (data) => (child.errors += data));
    child.ended = new Promise((done) => child.on('exit', (code, signal) => done({ code, signal })));
    child.ended.then((how) => (child.how = how));
    this.running.push(child);
    return child;
  }

  async stop(child, signal = 'SIGTERM') {
    if (!child.how) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 20000);
    const how = await child.ended;
    clearTimeout(timer);
    return how;
  }

  async close() {
    for (const child of this.running.reverse()) await this.stop(child);
    rmSync(this.dir, { recursive: true, force: true });
  }

  async run(program, args, options = {}) {
    const child = this.start(program, args, options);
    const { code } = await child.ended;
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} exited with ${code}:\n${child.errors}${child.output}`);
    return child.output;
  }

  async serve(args, options) {
    const child = this.start(join(bin, 'microtome'), args, options);
    const line = await until('microtome listens', () => {
      if (child.how) throw new Error(`microtome ended: ${child.errors}`);
      return child.output.match(/^listening on (.*)$/m);
    });
    child.address = line[1].replace(/\/$/, '');
    return child;
  }

  async lighttpd(config) {
    const file = this.write('lighttpd.conf', config);
    await this.run('lighttpd', ['-tt', '-f', file]);
    return this.start('lighttpd', ['-D', '-f', file]);
  }

  // `http` is what stands inside http { }.
  async nginx(http) {
    for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(this.path('nginx', name), { recursive: true });
    const file = this.write(
      'nginx/nginx.conf',
      `daemon off; worker_processes 1; pid ${this.path('nginx/pid')}; error_log ${this.path('nginx/error.log')} warn;
       ${process.getuid() === 0 ? 'user root;' : ''}
       events { worker_connections 512; }
       http { access_log off; client_body_temp_path ${this.path('nginx/body')};
         proxy_temp_path ${this.path('nginx/proxy')}; fastcgi_temp_path ${this.path('nginx/fastcgi')};
         uwsgi_temp_path ${this.path('nginx/uwsgi')}; scgi_temp_path ${this.path('nginx/scgi')};
         ${http} }`,
    );
    return this.start('nginx', ['-c', file, '-p', this.path('nginx/')]);
  }

  async apache(port, config) {
    const modules = '/usr/lib/apache2/modules';
    const file = this.write(
      'apache/httpd.conf',
      `ServerRoot ${this.path('apache')}
       ServerName localhost
       Listen 127.0.0.1:${port}
       PidFile ${this.path('apache/pid')}
       DefaultRuntimeDir ${this.path('apache')}
       ErrorLog ${this.path('apache/error.log')}
       Mutex file:${this.path('apache')} default
       LoadModule mpm_event_module ${modules}/mod_mpm_event.so
       LoadModule authz_core_module ${modules}/mod_authz_core.so
       LoadModule proxy_module ${modules}/mod_proxy.so
       LoadModule proxy_fcgi_module ${modules}/mod_proxy_fcgi.so
       ${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
       ${config}`,
    );
    return this.start('apache2', ['-X', '-f', file]);
  }
}

export const playwright = () => createRequire(join(top, 'viewer/package.json'))('playwright-core');

export async function browser(world) {
  return playwright().chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
    env: { ...process.env, HOME: world.path('home', '.keep').replace(/\/.keep$/, '') },
  });
}

export async function body(url, options) {
  const response = await fetch(url, options);
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

// The set of the 2017 page, small: slices 40 to 42 of S2897L, TIFF pyramids made by our importer of real sections.
export async function importSet(world, root) {
  const sources = ['099', '104', '109'].map((n) => join(top, 'demo/GLTa', `641_2002_256${n === '104' ? 7 : 8}_NM01_s${n}.jpg`));
  const named = sources.map((source, i) => {
    const name = world.path('sources', `S2897L_pyr_${String(40 + i).padStart(4, '0')}.jpg`);
    writeFileSync(name, readFileSync(source));
    return name;
  });
  await world.run(join(bin, 'microtome'), ['import', ...named, '--to', root, '--name', 'S2897L', '--tile', '256']);
  if (!existsSync(join(root, 'S2897L/S2897L_pyr_0041.tif'))) throw new Error('the import made no slice 41');
}
