// SPDX-License-Identifier: Apache-2.0
// The viewer in Chromium against the real server.
import assert from "node:assert/strict";
import { after, before, test } from "../../tests/lib/test.mjs";
import AxeBuilder from "@axe-core/playwright";
import { fingerprint, launch, mountBelow, open, pixel, refined, serve, sharp, state, temporaryFolder } from "./harness.mjs";
import { colourOf, kMissing, makeSets, numberOf, png } from "./pictures.mjs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = temporaryFolder();
let server;
let browser;

before(async () => {
  makeSets(folder.path);
  [server, browser] = await Promise.all([serve(folder.path), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  folder.remove();
});

// Runs a test on a page of its own and demands that the browser had nothing to complain about.
async function withPage(path, work, options = {}) {
  const page = await open(browser, `${server.url}${path}`, options);
  try {
    await work(page);
    if (!options.complaintsExpected) assert.deepEqual(page.complaints, []);
  } finally {
    await page.context().close();
  }
}

const near = (a, b, slack = 16) => a.every((value, i) => Math.abs(value - b[i]) <= slack);

test("the list shows every set with a picture, and a click opens it", async () => {
  await withPage("/", async (page) => {
    await page.waitForSelector(".card");
    const titles = await page.locator(".card h2").allTextContents();
    assert.deepEqual(titles, ["Colours", "fine", "hurt", "turned"]);
    await page.waitForFunction(() => [...document.querySelectorAll(".card img")].length === 4 &&
      [...document.querySelectorAll(".card img")].every((image) => image.complete && image.naturalWidth > 0));
    assert.match(await page.locator(".card").first().innerText(), /41 slices · 1–44 · 5 µm apart/);
    await page.locator(".card").first().click();
    await sharp(page);
    assert.equal((await state(page)).set, "colours");
    await page.goBack();
    await page.waitForSelector(".card");
    assert.equal(await page.locator("#viewer").isHidden(), true);
    await page.goForward();
    await sharp(page);
    await page.locator("#back").click();
    await page.waitForSelector(".card");
  });
});

test("a slice is on the screen when it is asked for: by link, key, button, wheel, number, name", async () => {
  await withPage("/v/colours/41", async (page) => {
    const shows = async (number) => {
      await sharp(page, number);
      assert.equal(numberOf(await pixel(page)), number);
      assert.equal(await page.locator("#caption-main").textContent(), `Slice ${number}`);
      assert.equal(await page.locator("#number").inputValue(), String(number));
    };
    await shows(41);
    await page.keyboard.press(".");
    await shows(42);
    await page.keyboard.press(",");
    await page.keyboard.press("ArrowLeft");
    await shows(40);
    await page.keyboard.press("PageDown");
    await shows(30);
    await page.keyboard.press("Home");
    await shows(1);
    await page.keyboard.press("End");
    await shows(44);
    await page.locator("#previous").click();
    await shows(43);
    await page.locator("#slider").hover({ position: { x: 400, y: 15 } });
    await page.mouse.wheel(0, -120);
    await shows(42);
    await page.keyboard.type("12");
    await page.keyboard.press("Enter");
    await shows(12);
    await page.keyboard.press("g");
    await page.keyboard.type("c_033");
    await page.keyboard.press("Enter");
    await shows(33);
    await page.keyboard.press("g");
    await page.keyboard.type("turned/3");
    await page.keyboard.press("Enter");
    await sharp(page, 3);
    assert.equal((await state(page)).set, "turned");
    await page.goBack();
    await shows(33);
    assert.match(page.url(), /\/v\/colours\/33$/);
  });
});

// Looks at the picture in every frame: which slice's colour it has, and which number stands over it.
const watch = (page) => page.evaluate(() => {
  const frames = [];
  const canvas = document.getElementById("canvas");
  const dot = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const look = () => {
    dot.drawImage(canvas, canvas.width >> 1, canvas.height >> 1, 1, 1, 0, 0, 1, 1);
    const { data } = dot.getImageData(0, 0, 1, 1);
    const caption = document.getElementById("caption-main").textContent;
    frames.push([data[0], data[1], data[2], Number(document.documentElement.dataset.sliceShown), caption]);
    if (!window.stopWatching) requestAnimationFrame(look);
  };
  window.frames_ = frames;
  look();
});
const watched = (page) => page.evaluate(async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  window.stopWatching = true;
  return window.frames_;
});

function judge(frames) {
  const blank = frames.filter((frame) => near(frame, [11, 12, 14], 6)).length;
  const wrong = frames.filter((frame) => numberOf(frame) !== frame[3] || frame[4] !== `Slice ${frame[3]}`);
  return { blank, wrong };
}

test("scrubbing never blanks and never shows a slice under another's number", async () => {
  // Answers come late and in any order.
  const shuffle = (page) => page.route("**/view?**", async (route) => {
    await new Promise((done) => setTimeout(done, Math.random() * 120));
    await route.continue().catch(() => undefined);
  });
  await withPage("/v/colours/1", async (page) => {
    await sharp(page, 1);
    await watch(page);
    for (let i = 0; i < 20; i++) await page.keyboard.press(".");
    const box = await page.locator("#slider").boundingBox();
    const y = box.y + 15;
    await page.mouse.move(box.x + 300, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 20, y, { steps: 35 });
    await page.mouse.move(box.x + 100, y, { steps: 20 });
    await page.mouse.up();
    for (const key of ["End", "Home", "PageUp", "PageUp", "PageDown", "End", ","]) await page.keyboard.press(key);
    await sharp(page, 43);
    const frames = await watched(page);
    const { blank, wrong } = judge(frames);
    assert.ok(frames.length > 20);
    assert.equal(blank, 0);
    assert.deepEqual(wrong, []);
    assert.ok(new Set(frames.map((frame) => frame[3])).size > 10, "slices are seen in passing");
  }, { before: shuffle });
});

test("every slice is sharp when stepping waits for it", async () => {
  await withPage("/v/colours/1", async (page) => {
    await sharp(page, 1);
    await watch(page);
    for (let number = 2; number <= 44; number++) {
      if (kMissing.includes(number)) continue;
      await page.keyboard.press(".");
      await sharp(page, number);
    }
    const frames = await watched(page);
    assert.deepEqual(judge(frames), { blank: 0, wrong: [] });
    assert.equal(new Set(frames.map((frame) => frame[3])).size, 41);
  });
});

test("the number asked for and the number shown are both to be seen while they differ", async () => {
  let release = () => undefined;
  const held = new Promise((done) => (release = done));
  const hold = (page) => page.route("**/view?slice=20&**", async (route) => {
    await held;
    await route.continue().catch(() => undefined);
  });
  await withPage("/v/colours/10", async (page) => {
    await sharp(page, 10);
    await page.keyboard.type("20");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.getElementById("caption-wait").textContent === "loading 20 …");
    assert.equal(await page.locator("#number").inputValue(), "20");
    assert.equal(await page.locator("#caption-main").textContent(), "Slice 10");
    assert.equal(await page.locator("#stage").getAttribute("aria-busy"), "true");
    assert.equal(numberOf(await pixel(page)), 10);
    release();
    await sharp(page, 20);
    assert.equal(await page.locator("#caption-wait").isHidden(), true);
    assert.equal(await page.locator("#stage").getAttribute("aria-busy"), "false");
  }, { before: hold });
});

