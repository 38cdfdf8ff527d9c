// SPDX-License-Identifier: Apache-2.0
// The programs as a person runs them: import (whole or not at all, continued, errors named), inspect, render, settings.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from '../lib/test.mjs';
import { bin, body, top, until, World } from './servers.mjs';
import { spawn, spawnSync } from '../lib/process.mjs';

let world;
let pictures;
const program = join(bin, 'microtome');
const run = (args, options = {}) => spawnSync(program, args, { encoding: 'utf8', timeout: 120000, ...options });
const sections = () => readdirSync(join(top, 'demo/GLTa')).filter((name) => name.endsWith('.jpg')).sort();

before(() => {
  world = new World();
  pictures = world.path('pictures/.keep').replace(/\/.keep$/, '');
  for (const name of sections().slice(0, 6)) copyFileSync(join(top, 'demo/GLTa', name), join(pictures, name));
});
after(() => world?.close());

test('import makes pyramids that are served, says what it did, and continues', async () => {
  const to = world.path('sets/.keep').replace(/\/.keep$/, '');
  const broken = world.path('broken/cut.jpg');
  writeFileSync(broken, readFileSync(join(pictures, sections()[0])).subarray(0, 40000));
  const rubbish = world.write('broken/rubbish.tif', 'this is no picture');
  const args = ['import', pictures, broken, rubbish, join(world.dir, 'none.png'), '--to', to, '--name', 'brain', '--progress', 'json'];
  const first = run(args);
  assert.equal(first.status, 1);
  const events = first.stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(events.filter((event) => event.state === 'done').length, 6);
  const failed = events.filter((event) => event.state === 'failed').map((event) => event.source).sort();
  assert.deepEqual(failed, [broken, join(world.dir, 'none.png'), rubbish].sort());
  for (const source of failed) assert.ok(first.stderr.includes(source), `standard error does not name ${source}`);
  assert.deepEqual(events.at(-1), { state: 'finished', done: 6, skipped: 0, failed: 3, stopped: false });
  const made = readdirSync(join(to, 'brain'));
  assert.equal(made.filter((name) => name.endsWith('.tif')).length, 6);
  assert.ok(!made.some((name) => name.endsWith('.part')), 'a half-made picture was left');

  // A pyramid of 512-pixel JPEG tiles that pass through.
  const described = JSON.parse(run(['inspect', '--json', join(to, 'brain', made.find((name) => name.endsWith('.tif')))]).stdout);
  assert.deepEqual([described.width, described.height], [1024, 670]);
  assert.ok(described.levels.length > 1);
  for (const level of described.levels) {
    assert.deepEqual(level.tile, [512, 512]);
    assert.equal(level.served, 'jpeg as stored');
  }

  // Again: nothing is made. A source that changed is made anew.
  assert.match(run(args.slice(0, -2).concat('--progress', 'lines')).stdout, /^0 made, 6 were there already, 3 failed/m);
  utimesSync(join(pictures, sections()[2]), new Date(), new Date());
  assert.match(run(['import', pictures, '--to', to, '--name', 'brain']).stdout, /^1 made, 5 were there already, 0 failed/m);

  const server = await world.serve(['serve', to, '--listen', '127.0.0.1:0', '--log-file', world.path('log')]);
  const stack = JSON.parse((await body(`${server.address}/sets/brain/stack.json`)).bytes);
  assert.equal(stack.slices.filter((slice) => slice.status === 'ok').length, 6);
  await world.stop(server);
});

test('import killed at any moment leaves no half picture under a name, and is continued', async () => {
  const to = world.path('killed/.keep').replace(/\/.keep$/, '');
  const args = ['import', pictures, '--to', to, '--name', 'brain', '--jobs', '1'];
  for (const milliseconds of [60, 150, 300, 450]) {
    const child = spawn(program, args, { stdio: 'ignore' });
    const ended = new Promise((done) => child.on('exit', done));
    await new Promise((done) => setTimeout(done, milliseconds));
    child.kill('SIGKILL');
    await ended;
    const folder = join(to, 'brain');
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.tif'))) {
      assert.equal(run(['inspect', join(folder, name)]).status, 0, `${name} is there but broken`);
    }
  }
  // The killed run's worker ends by itself when nobody listens to it; only then may the next one write.
  await until('the import goes through', () => run(args).status === 0);
  assert.equal(readdirSync(join(to, 'brain')).filter((name) => name.endsWith('.tif')).length, 6);
});

