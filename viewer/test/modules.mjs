// SPDX-License-Identifier: Apache-2.0
// Loads a TypeScript module of the viewer into Node, bundled by the same esbuild that makes the page.
import { fileURLToPath } from "node:url";
import { execFileSync } from "../../tests/lib/process.mjs";

export async function load(name) {
  const file = fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url));
  const code = execFileSync("esbuild", [file, "--bundle", "--format=esm", "--target=es2021", "--log-level=warning"]);
  return import(`data:text/javascript;base64,${code.toString("base64")}`);
}