test("slices that were passed over are no longer fetched", async () => {
  const open = new Set();
  const aborted = [];
  const slow = async (page) => {
    await page.route("**/view?**", async (route) => {
      await new Promise((done) => setTimeout(done, 400));
      await route.continue().catch(() => undefined);
    });
    page.on("request", (request) => request.url().includes("/view?") && open.add(request.url()));
    page.on("requestfailed", (request) => aborted.push(request.url()));
  };
  await withPage("/v/colours/1", async (page) => {
    await sharp(page, 1);
    aborted.length = 0;
    await page.keyboard.press("End");
    await page.waitForTimeout(60);
    await page.keyboard.press("Home");
    await page.keyboard.type("20");
    await page.keyboard.press("Enter");
    await sharp(page, 20);
    assert.ok(aborted.length > 0, "requests for the end of the set were given up");
  }, { before: slow });
});

test("zooming in ends at the stored pixels, fetched as tiles", async () => {
  const tiles = [];
  await withPage("/v/fine/1", async (page) => {
    page.on("request", (request) => request.url().includes("_files/") && tiles.push(request.url()));
    await refined(page, 1);
    assert.deepEqual(tiles, [], "a slice that is shown small needs no tiles");
    const box = await page.locator("#canvas").boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.4);
    for (let i = 0; i < 12; i++) await page.mouse.wheel(0, -300);
    await refined(page, 1);
    assert.ok(tiles.length > 0);
    const zoom = Number(/z=([\d.]+)/.exec(page.url())[1]) * 0.5; // screen pixels per pixel of the slice
    assert.ok(zoom >= 8, `zoom ${zoom}`);
    const row = await page.evaluate(() => {
      const canvas = document.getElementById("canvas");
      const { data } = canvas.getContext("2d").getImageData(0, canvas.height >> 1, canvas.width, 1);
      return Array.from({ length: canvas.width }, (_, x) => data[4 * x]);
    });
    const flips = row.filter((value, x) => x > 0 && (value > 128) !== (row[x - 1] > 128)).length;
    const expected = row.length / (2 * zoom); // columns two pixels wide
    assert.ok(Math.abs(flips - expected) <= 2, `${flips} edges, ${expected} expected`);
    const grey = row.filter((value) => value > 60 && value < 195).length;
    assert.equal(grey, 0, "no blur between pixels");
  });
});

