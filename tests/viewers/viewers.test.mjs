// SPDX-License-Identifier: Apache-2.0
// Viewers of others, unmodified from npm, in Chromium: each has to show the right pixels of a known picture, whole and
// zoomed in. The picture's squares tell by their colour where they lie; each viewer says itself where it shows a point.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from '../lib/test.mjs';
import { fileURLToPath } from 'node:url';

import { decodePng, encodePng } from '../lib/png.mjs';
import { bin, execFileSync, scratchDir, start } from '../lib/process.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { chromium } = await import('playwright-core');

const [width, height, square] = [3001, 2203, 100];
const colour = (x, y) => {
  const [column, row] = [Math.floor(x / square), Math.floor(y / square)];
  return [8 * column, 11 * row, ((column * 5 + row * 3) % 8) * 32];
};

const scratch = scratchDir('viewers');
let server;
let base;
let pages;
let browser;

const css = 'html,body{margin:0}#v{width:800px;height:600px;background:#fff}';
const html = (script, { styles = [], scripts = [] }) => `<!doctype html><meta charset="utf-8"><style>${css}</style>
${styles.map((s) => `<link rel="stylesheet" href="/${s}">`).join('')}<div id="v"></div>
${scripts.map((s) => `<script src="/${s}"></script>`).join('')}<script>window.onerror=(e)=>{window.failed=String(e)};${script}</script>`;

// Each script sets: idle() whether all is drawn, where(x, y) in screen pixels, look(x, y) which zooms in there.
const openseadragon = (source) => html(`
  const v = OpenSeadragon({ element: document.getElementById('v'), prefixUrl: '', showNavigationControl: false, crossOriginPolicy: 'Anonymous', drawer: 'canvas',
    animationTime: 0, immediateRender: true, maxZoomPixelRatio: 4, tileSources: ${source} });
  v.addHandler('open-failed', (e) => { window.failed = e.message; });
  v.addHandler('tile-load-failed', (e) => { window.failed = 'tile ' + e.message; });
  window.idle = () => v.world.getItemCount() === 1 && v.world.getItemAt(0).getFullyLoaded() && v.isOpen();
  window.where = (x, y) => { const p = v.world.getItemAt(0).imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y)); return [p.x, p.y]; };
  window.look = (x, y) => { const p = v.world.getItemAt(0).imageToViewportCoordinates(x, y); v.viewport.zoomTo(v.viewport.imageToViewportZoom(1), null, true); v.viewport.panTo(p, true); };
  window.size = () => { const s = v.world.getItemAt(0).getContentSize(); return [s.x, s.y]; };`,
{ scripts: ['openseadragon/build/openseadragon/openseadragon.min.js'] });

const openlayers = (source) => html(`(async () => {
  const layer = new ol.layer.Tile(); const base = ${JSON.stringify('BASE')};
  const source = await (${source})(base);
  source.on('tileloaderror', (e) => { window.failed = 'tile ' + e.tile.src_; });
  let busy = 0; source.on('tileloadstart', () => { busy += 1; }); for (const end of ['tileloadend', 'tileloaderror']) source.on(end, () => { busy -= 1; });
  layer.setSource(source);
  const grid = source.getTileGrid();
  const map = new ol.Map({ target: 'v', layers: [layer], controls: [], view: new ol.View({ resolutions: grid.getResolutions(), extent: grid.getExtent(), constrainOnlyCenter: true, constrainResolution: false, smoothResolutionConstraint: false, showFullExtent: true }) });
  map.getView().fit(grid.getExtent());
  let drawn = false; map.on('rendercomplete', () => { drawn = true; });
  window.idle = () => drawn && busy === 0;
  window.where = (x, y) => map.getPixelFromCoordinate([x, -y]);
  window.look = (x, y) => { drawn = false; map.getView().setResolution(1); map.getView().setCenter([x, -y]); };
})();`, { styles: ['ol/ol.css'], scripts: ['ol/dist/ol.js'] });

