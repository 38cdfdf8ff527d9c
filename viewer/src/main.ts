// SPDX-License-Identifier: Apache-2.0
// Starts the page and turns addresses into pages.
import { Api } from "./api";
import { Health } from "./health";
import { encodePath, parsePlace, rootOf } from "./link";
import { SetList } from "./sets";
import { isVolume } from "./section";
import { Viewer } from "./viewer";
import { VolumePage } from "./volume";
import { byId } from "./dom";

const root = rootOf(location.pathname);
const api = new Api(root);
const health = new Health(() => {
  viewer.hold(true);
  volume.hold(true);
}, () => {
  viewer.resume();
  volume.hold(false);
  list.resume();
});
const list = new SetList(api, health);
const viewer = new Viewer(api, health, (path) => visit(`${root}v/${encodePath(path)}`));
const volume = new VolumePage(api, health);

function route(): void {
  const place = parsePlace(location.pathname, location.search);
  viewer.close();
  volume.close();
  if (place.path.length === 0) {
    list.open();
  } else if (isVolume(place.path)) {
    list.close();
    void volume.open(place.path.join("/"), location.search);
  } else {
    list.close();
    void viewer.open(place);
  }
}

function visit(address: string): void {
  viewer.keepAddress();
  volume.keepAddress();
  history.pushState(null, "", address);
  route();
}

for (const id of ["back", "volume-back"]) byId<HTMLAnchorElement>(id).href = root;
window.addEventListener("popstate", route);
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.origin !== location.origin) return;
  event.preventDefault();
  visit(link.pathname + link.search);
});
route();
