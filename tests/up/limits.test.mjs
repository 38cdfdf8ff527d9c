// SPDX-License-Identifier: Apache-2.0
// Limits from outside: the tile server makes itself small enough, so that nobody has a reason to end it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from '../lib/test.mjs';
import { bin, eventually, scratchDir, start, top } from '../lib/process.mjs';

const scratch = scratchDir('microtome-limits');
after(() => scratch.remove());
const program = join(bin, 'microtome');
const pictures = ['serve', join(top, 'demo'), join(top, 'tests/fixtures'), '--listen', '127.0.0.1:0'];

// Views of all sizes of all slices, many at once: what takes memory.
async function work(server, atOnce = 1000) {
  const [url] = await eventually(() => /http:\S+/.exec(server.out), 'it says its address');
  const slices = (await (await fetch(`${url}sets/GLTa/stack.json`)).json()).slices.filter((slice) => slice.status !== 'missing').map((slice) => slice.number);
  const wanted = slices.flatMap((n) => [300, 500, 700, 900].map((w) => `${url}sets/GLTa/view?slice=${n}&W=${w}&H=${w}`));
  const answers = [];
  while (wanted.length > 0) {
    answers.push(...(await Promise.all(wanted.splice(0, atOnce).map((each) => fetch(each).then(async (r) => [r.status, (await r.arrayBuffer()).byteLength])))));
  }
  for (const [status] of answers) assert.ok(status === 200 || status === 503, `status ${status}`);
  assert.ok(answers.filter(([status]) => status === 200).length > answers.length / 2);
  assert.equal((await fetch(`${url}healthz`)).status, 200);
}
const threads = (pid) => Number(/Threads:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

test('MICROTOME_MEMORY: caches and pools shrink, the work is done', async () => {
  const server = await start(program, pictures, { env: { MICROTOME_MEMORY: '96' } });
  assert.match(server.err, /96 MiB by MICROTOME_MEMORY: 12 MiB for computed pictures, 24 MiB for running work/);
  await work(server);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test('RLIMIT_DATA and few processes: it starts, and the work is done', async () => {
  const server = await start('/usr/bin/prlimit', ['--data=400000000', program, ...pictures]);
  assert.match(server.err, /381 MiB by RLIMIT_DATA/);
  await work(server);
  await server.stop();
});

test('few open files: fewer pictures are kept open', async () => {
  const server = await start('/usr/bin/prlimit', ['--nofile=96:96', program, ...pictures]);
  await work(server, 8);
  assert.ok(threads(server.pid) > 0);
  await server.stop();
});

// A cgroup of this machine, with a limit of memory; undefined where we may make none.
function group(bytes) {
  for (const [tree, file] of [['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'], ['/sys/fs/cgroup', 'memory.max']]) {
    const path = join(tree, `microtome-test-${process.pid}`);
    try {
      mkdirSync(path);
      writeFileSync(join(path, file), String(bytes));
      return path;
    } catch {
      if (existsSync(path)) rmdirSync(path);
    }
  }
  return undefined;
}

test('a cgroup with 128 MiB: seen, kept, and the killer does not come', async (t) => {
  const path = group(128 << 20);
  if (!path) return t.skip('no cgroup with a limit of memory can be made here');
  try {
    const server = await start('/bin/sh', ['-c', `echo $$ >${path}/cgroup.procs; exec "$@"`, 'sh', program, ...pictures]);
    assert.match(server.err, /128 MiB by cgroup: 16 MiB for computed pictures/);
    await work(server);
    const events = ['memory.oom_control', 'memory.events'].map((name) => join(path, name)).find(existsSync);
    assert.match(readFileSync(events, 'utf8'), /oom_kill 0/);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  } finally {
    await eventually(() => {
      try {
        rmdirSync(path);
        return true;
      } catch {
        return false;
      }
    }, 'the group is empty');
  }
});
