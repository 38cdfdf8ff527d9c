// SPDX-License-Identifier: Apache-2.0
// A FastCGI app that misbehaves in the way its arguments, or the request's query, name. Listens on descriptor 0, or on the socket that `--listen PATH` names.
// What it does with a request: see `behaviours`. GET_VALUES is answered as `--values a,b,c` says; without that, not at all.
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { readPairs, record, pairs, type } from '../lib/fcgi.mjs';

const words = process.argv.slice(2);
const option = (name) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
const values = option('--values')?.split(',');
const fixed = option('--do');

const out = (id, text, options) => record(type.stdout, id, text, options);
const end = (id, app = 0, protocol = 0) => record(type.end, id, Buffer.from([app >>> 24, (app >> 16) & 255, (app >> 8) & 255, app & 255, protocol, 0, 0, 0]));
const done = (id, app = 0) => Buffer.concat([record(type.stdout, id), end(id, app)]);
const good = 'Content-Type: text/plain\r\n\r\nhello\n';
const answer = (id, text) => Buffer.concat([out(id, text), done(id)]);
const split = (id, text, size, options) => Buffer.concat(Array.from({ length: Math.ceil(text.length / size) }, (_, i) => out(id, text.slice(i * size, (i + 1) * size), options)));

const behaviours = {
  good: ({ socket, id }) => socket.write(answer(id, good)),
  bytes: ({ socket, id }) => socket.write(Buffer.concat([split(id, good, 1), done(id)])),
  padding: ({ socket, id }) => socket.write(Buffer.concat([split(id, good, 5, { padding: 255 }), done(id)])),
  noempty: ({ socket, id }) => socket.write(Buffer.concat([out(id, good), end(id)])),
  foreign: ({ socket, id }) => socket.end(Buffer.concat([out(id + 7, good), done(id + 7)])),
  foreignstay: ({ socket, id }) => socket.write(Buffer.concat([out(id + 7, good), done(id + 7)])),
  unknown: ({ socket, id }) => socket.write(Buffer.concat([record(77, id, 'what?'), out(id, good), record(99, 0, 'x'), done(id)])),
  version2: ({ socket, id }) => socket.write(record(type.stdout, id, good, { version: 2 })),
  http: ({ socket }) => socket.write('HTTP/1.1 200 OK\r\n\r\nnot FastCGI'),
  noend: ({ socket, id }) => socket.end(out(id, 'Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n')),
  noendnolength: ({ socket, id }) => socket.end(out(id, good)),
  noheader: ({ socket, id }) => socket.write(answer(id, 'just some text, no header at all\n\nmore')),
  empty: ({ socket, id }) => socket.write(done(id)),
  endonly: ({ socket, id }) => socket.write(end(id)),
  overloaded: ({ socket, id }) => socket.write(end(id, 0, 2)),
  unknownrole: ({ socket, id }) => socket.write(end(id, 0, 3)),
  status42: ({ socket, id }) => socket.write(Buffer.concat([out(id, good), done(id, 42)])),
  toolong: ({ socket, id }) => socket.write(answer(id, 'Content-Length: 3\r\n\r\nhello')),
  tooshort: ({ socket, id }) => socket.write(answer(id, 'Content-Length: 30\r\n\r\nhello')),
  location: ({ socket, id }) => socket.write(answer(id, 'Location: /1k.txt\r\n\r\n')),
  nph: ({ socket, id }) => socket.write(answer(id, 'HTTP/1.1 404 Gone Away\r\nContent-Type: text/plain\r\n\r\nnot here')),
  lf: ({ socket, id }) => socket.write(answer(id, 'Status: 404 Not Found\nContent-Type: text/plain\n\nnot here')),
  stderr: ({ socket, id }) => {
    for (let i = 0; i < 16; i++) socket.write(record(type.stderr, id, `${'e'.repeat(999)}\n`.repeat(62)));
    socket.write(answer(id, good));
  },
  bighead: ({ socket, id }) => socket.write(answer(id, `X-A: ${'a'.repeat(70000)}\r\n\r\nx`)),
  after: ({ socket, id }) => socket.write(Buffer.concat([answer(id, good), out(id, 'X: leaked into the next answer\r\n\r\n'), done(id)])),
  chunked: ({ socket, id }) => socket.write(answer(id, 'Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n')),
  chunkedshort: ({ socket, id }) => socket.write(answer(id, 'Transfer-Encoding: chunked\r\n\r\n6\r\nhel')),
  status999: ({ socket, id }) => socket.write(answer(id, 'Status: 999 Odd\r\n\r\nx')),
  statusabc: ({ socket, id }) => socket.write(answer(id, 'Status: abc\r\n\r\nx')),
  status100: ({ socket, id }) => socket.write(answer(id, 'Status: 100 Continue\r\n\r\nx')),
  barecr: ({ socket, id }) => socket.write(answer(id, 'X-A: a\rb\r\n\r\nx')),
  nul: ({ socket, id }) => socket.write(answer(id, 'X-A: a\0b\r\n\r\nx')),
  badname: ({ socket, id }) => socket.write(answer(id, 'X A: b\r\n\r\nx')),
  badlength: ({ socket, id }) => socket.write(answer(id, 'Content-Length: 5x\r\n\r\nhello')),
  twolengths: ({ socket, id }) => socket.write(answer(id, 'Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello')),
  hopbyhop: ({ socket, id }) => socket.write(answer(id, 'Connection: close, X-A\r\nKeep-Alive: 5\r\nUpgrade: x\r\nTrailer: y\r\nX-B: 1\r\n\r\nhello\n')),
  s204: ({ socket, id }) => socket.write(answer(id, 'Status: 204\r\n\r\nbody that must not be')),
  s304: ({ socket, id }) => socket.write(answer(id, 'Status: 304\r\nContent-Length: 5\r\n\r\nhello')),
  close: ({ socket }) => socket.end(),
  reset: ({ socket }) => socket.destroy(),
  middle: ({ socket, id }) => socket.write(out(id, 'Content-Type: text/plain\r\n\r\nhel'), () => setTimeout(() => socket.end(), 50)),
  middlelength: ({ socket, id }) => socket.write(out(id, 'Content-Length: 6\r\n\r\nhel'), () => setTimeout(() => socket.end(), 50)),
  halfrecord: ({ socket, id }) => socket.end(out(id, good).subarray(0, 20)),
  shortend: ({ socket, id }) => socket.write(Buffer.concat([out(id, good), record(type.end, id, 'abc')])),
  hang: ({ query }) => begun(query),
  hanghead: ({ socket, id }) => socket.write(out(id, 'Content-Type: text/pl')),
  hangbody: ({ socket, id }) => socket.write(out(id, 'Content-Length: 6\r\n\r\nhel')),
  die: () => process.exit(3),
  dieonce: ({ socket, id }) => (process.env.COUNT_FILE && first() ? process.kill(process.pid, 'SIGKILL') : socket.write(answer(id, good))),
  closeonce: ({ socket, id }) => (first() ? socket.end() : socket.write(answer(id, good))),
  overloadedonce: ({ socket, id }) => (first() ? socket.write(end(id, 0, 2)) : socket.write(answer(id, good))),
  sendfile: ({ socket, id, query }) => socket.write(answer(id, `${query.has('two') ? `X-Sendfile2: ${query.get('two')}` : `X-Sendfile: ${decodeURIComponent(query.get('path'))}`}\r\nContent-Type: text/x-mine\r\n\r\nnot this`)),
  accel: ({ socket, id, query }) => socket.write(answer(id, `X-Accel-Redirect: ${query.get('path')}\r\n\r\nnot this`)),
  big: ({ socket, id, query }) => {
    const size = Number(query.get('size'));
    socket.write(out(id, `Content-Type: application/octet-stream\r\n${query.get('length') ? `Content-Length: ${size}\r\n` : ''}\r\n`));
    let left = size;
    const more = () => {
      while (left > 0) {
        const step = Math.min(left, 65000);
        left -= step;
        if (!socket.write(out(id, Buffer.alloc(step, 97)))) return socket.once('drain', more);
      }
      socket.write(done(id));
    };
    more();
  },
  // What arrived, as JSON: parameters and the length of the body.
  echo: ({ socket, id, params, body, connections, requests }) =>
    socket.write(answer(id, `Content-Type: application/json\r\n\r\n${JSON.stringify({ params, length: body.length, sum: body.reduce((a, b) => (a + b) % 65521, 0), pid: process.pid, connections, requests, id })}`)),
  slow: async ({ socket, id, query }) => {
    begun(query);
    await new Promise((resolve) => setTimeout(resolve, Number(query.get('ms') ?? 100)));
    socket.write(answer(id, `Content-Type: text/plain\r\n\r\n${process.pid} ${id}\n`));
  },
  env: ({ socket, id }) => socket.write(answer(id, `Content-Type: application/json\r\n\r\n${JSON.stringify({ env: process.env, cwd: process.cwd(), pid: process.pid })}`)),
  authorize: ({ socket, id, params }) => {
    const allowed = params.HTTP_X_KEY === 'open';
    socket.write(answer(id, allowed ? 'Status: 200\r\nVariable-AUTH_METHOD: key\r\nVariable-REMOTE_GROUP: readers\r\nVariable-X-Level: 3\r\n\r\nignored' : 'Status: 403\r\nX-Why: no key\r\n\r\nno key'));
  },
};

