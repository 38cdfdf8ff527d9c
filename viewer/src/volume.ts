// SPDX-License-Identifier: Apache-2.0
// The page of one volume: a section through it, scrubbed by distance and turned by angles. The picture on the screen
// always is that of the section that data-section names; until a newer one is here the old one stays.
import { type Api, Away, Refused } from "./api";
import { Components } from "./components";
import { byId, setData, setText } from "./dom";
import { type Point, clamp } from "./geometry";
import type { Health } from "./health";
import { type Actions, listenKeys, listenPointers, listenWheel } from "./input";
import { rounded } from "./link";
import { Lru } from "./lru";
import { type Layer, Painter } from "./painter";
import { listenPick } from "./pick";
import {
  type Cut, type Frame, type Volume, cutText, formatSection, parseFrame, parseSection, parseVolume, turnText, wrap,
} from "./section";
import { type Screen, type View, fitView, panBy, planTiles, screenMap, zoomAround } from "./view";

const kRest = 220; // ms without a change
const kLargest = 4096; // pixels of one picture; beyond that, tiles
const kTile = 256;
const kKept = 256 << 20; // bytes of pictures
const kAhead = 2; // sections fetched in the direction of travel
const kTurn = 0.4; // degrees per CSS pixel

const kAngles = ["yaw", "pitch", "roll"] as const;
const kPlanes: Record<string, Omit<Cut, "distance">> = {
  xy: { yaw: 0, pitch: 0, roll: 0 }, xz: { yaw: 90, pitch: 90, roll: 270 }, yz: { yaw: 0, pitch: 90, roll: 90 },
};

interface Shown {
  readonly cut: Cut;
  readonly frame: Frame;
  readonly layers: Layer[];
}

export class VolumePage implements Actions {
  private volume: Volume | null = null;
  private cut: Cut = { yaw: 0, pitch: 0, roll: 0, distance: 0 };
  private view: View | null = null; // null: fitted when the first section comes, and by the button
  private fitted = true;
  private readonly components = new Components(() => this.wish());
  private frame: Frame | null = null;
  private shown: Shown | null = null;
  private opening = new AbortController();
  private running = false;
  private held = false;
  private dirty = false;
  private direction = 1;
  private rest = 0;
  private readonly frames = new Map<string, Frame>();
  private readonly pictures = new Lru<ImageBitmap>(kKept, () => undefined);
  private readonly page = byId("volume");
  private readonly stage = byId("volume-stage");
  private readonly canvas = byId<HTMLCanvasElement>("volume-canvas");
  private readonly painter = new Painter(this.canvas);
  private readonly root = document.documentElement;
  private readonly turning = byId("turn");

  constructor(private readonly api: Api, private readonly health: Health) {
    const choices = { wheelSteps: false, keys: true };
    listenWheel(this.stage, this.input("distance"), this, () => choices);
    listenPointers(this.stage, this.canvas, this);
    this.canvas.addEventListener("pointerdown", (event) => setData(this.canvas, "turns", String(event.shiftKey)), true);
    listenKeys(() => this.volume !== null && !byId<HTMLDialogElement>("help").open, this, () => choices);
    for (const name of [...kAngles, "distance"] as const) {
      this.input(name).addEventListener("input", () => this.go({ ...this.cut, [name]: Number(this.input(name).value) }));
    }
    for (const [name, angles] of Object.entries(kPlanes)) {
      byId(`plane-${name}`).addEventListener("click", () => {
        this.fitted = true;
        this.view = null;
        this.go({ ...angles, distance: 0 });
      });
    }
    byId("volume-fit").addEventListener("click", () => this.fit());
    byId("volume-help").addEventListener("click", () => this.help());
    this.turning.addEventListener("click", () =>
      this.turning.setAttribute("aria-pressed", String(this.turning.getAttribute("aria-pressed") !== "true")));
    listenPick(api, this.canvas, () => {
      const { volume, shown, view, screen } = this;
      return volume && shown && view ? { volume, ...shown, view, screen, signal: this.opening.signal } : null;
    });
    new ResizeObserver(() => this.wish()).observe(this.stage);
  }

