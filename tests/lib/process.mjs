// SPDX-License-Identifier: Apache-2.0
// Programs under test: started, waited for, stopped by their own process id; scratch directories that go away.
import * as node from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
// Where the programs are; MICROTOME_BIN chooses another build.
export const bin = process.env.MICROTOME_BIN ?? join(top, 'build', 'release', 'bin');

// Programs that are waited for while nothing else runs: node:child_process with a limit of time. A program that ran into it
// has no status.
const kLimit = { timeout: 120000, killSignal: 'SIGKILL' };
export const spawnSync = (program, args = [], options = {}) => node.spawnSync(program, args, { ...kLimit, ...options });
export const execFileSync = (program, args = [], options = {}) => node.execFileSync(program, args, { ...kLimit, ...options });

// Programs that run beside the test; what is left of them ends with the file of tests, whatever has failed.
const running = new Set();
const scratches = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const remove of scratches) {
    try {
      remove();
    } catch {
      // somebody still writes there; it is a temporary directory
    }
  }
});
export function spawn(...words) {
  const child = node.spawn(...words);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A directory for one test file; `after(() => scratch.remove())`, or it goes when the file of tests ends.
export function scratchDir(name = 'microtome') {
  const path = mkdtempSync(join(tmpdir(), `${name}-`));
  const remove = () => {
    scratches.delete(remove);
    rmSync(path, { recursive: true, force: true });
  };
  scratches.add(remove);
  return { path, file: (leaf) => join(path, leaf), remove };
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
export async function eventually(probe, what = 'condition', ms = 60000) {
  const until = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > until) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(10);
  }
}

// Starts a program and waits for a line on stdout (or stderr) that matches `ready`.
// Returns { child, pid, out, err, match, stop(), kill(), ended }. stop() sends SIGTERM; both give {code, signal}.
export async function start(program, args = [], { ready = /ready|listening/, env = {}, cwd, stdio, timeout = 60000 } = {}) {
  const child = spawn(program.includes('/') ? program : join(bin, program), args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: stdio ?? ['ignore', 'pipe', 'pipe'],
  });
  const started = { child, pid: child.pid, out: '', err: '', match: null };
  started.ended = new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', () => resolve({ code: null, signal: null })); // it never ran
  });
  // A program that does not end within 30 s is ended: the signal says so.
  started.kill = (signal = 'SIGKILL') => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 30000);
    return started.ended.finally(() => clearTimeout(timer));
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
