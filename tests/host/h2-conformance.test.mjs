// SPDX-License-Identifier: Apache-2.0
// HTTP/2 by the book: frames in all states, right and wrong, and what microtome-host has to do about them. A row is a
// section of RFC 9113 (or RFC 7541 for HPACK; 5.3 of RFC 7540), what is sent, and what must come.
import assert from 'node:assert/strict';
import { after, before, test } from '../lib/test.mjs';
import { ACK, block, E, END_HEADERS, END_STREAM, F, frame, H2, integer, literal, PADDED, preface, PRIORITY, request, setting, text, u32 } from '../lib/h2.mjs';
import { app, host, rogue } from './host.mjs';

let served;
before(async () => {
  served = await host((place) => `fastcgi.server = ( ${app(place, rogue(), { key: '/app', 'max-procs': 1 })} )`, { files: { 'hello.txt': 'hello, world\n' } });
});
after(() => served?.close());

const GET = block(request());
const post = (more = []) => request('/app?do=echo', { method: 'POST', more });
const headers = (id = 1, flags = END_STREAM | END_HEADERS, payload = GET) => frame(F.headers, flags, id, payload);
const open = (id = 1) => frame(F.headers, END_HEADERS, id, block(post())); // a request whose body is still to come
const window = (id, by) => frame(F.window, 0, id, u32(by));
const ping = (flags = 0, id = 0, payload = 'pingpong') => frame(F.ping, flags, id, payload);
const priority = (id, on, weight = 15) => frame(F.priority, 0, id, Buffer.concat([u32(on), Buffer.from([weight])]));
const reset = (id, code = E.cancel) => frame(F.reset, 0, id, u32(code));
const conn = (...codes) => (h2) => h2.connectionError(...codes);
const stream = (...codes) => (h2) => h2.streamError(...codes);
const answer = (id) => (h2) => h2.answer(id);
const alive = () => (h2) => h2.alive();
const both = (...all) => async (h2) => { for (const one of all) { const wrong = await one(h2); if (wrong) return wrong; } return undefined; };
const raw = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const without = (name) => request().filter(([key]) => key !== name);
const twice = (name) => request().flatMap((pair) => (pair[0] === name ? [pair, pair] : [pair]));
const bad = (list) => [headers(1, END_STREAM | END_HEADERS, block(list))];
const data = (id, payload = 'x', flags = END_STREAM) => frame(F.data, flags, id, payload);
const closedByAnswer = async (h2) => { h2.send(headers()); await h2.answer(1); };
const closedByReset = async (h2) => { h2.send(open(), reset(1)); };
const bytes = (h2, id = 1) => h2.frames.filter((one) => one.type === F.data && one.id === id).reduce((sum, one) => sum + one.payload.length, 0);

// Huffman-coded (RFC 7541 appendix B), of the few characters that are used here.
const CODES = { '/': '011000', h: '100111', e: '00101', l: '101000', o: '00111', '.': '010111', t: '01001', x: '1111001', s: '01000', '-': '010110' };
const huffman = (word) => {
  const code = [...word].map((c) => CODES[c]).join('');
  const octets = code.padEnd(Math.ceil(code.length / 8) * 8, '1').match(/.{8}/g).map((eight) => parseInt(eight, 2));
  return Buffer.from([0x80 | octets.length, ...octets]);
};

