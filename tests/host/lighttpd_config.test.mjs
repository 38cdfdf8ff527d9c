// SPDX-License-Identifier: Apache-2.0
// lighttpd's configuration language by what requests see of it: chains of conditions, values that are put together,
// variables, files that are included, rewriting with what conditions and patterns have caught.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { top } from '../lib/process.mjs';
import { after, before, test } from '../lib/test.mjs';
import { host, program, site } from './host.mjs';

let server;
before(async () => {
  const place = site({ 'index.html': 'index', 'there.txt': 'there', 'private/file.txt': 'secret', 'sub/b.txt': 'b' });
  place.put('parts/sub.conf', `
    url.redirect = (
      "^/from-include$" => "/in_" + var.own,
      "^/joined$" => "/a_" + "b",
      "^/named-1$" => "/x_" + server.name,
      "^/named-2$" => server.name + "/x",
      "^/environment$" => "/" + env.TEST_WORD,
      "^/number-1$" => "/n" + var.one,
      "^/number-2$" => var.one + "/n",
      "^/bare$" => "/b_" + own )
    url.redirect += ( "^/appended$" => "/appended_list" )
    var.text = "one"
    var.text += "_two"
    var.sum = 1
    var.sum += var.one
    url.redirect += ( "^/text$" => "/t_" + var.text, "^/sum$" => "/s_" + var.sum )
  `);
  place.put('parts/glob-a.conf', 'setenv.add-response-header += ( "X-Glob-A" => "1" )');
  place.put('parts/glob-b.conf', 'setenv.add-response-header += ( "X-Glob-B" => "1" )');
  server = await host(() => `
    server.modules = ( "mod_redirect", "mod_rewrite", "mod_setenv", )
    setenv.add-response-header = ( "X-Base" => "1", )
    include "${place.file('parts/glob-')}*.conf"
    include "${place.file('parts/none-')}*.conf"
    $HTTP["remoteip"] == "127.0.0.0/8" { setenv.add-response-header += ( "X-Near" => "1" ) }
    else { url.access-deny = ( "" ) }
    $HTTP["host"] == "chain-1" { url.redirect = ( "" => "/match_1" ) }
    # a comment between the links
    else $HTTP["host"] == "chain-2" { url.redirect = ( "" => "/match_2" ) }

    else $HTTP["host"] == "chain-3" {
      url.redirect = ( "" => "/match_3" )
      $HTTP["url"] == "/inner" { url.redirect = ( "" => "/match_4" ) }
      else $HTTP["url"] =^ "/front/" { url.redirect = ( "" => "/match_5" ) }
      else { setenv.set-response-header = ( "X-Else" => "yes" ) }
    } elsif $HTTP["host"] == "chain-4" { url.redirect = ( "" => "/match_6" ) }
    else if $HTTP["host"] == "chain-5" { url.redirect = ( "" => "/match_7" ) }
    else { setenv.add-response-header += ( "X-Last" => "1" ) }
    $HTTP["host"] == "language" { server.name = "name.example" var.own = "mine" var.one = 1 include "${place.file('parts/sub.conf')}" }
    $HTTP["host"] =~ "^(www|web)\\.([a-z]+)\\.example$" { url.redirect = ( "^/(.*)/(.*)$" => "http://%2.example/$2/$1?%1\${qsa}" ) url.redirect-code = 308 }
    $HTTP["host"] == "rewriting" {
      url.rewrite-once = ( "^/once$" => "/twice", "^/twice$" => "/there.txt", "^/keep/" => "" )
      url.rewrite-repeat = ( "^/chain-(\\d)$" => "/chainx-$1", "^/chainx-(\\d)$" => "/there.txt?$1" )
    }
    $HTTP["host"] == "fallback" { url.rewrite-if-not-file = ( "^/(.*)" => "/index.html?p=$1" ) }
    $HTTP["referer"] =^ "http://good.example" { } else $HTTP["referer"] == "" { } else { url.access-deny = ( ".txt" ) }
    $HTTP["scheme"] == "https" { url.access-deny = ( "" ) }
    $HTTP["querystring"] =~ "(^|&)secret=(\\w+)" { setenv.add-response-header += ( "X-Query" => "yes" ) }
    $HTTP["requestmethod"] != "GET" { setenv.add-response-header += ( "X-Method" => "other" ) }
    $HTTP["useragent"] =$ "bot" { setenv.add-response-header += ( "X-Agent" => "bot" ) }
    $REQUEST_HEADER["x-mine"] == "Yes" { setenv.add-response-header += ( "X-Header" => "yes" ) }
    $HTTP["cookie"] =~ "id=(\\d+)" { setenv.add-response-header += ( "X-Cookie" => "yes" ) }
    $HTTP["language"] =^ "de" { setenv.add-response-header += ( "X-Language" => "de" ) }
    $SERVER["socket"] =~ ":\\d+$" { }
    $HTTP["url"] =~ "^/deny/" { $HTTP["remoteip"] == "127.0.0.1" { url.access-deny = ( "", ) } }
    $HTTP["url"] =^ "/private/" { url.access-deny = ( "" ) }
    global { server.tag = "global" }
  `, { place, env: { TEST_WORD: 'from_outside' } });
});
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));
const get = (...words) => server.get(...words);
const moved = async (path, name) => (await get(path, { Host: name })).headers.location;

