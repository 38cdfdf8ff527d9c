// SPDX-License-Identifier: Apache-2.0
// Makes the sets that the browser tests look at. Every slice has a colour of its own, so that pixels tell its number.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "./zip.mjs";

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, tail]);
}

// colour(x, y) -> [r, g, b]
export function png(width, height, colour) {
  const raw = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0, at = 0; y < height; y++) {
    at++; // filter 0
    for (let x = 0; x < width; x++) {
      const [r, g, b] = colour(x, y);
      raw[at++] = r;
      raw[at++] = g;
      raw[at++] = b;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(raw, { level: 1 })),
    chunk("IEND", Buffer.alloc(0))]);
}

const kLevels = [40, 100, 160, 220];

export function colourOf(number) {
  return [kLevels[number & 3], kLevels[(number >> 2) & 3], kLevels[(number >> 4) & 3]];
}

// The number whose colour this is; -1: none (blank, or a mixture).
export function numberOf([r, g, b]) {
  const digits = [r, g, b].map((value) => kLevels.findIndex((level) => Math.abs(level - value) <= 15));
  return digits.includes(-1) ? -1 : digits[0] + 4 * digits[1] + 16 * digits[2];
}

export const kMissing = [7, 23, 24];

export function makeSets(root) {
  const put = (set, name, bytes) => {
    mkdirSync(join(root, set), { recursive: true });
    writeFileSync(join(root, set, name), bytes);
  };
  for (let n = 1; n <= 44; n++) {
    if (kMissing.includes(n)) continue;
    const colour = colourOf(n);
    put("colours", `c_${String(n).padStart(3, "0")}.png`, png(900, 600, () => colour));
  }
  put("colours", "set.toml", 'title = "Colours"\nspacing_um = 5.0\n');

  // Left half red, right half blue; slice 2 was scanned lying on its side, slice 3 a quarter larger.
  const halves = (w, h, isLeft) => png(w, h, (x, y) => (isLeft(x, y) ? [200, 30, 30] : [30, 30, 200]));
  put("turned", "t_1.png", halves(800, 600, (x) => x < 400));
  put("turned", "t_2.png", halves(600, 800, (x, y) => y < 400));
  put("turned", "t_3.png", halves(1000, 750, (x) => x < 500));
  put("turned", "set.toml", `pixel_size_um = 2.0
spacing_um = 10.0
[[slice]]
number = 1
file = "t_1.png"
transform = [1, 0, 0, 0, 1, 0]
[[slice]]
number = 2
file = "t_2.png"
transform = [0, 1, 0, 1, 0, 0]
[[slice]]
number = 3
file = "t_3.png"
transform = [0.8, 0, 0, 0, 0.8, 0]
`);

  // Columns two pixels wide, black and white, and a place of its own colour.
  put("fine", "f_1.png", png(3000, 2400, (x, y) =>
    x >= 2000 && x < 2100 && y >= 1000 && y < 1100 ? [40, 200, 80] : (x >> 1) & 1 ? [255, 255, 255] : [0, 0, 0]));
  put("fine", "set.toml", "pixel_size_um = 0.5\n");

  const whole = png(400, 300, () => [90, 140, 90]);
  for (const n of [1, 3, 4, 5]) put("hurt", `h_${n}.png`, whole);
  put("hurt", "h_2.png", whole.subarray(0, 120));
}