// [section, what is sent, frames or a function, what must come, options]
const rows = [
  // Good manners.
  ['3.4', 'the preface and SETTINGS', [], (h2) => h2.settingsAck()],
  ['5.1', 'PRIORITY on an idle stream, then a request', [priority(1, 0), headers()], answer()],
  ['5.1', 'WINDOW_UPDATE on a half-closed stream', [headers(), window(1, 100)], answer()],
  ['5.1', 'PRIORITY on a half-closed stream', [headers(), priority(1, 0)], answer()],
  ['5.1', 'RST_STREAM on a half-closed stream', [headers(), reset(1)], alive()],
  ['5.1', 'PRIORITY on a closed stream', async (h2) => { await closedByAnswer(h2); h2.send(priority(1, 0)); }, alive()],
  ['6.1', 'one DATA frame', [open(), data(1)], answer()],
  ['6.1', 'several DATA frames', [open(), data(1, 'a', 0), data(1, 'b', 0), data(1)], answer()],
  ['6.1', 'DATA with padding', [open(), frame(F.data, END_STREAM | PADDED, 1, raw([3], 'abc', '\0\0\0'))], answer()],
  ['6.2', 'HEADERS', [headers()], answer()],
  ['6.2', 'HEADERS with padding', [headers(1, END_STREAM | END_HEADERS | PADDED, raw([6], GET, Buffer.alloc(6)))], answer()],
  ['6.2', 'HEADERS with priority', [headers(1, END_STREAM | END_HEADERS | PRIORITY, raw(u32(0), [255], GET))], answer()],
  ['6.3', 'PRIORITY of weight 1', [priority(1, 0, 0), headers()], answer()],
  ['6.3', 'PRIORITY of weight 256', [priority(1, 0, 255), headers()], answer()],
  ['6.3', 'PRIORITY on another stream', [priority(1, 0), priority(3, 1), headers(3)], answer(3)],
  ['6.3', 'PRIORITY, exclusive', [priority(1, 0), priority(3, 0x80000001), headers(3)], answer(3)],
  ['6.3', 'PRIORITY on a higher idle stream, then a lower request', [priority(5, 0), headers(3)], answer(3)],
  ['6.4', 'RST_STREAM of an open stream', [open(), reset(1)], alive()],
  ['6.5', 'SETTINGS', [frame(F.settings, 0, 0, setting(3, 50))], both((h2) => h2.settingsAck(), alive())],
  ['6.7', 'PING', [], alive()],
  ['6.8', 'GOAWAY, then a PING', [frame(F.goaway, 0, 0, raw(u32(0), u32(0)))], async (h2) => { const wrong = await h2.alive(); return wrong && h2.ended ? undefined : wrong; }],
  ['6.9', 'WINDOW_UPDATE of the connection', [window(0, 1), headers()], answer()],
  ['6.9', 'WINDOW_UPDATE of a stream', [open(), window(1, 1), data(1)], answer()],
  ['6.10', 'one CONTINUATION', [headers(1, END_STREAM, GET.subarray(0, 10)), frame(F.continuation, END_HEADERS, 1, GET.subarray(10))], answer()],
  ['6.10', 'several CONTINUATION', [headers(1, END_STREAM, GET.subarray(0, 10)), frame(F.continuation, 0, 1, GET.subarray(10, 12)), frame(F.continuation, 0, 1, ''), frame(F.continuation, END_HEADERS, 1, GET.subarray(12))], answer()],
  ['8.1', 'GET', [headers()], answer()],
  ['8.1', 'HEAD', [headers(1, 5, block(request('/hello.txt', { method: 'HEAD' })))], both(answer(), async (h2) => (bytes(h2) === 0 ? undefined : 'a body'))],
  ['8.1', 'POST', [open(), data(1, 'test')], answer()],
  ['8.1', 'POST with trailers', [open(), data(1, 'test', 0), headers(1, 5, block([['x-test', 'ok']]))], answer()],
  // HPACK representations.
  ['HPACK 6.1', 'indexed fields of the static table', [headers(1, 5, raw([0x82, 0x86, 0x84], literal(':authority', 'test')))], answer()],
  ['HPACK 6.2.1', 'literal with indexing, name indexed', [headers(1, 5, raw([0x82, 0x86, 0x44], text('/hello.txt'), [0x41], text('test')))], answer()],
  ['HPACK 6.2.1', 'literal with indexing, new name, used again', [headers(1, 5, raw(GET, literal('x-a', 'b', 0x40))), headers(3, 5, raw(GET, [0xbe]))], both(answer(1), answer(3))],
  ['HPACK 6.2.2', 'literal without indexing, name indexed', [headers(1, 5, raw([0x82, 0x86, 0x04], text('/hello.txt'), [0x01], text('test')))], answer()],
  ['HPACK 6.2.2', 'literal without indexing, new name', [headers()], answer()],
  ['HPACK 6.2.3', 'literal never indexed, name indexed', [headers(1, 5, raw([0x82, 0x86, 0x14], text('/hello.txt'), [0x11], text('test')))], answer()],
  ['HPACK 6.2.3', 'literal never indexed, new name', [headers(1, 5, raw(GET, literal('x-a', 'b', 0x10)))], answer()],
  ...[['6.2.1', 'with indexing', 0x40, 0x44, 0x41], ['6.2.2', 'without indexing', 0x00, 0x04, 0x01], ['6.2.3', 'never indexed', 0x10, 0x14, 0x11]].flatMap(([clause, how, fresh, path, authority]) => [
    [`HPACK ${clause}`, `literal ${how}, name indexed, Huffman`, [headers(1, 5, raw([0x82, 0x86, path], huffman('/hello.txt'), [authority], huffman('test')))], answer()],
    [`HPACK ${clause}`, `literal ${how}, new name, Huffman`, [headers(1, 5, raw(GET, [fresh], huffman('x-test'), huffman('hello')))], answer()],
  ]),
  ['HPACK 6.3', 'table size update to 0', [headers(1, 5, raw([0x20], GET))], answer()],
  ['HPACK 6.3', 'two table size updates', [headers(1, 5, raw([0x20, 0x3f, 0x61], GET))], answer()],
  ['HPACK 5.2', 'a Huffman string', [headers(1, 5, raw([0x82, 0x86, 0x84, 0x41], [0x83, 0x49, 0x50, 0x9f]))], answer()],
  ['HPACK 2.3.3', 'an indexed field behind the tables', [headers(1, 5, raw(GET, integer(70, 7, 0x80)))], conn(E.compression)],
  ['HPACK 2.3.3', 'a literal whose name is behind the tables', [headers(1, 5, raw(GET, integer(70, 6, 0x40), text('x')))], conn(E.compression)],
  ['HPACK 4.2', 'a table size update at the end of a block', [headers(1, 5, raw(GET, [0x20]))], conn(E.compression)],
  ['HPACK 5.2', 'a Huffman string with more than 7 bits of padding', [headers(1, 5, raw(GET, [0x00], text('x-test'), [0x82, 0x1f, 0xff]))], conn(E.compression)],
  ['HPACK 5.2', 'a Huffman string padded with zeros', [headers(1, 5, raw(GET, [0x00], text('x-test'), [0x81, 0x18]))], conn(E.compression)],
  ['HPACK 5.2', 'a Huffman string with EOS', [headers(1, 5, raw(GET, [0x00], text('x-test'), [0x84, 0xff, 0xff, 0xff, 0xff]))], conn(E.compression)],
  ['HPACK 6.1', 'index 0', [headers(1, 5, raw(GET, [0x80]))], conn(E.compression)],
  ['HPACK 6.3', 'a table size above the limit', [headers(1, 5, raw(integer(70000, 5, 0x20), GET))], conn(E.compression)],
  ['HPACK 5.1', 'an integer that never ends', [headers(1, 5, raw([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], GET))], conn(E.compression)],
  ['HPACK 5.2', 'a string that reaches past the block', [headers(1, 5, raw(GET, [0x00, 0x7f], 'x'))], conn(E.compression)],
  // Connection preface and frames.
  ['3.4', 'something else than the preface', [], conn(E.protocol), { first: 'INVALID CONNECTION PREFACE\r\n\r\n', wait: false }],
  ['3.4', 'a broken preface', [], conn(E.protocol), { first: 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', wait: false }],
  ['3.4', 'the preface without SETTINGS', [], conn(E.protocol), { first: raw(preface, ping()), wait: false }],
  ['4.1', 'a frame of unknown type', [frame(0xff, 0, 0, 'unknown!')], alive()],
  ['4.1', 'undefined flags', [ping(0x16)], (h2) => h2.until(() => h2.find(F.ping)).then((one) => (one ? undefined : 'no answer'))],
  ['4.1', 'the reserved bit of the stream id', [ping(0, 0x80000000)], (h2) => h2.until(() => h2.find(F.ping)).then((one) => (one ? undefined : 'no answer'))],
  ['4.2', 'DATA of 16384 bytes', [open(), data(1, Buffer.alloc(16384))], answer()],
  ['4.2', 'DATA of 16385 bytes', [open(), data(1, Buffer.alloc(16385))], stream(E.size)],
  ['4.2', 'HEADERS of 16385 bytes', [headers(1, 5, raw(GET, Buffer.alloc(16385)))], conn(E.size)],
  ['4.2', 'SETTINGS of 16386 bytes', [frame(F.settings, 0, 0, Buffer.alloc(16386))], conn(E.size)],
  ['4.3', 'a header block that is none', [headers(1, 5, [0x40])], conn(E.compression)],
  ['4.3', 'PRIORITY within a header block', [headers(1, END_STREAM), priority(1, 0)], conn(E.protocol)],
  ['4.3', 'another HEADERS within a header block', [headers(1, END_STREAM), headers(3)], conn(E.protocol)],
  // States.
  ['5.1', 'idle: DATA', [data(1)], conn(E.protocol)],
  ['5.1', 'idle: RST_STREAM', [reset(1)], conn(E.protocol)],
  ['5.1', 'idle: WINDOW_UPDATE', [window(1, 100)], conn(E.protocol)],
  ['5.1', 'idle: CONTINUATION', [frame(F.continuation, END_HEADERS, 1, GET)], conn(E.protocol)],
  ['5.1', 'half-closed: DATA', [headers(1, 5, block(request('/app?do=slow&ms=300'))), data(1)], stream(E.closed)],
  ['5.1', 'half-closed: HEADERS', [headers(1, 5, block(request('/app?do=slow&ms=300'))), headers()], stream(E.closed)],
  ['5.1', 'half-closed: CONTINUATION', [headers(1, 5, block(request('/app?do=slow&ms=300'))), frame(F.continuation, END_HEADERS, 1, GET)], stream(E.closed, E.protocol)],
  ['5.1', 'closed by RST_STREAM: DATA', async (h2) => { await closedByReset(h2); h2.send(data(1)); }, async (h2) => { const wrong = await h2.alive(); return wrong && (await stream(E.closed, E.protocol)(h2)); }],
  ['5.1', 'closed by RST_STREAM: HEADERS', async (h2) => { await closedByReset(h2); h2.send(headers()); }, stream(E.closed, E.protocol)],
  ['5.1', 'closed by RST_STREAM: CONTINUATION', async (h2) => { await closedByReset(h2); h2.send(frame(F.continuation, END_HEADERS, 1, GET)); }, stream(E.closed, E.protocol)],
  ['5.1', 'closed: DATA', async (h2) => { await closedByAnswer(h2); h2.send(data(1)); }, stream(E.closed)],
  ['5.1', 'closed: HEADERS', async (h2) => { await closedByAnswer(h2); h2.send(headers()); }, conn(E.closed, E.protocol)],
  ['5.1', 'closed: CONTINUATION', async (h2) => { await closedByAnswer(h2); h2.send(frame(F.continuation, END_HEADERS, 1, GET)); }, conn(E.closed, E.protocol)],
  ['5.1.1', 'an even stream id', [headers(2)], conn(E.protocol)],
  ['5.1.1', 'a smaller stream id', [headers(5), headers(3)], conn(E.protocol)],
  ['5.1.2', 'more streams than allowed', (h2) => { for (let id = 1; id <= 401; id += 2) h2.send(open(id)); }, stream(E.refused, E.protocol)],
  ['5.3.1', 'HEADERS that depend on themselves', [headers(1, 5 | PRIORITY, raw(u32(1), [255], GET))], stream(E.protocol)],
  ['5.3.1', 'PRIORITY that depends on itself', [priority(2, 2)], stream(E.protocol)],
  ['5.4.1', 'an error, then the end of the connection', [ping(0, 1)], async (h2) => { await h2.until(() => h2.ended); return h2.ended ? undefined : 'it stays open'; }],
  ['5.4.1', 'GOAWAY names the last stream', [headers(1), headers(3), ping(0, 1)], async (h2) => { await h2.until(() => h2.find(F.goaway)); return h2.find(F.goaway)?.payload.readUInt32BE(0) === 3 ? undefined : `GOAWAY: ${h2.shown()}`; }],
  ['5.5', 'an extension frame within a header block', [headers(1, END_STREAM, GET), frame(0x16, 0, 0, 'unknown')], conn(E.protocol)],
  // Frames, one by one.
  ['6.1', 'DATA on stream 0', [open(), data(0)], conn(E.protocol)],
  ['6.1', 'DATA with too much padding', [open(), frame(F.data, END_STREAM | PADDED, 1, raw([6], 'abc'))], conn(E.protocol)],
  ['6.1', 'DATA with padding and no length', [open(), frame(F.data, END_STREAM | PADDED, 1, '')], conn(E.size, E.protocol)],
  ['6.2', 'HEADERS on stream 0', [headers(0)], conn(E.protocol)],
  ['6.2', 'HEADERS with too much padding', [headers(1, 5 | PADDED, raw([200], 'abc'))], conn(E.protocol)],
  ['6.2', 'HEADERS with priority and too short for it', [headers(1, 5 | PRIORITY, 'abc')], conn(E.size, E.protocol)],
  ['6.3', 'PRIORITY on stream 0', [priority(0, 0)], conn(E.protocol)],
  ['6.3', 'PRIORITY of 4 bytes', [frame(F.priority, 0, 1, u32(0))], stream(E.size)],
  ['6.4', 'RST_STREAM on stream 0', [reset(0)], conn(E.protocol)],
  ['6.4', 'RST_STREAM of 3 bytes', [open(), frame(F.reset, 0, 1, 'abc')], conn(E.size)],
  ['6.5', 'SETTINGS ACK with content', [frame(F.settings, ACK, 0, setting(1, 0))], conn(E.size)],
  ['6.5', 'SETTINGS on stream 1', [frame(F.settings, 0, 1, setting(3, 1))], conn(E.protocol)],
  ['6.5', 'SETTINGS of 3 bytes', [frame(F.settings, 0, 0, 'abc')], conn(E.size)],
  ['6.5.2', 'ENABLE_PUSH 2', [frame(F.settings, 0, 0, setting(2, 2))], conn(E.protocol)],
  ['6.5.2', 'INITIAL_WINDOW_SIZE 2^31', [frame(F.settings, 0, 0, setting(4, 0x80000000))], conn(E.flow)],
  ['6.5.2', 'MAX_FRAME_SIZE 16383', [frame(F.settings, 0, 0, setting(5, 16383))], conn(E.protocol)],
  ['6.5.2', 'MAX_FRAME_SIZE 2^24', [frame(F.settings, 0, 0, setting(5, 16777216))], conn(E.protocol)],
  ['6.5.2', 'an unknown setting', [frame(F.settings, 0, 0, setting(255, 1))], alive()],
  ['6.5.3', 'two values of one setting: the last counts', [frame(F.settings, 0, 0, raw(setting(4, 100), setting(4, 1))), headers()], async (h2) => { await h2.until(() => bytes(h2) > 0); return (await h2.alive()) ?? (bytes(h2) === 1 ? undefined : `${bytes(h2)} bytes`); }],
  ['6.6', 'PUSH_PROMISE of a client', [open(), frame(F.push, END_HEADERS, 1, raw(u32(2), GET))], conn(E.protocol)],
  ['6.7', 'PING with ACK', [ping(ACK)], async (h2) => (await h2.alive()) ?? (h2.frames.filter((one) => one.type === F.ping).length === 1 ? undefined : 'it is answered')],
  ['6.7', 'PING on stream 1', [ping(0, 1)], conn(E.protocol)],
  ['6.7', 'PING of 6 bytes', [ping(0, 0, 'pingpo')], conn(E.size)],
  ['6.8', 'GOAWAY on stream 1', [frame(F.goaway, 0, 1, raw(u32(0), u32(0)))], conn(E.protocol)],
  ['6.8', 'GOAWAY of 7 bytes', [frame(F.goaway, 0, 0, 'abcdefg')], conn(E.size)],
  ['6.9', 'WINDOW_UPDATE by 0', [window(0, 0)], conn(E.protocol)],
  ['6.9', 'WINDOW_UPDATE of a stream by 0', [open(), window(1, 0)], stream(E.protocol)],
  ['6.9', 'WINDOW_UPDATE of 3 bytes', [frame(F.window, 0, 0, 'abc')], conn(E.size)],
  ['6.9.1', 'a window of 1 byte', [headers()], async (h2) => { await h2.until(() => bytes(h2) > 0); return (await h2.alive()) ?? (bytes(h2) === 1 ? undefined : `${bytes(h2)} bytes`); }, { settings: setting(4, 1) }],
  ['6.9.1', 'a window above 2^31-1', [window(0, 0x7fffffff), window(0, 0x7fffffff)], conn(E.flow)],
  ['6.9.1', 'a window of a stream above 2^31-1', [open(), window(1, 0x7fffffff), window(1, 0x7fffffff)], stream(E.flow)],
  ['6.9.1', 'a stream without a window does not hold up another', [headers(1), headers(3), window(3, 100)], both(answer(3), async (h2) => (bytes(h2, 1) === 0 ? undefined : 'it is answered')), { settings: setting(4, 0) }],
  ['6.9.2', 'a window opened by SETTINGS', async (h2) => { h2.send(headers()); await h2.alive(); h2.send(frame(F.settings, 0, 0, setting(4, 1))); await h2.until(() => bytes(h2) > 0); }, async (h2) => (bytes(h2) === 1 ? undefined : `${bytes(h2)} bytes`), { settings: setting(4, 0) }],
  ['6.9.2', 'a window that becomes negative', async (h2) => { h2.send(headers()); await h2.until(() => bytes(h2) === 3); h2.send(frame(F.settings, 0, 0, setting(4, 2)), window(1, 2)); await h2.until(() => bytes(h2) > 3); await h2.alive(); }, async (h2) => (bytes(h2) === 4 ? undefined : `${bytes(h2)} bytes`), { settings: setting(4, 3) }],
  ['6.9.2', 'SETTINGS that lift a window above 2^31-1', [headers(1, 5, block(request('/app?do=hang'))), window(1, 0x7fffffff - 65535), frame(F.settings, 0, 0, setting(4, 0x7fffffff))], conn(E.flow)],
  ['6.9.2', 'SETTINGS that lift a window to 2^31-1', [headers(1, 5, block(request('/app?do=slow&ms=300'))), window(1, 65536), frame(F.settings, 0, 0, setting(4, 0x7ffeffff))], answer()],
  ['6.10', 'CONTINUATION, then another frame', [headers(1, END_STREAM, GET), frame(F.continuation, 0, 1, ''), ping()], conn(E.protocol)],
  ['6.10', 'CONTINUATION on stream 0', [headers(1, END_STREAM, GET), frame(F.continuation, END_HEADERS, 0, '')], conn(E.protocol)],
  ['6.10', 'CONTINUATION on another stream', [headers(1, END_STREAM, GET), frame(F.continuation, END_HEADERS, 3, '')], conn(E.protocol)],
  ['6.10', 'CONTINUATION behind END_HEADERS', [headers(1, 5, block(request('/app?do=slow&ms=300'))), frame(F.continuation, END_HEADERS, 1, GET)], conn(E.protocol, E.closed)],
  ['6.10', 'CONTINUATION behind CONTINUATION with END_HEADERS', [headers(1, END_STREAM, GET), frame(F.continuation, END_HEADERS, 1, ''), frame(F.continuation, END_HEADERS, 1, '')], conn(E.protocol, E.closed)],
  ['6.10', 'CONTINUATION behind DATA', [open(), data(1, 'x', 0), frame(F.continuation, END_HEADERS, 1, GET)], conn(E.protocol)],
  ['7', 'GOAWAY with an unknown error', [frame(F.goaway, 0, 0, raw(u32(0), u32(255)))], async (h2) => { const wrong = await h2.alive(); return wrong && h2.ended ? undefined : wrong; }],
  ['7', 'RST_STREAM with an unknown error', [open(), reset(1, 255)], alive()],
  // Messages.
  ['8.1', 'a second HEADERS without END_STREAM', [open(), frame(F.headers, END_HEADERS, 1, block([['x-a', 'b']]))], stream(E.protocol)],
  ['8.2.1', 'a name in upper case', bad([...request(), ['X-TEST', 'ok']]), stream(E.protocol)],
  ['8.2.1', 'a name with a blank', bad([...request(), ['x test', 'ok']]), stream(E.protocol)],
  ['8.2.1', 'an empty name', bad([...request(), ['', 'ok']]), stream(E.protocol)],
  ['8.2.1', 'a line break in a value', bad([...request(), ['x-test', 'a\r\nb: c']]), stream(E.protocol)],
  ['8.2.1', 'a NUL in a value', bad([...request(), ['x-test', 'a\0b']]), stream(E.protocol)],
  ['8.2.2', 'Connection', bad([...request(), ['connection', 'keep-alive']]), stream(E.protocol)],
  ['8.2.2', 'Transfer-Encoding', bad([...request(), ['transfer-encoding', 'chunked']]), stream(E.protocol)],
  ['8.2.2', 'Upgrade', bad([...request(), ['upgrade', 'h2c']]), stream(E.protocol)],
  ['8.2.2', 'TE: trailers', bad([...request(), ['te', 'trailers']]), answer()],
  ['8.2.2', 'TE: trailers, deflate', bad([...request(), ['te', 'trailers, deflate']]), stream(E.protocol)],
  ['8.3', 'an unknown pseudo-header', bad([...request(), [':test', 'ok']]), stream(E.protocol)],
  ['8.3', 'a pseudo-header of responses', bad([...request(), [':status', '200']]), stream(E.protocol)],
  ['8.3', 'a pseudo-header in trailers', [open(), data(1, 'x', 0), headers(1, 5, block([[':method', 'GET']]))], stream(E.protocol)],
  ['8.3', 'a pseudo-header behind others', bad([...without(':path'), ['x-test', 'ok'], [':path', '/']]), stream(E.protocol)],
  ['8.3.1', 'an empty :path', bad([...without(':path'), [':path', '']]), stream(E.protocol)],
  ...[':method', ':scheme', ':path'].map((name) => ['8.3.1', `no ${name}`, bad(without(name)), stream(E.protocol)]),
  ...[':method', ':scheme', ':path', ':authority'].map((name) => ['8.3.1', `two ${name}`, bad(twice(name)), stream(E.protocol)]),
  ['8.3.1', 'no :authority but Host', bad([...without(':authority'), ['host', 'test']]), answer()],
  ['8.1.1', 'Content-Length that is not the length of DATA', [frame(F.headers, END_HEADERS, 1, block(post([['content-length', '1']]))), data(1, 'test')], stream(E.protocol)],
  ['8.1.1', 'Content-Length that is not the sum of DATA', [frame(F.headers, END_HEADERS, 1, block(post([['content-length', '1']]))), data(1, 'te', 0), data(1, 'st')], stream(E.protocol)],
  ['8.1.1', 'Content-Length without DATA', [headers(1, 5, block(post([['content-length', '4']])))], stream(E.protocol)],
  ['8.1.1', 'a Content-Length that is no number', [headers(1, 5, block(post([['content-length', '4x']])))], stream(E.protocol)],
  ['8.4', 'PUSH_PROMISE', [frame(F.push, END_HEADERS, 1, raw(u32(2), GET))], conn(E.protocol)],
];

test('the rows are enough to speak of conformance', () => assert.ok(rows.length >= 146, `${rows.length} rows`));

for (const [section, what, sent, expected, options] of rows) {
  test(`${section}: ${what}`, async () => {
    const h2 = await H2.open(served.port, options);
    try {
      if (typeof sent === 'function') await sent(h2);
      else h2.send(...sent);
      assert.equal(await expected(h2), undefined);
    } finally {
      h2.close();
    }
  });
}

test('after all of that, an ordinary request', async () => {
  const h2 = await H2.open(served.port);
  assert.equal(await h2.headers(1, request()).answer(1), undefined);
  h2.close();
});
