// SPDX-License-Identifier: Apache-2.0
#include "keep/front_ends.hpp"

#include <array>
#include <utility>

namespace microtome::keep {
namespace {

constexpr std::string_view kTested = "tested: our tests run the real program with these lines";
constexpr std::string_view kWritten = "written from its documentation, not run by our tests";
constexpr std::string_view kUnsure =
    "general knowledge of this host, not checked there: compare with its documentation";

struct Template {
  FrontEnd front_end;
  std::string_view lines;  // @ADDRESS@ @HOST@ @PORT@ @MOUNT@ (no / at the end) @PROGRAM@ @PICTURES@
};

constexpr std::string_view kNginx = R"(location @MOUNT@/ {
    proxy_pass http://@NGINX@/;        # the / at the end takes @MOUNT@ off
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Prefix @MOUNT@;
}
)";

constexpr std::string_view kApache = R"(# needs: a2enmod proxy proxy_http headers
ProxyPass        "@MOUNT@/" "@APACHE@/"
ProxyPassReverse "@MOUNT@/" "@APACHE@/"
<Location "@MOUNT@/">
    RequestHeader set X-Forwarded-Prefix "@MOUNT@"
    RequestHeader set X-Forwarded-Proto "expr=%{REQUEST_SCHEME}"
</Location>
AllowEncodedSlashes NoDecode
)";

constexpr std::string_view kCaddy = R"(handle_path @MOUNT@/* {
    reverse_proxy @CADDY@ {
        header_up X-Forwarded-Prefix @MOUNT@
    }
}
)";

constexpr std::string_view kLighttpd =
    R"(# lighttpd in front of microtome-host; lighttpd can also run microtome.fcgi itself (see the manual)
server.modules += ( "mod_proxy" )
$HTTP["url"] =^ "@MOUNT@/" {
  proxy.server = ( "" => (( "host" => "@HOST@", "port" => @PORT@ )) )
  proxy.header = ( "map-urlpath" => ( "@MOUNT@/" => "/" ) )
}
)";

constexpr std::string_view kHaproxy = R"(frontend web
    bind :80
    use_backend microtome if { path_beg @MOUNT@/ }

backend microtome
    http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
    http-request set-header X-Forwarded-Prefix @MOUNT@
    option forwardfor
    http-request replace-path ^@MOUNT@/(.*) /\1
    server one @ADDRESS@ check
)";

constexpr std::string_view kHtaccess =
    R"(# A host without ports of your own: the tile server as a FastCGI program under mod_fcgid.
# Link or copy it into the web folder:  ln -s @PROGRAM@ microtome.fcgi
Options +ExecCGI
AddHandler fcgid-script .fcgi
# Variables of the program cannot be set here for certain (FcgidInitialEnv is for the server's own configuration). Without
# FILESYSTEM_PREFIX, what lies below the document root is served. To set it, make microtome.fcgi a script instead:
#   #!/bin/sh
#   FILESYSTEM_PREFIX=@PICTURES@/ exec @PROGRAM@ fcgi
# Addresses are then .../microtome.fcgi/ and .../microtome.fcgi?FIF=...
)";

constexpr std::string_view kOpalstack =
    R"(# In the panel: Applications, type "Nginx proxy port"; it gives a port. Sites: route the path @MOUNT@ to that application.
@PROGRAM@ up @PICTURES@ --listen 127.0.0.1:PORT
# Kept by cron (found by itself). Unknown: whether the path is taken off; `@PROGRAM@ doctor --public-url URL` tells.
)";

constexpr std::string_view kUberspace =
    R"(# 127.0.0.1 does not work here: listen on all addresses of your network namespace.
@PROGRAM@ up @PICTURES@ --listen 0.0.0.0:@PORT@
uberspace web backend set @MOUNT@ --http --port @PORT@ --remove-prefix
# Kept by supervisord in ~/etc/services.d (found by itself). Without --remove-prefix the whole path is handed over.
)";

constexpr std::string_view kAlwaysdata =
    R"(# In the panel: Web, Sites, type "User program", with this command (it gives $IP and $PORT):
@PROGRAM@ up --foreground @PICTURES@ --listen [::]:$PORT
# Unknown: whether the path is taken off (there is an option for it in the panel), and when idle programs are stopped.
)";

constexpr std::string_view kNearlyFreeSpeech =
    R"(# In the panel: a daemon with this run script, and a proxy entry (protocol HTTP, base URI @MOUNT@, document root URI /,
# target port @PORT@). With document root URI / the path is taken off.
#!/bin/sh
exec @PROGRAM@ up --foreground @PICTURES@ --listen 127.0.0.1:@PORT@
# Unknown: whether the machines are x86-64 Linux with glibc 2.35 for you (some realms are FreeBSD, where this does not run).
)";