test('chains and nests of conditions', async () => {
  assert.equal(await moved('/', 'chain-1'), '/match_1');
  assert.equal(await moved('/', 'chain-2'), '/match_2');
  assert.equal(await moved('/', 'chain-3'), '/match_3');
  assert.equal(await moved('/inner', 'chain-3'), '/match_4');
  assert.equal(await moved('/front/x', 'chain-3'), '/match_5');
  assert.equal((await get('/other', { Host: 'chain-3' })).headers['x-else'], 'yes');
  assert.equal((await get('/inner', { Host: 'chain-3' })).headers['x-else'], undefined);
  assert.equal(await moved('/', 'chain-4'), '/match_6');
  assert.equal(await moved('/', 'chain-5'), '/match_7');
  assert.equal((await get('/', { Host: 'none' })).headers['x-last'], '1');
  assert.equal((await get('/', { Host: 'chain-1' })).headers['x-last'], undefined);
});

test('values that are put together', async () => {
  for (const [path, expected] of [
    ['from-include', '/in_mine'], ['joined', '/a_b'], ['named-1', '/x_name.example'], ['named-2', 'name.example/x'], ['environment', '/from_outside'], ['number-1', '/n1'], ['number-2', '1/n'], ['bare', '/b_mine'],
    ['appended', '/appended_list'], ['text', '/t_one_two'], ['sum', '/s_2'],
  ]) assert.equal(await moved(`/${path}`, 'language'), expected, path);
  const { headers } = await get('/');
  assert.deepEqual([headers['x-base'], headers['x-glob-a'], headers['x-glob-b'], headers.server], ['1', '1', '1', 'global']);
});

test('every field that conditions can ask for', async () => {
  // Of several blocks that hold, the last one's list counts.
  for (const [path, fields, name] of [['/?a=b&secret=x', {}, 'x-query'], ['/', { 'User-Agent': 'a bot' }, 'x-agent'], ['/', { 'X-Mine': 'Yes' }, 'x-header'], ['/', { Cookie: 'a=b; id=12' }, 'x-cookie'], ['/', { 'Accept-Language': 'de-AT' }, 'x-language'], ['/', { Host: 'chain-3' }, 'x-near']]) {
    assert.ok((await get(path, fields)).headers[name], name);
  }
  const bare = await get('/?nosecret=x', { 'User-Agent': 'bot a', 'X-Mine': 'yes' });
  for (const name of ['x-query', 'x-agent', 'x-header', 'x-cookie', 'x-language', 'x-method']) assert.equal(bare.headers[name], undefined, name);
  assert.equal((await get('/', {}, { method: 'HEAD' })).headers['x-method'], 'other');
  for (const [referer, status] of [[undefined, 200], ['', 200], ['http://good.example/page', 200], ['http://evil.example/', 403]]) {
    assert.equal((await get('/there.txt', referer === undefined ? {} : { Referer: referer })).status, status, referer);
  }
  for (let i = 0; i < 2; i += 1) assert.equal((await get('/deny/x')).status, 403);
});

