// SPDX-License-Identifier: Apache-2.0
// One open set: which slice is asked for, which one is on the screen, and what has to be fetched for that.
//
// The promise kept here: the picture on the screen always is that of the slice called "shown". The slice shown changes
// only to one whose picture for this very view is here, so that stepping never blanks and never blurs; until then the
// old slice stays, under its own number.
import type { Api } from "./api";
import {
  type Affine, type Point, type Rect, type Size, apply, bounds, compose, invert, magnification, unite,
} from "./geometry";
import type { Health } from "./health";
import { rounded } from "./link";
import { Loader, pictureKey } from "./loader";
import { Painter, type Scene } from "./painter";
import { type Job, Queue, kRank } from "./queue";
import { type Slice, type Stack, stepFrom } from "./stack";
import {
  type PicturePlan, type Screen, type TilePlan, type View, fitView, keepInSight, kMaxMagnification, panBy, planPicture,
  planTiles, screenMap, sliceMap, zoomAround,
} from "./view";

const kAhead = 4; // slices fetched in the direction of travel
const kBehind = 2;
const kTilesFrom = 0.7; // device pixels per pixel of the slice: nearer than this the stored tiles show more
const kRest = 220; // ms without a change
const kThrottle = 90; // ms between requests while the view moves

export class Session {
  readonly loader: Loader;
  requested: number;
  shown = -1;
  view: View | null = null;
  raw = false;
  sharp = false; // the slice shown has a picture made for this view
  refined = false; // nothing better will come
  resting = false;
  private readonly passedOver = new Set<number>(); // asked for on the way to the slice asked for now
  private direction = 1;
  private stride = 1;
  private moving = false;
  private readonly queue = new Queue();
  private frame = 0;
  private restTimer = 0;
  private throttle = 0;
  private closed = false;
  private readonly wholeFrame: Rect;

  constructor(
    api: Api,
    readonly stack: Stack,
    health: Health,
    private readonly painter: Painter,
    private screen: Screen,
    start: { index: number; view: View | null; raw: boolean },
    private readonly keepOld: boolean, // the canvas shows this set already: leave it until there is something to show
    private readonly painted: () => void,
    private readonly rested: () => void,
  ) {
    this.loader = new Loader(api, stack, health, () => this.update());
    this.requested = start.index;
    this.view = start.view;
    this.raw = start.raw || !stack.registered;
    this.wholeFrame = this.registeredFrame();
    this.rest();
    this.update();
  }

  close(): void {
    this.closed = true;
    this.queue.want([]);
    cancelAnimationFrame(this.frame);
    clearTimeout(this.restTimer);
    clearTimeout(this.throttle);
    this.loader.close();
  }

  hold(held: boolean): void {
    this.queue.hold(held);
    if (!held) this.update();
  }

  retry(): void {
    this.loader.forgive();
    this.update();
  }

  slice(index: number): Slice | undefined {
    return this.stack.slices[index];
  }

  // stride: slices per step, so that looking ahead follows the way one goes.
  go(index: number, stride = 1): void {
    if (index < 0 || index >= this.stack.slices.length || index === this.requested) return;
    this.direction = index > this.requested ? 1 : -1;
    this.stride = Math.max(1, stride);
    this.passedOver.add(this.requested);
    this.requested = index;
    this.rest();
    this.update();
  }

  step(steps: number): void {
    this.go(stepFrom(this.stack, this.requested, steps), Math.abs(steps));
  }

  resize(screen: Screen): void {
    this.screen = screen;
    this.rest();
    this.update();
    this.paint(); // now: a resized canvas is empty
  }

  // The view in use; a whole slice is a view too.
  current(index = this.shown >= 0 ? this.shown : this.requested): View {
    return this.view ?? fitView(this.frameOf(index), this.screen);
  }

  pan(dx: number, dy: number): void {
    this.move(panBy(this.current(), dx, dy));
  }

  zoom(factor: number, at: Point = { x: this.screen.w / 2, y: this.screen.h / 2 }): void {
    this.move(zoomAround(this.current(), this.screen, factor, at, this.zoomLimits()));
  }

  fit(): void {
    this.view = null;
    this.rest();
    this.update();
  }

  // The point of the slice in the middle of the screen stays there.
  setRaw(raw: boolean): void {
    if (raw === this.raw || !this.stack.registered) return;
    const index = this.shown >= 0 ? this.shown : this.requested;
    if (this.view) {
      const back = invert(this.worldMap(index, this.raw));
      if (back) this.view = { ...this.view, ...apply(this.worldMap(index, raw), apply(back, this.view)) };
    }
    this.raw = raw;
    this.rest();
    this.update();
  }

  // CSS pixels per micrometre of the screen, null where no size is known.
  get perMicrometre(): number | null {
    return this.stack.pixelSize === null ? null : this.current().zoom;
  }

