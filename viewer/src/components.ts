// SPDX-License-Identifier: Apache-2.0
// The list of a compound's components: which are shown, in which colours.
import { byId, make } from "./dom";
import { type Component, type Volume, selectText } from "./section";

export class Components {
  chosen = false; // not those that the volume comes with
  private volume: Volume | null = null;
  private shown: Set<number> = new Set();
  private readonly colours = new Map<number, string>();

  constructor(private readonly changed: () => void) {}

  open(volume: Volume, shown: readonly number[] | null): void {
    this.volume = volume;
    this.chosen = shown !== null;
    this.colours.clear();
    const { base, components } = volume;
    const plain = components.filter(({ index, grey }) => index === base && grey).map(({ index }) => index);
    this.shown = new Set(shown ?? (plain.length > 0 ? plain : components.map(({ index }) => index)));
    const list = volume.compound ? components : [];
    byId("components").hidden = list.length === 0;
    byId("component-list").replaceChildren(...list.map((component) => make("li", {}, this.row(component))));
  }

  // Null: as the volume comes.
  get list(): number[] | null {
    return this.chosen ? [...this.shown].sort((a, b) => a - b) : null;
  }

  get select(): string {
    return this.volume ? selectText(this.volume, this.shown, this.colours) : "";
  }

  get nothing(): boolean {
    return this.volume !== null && this.volume.compound && this.shown.size === 0;
  }

  private row({ index, name, colour, grey }: Component): HTMLElement {
    const check = make("input", { type: "checkbox" });
    check.checked = this.shown.has(index);
    check.addEventListener("change", () => {
      if (check.checked) this.shown.add(index);
      else this.shown.delete(index);
      this.chosen = true;
      this.changed();
    });
    const row = make("label", { class: "component" }, check, make("span", {}, name));
    if (index !== this.volume?.base || !grey) {
      const picker = make("input", { type: "color", value: colour, "aria-label": `Colour of ${name}` });
      picker.addEventListener("input", () => {
        this.colours.set(index, picker.value);
        this.changed();
      });
      row.append(picker);
    }
    return row;
  }
}
