// SPDX-License-Identifier: Apache-2.0
// Mouse, touch and keys turned into what they mean.
import type { Point } from "./geometry";

export interface Actions {
  step(slices: number): void;
  toEnd(last: boolean): void;
  pan(dx: number, dy: number): void; // CSS pixels
  zoom(factor: number, at?: Point): void; // at: CSS pixels of the stage
  fit(): void;
  toggleRaw(): void;
  toggleWheel(): void;
  togglePlay(): void;
  toggleFull(): void;
  help(): void;
  typeNumber(first: string): void;
  nudge(part: Point): void; // parts of the screen
}

export interface Choices {
  readonly wheelSteps: boolean; // the plain wheel turns slices, Shift + wheel zooms
  readonly keys: boolean; // single keys are commands (WCAG 2.1.4: must be possible to switch off)
}

const kNotch = 120; // CSS pixels of one notch of a mouse wheel, about: one slice
const kStroke = 50; // CSS pixels on a touch pad that turn one slice
const kEdgeStep = 12; // CSS pixels along the edge that turn one slice

function wheelPixels(event: WheelEvent): number {
  const raw = event.deltaY !== 0 ? event.deltaY : event.deltaX; // Shift makes it sideways in some browsers
  return raw * (event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1);
}

export function listenWheel(stage: HTMLElement, slider: HTMLElement, actions: Actions, choices: () => Choices): void {
  let rest = 0;
  let last = 0;
  const turn = (event: WheelEvent): void => {
    const pixels = wheelPixels(event);
    if (event.timeStamp - last > 250) rest = 0;
    last = event.timeStamp;
    if (Math.abs(pixels) >= kStroke) { // a wheel with notches: each turns at least one slice
      actions.step(Math.sign(pixels) * Math.max(1, Math.round(Math.abs(pixels) / kNotch)));
      return;
    }
    rest += pixels;
    const slices = Math.trunc(rest / kStroke);
    rest -= slices * kStroke;
    if (slices !== 0) actions.step(slices);
  };
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!event.ctrlKey && choices().wheelSteps !== event.shiftKey) {
      turn(event);
      return;
    }
    const box = stage.getBoundingClientRect();
    // A pinch on a touch pad comes as Ctrl + wheel in small steps.
    const speed = event.ctrlKey ? 0.01 : 0.002;
    const factor = Math.exp(-Math.max(-300, Math.min(300, wheelPixels(event))) * speed);
    actions.zoom(Math.min(2, Math.max(0.5, factor)), { x: event.clientX - box.left, y: event.clientY - box.top });
  }, { passive: false });
  slider.addEventListener("wheel", (event) => {
    event.preventDefault();
    turn(event);
  }, { passive: false });
}

// One pointer moves, two zoom around their middle.
export function listenPointers(stage: HTMLElement, canvas: HTMLElement, actions: Actions): void {
  const held = new Map<number, Point>();
  const spread = (): { middle: Point; distance: number } | null => {
    const [p, q] = [...held.values()];
    if (!p || !q) return null;
    return { middle: { x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 }, distance: Math.hypot(p.x - q.x, p.y - q.y) };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0 && event.button !== 1) return;
    if (held.size >= 2) return;
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const old = spread();
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = spread();
    if (!old || !now) {
      if (event.clientX !== before.x || event.clientY !== before.y) {
        actions.pan(event.clientX - before.x, event.clientY - before.y);
      }
      return;
    }
    const box = stage.getBoundingClientRect();
    actions.pan(now.middle.x - old.middle.x, now.middle.y - old.middle.y);
    if (old.distance > 0) {
      actions.zoom(now.distance / old.distance, { x: now.middle.x - box.left, y: now.middle.y - box.top });
    }
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
    canvas.addEventListener(name, (event) => held.delete(event.pointerId));
  }
  canvas.addEventListener("dblclick", (event) => {
    const box = stage.getBoundingClientRect();
    actions.zoom(event.shiftKey ? 0.5 : 2, { x: event.clientX - box.left, y: event.clientY - box.top });
  });
}

// Touch: the right edge turns slices; downwards is forward, as with a wheel.
export function listenEdge(edge: HTMLElement, actions: Actions): void {
  let from: number | null = null;
  edge.addEventListener("pointerdown", (event) => {
    from = event.clientY;
    edge.classList.add("held");
    edge.setPointerCapture(event.pointerId);
  });
  edge.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const slices = Math.trunc((event.clientY - from) / kEdgeStep);
    if (slices === 0) return;
    from += slices * kEdgeStep;
    actions.step(slices);
  });
  for (const name of ["pointerup", "pointercancel"] as const) {
    edge.addEventListener(name, () => {
      from = null;
      edge.classList.remove("held");
    });
  }
}

function typing(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== "checkbox";
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}

// Keys that mean the same wherever the focus is. Returns whether the key was used.
function named(event: KeyboardEvent, actions: Actions): boolean {
  const pans: Record<string, Point> = {
    ArrowLeft: { x: 1, y: 0 }, ArrowRight: { x: -1, y: 0 }, ArrowUp: { x: 0, y: 1 }, ArrowDown: { x: 0, y: -1 },
  };
  const steps: Record<string, number> = {
    ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10,
  };
  const pan = pans[event.key];
  const step = steps[event.key];
  if (event.shiftKey && pan) actions.nudge(pan);
  else if (step !== undefined) actions.step(step);
  else if (event.key === "Home" || event.key === "End") actions.toEnd(event.key === "End");
  else return false;
  return true;
}

function character(event: KeyboardEvent, actions: Actions): boolean {
  const key = event.key.length === 1 ? event.key.toLowerCase() : "";
  if (/^[1-9]$/.test(key)) actions.typeNumber(key);
  else if (key === "g" || key === "/") actions.typeNumber("");
  else if (key === ",") actions.step(-1);
  else if (key === ".") actions.step(1);
  else if (key === "+" || key === "=") actions.zoom(1.5);
  else if (key === "-" || key === "_") actions.zoom(1 / 1.5);
  else if (key === "0") actions.fit();
  else if (key === "r") actions.toggleRaw();
  else if (key === "w") actions.toggleWheel();
  else if (key === "f") actions.toggleFull();
  else if (key === "?") actions.help();
  else return false;
  return true;
}

export function listenKeys(active: () => boolean, actions: Actions, choices: () => Choices): void {
  document.addEventListener("keydown", (event) => {
    if (!active() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) return;
    let used = named(event, actions);
    if (!used && choices().keys) {
      const onControl = event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement;
      if (event.key === " " && !onControl) {
        actions.togglePlay();
        used = true;
      } else {
        used = character(event, actions);
      }
    }
    if (used) event.preventDefault();
  });
}
