// SPDX-License-Identifier: Apache-2.0
// Programs under test: started, waited for, stopped by their own process id; scratch directories that go away.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
// Where the programs are; MICROTOME_BIN chooses another build.
export const bin = process.env.MICROTOME_BIN ?? join(top, 'build', 'release', 'bin');

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A directory for one test file; `test.after(() => scratch.remove())`.
export function scratchDir(name = 'microtome') {
  const path = mkdtempSync(join(tmpdir(), `${name}-`));
  return { path, file: (leaf) => join(path, leaf), remove: () => rmSync(path, { recursive: true, force: true }) };
}

// A TCP port that nobody uses now. Prefer port 0 where the program takes it.
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// Calls `probe` until it returns something true.
export async function eventually(probe, what = 'condition', ms = 10000) {
  const until = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > until) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(10);
  }
}

// Starts a program and waits for a line on stdout (or stderr) that matches `ready`.
// Returns { child, pid, out, err, match, stop(), kill(), ended }. stop() sends SIGTERM and gives {code, signal}.
export async function start(program, args = [], { ready = /ready|listening/, env = {}, cwd, stdio, timeout = 15000 } = {}) {
  const child = spawn(program.includes('/') ? program : join(bin, program), args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: stdio ?? ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const started = { child, pid: child.pid, out: '', err: '', match: null };
  started.ended = new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  started.kill = (signal = 'SIGKILL') => {
    child.kill(signal);
    return started.ended;
  };
  started.stop = (signal = 'SIGTERM') => started.kill(signal);
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('timed out'), timeout);
    const fail = (why) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`${program} did not become ready (${why})\n${started.out}${started.err}`));
    };
    const look = () => {
      started.match ??= ready.exec(started.out) ?? ready.exec(started.err);
      if (!started.match) return;
      clearTimeout(timer);
      resolve();
    };
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code, signal) => fail(`ended with ${code ?? signal}`));
    child.stdout?.setEncoding('utf8').on('data', (text) => { started.out += text; look(); });
    child.stderr?.setEncoding('utf8').on('data', (text) => { started.err += text; look(); });
  });
  return started;
}

// CPU time a process has used, in microseconds (scheduler time of all its threads).
export async function cpuMicroseconds(pid) {
  const { readdirSync, readFileSync } = await import('node:fs');
  let total = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  }
  return total / 1000;
}
