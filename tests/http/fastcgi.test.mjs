// SPDX-License-Identifier: Apache-2.0
// The FastCGI responder, record by record: what web servers send, what they never should, and how answers interleave.
import assert from 'node:assert/strict';
import { after, before, test } from '../lib/test.mjs';
import { createServer } from 'node:net';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { bin, eventually, scratchDir, sleep, spawn, start } from '../lib/process.mjs';
import { Fcgi, ask, begin, cgi, pair, pairs, readPairs, record, status, stream, type } from '../lib/fcgi.mjs';
import { get } from '../lib/raw.mjs';

const scratch = scratchDir('net-fcgi');
const picture = Buffer.alloc(300000);
for (let i = 0; i < picture.length; i += 1) picture[i] = (i * 7919) >> 5;
writeFileSync(scratch.file('picture'), picture);

let sockets = 0;
async function serve(...options) {
  sockets += 1;
  const path = scratch.file(`s${sockets}.sock`);
  const server = await start('net_test_server', ['--fastcgi', `unix:${path}`, '--fastcgi', '127.0.0.1:0', '--file', scratch.file('picture'), ...options], { ready: /ready/ });
  server.path = path;
  server.port = Number(/fastcgi 127\.0\.0\.1:(\d+)/.exec(server.out)[1]);
  return server;
}
let server;
let quick;
before(async () => {
  server = await serve('--listen', '127.0.0.1:0');
  server.http = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(server.out)[1]);
  quick = await serve('--header-deadline', '1', '--write-deadline', '1', '--max-body', '1000', '--max-params', '4000',
    '--max-target', '500', '--max-requests', '3', '--idle-deadline', '1');
});
after(async () => {
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.deepEqual(await quick.stop(), { code: 0, signal: null });
  scratch.remove();
});
const json = (answer) => JSON.parse(answer.body.toString());
const gone = async () => Number((await get(server.http, '/gone')).body.toString());

test('one request a connection, as lighttpd does it: answered, ended, closed', async () => {
  for (const where of [server.path, server.port]) {
    const answer = await ask(where, '/echo?x=1');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-length'], String(answer.body.length));
    assert.deepEqual([answer.app, answer.protocol, answer.ended, answer.closed, answer.error], [0, status.complete, true, true, null]);
    assert.deepEqual([json(answer).path, json(answer).query, json(answer).remote], ['/echo', 'x=1', '192.0.2.7']);
    for (const name of ['date', 'connection', 'transfer-encoding', 'keep-alive']) assert.equal(answer.headers[name], undefined);
  }
});

test('status is always said; errors, 304 and HEAD are whole answers', async () => {
  assert.equal((await ask(server.path, '/nothing')).headers.status, '404 Not Found');
  assert.equal((await ask(server.path, '/drop')).status, 500);
  const fresh = await ask(server.path, '/status?n=304');
  assert.deepEqual([fresh.status, fresh.body.length, fresh.headers['content-length']], [304, 0, undefined]);
  const head = await ask(server.path, '/file', { params: { REQUEST_METHOD: 'HEAD' } });
  assert.deepEqual([head.status, head.body.length, head.headers['content-length']], [200, 0, String(picture.length + 600)]);
  const bad = await ask(server.path, '/bad-header');
  assert.equal(bad.headers['x-smuggled'], undefined);
});

test('a kept connection serves request after request', async () => {
  const connection = await Fcgi.open(server.path);
  for (let i = 0; i < 50; i += 1) {
    const target = i % 2 ? `/file?o=${i}&n=1000` : '/later?ms=1';
    connection.send(1 + (i % 3), target);
    const answer = await connection.answer(1 + (i % 3));
    assert.equal(answer.status, 200);
    if (i % 2) assert.ok(answer.body.subarray(600).equals(picture.subarray(i, i + 1000)));
  }
  assert.equal(connection.over, false);
  connection.close();
});

test('parameters may be cut anywhere, padded, and spelled with long lengths', async () => {
  const params = pairs(cgi('/echo?a=b', { HTTP_X_LONG: 'v'.repeat(300) }), true);
  for (const size of [1, 2, 7, 8, 255, 4000]) {
    const connection = await Fcgi.open(server.path);
    connection.write(Buffer.concat([begin(9), stream(type.params, 9, params, { size, padding: 255 }), record(type.stdin, 9)]));
    const seen = json(await connection.answer(9));
    assert.equal(seen.query, 'a=b');
    assert.ok(seen.headers.some(([name, value]) => name === 'X-Long' && value.length === 300));
    connection.close();
  }
});