  // Device pixels per pixel of the slice shown.
  get magnification(): number {
    return magnification(this.map(this.shown >= 0 ? this.shown : this.requested));
  }

  get canZoom(): { in: boolean; out: boolean } {
    const { zoom } = this.current();
    const [low, high] = this.zoomLimits();
    return { in: zoom < high * 0.999, out: zoom > low * 1.001 };
  }

  refusal(index: number): string | undefined {
    return this.loader.refusal(index);
  }

  // Slices that would be sharp at once.
  get resident(): number[] {
    return this.loader.slicesHere.filter((index) => {
      const plan = this.plan(index);
      return plan !== null && this.loader.has(index, plan);
    });
  }

  private move(view: View): void {
    this.view = keepInSight(view, this.frameOf(this.shown >= 0 ? this.shown : this.requested), this.screen);
    this.moving = true;
    this.rest();
    this.draw();
    if (!this.throttle) {
      this.throttle = window.setTimeout(() => {
        this.throttle = 0;
        this.update();
      }, kThrottle);
    }
  }

  private rest(): void {
    this.resting = false;
    clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(() => {
      this.resting = true;
      this.moving = false;
      if (this.view) this.view = rounded(this.view);
      this.update();
      this.rested();
    }, kRest);
  }

  private zoomLimits(): [number, number] {
    const index = this.shown >= 0 ? this.shown : this.requested;
    const fit = fitView(this.frameOf(index), this.screen).zoom;
    const nearest = kMaxMagnification / magnification(this.worldMap(index, this.raw)) / this.screen.dpr;
    return [Math.min(fit, nearest) / 2, Math.max(fit, nearest)];
  }

  // Pixels of the slice -> world.
  private worldMap(index: number, raw: boolean): Affine {
    return sliceMap(this.stack.pixelSize ?? 1, raw ? null : (this.slice(index)?.transform ?? null));
  }

  private map(index: number): Affine {
    return compose(screenMap(this.current(index), this.screen), this.worldMap(index, this.raw));
  }

  private get device(): Size {
    return { w: Math.round(this.screen.w * this.screen.dpr), h: Math.round(this.screen.h * this.screen.dpr) };
  }

  private sliceFrame(index: number, raw: boolean): Rect {
    return bounds(this.worldMap(index, raw), { x: 0, y: 0, ...this.loader.size(index) });
  }

  // Registered slices share one frame, so that they keep their places; raw ones fill the screen each for itself.
  private frameOf(index: number): Rect {
    return this.raw ? this.sliceFrame(index, true) : this.wholeFrame;
  }

  private registeredFrame(): Rect {
    const frames = this.stack.present.map((index) => this.sliceFrame(index, false));
    return frames.length > 0 ? frames.reduce(unite) : { x: 0, y: 0, w: 1, h: 1 };
  }

  private plan(index: number): PicturePlan | null {
    return planPicture(this.map(index), this.loader.size(index), this.device);
  }

  // Nothing is left to wait for: the picture is here, or there is none, or it cannot be had.
  private ready(index: number): boolean {
    if (this.slice(index)?.status === "missing" || this.loader.refusal(index) !== undefined) return true;
    const plan = this.plan(index);
    return plan === null || this.loader.has(index, plan) || this.tilesComplete(index);
  }

  private tilePlan(index: number): TilePlan | null {
    const dzi = this.loader.description(index);
    if (!dzi || !this.wantsTiles(index)) return null;
    return planTiles(this.map(index), dzi.size, this.device, dzi.tile);
  }

  private wantsTiles(index: number): boolean {
    if (this.slice(index)?.status === "missing" || this.loader.tilesRefused(index)) return false;
    return this.loader.refusal(index) === undefined && magnification(this.map(index)) >= kTilesFrom;
  }

  private tilesPossible(index: number): boolean {
    const plan = this.tilePlan(index);
    return plan !== null && !plan.tiles.some((tile) => this.loader.tileRefused(index, plan.level, tile));
  }

  private tilesComplete(index: number): boolean {
    const plan = this.tilePlan(index);
    return plan !== null && plan.tiles.every((tile) => this.loader.tile(index, plan.level, tile) !== undefined);
  }

  private update(): void {
    if (this.closed) return;
    const next = this.nextShown();
    this.shown = next;
    if (next === this.requested) this.passedOver.clear();
    this.draw();
    this.pump();
  }

  // The slice to show: the one asked for when it is ready, else the nearest to it that was passed over, else the old one.
  private nextShown(): number {
    if (this.shown === this.requested || this.ready(this.requested)) return this.requested;
    return this.between().find((index) => this.ready(index)) ?? this.shown;
  }

  // Slices passed over between the one shown and the one asked for, nearest to the goal first.
  private between(): number[] {
    const way = Math.sign(this.requested - this.shown);
    if (this.shown < 0 || way === 0) return [];
    return [...this.passedOver]
      .filter((index) => (index - this.shown) * way > 0 && (this.requested - index) * way > 0)
      .sort((p, q) => (q - p) * way);
  }

