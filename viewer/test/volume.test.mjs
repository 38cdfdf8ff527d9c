// SPDX-License-Identifier: Apache-2.0
// Volumes in the viewer, in Chromium against the real server: a section scrubbed by distance and turned by angles has
// the pixels of the server's own PNG of that section.
import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "../../tests/lib/test.mjs";
import AxeBuilder from "@axe-core/playwright";
import { launch, open, serve, state, temporaryFolder } from "./harness.mjs";

const samples = fileURLToPath(new URL("../../tests/golden/wlz/samples/", import.meta.url));
const folder = temporaryFolder();
let server;
let browser;

before(async () => {
  for (const name of ["g3_ubyte.wlz.gz", "comp_grey.wlz.gz"]) copyFileSync(join(samples, name), join(folder.path, name));
  writeFileSync(join(folder.path, "comp_grey.wlz.gz.json"),
    JSON.stringify({ components: [{ index: 2, name: "heart", colour: "#ff0000" }] }));
  [server, browser] = await Promise.all([serve(folder.path), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  folder.remove();
});

async function withPage(path, work) {
  const page = await open(browser, `${server.url}${path}`);
  try {
    await work(page);
    assert.deepEqual(page.complaints, []);
  } finally {
    await page.context().close();
  }
}

const refined = (page, section) => page.waitForFunction((wanted) => {
  const data = document.documentElement.dataset;
  return data.refined === "true" && data.sharp === "true" && (!wanted || data.section === wanted);
}, section ?? null, { timeout: 20000 });

// How many opaque pixels of the server's PNG of the section on the screen are there, and how many of them the canvas
// shows otherwise. The view must show the section pixel for pixel: one to one, or each as a square of several.
async function compare(page, query = "") {
  const { section, volume } = await state(page);
  const about = await (await fetch(`${server.url}/sets/${volume}/section/${section}.json`)).json();
  return page.evaluate(async ([url, left, top]) => {
    const bitmap = await createImageBitmap(await (await fetch(url)).blob());
    const draw = (source, w, h) => {
      const context = new OffscreenCanvas(w, h).getContext("2d", { willReadFrequently: true });
      context.drawImage(source, 0, 0);
      return context.getImageData(0, 0, w, h).data;
    };
    const want = draw(bitmap, bitmap.width, bitmap.height);
    const canvas = document.getElementById("volume-canvas");
    const got = draw(canvas, canvas.width, canvas.height);
    const query = new URLSearchParams(location.search);
    const [cx, cy] = query.get("c").split(",").map(Number);
    const zoom = Number(query.get("z"));
    let pixels = 0;
    let wrong = 0;
    for (let y = 0; y < bitmap.height; y++) {
      for (let x = 0; x < bitmap.width; x++) {
        const from = (y * bitmap.width + x) * 4;
        if (want[from + 3] !== 255) continue;
        const sx = Math.floor(canvas.width / 2 + (left + x + 0.5 - cx) * zoom);
        const sy = Math.floor(canvas.height / 2 + (top + y + 0.5 - cy) * zoom);
        const to = (sy * canvas.width + sx) * 4;
        pixels++;
        if ([0, 1, 2].some((i) => Math.abs(want[from + i] - got[to + i]) > 1)) wrong++;
      }
    }
    return { pixels, wrong };
  }, [`${server.url}/sets/${volume}/section/${section}.png${query}`, about.left, about.top]);
}

async function same(page, query) {
  const { pixels, wrong } = await compare(page, query);
  assert.ok(pixels > 500, `only ${pixels} pixels of the volume are to be seen`);
  assert.equal(wrong, 0, `${wrong} of ${pixels} pixels differ`);
}

const slide = (page, name, value) => page.locator(`#cut-${name}`).evaluate((input, to) => {
  input.value = String(to);
  input.dispatchEvent(new Event("input"));
}, value);

test("the list shows volumes, and a click opens one", async () => {
  await withPage("/", async (page) => {
    await page.waitForFunction(() => [...document.querySelectorAll(".card img")].length === 2 &&
      [...document.querySelectorAll(".card img")].every((image) => image.complete && image.naturalWidth > 0));
    assert.match(await page.locator("#list-summary").textContent(), /2 volumes/);
    await page.locator(".card", { hasText: "g3_ubyte" }).click();
    await refined(page);
    assert.equal((await state(page)).volume, "g3_ubyte.wlz.gz");
    await page.goBack();
    await page.waitForSelector(".card");
    assert.equal(await page.locator("#volume").isHidden(), true);
  });
});

test("a section scrubbed by distance and turned by angles has the server's pixels", async () => {
  await withPage("/v/g3_ubyte.wlz.gz?cut=20,45,10,4&c=0,0&z=4", async (page) => {
    await refined(page, "yaw=20,pitch=45,roll=10,distance=4,fixed=middle");
    await same(page);
    for (let i = 0; i < 6; i++) await page.keyboard.press(".");
    await refined(page, "yaw=20,pitch=45,roll=10,distance=10,fixed=middle");
    await same(page);
    await slide(page, "distance", -12);
    await slide(page, "yaw", 200);
    await slide(page, "pitch", 70);
    await refined(page, "yaw=200,pitch=70,roll=10,distance=-12,fixed=middle");
    await same(page);
    assert.match(await page.locator("#volume-caption").textContent(), /distance -12, yaw 200°, pitch 70°, roll 10°/);
    await page.locator("#plane-xz").click();
    await refined(page, "yaw=90,pitch=90,roll=270,distance=0,fixed=middle");
    const { section } = await state(page);
    await page.locator("#volume-canvas").hover();
    await page.keyboard.down("Shift");
    await page.mouse.down();
    await page.mouse.move(700, 380, { steps: 5 });
    await page.mouse.up();
    await page.keyboard.up("Shift");
    await refined(page);
    assert.notEqual((await state(page)).section, section);
    const address = page.url();
    await page.reload();
    await refined(page);
    assert.equal(page.url(), address);
  });
});

test("scrubbing shows the section that it names, whatever the order of the answers, and never nothing", async () => {
  await withPage("/v/g3_ubyte.wlz.gz?cut=30,60,0,0&c=0,0&z=4", async (page) => {
    await refined(page);
    await page.route("**/section/**", async (route) => {
      await new Promise((done) => setTimeout(done, Math.random() * 80));
      await route.continue().catch(() => undefined);
    });
    await page.evaluate(() => {
      const canvas = document.getElementById("volume-canvas");
      const dot = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
      window.blank = 0;
      const look = () => {
        dot.drawImage(canvas, canvas.width >> 1, canvas.height >> 1, 1, 1, 0, 0, 1, 1);
        const [r, g, b] = dot.getImageData(0, 0, 1, 1).data;
        if (r === 11 && g === 12 && b === 14) window.blank++;
        requestAnimationFrame(look);
      };
      look();
    });
    for (let i = 0; i < 25; i++) {
      await slide(page, "distance", (i * 7) % 12 - 6);
      await slide(page, "yaw", 30 + i);
    }
    await refined(page, "yaw=54,pitch=60,roll=0,distance=-6,fixed=middle");
    assert.equal(await page.evaluate(() => window.blank), 0);
    await same(page);
  });
});

test("components have names and colours, and are shown as chosen", async () => {
  await withPage("/v/comp_grey.wlz.gz?c=0,0&z=4", async (page) => {
    await refined(page);
    await same(page, "?select=0");
    const heart = page.locator(".component", { hasText: "heart" });
    assert.equal(await heart.locator("input[type=color]").inputValue(), "#ff0000");
    await heart.locator("input[type=checkbox]").check();
    await page.waitForFunction(() => document.documentElement.dataset.refined === "true" && location.search.includes("on=0,2"));
    await same(page, "?select=0;domain(2),255,0,0,140");
  });
});

test("the pointer tells where in the volume it is, and in which components", async () => {
  await withPage("/v/comp_grey.wlz.gz?cut=0,0,0,0&c=0,0&z=4", async (page) => {
    await refined(page);
    const box = await page.locator("#volume-canvas").boundingBox();
    const { volume } = await state(page);
    const object = await (await fetch(`${server.url}/sets/${volume}/object.json`)).json();
    const [x1, y1, z1, x2, y2, z2] = object.components[2].box; // the heart
    const [left, top, , right, bottom] = object.components[0].box;
    await page.locator("#cut-distance").evaluate((input, to) => {
      input.value = String(to);
      input.dispatchEvent(new Event("input"));
    }, Math.round((z1 + z2) / 2 - 36.5));
    await refined(page);
    const at = (low, high, from, to) => ((low + high) / 2 - (from + to) / 2) * 4;
    await page.mouse.move(box.x + box.width / 2 + at(x1, x2, left, right), box.y + box.height / 2 + at(y1, y2, top, bottom));
    await page.waitForFunction(() => document.getElementById("volume-pick").textContent !== "");
    const [place, ...names] = (await page.locator("#volume-pick").textContent()).split(" · ");
    assert.ok(names.includes("heart"), names.join());
    place.split(", ").map(Number).forEach((v, i) => assert.ok(Math.abs(v - [(x1 + x2) / 2, (y1 + y2) / 2, (z1 + z2) / 2][i]) <= 1.5, place));
    await page.mouse.move(box.x + 5, box.y + box.height - 5);
    await page.waitForFunction(() => document.getElementById("volume-pick").textContent === "");
  });
});

test("a volume that is not there says so; the page passes the checks of axe", async () => {
  const page = await open(browser, `${server.url}/v/none.wlz`);
  await page.waitForSelector("#volume-note:not([hidden])");
  assert.match(await page.locator("#volume-note").textContent(), /no such volume/);
  await page.goto(`${server.url}/v/comp_grey.wlz.gz`);
  await refined(page);
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
  await page.context().close();
});
