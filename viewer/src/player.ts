// SPDX-License-Identifier: Apache-2.0
// Plays through slices at a steady pace, never faster than they come.
export class Player {
  playing = false;
  private frame = 0;
  private due = 0;

  // step: goes one on; false at the end.
  constructor(
    private readonly button: HTMLElement,
    private readonly speed: HTMLSelectElement,
    private readonly step: () => boolean,
  ) {}

  toggle(): void {
    if (this.playing) this.stop();
    else this.start();
  }

  stop(): void {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.frame);
    this.show();
  }

  private start(): void {
    this.playing = true;
    this.due = performance.now();
    this.show();
    const tick = (now: number): void => {
      if (!this.playing) return;
      if (now >= this.due) {
        const period = 1000 / Number(this.speed.value);
        this.due = Math.max(this.due + period, now - period);
        if (!this.step()) {
          this.stop();
          return;
        }
      }
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  private show(): void {
    this.button.classList.toggle("playing", this.playing);
    this.button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
  }
}
