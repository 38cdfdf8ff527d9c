// SPDX-License-Identifier: Apache-2.0
// What the page says about the picture: caption, notes, scale bar, spoken words.
import { byId, make, setData, setText } from "./dom";
import type { Session } from "./session";
import { depth, stepFrom } from "./stack";
import { formatLength, scaleBar } from "./view";

export class Panel {
  private toastTimer = 0;
  private spoken = "";
  private readonly root = document.documentElement;
  private readonly stage = byId("stage");

  constructor(private readonly go: (index: number) => void) {}

  clear(): void {
    this.spoken = "";
    for (const id of ["note", "scale", "caption", "toast"]) byId(id).hidden = true;
  }

  // The slice shown and the one asked for are both to be seen while they differ.
  wait(session: Session): void {
    const waiting = session.shown !== session.requested || !session.sharp;
    const caption = byId("caption-wait");
    caption.hidden = !waiting;
    const number = session.slice(session.requested)?.number ?? "";
    if (waiting) setText(caption, session.shown === session.requested ? "sharpening …" : `loading ${number} …`);
    this.stage.setAttribute("aria-busy", String(waiting));
  }

  painted(session: Session): void {
    const slice = session.slice(session.shown);
    byId("caption").hidden = false;
    setText(byId("caption-main"), slice ? `Slice ${slice.number}` : "");
    const name = slice && slice.name !== String(slice.number) ? slice.name : "";
    const z = slice !== undefined && slice.z !== null ? depth(slice.z) : "";
    setText(byId("caption-name"), [z, name].filter((part) => part !== "").join("  ·  "));
    byId("caption-flag").hidden = !slice || slice.status === "ok";
    setText(byId("caption-flag"), slice && slice.status !== "ok" ? slice.status : "");
    setData(this.root, "sliceShown", slice ? String(slice.number) : "");
    setData(this.root, "sharp", String(session.sharp));
    setData(this.root, "refined", String(session.refined));
    setData(this.root, "mode", session.raw ? "raw" : "registered");
    this.showNote(session);
    this.showScale(session);
  }

  note(title: string, text: string, ...actions: HTMLElement[]): void {
    const box = byId("note");
    if (!box.hidden && box.dataset["is"] === title + text) return;
    box.dataset["is"] = title + text;
    setText(byId("note-title"), title);
    setText(byId("note-text"), text);
    byId("note-actions").replaceChildren(...actions);
    box.hidden = false;
  }

  say(words: string): void {
    if (words === this.spoken) return;
    this.spoken = words;
    setText(byId("live"), words);
  }

  // spoken: also for those who do not see it.
  toast(words: string, spoken = false): void {
    if (spoken) this.say(words);
    const box = byId("toast");
    setText(box, words);
    box.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = window.setTimeout(() => {
      box.hidden = true;
    }, 2500);
  }

  private showNote(session: Session): void {
    const slice = session.slice(session.shown);
    const refusal = slice ? session.refusal(session.shown) : undefined;
    if (slice?.status === "missing") this.missing(session);
    else if (refusal !== undefined) {
      const button = make("button", { class: "button text", type: "button" }, "Try again");
      button.addEventListener("click", () => session.retry());
      this.note(`Slice ${slice?.number} cannot be shown`, refusal, button);
    } else if (session.stack.slices.length > 0) byId("note").hidden = true;
  }

  private missing(session: Session): void {
    const here = session.shown;
    const before = stepFrom(session.stack, here, -1);
    const after = stepFrom(session.stack, here, 1);
    const buttons = [...new Set([before, after])].filter((index) => index !== here).map((index) => {
      const number = session.slice(index)?.number ?? "";
      const label = index < here ? `‹ ${number}` : `${number} ›`;
      const button = make("button", { class: "button text", type: "button", "aria-label": `Slice ${number}` }, label);
      button.addEventListener("click", () => this.go(index));
      return button;
    });
    this.note(`Slice ${session.slice(here)?.number} is missing`, "A gap in the set: there is no picture of it.", ...buttons);
  }

  private showScale(session: Session): void {
    const per = session.perMicrometre;
    const nothing = session.shown < 0 || session.slice(session.shown)?.status === "missing";
    byId("scale").hidden = per === null || nothing;
    if (per !== null) {
      const bar = scaleBar(per, Math.min(160, this.stage.clientWidth / 3));
      setText(byId("scale-text"), formatLength(bar.length));
      byId("scale-bar").style.width = `${bar.pixels}px`;
    }
    const percent = session.magnification * 100;
    setText(byId("zoom"), `${percent >= 10 ? Math.round(percent) : percent.toPrecision(2)} %`);
    byId<HTMLButtonElement>("zoom-in").disabled = !session.canZoom.in;
    byId<HTMLButtonElement>("zoom-out").disabled = !session.canZoom.out;
    byId("registered").setAttribute("aria-pressed", String(!session.raw));
  }
}