test('bytes may arrive one at a time', async () => {
  const connection = await Fcgi.open(server.path);
  await connection.trickle(Buffer.concat([begin(1), stream(type.params, 1, pairs(cgi('/echo', { REQUEST_METHOD: 'POST', CONTENT_LENGTH: '4' }))),
    stream(type.stdin, 1, 'body', { size: 1, padding: 2 })]), 0);
  assert.equal(json(await connection.answer(1)).body, 'body');
  connection.close();
});

test('bodies: known length, unknown length, more and less than said', async () => {
  const post = { REQUEST_METHOD: 'POST' };
  assert.equal(json(await ask(server.path, '/echo', { params: post, body: 'x'.repeat(100000), split: 8192 })).body.length, 100000);
  assert.equal(json(await ask(server.path, '/echo', { params: { ...post, CONTENT_LENGTH: '' }, body: 'hello' })).body, 'hello');
  assert.equal(json(await ask(server.path, '/echo', { params: { ...post, CONTENT_LENGTH: '3' }, body: 'hello' })).body, 'hel');
  assert.equal((await ask(server.path, '/echo', { params: { ...post, CONTENT_LENGTH: '9' }, body: 'hello' })).status, 400);
});

test('GET_VALUES and unknown management records are answered while a request is being worked on', async () => {
  const connection = await Fcgi.open(server.path);
  connection.send(1, '/later?ms=300');
  connection.write(record(type.getValues, 0, pairs({ FCGI_MAX_CONNS: '', FCGI_MPXS_CONNS: '', FCGI_MAX_REQS: '', OTHER: '' })));
  const values = readPairs((await connection.managed()).content);
  assert.deepEqual(Object.keys(values).sort(), ['FCGI_MAX_CONNS', 'FCGI_MAX_REQS', 'FCGI_MPXS_CONNS']);
  assert.equal(values.FCGI_MPXS_CONNS, '1');
  assert.ok(Number(values.FCGI_MAX_CONNS) >= 100);
  connection.write(record(99, 0, 'whatever'));
  const unknown = await connection.managed();
  assert.deepEqual([unknown.kind, unknown.content[0], unknown.content.length], [type.unknown, 99, 8]);
  connection.write(record(type.getValues, 0, Buffer.from([200, 1, 2])));
  assert.equal((await connection.managed()).kind, type.getValuesResult);
  assert.equal(connection.requests.has(1), false, 'the request is still running');
  assert.equal((await connection.answer(1)).body.toString(), 'later\n');
  connection.close();
});

test('other roles get UNKNOWN_ROLE, and the rest of their records is swallowed', async () => {
  const connection = await Fcgi.open(server.path);
  for (const role of [2, 3, 77]) {
    connection.send(4, '/echo', { role, body: 'x', params: { REQUEST_METHOD: 'POST' } });
    assert.equal((await connection.answer(4)).protocol, status.unknownRole);
  }
  connection.send(4, '/hello');
  assert.equal((await connection.answer(4)).status, 200);
  connection.close();
  const closing = await ask(server.path, '/echo', { role: 2 });
  assert.deepEqual([closing.protocol, closing.closed, closing.error], [status.unknownRole, true, null]);
});

test('requests on one connection are answered as they become ready', async () => {
  const connection = await Fcgi.open(server.path);
  connection.send(1, '/later?ms=300').send(2, '/later?ms=100').send(3, '/hello');
  const order = [];
  await Promise.all([1, 2, 3].map(async (id) => { await connection.untilDigested(() => connection.requests.get(id)?.done); order.push(id); }));
  const ends = connection.order.filter(({ kind }) => kind === type.end).map(({ id }) => id);
  assert.deepEqual(ends, [3, 2, 1]);
  connection.close();
});

test('records of requests may be mixed in any way', async () => {
  const connection = await Fcgi.open(server.path);
  const [a, b] = [pairs(cgi('/echo?a', { REQUEST_METHOD: 'POST', CONTENT_LENGTH: '2' })), pairs(cgi('/echo?b'))];
  connection.write(Buffer.concat([
    begin(10), record(type.params, 10, a.subarray(0, 11)), begin(65535), record(type.params, 65535, b.subarray(0, 50)),
    record(type.params, 10, a.subarray(11)), record(type.params, 10), record(type.stdin, 10, 'x'), record(type.params, 65535, b.subarray(50)),
    record(type.params, 65535), record(type.stdin, 10, 'y'), record(type.stdin, 65535), record(type.stdin, 10),
  ]));
  assert.equal(json(await connection.answer(65535)).query, 'b');
  const first = json(await connection.answer(10));
  assert.deepEqual([first.query, first.body], ['a', 'xy']);
  connection.close();
});

