// SPDX-License-Identifier: Apache-2.0
// Sections through a volume: where they lie, their addresses, what the server says of them. Pure.
import type { Rect } from "./geometry";
import { encodePath, parsePlace, viewQuery } from "./link";
import type { View } from "./view";

// Degrees, and the distance along the normal from the middle of the volume.
export interface Cut {
  readonly yaw: number;
  readonly pitch: number;
  readonly roll: number;
  readonly distance: number;
}

export interface SectionPlace {
  readonly cut: Cut;
  readonly view: View | null; // null: the whole section; else in pixels of the section, from the middle of the volume
  readonly shown: readonly number[] | null; // components; null: as the volume comes
}

// What the server says of a section: its place in the plane, and how far planes reach.
export interface Frame {
  readonly rect: Rect; // pixels, from the middle of the volume
  readonly levels: number;
  readonly near: number;
  readonly far: number;
}

export interface Component {
  readonly index: number;
  readonly name: string;
  readonly colour: string; // #rrggbb
  readonly grey: boolean; // has values of its own
}

export interface Volume {
  readonly name: string;
  readonly components: readonly Component[];
  readonly base: number;
  readonly compound: boolean;
  readonly middle: readonly number[]; // x, y, z of the fixed point: the middle of the base's box
}

export const isVolume = (path: readonly string[]): boolean => /\.wlz(\.gz)?$/i.test(path[path.length - 1] ?? "");

const digits = (n: number): string => String(Number(n.toFixed(3)));

export function turnText(cut: Cut): string {
  return `yaw=${digits(cut.yaw)},pitch=${digits(cut.pitch)},roll=${digits(cut.roll)}`;
}

// The name of a section in addresses (docs/formats/urls.md).
export function cutText(cut: Cut): string {
  return `${turnText(cut)},distance=${digits(cut.distance)},fixed=middle`;
}

// 0 to 360.
export function wrap(degrees: number): number {
  return degrees - 360 * Math.floor(degrees / 360);
}

export function parseSection(search: string): SectionPlace {
  const query = new URLSearchParams(search);
  // One name for all four: "?yaw=" would be a command of the Internet Imaging Protocol.
  const numbers = (query.get("cut") ?? "").split(",").map(Number);
  const number = (i: number): number => (Number.isFinite(numbers[i]) ? numbers[i] ?? 0 : 0);
  const cut = { yaw: wrap(number(0)), pitch: Math.min(180, Math.max(0, number(1))), roll: wrap(number(2)), distance: number(3) };
  const on = query.get("on");
  const shown = on === null ? null : on.split(",").filter((text) => /^\d+$/.test(text)).map(Number);
  return { cut, view: parsePlace("/", search).view, shown };
}

export function formatSection(root: string, name: string, place: SectionPlace): string {
  const { cut, view, shown } = place;
  const numbers = [cut.yaw, cut.pitch, cut.roll, cut.distance];
  const parts = numbers.some((n) => n !== 0) ? [`cut=${numbers.map(digits).join(",")}`] : [];
  if (view) parts.push(viewQuery(view));
  if (shown) parts.push(`on=${shown.join(",")}`);
  return `${root}v/${encodePath(name)}${parts.length > 0 ? `?${parts.join("&")}` : ""}`;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;
const finite = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

export function parseFrame(value: unknown): Frame {
  const json = isObject(value) ? value : {};
  const { width, height, left, top, levels, distance } = json;
  const [near, far]: unknown[] = Array.isArray(distance) ? distance : [];
  if (!finite(width) || !finite(height) || !finite(left) || !finite(top) || !finite(levels) || !finite(near) || !finite(far)) {
    throw new Error("The description of the section cannot be read.");
  }
  return { rect: { x: left, y: top, w: width, h: height }, levels, near, far };
}

// Colours for components that nobody has given one: far apart in hue.
export function paletteColour(index: number): string {
  const hue = (index * 137.508) % 360;
  const part = (shift: number): string => {
    const k = (shift + hue / 30) % 12;
    const light = 0.6 - 0.34 * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * light).toString(16).padStart(2, "0");
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}

export function parseVolume(name: string, value: unknown): Volume {
  const list = isObject(value) ? value["components"] : null;
  if (!Array.isArray(list) || !isObject(value)) throw new Error("The description of the volume cannot be read.");
  const components = list.flatMap((item: unknown): Component[] => {
    if (!isObject(item) || !finite(item["index"]) || !Array.isArray(item["box"])) return []; // a hole
    const { index, colour } = item;
    return [{
      index,
      name: typeof item["name"] === "string" && item["name"] !== "" ? item["name"] : `Component ${index}`,
      colour: typeof colour === "string" && /^#[0-9a-f]{6}$/i.test(colour) ? colour.toLowerCase() : paletteColour(index),
      grey: item["values"] !== "none",
    }];
  });
  const base = finite(value["base"]) ? value["base"] : 0;
  const box: unknown = list.find((item: unknown) => isObject(item) && item["index"] === base)?.["box"];
  const sides = Array.isArray(box) ? box.map(Number) : [];
  const middle = [0, 1, 2].map((i) => ((sides[i] ?? 0) + (sides[i + 3] ?? 0)) / 2);
  return { name, components, base, compound: value["compound"] === 1, middle };
}

// The `select` of addresses: the base as it is, the others as a tint over it. "": a volume that is no compound.
export function selectText(volume: Volume, shown: ReadonlySet<number>, colours: ReadonlyMap<number, string>): string {
  if (!volume.compound) return "";
  return volume.components.filter(({ index }) => shown.has(index)).map(({ index, colour, grey }) => {
    if (index === volume.base && grey) return String(index);
    const hex = colours.get(index) ?? colour;
    const rgb = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `${index === volume.base ? index : `domain(${index})`},${rgb.join(",")},140`;
  }).join(";");
}

// The question of the Woolz protocol for what lies under a pixel of the section.
export function pickQuery(volume: Volume, cut: Cut, x: number, y: number): string {
  const angles = `YAW=${digits(cut.yaw)}&PIT=${digits(cut.pitch)}&ROL=${digits(cut.roll)}&DST=${digits(cut.distance)}`;
  return `iip?WLZ=${encodeURIComponent(volume.name)}&MOD=zeta&FXP=${volume.middle.join(",")}&${angles}&PRL=-1,${x},${y}` +
    "&OBJ=Wlz-coordinate-3d&OBJ=Wlz-foreground-objects";
}

// "": outside of all components.
export function pickWords(volume: Volume, answer: string): string {
  const at = /Wlz-coordinate-3d:(\S+) (\S+) (\S+)/.exec(answer);
  const inside = (/Wlz-foreground-objects:([ \d]*)/.exec(answer)?.[1] ?? "").split(" ").filter((text) => text !== "").map(Number);
  if (!at || inside.length === 0) return "";
  const place = at.slice(1).map((text) => Math.round(Number(text))).join(", ");
  const names = volume.compound ? volume.components.filter(({ index }) => inside.includes(index)).map(({ name }) => name) : [];
  return [place, ...names].join(" · ");
}
