// SPDX-License-Identifier: Apache-2.0
// Raw HTTP/2 frames for tests: a client that does what it is told, right or wrong. No Huffman, no table: every header is a literal.
import { connect } from 'node:net';

export const F = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, push: 5, ping: 6, goaway: 7, window: 8, continuation: 9 };
export const E = { none: 0, protocol: 1, internal: 2, flow: 3, closed: 5, size: 6, refused: 7, cancel: 8, compression: 9, calm: 11 };
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 32;
export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export const u32 = (value) => Buffer.from([(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
export function frame(type, flags, id, payload = Buffer.alloc(0)) {
  const body = Buffer.from(payload);
  return Buffer.concat([Buffer.from([(body.length >> 16) & 255, (body.length >> 8) & 255, body.length & 255, type, flags]), u32(id), body]);
}
export const setting = (id, value) => Buffer.concat([Buffer.from([id >> 8, id & 255]), u32(value)]);

// An HPACK integer with a prefix of `bits` bits; `first` holds the bits before it.
export function integer(value, bits, first = 0) {
  const most = (1 << bits) - 1;
  if (value < most) return Buffer.from([first | value]);
  const out = [first | most];
  for (value -= most; value >= 128; value >>= 7) out.push((value & 127) | 128);
  return Buffer.from([...out, value]);
}
export const text = (value) => Buffer.concat([integer(Buffer.byteLength(value), 7), Buffer.from(value)]);
export const literal = (name, value, first = 0) => Buffer.concat([Buffer.from([first]), text(name), text(value)]);
export const block = (list) => Buffer.concat(list.map(([name, value]) => literal(name, value)));
export const request = (path = '/hello.txt', { method = 'GET', more = [] } = {}) => [[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'test'], ...more];

export class H2 {
  static async open(port, { settings = Buffer.alloc(0), first = Buffer.concat([Buffer.from(preface), frame(F.settings, 0, 0, settings)]), wait = true } = {}) {
    const made = new H2();
    made.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    made.data = Buffer.alloc(0);
    made.frames = [];
    made.ended = false;
    made.waiting = [];
    const look = () => made.waiting.slice().forEach((one) => one());
    made.socket.on('data', (part) => { made.data = Buffer.concat([made.data, part]); made.cut(); look(); });
    for (const event of ['end', 'close', 'error']) made.socket.on(event, () => { made.ended = true; look(); });
    made.socket.write(first);
    if (wait) {
      await made.until(() => made.find(F.settings));
      made.send(frame(F.settings, ACK, 0));
    }
    return made;
  }
  cut() {
    while (this.data.length >= 9) {
      const length = this.data.readUIntBE(0, 3);
      if (this.data.length < 9 + length) return;
      this.frames.push({ type: this.data[3], flags: this.data[4], id: this.data.readUInt32BE(5) & 0x7fffffff, payload: this.data.subarray(9, 9 + length) });
      this.data = this.data.subarray(9 + length);
    }
  }
  find(type, id) { return this.frames.find((one) => one.type === type && (id === undefined || one.id === id)); }
  send(...frames) { if (!this.ended) this.socket.write(Buffer.concat(frames)); return this; }
  headers(id, list, flags = END_STREAM | END_HEADERS) { return this.send(frame(F.headers, flags, id, block(list))); }
  // The first true value of `probe`, or undefined when the time is over; an ended connection is looked at once more.
  until(probe, ms = 20000) {
    return new Promise((resolve) => {
      const done = (value) => { clearTimeout(timer); this.waiting.splice(this.waiting.indexOf(look), 1); resolve(value); };
      const look = () => { const value = probe(); if (value || this.ended) done(value); };
      const timer = setTimeout(() => done(probe()), ms);
      this.waiting.push(look);
      look();
    });
  }
  close() { this.socket.destroy(); }

  // Verdicts: undefined when right, else what is wrong.
  async connectionError(...codes) {
    const goaway = () => this.frames.find((one) => one.type === F.goaway && codes.includes(one.payload.readUInt32BE(4)));
    await this.until(() => goaway() || this.ended);
    return goaway() || this.ended ? undefined : `no GOAWAY of ${codes}, no end: ${this.shown()}`;
  }
  async streamError(...codes) {
    const found = () => this.frames.find((one) => (one.type === F.reset && codes.includes(one.payload.readUInt32BE(0))) || (one.type === F.goaway && codes.includes(one.payload.readUInt32BE(4))));
    await this.until(() => found() || this.ended);
    return found() || this.ended ? undefined : `no RST_STREAM, GOAWAY of ${codes}, no end: ${this.shown()}`;
  }
  // The answer of a stream is there, whole.
  async answer(id = 1) {
    const whole = () => this.frames.some((one) => one.id === id && (one.type === F.data || one.type === F.headers) && one.flags & END_STREAM);
    await this.until(whole);
    return whole() && this.find(F.headers, id) ? undefined : `no answer on stream ${id}: ${this.shown()}`;
  }
  // The connection still works.
  async alive() {
    const mark = Buffer.from(`mark${String(this.marks = (this.marks ?? 0) + 1).padStart(4, '0')}`);
    this.send(frame(F.ping, 0, 0, mark));
    const acked = () => this.frames.some((one) => one.type === F.ping && one.flags & ACK && one.payload.equals(mark));
    await this.until(acked);
    return acked() ? undefined : `no PING comes back: ${this.shown()}`;
  }
  async settingsAck() {
    await this.until(() => this.frames.some((one) => one.type === F.settings && one.flags & ACK));
    return this.frames.some((one) => one.type === F.settings && one.flags & ACK) ? undefined : `SETTINGS are not acknowledged: ${this.shown()}`;
  }
  shown() { return this.frames.map((one) => `${one.type}/${one.flags}@${one.id}(${one.payload.length})`).join(' ') + (this.ended ? ' end' : ''); }
}
