// SPDX-License-Identifier: Apache-2.0
// A map bounded by bytes that forgets what was not used for longest. Pure.

export class Lru<V> {
  private readonly map = new Map<string, { value: V; bytes: number }>();
  private total = 0;

  constructor(
    private readonly budget: number,
    private readonly dropped: (value: V, key: string) => void,
  ) {}

  get bytes(): number {
    return this.total;
  }

  get size(): number {
    return this.map.size;
  }

  has(key: string): boolean {
    return this.map.has(key);
  }

  // Counts as a use.
  get(key: string): V | undefined {
    const entry = this.map.get(key);
    if (!entry) return undefined;
    this.map.delete(key);
    this.map.set(key, entry);
    return entry.value;
  }

  peek(key: string): V | undefined {
    return this.map.get(key)?.value;
  }

  // The newest entry stays even when it alone is over the budget: it is about to be shown.
  set(key: string, value: V, bytes: number): void {
    this.delete(key);
    this.map.set(key, { value, bytes });
    this.total += bytes;
    for (const oldest of this.map.keys()) {
      if (this.total <= this.budget || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.map.get(key);
    if (!entry) return;
    this.map.delete(key);
    this.total -= entry.bytes;
    this.dropped(entry.value, key);
  }

  clear(): void {
    for (const key of [...this.map.keys()]) this.delete(key);
  }
}
