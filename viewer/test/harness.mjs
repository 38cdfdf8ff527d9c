// SPDX-License-Identifier: Apache-2.0
// A real server on a free port and a real browser for the tests; both end with the test file.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { spawn } from "../../tests/lib/process.mjs";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const folder = process.env.MICROTOME_BIN ?? "build/release/bin"; // as all black-box tests take it
export const program = resolve(repository, folder, "microtome");
if (!existsSync(program)) throw new Error(`${program} is not built`);

const kChromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const kFlags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "microtome-viewer-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

// Resolves when the server says that it listens.
export function serve(folder, port = 0) {
  const child = spawn(program, ["serve", folder, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let errors = "";
  child.stderr.on("data", (data) => (errors += data));
  const ended = new Promise((done) => child.once("exit", done));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${errors}`)));
    child.stdout.on("data", (data) => {
      said += data;
      const address = /listening on (http:\/\/[^\s/]+)/.exec(said)?.[1];
      if (!address) return;
      resolve({
        url: address,
        port: Number(new URL(address).port),
        stop: async () => {
          child.kill("SIGTERM");
          const timer = setTimeout(() => child.kill("SIGKILL"), 20000);
          await ended;
          clearTimeout(timer);
        },
      });
    });
  });
}

// A front-end that takes a prefix off the path, as web servers with a mounted program do.
export function mountBelow(prefix, target) {
  const outside = [];
  const server = createServer((incoming, answer) => {
    if (!incoming.url.startsWith(prefix)) {
      outside.push(incoming.url);
      answer.writeHead(404).end();
      return;
    }
    const path = incoming.url.slice(prefix.length);
    const url = new URL(target);
    const forward = request({ host: url.hostname, port: url.port, method: incoming.method, headers: incoming.headers,
      path: path.startsWith("/") ? path : `/${path}` }, (response) => {
      answer.writeHead(response.statusCode, response.headers);
      response.pipe(answer);
    });
    forward.on("error", () => answer.destroy());
    incoming.pipe(forward);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve({
      url: `http://127.0.0.1:${server.address().port}${prefix}`,
      outside,
      stop: () => new Promise((done) => {
        server.closeAllConnections();
        server.close(done);
      }),
    }));
  });
}

export async function launch() {
  return chromium.launch({ executablePath: kChromium, headless: true, args: kFlags });
}

// A page that writes down every complaint of the browser.
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  if (options.before) await options.before(page);
  await page.goto(url);
  return page;
}

export const state = (page) => page.evaluate(() => ({ ...document.documentElement.dataset }));

const kPatience = 60000; // ms; a busy machine is no failure

export function sharp(page, number) {
  return page.waitForFunction((wanted) => {
    const { sharp: isSharp, sliceShown } = document.documentElement.dataset;
    return isSharp === "true" && (wanted === null || sliceShown === String(wanted));
  }, number ?? null, { timeout: kPatience });
}

export function refined(page, number) {
  return page.waitForFunction((wanted) => {
    const { refined: isRefined, sliceShown } = document.documentElement.dataset;
    return isRefined === "true" && (wanted === null || sliceShown === String(wanted));
  }, number ?? null, { timeout: kPatience });
}

// [r, g, b] at parts (0 to 1) of the canvas.
export function pixel(page, x = 0.5, y = 0.5) {
  return page.evaluate(([px, py]) => {
    const canvas = document.getElementById("canvas");
    const dot = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    dot.drawImage(canvas, Math.floor(px * canvas.width), Math.floor(py * canvas.height), 1, 1, 0, 0, 1, 1);
    return [...dot.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }, [x, y]);
}

// All pixels of the picture, as one number to compare.
export function fingerprint(page) {
  return page.evaluate(async () => {
    const canvas = document.getElementById("canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const sum = await crypto.subtle.digest("SHA-256", data);
    return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  });
}
