// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "../../tests/lib/test.mjs";
import { load } from "./modules.mjs";

const { Lru } = await load("lru");
const { Queue, kRank } = await load("queue");
const link = await load("link");
const stack = await load("stack");
const { backOff } = await load("api");

test("the cache forgets what was not used for longest and tells so", () => {
  const gone = [];
  const lru = new Lru(100, (value) => gone.push(value));
  lru.set("a", 1, 40);
  lru.set("b", 2, 40);
  lru.get("a");
  lru.set("c", 3, 40);
  assert.deepEqual(gone, [2]);
  assert.equal(lru.bytes, 80);
  lru.set("a", 4, 10);
  assert.deepEqual(gone, [2, 1]);
  lru.set("huge", 5, 1000);
  assert.equal(lru.get("huge"), 5);
  assert.equal(lru.size, 1);
  lru.clear();
  assert.equal(lru.bytes, 0);
  assert.deepEqual(gone, [2, 1, 3, 4, 5]);
});

function recorder() {
  const started = [];
  const aborted = [];
  const finish = new Map();
  const job = (key, rank) => ({
    key, rank,
    run: (signal) => {
      started.push(key);
      signal.addEventListener("abort", () => aborted.push(key));
      return new Promise((done) => finish.set(key, done));
    },
  });
  return { started, aborted, finish, job };
}
const settle = () => new Promise((done) => setImmediate(done));

test("the current slice goes first, whatever the order of wishes", () => {
  const { started, job } = recorder();
  const queue = new Queue();
  queue.want([job("t", kRank.thumbnail), job("a1", kRank.ahead), job("now", kRank.current), job("a2", kRank.ahead)]);
  assert.deepEqual(started, ["now", "a1", "a2", "t"]);
});

test("looking ahead never takes the last connections from the current slice", () => {
  const { started, job } = recorder();
  const queue = new Queue();
  const ahead = [..."abcdefgh"].map((key) => job(key, kRank.ahead));
  queue.want(ahead);
  assert.equal(started.length, 4);
  queue.want([...ahead, job("now", kRank.current)]);
  assert.equal(started.at(-1), "now");
});

test("what is no longer wanted is aborted, or never starts", async () => {
  const { started, aborted, finish, job } = recorder();
  const queue = new Queue();
  queue.want([..."abcdef"].map((key) => job(key, kRank.ahead)));
  queue.want([job("c", kRank.current), job("x", kRank.ahead)], (key) => key === "d");
  assert.deepEqual(aborted, ["a", "b"]);
  assert.deepEqual(started, ["a", "b", "c", "d", "x"]);
  finish.get("c")();
  finish.get("a")(); // an aborted one ending late changes nothing
  await settle();
  assert.ok(!queue.isRunning("c"));
  assert.ok(queue.isRunning("x"));
});

test("a job runs once however often it is wanted, and the next starts when it ends", async () => {
  const { started, finish, job } = recorder();
  const queue = new Queue();
  const jobs = [..."abcdefg"].map((key) => job(key, kRank.current));
  queue.want(jobs);
  queue.want(jobs);
  assert.equal(started.join(""), "abcdef");
  finish.get("b")();
  await settle();
  assert.equal(started.join(""), "abcdefg");
});

test("nothing starts while held", () => {
  const { started, job } = recorder();
  const queue = new Queue();
  queue.hold(true);
  queue.want([job("a", kRank.current)]);
  assert.equal(started.length, 0);
  queue.hold(false);
  assert.deepEqual(started, ["a"]);
});

test("the page finds the root below any mount", () => {
  assert.equal(link.rootOf("/"), "/");
  assert.equal(link.rootOf("/v/GLTa/41"), "/");
  assert.equal(link.rootOf("/cgi-bin/wlziipsrv.fcgi"), "/cgi-bin/wlziipsrv.fcgi/");
  assert.equal(link.rootOf("/cgi-bin/wlziipsrv.fcgi/v/a/b/3"), "/cgi-bin/wlziipsrv.fcgi/");
});

test("links keep set, slice, view and mode; nonsense falls back to the whole slice", () => {
  const view = { x: 1234.5678, y: -20.25, zoom: 0.84321987 };
  const address = link.formatPlace("/m/", "a b/ç", "41", view, true);
  assert.equal(address, "/m/v/a%20b/%C3%A7/41?c=1234.57,-20.25&z=0.84322&raw");
  const url = new URL(address, "http://h");
  const place = link.parsePlace(url.pathname, url.search);
  assert.deepEqual(place, { path: ["a b", "ç", "41"], view: { x: 1234.57, y: -20.25, zoom: 0.84322 }, raw: true });
  assert.deepEqual(link.parsePlace("/", ""), { path: [], view: null, raw: false });
  for (const bad of ["?c=1&z=1", "?c=1,2", "?c=1,2&z=0", "?c=1,2&z=-1", "?c=NaN,2&z=1", "?c=,2&z=1", "?c=1,Infinity&z=1"]) {
    assert.equal(link.parsePlace("/v/a/1", bad).view, null, bad);
  }
  assert.deepEqual(link.parsePlace("/v/%E0%A4%A/1", "").path, ["%E0%A4%A", "1"]);
});

