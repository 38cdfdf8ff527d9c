// SPDX-License-Identifier: Apache-2.0
// Draws one slice on a 2D canvas. Everything in a scene belongs to the same slice: another slice's pixels cannot get
// under its number here.
import { type Affine, type Rect, type Size, apply, magnification, upright } from "./geometry";
import type { TilePlan } from "./view";

export interface Layer {
  readonly bitmap: ImageBitmap;
  readonly region: Rect; // pixels of the slice
}

export interface Scene {
  readonly map: Affine; // pixels of the slice -> device pixels
  readonly slice: Size; // pixels; nothing is drawn outside
  readonly layers: readonly Layer[]; // coarse to fine
  readonly tiles: { readonly plan: TilePlan; readonly bitmaps: readonly (ImageBitmap | null)[] } | null;
}

export const kGround = "#0b0c0e";

export class Painter {
  private readonly context: CanvasRenderingContext2D;
  private readonly sheet = document.createElement("canvas"); // tiles put together before they are turned

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser has no 2D canvas");
    this.context = context;
  }

  // Device pixels. Setting a size empties a canvas: paint before the browser shows it.
  resize(size: Size): boolean {
    if (this.canvas.width === size.w && this.canvas.height === size.h) return false;
    this.canvas.width = size.w;
    this.canvas.height = size.h;
    return true;
  }

  paint(scene: Scene | null): void {
    const g = this.context;
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.fillStyle = kGround;
    g.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (!scene) return;
    const scale = magnification(scene.map);
    g.imageSmoothingEnabled = scale < 4; // closer than that a pixel should look like one
    g.imageSmoothingQuality = "high";
    for (const layer of scene.layers) this.layer(scene, layer);
    if (scene.tiles) this.tiles(scene.map, scene.tiles.plan, scene.tiles.bitmaps);
    g.setTransform(1, 0, 0, 1, 0, 0);
  }

  private layer(scene: Scene, { bitmap, region }: Layer): void {
    const g = this.context;
    const { map } = scene;
    if (!upright(map)) {
      g.setTransform(map[0], map[3], map[1], map[4], map[2], map[5]);
      g.drawImage(bitmap, region.x, region.y, region.w, region.h);
      return;
    }
    const from = apply(map, region);
    const to = apply(map, { x: region.x + region.w, y: region.y + region.h });
    const x = Math.round(from.x);
    const y = Math.round(from.y);
    // A picture made for this view lies pixel on pixel; only then it is as sharp as it came.
    const w = Math.abs(to.x - from.x - bitmap.width) < 0.75 ? bitmap.width : Math.round(to.x) - x;
    const h = Math.abs(to.y - from.y - bitmap.height) < 0.75 ? bitmap.height : Math.round(to.y) - y;
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.drawImage(bitmap, x, y, Math.max(1, w), Math.max(1, h));
  }

  private tiles(map: Affine, plan: TilePlan, bitmaps: readonly (ImageBitmap | null)[]): void {
    const g = this.context;
    const { step, area } = plan;
    if (upright(map)) {
      // Edges are rounded alike for neighbours: no seams, no overlap.
      g.setTransform(1, 0, 0, 1, 0, 0);
      plan.tiles.forEach((tile, i) => {
        const bitmap = bitmaps[i];
        if (!bitmap) return;
        const from = apply(map, { x: tile.rect.x * step, y: tile.rect.y * step });
        const to = apply(map, { x: (tile.rect.x + tile.rect.w) * step, y: (tile.rect.y + tile.rect.h) * step });
        const x = Math.round(from.x);
        const y = Math.round(from.y);
        g.drawImage(bitmap, x, y, Math.round(to.x) - x, Math.round(to.y) - y);
      });
      return;
    }
    // Turned tiles would show their soft edges: put them together first.
    if (this.sheet.width !== area.w || this.sheet.height !== area.h) {
      this.sheet.width = area.w;
      this.sheet.height = area.h;
    }
    const s = this.sheet.getContext("2d");
    if (!s) return;
    s.clearRect(0, 0, area.w, area.h);
    plan.tiles.forEach((tile, i) => {
      const bitmap = bitmaps[i];
      if (bitmap) s.drawImage(bitmap, tile.rect.x - area.x, tile.rect.y - area.y, tile.rect.w, tile.rect.h);
    });
    g.setTransform(map[0] * step, map[3] * step, map[1] * step, map[4] * step, map[2], map[5]);
    g.drawImage(this.sheet, area.x, area.y);
  }
}
