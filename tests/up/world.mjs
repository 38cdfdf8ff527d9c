// SPDX-License-Identifier: Apache-2.0
// A machine for one test (world.sh): a user of its own, no cron jobs but the test's, and nothing of it outlives the test.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bin, eventually, scratchDir, spawn, spawnSync, start, top } from '../lib/process.mjs';

const here = dirname(fileURLToPath(import.meta.url));

// Why no such machine can be made here; false when it can. In a chroot or a container without rights it cannot.
const tried = process.getuid() === 0 &&
  spawnSync('/usr/bin/unshare', ['-m', '-p', '-f', '--mount-proc', 'sh', '-c', 'mount --make-rprivate / && mount -t tmpfs tmpfs /run']);
export const noWorld = tried && tried.status === 0 ? false
  : `needs root and namespaces of its own (unshare: ${tried ? String(tried.stderr).trim() : 'not root'})`;

let worlds = 0;

export class World {
  static async make() {
    const world = new World();
    world.scratch = scratchDir('mt-world');
    world.dir = world.scratch.path;
    world.group = `microtome-test-${process.pid}-${++worlds}`;
    mkdirSync(world.file('home'));
    mkdirSync(world.file('home/pictures'));
    cpSync(join(top, 'demo/GLTa'), world.file('home/pictures/GLTa'), { recursive: true });
    // The programs must be where another user may read them.
    mkdirSync(world.file('bin'));
    for (const name of ['microtome', 'microtome-keep', 'microtome-host']) cpSync(join(bin, name), world.file('bin', name));
    spawnSync('ln', ['-s', 'microtome', world.file('bin/microtome.fcgi')]);
    spawnSync('chmod', ['755', world.dir]);
    world.own(world.file('home'));
    world.shell = await start('/usr/bin/unshare', ['-m', '-p', '-f', '--mount-proc', '--kill-child', join(here, 'world.sh'), world.dir, world.group], { ready: /world/ });
    world.init = Number(readFileSync(`/proc/${world.shell.pid}/task/${world.shell.pid}/children`, 'utf8').split(' ')[0]);
    world.pictures = world.file('home/pictures');
    return world;
  }

  file(...names) {
    return join(this.dir, ...names);
  }

  own(path) {
    spawnSync('chown', ['-R', '54321:54321', path]);
  }

  write(name, text, mode = 0o644) {
    mkdirSync(dirname(this.file(name)), { recursive: true });
    writeFileSync(this.file(name), text, { mode });
    this.own(this.file('home'));
    return this.file(name);
  }

  words(as, words, env) {
    const variables = Object.entries({ PATH: `${this.file('home/bin')}:/usr/bin:/bin`, HOME: this.file('home'), LOGNAME: 'slicer', ...env }).map(([k, v]) => `${k}=${v}`);
    const user = as === 'root' ? [] : ['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups'];
    // Into the world's cgroup first: a systemd user manager works only in one that is its own.
    const move = `for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do if [ -d $tree/${this.group} ]; then echo $$ >$tree/${this.group}/cgroup.procs; fi; done 2>/dev/null; exec "$@"`;
    return ['-t', String(this.init), '-m', '-p', 'sh', '-c', move, 'sh', ...user, 'env', '-i', '-C', as === 'root' ? '/' : this.file('home'), ...variables, ...words];
  }

  // Runs something in the world, as its user, to its end.
  run(...words) {
    const env = typeof words.at(-1) === 'object' ? words.pop() : {};
    return spawnSync('nsenter', this.words('slicer', words, env), { encoding: 'utf8' });
  }

  microtome(...words) {
    return this.run(this.file('bin/microtome'), ...words);
  }

  // Starts something that stays, as its user or as root.
  daemon(as, ...words) {
    const child = spawn('nsenter', this.words(as, words, as === 'root' ? {} : { XDG_RUNTIME_DIR: '/run/user/54321' }), { stdio: ['ignore', 'pipe', 'pipe'] });
    const daemon = { child, output: '' };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (daemon.output += text));
    return daemon;
  }

  // Processes of the programs of this world, as the world outside numbers them.
  processes() {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
        return line.startsWith(this.file('bin/microtome')) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')) ? [{ pid: Number(pid), name, line }] : [];
      } catch {
        return [];
      }
    });
  }

  async killAll() {
    for (let turn = 0; turn < 3; turn++) {
      for (const { pid } of this.processes()) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // gone
        }
      }
    }
  }

  async close() {
    const groups = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'].map((tree) => `${tree}/${this.group}`);
    process.kill(this.init, 'SIGKILL');
    await this.shell.ended;
    await eventually(() => this.processes().length === 0, 'the world ends');
    for (const group of groups.filter(existsSync)) removeGroup(group);
    this.scratch.remove();
  }
}

function removeGroup(path) {
  for (const leaf of readdirSync(path, { withFileTypes: true })) if (leaf.isDirectory()) removeGroup(join(path, leaf.name));
  try {
    rmdirSync(path);
  } catch {
    // not empty yet; an empty group costs nothing
  }
}
