// SPDX-License-Identifier: Apache-2.0
// Says what lies under the pointer when it rests on a section: where in the volume, and in which components.
import type { Api } from "./api";
import { byId, setText } from "./dom";
import { type Cut, type Frame, type Volume, pickQuery, pickWords } from "./section";
import type { Screen, View } from "./view";

const kRest = 120; // ms

export interface Shows {
  readonly volume: Volume;
  readonly cut: Cut;
  readonly frame: Frame;
  readonly view: View;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

// `shows`: what the canvas shows now, the same object while it does not change; null: nothing.
export function listenPick(api: Api, canvas: HTMLElement, shows: () => Shows | null): void {
  const words = byId("volume-pick");
  let timer = 0;
  let asked = 0;
  const ask = async (event: PointerEvent, mine: number): Promise<void> => {
    const now = shows();
    if (!now) return;
    const { volume, cut, frame: { rect }, view, screen, signal } = now;
    const box = canvas.getBoundingClientRect();
    const x = view.x + (event.clientX - box.left - screen.w / 2) / view.zoom - rect.x;
    const y = view.y + (event.clientY - box.top - screen.h / 2) / view.zoom - rect.y;
    if (x < 0 || y < 0 || x >= rect.w || y >= rect.h) return;
    const text = await api.text(pickQuery(volume, cut, Math.floor(x), Math.floor(y)), signal).catch(() => "");
    if (mine === asked && !signal.aborted) setText(words, pickWords(volume, text));
  };
  const forget = (): void => {
    clearTimeout(timer);
    asked++;
    setText(words, "");
  };
  canvas.addEventListener("pointermove", (event) => {
    forget();
    const mine = asked;
    if (event.buttons === 0) timer = window.setTimeout(() => void ask(event, mine), kRest);
  });
  for (const name of ["pointerdown", "pointerleave", "wheel"]) canvas.addEventListener(name, forget, { passive: true });
}
