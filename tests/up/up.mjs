// SPDX-License-Identifier: Apache-2.0
// A home of its own for `microtome up`, and what is to be known about the processes that run in it.
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after } from '../lib/test.mjs';
import { bin, eventually, scratchDir, sleep, spawn, spawnSync, top } from '../lib/process.mjs';

export const fast = process.env.MICROTOME_FAST === '1';
export const root = process.getuid() === 0;
export { eventually, sleep };

// A user that is nobody else's on this machine.
export const someone = { uid: 54321, gid: 54321 };
export const another = { uid: 54322, gid: 54322 };

export class Home {
  constructor({ user, name = 'microtome-up' } = {}) {
    this.scratch = scratchDir(name);
    this.dir = this.scratch.path;
    this.user = user;
    mkdirSync(join(this.dir, 'home'));
    mkdirSync(join(this.dir, 'pictures', 'GLTa'), { recursive: true });
    cpSync(join(top, 'demo', 'GLTa'), join(this.dir, 'pictures', 'GLTa'), { recursive: true });
    if (user) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, this.dir]);
    this.home = join(this.dir, 'home');
    this.pictures = join(this.dir, 'pictures');
    this.program = join(bin, 'microtome');
    this.env = { PATH: process.env.PATH, HOME: this.home };
  }

  file(...names) {
    return join(this.dir, ...names);
  }

  // Runs the program to its end.
  run(...words) {
    const options = typeof words.at(-1) === 'object' ? words.pop() : {};
    return spawnSync(join(options.bin ?? bin, 'microtome'), words, { encoding: 'utf8', cwd: this.dir, env: { ...this.env, ...options.env }, ...this.user });
  }

  // The same, without waiting.
  async go(...words) {
    const child = spawn(join(bin, 'microtome'), words, { cwd: this.dir, env: this.env, stdio: ['ignore', 'pipe', 'pipe'], ...this.user });
    const how = { out: '', err: '' };
    child.stdout.on('data', (text) => (how.out += text));
    child.stderr.on('data', (text) => (how.err += text));
    how.status = await new Promise((resolve) => child.on('close', resolve));
    return how;
  }

  up(...words) {
    return this.run('up', this.pictures, '--no-install', ...words);
  }

  status() {
    const how = this.run('status', '--json');
    return JSON.parse(how.stdout).sites;
  }

  async url() {
    const [site] = this.status();
    return site.addresses[0];
  }

  // Processes of this home: { pid, name, line }.
  processes() {
    const found = [];
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const state = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
        if (state !== 'Z' && environment.includes(`HOME=${this.home}\0`) && /microtome/.test(readlinkSync(`/proc/${pid}/exe`))) {
          found.push({ pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), line });
        }
      } catch {
        // gone meanwhile
      }
    }
    return found;
  }

  // Kills what is there, of the names given.
  kill(names, signal = 'SIGKILL') {
    const hit = this.processes().filter(({ name }) => names.includes(name));
    for (const { pid } of hit) {
      try {
        process.kill(pid, signal);
      } catch {
        // gone
      }
    }
    return hit.length;
  }

  // Until nothing is left: the guard may start a host while it is being killed itself.
  killAll() {
    return eventually(() => {
      this.kill(['microtome-keep', 'microtome-host', 'microtome.fcgi', 'host-guard', 'microtome']);
      return this.processes().length === 0;
    }, 'all are dead');
  }

  async close() {
    this.run('down', '--purge');
    await this.killAll();
    this.scratch.remove();
  }
}

// A maker of homes, all of which are closed behind the tests of a file.
export function homes() {
  const all = [];
  after(async () => {
    for (const each of all) await each.close();
  });
  return (options) => {
    const made = new Home(options);
    all.push(made);
    return made;
  };
}

// Sockets that listen on a TCP port of this machine.
export function listeners(port) {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let count = 0;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    if (!existsSync(table)) continue;
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (state === '0A' && local.endsWith(wanted)) count++;
    }
  }
  return count;
}

export const healthy = async (url) => {
  try {
    return (await fetch(`${url}healthz`, { signal: AbortSignal.timeout(10000) })).status === 200;
  } catch {
    return false;
  }
};
export { chownSync };
