// SPDX-License-Identifier: Apache-2.0
// The Debian package, installed for real in a bare Debian: its files, its user, its programs, man pages, completion and
// unit; purged, it leaves nothing.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from '../lib/test.mjs';
import { bin, scratchDir, spawnSync, top } from '../lib/process.mjs';
import { bareDebianFor, leave, lendLibraries, run } from './chroot.mjs';

const out = join(top, 'build/package');
const scratch = scratchDir('microtome-deb');
after(() => scratch.remove());
const needsRoot = process.getuid() !== 0 && 'needs root, to make a chroot';

// All files but dpkg's own notes and logs.
const files = (inside) => inside('find', '/', '-xdev', '-not', '-path', '/var/lib/dpkg/*', '-not', '-path', '/var/log/*', '-not', '-path', '/proc/*',
  '-not', '-path', '/host*', '-not', '-path', '/run/*', '-not', '-name', '*-').split('\n').sort();

test('installed, used and purged', { skip: needsRoot, timeout: 900000 }, (t) => {
  if (!existsSync(out) || !readdirSync(out).some((name) => name.endsWith('.deb'))) run(join(top, 'script/package'), ['--no-build'], { timeout: 600000 });
  const root = scratch.file('root');
  if (!bareDebianFor(t, root)) return;
  try {
    lendLibraries(root, ['microtome', 'microtome-host', 'fcgi-check'].map((name) => join(bin, name)));
    const env = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive'];
    const inside = (...words) => run('chroot', [root, ...env, ...words]);
    const microtome = (...words) => inside('LD_LIBRARY_PATH=/host', ...words);
    const before = files(inside);
    const deb = readdirSync(out).find((name) => name.endsWith('.deb'));
    writeFileSync(join(root, 'tmp/microtome.deb'), readFileSync(join(out, deb)));
    // What it depends on is there under these names; it is lent, so that nothing must be fetched.
    const here = new Set(run('dpkg-query', ['-W', '-f', '${Package}, ${Provides}\\n'], { maxBuffer: 1 << 26 }).split(/[,\n]/).map((each) => each.trim().split(' ')[0]));
    for (const each of run('dpkg-deb', ['-f', join(out, deb), 'Depends']).split(',')) {
      const names = each.split('|').map((name) => name.trim().split(/[ (]/)[0]);
      assert.ok(names.some((name) => here.has(name)), each);
    }
    inside('dpkg', '--force-depends', '-i', '/tmp/microtome.deb');
    assert.match(inside('dpkg-query', '-W', '-f', '${db:Status-Abbrev} ${Version}', 'microtome'), /^ii +\d/);
    assert.match(inside('getent', 'passwd', 'microtome'), /^microtome:.*:\/srv\/microtome:/);
    assert.equal(inside('dpkg', '--verify', 'microtome').split('\n').filter((line) => line && !/usr\/share\/(doc|man)/.test(line)).length, 0);

    assert.match(microtome('microtome', '--version'), /^microtome \d/);
    assert.match(microtome('microtome-host', '-v'), /^microtome-host/);
    assert.match(microtome('microtome-host', '-t', '-f', '/etc/microtome/lighttpd.conf'), /Syntax OK/);
    assert.match(microtome('fcgi-check', '--help'), /fcgi-check/);
    for (const page of ['microtome', 'microtome-host', 'fcgi-check']) {
      const path = join(root, `usr/share/man/man1/${page}.1.gz`);
      if (existsSync(path)) assert.match(inside('gzip', '-dc', `/usr/share/man/man1/${page}.1.gz`), /^\.TH /m);
      else assert.match(run('dpkg-deb', ['-c', join(out, deb)]), new RegExp(`man1/${page}\\.1\\.gz`), 'left out by this Debian, which keeps no documentation');
    }
    assert.match(inside('bash', '-c', '. /usr/share/bash-completion/completions/microtome && complete -p microtome'), /complete .*microtome/);

    // The unit, as systemd reads it; the program is where this root is.
    const unit = readFileSync(join(root, 'lib/systemd/system/microtome.service'), 'utf8');
    writeFileSync(scratch.file('microtome.service'), unit.replaceAll('/usr/bin/', `${root}/usr/bin/`));
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', scratch.file('microtome.service')], { encoding: 'utf8' });
    if (!verified.error) assert.doesNotMatch(verified.stdout + verified.stderr, /microtome/);

    inside('rm', '/tmp/microtome.deb');
    inside('dpkg', '--purge', 'microtome');
    const [was, is] = [new Set(before), new Set(files(inside))];
    assert.deepEqual([...is].filter((path) => !was.has(path)), [], 'left behind');
    assert.deepEqual([...was].filter((path) => !is.has(path)), [], 'taken away');
    for (const name of ['passwd', 'group', 'shadow']) assert.doesNotMatch(readFileSync(join(root, 'etc', name), 'utf8'), /microtome/);
  } finally {
    leave(root);
  }
});
