// SPDX-License-Identifier: Apache-2.0
// What the page asks the server for (docs/formats/urls.md), always below the root it was served from.
import type { Size } from "./geometry";
import { encodePath } from "./link";
import type { PicturePlan } from "./view";

// The server is away or busy: worth trying again by itself.
export class Away extends Error {
  constructor(
    message: string,
    readonly wait: number | null, // seconds, when the server said so
  ) {
    super(message);
  }
}

// The server refused; trying again by itself would not help.
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

// Seconds until the n-th trial in a row (1, 2, ...): doubles, with a spread so that many pages do not come at once.
export function backOff(failures: number, wait: number | null, random: number): number {
  const own = Math.min(30, 0.5 * 2 ** Math.min(failures - 1, 8));
  return Math.min(120, Math.max(own, wait ?? 0)) * (1 + 0.25 * random);
}

const kAgain = new Set([408, 425, 429, 502, 503, 504]);

async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Away("The server does not answer.", null);
  }
  if (response.ok || response.status === 304) return response;
  if (kAgain.has(response.status)) {
    const wait = Number(response.headers.get("Retry-After"));
    throw new Away("The server is busy.", Number.isFinite(wait) && wait > 0 ? wait : null);
  }
  const words = (await response.text().catch(() => "")).trim();
  const plain = (response.headers.get("Content-Type") ?? "").startsWith("text/plain") && words.length <= 200;
  throw new Refused(plain && words !== "" ? words : `status ${response.status}`, response.status);
}

export interface Loaded {
  readonly bitmap: ImageBitmap;
  readonly sliceSize: Size | null; // of the whole slice, where the server said it
}

export interface Dzi {
  readonly size: Size;
  readonly tile: number;
}

export class Api {
  constructor(readonly root: string) {}

  sets(signal: AbortSignal): Promise<unknown> {
    return this.json(`${this.root}sets`, signal);
  }

  // Null when nothing changed since `etag`.
  async stack(set: string, etag: string | null, signal: AbortSignal): Promise<{ value: unknown; etag: string } | null> {
    const url = `${this.root}sets/${encodePath(set)}/stack.json`;
    const response = await ask(url, { signal, cache: "no-cache" });
    const now = response.headers.get("ETag") ?? "";
    if (etag !== null && now !== "" && now === etag) return null;
    return { value: await response.json(), etag: now };
  }

  thumbnailUrl(set: string, slice: number, box: Size, version: string): string {
    return `${this.root}sets/${encodePath(set)}/view?slice=${slice}&W=${box.w}&H=${box.h}&v=${version}`;
  }

  volumeUrl(name: string, rest: string): string {
    return `${this.root}sets/${encodePath(name)}/${rest}`;
  }

  stripUrl(set: string, from: number, count: number, height: number, version: string): string {
    const query = `from=${from}&count=${count}&height=${height}&v=${version}`;
    return `${this.root}sets/${encodePath(set)}/strip?${query}`;
  }

  picture(set: string, slice: number, plan: PicturePlan, version: string, urgent: boolean,
          signal: AbortSignal): Promise<Loaded> {
    const { region, size } = plan;
    const number = (n: number): string => String(Number(n.toFixed(4)));
    const where = plan.whole
      ? ""
      : `&x=${number(region.x)}&y=${number(region.y)}&w=${number(region.w)}&h=${number(region.h)}`;
    const query = `slice=${slice}${where}&W=${size.w}&H=${size.h}&v=${version}`;
    return this.bitmap(`${this.root}sets/${encodePath(set)}/view?${query}`, urgent, signal);
  }

  async dzi(id: string, version: string, signal: AbortSignal): Promise<Dzi> {
    const response = await ask(`${this.root}dz/${encodePath(id)}.dzi?v=${version}`, { signal });
    const xml = await response.text();
    const value = (name: string): number => Number(new RegExp(`\\b${name}\\s*=\\s*["'](\\d+)["']`).exec(xml)?.[1]);
    const dzi = { size: { w: value("Width"), h: value("Height") }, tile: value("TileSize") };
    if (!(dzi.size.w > 0 && dzi.size.h > 0 && dzi.tile > 0)) throw new Refused("no sizes in the description", 200);
    return dzi;
  }

  tile(id: string, level: number, x: number, y: number, version: string, signal: AbortSignal): Promise<Loaded> {
    return this.bitmap(`${this.root}dz/${encodePath(id)}_files/${level}/${x}_${y}.jpg?v=${version}`, true, signal);
  }

  async bitmap(url: string, urgent: boolean, signal: AbortSignal): Promise<Loaded> {
    const priority = urgent ? "high" : "low";
    const response = await ask(url, { signal, priority } as RequestInit);
    const size = /^(\d+)x(\d+)$/.exec(response.headers.get("Slice-Size") ?? "");
    let blob: Blob;
    try {
      blob = await response.blob();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Away("The server stopped in the middle of a picture.", null);
    }
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(blob);
    } catch {
      throw new Refused("the picture cannot be decoded", response.status);
    }
    if (signal.aborted) {
      bitmap.close();
      throw new DOMException("aborted", "AbortError");
    }
    return { bitmap, sliceSize: size ? { w: Number(size[1]), h: Number(size[2]) } : null };
  }

  // What the Woolz protocol answers; `path` is below the root.
  async text(path: string, signal: AbortSignal): Promise<string> {
    return (await ask(`${this.root}${path}`, { signal })).text();
  }

  async json(url: string, signal: AbortSignal): Promise<unknown> {
    const response = await ask(url, { signal, cache: "no-cache" });
    try {
      return await response.json();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Away("The server's answer cannot be read.", null);
    }
  }
}
