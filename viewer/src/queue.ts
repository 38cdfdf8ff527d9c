// SPDX-License-Identifier: Apache-2.0
// Work in strict order of rank, a few at a time. The caller says all that it wants, again and again; what it no longer
// wants is aborted or never started. Pure (no browser, no clock).

export interface Job {
  readonly key: string;
  readonly rank: number; // 0 first
  run(signal: AbortSignal): Promise<void>; // never rejects
}

export const kRank = { current: 0, refine: 1, ahead: 2, behind: 3, thumbnail: 4 } as const;

// Running jobs of this rank or a lower one may be this many: the current slice always finds a free connection among
// the six that browsers give to one HTTP/1.1 server.
const kRunning = [6, 6, 4, 3, 2];

export class Queue {
  private wanted: Job[] = [];
  private readonly running = new Map<string, { rank: number; abort: AbortController }>();
  private held = false;

  // keep: jobs already running that are worth finishing although nobody wants them now.
  want(jobs: readonly Job[], keep: (key: string) => boolean = () => false): void {
    const ranks = new Map<string, number>();
    for (const job of jobs) {
      const known = ranks.get(job.key);
      if (known === undefined || job.rank < known) ranks.set(job.key, job.rank);
    }
    for (const [key, run] of this.running) {
      const rank = ranks.get(key);
      if (rank !== undefined) run.rank = rank;
      else if (!keep(key)) {
        this.running.delete(key);
        run.abort.abort();
      }
    }
    const seen = new Set<string>();
    this.wanted = [...jobs]
      .map((job, order) => ({ job, order }))
      .sort((p, q) => p.job.rank - q.job.rank || p.order - q.order)
      .map((entry) => entry.job)
      .filter((job) => !seen.has(job.key) && seen.add(job.key) && !this.running.has(job.key));
    this.start();
  }

  // No new job starts while held (the server is away).
  hold(held: boolean): void {
    this.held = held;
    if (!held) this.start();
  }

  isRunning(key: string): boolean {
    return this.running.has(key);
  }

  private start(): void {
    while (!this.held) {
      const job = this.wanted[0];
      if (!job) return;
      const limit = kRunning[Math.min(job.rank, kRunning.length - 1)] ?? 1;
      const same = [...this.running.values()].filter((run) => run.rank >= job.rank).length;
      if (same >= limit || this.running.size >= (kRunning[0] ?? 6)) return;
      this.wanted.shift();
      const abort = new AbortController();
      const run = { rank: job.rank, abort };
      this.running.set(job.key, run);
      void job.run(abort.signal).then(() => {
        if (this.running.get(job.key) === run) this.running.delete(job.key);
        this.start();
      });
    }
  }
}
