// SPDX-License-Identifier: Apache-2.0
// 60 slices of 4000x3000, cut out of a real slide at 60 places, as tiled JPEG pyramids; made once below build/.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const kCount = 60;
export const kSize = { w: 4000, h: 3000 };

const vips = (...words) => execFileSync("vips", words, { stdio: ["ignore", "ignore", "inherit"] });

export function makeSlices(repository) {
  const root = join(repository, "build/bench/viewer");
  const folder = join(root, "slices");
  mkdirSync(folder, { recursive: true });
  const source = join(repository, "tests/fixtures/CMU-1-Small-Region.svs");
  const sheet = join(root, "sheet.v");
  for (let n = 1; n <= kCount; n++) {
    const file = join(folder, `slice_${String(n).padStart(3, "0")}.tif`);
    if (existsSync(file)) continue;
    if (!existsSync(sheet)) {
      vips("colourspace", source, join(root, "flat.v"), "srgb");
      vips("extract_band", join(root, "flat.v"), join(root, "rgb.v"), "0", "--n", "3");
      vips("replicate", join(root, "rgb.v"), sheet, "2", "2");
    }
    const part = join(root, "part.tif");
    const [x, y] = [(n * 67) % 440, (n * 431) % 2900];
    vips("crop", sheet, `${part}[tile,pyramid,compression=jpeg,Q=85,tile-width=512,tile-height=512]`,
      String(x), String(y), String(kSize.w), String(kSize.h));
    renameSync(part, file);
  }
  for (const name of ["sheet.v", "flat.v", "rgb.v"]) rmSync(join(root, name), { force: true });
  writeFileSync(join(folder, "set.toml"), 'name = "slices"\nspacing_um = 5.0\n');
  return root;
}
