// SPDX-License-Identifier: Apache-2.0
// A TCP or unix connection of which the test decides every byte, and a reader of HTTP/1.1 answers that hides nothing.
import { connect } from 'node:net';
import { once } from 'node:events';
import { sleep } from './process.mjs';

export const bytes = (text) => (Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1'));

export class Raw {
  // `where`: a port of 127.0.0.1, or the path of a unix socket. `halfOpen`: our side stays open when the peer's ends.
  static async open(where, { halfOpen = true } = {}) {
    const raw = new Raw();
    const options = typeof where === 'number' ? { host: '127.0.0.1', port: where } : { path: where };
    raw.socket = connect({ ...options, allowHalfOpen: halfOpen });
    raw.socket.setNoDelay?.(true);
    raw.chunks = []; // arrived, not taken; see data
    raw.size = 0; // bytes of them
    raw.ended = false; // the peer closed its side properly
    raw.error = null; // e.g. ECONNRESET
    raw.closed = false;
    raw.waiting = new Set(); // several may wait at a time, each for something else
    raw.wake = () => { for (const wake of [...raw.waiting]) wake(); };
    raw.socket.on('data', (chunk) => { raw.chunks.push(chunk); raw.size += chunk.length; raw.wake(); });
    raw.socket.on('end', () => { raw.ended = true; raw.wake(); });
    raw.socket.on('error', (error) => { raw.error = error.code; raw.wake(); });
    raw.socket.on('close', () => { raw.closed = true; raw.wake(); });
    await once(raw.socket, 'connect');
    return raw;
  }

  // Everything that has arrived and was not taken, in one piece.
  get data() {
    if (this.chunks.length !== 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0];
  }
  set data(bytes) {
    this.chunks = [bytes];
    this.size = bytes.length;
  }

  write(text) {
    if (!this.closed && !this.socket.destroyed) this.socket.write(bytes(text));
    return this;
  }
  async trickle(text, every = 1, size = 1) {
    const all = bytes(text);
    for (let at = 0; at < all.length && !this.over; at += size) {
      this.write(all.subarray(at, at + size));
      await sleep(every);
    }
  }
  end() { this.socket.end(); return this; } // FIN: stops writing
  reset() { this.socket.resetAndDestroy?.() ?? this.socket.destroy(); }
  close() { this.socket.destroy(); }
  get over() { return this.ended || this.closed || this.error !== null; }

  // Resolves when `enough()` holds, or the peer has gone, or after `ms` (then throws).
  async until(enough, ms = 60000) {
    const limit = Date.now() + ms;
    while (!enough() && !this.over) {
      const left = limit - Date.now();
      if (left <= 0) throw new Error(`nothing more within ${ms} ms; so far: ${JSON.stringify(this.data.toString('latin1').slice(0, 300))}`);
      await new Promise((resolve) => {
        const wake = () => { clearTimeout(timer); this.waiting.delete(wake); resolve(); };
        const timer = setTimeout(wake, left);
        this.waiting.add(wake);
      });
    }
    return enough();
  }
  // Everything until the peer closes.
  async rest(ms = 60000) {
    await this.until(() => false, ms);
    const all = this.data;
    this.data = Buffer.alloc(0);
    return all;
  }
  take(count) {
    const taken = this.data.subarray(0, count);
    this.data = this.data.subarray(count);
    return taken;
  }

  // The next HTTP answer: { version, status, reason, headers (lower case, joined), list, body, whole }.
  // `whole` is false when the connection ended before the body did. null: closed without an answer.
  async response({ method = 'GET', ms = 60000 } = {}) {
    const ended = () => this.data.indexOf('\r\n\r\n');
    if (!(await this.until(() => ended() >= 0, ms))) {
      if (this.size === 0) return null;
      throw new Error(`no whole head: ${JSON.stringify(this.data.toString('latin1'))}`);
    }
    const [first, ...lines] = this.take(ended() + 4).toString('latin1').slice(0, -4).split('\r\n');
    const [version, status, ...reason] = first.split(' ');
    const list = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
    const headers = {};
    for (const [name, value] of list) {
      const key = name.toLowerCase();
      headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
    }
    const answer = { version, status: Number(status), reason: reason.join(' '), headers, list };
    const bare = method === 'HEAD' || answer.status < 200 || answer.status === 204 || answer.status === 304;
    Object.assign(answer, bare ? { body: Buffer.alloc(0), whole: true } : await this.body(headers, ms));
    return answer;
  }
  async body(headers, ms) {
    if (/chunked/i.test(headers['transfer-encoding'] ?? '')) return this.chunked(ms);
    if ('content-length' in headers) {
      const length = Number(headers['content-length']);
      const whole = await this.until(() => this.size >= length, ms);
      return { body: this.take(Math.min(length, this.size)), whole };
    }
    return { body: await this.rest(ms), whole: this.error === null };
  }
  async chunked(ms) {
    const pieces = [];
    for (;;) {
      if (!(await this.until(() => this.data.includes('\r\n'), ms))) return { body: Buffer.concat(pieces), whole: false };
      const line = this.take(this.data.indexOf('\r\n') + 2).toString('latin1');
      const size = parseInt(line, 16);
      if (!(await this.until(() => this.size >= size + 2, ms))) {
        return { body: Buffer.concat([...pieces, this.data]), whole: false };
      }
      pieces.push(this.take(size));
      if (this.take(2).toString() !== '\r\n') throw new Error('chunk does not end with CRLF');
      if (size === 0) return { body: Buffer.concat(pieces), whole: true };
    }
  }
}

// One request on a connection of its own; `text` is sent as it is. The answer, with `closed` set when the server closed.
export async function ask(where, text, options = {}) {
  const raw = await Raw.open(where);
  try {
    raw.write(text);
    return await raw.response(options);
  } finally {
    raw.close();
  }
}

// GET with usual headers.
export const get = (where, target, headers = {}) =>
  ask(where, `GET ${target} HTTP/1.1\r\nHost: test\r\n${Object.entries(headers).map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`);