  async open(name: string, search: string): Promise<void> {
    this.close();
    this.page.hidden = false;
    const { signal } = this.opening;
    const place = parseSection(search);
    setText(byId("volume-title"), name);
    document.title = `${name} – Microtome`;
    byId("volume-note").hidden = true;
    try {
      this.volume = parseVolume(name, await this.api.json(this.url("object.json", name), signal));
    } catch (error) {
      this.failed(error, signal);
      return;
    }
    this.health.succeeded();
    this.cut = place.cut;
    this.view = place.view;
    this.fitted = place.view === null;
    this.components.open(this.volume, place.shown);
    setData(this.root, "volume", name);
    this.wish();
  }

  close(): void {
    this.opening.abort();
    this.opening = new AbortController();
    this.page.hidden = true;
    this.volume = null;
    this.shown = this.frame = null;
    this.held = false;
    clearTimeout(this.rest);
    this.frames.clear();
    this.pictures.clear();
    this.painter.paint(null);
    for (const name of ["volume", "section", "sharp", "refined"]) delete this.root.dataset[name];
  }

  hold(held: boolean): void {
    this.held = held;
    if (held) return;
    if (this.volume) this.wish();
    else if (!this.page.hidden) void this.open(byId("volume-title").textContent ?? "", location.search);
  }

  // Where one is, as an address.
  keepAddress(): void {
    if (!this.volume) return;
    const place = { cut: this.cut, view: this.fitted ? null : this.view, shown: this.components.list };
    const address = formatSection(this.api.root, this.volume.name, place);
    if (address !== location.pathname + location.search) history.replaceState(null, "", address);
  }

  // Actions

  step(steps: number): void {
    this.go({ ...this.cut, distance: Math.round(this.cut.distance) + steps });
  }

  toEnd(last: boolean): void {
    this.go({ ...this.cut, distance: (last ? this.frame?.far : this.frame?.near) ?? 0 });
  }

  pan(dx: number, dy: number): void {
    if (this.canvas.dataset["turns"] === "true" || this.turning.getAttribute("aria-pressed") === "true") {
      this.go({ ...this.cut, yaw: wrap(this.cut.yaw + dx * kTurn), pitch: clamp(this.cut.pitch + dy * kTurn, 0, 180) });
    } else if (this.view) {
      this.look(panBy(this.view, dx, dy));
    }
  }

  zoom(factor: number, at?: Point): void {
    if (!this.view) return;
    const { screen } = this;
    this.look(zoomAround(this.view, screen, factor, at ?? { x: screen.w / 2, y: screen.h / 2 }, [0.01, 32]));
  }

  fit(): void {
    this.fitted = true;
    this.view = null;
    this.wish();
  }

  nudge(part: Point): void {
    if (this.view) this.look(panBy(this.view, part.x * this.screen.w * 0.12, part.y * this.screen.h * 0.12));
  }

  toggleRaw(): void {} // there is only one way to see a section
  toggleWheel(): void {}
  togglePlay(): void {}
  typeNumber(): void {
    this.input("distance").focus();
  }

  toggleFull(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.root.requestFullscreen?.().catch(() => undefined);
  }

  help(): void {
    byId<HTMLDialogElement>("help").showModal();
  }

  // What is wished for

  private go(cut: Cut): void {
    const distance = this.frame ? clamp(cut.distance, this.frame.near, this.frame.far) : cut.distance;
    if (distance !== this.cut.distance) this.direction = Math.sign(distance - this.cut.distance);
    this.cut = { ...cut, distance };
    this.wish();
  }

  private look(view: View): void {
    this.view = view;
    this.fitted = false;
    this.wish();
  }

  private wish(): void {
    if (!this.volume) return;
    this.dirty = true;
    clearTimeout(this.rest);
    setData(this.root, "sharp", "false");
    setData(this.root, "refined", "false");
    setText(byId("volume-pick"), "");
    this.tell();
    this.paint();
    if (!this.running) void this.run();
  }

