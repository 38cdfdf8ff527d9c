// SPDX-License-Identifier: Apache-2.0
// Where the screen lies over a set, and which pictures that needs. Pure.
// World units are micrometres of the set, or pixels of the slice where no pixel size is known.
import {
  type Affine, type Point, type Rect, type Size, bounds, clamp, compose, intersect, invert, magnification,
} from "./geometry";

export interface View {
  readonly x: number; // world position of the screen's centre
  readonly y: number;
  readonly zoom: number; // CSS pixels per world unit
}

export interface Screen extends Size {
  readonly dpr: number; // device pixels per CSS pixel; w and h are CSS pixels
}

export const kMargin = 12; // CSS pixels kept free around a picture that fits the screen
export const kMaxMagnification = 16; // device pixels per pixel of a slice
const kLargestPicture = 4096; // device pixels; the server answers at most 5000
const kGrid = 64; // regions begin and end on multiples of this many pixels of the picture, so that small moves share them

export function fitView(frame: Rect, screen: Screen): View {
  const w = Math.max(1, screen.w - 2 * kMargin);
  const h = Math.max(1, screen.h - 2 * kMargin);
  const zoom = Math.min(w / Math.max(frame.w, 1e-9), h / Math.max(frame.h, 1e-9));
  return { x: frame.x + frame.w / 2, y: frame.y + frame.h / 2, zoom };
}

// World -> device pixels of the screen.
export function screenMap(view: View, screen: Screen): Affine {
  const k = view.zoom * screen.dpr;
  const cx = (screen.w * screen.dpr) / 2;
  const cy = (screen.h * screen.dpr) / 2;
  return [k, 0, cx - k * view.x, 0, k, cy - k * view.y];
}

// Keeps the world point under `at` (CSS pixels of the screen) where it is.
export function zoomAround(view: View, screen: Screen, factor: number, at: Point, limits: [number, number]): View {
  const zoom = clamp(view.zoom * factor, limits[0], limits[1]);
  const dx = at.x - screen.w / 2;
  const dy = at.y - screen.h / 2;
  return { x: view.x + dx / view.zoom - dx / zoom, y: view.y + dy / view.zoom - dy / zoom, zoom };
}

export function panBy(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x - dx / view.zoom, y: view.y - dy / view.zoom };
}

// At least a little of the frame stays on the screen.
export function keepInSight(view: View, frame: Rect, screen: Screen): View {
  const marginX = Math.min(screen.w / 2, 64) / view.zoom;
  const marginY = Math.min(screen.h / 2, 64) / view.zoom;
  const halfW = screen.w / 2 / view.zoom;
  const halfH = screen.h / 2 / view.zoom;
  return {
    ...view,
    x: clamp(view.x, frame.x - halfW + marginX, frame.x + frame.w + halfW - marginX),
    y: clamp(view.y, frame.y - halfH + marginY, frame.y + frame.h + halfH - marginY),
  };
}

// One picture made by the server: a region of a slice at a size.
export interface PicturePlan {
  readonly key: string;
  readonly whole: boolean;
  readonly region: Rect; // pixels of the full-size slice
  readonly size: Size; // pixels of the picture
}

function visible(map: Affine, slice: Size, device: Size): Rect | null {
  const back = invert(map);
  if (!back) return null;
  return intersect(bounds(back, { x: 0, y: 0, ...device }), { x: 0, y: 0, ...slice });
}

