// SPDX-License-Identifier: Apache-2.0
#include "keep/config.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "keep/text.hpp"

namespace microtome::keep {
namespace {

constexpr int kFirstPort = 8080;
constexpr int kLastPort = 8179;

// The port that a bind to 127.0.0.1 gives; 0 when it cannot be had.
int try_port(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t size = sizeof address;
  const bool good = fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (fd >= 0) {
    ::close(fd);
  }
  return good ? ntohs(address.sin_port) : 0;
}

bool is_number(const std::string& text, int& value) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc{} && end == text.data() + text.size();
}

}  // namespace

Result<std::string> normal_address(const std::string& text) {
  const std::string path = text.starts_with("unix:") ? text.substr(5) : text;
  if (path.starts_with('/')) {
    return path.size() < 108 ? Result<std::string>("unix:" + path)
                             : fail(Code::bad_request, "the path of a socket has at most 107 characters: " + path);
  }
  const std::size_t colon = text.rfind(':');
  std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
  const std::string digits = colon == std::string::npos ? text : text.substr(colon + 1);
  int port = 0;
  if (!is_number(digits, port) || port < 0 || port > 65535) {
    return fail(Code::bad_request, "not an address: " + text + " (host:port, [::]:port, or unix:/path)");
  }
  if (host.empty() || host == "localhost") {
    host = "127.0.0.1";
  } else if (host == "*") {
    host = "0.0.0.0";
  }
  std::string bare = host;
  if (host.front() == '[' && host.back() == ']') {
    bare = host.substr(1, host.size() - 2);
  }
  in6_addr six{};
  in_addr four{};
  if (inet_pton(AF_INET6, bare.c_str(), &six) == 1) {
    host = '[' + bare + ']';
  } else if (inet_pton(AF_INET, bare.c_str(), &four) != 1) {
    return fail(Code::bad_request, "not an IP address: " + host);
  }
  if (port == 0) {
    port = try_port(0);
  }
  return host + ':' + std::to_string(port);
}

std::string default_address() {
  const char* socket_path = std::getenv("DOMAIN_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  if (socket_path != nullptr && socket_path[0] == '/') {
    return std::string("unix:") + socket_path;
  }
  const char* given = std::getenv("PORT");  // NOLINT(concurrency-mt-unsafe)
  int port = 0;
  if (given != nullptr && is_number(given, port) && port > 0 && port < 65536) {
    return "[::]:" + std::string(given);  // such hosts connect from outside
  }
  for (port = kFirstPort; port < kLastPort && try_port(port) == 0; ++port) {
  }
  return "127.0.0.1:" + std::to_string(port);
}

std::string config_text(const Site& site, const std::string& program, int memory) {
  const auto quoted = [](const std::string& text) { return '"' + lighttpd_text(text) + '"'; };
  std::string where;
  if (site.listen.starts_with("unix:")) {
    where = "server.bind = " + quoted(site.listen.substr(5)) + "\nserver.socket-perms = \"0660\"\n";
  } else {
    const std::size_t colon = site.listen.rfind(':');
    where = "server.bind = " + quoted(site.listen.substr(0, colon)) +
            "\nserver.port = " + site.listen.substr(colon + 1) + '\n';
  }
  return "# Written by `microtome up`. Yours to change: what you have changed is not written again. After a change:\n"
         "# `microtome reload " +
         site.word() + "`\n\nserver.document-root = " + quoted(site.source) + '\n' + where +
         "\n# All requests go to the tile server: the viewer, sets, pictures.\nfastcgi.server = ( \"/\" =>\n"
         "  (( \"socket\" => " +
         quoted(site.dir + "/app.socket") +
         ",\n     \"check-local\" => \"disable\",\n     \"min-procs\" => 1,\n     \"max-procs\" => 1,\n"
         "     \"bin-path\" => " +
         quoted(program) + ",\n     \"bin-environment\" => (\n" +
         (memory > 0 ? "        \"MICROTOME_MEMORY\" => \"" + std::to_string(memory) + "\",\n" : "") +
         "        \"FILESYSTEM_PREFIX\" => " + quoted(site.source + '/') +
         "\n     )\n  ))\n)\n\n# Only for `microtome status`.\n$SERVER[\"socket\"] == " + quoted(site.control()) +
         " {\n  status.status-url = \"/-/status\"\n}\n";
}

}  // namespace microtome::keep