  private get screen(): Screen {
    return {
      w: Math.max(1, this.stage.clientWidth),
      h: Math.max(1, this.stage.clientHeight),
      dpr: Math.min(3, window.devicePixelRatio || 1),
    };
  }

  private input(name: string): HTMLInputElement {
    return byId<HTMLInputElement>(`cut-${name}`);
  }

  private url(rest: string, name = this.volume?.name ?? ""): string {
    return this.api.volumeUrl(name, rest);
  }

  // What has to be fetched for it: one section at a time, always the one wished for last.

  private async run(): Promise<void> {
    const { signal } = this.opening;
    this.running = true;
    try {
      while (this.dirty && !this.held && !signal.aborted) {
        this.dirty = false;
        const { cut } = this;
        const { select } = this.components;
        const frame = await this.frameOf(cut, signal);
        if (signal.aborted) return;
        this.frame = frame;
        const inside = (from: Cut): Cut => ({ ...from, distance: clamp(from.distance, frame.near, frame.far) });
        this.cut = inside(this.cut);
        this.view ??= rounded(fitView(frame.rect, this.screen));
        const layers = await this.layersOf(inside(cut), frame, select, "jpg", signal);
        if (signal.aborted) return;
        this.health.succeeded();
        this.shown = { cut: inside(cut), frame, layers };
        this.tell();
        this.paint();
      }
      if (!this.dirty && !signal.aborted) {
        setData(this.root, "sharp", "true");
        this.rest = window.setTimeout(() => void this.refine(signal), kRest);
        this.lookAhead(signal);
      }
    } catch (error) {
      this.failed(error, signal);
    } finally {
      this.running = false;
      if (this.dirty && !this.held && this.volume) void this.run();
    }
  }

  private async frameOf(cut: Cut, signal: AbortSignal): Promise<Frame> {
    const key = turnText(cut);
    const known = this.frames.get(key);
    if (known) return known;
    const frame = parseFrame(await this.api.json(this.url(`section/${key},fixed=middle.json`), signal));
    if (this.frames.size > 2000) this.frames.clear();
    this.frames.set(key, frame);
    return frame;
  }

  // The size at which the section is seen, at most its own.
  private sizeFor(frame: Frame): string {
    const density = (this.view?.zoom ?? 1) * this.screen.dpr;
    const { w, h } = frame.rect;
    const most = Math.min(1, kLargest / Math.max(w, h));
    if (density >= 1 && most === 1) return "";
    const part = Math.min(density, most);
    return `W=${Math.max(1, Math.ceil(w * part))}&H=${Math.max(1, Math.ceil(h * part))}`;
  }

  private async layersOf(cut: Cut, frame: Frame, select: string, format: string, signal: AbortSignal): Promise<Layer[]> {
    if (this.components.nothing) return [];
    const query = [this.sizeFor(frame), format === "jpg" ? "q=90" : "", select === "" ? "" : `select=${encodeURIComponent(select)}`];
    const url = this.url(`section/${cutText(cut)}.${format}?${query.filter((part) => part !== "").join("&")}`);
    let bitmap = this.pictures.get(url);
    if (!bitmap) {
      bitmap = (await this.api.bitmap(url, true, signal)).bitmap;
      this.pictures.set(url, bitmap, bitmap.width * bitmap.height * 4);
    }
    return [{ bitmap, region: { x: 0, y: 0, w: frame.rect.w, h: frame.rect.h } }];
  }