test('no spelling of a path gets around a condition', async () => {
  assert.equal((await get('/private/file.txt')).status, 403);
  for (const path of ['/sub%2f..%2fprivate/file.txt', '/sub%2F%2e%2e/private/file.txt', '/%70rivate/file.txt', '//private//file.txt', '/./private/file.txt', '/sub/../private/file.txt', '/sub%2f.%2f../private%2ffile.txt']) {
    assert.equal((await get(path)).status, 403, path);
  }
  assert.equal((await get('/private%2f../sub/b.txt')).status, 200);
});

test('redirects and rewriting with what was caught', async () => {
  const answer = await get('/a/b?q=1', { Host: 'www.site.example' });
  assert.deepEqual([answer.status, answer.headers.location], [308, 'http://site.example/b?q=1/a?www&q=1']);
  assert.equal((await get('/once', { Host: 'rewriting' })).status, 404); // once only
  assert.equal((await get('/twice', { Host: 'rewriting' })).body.toString(), 'there');
  assert.equal((await get('/keep/x', { Host: 'rewriting' })).status, 404);
  assert.equal((await get('/chain-7', { Host: 'rewriting' })).body.toString(), 'there');
  assert.equal((await get('/no/such', { Host: 'fallback' })).body.toString(), 'index');
  assert.equal((await get('/there.txt', { Host: 'fallback' })).body.toString(), 'there');
});

test('the table of settings is what the program says', () => {
  const { stdout } = spawnSync(program, ['--directives'], { encoding: 'utf8' });
  assert.ok(readFileSync(join(top, 'docs/host-directives.md'), 'utf8').endsWith(stdout), 'microtome-host --directives has changed: bring docs/host-directives.md up to date');
});

test('mistakes are told with their place', () => {
  const place = site();
  const check = (text) => {
    place.put('bad.conf', text);
    const { status, stderr } = spawnSync(program, ['-t', '-f', place.file('bad.conf')], { encoding: 'utf8' });
    return { status, stderr };
  };
  const root = `server.document-root = "${place.www}"\n`;
  for (const [text, status, says] of [
    ['server.port = 1234\nserver.port = 1235\n', 255, /bad\.conf:3:\d+: error: .*server\.port/],
    ['var.a = var.missing\n', 255, /missing/],
    ['server.name = env.NO_SUCH_WORD\n', 255, /NO_SUCH_WORD/],
    ['var.a = ( "k" => 1 ) + "text"\n', 255, /error/],
    ['var.a = ( "k" => 1, "k" => 2 )\n', 255, /"k"|'k'/],
    ['$HTTP["nothing here"] == "a" {\n', 255, /error/],
    ['$HTTP["host"] === "a" { }\n', 255, /error/],
    ['else { }\n', 255, /else/],
    ['include "none.conf"\n', 255, /none\.conf/],
    ['$HTTP["host"] =~ "(" { }\n', 255, /pattern/],
    ['server.modules = ( "mod_unheard_of" )\n', 0, /warning: unknown module/],
    ['magnet.attract-raw-url-to = ( "x.lua" )\n', 255, /Lua/],
    ['alias.url = ( "/blog" => "/a", "/other" => "/b", "/blog/images" => "/c" )\n', 0, /warning: "\/blog\/images" is never reached: "\/blog"/],
    ['some.unknown = "x"\n', 0, /warning: unknown setting 'some\.unknown'/],
    ['auth.require = ( "/" => ( "method" => "ntlm", "realm" => "r", "require" => "valid-user" ) )\n', 255, /"basic" or "digest"/],
    ['proxy.header = ( "map-urlpath" => "x" )\n', 255, /map-urlpath/],
    ['server.syslog-facility = "nowhere"\n', 255, /facility/],
  ]) {
    const told = check(root + text);
    assert.equal(told.status, status, text + told.stderr);
    assert.match(told.stderr, says, text);
  }
  place.remove();
});
