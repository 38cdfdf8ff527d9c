// SPDX-License-Identifier: Apache-2.0
// fcgi-check responder: a proper app passes every row, each flaw is found by the rows that are about it, and real apps
// are judged as they behave.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from '../lib/test.mjs';
import { bin, scratchDir, spawn, start } from '../lib/process.mjs';
import { toyApp } from './toy-app.mjs';

const scratch = scratchDir('fcgi-check');
after(() => scratch.remove());

function check(...args) {
  return new Promise((resolve) => {
    const child = spawn(join(bin, 'fcgi-check'), args);
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

// Names of the rows with this verdict.
async function rows(address, ...args) {
  const { code, out } = await check('responder', address, '--json', ...(args.includes('--timeout') ? [] : ['--timeout', '700']), ...args);
  const report = JSON.parse(out);
  const named = (verdict) => report.rows.filter((row) => row.verdict === verdict).map((row) => row.name);
  return { code, report, failed: named('fail'), warned: named('warn'), skipped: named('skip') };
}

async function withToy(flaws, use) {
  const toy = await toyApp(0, flaws);
  try {
    return await use(`127.0.0.1:${toy.port}`);
  } finally {
    await toy.close();
  }
}

test('an app that does everything by the book passes every row', async () => {
  const { code, report, failed, warned, skipped } = await withToy([], (address) => rows(address));
  assert.deepEqual({ code, failed, warned, skipped }, { code: 0, failed: [], warned: [], skipped: ['stdin-after-answer'] });
  assert.ok(report.rows.length >= 60);
  assert.ok(report.rows.every((row) => /^(FastCGI [2-6]\.\d|RFC 3875 )/.test(row.clause)));
});

// flaw of the toy: the row that must fail (or warn) because of it, and how.
const flaws = [
  ['close-without-end', 'request', /closed without END_REQUEST/],
  ['silent', 'request', /no END_REQUEST in time/],
  ['short-end', 'request', /3 bytes of content/],
  ['overloaded', 'request', /protocolStatus 2/],
  ['wrong-id', 'request', /END_REQUEST/],
  ['version', 'keeps-with-keep-conn', /version 2|END_REQUEST/],
  ['stays-open', 'closes-without-keep-conn', /stays open/],
  ['closes-anyway', 'keeps-with-keep-conn', /closed/],
  ['closes-anyway', 'many-on-one-connection', /request 2/],
  ['no-stdout', 'stdout-present', /without any STDOUT/],
  ['no-empty-stdout', 'stdout-ended', /no empty STDOUT/],
  ['stdout-after-end', 'request', /after its end|goes on/],
  ['after-end', 'many-on-one-connection', /after its END_REQUEST/],
  ['only-id-1', 'request-id-256', /closed/],
  ['no-head', 'header-block', /header/],
  ['no-cgi-field', 'header-cgi-field', /none of/],
  ['bad-status', 'header-status', /fine/],
  ['hop-by-hop', 'header-hop-by-hop', /connection/],
  ['wrong-length', 'content-length', /99/],
  ['head-body', 'head-without-body', /6 bytes/],
  ['any-role', 'unknown-role', /protocolStatus|END_REQUEST/],
  ['small-bodies', 'post-large', /END_REQUEST/],
  ['no-padding', 'padding-255', /END_REQUEST/],
  ['one-params-record', 'params-in-1-byte-records', /closed/],
  ['checks-flags', 'flags-reserved', /closed/],
  ['believes-length', 'stdin-short', /END_REQUEST/],
  ['believes-length', 'stdin-long', /END_REQUEST/],
  ['no-values', 'get-values', /no answer/],
  ['bad-values', 'get-values', /decimal/],
  ['echo-values', 'get-values-unknown', /cannot know/],
  ['all-values', 'get-values-empty', /not asked/],
  ['no-unknown-type', 'unknown-management-type', /no answer/],
  [['one-at-a-time', 'ignores-second'], 'two-requests', /second of two/],
  ['one-connection', 'idle-connection', /cannot connect|END_REQUEST/],
  ['no-abort', 'abort', /END_REQUEST/],
  ['inactive', 'inactive-ids', /closed/],
  ['inactive', 'abort-of-nothing', /closed/],
  ['unknown-app-type', 'unknown-application-type', /closed/],
  ['dies', 'survives-version-2', /cannot connect/],
  ['dies', 'survives-short-begin', /cannot connect/],
];

for (const [flaw, row, detail] of flaws) {
  test(`${[flaw].flat().join(', ')}: ${row} finds it`, async () => {
    const { code, report } = await withToy([flaw].flat(), (address) => rows(address, '--only', row));
    const found = report.rows.find(({ name }) => name === row);
    assert.match(found.verdict, /^(fail|warn)$/);
    assert.match(found.detail, detail);
    if (found.verdict === 'fail') assert.equal(code, 1);
  });
}

test('our own app passes every row', async () => {
  mkdirSync(scratch.file('pictures'), { recursive: true });
  const address = `unix:${scratch.file('app.sock')}`;
  const app = await start('microtome', ['fcgi', '--listen', address, '--root', scratch.file('pictures')], { ready: /listening/ });
  const { code, failed, warned } = await rows(address, '--timeout', '5000').finally(() => app.stop());
  assert.deepEqual({ code, failed, warned }, { code: 0, failed: [], warned: [] });
});

test('the text: a line for each row, the clause, the sums', async () => {
  const text = await withToy([], (address) => check('responder', address, '--only', 'request'));
  assert.equal(text.code, 0);
  assert.match(text.out, /^pass {2}request {3,}a request is answered .*\[FastCGI 6\.2\]$/m);
  assert.match(text.out, /\d+ passed, 0 failed/);
});

test('what cannot be tested is no verdict', async () => {
  const nobody = await check('responder', scratch.file('nobody.sock'));
  assert.equal(nobody.code, 2);
  assert.match(nobody.err, /cannot connect/);
  assert.equal((await check('responder', 'nonsense')).code, 2);
  assert.equal((await check()).code, 2);
});
