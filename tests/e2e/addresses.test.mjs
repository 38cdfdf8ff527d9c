// SPDX-License-Identifier: Apache-2.0
// Every absolute URL that goes out is right from outside, whatever a front-end does to the path: a client walks all
// links of all documents through a real nginx, and every one must stay at the public address and lead to something.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from '../lib/test.mjs';
import { freePort, importSet, until, World } from './servers.mjs';

let world;
let root;

before(async () => {
  world = new World();
  root = world.path('pictures/.keep').replace(/\/.keep$/, '');
  mkdirSync(root, { recursive: true });
  await importSet(world, root);
});

after(async () => {
  await world?.close();
});

const ids = ['S2897L/41', 'S2897L%2F41', 'S2897L/S2897L_pyr_0041.tif'];
const documents = [
  '/',
  '/sets',
  '/sets/S2897L/stack.json',
  ...ids.flatMap((id) => [`/dz/${id}.dzi`, `/iiif/3/${id}/info.json`, `/iiif/2/${id}/info.json`, `/iiif/${id}/info.json`, `/iiif/3/${id}`,
    `/iiif/3/${id}/full/100,/0/default.jpg`, `/iiif/2/${id}/square/100,/0/default.jpg`, `/iiif/${id}/0,0,256,256/256,/90/gray.png`]),
  '/iip?IIIF=S2897L/41/info.json',
  '/iip?IIIF=S2897L/41',
  '/iip?IIIF=S2897L/41/full/100,/0/default.jpg',
];