test("a link leads to a place in the slice", async () => {
  await withPage("/v/fine/1?c=1025,525&z=8", async (page) => { // micrometres: pixel (2050, 1050)
    await refined(page, 1);
    assert.ok(near(await pixel(page), [40, 200, 80], 30), String(await pixel(page)));
    assert.equal(await page.locator("#zoom").textContent(), "400 %");
    assert.equal(await page.locator("#scale-text").textContent(), "20 µm");
    const bar = await page.locator("#scale-bar").boundingBox();
    assert.ok(Math.abs(bar.width - 160) < 1, "20 µm at 8 pixels a micrometre");
  });
});

test("a registered set is shown registered; a key and a button show it raw", async () => {
  const red = [200, 30, 30];
  const blue = [30, 30, 200];
  await withPage("/v/turned/2", async (page) => {
    const sides = async () => Promise.all([pixel(page, 0.4, 0.5), pixel(page, 0.6, 0.5), pixel(page, 0.5, 0.3), pixel(page, 0.5, 0.7)]);
    const isRegistered = async () => {
      const [left, right] = await sides();
      return near(left, red, 40) && near(right, blue, 40);
    };
    const isRaw = async () => {
      const [, , top, bottom] = await sides();
      return near(top, red, 40) && near(bottom, blue, 40);
    };
    for (const number of [2, 1, 3, 2]) {
      await page.keyboard.press("g");
      await page.keyboard.type(String(number));
      await page.keyboard.press("Enter");
      await refined(page, number);
      assert.ok(await isRegistered(), `slice ${number} lies on its neighbours`);
    }
    await page.keyboard.press("r");
    await page.waitForFunction(() => document.documentElement.dataset.mode === "raw");
    await refined(page, 2);
    assert.ok(await isRaw());
    await page.waitForURL(/\?raw$/);
    await page.locator("#registered").click();
    await page.waitForFunction(() => document.documentElement.dataset.mode === "registered");
    await refined(page, 2);
    assert.ok(await isRegistered());
  });
  await withPage("/v/turned/2?raw", async (page) => {
    await sharp(page, 2);
    assert.equal((await state(page)).mode, "raw");
  });
});

