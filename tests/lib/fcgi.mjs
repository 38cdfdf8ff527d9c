// SPDX-License-Identifier: Apache-2.0
// A FastCGI client for tests: it speaks the protocol properly, and wrongly where it is asked to.
import { Raw } from './raw.mjs';

export const type = {
  begin: 1, abort: 2, end: 3, params: 4, stdin: 5, stdout: 6, stderr: 7, data: 8, getValues: 9, getValuesResult: 10, unknown: 11,
};
export const status = { complete: 0, cannotMultiplex: 1, overloaded: 2, unknownRole: 3 };
const empty = Buffer.alloc(0);

export function record(kind, id, content = empty, { padding = 0, version = 1, reserved = 0 } = {}) {
  const body = Buffer.from(content);
  const head = Buffer.alloc(8);
  head.writeUInt8(version, 0);
  head.writeUInt8(kind, 1);
  head.writeUInt16BE(id, 2);
  head.writeUInt16BE(body.length, 4);
  head.writeUInt8(padding, 6);
  head.writeUInt8(reserved, 7);
  return Buffer.concat([head, body, Buffer.alloc(padding, 0x55)]);
}

function length(value, long) {
  if (value < 128 && !long) return Buffer.from([value]);
  const out = Buffer.alloc(4);
  out.writeUInt32BE((value | 0x80000000) >>> 0);
  return out;
}
// `long`: spells every length in four bytes.
export const pair = (name, value, long = false) => {
  const [n, v] = [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')];
  return Buffer.concat([length(n.length, long), length(v.length, long), n, v]);
};
export const pairs = (list, long = false) => Buffer.concat((Array.isArray(list) ? list : Object.entries(list)).map(([n, v]) => pair(n, v, long)));

export function readPairs(buffer) {
  const found = {};
  let at = 0;
  const size = () => {
    if (buffer[at] < 128) return buffer[at++];
    at += 4;
    return buffer.readUInt32BE(at - 4) & 0x7fffffff;
  };
  while (at < buffer.length) {
    const [n, v] = [size(), size()];
    found[buffer.toString('latin1', at, at + n)] = buffer.toString('latin1', at + n, at + n + v);
    at += n + v;
  }
  return found;
}

export const begin = (id, { role = 1, keep = true } = {}) => record(type.begin, id, Buffer.from([role >> 8, role & 255, keep ? 1 : 0, 0, 0, 0, 0, 0]));

// A stream in records of at most `size` bytes, and its end.
export function stream(kind, id, content, { size = 65535, padding = 0, open = false } = {}) {
  const all = Buffer.from(content);
  const out = [];
  for (let at = 0; at < all.length; at += size) out.push(record(kind, id, all.subarray(at, at + size), { padding }));
  return Buffer.concat([...out, ...(open ? [] : [record(kind, id)])]);
}

// What a web server would say about a request for `target`.
export function cgi(target, extra = {}) {
  const [path, query = ''] = target.split(/\?(.*)/s);
  return {
    REQUEST_METHOD: 'GET', SCRIPT_NAME: '', PATH_INFO: decodeURIComponent(path), QUERY_STRING: query, REQUEST_URI: target,
    SERVER_PROTOCOL: 'HTTP/1.1', GATEWAY_INTERFACE: 'CGI/1.1', SERVER_NAME: 'test', SERVER_PORT: '80', REMOTE_ADDR: '192.0.2.7',
    HTTP_HOST: 'test', ...extra,
  };
}

export class Fcgi extends Raw {
  static async open(where) {
    const made = Object.setPrototypeOf(await Raw.open(where), Fcgi.prototype);
    made.requests = new Map(); // id -> { out, err, records, done }
    made.management = [];
    return made;
  }

  // Sends a whole request.
  send(id, target, { keep = true, params = {}, body = '', split = 65535, padding = 0, role = 1 } = {}) {
    const all = cgi(target, body.length > 0 ? { CONTENT_LENGTH: String(body.length), ...params } : params);
    return this.write(Buffer.concat([
      begin(id, { keep, role }),
      stream(type.params, id, pairs(all), { size: split, padding }),
      stream(type.stdin, id, body, { size: split, padding }),
    ]));
  }

  // Takes in whole records that have arrived.
  digest() {
    while (this.data.length >= 8) {
      const size = 8 + this.data.readUInt16BE(4) + this.data.readUInt8(6);
      if (this.data.length < size) return;
      const all = this.take(size);
      const [kind, id, content] = [all[1], all.readUInt16BE(2), all.subarray(8, 8 + all.readUInt16BE(4))];
      if (all[0] !== 1) throw new Error('a record of another version');
      if (id === 0) {
        this.management.push({ kind, content });
        continue;
      }
      const request = this.requests.get(id) ?? { out: [], err: [], records: [], done: null, ended: false };
      this.requests.set(id, request);
      request.records.push({ kind, size: content.length });
      this.order ??= [];
      this.order.push({ id, kind, size: content.length });
      if (kind === type.stdout) request.ended ||= content.length === 0, request.out.push(content);
      else if (kind === type.stderr) request.err.push(content);
      else if (kind === type.end) request.done = { app: content.readUInt32BE(0), protocol: content[4] };
      else throw new Error(`a record of type ${kind} is not for a web server`);
    }
  }
  async untilDigested(enough, ms) {
    return this.until(() => { this.digest(); return enough(); }, ms);
  }

  // The answer to `id`: { status, headers, body, err, app, protocol, whole }; the id is free again.
  async answer(id, ms = 60000) {
    const whole = await this.untilDigested(() => this.requests.get(id)?.done, ms);
    const request = this.requests.get(id);
    this.requests.delete(id);
    if (!request) return null;
    const out = Buffer.concat(request.out);
    const blank = out.indexOf('\r\n\r\n');
    const headers = {};
    for (const line of (blank < 0 ? '' : out.toString('latin1', 0, blank)).split('\r\n').filter(Boolean)) {
      headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
    }
    return {
      status: parseInt(headers.status ?? '0', 10), headers, body: blank < 0 ? out : out.subarray(blank + 4),
      err: Buffer.concat(request.err).toString(), records: request.records, ended: request.ended,
      whole: Boolean(whole), ...request.done,
    };
  }
  async managed(ms = 60000) {
    await this.untilDigested(() => this.management.length > 0, ms);
    return this.management.shift();
  }
}

// One request on a connection of its own, closed by the application as lighttpd expects it.
export async function ask(where, target, options = {}) {
  const connection = await Fcgi.open(where);
  try {
    connection.send(1, target, { keep: false, ...options });
    const answer = await connection.answer(1);
    await connection.until(() => false);
    return { ...answer, closed: connection.ended, error: connection.error };
  } finally {
    connection.close();
  }
}
