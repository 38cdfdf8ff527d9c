// SPDX-License-Identifier: Apache-2.0
// The page of one set: wires the session to the controls and says what is on the screen.
import { type Api, Away, Refused } from "./api";
import { byId, make, recall, remember, setData, setText } from "./dom";
import type { Point } from "./geometry";
import { Health } from "./health";
import { type Actions, type Choices, listenEdge, listenKeys, listenPointers, listenWheel } from "./input";
import { type Place, formatPlace } from "./link";
import { Painter } from "./painter";
import { Panel } from "./panel";
import { Player } from "./player";
import { Preview } from "./preview";
import { Session } from "./session";
import { type Stack, describe, findSlice, nearestNumber, parseStack, stepFrom } from "./stack";
import { Timeline } from "./timeline";
import type { Screen, View } from "./view";

const kPoll = 5000; // ms between looks for new slices

interface Opened {
  readonly stack: Stack;
  readonly etag: string;
  readonly rest: string; // the part of the path that names a slice
}

export class Viewer implements Actions {
  private session: Session | null = null;
  private etag = "";
  private reopen: (() => void) | null = null; // what to do when the server is back
  private opening = new AbortController();
  private poll = 0;
  private readonly page = byId("viewer");
  private readonly root = document.documentElement;
  private readonly stage = byId("stage");
  private readonly canvas = byId<HTMLCanvasElement>("canvas");
  private readonly number = byId<HTMLInputElement>("number");
  private readonly painter = new Painter(this.canvas);
  private readonly player: Player;
  private readonly preview: Preview;
  private readonly panel: Panel;
  private readonly timeline: Timeline;
  private choices: Choices = { wheelSteps: recall("wheel") === "slices", keys: recall("keys") !== "off" };

  constructor(
    private readonly api: Api,
    private readonly health: Health,
    private readonly openPath: (path: string) => void,
  ) {
    this.player = new Player(byId("play"), byId<HTMLSelectElement>("speed"), () => this.playStep());
    this.preview = new Preview(api);
    this.panel = new Panel((index) => this.scrub(index));
    this.timeline = new Timeline(byId("slider"), (index) => this.scrub(index), (index, x) => this.preview.show(index, x));
    listenWheel(this.stage, byId("slider"), this, () => this.choices);
    listenPointers(this.stage, this.canvas, this);
    listenEdge(byId("edge"), this);
    listenKeys(() => this.session !== null && !byId<HTMLDialogElement>("help").open, this, () => this.choices);
    this.listenButtons();
    this.listenNumber();
    new ResizeObserver(() => this.session?.resize(this.screen)).observe(this.stage);
    window.addEventListener("focus", () => void this.refresh());
    this.showChoices();
  }

  // path: segments after /v/. The set's name may hold slashes and the slice may be left out.
  async open(place: Place): Promise<void> {
    this.close();
    this.page.hidden = false;
    const { signal } = this.opening;
    setText(byId("set-title"), place.path.join("/"));
    document.title = `${place.path.join("/")} – Microtome`;
    let opened: Opened;
    try {
      opened = await this.find(place.path, signal);
    } catch (error) {
      if (!signal.aborted) this.cannotOpen(error, place);
      return;
    }
    this.health.succeeded();
    const { stack, rest } = opened;
    this.etag = opened.etag;
    const named = rest === "" ? (stack.present[stack.present.length >> 1] ?? 0) : findSlice(stack, rest);
    let index = named;
    if (index < 0) {
      index = Number.isFinite(Number(rest)) ? nearestNumber(stack, Number(rest)) : (stack.present[0] ?? 0);
      this.panel.toast(`There is no slice ${rest} here.`);
    }
    this.start(stack, { index: Math.max(0, index), view: place.view, raw: place.raw }, false);
  }

  close(): void {
    this.opening.abort();
    this.opening = new AbortController();
    this.session?.close();
    this.session = null;
    this.reopen = null;
    this.player.stop();
    this.preview.close();
    clearInterval(this.poll);
    this.painter.paint(null);
    this.page.hidden = true;
    this.panel.clear();
    for (const name of ["set", "sliceShown", "sliceRequested", "sharp", "refined", "mode"]) delete this.root.dataset[name];
  }

  hold(held: boolean): void {
    this.session?.hold(held);
  }

  // Actions

  step(slices: number): void {
    this.player.stop();
    this.session?.step(slices);
    this.tell();
  }

  toEnd(last: boolean): void {
    this.player.stop();
    const list = this.session?.stack.present ?? [];
    this.session?.go(list[last ? list.length - 1 : 0] ?? -1);
    this.tell();
  }

  pan(dx: number, dy: number): void {
    this.session?.pan(dx, dy);
  }