test("a link restores the same pixels", async () => {
  for (const start of ["/v/fine/1", "/v/turned/2", "/v/turned/3?raw", "/v/colours/12"]) {
    let url = "";
    let expected = "";
    await withPage(start, async (page) => {
      await sharp(page);
      const box = await page.locator("#canvas").boundingBox();
      await page.mouse.move(box.x + 500, box.y + 300);
      for (let i = 0; i < 3; i++) await page.mouse.wheel(0, -170);
      await page.mouse.down();
      await page.mouse.move(box.x + 443, box.y + 361, { steps: 5 });
      await page.mouse.up();
      await refined(page);
      await page.waitForURL(/c=/);
      await refined(page);
      url = page.url();
      expected = await fingerprint(page);
    });
    assert.ok(url.length - server.url.length < 200, url);
    await withPage(url.slice(server.url.length), async (page) => {
      await refined(page);
      await page.waitForTimeout(300);
      assert.equal(await fingerprint(page), expected, `${url} restores other pixels`);
      assert.equal(page.url(), url);
    });
  }
});

test("a gap is shown as a gap, a damaged slice as damaged", async () => {
  await withPage("/v/colours/23", async (page) => {
    await sharp(page, 23);
    assert.equal(await page.locator("#note-title").textContent(), "Slice 23 is missing");
    assert.ok(near(await pixel(page), [11, 12, 14], 3), "no pixels of another slice");
    await page.getByRole("button", { name: "Slice 25" }).click();
    await sharp(page, 25);
    assert.equal(await page.locator("#note").isHidden(), true);
    await page.keyboard.press(",");
    await sharp(page, 22);
    await page.keyboard.type("24");
    await page.keyboard.press("Enter");
    await sharp(page, 24);
    assert.equal(await page.locator("#caption-flag").textContent(), "missing");
  });
  await withPage("/v/hurt/2", async (page) => {
    await page.waitForFunction(() => !document.getElementById("note").hidden);
    assert.equal(await page.locator("#note-title").textContent(), "Slice 2 cannot be shown");
    assert.ok(near(await pixel(page), [11, 12, 14], 3));
    await page.keyboard.press(".");
    await sharp(page, 3);
    assert.equal(await page.locator("#note").isHidden(), true);
  }, { complaintsExpected: true });
});

test("a number that does not exist leads to the nearest, and says so", async () => {
  await withPage("/v/colours/5", async (page) => {
    await sharp(page, 5);
    await page.keyboard.type("99");
    await page.keyboard.press("Enter");
    await sharp(page, 44);
    assert.match(await page.locator("#toast").textContent(), /no slice 99/);
    await page.keyboard.press("g");
    await page.keyboard.type("nonsense");
    await page.keyboard.press("Enter");
    assert.match(await page.locator("#toast").textContent(), /no slice “nonsense”/);
    assert.equal((await state(page)).sliceShown, "44");
  });
});

test("no page breaks the rules of accessibility", async () => {
  const check = async (page, what) => {
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
      "best-practice"]).analyze();
    assert.deepEqual(violations.map((v) => `${what}: ${v.id} ${v.nodes[0]?.html}`), []);
  };
  for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 844 }]) {
    await withPage("/", async (page) => {
      await page.waitForSelector(".card");
      await check(page, "list");
      await page.goto(`${server.url}/v/colours/20`);
      await sharp(page, 20);
      await check(page, "set");
      await page.keyboard.press("?");
      await page.waitForSelector("dialog[open]");
      await check(page, "help");
      await page.goto(`${server.url}/v/turned/2`);
      await sharp(page, 2);
      await check(page, "registered");
      await page.goto(`${server.url}/v/colours/23`);
      await sharp(page, 23);
      await check(page, "gap");
    }, { viewport });
  }
});

