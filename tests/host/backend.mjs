// SPDX-License-Identifier: Apache-2.0
// An HTTP server behind the proxy of which the test decides every byte: each connection's request is handed to `answer`.
import { createServer } from 'node:net';
import { once } from 'node:events';

// answer(socket, request): request = { text, line, headers (lower case), list, body (so far) }. Returns the backend:
// { port, requests, connections, close() }.
export async function backend(answer, { port = 0 } = {}) {
  const state = { requests: [], connections: 0, sockets: new Set() };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    state.connections += 1;
    state.sockets.add(socket);
    socket.on('close', () => state.sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    let bytes = Buffer.alloc(0);
    let request = null;
    socket.on('data', (chunk) => {
      if (request) {
        request.body = Buffer.concat([request.body, chunk]);
        request.more?.();
        return;
      }
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      const text = bytes.subarray(0, end).toString('latin1');
      const [line, ...lines] = text.split('\r\n');
      const list = lines.map((each) => [each.slice(0, each.indexOf(':')), each.slice(each.indexOf(':') + 1).trim()]);
      const headers = {};
      for (const [name, value] of list) headers[name.toLowerCase()] = name.toLowerCase() in headers ? `${headers[name.toLowerCase()]}, ${value}` : value;
      request = { text, line, headers, list, body: bytes.subarray(end + 4) };
      state.requests.push(request);
      answer(socket, request);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    requests: state.requests,
    last: () => state.requests.at(-1),
    get connections() { return state.connections; },
    get open() { return state.sockets.size; },
    close: () => new Promise((resolve) => {
      for (const socket of state.sockets) socket.destroy();
      server.close(resolve);
    }),
  };
}

// The body of a request, once it has `length` bytes.
export async function body(request, length) {
  while (request.body.length < length) await new Promise((resolve) => { request.more = resolve; });
  return request.body.toString();
}