test('a large answer does not hold up small ones on the same connection', async () => {
  const connection = await Fcgi.open(server.path);
  connection.socket.pause();
  connection.send(1, '/big?n=5000000');
  await sleep(50);
  connection.send(2, '/big?n=50000').send(3, '/hello');
  await sleep(50);
  connection.socket.resume();
  const [small, tiny, large] = await Promise.all([connection.answer(2), connection.answer(3), connection.answer(1)]);
  assert.deepEqual([small.body.length, tiny.body.toString(), large.body.length], [50000, 'hello\n', 5000000]);
  const position = (id) => connection.order.findIndex((entry) => entry.id === id && entry.kind === type.end);
  assert.ok(Math.max(position(2), position(3)) < position(1) / 2, `${position(3)} ${position(2)} ${position(1)}`);
  // While others wait, a record is at most 16 KiB.
  const shared = connection.order.slice(connection.order.findIndex(({ id }) => id !== 1), position(2));
  assert.ok(shared.filter(({ id }) => id === 1).every(({ size }) => size <= 16384));
  connection.close();
});

test('a hundred requests at a time on one connection', async () => {
  const connection = await Fcgi.open(server.port);
  for (let id = 1; id <= 100; id += 1) connection.send(id, `/file?o=${id * 10}&n=20000`);
  for (let id = 1; id <= 100; id += 1) {
    const { body } = await connection.answer(id);
    assert.ok(body.subarray(600).equals(picture.subarray(id * 10, id * 10 + 20000)));
  }
  connection.close();
});

test('more requests than allowed get OVERLOADED, not a wait', async () => {
  const connection = await Fcgi.open(quick.path);
  for (let id = 1; id <= 4; id += 1) connection.send(id, '/later?ms=300');
  assert.equal((await connection.answer(4)).protocol, status.overloaded);
  for (let id = 1; id <= 3; id += 1) assert.equal((await connection.answer(id)).status, 200);
  connection.send(4, '/hello');
  assert.equal((await connection.answer(4)).status, 200, 'the id is free again');
  connection.close();
});

test('ABORT_REQUEST ends the request and cancels its work; the connection goes on', async () => {
  const before = await gone();
  const connection = await Fcgi.open(server.path);
  connection.send(1, '/hold').send(2, '/later?ms=100');
  await gone(); // by the same loop: it has seen them
  connection.write(record(type.abort, 1)).write(record(type.abort, 77));
  const aborted = await connection.answer(1);
  assert.deepEqual([aborted.protocol, aborted.body.length], [status.complete, 0]);
  assert.equal((await connection.answer(2)).status, 200);
  await eventually(async () => (await gone()) === before + 1, 'cancelled');
  // In the middle of the parameters.
  connection.write(Buffer.concat([begin(5), record(type.params, 5, 'abc'), record(type.abort, 5)]));
  assert.equal((await connection.answer(5)).protocol, status.complete);
  connection.write(Buffer.concat([record(type.params, 5), record(type.stdin, 5)])).send(5, '/hello');
  assert.equal((await connection.answer(5)).status, 200);
  connection.close();
});

test('a web server that closes the connection cancels what runs on it', async () => {
  const before = await gone();
  for (const where of [server.path, server.port]) {
    const connection = await Fcgi.open(where);
    connection.send(1, '/hold').send(2, '/hold');
    await gone();
    connection.close();
  }
  await eventually(async () => (await gone()) === before + 4, 'cancelled');
});

test('a web server that only stops writing on a unix socket still gets its answer', async () => {
  const connection = await Fcgi.open(server.path);
  connection.send(1, '/later?ms=100', { keep: false }).end();
  assert.equal((await connection.answer(1)).body.toString(), 'later\n');
  connection.close();
});

test('early answers: what still comes is swallowed and the answer survives', async () => {
  for (const keep of [true, false]) {
    const connection = await Fcgi.open(quick.path);
    connection.write(Buffer.concat([begin(1, { keep }), stream(type.params, 1, pairs(cgi('/echo', { REQUEST_METHOD: 'POST', CONTENT_LENGTH: '500000' })))]));
    const answer = await connection.answer(1);
    assert.equal(answer.status, 413);
    connection.write(stream(type.stdin, 1, Buffer.alloc(500000)));
    if (keep) {
      connection.send(1, '/hello');
      assert.equal((await connection.answer(1)).status, 200);
    } else {
      connection.end();
      await connection.rest();
      assert.equal(connection.error, null);
    }
    connection.close();
  }
});