// Absolute URLs in any text; those of the standards are names, not places.
const absolute = (text) => (text.match(/https?:\/\/[^\s"'<>]+/g) ?? []).filter((url) => !/^http:\/\/(iiif\.io|www\.w3\.org|schemas\.microsoft\.com)\//.test(url));

// Walks all documents below `outside`; `shown` is what the answers should call it. Returns how many links there were.
async function walk(outside, shown = outside) {
  let links = 0;
  const follow = async (url, from) => {
    assert.ok(url.startsWith(`${shown}/`), `${from} leads to ${url}`);
    links++;
    const target = outside + url.slice(shown.length);
    let answer = await fetch(target, { redirect: 'manual' });
    if (answer.status === 303) {
      const next = answer.headers.get('location');
      assert.ok(next.startsWith(`${shown}/`), `${from}: ${url} leads on to ${next}`);
      answer = await fetch(outside + next.slice(shown.length), { redirect: 'manual' });
    }
    assert.equal(answer.status, 200, `${from}: ${url}`);
    return answer;
  };
  for (const path of documents) {
    const answer = await follow(shown + path, 'the list');
    const type = answer.headers.get('content-type');
    for (const link of absolute(answer.headers.get('link') ?? '')) await follow(link.replace(/>.*$/, ''), `Link of ${path}`);
    if (type.startsWith('image/')) continue;
    const text = await answer.text();
    for (const link of absolute(text)) {
      // The id of a picture leads to its description and to its pixels.
      await follow(link, path);
      if (path.includes('info.json')) await follow(`${link}/full/64,/0/default.jpg`, path);
    }
    if (type.startsWith('text/html')) {
      const relative = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]).filter((url) => !/^(data|https?):/.test(url));
      for (const link of relative) await follow(shown + new URL(link, `${outside}/`).href.slice(outside.length), `page ${path}`);
    }
  }
  return links;
}

const forwarded = `proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;`;

test('with nothing in front', async () => {
  const server = await world.serve(['serve', root, '--listen', '127.0.0.1:0']);
  assert.ok((await walk(server.address)) > 40);
});

test('behind an nginx that strips the path and says so', async () => {
  const server = await world.serve(['serve', root, '--listen', '127.0.0.1:0', '--trust', '127.0.0.1']);
  const port = await freePort();
  // Without a path in proxy_pass after a rewrite, nginx passes "%2F" on as it came.
  await world.nginx(`server { listen 127.0.0.1:${port};
    location /slides/of/mine/ { rewrite ^ $request_uri; rewrite ^/slides/of/mine(/.*)$ $1 break; return 400;
      proxy_pass ${server.address}$uri; ${forwarded} proxy_set_header X-Forwarded-Prefix /slides/of/mine; } }`);
  const outside = `http://127.0.0.1:${port}/slides/of/mine`;
  await until('nginx answers', async () => (await fetch(`${outside}/healthz`)).ok);
  assert.ok((await walk(outside)) > 40);
});

test('behind an nginx that decodes and strips the path', async () => {
  const server = await world.serve(['serve', root, '--listen', '127.0.0.1:0', '--trust', '127.0.0.0/8']);
  const port = await freePort();
  await world.nginx(`server { listen 127.0.0.1:${port};
    location /app/ { proxy_pass ${server.address}/; ${forwarded} proxy_set_header X-Forwarded-Prefix /app; } }`);
  const outside = `http://127.0.0.1:${port}/app`;
  await until('nginx answers', async () => (await fetch(`${outside}/healthz`)).ok);
  assert.ok((await walk(outside)) > 40);
});

test('behind an nginx that strips the path and says nothing: --public-url', async () => {
  const port = await freePort();
  const outside = `http://127.0.0.1:${port}/quiet`;
  const server = await world.serve(['serve', root, '--listen', '127.0.0.1:0', '--public-url', `${outside}/`]);
  await world.nginx(`server { listen 127.0.0.1:${port}; location /quiet/ { proxy_pass ${server.address}/; } }`);
  await until('nginx answers', async () => (await fetch(`${outside}/healthz`)).ok);
  assert.ok((await walk(outside)) > 40);
});

test('behind an nginx that adds a prefix: --mount and --public-url', async () => {
  const port = await freePort();
  const outside = `http://127.0.0.1:${port}`;
  const server = await world.serve(['serve', root, '--listen', '127.0.0.1:0', '--mount', '/inner/app', '--public-url', outside]);
  await world.nginx(`server { listen 127.0.0.1:${port}; location / { proxy_pass ${server.address}/inner/app/; } }`);
  await until('nginx answers', async () => (await fetch(`${outside}/healthz`)).ok);
  assert.ok((await walk(outside)) > 40);
});

test('behind a front-end that speaks https', async () => {
  const server = await world.serve(['serve', root, '--listen', '127.0.0.1:0', '--trust', '127.0.0.1']);
  const port = await freePort();
  await world.nginx(`server { listen 127.0.0.1:${port};
    location /s/ { proxy_pass ${server.address}/; proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host pictures.example.org;
      proxy_set_header X-Forwarded-Prefix /s; } }`);
  const outside = `http://127.0.0.1:${port}/s`;
  await until('nginx answers', async () => (await fetch(`${outside}/healthz`)).ok);
  assert.ok((await walk(outside, 'https://pictures.example.org/s')) > 40);
});

test('as a FastCGI app under a path', async () => {
  const socket = world.path('app.socket');
  await world.serve(['fcgi', '--listen', `unix:${socket}`, '--root', root]);
  const port = await freePort();
  await world.nginx(`server { listen 127.0.0.1:${port};
    location /cgi-bin/wlziipsrv.fcgi { fastcgi_split_path_info ^(/cgi-bin/wlziipsrv\\.fcgi)(.*)$; include /etc/nginx/fastcgi_params;
      fastcgi_param PATH_INFO $fastcgi_path_info; fastcgi_param SCRIPT_NAME $fastcgi_script_name; fastcgi_param HTTP_HOST $http_host;
      fastcgi_pass unix:${socket}; } }`);
  const outside = `http://127.0.0.1:${port}/cgi-bin/wlziipsrv.fcgi`;
  await until('nginx answers', async () => (await fetch(`${outside}/healthz`)).ok);
  assert.ok((await walk(outside)) > 40);
});

test('forwarding headers of strangers count for nothing', async () => {
  const server = await world.serve(['serve', root, '--listen', '127.0.0.1:0']);
  const answer = await fetch(`${server.address}/iiif/3/S2897L/41/info.json`, { headers: { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Prefix': '/evil', 'X-Forwarded-Proto': 'https' } });
  assert.equal((await answer.json()).id, `${server.address}/iiif/3/S2897L/41`);
});
