// SPDX-License-Identifier: Apache-2.0
// The address of a view: {root}v/{set}/{slice}?c=x,y&z=zoom&raw. Pure.
import type { View } from "./view";

// Set and slice are not told apart here: a set's name may hold "/".
export interface Place {
  readonly path: readonly string[]; // decoded segments after "/v/"; empty: the list of sets
  readonly view: View | null; // null: the whole slice
  readonly raw: boolean;
}

// Where the page is mounted, with a slash at the end: all before "/v/", or the path itself.
export function rootOf(pathname: string): string {
  const at = pathname.indexOf("/v/");
  if (at >= 0) return pathname.slice(0, at + 1);
  return pathname.endsWith("/") ? pathname : `${pathname}/`;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

export function parsePlace(pathname: string, search: string): Place {
  const at = pathname.indexOf("/v/");
  const rest = at >= 0 ? pathname.slice(at + 3) : "";
  const path = rest.split("/").map(decode).join("/").split("/").filter((part) => part !== "");
  const query = new URLSearchParams(search);
  const zoom = Number(query.get("z"));
  const centre = (query.get("c") ?? "").split(",").map((text) => (text.trim() === "" ? NaN : Number(text)));
  const [x, y] = centre;
  const usable = centre.length === 2 && Number.isFinite(x) && Number.isFinite(y) && Number.isFinite(zoom) && zoom > 0;
  const view = usable ? { x: x as number, y: y as number, zoom } : null;
  return { path, view, raw: query.has("raw") && query.get("raw") !== "0" };
}

// As short as keeps every pixel where it is: a twentieth of a CSS pixel, and five digits of zoom.
export function viewQuery(view: View): string {
  const digits = Math.min(9, Math.max(0, Math.ceil(Math.log10(20 * view.zoom))));
  const place = (n: number): string => String(Number(n.toFixed(digits)));
  return `c=${place(view.x)},${place(view.y)}&z=${Number(view.zoom.toPrecision(5))}`;
}

export function formatPlace(root: string, set: string, slice: string, view: View | null, raw: boolean): string {
  const query = [view ? viewQuery(view) : "", raw ? "raw" : ""].filter((part) => part !== "").join("&");
  return `${root}v/${encodePath(set)}/${encodePath(slice)}${query === "" ? "" : `?${query}`}`;
}

// The view as a link keeps it. A view at rest is always such a one, so that a link brings back the same pixels.
export function rounded(view: View): View {
  return parsePlace("/", `?${viewQuery(view)}`).view ?? view;
}
