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

// Asks for everything at once; what is not 200 must say that it is for want of room, and nothing of our paths.
async function crowd(url, targets) {
  const statuses = {};
  await Promise.all(targets.map(async (target) => {
    const answer = await fetch(url + target).catch(() => null); // a connection that was not even accepted
    const text = answer && answer.status !== 200 ? await answer.text() : (await answer?.arrayBuffer(), '');
    const status = answer?.status ?? 0;
    statuses[status] = (statuses[status] ?? 0) + 1;
    assert.ok([0, 200, 503].includes(status), `${target}: ${status} ${text}`);
    if (status === 503) {
      assert.ok(Number(answer.headers.get('retry-after')) > 0, target);
      assert.ok(text.length < 200 && !text.includes(top), text);
    }
  }));
  return statuses;
}

test('no descriptor is left: 503 with Retry-After, never "no such picture"; afterwards all is there', async () => {
  const server = await start('/usr/bin/prlimit', ['--nofile=64:64', program, ...pictures]);
  const [url] = await eventually(() => /http:\S+/.exec(server.out), 'it says its address');
  const slices = (await (await fetch(`${url}sets/GLTa/stack.json`)).json()).slices.filter((slice) => slice.status !== 'missing');
  const names = [...slices.map((slice) => slice.id ?? slice.source), 'CMU-1-Small-Region.svs'];
  const targets = (i) => {
    const name = names[i % names.length];
    return [`iip?FIF=${name}&WID=${100 + i}&CVT=jpeg`, `iiif/3/${encodeURIComponent(name)}/full/${100 + i},/0/default.jpg`, `iip?FIF=${name}&JTL=0,0`,
      `dz/${name}.dzi`, `sets/GLTa/view?slice=${slices[i % slices.length].number}&W=${200 + i}&H=200`, `dz/${name}_files/8/0_0.jpg`][i % 6];
  };
  const seen = {};
  for (let turn = 0; turn < 6; turn++) {
    const statuses = await crowd(url, Array.from({ length: 140 }, (_, i) => targets(turn * 140 + i)));
    for (const [status, count] of Object.entries(statuses)) seen[status] = (seen[status] ?? 0) + count;
  }
  assert.ok(seen[200] > 0, JSON.stringify(seen));
  for (let i = 0; i < 30; i++) await eventually(async () => (await fetch(url + targets(i))).status === 200, targets(i));
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
  let server;
  try {
    server = await start('/bin/sh', ['-c', `echo $$ >${path}/cgroup.procs; exec "$@"`, 'sh', program, ...pictures]);
    assert.match(server.err, /128 MiB by cgroup: 16 MiB for computed pictures/);
    await work(server);
    const events = ['memory.oom_control', 'memory.events'].map((name) => join(path, name)).find(existsSync);
    assert.match(readFileSync(events, 'utf8'), /oom_kill 0/);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  } finally {
    await server?.kill();
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