// With &say=1: a line on standard error, and so in the host's log, when the request is here.
const begun = (query) => query.get('say') && process.stderr.write('the request is here\n');

let requests = 0;
let connections = 0;
const seen = new Set();

// True the first time, also over restarts when COUNT_FILE names a file.
function first() {
  const file = process.env.COUNT_FILE;
  const fresh = file ? !existsSync(file) : !seen.has('once');
  seen.add('once');
  if (file) writeFileSync(file, 'x');
  return fresh;
}

createServer({ allowHalfOpen: true }, (socket) => {
  connections++;
  let data = Buffer.alloc(0);
  const open = new Map();
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.on('data', (chunk) => {
    data = Buffer.concat([data, chunk]);
    while (data.length >= 8) {
      const [kind, id, length, padding] = [data[1], data.readUInt16BE(2), data.readUInt16BE(4), data[6]];
      if (data.length < 8 + length + padding) return;
      const content = data.subarray(8, 8 + length);
      data = data.subarray(8 + length + padding);
      if (kind === type.getValues && values) {
        const [conns, reqs, mpxs] = values;
        socket.write(record(type.getValuesResult, 0, pairs({ FCGI_MAX_CONNS: conns, FCGI_MAX_REQS: reqs, FCGI_MPXS_CONNS: mpxs })));
      } else if (kind === type.begin) {
        open.set(id, { keep: content[2] & 1, params: [], body: [], role: content.readUInt16BE(0) });
      } else if (kind === type.params && open.has(id)) {
        const request = open.get(id);
        if (length > 0) request.params.push(content);
        else if (request.role === 2) answerTo(id, request);
      } else if (kind === type.stdin && open.has(id)) {
        const request = open.get(id);
        if (length > 0) request.body.push(content);
        else answerTo(id, request);
      } else if (kind === type.abort && open.has(id)) {
        open.delete(id);
        socket.write(end(id));
      }
    }
  });
  async function answerTo(id, request) {
    requests++;
    const params = readPairs(Buffer.concat(request.params));
    const query = new URLSearchParams(params.QUERY_STRING);
    const behaviour = fixed ?? (request.role === 2 ? 'authorize' : (query.get('do') ?? 'good'));
    open.delete(id);
    await behaviours[behaviour]({ socket, id, params, query, body: Buffer.concat(request.body), connections, requests });
    if (!request.keep && !behaviour.startsWith('hang') && behaviour !== 'foreignstay' && behaviour !== 'big' && !socket.destroyed) socket.end();
  }
}).listen(option('--listen') ?? { fd: 0 });
