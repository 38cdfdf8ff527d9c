// SPDX-License-Identifier: Apache-2.0
// GET /metrics and the access log, of a real server over HTTP and FastCGI.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { after, before, test } from '../lib/test.mjs';

import { encodePng } from '../lib/png.mjs';
import { eventually, scratchDir, start } from '../lib/process.mjs';
import { Raw, get } from '../lib/raw.mjs';
import { Fcgi } from '../lib/fcgi.mjs';

const scratch = scratchDir('metrics');
let server;
let port;

before(async () => {
  writeFileSync(scratch.file('a.png'), encodePng(900, 700, (x, y) => [x % 256, y % 256, 9]));
  server = await start('microtome', ['serve', scratch.path, '--listen', '127.0.0.1:0', '--fastcgi', `unix:${scratch.file('s')}`,
    '--access-log', scratch.file('access.log'), '--access-log-format', 'json'], { ready: /listening on http:\S+:(\d+)/ });
  port = Number(server.match[1]);
});

after(async () => {
  const how = await server?.stop();
  scratch.remove();
  assert.deepEqual(how, { code: 0, signal: null });
});

// { 'name{labels}': value }, and every line is one of the format.
async function metrics() {
  const answer = await get(port, '/metrics');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const values = {};
  const families = new Set();
  for (const line of answer.body.toString().split('\n').slice(0, -1)) {
    const comment = /^# (HELP|TYPE) (microtome_\w+) (.+)$/.exec(line);
    if (comment) {
      if (comment[1] === 'TYPE') families.add(comment[2]);
      continue;
    }
    const sample = /^(microtome_\w+?)(_bucket|_sum|_count)?(\{(?:\w+="[^"\\]*",?)+\})? (\S+)$/.exec(line);
    assert.ok(sample, line);
    assert.ok(families.has(sample[1]) || families.has(sample[1] + sample[2]), `no family: ${line}`);
    assert.ok(Number.isFinite(Number(sample[4])), line);
    assert.ok(!(line.split(' ')[0] in values), `twice: ${line}`);
    values[line.slice(0, line.lastIndexOf(' '))] = Number(sample[4]);
  }
  return values;
}

const lines = () => (existsSync(scratch.file('access.log')) ? readFileSync(scratch.file('access.log'), 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line)) : []);
const logged = (target) => eventually(() => lines().filter((line) => line.target === target).at(-1), `a line for ${target}`);

test('requests are counted by protocol, plan, status and time, with their bytes', async () => {
  const region = await get(port, '/iiif/3/a.png/0,0,800,600/400,300/0/default.jpg');
  assert.equal(region.status, 200);
  assert.equal((await get(port, '/iiif/3/a.png/0,0,800,600/400,300/0/default.jpg')).status, 200);
  assert.equal((await get(port, '/iiif/3/none.png/info.json')).status, 404);
  assert.equal((await get(port, '/iip?FIF=a.png&OBJ=Max-size')).status, 200);
  const answered = (values) => values['microtome_http_answers_total{protocol="iiif",code="2xx"}'] === 2 && values['microtome_http_answers_total{protocol="iip",code="2xx"}'] === 1;
  const values = await eventually(async () => { const found = await metrics(); return answered(found) && found; }, 'the counts');
  assert.equal(values['microtome_http_answers_total{protocol="iiif",code="4xx"}'], 1);
  assert.equal(values['microtome_answers_by_plan_total{protocol="iiif",plan="cached"}'], 1);
  assert.equal(values['microtome_answers_by_plan_total{protocol="iiif",plan="region"}'] ?? values['microtome_answers_by_plan_total{protocol="iiif",plan="scaled_decode"}'], 1);
  assert.equal(values['microtome_cache_lookups_total{result="hit"}'], 1);
  assert.ok(values['microtome_sent_bytes_total{protocol="iiif"}'] >= 2 * region.body.length);
  assert.equal(values['microtome_answer_seconds_count{protocol="iiif"}'], 3);
  assert.equal(values['microtome_answer_seconds_bucket{protocol="iiif",le="+Inf"}'], 3);
  assert.ok(values['microtome_stage_seconds_total{protocol="iiif",stage="work"}'] > 0);
  assert.ok(values['microtome_answer_seconds_sum{protocol="iiif"}'] >= values['microtome_stage_seconds_total{protocol="iiif",stage="work"}']);
  assert.ok(values['microtome_pool_threads'] >= 1);
  const buckets = Object.entries(values).filter(([name]) => name.startsWith('microtome_answer_seconds_bucket{protocol="iiif"')).map(([, value]) => value);
  assert.deepEqual(buckets, [...buckets].sort((a, b) => a - b), 'histograms are cumulative');
});

test('each answer is a line of the access log, with the time of its stages', async () => {
  const target = '/iiif/3/a.png/full/333,/0/default.jpg?x="y"';
  const answer = await get(port, target, { 'User-Agent': 'a "quoted" agent', Referer: 'http://here/' });
  const line = await logged(target);
  assert.equal(line.remote, '127.0.0.1');
  assert.equal(line.method, 'GET');
  assert.equal(line.version, 'HTTP/1.1');
  assert.equal(line.status, 200);
  assert.equal(line.bytes, answer.body.length);
  assert.equal(line.agent, 'a "quoted" agent');
  assert.equal(line.referer, 'http://here/');
  assert.equal(line.protocol, 'iiif');
  assert.match(line.plan, /region|decode/);
  assert.ok(line.work_us > 0);
  assert.ok(['plan_us', 'queue_us', 'send_us'].every((stage) => line[stage] >= 0));
  assert.equal(line.whole, true);
  await get(port, target);
  assert.equal((await eventually(() => lines().filter((other) => other.target === target)[1], 'the second line')).plan, 'cached');
});

test('HEAD, errors, refusals and POST have their lines too', async () => {
  const raw = await Raw.open(port);
  raw.write('HEAD /iip?FIF=a.png&JTL=0,0 HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal((await raw.response({ method: 'HEAD' })).status, 200);
  raw.write('GET /none HTTP/1.1\r\nHost: x\r\n\r\nBROKEN\r\n\r\n');
  assert.equal((await raw.response()).status, 404);
  assert.equal((await raw.response()).status, 400);
  raw.close();
  const head = await logged('/iip?FIF=a.png&JTL=0,0');
  assert.deepEqual([head.method, head.bytes, head.status, head.whole], ['HEAD', 0, 200, true]);
  assert.equal((await logged('/none')).status, 404);
  await eventually(() => lines().some((line) => line.status === 400), 'the refusal');
});

test('FastCGI requests are counted and logged alike', async () => {
  const connection = await Fcgi.open(scratch.file('s'));
  connection.send(1, '/iiif/3/a.png/full/222,/0/default.jpg');
  const answer = await connection.answer(1);
  connection.close();
  const line = await logged('/iiif/3/a.png/full/222,/0/default.jpg');
  assert.deepEqual([line.status, line.bytes, line.whole, line.protocol], [200, answer.body.length, true, 'iiif']);
});

test('a client that leaves before its answer is 499 and counted as cut', async () => {
  const target = '/iiif/3/a.png/full/^4000,/0/default.png';
  const raw = await Raw.open(port);
  raw.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  raw.reset();
  const line = await logged(target);
  assert.equal(line.whole, false);
  assert.equal(line.status, 499);
  const values = await metrics();
  assert.ok(values['microtome_answers_cut_total{protocol="other"}'] + values['microtome_answers_cut_total{protocol="iiif"}'] >= 1);
});

test('SIGHUP opens the log anew', async () => {
  renameSync(scratch.file('access.log'), scratch.file('old.log'));
  server.child.kill('SIGHUP');
  await eventually(() => existsSync(scratch.file('access.log')), 'the new file');
  await get(port, '/healthz?after');
  await logged('/healthz?after');
});
