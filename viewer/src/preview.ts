// SPDX-License-Identifier: Apache-2.0
// The bubble over the slider: a thumbnail of the slice under the pointer, cut out of a strip of sixteen.
import type { Api } from "./api";
import { byId, setText } from "./dom";
import { clamp } from "./geometry";
import { type Stack, describe } from "./stack";

const kCells = 16;
const kHeight = 96; // pixels
const kStrips = 24; // kept

export class Preview {
  private stack: Stack | null = null;
  private readonly strips = new Map<number, HTMLImageElement>();
  private timer = 0;
  private readonly bubble = byId("bubble");
  private readonly picture = byId("bubble-picture");

  constructor(private readonly api: Api) {}

  open(stack: Stack): void {
    this.close();
    this.stack = stack;
  }

  close(): void {
    this.stack = null;
    this.strips.clear();
    this.show(-1, 0);
  }

  show(index: number, clientX: number): void {
    clearTimeout(this.timer);
    const slice = this.stack?.slices[index];
    this.bubble.hidden = !slice;
    if (!slice) return;
    setText(byId("bubble-text"), describe(slice));
    const strip = Math.floor(index / kCells);
    const image = this.strips.get(strip);
    if (image?.complete && image.naturalWidth > 0) this.cut(image, index % kCells);
    else {
      this.picture.hidden = true;
      if (!image) this.timer = window.setTimeout(() => this.load(strip, index, clientX), 60);
    }
    this.place(clientX);
  }

  private load(strip: number, index: number, clientX: number): void {
    const { stack } = this;
    const first = stack?.slices[strip * kCells];
    if (!stack || !first) return;
    const count = Math.min(kCells, stack.slices.length - strip * kCells);
    const image = new Image();
    image.decoding = "async";
    image.setAttribute("fetchpriority", "low");
    image.dataset["count"] = String(count);
    image.addEventListener("load", () => {
      if (this.stack === stack && !this.bubble.hidden) this.show(index, clientX);
    });
    image.src = this.api.stripUrl(stack.name, first.number, count, kHeight, stack.version);
    this.strips.set(strip, image);
    const oldest = this.strips.keys().next();
    if (this.strips.size > kStrips && !oldest.done) this.strips.delete(oldest.value);
  }

  private cut(image: HTMLImageElement, cell: number): void {
    const width = image.naturalWidth / Number(image.dataset["count"]);
    const { style } = this.picture;
    style.width = `${width}px`;
    style.height = `${kHeight}px`;
    style.backgroundImage = `url("${image.src}")`;
    style.backgroundPosition = `${-cell * width}px 0`;
    this.picture.hidden = false;
  }

  private place(clientX: number): void {
    const { width, height } = this.bubble.getBoundingClientRect();
    const top = byId("slider").getBoundingClientRect().top;
    const left = clamp(clientX - width / 2, 4, window.innerWidth - width - 4);
    this.bubble.style.transform = `translate(${Math.round(left)}px, ${Math.round(top - height - 6)}px)`;
  }
}
