// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "../../tests/lib/test.mjs";
import { load } from "./modules.mjs";

const g = await load("geometry");
const v = await load("view");

const near = (a, b, slack = 1e-9) => assert.ok(Math.abs(a - b) <= slack, `${a} is not ${b}`);
const nearPoint = (p, x, y, slack) => { near(p.x, x, slack); near(p.y, y, slack); };

test("maps compose from the inside out and invert", () => {
  const turn = [0, -1, 10, 1, 0, 20];
  const grow = [2, 0, 0, 0, 3, 0];
  nearPoint(g.apply(g.compose(turn, grow), { x: 1, y: 1 }), 7, 22);
  nearPoint(g.apply(g.compose(g.invert(turn), turn), { x: 5, y: -7 }), 5, -7);
  assert.equal(g.invert([1, 2, 0, 2, 4, 0]), null);
  near(g.magnification([0, -3, 0, 3, 0, 0]), 3);
});

test("only unrotated, unmirrored maps are upright", () => {
  assert.ok(g.upright([2, 0, 5, 0, 3, 5]));
  assert.ok(!g.upright([2, 0.01, 5, 0, 3, 5]));
  assert.ok(!g.upright([-2, 0, 5, 0, 3, 5]));
});

test("rectangles: bounds of a turned one, intersection, union", () => {
  assert.deepEqual(g.bounds([0, -1, 0, 1, 0, 0], { x: 0, y: 0, w: 4, h: 2 }), { x: -2, y: 0, w: 2, h: 4 });
  assert.equal(g.intersect({ x: 0, y: 0, w: 1, h: 1 }, { x: 1, y: 0, w: 1, h: 1 }), null);
  assert.deepEqual(g.unite({ x: 0, y: 0, w: 1, h: 1 }, { x: 4, y: 5, w: 1, h: 1 }), { x: 0, y: 0, w: 5, h: 6 });
});

const screen = { w: 1280, h: 700, dpr: 1 };
const slice = { w: 4000, h: 3000 };
const mapOf = (view, s = screen) => v.screenMap(view, s);

test("a fitted slice touches the margin on one side and is centred", () => {
  const view = v.fitView({ x: 0, y: 0, ...slice }, screen);
  const map = mapOf(view);
  nearPoint(g.apply(map, { x: 2000, y: 1500 }), 640, 350);
  near(g.apply(map, { x: 0, y: 0 }).y, v.kMargin, 1e-6);
});

test("zooming keeps the point under the pointer", () => {
  const view = { x: 300, y: 200, zoom: 0.5 };
  const at = { x: 100, y: 600 };
  const world = g.apply(g.invert(mapOf(view)), at);
  const nearer = v.zoomAround(view, screen, 1.7, at, [0.01, 100]);
  nearPoint(g.apply(mapOf(nearer), world), 100, 600, 1e-6);
  near(nearer.zoom, 0.85);
  assert.equal(v.zoomAround(view, screen, 1e9, at, [0.01, 100]).zoom, 100);
});

test("a whole slice is one picture of exactly the pixels of the screen", () => {
  const view = v.fitView({ x: 0, y: 0, ...slice }, screen);
  const plan = v.planPicture(mapOf(view), slice, { w: 1280, h: 700 });
  assert.ok(plan.whole);
  assert.deepEqual(plan.size, { w: 901, h: 676 });
});

test("a slice is never asked for larger than it is", () => {
  const plan = v.planPicture(mapOf({ x: 50, y: 50, zoom: 6 }), { w: 100, h: 100 }, { w: 1280, h: 700 });
  assert.deepEqual(plan.size, { w: 100, h: 100 });
});

test("a region covers what is seen, stays inside the slice, and is shared by small moves", () => {
  const device = { w: 1280, h: 700 };
  const view = { x: 2000, y: 1500, zoom: 0.9 };
  const plan = v.planPicture(mapOf(view), slice, device);
  assert.ok(!plan.whole);
  const seen = g.bounds(g.invert(mapOf(view)), { x: 0, y: 0, ...device });
  assert.ok(plan.region.x <= seen.x && plan.region.x + plan.region.w >= seen.x + seen.w);
  assert.ok(plan.region.y <= seen.y && plan.region.y + plan.region.h >= seen.y + seen.h);
  near(plan.region.w / plan.size.w, 1 / 0.9);
  near((plan.region.x / plan.region.w) * plan.size.w, Math.round((plan.region.x / plan.region.w) * plan.size.w), 1e-6);
  const moved = v.planPicture(mapOf({ ...view, x: view.x + 3 }), slice, device);
  assert.equal(moved.key, plan.key);
  const corner = v.planPicture(mapOf({ x: 3900, y: 2900, zoom: 0.9 }), slice, device);
  assert.ok(corner.region.x + corner.region.w <= slice.w + 1e-9 && corner.region.y + corner.region.h <= slice.h + 1e-9);
  assert.ok(corner.region.x + corner.region.w > slice.w - 2);
});

