// SPDX-License-Identifier: Apache-2.0
// A small FastCGI app that does everything by the book, but for what `flaws` names: proof that a row can fail.
import { createServer } from 'node:net';
import { pairs, readPairs, record, type } from '../lib/fcgi.mjs';

const end = (id, protocol = 0, app = 0) => record(type.end, id, Buffer.from([0, 0, 0, app, protocol, 0, 0, 0]));
const known = { FCGI_MAX_CONNS: '100', FCGI_MAX_REQS: '100', FCGI_MPXS_CONNS: '1' };

function answerTo(socket, id, request, has) {
  const method = request.values.REQUEST_METHOD;
  const body = method === 'HEAD' && !has('head-body') ? '' : 'hello\n';
  const status = has('bad-status') ? 'Status: fine\r\n' : 'Status: 200 OK\r\n';
  const kind = has('no-cgi-field') ? 'X-Nothing: x\r\n' : `${status}Content-Type: text/plain\r\n`;
  const length = has('wrong-length') ? 'Content-Length: 99\r\n' : has('no-length') || method === 'HEAD' ? '' : `Content-Length: ${body.length}\r\n`;
  const head = has('no-head') ? 'hello\n' : `${kind}${length}${has('hop-by-hop') ? 'Connection: close\r\n' : ''}\r\n`;
  const out = has('wrong-id') ? (id % 65535) + 1 : id;
  if (!has('no-stdout')) socket.write(record(type.stdout, out, head + body));
  if (!has('no-empty-stdout') && !has('no-stdout')) socket.write(record(type.stdout, out));
  if (has('stdout-after-end')) socket.write(record(type.stdout, out, 'x'));
  if (has('close-without-end')) return socket.end();
  if (has('silent')) return undefined;
  if (has('short-end')) socket.write(record(type.end, out, 'abc'));
  else socket.write(end(out, has('overloaded') ? 2 : 0));
  if (has('after-end')) socket.write(record(type.stdout, out, 'more'));
  if (has('version')) socket.write(record(type.stdout, out, '', { version: 2 }));
  if (has('closes-anyway') || (!request.keep && !has('stays-open'))) socket.end();
  return undefined;
}

export function toyApp(where, flaws = []) {
  const has = (name) => flaws.includes(name);
  const sockets = new Set();
  let total = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {}).on('end', () => socket.end());
    let data = Buffer.alloc(0);
    const open = new Map();
    const take = (kind, id, content) => {
      const request = open.get(id);
      if (id === 0) {
        if (kind === type.getValues) {
          if (has('no-values')) return;
          const asked = readPairs(content);
          const found = Object.fromEntries(Object.entries(known).filter(([name]) => has('all-values') || name in asked));
          if (has('echo-values')) Object.assign(found, asked);
          if (has('bad-values')) found.FCGI_MAX_REQS = 'many';
          socket.write(record(type.getValuesResult, 0, pairs(found)));
        } else if (!has('no-unknown-type')) socket.write(record(type.unknown, 0, Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0])));
      } else if (kind === type.begin) {
        if (content.length < 8 || open.has(id)) {
          if (has('dies')) server.close();
          socket.destroy();
        } else if (has('one-at-a-time') && open.size > 0) {
          if (!has('ignores-second')) socket.write(end(id, 1));
        } else if (content.readUInt16BE(0) !== 1 && !has('any-role')) {
          socket.write(end(id, 3));
          if (!(content[2] & 1)) socket.end();
        } else if (has('only-id-1') && id !== 1) socket.destroy();
        else open.set(id, { keep: has('checks-flags') && content[2] > 1 ? socket.destroy() : content[2] & 1, params: [], body: 0 });
      } else if (!request) {
        if (has('inactive')) socket.destroy();
      } else if (kind === type.abort) {
        if (has('no-abort')) return;
        open.delete(id);
        socket.write(end(id));
      } else if (kind === type.params) {
        if (content.length > 0) request.params.push(content);
        else {
          try {
            request.values = readPairs(Buffer.concat(request.params));
          } catch {
            request.values = {};
          }
          if (has('one-params-record') && request.params.length > 1) socket.destroy();
        }
      } else if (kind === type.stdin) {
        request.body += content.length;
        if (content.length > 0) {
          if (has('small-bodies') && request.body > 100000) socket.pause();
        } else {
          open.delete(id);
          if (has('believes-length') && request.values.CONTENT_LENGTH && Number(request.values.CONTENT_LENGTH) !== request.body) return;
          answerTo(socket, id, request, has);
        }
      } else if (has('unknown-app-type')) socket.destroy();
    };
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      while (data.length >= 8) {
        const size = 8 + data.readUInt16BE(4) + (has('no-padding') ? 0 : data[6]);
        if (data[0] !== 1) {
          if (has('dies')) server.close();
          return void socket.destroy();
        }
        if (data.length < size) return;
        const all = data.subarray(0, size);
        data = data.subarray(size);
        take(all[1], all.readUInt16BE(2), all.subarray(8, 8 + all.readUInt16BE(4)));
      }
    });
    total += 1;
    if (has('one-connection') && total > 1) socket.pause();
  });
  return new Promise((resolve) => server.listen(where, () => resolve({
    port: server.address().port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(() => done()));
    },
  })));
}