test('SIGTERM stops an import cleanly', async () => {
  const to = world.path('stopped/.keep').replace(/\/.keep$/, '');
  const child = spawn(program, ['import', pictures, '--to', to, '--name', 'brain', '--jobs', '1'], { stdio: 'ignore' });
  const ended = new Promise((done) => child.on('exit', (code) => done(code)));
  await until('it has begun', () => existsSync(join(to, 'brain/manifest.jsonl')));
  child.kill('SIGTERM');
  assert.equal(await ended, 1);
  assert.ok(!readdirSync(join(to, 'brain')).some((name) => name.endsWith('.part')));
});

test('import refuses to write two pictures to one name, or over its source', () => {
  const twice = world.path('twice/.keep').replace(/\/.keep$/, '');
  mkdirSync(join(twice, 'a'), { recursive: true });
  mkdirSync(join(twice, 'b'), { recursive: true });
  for (const folder of ['a', 'b']) copyFileSync(join(pictures, sections()[0]), join(twice, folder, 'x.jpg'));
  const same = run(['import', join(twice, 'a/x.jpg'), join(twice, 'b/x.jpg'), '--to', twice, '--name', 'set']);
  assert.equal(same.status, 2);
  assert.match(same.stderr, /would both become/);
  assert.equal(run(['import', join(twice, 'a/x.jpg'), '--to', twice, '--name', '../up']).status, 2);
});

test('render answers a request into a file', () => {
  const out = world.path('tile.jpg');
  const good = run(['render', '/iip?FIF=CMU-1-Small-Region.svs&JTL=0,0', '--root', join(top, 'tests/fixtures'), '-o', out]);
  assert.equal(good.status, 0, good.stderr);
  assert.deepEqual([...readFileSync(out).subarray(0, 2)], [0xff, 0xd8]);
  const bad = run(['render', '/iip?FIF=none.svs&JTL=0,0', '--root', join(top, 'tests/fixtures')]);
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /404/);
});

test('render writes to pipes and devices, and never replaces them', () => {
  const request = ['render', '/iip?FIF=CMU-1-Small-Region.svs&OBJ=Max-size', '--root', join(top, 'tests/fixtures')];
  const cwd = world.path('elsewhere/.keep').replace(/\/.keep$/, '');
  mkdirSync(cwd, { recursive: true });
  const dash = run([...request, '-o', '-'], { cwd });
  assert.equal(dash.stdout, 'Max-size:2220 2967\r\n');
  assert.deepEqual(readdirSync(cwd), []);
  const full = join(cwd, 'full');
  symlinkSync('/dev/full', full); // a link, so that nothing worse than it can be lost
  const failed = run([...request, '-o', full], { cwd });
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /writ/);
  assert.ok(lstatSync(full).isSymbolicLink());
  assert.deepEqual(readdirSync(cwd), ['full']);
});

test('settings are checked at the start, and the message names them', () => {
  for (const [name, value] of [['JPEG_QUALITY', 'high'], ['MAX_CVT', '12px'], ['VERBOSITY', '-3'], ['MAX_IMAGE_CACHE_SIZE', '']]) {
    for (const args of [['serve', top, '--check'], ['fcgi', '--check']]) {
      const answer = run(args, { env: { ...process.env, [name]: value } });
      assert.notEqual(answer.status, 0, `${name}=${value}`);
      assert.ok(answer.stderr.includes(name), answer.stderr);
    }
  }
  assert.equal(run(['serve', top, '--check']).status, 0);
  assert.notEqual(run(['serve', '/nonexistent/folder', '--check']).status, 0);
  assert.match(run(['--version']).stdout, /^microtome \d/);
  assert.equal(run(['fcgi']).status, 2);
});

test('an address in use is said in words', async () => {
  const first = await world.serve(['serve', pictures, '--listen', '127.0.0.1:0', '--log-file', world.path('log')]);
  const second = run(['serve', pictures, '--listen', new URL(first.address).host]);
  assert.equal(second.status, 1);
  assert.match(second.stderr, /in use/);
  assert.deepEqual(await world.stop(first, 'SIGTERM'), { code: 0, signal: null });
});