  nudge(part: Point): void {
    this.pan(part.x * this.stage.clientWidth * 0.12, part.y * this.stage.clientHeight * 0.12);
  }

  zoom(factor: number, at?: Point): void {
    this.session?.zoom(factor, at);
  }

  fit(): void {
    this.session?.fit();
  }

  toggleRaw(): void {
    const { session } = this;
    if (!session?.stack.registered) return;
    session.setRaw(!session.raw);
    this.panel.say(session.raw ? "Raw" : "Registered");
    this.panel.toast(session.raw ? "Raw: as it was scanned" : "Registered: laid on its neighbours");
  }

  toggleWheel(): void {
    this.choices = { ...this.choices, wheelSteps: !this.choices.wheelSteps };
    remember("wheel", this.choices.wheelSteps ? "slices" : "zoom");
    this.showChoices();
    this.panel.toast(this.choices.wheelSteps ? "The wheel turns slices" : "The wheel zooms");
  }

  togglePlay(): void {
    if (!this.player.playing) {
      const { session } = this;
      if (session && stepFrom(session.stack, session.requested, 1) === session.requested) this.toEnd(false);
    }
    this.player.toggle();
  }

  toggleFull(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.root.requestFullscreen?.().catch(() => this.panel.toast("Full screen is not allowed here"));
  }

  help(): void {
    byId<HTMLDialogElement>("help").showModal();
  }

  typeNumber(first: string): void {
    this.number.focus();
    this.number.value = first;
  }

  // Opening