  // At rest: without loss, and tiles where one picture of the section cannot hold what the screen can show.
  private async refine(signal: AbortSignal): Promise<void> {
    const { shown } = this;
    const { select } = this.components;
    if (!shown || this.dirty || this.held || signal.aborted) return;
    try {
      const layers = await this.layersOf(shown.cut, shown.frame, select, "png", signal);
      if (signal.aborted || this.dirty || this.shown !== shown) return;
      this.shown = { ...shown, layers: [...shown.layers, ...layers] };
      this.paint();
      const { w, h } = shown.frame.rect;
      if (Math.max(w, h) > kLargest) await this.tiles(this.shown, signal);
      if (signal.aborted || this.dirty) return;
      setData(this.root, "refined", "true");
      this.keepAddress();
      setText(byId("live"), this.words(shown.cut));
    } catch (error) {
      this.failed(error, signal);
    }
  }

  private async tiles(shown: Shown, signal: AbortSignal): Promise<void> {
    const map = this.mapOf(shown.frame);
    const { w, h, dpr } = this.screen;
    const plan = map && planTiles(map, shown.frame.rect, { w: Math.round(w * dpr), h: Math.round(h * dpr) }, kTile);
    if (!plan) return;
    const { select } = this.components;
    const query = select === "" ? "" : `?select=${encodeURIComponent(select)}`;
    await Promise.all(plan.tiles.map(async ({ x, y, rect }) => {
      const url = this.url(`section/${cutText(shown.cut)}_files/${plan.level}/${x}_${y}.png${query}`);
      const { bitmap } = await this.api.bitmap(url, true, signal);
      if (this.shown !== shown) return;
      const { step } = plan;
      shown.layers.push({ bitmap, region: { x: rect.x * step, y: rect.y * step, w: rect.w * step, h: rect.h * step } });
    }));
    this.paint();
  }

  private lookAhead(signal: AbortSignal): void {
    const { frame, cut } = this;
    if (!frame) return;
    const { select } = this.components;
    for (let i = 1; i <= kAhead; i++) {
      const distance = clamp(cut.distance + i * this.direction, frame.near, frame.far);
      if (distance !== cut.distance) this.layersOf({ ...cut, distance }, frame, select, "jpg", signal).catch(() => undefined);
    }
  }

  private failed(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    if (error instanceof Away) {
      this.dirty = this.volume !== null;
      this.health.failed(error);
      return;
    }
    const gone = error instanceof Refused && error.status === 404;
    const note = byId("volume-note");
    const why = error instanceof Error ? error.message : "";
    setText(note, gone ? "There is no such volume here" : `This section cannot be shown: ${why}`);
    note.hidden = false;
  }

  // Telling and painting

  private mapOf(frame: Frame): readonly [number, number, number, number, number, number] | null {
    if (!this.view) return null;
    const [k, , x, , , y] = screenMap(this.view, this.screen);
    return [k, 0, x + k * frame.rect.x, 0, k, y + k * frame.rect.y];
  }

  private paint(): void {
    const { screen, shown } = this;
    this.painter.resize({ w: Math.round(screen.w * screen.dpr), h: Math.round(screen.h * screen.dpr) });
    const map = shown && this.mapOf(shown.frame);
    this.painter.paint(shown && map ? { map, slice: shown.frame.rect, layers: shown.layers, tiles: null } : null);
    if (shown) setData(this.root, "section", cutText(shown.cut));
  }

  private words(cut: Cut): string {
    const angles = kAngles.map((name) => `${name} ${cut[name].toFixed(0)}°`);
    return [`distance ${cut.distance.toFixed(0)}`, ...angles].join(", ");
  }

  private tell(): void {
    const { cut, frame } = this;
    const distance = this.input("distance");
    if (frame) {
      distance.min = String(Math.floor(frame.near));
      distance.max = String(Math.ceil(frame.far));
    }
    for (const name of [...kAngles, "distance"] as const) {
      const value = String(Number(cut[name].toFixed(2)));
      if (this.input(name).value !== value) this.input(name).value = value;
      setText(byId(`cut-${name}-out`), name === "distance" ? value : `${value}°`);
    }
    if (this.shown) setText(byId("volume-caption"), this.words(this.shown.cut));
    setText(byId("volume-zoom"), this.view ? `${Math.round(this.view.zoom * 100)} %` : "");
  }
}