test('limits: parameters, target, body', async () => {
  assert.equal((await ask(quick.path, '/echo', { params: { HTTP_X: 'x'.repeat(5000) } })).status, 431);
  assert.equal((await ask(quick.path, `/echo?${'x'.repeat(600)}`)).status, 414);
  assert.equal((await ask(quick.path, '/echo', { params: { REQUEST_METHOD: 'POST', CONTENT_LENGTH: '' }, body: 'x'.repeat(2000) })).status, 413);
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`P${i}`, '']));
  assert.equal((await ask(server.path, '/echo', { params: many })).status, 431);
});

test('malformed parameters get 400, and the connection goes on', async () => {
  const connection = await Fcgi.open(server.path);
  const all = pairs(cgi('/echo'));
  const bad = [
    all.subarray(0, all.length - 1), Buffer.from([255, 255, 255, 255, 1]), Buffer.from([5]),
    Buffer.concat([all, pair('HTTP_X', 'a\r\nb')]), Buffer.concat([all, pair('CONTENT_LENGTH', '-1')]),
    pairs(cgi('/x', { PATH_INFO: '/../x' })), pairs(cgi('/x', { PATH_INFO: '/a\0b' })), pairs(cgi('/x', { REQUEST_METHOD: 'a b' })),
  ];
  for (const params of bad) {
    connection.write(Buffer.concat([begin(1), stream(type.params, 1, params), record(type.stdin, 1)]));
    assert.equal((await connection.answer(1)).status, 400);
  }
  connection.send(1, '/hello');
  assert.equal((await connection.answer(1)).status, 200);
  connection.close();
});

test('what is no FastCGI closes the connection at once', async () => {
  for (const junk of ['GET / HTTP/1.1\r\n\r\n', record(type.begin, 1, Buffer.alloc(8), { version: 2 }), '\x00']) {
    const connection = await Fcgi.open(server.path);
    connection.write(junk);
    assert.equal((await connection.rest(5000)).length, 0);
    connection.close();
  }
  const short = await Fcgi.open(server.path);
  short.write(record(type.begin, 1, 'abc'));
  await short.rest(5000);
  const twice = await Fcgi.open(server.path);
  twice.write(Buffer.concat([begin(1), begin(1)]));
  await twice.rest(5000);
  assert.equal((await ask(server.path, '/hello')).status, 200);
});

test('records for ids that are not open, and unknown types, are ignored', async () => {
  const connection = await Fcgi.open(server.path);
  connection.write(Buffer.concat([record(type.stdin, 8, 'x'), record(type.params, 9, 'x'), record(type.stdout, 8, 'x'), record(50, 8, 'x'),
    begin(1), record(50, 1, 'x'), record(type.data, 1, 'x')]));
  connection.write(Buffer.concat([stream(type.params, 1, pairs(cgi('/hello'))), record(type.stdin, 1)]));
  assert.equal((await connection.answer(1)).status, 200);
  assert.equal(connection.management.length, 0);
  connection.close();
});

test('produced answers: whole, failing at once, failing later', async () => {
  const whole = await ask(server.path, '/produce?n=100000&count=20');
  assert.deepEqual([whole.status, whole.body.length, whole.headers['content-length']], [200, 2000000, undefined]);
  const known = await ask(server.path, '/produce?n=1000&count=5&known=1');
  assert.deepEqual([known.body.length, known.headers['content-length']], [5000, '5000']);
  assert.equal((await ask(server.path, '/produce?fail=1')).status, 500);
  const connection = await Fcgi.open(server.path);
  connection.send(1, '/produce?fail=3');
  const cut = await connection.answer(1);
  assert.ok(!cut?.whole && connection.over, 'no END_REQUEST, the connection is cut');
  const shared = await Fcgi.open(server.path);
  shared.send(1, '/later?ms=300').send(2, '/produce?fail=3');
  assert.equal((await shared.answer(2)).app, 1, 'where others would suffer, END_REQUEST says it');
  assert.equal((await shared.answer(1)).status, 200);
  shared.close();
});