test("a rounded view is its own link, moves less than a tenth of a pixel, and stays short", () => {
  let seed = 11;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let i = 0; i < 2000; i++) {
    const view = { x: random() * 1e6 - 1e3, y: random() * 1e6, zoom: 2 ** (random() * 24 - 14) };
    const once = link.rounded(view);
    assert.deepEqual(link.rounded(once), once);
    assert.ok(Math.abs(once.x - view.x) * view.zoom < 0.1);
    assert.ok(Math.abs(once.zoom / view.zoom - 1) * 2000 < 0.1);
    assert.ok(link.formatPlace("/", "S2897L", "4100", once, true).length < 100);
  }
});

const sample = () => stack.parseStack({
  name: "S", title: "", version: "v", pixel_size_um: 0.5, spacing_um: 5,
  slices: [
    { number: 1, name: "s_001", id: "S/1", width: 10, height: 20, z_um: 5, status: "ok" },
    { number: 2, name: "s_002", id: "S/2", width: 0, height: 0, z_um: 10, status: "missing" },
    { number: 3, name: "s_003", id: "S/3", z_um: 15, status: "damaged", transform: [1, 0, 0, 0, 1, 0] },
    { number: 7, name: "s_007", id: "S/7", z_um: 35, status: "ok", transform: [1, 0, 0, 0, "x", 0] },
    { nonsense: true }, null,
  ],
});

test("a stack keeps what makes sense", () => {
  const s = sample();
  assert.equal(s.title, "S");
  assert.deepEqual(s.slices.map((x) => x.status), ["ok", "missing", "damaged", "ok"]);
  assert.deepEqual(s.present, [0, 2, 3]);
  assert.equal(s.registered, true);
  assert.equal(s.slices[3].transform, null);
  for (const bad of [null, [], {}, { slices: 3 }]) assert.throws(() => stack.parseStack(bad));
});

test("steps skip missing slices and stop at the ends", () => {
  const s = sample();
  assert.equal(stack.stepFrom(s, 0, 1), 2);
  assert.equal(stack.stepFrom(s, 2, -1), 0);
  assert.equal(stack.stepFrom(s, 1, 1), 2, "forward out of a gap");
  assert.equal(stack.stepFrom(s, 1, -1), 0, "back out of a gap");
  assert.equal(stack.stepFrom(s, 0, 10), 3);
  assert.equal(stack.stepFrom(s, 3, -10), 0);
});

test("slices are found by number, name and file name", () => {
  const s = sample();
  assert.equal(stack.findSlice(s, "7"), 3);
  assert.equal(stack.findSlice(s, "007"), 3);
  assert.equal(stack.findSlice(s, "S_003"), 2);
  assert.equal(stack.findSlice(s, "s_003.tif"), 2);
  assert.equal(stack.findSlice(s, "5"), -1);
  assert.equal(stack.findSlice(s, ""), -1);
  assert.equal(stack.nearestNumber(s, 5), 2);
  assert.equal(stack.nearestNumber(s, 6), 3);
});

test("the slider is to scale in depth, or in numbers where depth is not known", () => {
  const s = sample();
  assert.deepEqual(stack.axisOf(s).places.map((p) => Number(p.toFixed(3))), [0, 0.167, 0.333, 1]);
  const numbers = stack.parseStack({ slices: [{ number: 1 }, { number: 3 }, { number: 5, z_um: 9 }] });
  assert.deepEqual(stack.axisOf(numbers).places, [0, 0.5, 1]);
  assert.deepEqual(stack.axisOf(stack.parseStack({ slices: [{ number: 1 }] })).places, [0.5]);
  assert.equal(stack.nearest(s, stack.axisOf(s).places, 0.17), 2, "a place in a gap belongs to the nearest slice that exists");
});

test("a gap lies between its neighbours even where depth does not follow the numbers", () => {
  const s = stack.parseStack({ slices: [
    { number: 4, z_um: 2490 }, { number: 9, z_um: 447, status: "missing" }, { number: 14, z_um: 2990 },
    { number: 19, status: "missing" }, { number: 24, status: "missing" }, { number: 29, z_um: 3890 },
  ] });
  assert.deepEqual(s.slices.map((x) => x.z), [2490, 2740, 2990, 3290, 3590, 3890]);
  assert.equal(stack.axisOf(s).unit, "um");
});

test("waiting grows, has a limit, and honours what the server says", () => {
  const waits = [1, 2, 3, 4, 20].map((n) => backOff(n, null, 0));
  assert.deepEqual(waits, [0.5, 1, 2, 4, 30]);
  assert.equal(backOff(1, 7, 0), 7);
  assert.equal(backOff(1, 1e9, 0), 120);
});
