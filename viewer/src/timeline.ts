// SPDX-License-Identifier: Apache-2.0
// The slider: slices to scale along their axis, gaps empty, damaged ones marked, those already here brighter.
import { clamp } from "./geometry";
import { type Axis, type Stack, axisOf, describe, nearest } from "./stack";
import { formatMark } from "./view";

const kSide = 12; // CSS pixels free at both ends, for the handle
const kTrack = { top: 10, height: 10 };
const enum Column { gap, slice, damaged }

export interface TimelineState {
  readonly requested: number;
  readonly shown: number;
  readonly resident: readonly number[];
}

export class Timeline {
  private stack: Stack | null = null;
  private axis: Axis = { unit: "number", low: 0, high: 0, places: [] };
  private columns = new Uint8Array(0);
  private half = 0.5; // half the width of a slice, CSS pixels
  private state: TimelineState = { requested: 0, shown: -1, resident: [] };
  private frame = 0;
  private readonly canvas: HTMLCanvasElement;

  constructor(
    readonly element: HTMLElement,
    private readonly go: (index: number) => void,
    private readonly hover: (index: number, clientX: number) => void, // -1: away
  ) {
    this.canvas = element.querySelector("canvas") as HTMLCanvasElement;
    let held = false;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      held = true;
      element.setPointerCapture(event.pointerId);
      this.pick(event, true);
    });
    element.addEventListener("pointermove", (event) => this.pick(event, held));
    for (const name of ["pointerup", "pointercancel"] as const) {
      element.addEventListener(name, (event) => {
        held = false;
        if (event.pointerType !== "mouse") this.hover(-1, 0);
      });
    }
    element.addEventListener("pointerleave", () => {
      if (!held) this.hover(-1, 0);
    });
    new ResizeObserver(() => {
      this.layout();
      this.paint();
    }).observe(element);
  }

  open(stack: Stack): void {
    this.stack = stack;
    this.axis = axisOf(stack);
    const numbers = stack.present.map((index) => stack.slices[index]?.number ?? 0);
    this.element.setAttribute("aria-valuemin", String(numbers[0] ?? 0));
    this.element.setAttribute("aria-valuemax", String(numbers[numbers.length - 1] ?? 0));
    this.layout();
  }

  show(state: TimelineState): void {
    const slice = this.stack?.slices[state.requested];
    if (slice && (state.requested !== this.state.requested || !this.element.hasAttribute("aria-valuenow"))) {
      this.element.setAttribute("aria-valuenow", String(slice.number));
      this.element.setAttribute("aria-valuetext", describe(slice));
    }
    this.state = state;
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.paint();
      });
    }
  }

  // Client x of a slice, for the bubble.
  clientX(index: number): number {
    return this.element.getBoundingClientRect().left + this.x(index);
  }

  private get room(): number {
    return Math.max(1, this.element.clientWidth - 2 * kSide);
  }

  private x(index: number): number {
    return kSide + (this.axis.places[index] ?? 0) * this.room;
  }

  private pick(event: PointerEvent, held: boolean): void {
    if (!this.stack) return;
    const left = this.element.getBoundingClientRect().left;
    const place = clamp((event.clientX - left - kSide) / this.room, 0, 1);
    const index = nearest(this.stack, this.axis.places, place);
    if (index < 0) return;
    this.hover(index, this.clientX(index));
    if (held) this.go(index);
  }

  // What each pixel column of the track stands for: thousands of slices cost no more than a few.
  private layout(): void {
    const { stack } = this;
    if (!stack) return;
    const width = this.element.clientWidth;
    this.columns = new Uint8Array(width);
    const { places } = this.axis;
    const gaps = places.slice(1).map((place, i) => place - (places[i] ?? 0));
    gaps.sort((p, q) => p - q);
    const pitch = (gaps[gaps.length >> 1] ?? 1) * this.room;
    this.half = clamp(pitch / 2 - (pitch >= 5 ? 1 : 0), 0.5, 12);
    const mark = (index: number, kind: Column): void => {
      const x = this.x(index);
      const from = Math.max(0, Math.round(x - this.half));
      const to = Math.min(width, Math.max(from + 1, Math.round(x + this.half)));
      this.columns.fill(kind, from, to);
    };
    for (const index of stack.present) mark(index, Column.slice);
    for (const index of stack.present) if (stack.slices[index]?.status === "damaged") mark(index, Column.damaged);
  }

  private paint(): void {
    const { stack, canvas } = this;
    const width = this.element.clientWidth;
    const height = this.element.clientHeight;
    if (!stack || width === 0) return;
    const dpr = window.devicePixelRatio;
    canvas.width = Math.round(width * dpr);
    canvas.height = Math.round(height * dpr);
    const g = canvas.getContext("2d");
    if (!g) return;
    g.scale(dpr, dpr);
    this.paintTrack(g, width);
    this.paintTicks(g, width);
    this.paintHandle(g);
  }

  private paintTrack(g: CanvasRenderingContext2D, width: number): void {
    g.fillStyle = "#0b0c0e";
    g.fillRect(kSide - this.half, kTrack.top, width - 2 * (kSide - this.half), kTrack.height);
    const colours = ["", "#66707a", "#f0b35a"];
    let from = 0;
    for (let x = 1; x <= width; x++) {
      const kind = this.columns[from] ?? 0;
      if (x < width && this.columns[x] === kind) continue;
      if (kind !== Column.gap) {
        g.fillStyle = colours[kind] ?? "";
        g.fillRect(from, kTrack.top, x - from, kTrack.height);
      }
      from = x;
    }
    for (const index of this.state.resident) {
      g.fillStyle = this.stack?.slices[index]?.status === "damaged" ? "#ffd9a0" : "#b9c6cc";
      const x = Math.round(this.x(index) - this.half);
      g.fillRect(x, kTrack.top, Math.max(1, Math.round(2 * this.half)), kTrack.height);
    }
  }

  private paintTicks(g: CanvasRenderingContext2D, width: number): void {
    const { low, high } = this.axis;
    if (!(high > low)) return;
    const depth = this.axis.unit === "um";
    const most = Math.max(1, Math.floor(this.room / 90));
    const power = 10 ** Math.floor(Math.log10((high - low) / most));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => (high - low) / n <= most) ?? power * 10;
    const unit = depth ? step : Math.max(1, Math.round(step));
    g.fillStyle = "#a9b1b9";
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "alphabetic";
    for (let value = Math.ceil(low / unit) * unit; value <= high + unit * 1e-6; value += unit) {
      const x = kSide + ((value - low) / (high - low)) * this.room;
      g.fillRect(Math.round(x), kTrack.top + kTrack.height + 2, 1, 4);
      const text = depth ? formatMark(value, high) : String(value);
      const w = g.measureText(text).width;
      g.fillText(text, clamp(x - w / 2, 0, width - w), kTrack.top + kTrack.height + 18);
    }
  }

  private paintHandle(g: CanvasRenderingContext2D): void {
    const { requested, shown } = this.state;
    if (shown >= 0 && shown !== requested) {
      g.fillStyle = "#e8eaec";
      g.fillRect(Math.round(this.x(shown)) - 1, kTrack.top - 4, 2, kTrack.height + 8);
    }
    const x = this.x(requested);
    g.fillStyle = "#67c7bb";
    g.strokeStyle = "#0b0c0e";
    g.lineWidth = 2;
    g.beginPath();
    g.roundRect(Math.round(x) - 4, kTrack.top - 6, 8, kTrack.height + 12, 4);
    g.fill();
    g.stroke();
  }
}