constexpr std::string_view kPythonAnywhere =
    R"(# An ASGI or command website gives a unix socket in $DOMAIN_SOCKET; the command:
@PROGRAM@ up --foreground @PICTURES@ --listen unix:${DOMAIN_SOCKET}
# Unknown: limits of memory and CPU seconds for such sites.
)";

constexpr std::string_view kDreamhost =
    R"(# Shared hosting: no port; long running programs are ended. Only mod_fcgid: see `doctor --for htaccess`.
# VPS: in the panel, Proxy Server for @MOUNT@ with a port from 8000 to 65535, then
@PROGRAM@ up @PICTURES@ --listen 127.0.0.1:@PORT@
)";

constexpr std::string_view kCpanel =
    R"(# Shared cPanel accounts get no port: the tile server runs under mod_fcgid or mod_lsapi: see `doctor --for htaccess`.
# Under CloudLinux mind the limits of the account (processes, memory): `doctor` shows them. One process is enough: it serves
# many requests at once.
)";

constexpr std::array<Template, 13> kTemplates{{
    {{"nginx", "nginx", kTested}, kNginx},
    {{"apache", "Apache httpd, in the server's configuration", kTested}, kApache},
    {{"caddy", "Caddy 2", kWritten}, kCaddy},
    {{"lighttpd", "lighttpd", kTested}, kLighttpd},
    {{"haproxy", "HAProxy", kWritten}, kHaproxy},
    {{"htaccess", "Apache with mod_fcgid, by .htaccess only", kWritten}, kHtaccess},
    {{"opalstack", "Opalstack", kUnsure}, kOpalstack},
    {{"uberspace", "Uberspace 7", "from its manual, not checked there"}, kUberspace},
    {{"alwaysdata", "alwaysdata", kUnsure}, kAlwaysdata},
    {{"nearlyfreespeech", "NearlyFreeSpeech", kUnsure}, kNearlyFreeSpeech},
    {{"pythonanywhere", "PythonAnywhere", kUnsure}, kPythonAnywhere},
    {{"dreamhost", "DreamHost", kUnsure}, kDreamhost},
    {{"cpanel", "cPanel, CloudLinux", kUnsure}, kCpanel},
}};

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
}

}  // namespace

const std::vector<FrontEnd>& front_ends() {
  static const std::vector<FrontEnd> kAll = [] {
    std::vector<FrontEnd> all;
    for (const Template& each : kTemplates) {
      all.push_back(each.front_end);
    }
    return all;
  }();
  return kAll;
}

std::string front_end_lines(std::string_view name, const FrontEndPlace& place) {
  for (const Template& each : kTemplates) {
    if (each.front_end.name != name) {
      continue;
    }
    std::string mount = place.mount;
    while (mount.ends_with('/')) {
      mount.pop_back();
    }
    const bool is_socket = place.address.starts_with("unix:");
    const std::size_t colon = place.address.rfind(':');
    const std::string path = is_socket ? place.address.substr(5) : "";
    std::string text = "# " + std::string(each.front_end.what) + " (" + std::string(each.front_end.sure) + ")\n" +
                       std::string(each.lines);
    for (const auto& [key, value] : std::initializer_list<std::pair<std::string_view, std::string>>{
             {"@NGINX@", is_socket ? "unix:" + path + ":" : place.address},
             {"@APACHE@", is_socket ? "unix:" + path + "|http://localhost" : "http://" + place.address},
             {"@CADDY@", is_socket ? "unix/" + path : place.address},
             {"@ADDRESS@", is_socket ? "unix@" + path : place.address},
             {"@HOST@", is_socket ? path : place.address.substr(0, colon)},
             {"@PORT@", is_socket ? "8080" : place.address.substr(colon + 1)},
             {"@PROGRAM@", place.program},
             {"@PICTURES@", place.pictures}}) {
      replace_all(text, key, value);
    }
    if (mount.empty()) {  // nothing is taken off, and no header says so
      std::string kept;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at) + 1;
        const std::string line = text.substr(at, end - at);
        const bool only_mount = line.find("X-Forwarded-Prefix") != std::string::npos ||
                                line.find("map-urlpath") != std::string::npos ||
                                line.find("replace-path") != std::string::npos;
        kept += only_mount ? "" : line;
        at = end;
      }
      text = kept;
      replace_all(text, "        # the / at the end takes @MOUNT@ off", "");
      replace_all(text, "@MOUNT@ ", "/ ");
    }
    replace_all(text, "@MOUNT@", mount);
    return text;
  }
  return {};
}

}  // namespace microtome::keep
