// SPDX-License-Identifier: Apache-2.0
// fcgi-check gateway: microtome-host passes every row, real web servers are judged as they behave, and a toy gateway
// with one flaw at a time proves that rows can fail.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from '../lib/test.mjs';
import { bin, freePort, spawn, start } from '../lib/process.mjs';
import { begin, pairs, record, stream, type } from '../lib/fcgi.mjs';
import { host } from '../host/host.mjs';

let app;
let appPort;
before(async () => {
  appPort = await freePort();
  app = await start('fcgi-check', ['app', '--listen', `127.0.0.1:${appPort}`]);
});
after(() => app.kill());

function check(...args) {
  return new Promise((resolve) => {
    const child = spawn(join(bin, 'fcgi-check'), ['gateway', ...args]);
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('close', (code) => resolve({ code, out, err }));
  });
}
async function rows(url, ...args) {
  const { code, out, err } = await check(url, '--json', '--timeout', '3000', ...args);
  const report = JSON.parse(out || `{"rows":[],"error":${JSON.stringify(err)}}`);
  const named = (verdict) => report.rows.filter((row) => row.verdict === verdict).map((row) => row.name);
  return { code, report, failed: named('fail'), warned: named('warn') };
}

test('microtome-host passes every row', async () => {
  const served = await host(`fastcgi.server = ( "/app" => (( "host" => "127.0.0.1", "port" => ${appPort}, "check-local" => "disable" )) )`);
  try {
    const { code, failed, warned, report } = await rows(served.url('/app'));
    assert.deepEqual({ code, failed, warned }, { code: 0, failed: [], warned: [] });
    assert.ok(report.passed >= 90, `${report.passed} rows passed`);
  } finally {
    await served.close();
  }
});