// The picture that fills the screen with a slice. `map`: pixels of the slice -> device pixels. Null: nothing to see.
export function planPicture(map: Affine, slice: Size, device: Size): PicturePlan | null {
  const seen = visible(map, slice, device);
  if (!seen) return null;
  let density = Math.min(1, magnification(map));
  const wholeW = Math.max(1, Math.round(slice.w * density));
  const wholeH = Math.max(1, Math.round(slice.h * density));
  const mostlySeen = seen.w * seen.h >= 0.45 * slice.w * slice.h;
  if (mostlySeen && wholeW <= kLargestPicture && wholeH <= kLargestPicture) {
    return { key: `${wholeW}x${wholeH}`, whole: true, region: { x: 0, y: 0, ...slice }, size: { w: wholeW, h: wholeH } };
  }
  density = Math.min(density, (kLargestPicture - 2 * kGrid) / Math.max(seen.w, seen.h));
  const step = 1 / density; // pixels of the slice per pixel of the picture
  const snap = (low: number, length: number, limit: number): [number, number] => {
    const from = Math.floor(low / step / kGrid) * kGrid;
    const to = Math.min(Math.ceil((low + length) / step / kGrid) * kGrid, Math.max(from + 1, Math.floor(limit / step)));
    return [from, to - from];
  };
  const [i, W] = snap(seen.x, seen.w, slice.w);
  const [j, H] = snap(seen.y, seen.h, slice.h);
  return {
    key: `${Number(step.toPrecision(9))}:${i},${j},${W}x${H}`,
    whole: false,
    region: { x: i * step, y: j * step, w: W * step, h: H * step },
    size: { w: W, h: H },
  };
}

// DeepZoom tiles of one level, in the order in which they should come.
export interface TilePlan {
  readonly level: number;
  readonly step: number; // pixels of the slice per pixel of the level
  readonly area: Rect; // all tiles together, pixels of the level
  readonly tiles: readonly { readonly x: number; readonly y: number; readonly rect: Rect }[]; // rect: pixels of the level
}

const kMostTiles = 400;

export function planTiles(map: Affine, slice: Size, device: Size, tile: number): TilePlan | null {
  const seen = visible(map, slice, device);
  if (!seen) return null;
  const top = Math.ceil(Math.log2(Math.max(slice.w, slice.h, 1)));
  const down = clamp(Math.floor(Math.log2(1.1 / magnification(map))), 0, top);
  const step = 2 ** down;
  const levelW = Math.ceil(slice.w / step);
  const levelH = Math.ceil(slice.h / step);
  const x0 = Math.floor(seen.x / step / tile);
  const y0 = Math.floor(seen.y / step / tile);
  const x1 = Math.min(Math.ceil((seen.x + seen.w) / step / tile), Math.ceil(levelW / tile));
  const y1 = Math.min(Math.ceil((seen.y + seen.h) / step / tile), Math.ceil(levelH / tile));
  if ((x1 - x0) * (y1 - y0) > kMostTiles || x1 <= x0 || y1 <= y0) return null;
  const tiles = [];
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const rect = {
        x: x * tile, y: y * tile, w: Math.min(tile, levelW - x * tile), h: Math.min(tile, levelH - y * tile),
      };
      tiles.push({ x, y, rect });
    }
  }
  const cx = (seen.x + seen.w / 2) / step / tile - 0.5;
  const cy = (seen.y + seen.h / 2) / step / tile - 0.5;
  const distance = (t: { x: number; y: number }): number => (t.x - cx) ** 2 + (t.y - cy) ** 2;
  tiles.sort((p, q) => distance(p) - distance(q) || p.y - q.y || p.x - q.x);
  const area = {
    x: x0 * tile, y: y0 * tile, w: Math.min(x1 * tile, levelW) - x0 * tile, h: Math.min(y1 * tile, levelH) - y0 * tile,
  };
  return { level: top - down, step, area, tiles };
}

// Pixels of a slice -> world. `registration` is in world units (stack.json).
export function sliceMap(pixelSize: number, registration: Affine | null): Affine {
  const grow: Affine = [pixelSize, 0, 0, 0, pixelSize, 0];
  return registration ? compose(registration, grow) : grow;
}

// A round length for the scale bar: 1, 2 or 5 times a power of ten, at most `room` CSS pixels wide.
export function scaleBar(zoom: number, room: number): { length: number; pixels: number } {
  const most = room / zoom;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((n) => n * power).find((n) => n <= most) ?? power;
  return { length, pixels: length * zoom };
}

const trim = (n: number): string => String(Number(n.toPrecision(6)));

export function formatLength(um: number): string {
  if (um !== 0 && Math.abs(um) < 1) return `${trim(um * 1000)} nm`;
  if (Math.abs(um) >= 10000) return `${trim(um / 1000)} mm`;
  return `${trim(um)} µm`;
}

// All marks of an axis in the same unit.
export function formatMark(um: number, longest: number): string {
  return longest >= 10000 ? `${trim(um / 1000)} mm` : `${trim(um)} µm`;
}
