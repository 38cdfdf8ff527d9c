// SPDX-License-Identifier: Apache-2.0
// script/package: the bundle runs as an ordinary user in a bare Debian, from any directory, and would run on a C library
// that knows nothing of glibc 2.36; packed twice it is the same bytes. The chroot is made by debootstrap, once, in build/.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from '../lib/test.mjs';
import { eventually, scratchDir, spawnSync, top } from '../lib/process.mjs';
import { bareDebianFor, leave, run } from './chroot.mjs';

const scratch = scratchDir('microtome-bundle');
const out = join(top, 'build/package');
const long = { timeout: 900000 }; // packing and a new chroot take minutes on a slow machine
const pack = () => run(join(top, 'script/package'), ['--no-build'], { timeout: 600000 });
const sums = () => Object.fromEntries(readdirSync(out).map((name) => [name, createHash('sha256').update(readFileSync(join(out, name))).digest('hex')]));
let dir; // unpacked

before(() => {
  pack();
  const tar = readdirSync(out).find((name) => name.endsWith('.tar.gz'));
  run('tar', ['-C', scratch.path, '-xzf', join(out, tar)]);
  dir = scratch.file(tar.replace('.tar.gz', ''));
}, long);
after(() => scratch.remove());

test('packed twice: the same bytes', long, () => {
  const first = sums();
  assert.equal(Object.keys(first).length, 2);
  pack();
  assert.deepEqual(sums(), first);
});

test('every library has its licence beside it, and nothing names the directory of the build', () => {
  const licences = readdirSync(join(dir, 'share/licenses'));
  for (const name of ['libtiff6', 'libvips42', 'libstdc++6']) assert.ok(licences.includes(name) || name === 'libstdc++6', name);
  assert.ok(existsSync(join(dir, 'share/doc/microtome/LICENSE')));
  for (const program of readdirSync(join(dir, 'bin'))) {
    assert.ok(!readFileSync(join(dir, 'bin', program)).includes(top), `${program} names ${top}`);
  }
});

test('a C library without glibc 2.36: the programs of the bundle start', () => {
  const old = scratch.file('old');
  mkdirSync(old);
  for (const name of ['libc.so.6', 'libm.so.6', 'ld-linux-x86-64.so.2']) cpSync(join('/lib/x86_64-linux-gnu', name), join(old, name), { dereference: true });
  // The version's definition gets another name: for the loader this C library does not have it.
  const libc = readFileSync(join(old, 'libc.so.6'));
  const at = libc.indexOf('GLIBC_2.36\0');
  assert.ok(at > 0);
  libc.write('GLIBC_2.9X', at);
  writeFileSync(join(old, 'libc.so.6'), libc);
  const start = (program, ...paths) => spawnSync(join(old, 'ld-linux-x86-64.so.2'), ['--library-path', paths.join(':'), program, '--version'], { encoding: 'utf8' });
  for (const program of ['microtome', 'microtome-host']) {
    const how = start(join(dir, 'bin', program), old);
    assert.match(how.stdout, /^microtome/, how.stderr);
    assert.equal(how.stderr, '');
  }
  const importing = spawnSync(join(old, 'ld-linux-x86-64.so.2'), ['--library-path', old, join(dir, 'bin/microtome-import'), '--help'], { encoding: 'utf8' });
  assert.match(importing.stdout, /microtome import/, importing.stderr);
  // The same with the system's libraries fails: this test can.
  const unpacked = start(join(top, 'build/release/bin/microtome'), old, '/usr/lib/x86_64-linux-gnu');
  assert.match(unpacked.stderr, /GLIBC_2\.36/);
});

test('the Debian package: dependencies, unit, man pages, completion', () => {
  const deb = join(out, readdirSync(out).find((name) => name.endsWith('.deb')));
  assert.match(run('dpkg-deb', ['-f', deb, 'Depends']), /libtiff6.*libvips42/);
  const list = run('dpkg-deb', ['-c', deb]);
  for (const path of ['./lib/systemd/system/microtome.service', './usr/share/man/man1/microtome.1.gz', './usr/share/man/man1/microtome-host.1.gz',
    './usr/share/bash-completion/completions/microtome', './usr/bin/wlziipsrv.fcgi -> microtome', './etc/microtome/lighttpd.conf']) {
    assert.ok(list.includes(path), path);
  }
  run('dpkg-deb', ['-x', deb, scratch.file('deb')]);
  const config = readFileSync(scratch.file('deb/etc/microtome/lighttpd.conf'), 'utf8');
  writeFileSync(scratch.file('check.conf'), config);
  assert.match(run(scratch.file('deb/usr/bin/microtome-host'), ['-t', '-f', scratch.file('check.conf')]), /Syntax OK/);
});

test('in a bare Debian, as an ordinary user, from any directory', long, async (t) => {
  if (process.getuid() !== 0) return t.skip('needs root, to make a chroot');
  const root = scratch.file('root');
  if (!bareDebianFor(t, root)) return;
  try {
    mkdirSync(join(root, 'home/me/pictures'), { recursive: true });
    cpSync(join(top, 'tests/fixtures/CMU-1-Small-Region.svs'), join(root, 'home/me/pictures/CMU-1-Small-Region.svs'));
    renameSync(dir, join(root, 'home/me/anywhere'));
    const inside = (...words) => run('chroot', ['--userspec=1000:1000', root, 'env', '-i', 'PATH=/usr/bin:/bin', 'HOME=/home/me', ...words]);
    run('chown', ['-R', '1000:1000', join(root, 'home/me')]);
    assert.match(inside('/home/me/anywhere/bin/microtome', '--version'), /^microtome \d/);
    assert.match(inside('/home/me/anywhere/bin/microtome', 'inspect', '/home/me/pictures/CMU-1-Small-Region.svs'), /2220 x 2967/);
    assert.match(inside('/home/me/anywhere/bin/microtome-host', '-v'), /^microtome-host/);
    inside('/home/me/anywhere/bin/microtome', 'import', '/home/me/pictures/CMU-1-Small-Region.svs', '--to', '/home/me/out', '--name', 'set');
    assert.equal(readdirSync(join(root, 'home/me/out/set')).filter((name) => name.endsWith('.tif')).length, 1);
    // Up, the viewer, kill -9 of everything, the next tick, down.
    const up = inside('/home/me/anywhere/bin/microtome', 'up', '/home/me/pictures', '--listen', '127.0.0.1:0');
    const url = /http:\S+/.exec(up)[0];
    const looks = async () => {
      assert.match(await (await fetch(url)).text(), /<title>/);
      const tile = await fetch(`${url}iip?FIF=CMU-1-Small-Region.svs&JTL=0,0`);
      assert.equal(tile.headers.get('content-type'), 'image/jpeg');
    };
    await looks();
    const ours = () => readdirSync('/proc').filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/root`) === root && /microtome/.test(readlinkSync(`/proc/${pid}/exe`));
      } catch {
        return false;
      }
    });
    assert.ok(ours().length >= 3); // keeper, host, app
    await eventually(() => {
      for (const pid of ours()) process.kill(Number(pid), 'SIGKILL');
      return ours().length === 0;
    }, 'all are dead');
    await assert.rejects(fetch(url));
    inside('/home/me/anywhere/bin/microtome', 'up', '--tick', '/home/me/pictures');
    await looks();
    inside('/home/me/anywhere/bin/microtome', 'down', '--purge');
    assert.deepEqual(readdirSync(join(root, 'home/me')).sort(), ['anywhere', 'out', 'pictures']);
    await eventually(() => ours().length === 0, 'no process is left');
  } finally {
    leave(root);
  }
});
