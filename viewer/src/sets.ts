// SPDX-License-Identifier: Apache-2.0
// The list of sets.
import { type Api, Away } from "./api";
import { byId, make, setText } from "./dom";
import type { Health } from "./health";
import { encodePath } from "./link";
import { formatLength } from "./view";

interface SetEntry {
  readonly name: string;
  readonly title: string;
  readonly slices: number;
  readonly missing: number;
  readonly damaged: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly thumbnail: number | null;
  readonly spacing: number | null;
  readonly pixelSize: number | null;
  readonly version: string;
}

// Names of Woolz objects.
export function parseVolumes(value: unknown): string[] {
  const list = typeof value === "object" && value !== null ? (value as { volumes?: unknown }).volumes : null;
  return (Array.isArray(list) ? list : []).flatMap((item: unknown) => {
    const name = typeof item === "object" && item !== null ? (item as { name?: unknown }).name : null;
    return typeof name === "string" ? [name] : [];
  });
}

export function parseSets(value: unknown): SetEntry[] {
  const list = typeof value === "object" && value !== null ? (value as { sets?: unknown }).sets : null;
  if (!Array.isArray(list)) throw new Error("The list of sets cannot be read.");
  const number = (n: unknown): number | null => (typeof n === "number" && Number.isFinite(n) ? n : null);
  return list.flatMap((item: unknown) => {
    if (typeof item !== "object" || item === null) return [];
    const set = item as Record<string, unknown>;
    if (typeof set["name"] !== "string") return [];
    return [{
      name: set["name"],
      title: typeof set["title"] === "string" && set["title"] !== "" ? set["title"] : set["name"],
      slices: number(set["slices"]) ?? 0,
      missing: number(set["missing"]) ?? 0,
      damaged: number(set["damaged"]) ?? 0,
      first: number(set["first"]),
      last: number(set["last"]),
      thumbnail: number(set["thumbnail"]),
      spacing: number(set["spacing_um"]),
      pixelSize: number(set["pixel_size_um"]),
      version: typeof set["version"] === "string" ? set["version"] : "",
    }];
  });
}

function counted(n: number, one: string, many: string): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

export class SetList {
  private opening = new AbortController();
  private readonly page = byId("list");
  private readonly items = byId("list-sets");
  private readonly filter = byId<HTMLInputElement>("list-filter");
  private entries: SetEntry[] = [];
  private volumes: string[] = [];

  constructor(
    private readonly api: Api,
    private readonly health: Health,
  ) {
    this.filter.addEventListener("input", () => this.fill());
    window.addEventListener("focus", () => {
      if (!this.page.hidden) void this.load();
    });
  }

  open(): void {
    this.close();
    this.page.hidden = false;
    document.title = "Microtome";
    void this.load();
  }

  close(): void {
    this.opening.abort();
    this.opening = new AbortController();
    this.page.hidden = true;
  }

  resume(): void {
    if (!this.page.hidden) void this.load();
  }

  private async load(): Promise<void> {
    const { signal } = this.opening;
    try {
      const answer = await this.api.sets(signal);
      const entries = parseSets(answer);
      const volumes = parseVolumes(answer);
      this.health.succeeded();
      if (JSON.stringify([entries, volumes]) === JSON.stringify([this.entries, this.volumes]) && this.items.childElementCount > 0) return;
      this.entries = entries;
      this.volumes = volumes;
      this.fill();
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Away) this.health.failed(error);
      else this.note("The list of sets cannot be read.");
    }
  }

  private note(words: string): void {
    const note = byId("list-note");
    setText(note, words);
    note.hidden = words === "";
  }

  private fill(): void {
    const wanted = this.filter.value.trim().toLowerCase();
    const found = this.entries.filter((set) => `${set.name} ${set.title}`.toLowerCase().includes(wanted));
    const volumes = this.volumes.filter((name) => name.toLowerCase().includes(wanted));
    this.filter.hidden = this.entries.length + this.volumes.length < 9;
    const slices = this.entries.reduce((sum, set) => sum + set.slices, 0);
    const facts = this.entries.length === 0 ? [] : [counted(this.entries.length, "set", "sets"), counted(slices, "slice", "slices")];
    if (this.volumes.length > 0) facts.push(counted(this.volumes.length, "volume", "volumes"));
    setText(byId("list-summary"), facts.join(", "));
    if (facts.length === 0) this.note("There are no sets here yet. Put a folder of pictures below the served directory.");
    else this.note(found.length + volumes.length === 0 ? "No set has this name." : "");
    this.items.replaceChildren(...found.map((set) => make("li", {}, this.card(set))),
      ...volumes.map((name) => make("li", {}, this.volumeCard(name))));
  }

  private volumeCard(name: string): HTMLElement {
    const picture = make("div", { class: "picture" });
    const image = make("img", { alt: "", loading: "lazy", decoding: "async" });
    image.addEventListener("error", () => picture.replaceChildren(make("span", {}, "no picture")));
    image.src = this.api.volumeUrl(name, "section/fixed=middle.jpg?W=480&H=480");
    picture.append(image);
    return make("a", { class: "card", href: `${this.api.root}v/${encodePath(name)}` }, picture,
      make("div", { class: "words" }, make("h2", {}, name), make("p", {}, "volume")));
  }

  private card(set: SetEntry): HTMLElement {
    const path = set.thumbnail === null ? encodePath(set.name) : `${encodePath(set.name)}/${set.thumbnail}`;
    const picture = make("div", { class: "picture" });
    const none = (): void => picture.replaceChildren(make("span", {}, "no picture"));
    if (set.thumbnail === null) none();
    else {
      const box = window.devicePixelRatio > 1.2 ? { w: 800, h: 800 } : { w: 480, h: 480 };
      const image = make("img", { alt: "", loading: "lazy", decoding: "async" });
      image.addEventListener("error", none);
      image.src = this.api.thumbnailUrl(set.name, set.thumbnail, box, set.version);
      picture.append(image);
    }
    const facts = [counted(set.slices, "slice", "slices")];
    if (set.slices > 1 && set.first !== null && set.last !== null) facts.push(`${set.first}–${set.last}`);
    if (set.spacing !== null && set.slices > 1) facts.push(`${formatLength(set.spacing)} apart`);
    if (set.pixelSize !== null) facts.push(`${Number(set.pixelSize.toPrecision(3))} µm/px`);
    const words = make("div", { class: "words" }, make("h2", {}, set.title), make("p", {}, facts.join(" · ")));
    if (set.damaged > 0) words.append(make("p", { class: "flag" }, counted(set.damaged, "damaged slice", "damaged slices")));
    return make("a", { class: "card", href: `${this.api.root}v/${path}` }, picture, words);
  }
}