  private pump(): void {
    const jobs: Job[] = [];
    const { requested } = this;
    const onScreen = this.shown === requested;
    const wantsTiles = this.wantsTiles(requested);
    // A view that moved over one slice near its full size is served by stored tiles alone.
    const tilesSuffice = onScreen && wantsTiles && !this.sharp && this.tilesPossible(requested);
    if (!tilesSuffice) this.wantPicture(jobs, requested, kRank.current);
    if (onScreen && wantsTiles && (this.resting || this.moving)) this.wantTiles(jobs, requested);
    if (onScreen && this.view && this.resting) this.wantOverview(jobs, requested);
    if (!this.moving) {
      for (let k = 1; k <= kAhead; k++) {
        this.wantPicture(jobs, stepFrom(this.stack, requested, k * this.direction * this.stride), kRank.ahead);
      }
      for (let k = 1; k <= kBehind; k++) {
        this.wantPicture(jobs, stepFrom(this.stack, requested, -k * this.direction), kRank.behind);
      }
    }
    const passing = this.passing();
    this.queue.want(jobs, (key) => passing.has(key));
  }

  private wantPicture(jobs: Job[], index: number, rank: number): void {
    if (this.slice(index)?.status === "missing" || this.loader.refusal(index) !== undefined) return;
    const plan = this.plan(index);
    if (plan && !this.loader.has(index, plan)) jobs.push(this.loader.pictureJob(index, plan, rank));
  }

  private wantTiles(jobs: Job[], index: number): void {
    if (!this.loader.description(index)) {
      jobs.push(this.loader.descriptionJob(index));
      return;
    }
    const plan = this.tilePlan(index);
    for (const tile of plan?.tiles ?? []) {
      if (this.loader.tile(index, plan?.level ?? 0, tile) || this.loader.tileRefused(index, plan?.level ?? 0, tile)) {
        continue;
      }
      jobs.push(this.loader.tileJob(index, plan?.level ?? 0, tile));
    }
  }

  // The whole slice, small: what lies under places that a move lays bare.
  private wantOverview(jobs: Job[], index: number): void {
    const fit = fitView(this.frameOf(index), { ...this.screen, dpr: 1 });
    const map = compose(screenMap(fit, { ...this.screen, dpr: 1 }), this.worldMap(index, this.raw));
    const plan = planPicture(map, this.loader.size(index), { w: this.screen.w, h: this.screen.h });
    if (plan && !this.loader.has(index, plan)) jobs.push(this.loader.pictureJob(index, plan, kRank.refine));
  }

  // Pictures under way of slices passed over: the two nearest to the goal are worth their end, they are shown in passing.
  private passing(): Set<string> {
    const keys = this.between().flatMap((index) => {
      const plan = this.plan(index);
      return plan ? [pictureKey(index, plan)] : [];
    });
    return new Set(keys.filter((key) => this.queue.isRunning(key)).slice(0, 2));
  }

  private draw(): void {
    if (this.frame || this.closed) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  private paint(): void {
    if (this.closed || (this.shown < 0 && this.keepOld)) return;
    this.painter.resize(this.device);
    this.painter.paint(this.scene());
    this.painted();
    if (this.sharp && !this.refined) this.pump();
  }

  private scene(): Scene | null {
    const index = this.shown;
    this.sharp = false;
    this.refined = false;
    if (index < 0) return null;
    const done = this.resting && index === this.requested;
    if (this.slice(index)?.status === "missing" || this.loader.refusal(index) !== undefined) {
      this.sharp = true;
      this.refined = done;
      return null;
    }
    const map = this.map(index);
    const slice = this.loader.size(index);
    const plan = this.plan(index);
    const exact = plan ? this.loader.picture(index, plan) : undefined;
    const tilePlan = this.tilePlan(index);
    const bitmaps = (tilePlan?.tiles ?? []).map((tile) => this.loader.tile(index, tilePlan?.level ?? 0, tile) ?? null);
    const complete = tilePlan !== null && bitmaps.every((bitmap) => bitmap !== null);
    this.sharp = plan === null || exact !== undefined || complete;
    const settled = tilePlan !== null && tilePlan.tiles.every((tile, i) =>
      bitmaps[i] || this.loader.tileRefused(index, tilePlan.level, tile));
    this.refined = done && this.sharp && (settled || !this.wantsTiles(index) || plan === null);
    // At the end only what this view asks for is drawn, so that the same link gives the same pixels.
    let layers = exact ? [exact] : this.loader.ofSlice(index);
    if (complete) layers = [];
    return {
      map,
      slice,
      layers: layers.map((picture) => ({ bitmap: picture.bitmap, region: picture.plan.region })),
      tiles: tilePlan ? { plan: tilePlan, bitmaps } : null,
    };
  }
}
