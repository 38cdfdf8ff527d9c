// SPDX-License-Identifier: Apache-2.0
// Starts the page and turns addresses into pages.
import { Api } from "./api";
import { Health } from "./health";
import { encodePath, parsePlace, rootOf } from "./link";
import { SetList } from "./sets";
import { Viewer } from "./viewer";
import { byId } from "./dom";

const root = rootOf(location.pathname);
const api = new Api(root);
const health = new Health(() => viewer.hold(true), () => {
  viewer.resume();
  list.resume();
});
const list = new SetList(api, health);
const viewer = new Viewer(api, health, (path) => visit(`${root}v/${encodePath(path)}`));

function route(): void {
  const place = parsePlace(location.pathname, location.search);
  if (place.path.length === 0) {
    viewer.close();
    list.open();
  } else {
    list.close();
    void viewer.open(place);
  }
}

function visit(address: string): void {
  viewer.keepAddress();
  history.pushState(null, "", address);
  route();
}

byId<HTMLAnchorElement>("back").href = root;
window.addEventListener("popstate", route);
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.origin !== location.origin) return;
  event.preventDefault();
  visit(link.pathname + link.search);
});
route();