test("everything works by keyboard alone", async () => {
  await withPage("/", async (page) => {
    await page.waitForSelector(".card");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await sharp(page);
    assert.equal((await state(page)).set, "colours");
    const reached = new Set();
    for (let i = 0; i < 24; i++) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement?.id ?? ""));
    }
    for (const id of ["back", "wheel", "full", "help-open", "canvas", "zoom-out", "zoom-in", "slider", "play", "previous",
      "number", "next"]) assert.ok(reached.has(id), `${id} is reached by Tab (${[...reached]})`);
    await page.locator("#slider").focus();
    const first = Number((await state(page)).sliceRequested);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowUp");
    await sharp(page);
    const slider = page.locator("#slider");
    const now = Number(await slider.getAttribute("aria-valuenow"));
    assert.ok(now >= first + 2);
    assert.equal(await slider.getAttribute("aria-valuetext"), `Slice ${now}, ${now * 5} µm`);
    await page.keyboard.press("+");
    await page.keyboard.press("Shift+ArrowLeft");
    await refined(page);
    await page.waitForURL(/z=/);
    await page.keyboard.press("0");
    await page.waitForURL((url) => !url.search);
    await page.waitForFunction((n) => document.getElementById("live").textContent === `Slice ${n}, ${n * 5} µm`, now);
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press(".");
    assert.equal((await state(page)).sliceRequested, String(now), "no key reaches the slices behind the dialog");
    await page.locator("#keys-on").focus();
    await page.keyboard.press("Space");
    await page.keyboard.press("Escape");
    await page.keyboard.press(".");
    assert.equal((await state(page)).sliceRequested, String(now), "single keys are off");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((n) => document.documentElement.dataset.sliceRequested !== String(n), now);
  });
});

test("playing goes through the slices and stops at the end", async () => {
  await withPage("/v/colours/38", async (page) => {
    await sharp(page, 38);
    await page.locator("#speed").selectOption("5");
    await page.locator("#canvas").focus();
    await watch(page);
    await page.keyboard.press("Space");
    await sharp(page, 44);
    await page.waitForFunction(() => !document.getElementById("play").classList.contains("playing"));
    const frames = await watched(page);
    assert.deepEqual(judge(frames), { blank: 0, wrong: [] });
    assert.deepEqual([...new Set(frames.map((frame) => frame[3]))], [38, 39, 40, 41, 42, 43, 44]);
  });
});

test("the wheel over the picture zooms, with Shift it turns slices; w swaps the two", async () => {
  await withPage("/v/colours/20", async (page) => {
    await sharp(page, 20);
    await page.locator("#canvas").hover();
    await page.keyboard.down("Shift");
    await page.mouse.wheel(0, 100);
    await page.keyboard.up("Shift");
    await sharp(page, 21);
    await page.keyboard.press("w");
    await page.mouse.wheel(0, 100);
    await sharp(page, 22);
    assert.equal(new URL(page.url()).search, "");
    await page.keyboard.press("w");
    await page.mouse.wheel(0, -300);
    await page.waitForURL(/z=/);
    assert.equal((await state(page)).sliceShown, "22");
  });
});