  private async find(path: readonly string[], signal: AbortSignal): Promise<Opened> {
    const load = async (set: string, rest: string): Promise<Opened> => {
      const answer = await this.api.stack(set, null, signal);
      return { stack: parseStack(answer?.value), etag: answer?.etag ?? "", rest };
    };
    const whole = path.join("/");
    if (path.length < 2) return load(whole, "");
    const last = path[path.length - 1] ?? "";
    let nested: Opened | null = null;
    try {
      nested = await load(path.slice(0, -1).join("/"), last);
      if (findSlice(nested.stack, last) >= 0) return nested;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    try {
      return await load(whole, "");
    } catch (error) {
      if (nested && error instanceof Refused) return nested;
      throw error;
    }
  }

  private cannotOpen(error: unknown, place: Place): void {
    if (error instanceof Away) {
      this.health.failed(error);
      this.reopen = () => void this.open(place);
      return;
    }
    const gone = error instanceof Refused && error.status === 404;
    this.panel.note(gone ? "There is no such set here" : "This set cannot be opened",
      gone ? "" : error instanceof Error ? error.message : "", make("a", { class: "button text", href: this.api.root }, "All sets"));
  }

  // The server may answer again.
  resume(): void {
    const again = this.reopen;
    this.reopen = null;
    if (again) again();
    else this.hold(false);
  }

  private start(stack: Stack, at: { index: number; view: View | null; raw: boolean }, keepOld: boolean): void {
    this.session?.close();
    setText(byId("set-title"), stack.title);
    const single = stack.slices.length < 2;
    byId("controls").hidden = single;
    byId("registered").hidden = !stack.registered;
    setText(byId("range"), stack.slices.length > 1 ? `of ${stack.slices[stack.slices.length - 1]?.number ?? ""}` : "");
    this.timeline.open(stack);
    this.preview.open(stack);
    this.session = new Session(this.api, stack, this.health, this.painter, this.screen, at, keepOld,
      () => this.painted(), () => this.rested());
    if (stack.slices.length === 0) this.panel.note("This set has no slices", "");
    clearInterval(this.poll);
    this.poll = window.setInterval(() => void this.refresh(), kPoll);
    this.tell();
  }

  // New slices appear by themselves; the place stays.
  private async refresh(): Promise<void> {
    const { session } = this;
    if (!session || document.hidden) return;
    const { signal } = this.opening;
    try {
      const answer = await this.api.stack(session.stack.name, this.etag, signal);
      if (!answer || this.session !== session || signal.aborted) return;
      const stack = parseStack(answer.value);
      this.etag = answer.etag;
      if (stack.version === session.stack.version) return;
      const here = session.slice(session.requested)?.number ?? 0;
      const index = stack.slices.findIndex((slice) => slice.number === here);
      const at = index >= 0 ? index : Math.max(0, nearestNumber(stack, here));
      this.start(stack, { index: at, view: session.view, raw: session.raw }, true);
    } catch {
      // pictures will tell when the server is away; the next look is soon
    }
  }

  // Telling

  private get screen(): Screen {
    return {
      w: Math.max(1, this.stage.clientWidth),
      h: Math.max(1, this.stage.clientHeight),
      dpr: Math.min(3, window.devicePixelRatio || 1),
    };
  }

  // What follows the wish at once: number, slider, buttons.
  private tell(): void {
    const { session } = this;
    if (!session) return;
    const slice = session.slice(session.requested);
    if (document.activeElement !== this.number) this.number.value = String(slice?.number ?? "");
    setData(this.root, "set", session.stack.name);
    setData(this.root, "sliceRequested", String(slice?.number ?? ""));
    const list = session.stack.present;
    byId<HTMLButtonElement>("previous").disabled = session.requested <= (list[0] ?? 0);
    byId<HTMLButtonElement>("next").disabled = session.requested >= (list[list.length - 1] ?? 0);
    this.timeline.show({ requested: session.requested, shown: session.shown, resident: session.resident });
    this.panel.wait(session);
  }

  // Called in the same task that changed the pixels: number and picture never disagree.
  private painted(): void {
    if (!this.session) return;
    this.panel.painted(this.session);
    this.tell();
  }

  // The address of what is to be seen. Also called before another page is opened, so that "back" leads here.
  keepAddress(): void {
    const { session } = this;
    if (!session) return;
    const slice = session.slice(session.requested);
    const raw = session.raw && session.stack.registered;
    const address = formatPlace(this.api.root, session.stack.name, String(slice?.number ?? ""), session.view, raw);
    if (address !== location.pathname + location.search) history.replaceState(null, "", address);
  }

  // Nothing moves any more: the link and the spoken words follow.
  private rested(): void {
    const { session } = this;
    if (!session) return;
    this.keepAddress();
    const slice = session.slice(session.requested);
    document.title = `${session.stack.title} ${slice?.number ?? ""} – Microtome`;
    if (slice) {
      this.canvas.setAttribute("aria-label", `${describe(slice)}, of ${session.stack.title}`);
      this.panel.say(describe(slice));
    }
  }

  // Controls

  private scrub(index: number): void {
    this.player.stop();
    this.session?.go(index);
    this.tell();
  }

  private playStep(): boolean {
    const { session } = this;
    if (!session) return false;
    if (session.shown !== session.requested || !session.sharp) return true; // wait: no slice is skipped, none is blurred
    const before = session.requested;
    session.step(1);
    this.tell();
    return session.requested !== before;
  }

  private listenButtons(): void {
    const on = (id: string, act: () => void): void => byId(id).addEventListener("click", act);
    on("previous", () => this.step(-1));
    on("next", () => this.step(1));
    on("play", () => this.togglePlay());
    on("zoom-in", () => this.zoom(1.5));
    on("zoom-out", () => this.zoom(1 / 1.5));
    on("fit", () => this.fit());
    on("full", () => this.toggleFull());
    on("registered", () => this.toggleRaw());
    on("wheel", () => this.toggleWheel());
    on("help-open", () => this.help());
    byId("keys-on").addEventListener("change", (event) => {
      const keys = (event.target as HTMLInputElement).checked;
      this.choices = { ...this.choices, keys };
      remember("keys", keys ? "on" : "off");
    });
    const dialog = byId<HTMLDialogElement>("help");
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside it
    });
  }

  private listenNumber(): void {
    const { number } = this;
    number.addEventListener("focus", () => number.select());
    number.addEventListener("blur", () => this.tell());
    number.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.jump(number.value.trim());
      } else if (event.key === "Escape") {
        this.canvas.focus();
      } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        event.preventDefault();
        this.step(event.key === "ArrowUp" ? 1 : -1);
        number.value = String(this.session?.slice(this.session.requested)?.number ?? "");
      }
    });
  }

  private jump(wanted: string): void {
    const { session } = this;
    if (!session || wanted === "") return;
    this.player.stop();
    let index = findSlice(session.stack, wanted);
    if (index < 0 && wanted.includes("/")) {
      this.canvas.focus();
      this.openPath(wanted);
      return;
    }
    if (index < 0 && Number.isFinite(Number(wanted))) {
      index = nearestNumber(session.stack, Number(wanted));
      const there = session.slice(index)?.number ?? "";
      this.panel.toast(`There is no slice ${wanted}; ${there} is the nearest.`, true);
    }
    if (index < 0) {
      this.panel.toast(`There is no slice “${wanted}”.`, true);
      this.number.select();
      return;
    }
    session.go(index);
    this.canvas.focus();
    this.tell();
  }

  private showChoices(): void {
    const button = byId("wheel");
    button.setAttribute("aria-pressed", String(this.choices.wheelSteps));
    setText(button, this.choices.wheelSteps ? "Wheel: slices" : "Wheel: zoom");
    byId<HTMLInputElement>("keys-on").checked = this.choices.keys;
  }
}
