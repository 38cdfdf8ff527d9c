// SPDX-License-Identifier: Apache-2.0
// A Debian with nothing but what every Debian has, made by debootstrap once, in build/, and copied for each test.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync, top } from '../lib/process.mjs';

export const run = (program, args, options = {}) => {
  const how = spawnSync(program, args, { encoding: 'utf8', ...options });
  assert.equal(how.status, 0, `${program} ${args.join(' ')}\n${how.stdout}${how.stderr}${how.error ?? ''}`);
  return how.stdout;
};

// Makes `root`, with /proc in it. To be taken apart by leave(), whatever has happened.
function bareDebian(root) {
  const kept = join(top, 'build/bare-debian');
  if (!existsSync(join(kept, 'etc/debian_version'))) {
    rmSync(`${kept}.part`, { recursive: true, force: true });
    run('debootstrap', ['--variant=minbase', 'bookworm', `${kept}.part`], { maxBuffer: 1 << 26, timeout: 600000 });
    renameSync(`${kept}.part`, kept); // whole, or not at all
  }
  run('cp', ['-a', kept, root]);
  run('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
}

// The same for test `t`; false, and the test skipped, where this machine cannot.
export function bareDebianFor(t, root) {
  try {
    bareDebian(root);
    return true;
  } catch (error) {
    leave(root);
    t.skip(`no bare Debian can be made here: ${String(error.message).trim().split('\n').at(-1)}`);
    return false;
  }
}

// Copies of the libraries that `programs` of this machine use, which is the same Debian, into /host.
export function lendLibraries(root, programs) {
  mkdirSync(join(root, 'host'));
  const paths = new Set([...run('ldd', programs).matchAll(/=> (\/\S+)/g)].map(([, path]) => path));
  run('cp', ['-L', ...[...paths].filter((path) => !/\/(libc|libm|libdl|libpthread|librt)\.so/.test(path)), join(root, 'host')]);
}

export const leave = (root) => spawnSync('umount', ['-l', join(root, 'proc')]);