const leaflet = (script, scripts = []) => html(`
  const map = L.map('v', { crs: L.CRS.Simple, center: [0, 0], zoom: 0, zoomControl: false, attributionControl: false, fadeAnimation: false, zoomAnimation: false });
  ${script}
  let loaded = false; layer.on('loading', () => { loaded = false; }); layer.on('load', () => { loaded = true; });
  layer.on('tileerror', (e) => { window.failed = 'tile ' + e.tile.src; });
  layer.addTo(map);
  window.idle = () => loaded && !map._animatingZoom;
  const point = (x, y) => map.unproject(L.point(x, y), full());
  window.where = (x, y) => { const p = map.latLngToContainerPoint(point(x, y)); return [p.x, p.y]; };
  window.look = (x, y) => { map.setView(point(x, y), full(), { animate: false }); };`,
{ styles: ['leaflet/dist/leaflet.css'], scripts: ['leaflet/dist/leaflet.js', ...scripts] });

const viewers = {
  'OpenSeadragon, DeepZoom': () => openseadragon(`'${base}/dz/known/1.dzi'`),
  'OpenSeadragon, IIIF 3': () => openseadragon(`'${base}/iiif/3/known/1/info.json'`),
  'OpenSeadragon, IIIF 2': () => openseadragon(`'${base}/iiif/2/known/1/info.json'`),
  'OpenSeadragon, IIIF 1': () => openseadragon(`'${base}/iiif/1/known/1/info.json'`),
  'OpenSeadragon, Zoomify': () => openseadragon(`{ type: 'zoomifytileservice', width: ${width}, height: ${height}, tileSize: 256, tilesUrl: '${base}/zoomify/known/1/' }`),
  'OpenSeadragon, IIP': () => openseadragon(`{ iipsrv: '${base}/iip', image: 'known/1', format: 'jpg' }`),
  'OpenLayers, IIIF 3': () => openlayers(`async () => new ol.source.IIIF({ ...new ol.format.IIIFInfo(await (await fetch('${base}/iiif/3/known/1/info.json')).json()).getTileSourceOptions(), zDirection: -1, crossOrigin: 'anonymous' })`),
  'OpenLayers, IIIF 2': () => openlayers(`async () => new ol.source.IIIF({ ...new ol.format.IIIFInfo(await (await fetch('${base}/iiif/2/known/1/info.json')).json()).getTileSourceOptions(), zDirection: -1, crossOrigin: 'anonymous' })`),
  'OpenLayers, IIIF 1': () => openlayers(`async () => new ol.source.IIIF({ ...new ol.format.IIIFInfo(await (await fetch('${base}/iiif/1/known/1/info.json')).json()).getTileSourceOptions(), zDirection: -1, crossOrigin: 'anonymous' })`),
  'OpenLayers, Zoomify': () => openlayers(`async () => new ol.source.Zoomify({ url: '${base}/zoomify/known/1/', size: [${width}, ${height}], zDirection: -1, crossOrigin: 'anonymous' })`),
  'OpenLayers, IIP': () => openlayers(`async () => new ol.source.Zoomify({ url: '${base}/iip?FIF=known/1&JTL={z},{tileIndex}', size: [${width}, ${height}], zDirection: -1, crossOrigin: 'anonymous' })`),
  'Leaflet-IIIF, IIIF 3': () => leaflet(`const layer = L.tileLayer.iiif('${base}/iiif/3/known/1/info.json', { fitBounds: true }); const full = () => layer.maxNativeZoom;`, ['leaflet-iiif/leaflet-iiif.js']),
  'Leaflet-IIIF, IIIF 2': () => leaflet(`const layer = L.tileLayer.iiif('${base}/iiif/2/known/1/info.json', { fitBounds: true }); const full = () => layer.maxNativeZoom;`, ['leaflet-iiif/leaflet-iiif.js']),
  // There is no package for it: pages ask a tile layer for JTL addresses. Leaflet stretches the tiles of the edge.
  'Leaflet, IIP tiles': () => leaflet(`const levels = 5, full = () => levels - 1;
    const Iip = L.TileLayer.extend({ getTileUrl({ x, y, z }) { let across = ${width}; for (let i = z; i < levels - 1; i += 1) across = Math.ceil(across / 2); return '${base}/iip?FIF=known/1&JTL=' + z + ',' + (y * Math.ceil(across / 256) + x); } });
    const layer = new Iip('', { tileSize: 256, maxNativeZoom: 4, minNativeZoom: 0, noWrap: true, bounds: L.latLngBounds(map.unproject([0, ${height}], 4), map.unproject([${width}, 0], 4)) });
    map.setView(map.unproject([1000, 800], 4), 2, { animate: false });`),
};

