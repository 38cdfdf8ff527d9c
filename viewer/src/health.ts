// SPDX-License-Identifier: Apache-2.0
// Knows whether the server answers; tells the user and waits longer after every failure.
import { Away, backOff } from "./api";
import { byId, setText } from "./dom";

export class Health {
  private failures = 0;
  private timer = 0;
  private tick = 0;
  private until = 0;
  private message = "";
  private readonly banner = byId("away");
  private readonly words = byId("away-text");

  // pause: stop asking; resume: ask again.
  constructor(private readonly pause: () => void, private readonly resume: () => void) {
    byId("away-now").addEventListener("click", () => this.retry());
    window.addEventListener("online", () => {
      if (this.timer) this.retry();
    });
  }

  failed(error: Away): void {
    if (this.timer) return; // one pause for all that failed together
    this.failures++;
    const seconds = backOff(this.failures, error.wait, Math.random());
    this.until = performance.now() + seconds * 1000;
    this.message = error.message;
    this.pause();
    this.timer = window.setTimeout(() => this.retry(), seconds * 1000);
    if (this.failures > 1 || seconds > 1) this.show(); // a hiccup is not worth a word
  }

  succeeded(): void {
    if (this.failures === 0 || this.timer) return;
    this.failures = 0;
    this.banner.hidden = true;
    window.clearInterval(this.tick);
  }

  private show(): void {
    const update = (): void => {
      const left = Math.ceil((this.until - performance.now()) / 1000);
      setText(this.words, left > 0 ? `${this.message} Trying again in ${left} s.` : `${this.message} Trying again …`);
    };
    update();
    this.banner.hidden = false;
    window.clearInterval(this.tick);
    this.tick = window.setInterval(update, 1000);
  }

  private retry(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.resume();
  }
}
