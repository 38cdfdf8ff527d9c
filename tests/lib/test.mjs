// SPDX-License-Identifier: Apache-2.0
// node:test, in which nothing waits without a limit: a test or a hook that takes longer fails, says so, and the next one
// runs. A test that needs more says { timeout: milliseconds }.
import * as node from 'node:test';

const kMilliseconds = Number(process.env.MICROTOME_ONE_TEST_SECONDS ?? 150) * 1000;

const limited = (plain) => (name, options, body) => (typeof options === 'function'
  ? plain(name, { timeout: kMilliseconds }, options)
  : plain(name, { timeout: kMilliseconds, ...options }, body));
export const test = limited(node.test);
export const before = (body, options) => node.before(body, { timeout: kMilliseconds, ...options });
export const after = (body, options) => node.after(body, { timeout: kMilliseconds, ...options });
// A file that is done but kept from ending (a connection, a program that a failed test has left) is ended.
node.after(() => {
  setTimeout(() => {
    console.error(`left open: ${process.getActiveResourcesInfo().join(' ')}`);
    process.exit(1);
  }, 60000).unref();
});
// A group has no limit of its own: its tests have.
export const { describe } = node;
