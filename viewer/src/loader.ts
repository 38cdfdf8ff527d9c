// SPDX-License-Identifier: Apache-2.0
// Decoded pictures and tiles of one set, and the jobs that fetch them. Keys name the slice: a picture can never be
// taken for another slice's.
import { type Api, Away, type Dzi, type Loaded, Refused } from "./api";
import type { Size } from "./geometry";
import type { Health } from "./health";
import { Lru } from "./lru";
import { type Job, kRank } from "./queue";
import type { Stack } from "./stack";
import type { PicturePlan, TilePlan } from "./view";

export interface Picture {
  readonly index: number;
  readonly plan: PicturePlan;
  readonly bitmap: ImageBitmap;
}

type Tile = TilePlan["tiles"][number];

// Decoded bytes kept: about 75 pictures of a 1280x800 screen, a third of that on small devices.
function budget(): number {
  const memory = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return (memory >= 4 ? 288 : 96) * 2 ** 20;
}

export class Loader {
  private readonly pictures: Lru<Picture>;
  private readonly tiles: Lru<ImageBitmap>;
  private readonly bySlice = new Map<number, Set<string>>();
  private readonly sizes = new Map<number, Size>();
  private readonly descriptions = new Map<number, Dzi>();
  private readonly refusals = new Map<string, string>();
  private readonly typical: Size;

  constructor(
    private readonly api: Api,
    private readonly stack: Stack,
    private readonly health: Health,
    private readonly changed: () => void,
  ) {
    const all = budget();
    this.pictures = new Lru(all * 0.8, (picture, key) => {
      picture.bitmap.close();
      this.bySlice.get(picture.index)?.delete(key);
      if (this.bySlice.get(picture.index)?.size === 0) this.bySlice.delete(picture.index);
    });
    this.tiles = new Lru(all * 0.2, (bitmap) => bitmap.close());
    const known = stack.slices.find((slice) => slice.width > 0 && slice.height > 0);
    this.typical = known ? { w: known.width, h: known.height } : { w: 1024, h: 1024 };
  }

  close(): void {
    this.pictures.clear();
    this.tiles.clear();
  }

  // Pixels of the whole slice; until the server told, that of its neighbours.
  size(index: number): Size {
    const learnt = this.sizes.get(index);
    if (learnt) return learnt;
    const slice = this.stack.slices[index];
    return slice && slice.width > 0 && slice.height > 0 ? { w: slice.width, h: slice.height } : this.typical;
  }

  // The size is the server's word, not a guess.
  sizeKnown(index: number): boolean {
    const slice = this.stack.slices[index];
    return this.sizes.has(index) || (slice !== undefined && slice.width > 0 && slice.height > 0);
  }

  picture(index: number, plan: PicturePlan): Picture | undefined {
    return this.pictures.get(pictureKey(index, plan));
  }

  has(index: number, plan: PicturePlan): boolean {
    return this.pictures.has(pictureKey(index, plan));
  }

  // All pictures of a slice that are here, coarse to fine.
  ofSlice(index: number): Picture[] {
    const found = [...(this.bySlice.get(index) ?? [])].flatMap((key) => this.pictures.peek(key) ?? []);
    const fineness = (p: Picture): number => p.plan.size.w / p.plan.region.w;
    return found.sort((p, q) => fineness(p) - fineness(q));
  }

  get slicesHere(): number[] {
    return [...this.bySlice.keys()];
  }

  description(index: number): Dzi | undefined {
    return this.descriptions.get(index);
  }

  tile(index: number, level: number, tile: Tile): ImageBitmap | undefined {
    return this.tiles.get(tileKey(index, level, tile));
  }

  // Why the server refused a picture of this slice.
  refusal(index: number): string | undefined {
    return this.refusals.get(`p|${index}`);
  }

  tilesRefused(index: number): boolean {
    return this.refusals.has(`d|${index}`);
  }

  tileRefused(index: number, level: number, tile: Tile): boolean {
    return this.refusals.has(tileKey(index, level, tile));
  }

  forgive(): void {
    this.refusals.clear();
  }

  pictureJob(index: number, plan: PicturePlan, rank: number): Job {
    const slice = this.stack.slices[index];
    const key = pictureKey(index, plan);
    return {
      key,
      rank,
      run: (signal) => this.guarded(`p|${index}`, signal, async () => {
        const { name, version } = this.stack;
        const urgent = rank === kRank.current;
        const loaded = await this.api.picture(name, slice?.number ?? 0, plan, version, urgent, signal);
        this.keep(index, plan, key, loaded);
      }),
    };
  }

  descriptionJob(index: number): Job {
    const id = this.stack.slices[index]?.id ?? "";
    return {
      key: `d|${index}`,
      rank: kRank.refine,
      run: (signal) => this.guarded(`d|${index}`, signal, async () => {
        const dzi = await this.api.dzi(id, this.stack.version, signal);
        this.descriptions.set(index, dzi);
        this.sizes.set(index, dzi.size);
      }),
    };
  }

  tileJob(index: number, level: number, tile: Tile): Job {
    const id = this.stack.slices[index]?.id ?? "";
    const key = tileKey(index, level, tile);
    return {
      key,
      rank: kRank.refine,
      run: (signal) => this.guarded(key, signal, async () => {
        const { bitmap } = await this.api.tile(id, level, tile.x, tile.y, this.stack.version, signal);
        this.tiles.set(key, bitmap, bitmap.width * bitmap.height * 4);
      }),
    };
  }

  private keep(index: number, plan: PicturePlan, key: string, { bitmap, sliceSize }: Loaded): void {
    const assumed = this.size(index);
    const guessed = !this.sizeKnown(index);
    if (sliceSize) this.sizes.set(index, sliceSize);
    const wrong = guessed && sliceSize !== null && (sliceSize.w !== assumed.w || sliceSize.h !== assumed.h);
    if (wrong && !plan.whole) {
      bitmap.close(); // partly beside the slice: planned again with the true size
      return;
    }
    // A whole slice of another size than thought is still that slice; its region is the whole.
    const truth = wrong && sliceSize ? { ...plan, region: { x: 0, y: 0, ...sliceSize } } : plan;
    this.pictures.set(key, { index, plan: truth, bitmap }, bitmap.width * bitmap.height * 4);
    const keys = this.bySlice.get(index) ?? new Set<string>();
    this.bySlice.set(index, keys.add(key));
  }

  private async guarded(what: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.health.succeeded();
    } catch (error) {
      if (signal.aborted || (error instanceof DOMException && error.name === "AbortError")) return;
      if (error instanceof Away) this.health.failed(error);
      else this.refusals.set(what, error instanceof Refused ? error.message : "the answer cannot be read");
    }
    if (!signal.aborted) this.changed();
  }
}

export function pictureKey(index: number, plan: PicturePlan): string {
  return `p|${index}|${plan.key}`;
}

function tileKey(index: number, level: number, tile: { x: number; y: number }): string {
  return `t|${index}|${level}|${tile.x}_${tile.y}`;
}