test('an idle host does not use the processor', async () => {
  const served = await host(`fastcgi.server = ( "/app" => (( "host" => "127.0.0.1", "port" => ${appPort}, "check-local" => "disable" )) )`);
  try {
    assert.equal((await fetch(served.url('/app?do=echo'))).status, 200);
    const ticks = () => readFileSync(`/proc/${served.pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((a, b) => a + Number(b), 0);
    const used = ticks();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.ok(ticks() - used <= 5, `${ticks() - used} of 100 ticks used`);
  } finally {
    await served.close();
  }
});

// A gateway that takes one request per connection; `flaw` names what it does wrong.
function toyGateway(flaw) {
  const server = createServer((client) => {
    let data = Buffer.alloc(0);
    client.on('error', () => {});
    client.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      const end = data.indexOf('\r\n\r\n');
      if (end < 0 || client.busy) return;
      const head = data.toString('latin1', 0, end).split('\r\n');
      const length = Number(/^content-length: (\d+)/im.exec(head.join('\n'))?.[1] ?? 0);
      if (data.length < end + 4 + length) return;
      client.busy = true;
      serve(client, head, data.subarray(end + 4, end + 4 + length));
    });
  });
  function serve(client, [line, ...fields], body) {
    const [method, target] = line.split(' ');
    const [path, query = ''] = target.split(/\?(.*)/s);
    const params = {
      GATEWAY_INTERFACE: 'CGI/1.1', REMOTE_ADDR: '127.0.0.1', REQUEST_METHOD: method, SCRIPT_NAME: decodeURIComponent(path), SERVER_NAME: 'toy',
      SERVER_PORT: '80', SERVER_PROTOCOL: 'HTTP/1.1', SERVER_SOFTWARE: 'toy', QUERY_STRING: flaw === 'decodes' ? decodeURIComponent(query) : query,
      REQUEST_URI: target, CONTENT_LENGTH: flaw === 'no-length' ? '' : String(body.length),
    };
    for (const field of fields) {
      const [name, value] = [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim()];
      const key = name.toLowerCase() === 'content-type' ? 'CONTENT_TYPE' : `HTTP_${name.toUpperCase().replace(/-/g, '_')}`;
      if (flaw !== 'proxy' && name.toLowerCase() === 'proxy') continue;
      params[key] = params[key] && flaw !== 'last-wins' ? `${params[key]}, ${value}` : value;
    }
    if (flaw === 'no-variable') delete params.SERVER_NAME;
    const up = connect(appPort, '127.0.0.1');
    const first = begin(1, { keep: false });
    if (flaw === 'flags') first[10] = 0x80;
    const reserved = flaw === 'reserved' ? { reserved: 1 } : {};
    up.write(Buffer.concat([first, stream(type.params, 1, pairs(params)), record(type.stdin, 1, flaw === 'half-body' ? body.subarray(0, 100) : body.subarray(0, 60000), reserved),
      ...(flaw === 'half-body' || body.length <= 60000 ? [] : [stream(type.stdin, 1, body.subarray(60000), { open: true })]), ...(body.length > 0 ? [record(type.stdin, 1)] : [])]));
    let got = Buffer.alloc(0);
    let out = Buffer.alloc(0);
    up.on('error', () => client.destroy());
    up.on('data', (chunk) => (got = Buffer.concat([got, chunk])));
    up.on('end', () => {
      while (got.length >= 8) {
        const size = 8 + got.readUInt16BE(4) + (flaw === 'keeps-padding' ? 0 : got[6]);
        const content = got.subarray(8, 8 + got.readUInt16BE(4));
        const mine = got.readUInt16BE(2) === 1 || flaw === 'any-id';
        if ((got[1] === type.stdout && mine) || (got[1] === type.stderr && flaw === 'mixes-stderr')) out = Buffer.concat([out, content]);
        if (flaw === 'keeps-padding' && got[6] > 0 && got[1] === type.stdout) out = Buffer.concat([out, got.subarray(size, size + got[6])]);
        got = got.subarray(Math.min(got.length, flaw === 'keeps-padding' ? size + got[6] : size));
      }
      const text = out.toString('latin1');
      const blank = /\r?\n\r?\n/.exec(text);
      if (!blank && flaw !== 'passes-all') return client.end('HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n');
      const cgi = (blank ? text.slice(0, blank.index) : '').split(/\r?\n/);
      const status = /^\d{3}/.exec(cgi.find((field) => /^status:/i.test(field))?.slice(8) ?? '')?.[0] ?? (flaw !== 'location-200' && cgi.some((field) => /^location/i.test(field)) ? 302 : 200);
      const rest = Buffer.from(blank ? text.slice(blank.index + blank[0].length) : text, 'latin1');
      const fine = cgi.filter((field) => field && !/^(status|content-length):/i.test(field)).map((field) => `${field}\r\n`).join('');
      const bodiless = flaw !== 'head-body' && (method === 'HEAD' || status === '204' || status === '304');
      client.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${flaw === 'status-200' ? 200 : status} X\r\n${fine}${bodiless ? '' : `Content-Length: ${rest.length}\r\n`}Connection: close\r\n\r\n`, 'latin1'), bodiless ? Buffer.alloc(0) : rest]));
    });
  }
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const flaws = [
  [null, 'QUERY_STRING', null], [null, 'stdout-padding', null], [null, 'body-65536', null],
  ['decodes', 'QUERY_STRING', /QUERY_STRING is/], ['no-variable', 'SERVER_NAME', /not there/], ['proxy', 'header-proxy', /HTTP_PROXY/],
  ['last-wins', 'header-repeated', /HTTP_X_PROBE is b/], ['half-body', 'body-65535', /100 arrived/], ['no-length', 'body-1', /CONTENT_LENGTH/],
  ['flags', 'records', /unknown flags/], ['reserved', 'records', /reserved byte/], ['keeps-padding', 'stdout-padding', /not the body|status/],
  ['any-id', 'foreign-id', /status/], ['mixes-stderr', 'stderr-between', /status|not the body/], ['status-200', 'status-404', /status 200/],
  ['location-200', 'location', /status 200/], ['passes-all', 'no-header', /status 200/], ['head-body', 'head', /follows/], [null, 'half-body', /looks whole/],
];
for (const [flaw, row, detail] of flaws) {
  test(`a toy gateway (${flaw ?? 'plain'}): ${row} ${detail ? 'finds it' : 'passes'}`, async () => {
    // What the app notes is over all gateways: a fresh one for each.
    await app.kill();
    app = await start('fcgi-check', ['app', '--listen', `127.0.0.1:${appPort}`]);
    const gateway = await toyGateway(flaw);
    try {
      const { report } = await rows(`http://127.0.0.1:${gateway.address().port}/app`, '--only', row);
      const found = report.rows.find(({ name }) => name === row);
      if (!detail) return assert.equal(found.verdict, 'pass', found.detail);
      assert.match(found.verdict, /^(fail|warn)$/);
      assert.match(found.detail, detail);
    } finally {
      gateway.close();
    }
  });
}

test('what cannot be tested is no verdict', async () => {
  assert.equal((await check('http://127.0.0.1:1/')).code, 2);
  assert.equal((await check('gopher://x/')).code, 2);
});
