// SPDX-License-Identifier: Apache-2.0
// Steady load for takeover.mjs: which requests fail, and for how long nobody, or one of the clients, is answered.
import { connect } from 'node:net';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks on and on until told to stop. Kept connections count as failed when a request that was sent on them is not answered.
export class Load {
  constructor(port, paths) {
    Object.assign(this, { port, paths, stop: false, done: 0, lost: [], last: performance.now(), gap: 0, waited: 0 });
    this.clients = [true, true, false, false, false, false].map((kept) => this.run(kept));
  }
  async run(kept) {
    let last = performance.now();
    for (let i = 0; !this.stop; i++) {
      const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
      socket.setEncoding('latin1');
      let text = '';
      let wake = () => {};
      let error = '';
      let over = false;
      socket.on('data', (data) => { text += data; wake(); });
      socket.on('end', () => { over = true; wake(); });
      socket.on('error', (what) => { error = what.code; over = true; wake(); });
      socket.on('close', () => { over = true; wake(); });
      for (let n = 0; !this.stop && !over; n++) {
        text = '';
        const connected = !socket.connecting;
        socket.write(`GET ${this.paths[(i + n) % this.paths.length]} HTTP/1.1\r\nHost: h\r\n${kept ? '' : 'Connection: close\r\n'}\r\n`);
        const whole = () => {
          const end = text.indexOf('\r\n\r\n');
          if (end < 0) return false;
          const length = text.match(/content-length: (\d+)/i);
          return length ? text.length >= end + 4 + Number(length[1]) : /\r\n0\r\n\r\n$/.test(text);
        };
        while (!over && !whole()) await new Promise((resolve) => { wake = resolve; });
        if (!whole() || !text.startsWith('HTTP/1.1 200')) {
          if (!this.stop) this.lost.push(`${kept ? 'kept' : 'new'} n=${n} connected=${connected} ${error} ${JSON.stringify(text.slice(0, 40))}`);
          break;
        }
        const now = performance.now();
        this.gap = Math.max(this.gap, now - this.last);
        this.last = now;
        this.waited = Math.max(this.waited, now - last);
        last = now;
        this.done++;
        if (!kept || /connection: close/i.test(text.slice(0, text.indexOf('\r\n\r\n')))) break;
        await sleep(1);
      }
      socket.destroy();
    }
  }
  // The longest times without an answer since the last call: to anybody, and to one client.
  take() {
    const { gap, waited } = this;
    Object.assign(this, { gap: 0, waited: 0 });
    return { gap, waited };
  }
}
