// SPDX-License-Identifier: Apache-2.0
// One set as stack.json tells it (docs/formats/urls.md). Foreign data: everything is checked. Pure.
import type { Affine } from "./geometry";

export type Status = "ok" | "damaged" | "missing";

export interface Slice {
  readonly number: number;
  readonly name: string;
  readonly id: string;
  readonly width: number; // pixels, 0 while not known
  readonly height: number;
  readonly z: number | null; // micrometres
  readonly status: Status;
  readonly transform: Affine | null;
}

export interface Stack {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly pixelSize: number | null; // micrometres
  readonly slices: readonly Slice[]; // by number
  readonly registered: boolean; // some slice has a transform
  readonly present: readonly number[]; // indices of the slices that are not missing
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" && value !== "" ? value : otherwise;
}

function affine(value: unknown): Affine | null {
  if (!Array.isArray(value) || value.length !== 6) return null;
  const six = value.map(finite);
  if (six.some((n) => n === null)) return null;
  const m = six as unknown as Affine;
  return Math.abs(m[0] * m[4] - m[1] * m[3]) > 1e-12 ? m : null;
}

function parseSlice(value: unknown): Slice | null {
  if (!isObject(value)) return null;
  const number = finite(value["number"]);
  if (number === null) return null;
  const status = value["status"];
  return {
    number,
    name: text(value["name"], String(number)),
    id: text(value["id"], ""),
    width: Math.max(0, finite(value["width"]) ?? 0),
    height: Math.max(0, finite(value["height"]) ?? 0),
    z: finite(value["z_um"]),
    status: status === "damaged" || status === "missing" ? status : "ok",
    transform: affine(value["transform"]),
  };
}

// A gap lies between its neighbours, whatever depth its number alone would give.
function placeGaps(slices: Slice[]): void {
  let before = -1;
  for (let after = 0; after < slices.length; after++) {
    const high = slices[after];
    if (!high || high.status === "missing" || high.z === null) continue;
    const low = slices[before];
    for (let i = before + 1; low && i < after; i++) {
      const gap = slices[i];
      if (!gap || gap.status !== "missing") continue;
      const part = (gap.number - low.number) / Math.max(high.number - low.number, 1e-9);
      const z = (low.z ?? 0) + part * (high.z - (low.z ?? 0));
      slices[i] = { ...gap, z: Number(z.toPrecision(7)) };
    }
    before = after;
  }
}

export function parseStack(value: unknown): Stack {
  if (!isObject(value) || !Array.isArray(value["slices"])) throw new Error("The list of slices cannot be read.");
  const slices = value["slices"].map(parseSlice).filter((slice): slice is Slice => slice !== null);
  slices.sort((p, q) => p.number - q.number);
  placeGaps(slices);
  const name = text(value["name"], "");
  const size = finite(value["pixel_size_um"]);
  return {
    name,
    title: text(value["title"], name),
    version: text(value["version"], ""),
    pixelSize: size !== null && size > 0 ? size : null,
    slices,
    registered: slices.some((slice) => slice.transform !== null),
    present: slices.flatMap((slice, index) => (slice.status === "missing" ? [] : [index])),
  };
}

// What the slider is to scale in: depth where all slices have one that grows, else numbers.
export interface Axis {
  readonly unit: "um" | "number";
  readonly low: number;
  readonly high: number;
  readonly places: readonly number[]; // of each slice, 0 to 1
}

export function axisOf(stack: Stack): Axis {
  const depths = stack.slices.map((slice) => slice.z);
  const grows = depths.every((z, i) => z !== null && (i === 0 || z > (depths[i - 1] ?? z)));
  const values = grows ? (depths as number[]) : stack.slices.map((slice) => slice.number);
  const low = values[0] ?? 0;
  const high = values[values.length - 1] ?? 0;
  const places = values.map((value) => (high > low ? (value - low) / (high - low) : 0.5));
  return { unit: grows ? "um" : "number", low, high, places };
}

// Index of the first entry of a sorted list that is not below `value`.
export function lowerBound(list: readonly number[], value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The slice `steps` further on that is not missing, at most the last; steps counts slices that exist.
export function stepFrom(stack: Stack, index: number, steps: number): number {
  const list = stack.present;
  if (list.length === 0) return index;
  const at = lowerBound(list, index);
  const onSlice = list[at] === index;
  const target = at + (onSlice || steps < 0 ? steps : steps - 1);
  return list[Math.min(list.length - 1, Math.max(0, target))] ?? index;
}

// The slice that exists and lies nearest to a place on the slider.
export function nearest(stack: Stack, places: readonly number[], place: number): number {
  let best = -1;
  let distance = Infinity;
  for (const index of stack.present) {
    const d = Math.abs((places[index] ?? 0) - place);
    if (d < distance) {
      distance = d;
      best = index;
    }
  }
  return best;
}

// Index of the slice that a person means: a number, a name, or the end of a name. -1: none.
export function findSlice(stack: Stack, wanted: string): number {
  const trimmed = wanted.trim();
  if (trimmed === "") return -1;
  if (/^[+-]?\d+$/.test(trimmed)) {
    const exact = stack.slices.findIndex((slice) => slice.number === Number(trimmed));
    if (exact >= 0) return exact;
  }
  const lower = trimmed.toLowerCase();
  const byName = stack.slices.findIndex((slice) => slice.name.toLowerCase() === lower);
  if (byName >= 0) return byName;
  const stem = lower.replace(/\.[a-z0-9]{2,5}$/, "");
  return stem === lower ? -1 : stack.slices.findIndex((slice) => slice.name.toLowerCase() === stem);
}

// The slice that exists and whose number is nearest.
export function nearestNumber(stack: Stack, number: number): number {
  let best = -1;
  for (const index of stack.present) {
    const here = Math.abs((stack.slices[index]?.number ?? 0) - number);
    if (best < 0 || here < Math.abs((stack.slices[best]?.number ?? 0) - number)) best = index;
  }
  return best;
}

// Micrometres whatever the size: depths of one set are compared.
export function depth(z: number): string {
  return `${Number(z.toPrecision(7))} µm`;
}

export function describe(slice: Slice): string {
  const parts = [`Slice ${slice.number}`];
  if (slice.z !== null) parts.push(depth(slice.z));
  if (slice.status !== "ok") parts.push(slice.status);
  return parts.join(", ");
}