test("nothing on the screen means no picture", () => {
  assert.equal(v.planPicture(mapOf({ x: -9000, y: 0, zoom: 1 }), slice, { w: 1280, h: 700 }), null);
});

test("views of any size and place ask for at most 4096 pixels a side and never for nothing", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let i = 0; i < 3000; i++) {
    const size = { w: Math.ceil(random() ** 4 * 200000) + 1, h: Math.ceil(random() ** 4 * 200000) + 1 };
    const big = { w: Math.ceil(random() * 5000) + 1, h: Math.ceil(random() * 3000) + 1, dpr: 1 };
    const angle = random() < 0.5 ? 0 : random() * 6;
    const turn = [Math.cos(angle), -Math.sin(angle), random() * 99, Math.sin(angle), Math.cos(angle), 0];
    const view = { x: random() * size.w, y: random() * size.h, zoom: 2 ** (random() * 20 - 15) };
    const map = g.compose(v.screenMap(view, big), turn);
    const plan = v.planPicture(map, size, { w: big.w, h: big.h });
    if (!plan) continue;
    assert.ok(plan.size.w >= 1 && plan.size.h >= 1 && plan.size.w <= 4096 && plan.size.h <= 4096, JSON.stringify(plan));
    assert.ok(plan.region.w > 0 && plan.region.h > 0 && plan.region.x >= 0 && plan.region.y >= 0);
  }
});

test("tiles cover what is seen at full size, the middle first", () => {
  const plan = v.planTiles(mapOf({ x: 2000, y: 1500, zoom: 1 }), slice, { w: 1280, h: 700 }, 256);
  assert.equal(plan.level, 12);
  assert.equal(plan.step, 1);
  const xs = plan.tiles.map((t) => t.x);
  const ys = plan.tiles.map((t) => t.y);
  assert.equal(Math.min(...xs), Math.floor(1360 / 256));
  assert.equal(Math.max(...xs), Math.floor(2639 / 256));
  assert.equal(Math.min(...ys), Math.floor(1150 / 256));
  assert.equal(plan.tiles.length, (Math.max(...xs) - Math.min(...xs) + 1) * (Math.max(...ys) - Math.min(...ys) + 1));
  assert.ok([7, 8].includes(plan.tiles[0].x) && [5, 6].includes(plan.tiles[0].y));
});

test("tiles at the border are as large as the slice goes", () => {
  const plan = v.planTiles(mapOf({ x: 3999, y: 2999, zoom: 1 }, { w: 64, h: 64, dpr: 1 }), slice, { w: 64, h: 64 }, 512);
  assert.deepEqual(plan.tiles.map((t) => t.rect), [{ x: 3584, y: 2560, w: 416, h: 440 }]);
});

test("half the magnification takes the next coarser level", () => {
  const plan = v.planTiles(mapOf({ x: 2000, y: 1500, zoom: 0.5 }), slice, { w: 1280, h: 700 }, 256);
  assert.equal(plan.step, 2);
  assert.equal(plan.level, 11);
});

test("the scale bar is round and fits", () => {
  for (let zoom = 1e-4; zoom < 1e4; zoom *= 1.37) {
    const bar = v.scaleBar(zoom, 160);
    assert.ok(bar.pixels <= 160 && bar.pixels >= 160 / 2.6, `${zoom}: ${bar.pixels}`);
    assert.match(bar.length.toExponential(6), /^[125]\.000000e/);
  }
  assert.equal(v.formatLength(0.5), "500 nm");
  assert.equal(v.formatLength(205), "205 µm");
  assert.equal(v.formatLength(20000), "20 mm");
});

test("rotated and sized registration: pixels to micrometres of the set", () => {
  const map = v.sliceMap(0.5, [0, -1, 100, 1, 0, 50]);
  nearPoint(g.apply(map, { x: 20, y: 40 }), 80, 60);
  nearPoint(g.apply(v.sliceMap(0.5, null), { x: 20, y: 40 }), 10, 20);
});