test('a file that is shorter than promised cuts the connection', async () => {
  const connection = await Fcgi.open(server.path);
  connection.send(1, `/file?o=${picture.length - 100}&n=5000`);
  const answer = await connection.answer(1);
  assert.ok(!answer?.whole && connection.over);
  assert.equal((await ask(server.path, '/hello')).status, 200);
});

test('slow parameters and slow bodies are given up; unused connections are closed', async () => {
  const slow = await Fcgi.open(quick.path);
  slow.write(Buffer.concat([begin(1), record(type.params, 1, 'x')]));
  assert.equal((await slow.answer(1)).status, 408);
  slow.close();
  const unused = await Fcgi.open(quick.path);
  assert.equal((await unused.rest()).length, 0);
  const kept = await Fcgi.open(quick.path);
  kept.send(1, '/hello');
  await kept.answer(1);
  await sleep(2000);
  assert.equal(kept.over, false, 'a kept connection belongs to the web server');
  kept.close();
});

test('a web server that does not read is cut off', async () => {
  const connection = await Fcgi.open(quick.port);
  connection.socket.pause();
  connection.send(1, '/big?n=50000000');
  const poke = setInterval(() => connection.write(record(type.stdin, 9)), 100);
  try {
    await eventually(() => connection.error !== null, 'reset');
  } finally {
    clearInterval(poke);
  }
});

test('paths as the web servers spell them', async () => {
  const spelled = async (params) => { const seen = json(await ask(server.path, '/', { params })); return `${seen.mount} ${seen.path}`; };
  assert.equal(await spelled({ SCRIPT_NAME: '/cgi-bin', PATH_INFO: '/wlziipsrv.fcgi/echo', REQUEST_URI: '/cgi-bin/wlziipsrv.fcgi/echo' }), '/cgi-bin/wlziipsrv.fcgi /echo');
  assert.equal(await spelled({ SCRIPT_NAME: '/echo', PATH_INFO: '', REQUEST_URI: '/echo?x' }), ' /echo');
});

test('only the web servers that FCGI_WEB_SERVER_ADDRS names may connect', async () => {
  for (const [addresses, tcp, local] of [['10.0.0.0/8, ::1', false, false], ['127.0.0.0/8', true, false], ['unix', false, true], ['', true, true]]) {
    const path = scratch.file('allowed.sock');
    const guarded = await start('net_test_server', ['--fastcgi', '127.0.0.1:0', '--fastcgi', `unix:${path}`], { ready: /ready/, env: { FCGI_WEB_SERVER_ADDRS: addresses } });
    const port = Number(/fastcgi 127\.0\.0\.1:(\d+)/.exec(guarded.out)[1]);
    const answers = async (where) => (await ask(where, '/hello').catch(() => null))?.status === 200;
    assert.equal(await answers(port), tcp, `${addresses}: TCP`);
    assert.equal(await answers(path), local, `${addresses}: unix`);
    await guarded.stop();
  }
});

test('a listening socket on fd 0 makes it a FastCGI app', async () => {
  const listener = createServer();
  await new Promise((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
  const { port } = listener.address();
  const child = spawn(`${bin}/net_test_server`, [], { stdio: [listener._handle.fd, 'pipe', 'inherit'] });
  await new Promise((resolve) => { child.stdout.on('data', (text) => /ready/.test(text) && resolve()); });
  listener.close(); // the child has its own copy; ours would take connections away
  assert.equal((await ask(port, '/hello')).status, 200);
  child.kill('SIGUSR1');
  const code = await new Promise((resolve) => { child.on('exit', resolve); });
  assert.equal(code, 0, 'SIGUSR1 ends it as SIGTERM does');
});

test('SIGTERM: running requests are answered, new ones refused, then it ends', async () => {
  const stopping = await serve();
  const connection = await Fcgi.open(stopping.path);
  connection.send(1, '/later?ms=2000');
  const idle = await Fcgi.open(stopping.path);
  idle.send(1, '/hello');
  await idle.answer(1);
  const ended = stopping.stop();
  assert.equal((await idle.rest()).length, 0);
  await sleep(50);
  connection.send(2, '/hello');
  assert.equal((await connection.answer(2)).protocol, status.overloaded);
  assert.equal((await connection.answer(1)).status, 200);
  connection.end();
  assert.deepEqual(await ended, { code: 0, signal: null });
  assert.equal(existsSync(stopping.path), false);
});

test('no connection is left behind', async () => {
  await eventually(() => readdirSync(`/proc/${server.pid}/fd`).length < 20, 'open descriptors');
});
