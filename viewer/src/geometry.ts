// SPDX-License-Identifier: Apache-2.0
// Affine maps and rectangles. Pure.

// x' = a*x + b*y + c, y' = d*x + e*y + f (the order of stack.json).
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface Size {
  readonly w: number;
  readonly h: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export const identity: Affine = [1, 0, 0, 0, 1, 0];

export function scaling(s: number): Affine {
  return [s, 0, 0, 0, s, 0];
}

// First `inner`, then `outer`.
export function compose(outer: Affine, inner: Affine): Affine {
  const [a, b, c, d, e, f] = outer;
  const [A, B, C, D, E, F] = inner;
  return [a * A + b * D, a * B + b * E, a * C + b * F + c, d * A + e * D, d * B + e * E, d * C + e * F + f];
}

export function apply(m: Affine, p: Point): Point {
  return { x: m[0] * p.x + m[1] * p.y + m[2], y: m[3] * p.x + m[4] * p.y + m[5] };
}

export function determinant(m: Affine): number {
  return m[0] * m[4] - m[1] * m[3];
}

// Null when the map folds the plane onto a line.
export function invert(m: Affine): Affine | null {
  const det = determinant(m);
  if (!Number.isFinite(det) || Math.abs(det) < 1e-30) return null;
  const [a, b, c, d, e, f] = m;
  return [e / det, -b / det, (b * f - e * c) / det, -d / det, a / det, (d * c - a * f) / det];
}

// Pixels of the target per pixel of the source: the geometric mean of both directions.
export function magnification(m: Affine): number {
  return Math.sqrt(Math.abs(determinant(m)));
}

// No rotation, no shear, no mirror: rectangles stay upright and may be snapped to whole pixels.
export function upright(m: Affine): boolean {
  const slack = 1e-9 * magnification(m);
  return Math.abs(m[1]) <= slack && Math.abs(m[3]) <= slack && m[0] > 0 && m[4] > 0;
}

export function bounds(m: Affine, r: Rect): Rect {
  const corners = [
    apply(m, { x: r.x, y: r.y }),
    apply(m, { x: r.x + r.w, y: r.y }),
    apply(m, { x: r.x, y: r.y + r.h }),
    apply(m, { x: r.x + r.w, y: r.y + r.h }),
  ];
  const xs = corners.map((p) => p.x);
  const ys = corners.map((p) => p.y);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y };
}

export function intersect(a: Rect, b: Rect): Rect | null {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const w = Math.min(a.x + a.w, b.x + b.w) - x;
  const h = Math.min(a.y + a.h, b.y + b.h) - y;
  return w > 0 && h > 0 ? { x, y, w, h } : null;
}

export function unite(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
