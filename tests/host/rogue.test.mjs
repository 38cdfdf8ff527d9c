// SPDX-License-Identifier: Apache-2.0
// Apps that misbehave: what the client gets. One row each; the host must live on, and the next answer must be whole.
import assert from 'node:assert/strict';
import { after, before, test } from '../lib/test.mjs';
import { app, host, rogue } from './host.mjs';

let server;
before(async () => {
  server = await host((place) => `
    fastcgi.server = ( ${app(place, rogue('--values', '1,1,0'), { key: '/one', name: 'one', 'read-timeout': 2 })},
                       ${app(place, rogue('--values', '9,9,1'), { key: '/many', name: 'many', 'read-timeout': 2 })},
                       ${app(place, rogue(), { key: '/none', name: 'none', 'read-timeout': 2 })} )`,
  { files: { '1k.txt': 'x'.repeat(1024) } });
});
after(async () => {
  const how = await server.stop();
  assert.deepEqual(how, { code: 0, signal: null });
});

// behaviour: [status, whole body or null for "not whole or closed", more checks]
const rows = {
  good: [200, 'hello\n'],
  bytes: [200, 'hello\n'],
  padding: [200, 'hello\n'],
  noempty: [200, 'hello\n'],
  foreign: [502],
  foreignstay: [504],
  unknown: [200, 'hello\n'],
  version2: [502],
  http: [502],
  noend: [200, 'hello\n'],
  noendnolength: [200, null],
  noheader: [502],
  empty: [502],
  endonly: [502],
  overloaded: [503, undefined, (answer) => assert.ok(answer.headers['retry-after'])],
  unknownrole: [502],
  status42: [200, 'hello\n'],
  toolong: [200, 'hel'],
  tooshort: [200, null],
  location: [302, '', (answer) => assert.equal(answer.headers.location, '/1k.txt')],
  nph: [404, 'not here'],
  lf: [404, 'not here'],
  stderr: [200, 'hello\n'],
  bighead: [502],
  after: [200, 'hello\n'],
  chunked: [200, 'hello\n'],
  chunkedshort: [200, null],
  status999: [502],
  statusabc: [502],
  status100: [502],
  barecr: [502],
  nul: [502],
  badname: [502],
  badlength: [502],
  twolengths: [200, 'hello'],
  hopbyhop: [200, 'hello\n', (answer) => {
    assert.equal(answer.headers['x-b'], '1');
    for (const name of ['keep-alive', 'upgrade', 'trailer']) assert.equal(answer.headers[name], undefined);
  }],
  s204: [204, ''],
  s304: [304, ''],
  close: [502],
  reset: [502],
  middle: [200, null],
  middlelength: [200, null],
  halfrecord: [502],
  shortend: [200, null],
  hang: [504],
  hanghead: [504],
  hangbody: [200, null],
  die: [502],
};

for (const [kind, what] of [['one', 'one connection'], ['many', 'multiplexing'], ['none', 'no GET_VALUES']]) {
  for (const [name, [status, body, check]] of Object.entries(rows)) {
    test(`${name}, ${what}: ${status}${body === null ? ', visibly cut' : ''}`, async () => {
      const answer = await server.get(`/${kind}?do=${name}`);
      assert.ok(answer, 'no answer');
      assert.equal(answer.status, status);
      if (body === null) assert.equal(answer.whole, false, `looks whole: ${answer.body}`);
      else assert.equal(answer.whole, true);
      if (typeof body === 'string') assert.equal(answer.body.toString(), body);
      check?.(answer);
      // Nothing of it is left for the next one.
      const next = await server.get(`/${kind}?do=good`);
      assert.equal(next.status, 200);
      assert.equal(next.body.toString(), 'hello\n');
      assert.equal(next.headers['x'], undefined);
    });
  }
}