test("touch: one finger moves, two zoom, the right edge turns slices", async () => {
  await withPage("/v/colours/20", async (page) => {
    await sharp(page, 20);
    const cdp = await page.context().newCDPSession(page);
    const touch = (type, ...points) => cdp.send("Input.dispatchTouchEvent", {
      type, touchPoints: points.map(([x, y], id) => ({ x, y, id })),
    });
    await touch("touchStart", [150, 300], [250, 300]);
    for (let i = 1; i <= 10; i++) await touch("touchMove", [150 - 5 * i, 300], [250 + 5 * i, 300]);
    await touch("touchEnd");
    await page.waitForURL(/z=/);
    const before = new URL(page.url()).searchParams;
    await touch("touchStart", [150, 300]);
    for (let i = 1; i <= 5; i++) await touch("touchMove", [150 + 6 * i, 300]);
    await touch("touchEnd");
    await page.waitForURL((url) => url.searchParams.get("c") !== before.get("c"));
    assert.equal(new URL(page.url()).searchParams.get("z"), before.get("z"));
    const edge = await page.locator("#edge").boundingBox();
    const x = edge.x + edge.width / 2;
    await touch("touchStart", [x, edge.y + 100]);
    for (let i = 1; i <= 12; i++) await touch("touchMove", [x, edge.y + 100 + 4 * i]);
    await touch("touchEnd");
    await page.waitForFunction(() => Number(document.documentElement.dataset.sliceShown) >= 23);
  }, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
});

test("the page runs under its own strict policy and asks nobody else", async () => {
  const elsewhere = [];
  await withPage("/v/turned/1", async (page) => {
    await sharp(page, 1);
    for (const key of [".", "+", "+", "r", "0", "?", "Escape", "w"]) await page.keyboard.press(key);
    await page.locator("#slider").hover();
    await refined(page);
    const inline = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.intruder = true";
      document.head.append(script);
      return window.intruder === true;
    });
    assert.equal(inline, false, "the policy keeps other scripts out");
    page.complaints.length = 0; // its complaint about the intruder
    assert.deepEqual(elsewhere, []);
  }, { before: (page) => page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !/^(data|blob):/.test(request.url())) elsewhere.push(request.url());
  }) });
  const answer = await fetch(`${server.url}/v/turned/1`);
  assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'none'.*script-src 'sha256-/);
});

test("below a mount whose path the front-end strips everything works the same", async () => {
  const front = await mountBelow("/cgi-bin/wlziipsrv.fcgi", server.url);
  try {
    for (const entry of ["", "/"]) {
      const page = await open(browser, front.url + entry);
      await page.waitForSelector(".card");
      await page.locator(".card").first().click();
      await sharp(page);
      assert.ok(page.url().startsWith(`${front.url}/v/colours/`), page.url());
      await page.keyboard.press(".");
      await sharp(page);
      await page.reload();
      await sharp(page);
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    }
    assert.deepEqual(front.outside, [], "no request leaves the mount");
  } finally {
    await front.stop();
  }
});

test("a busy server is asked again later", async () => {
  let refusals = 2;
  const busy = (page) => page.route("**/view?slice=30&**", (route) => {
    if (refusals-- > 0) return route.fulfill({ status: 503, headers: { "Retry-After": "1" }, body: "busy" });
    return route.continue();
  });
  await withPage("/v/colours/30", async (page) => {
    await page.waitForSelector("#away:not([hidden])");
    assert.match(await page.locator("#away-text").textContent(), /busy.*again/i);
    await sharp(page, 30);
    await page.waitForFunction(() => document.getElementById("away").hidden);
    assert.equal(numberOf(await pixel(page)), 30);
  }, { before: busy, complaintsExpected: true });
});

test("a server that goes away and comes back is found again", async () => {
  const second = await serve(folder.path);
  const page = await open(browser, `${second.url}/v/colours/3`);
  try {
    await sharp(page, 3);
    await second.stop();
    await page.keyboard.press("End");
    await page.waitForSelector("#away:not([hidden])", { timeout: 15000 });
    assert.equal((await state(page)).sliceShown, "3");
    assert.equal(numberOf(await pixel(page)), 3);
    const again = await serve(folder.path, second.port);
    try {
      await page.locator("#away-now").click();
      await sharp(page, 44);
      await page.waitForFunction(() => document.getElementById("away").hidden);
    } finally {
      await page.context().close();
      await again.stop();
    }
  } finally {
    await page.context().close().catch(() => undefined);
  }
});

test("a new slice appears by itself, without a blank", async () => {
  await withPage("/v/colours/44", async (page) => {
    await sharp(page, 44);
    await watch(page);
    const colour = colourOf(46);
    writeFileSync(join(folder.path, "colours", "c_046.png"), png(900, 600, () => colour));
    await page.waitForFunction(() => document.getElementById("range").textContent === "of 46", null, { timeout: 20000 });
    await page.keyboard.press(".");
    await sharp(page, 46);
    const frames = await watched(page);
    assert.deepEqual(judge(frames), { blank: 0, wrong: [] });
  });
});