before(async () => {
  const source = scratch.file('known_0001.png');
  writeFileSync(source, encodePng(width, height, (x, y) => colour(x, y)));
  execFileSync(join(bin, 'microtome'), ['import', source, '--to', scratch.path, '--name', 'known', '--tile', '256'], { stdio: 'ignore' });
  server = await start('microtome', ['serve', scratch.path, '--listen', '127.0.0.1:0'], { ready: /listening on (http:\S+?)\/?\n/ });
  base = server.match[1];
  pages = createServer((request, answer) => {
    const path = decodeURIComponent(new URL(request.url, 'http://x').pathname);
    if (path.startsWith('/viewer/')) {
      answer.setHeader('Content-Type', 'text/html').end(viewers[path.slice('/viewer/'.length)]());
      return;
    }
    try {
      const types = { css: 'text/css', js: 'text/javascript' };
      answer.setHeader('Content-Type', types[path.split('.').at(-1)] ?? 'application/octet-stream').end(readFileSync(join(here, 'node_modules', path)));
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((done) => { pages.listen(0, '127.0.0.1', done); });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--force-color-profile=srgb'] });
});

after(async () => {
  await browser?.close();
  pages?.closeAllConnections();
  pages?.close();
  const how = await server?.stop();
  scratch.remove();
  assert.deepEqual(how, { code: 0, signal: null });
});

async function idle(page) {
  await page.waitForFunction(() => window.failed || window.idle?.(), null, { timeout: 60000 });
  assert.equal(await page.evaluate(() => window.failed), undefined);
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
}

// The middle of squares, at least `most` of them on the screen.
async function shows(page, least, what) {
  const picture = decodePng(await page.screenshot({ type: 'png' }));
  const middles = [];
  for (let y = square / 2; y < height - square / 2; y += square) {
    for (let x = square / 2; x < width - square / 2; x += square) middles.push([x, y]);
  }
  const places = await page.evaluate((points) => points.map(([x, y]) => window.where(x, y)), middles);
  let seen = 0;
  const wrong = [];
  middles.forEach(([x, y], i) => {
    const [left, top] = places[i];
    if (left < 3 || top < 3 || left >= 797 || top >= 597) return;
    const pixel = picture.at(Math.round(left), Math.round(top));
    const expected = colour(x, y);
    seen += 1;
    if (!expected.every((value, c) => Math.abs(value - pixel[c]) <= 24)) wrong.push(`${x},${y}: ${pixel.slice(0, 3)} for ${expected}`);
  });
  assert.ok(seen >= least, `${what}: only ${seen} squares are seen`);
  assert.deepEqual(wrong.slice(0, 5), [], `${what}: ${wrong.length} of ${seen} squares`);
}

for (const name of Object.keys(viewers)) {
  test(name, async () => {
    const page = await (await browser.newContext({ viewport: { width: 800, height: 600 } })).newPage();
    const refused = [];
    page.on('response', (answer) => { if (answer.status() >= 400 && answer.url().startsWith(base)) refused.push(`${answer.status()} ${answer.url()}`); });
    page.on('pageerror', (error) => refused.push(String(error)));
    await page.goto(`http://127.0.0.1:${pages.address().port}/viewer/${encodeURIComponent(name)}`);
    try {
      await idle(page);
      await shows(page, name.endsWith('IIP tiles') ? 40 : 300, 'whole');
      await page.evaluate(() => window.look(1500, 1100));
      await idle(page);
      await shows(page, 20, 'zoomed in');
      await page.evaluate(([x, y]) => window.look(x, y), [width - 350, height - 260]);
      await idle(page);
      if (!name.endsWith('IIP tiles')) await shows(page, 10, 'the corner');
      assert.deepEqual(refused, []);
    } catch (error) {
      if (process.env.KEEP_SCREENSHOTS) await page.screenshot({ path: join(process.env.KEEP_SCREENSHOTS, `${name.replace(/\W+/g, '-')}.png`) });
      if (refused.length > 0) error.message += `\n${refused.slice(0, 5).join('\n')}`;
      throw error;
    } finally {
      await page.context().close();
    }
  });
}
