// SPDX-License-Identifier: Apache-2.0
// The way from the public URL to the site.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <future>

#include "keep/command.hpp"
#include "keep/doctor.hpp"
#include "keep/text.hpp"

namespace microtome::keep {
namespace {

using Level = Finding::Level;

constexpr int kListenSeconds = 20;

struct Listener {
  int fd = -1;
  std::string path;  // of a unix socket: removed at the end
  ~Listener() {
    if (fd >= 0) {
      ::close(fd);
    }
    if (!path.empty()) {
      ::unlink(path.c_str());
    }
  }
};

// Listens where the site would; fd -1 with errno.
void open_listener(const std::string& address, Listener& listener) {
  const int yes = 1;
  if (address.starts_with("unix:")) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string path = address.substr(5);
    if (path.size() < sizeof name.sun_path && access(path.c_str(), F_OK) != 0) {
      std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
      listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      listener.path = path;
    }
    if (listener.fd < 0 || bind(listener.fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 ||
        listen(listener.fd, 8) != 0) {
      listener.fd = -1;
      listener.path.clear();
    }
    return;
  }
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  const auto port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_in);
  if (host.starts_with('[')) {
    auto& six = reinterpret_cast<sockaddr_in6&>(storage);
    six.sin6_family = AF_INET6;
    six.sin6_port = port;
    inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six.sin6_addr);
    size = sizeof six;
  } else {
    auto& four = reinterpret_cast<sockaddr_in&>(storage);
    four.sin_family = AF_INET;
    four.sin_port = port;
    inet_pton(AF_INET, host.c_str(), &four.sin_addr);
  }
  const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 || listen(fd, 8) != 0) {
    const int fault = errno;
    ::close(fd);
    errno = fault;
    return;
  }
  listener.fd = fd;
}

// The head of the first request that has `token` in it; answers everything with 200. Others get that, too.
std::string take_request(int fd, const std::string& token) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kListenSeconds);
  while (std::chrono::steady_clock::now() < until) {
    pollfd wanted{fd, POLLIN, 0};
    if (poll(&wanted, 1, 100) <= 0) {
      continue;
    }
    const int client = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
    const timeval patience{2, 0};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string head;
    std::array<char, 8192> part;
    for (ssize_t count = 0; head.find("\r\n\r\n") == std::string::npos && head.size() < 65536;) {
      count = recv(client, part.data(), part.size(), 0);
      if (count <= 0) {
        break;
      }
      head.append(part.data(), static_cast<std::size_t>(count));
    }
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
        std::to_string(token.size()) + "\r\n\r\n" + token;
    (void)!send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::close(client);
    if (head.find(token) != std::string::npos) {
      return head;
    }
  }
  return {};
}

struct Fetched {
  int status = 0;
  std::string body;
  std::string fault;
};

// curl knows TLS, proxies and names; we do not.
Fetched fetch(const std::string& url) {
  Fetched fetched;
  const auto done = run_command({"curl", "-sS", "-L", "--max-time", "15", "-w", "\n%{http_code}", url});
  if (done.status == 127) {
    fetched.fault = "there is no curl to ask with";
    return fetched;
  }
  const std::size_t line = done.output.rfind('\n');
  if (line != std::string::npos) {
    fetched.status = std::atoi(done.output.c_str() + line + 1);
    fetched.body = done.output.substr(0, line);
  }
  fetched.fault = trimmed(done.errors);
  return fetched;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

std::vector<Finding> read_head(const std::string& head, const std::string& asked) {
  constexpr std::array<const char*, 12> kForwarding{
      "forwarded",          "x-forwarded-for",  "x-forwarded-proto",     "x-forwarded-host",
      "x-forwarded-prefix", "x-forwarded-path", "x-script-name",         "x-real-ip",
      "x-original-uri",     "x-original-url",   "x-envoy-original-path", "via"};
  std::vector<Finding> findings;
  const auto lines = lines_of(head);
  const std::string request = lines.empty() ? "" : trimmed(lines.front());
  const std::size_t from = request.find(' ');
  const std::string path = request.substr(from + 1, request.find_first_of(" ?", from + 1) - from - 1);
  std::string headers;
  bool knows_prefix = false;
  bool knows_scheme = false;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string name = lower(lines[i].substr(0, lines[i].find(':')));
    if (std::find(kForwarding.begin(), kForwarding.end(), name) != kForwarding.end()) {
      headers += (headers.empty() ? "" : ", ") + trimmed(lines[i]);
      knows_prefix = knows_prefix || name == "x-forwarded-prefix" || name == "x-script-name";
      knows_scheme = knows_scheme || name == "x-forwarded-proto" || name == "forwarded";
    }
  }
  if (path == asked) {
    findings.push_back({Level::good, "path", "handed over whole: " + path, ""});
  } else {
    const std::string off =
        asked.size() > path.size() && asked.ends_with(path) ? asked.substr(0, asked.size() - path.size()) : "";
    findings.push_back({off.empty() ? Level::remark : Level::good, "path",
                        off.empty() ? "changed: " + asked + " became " + path : "taken off: " + off,
                        knows_prefix ? ""
                                     : "no header tells what was taken off: put \"BASE_URL\" => the public URL into "
                                       "bin-environment, for IIIF and other absolute links"});
  }
  findings.push_back({Level::good, "headers", headers.empty() ? "no forwarding headers come" : headers, ""});
  if (!knows_scheme) {
    findings.push_back({Level::remark, "headers", "none says whether the visitor uses https",
                        "set BASE_URL, or have the front-end send X-Forwarded-Proto"});
  }
  findings.push_back({Level::good, "protocol", request.substr(request.rfind(' ') + 1) + " from the front-end", ""});
  return findings;
}

std::vector<Finding> examine_way(const std::string& public_url, const std::string& address) {
  const std::string base = public_url.ends_with('/') ? public_url : public_url + '/';
  const std::size_t host = base.find("://");
  if (host == std::string::npos) {
    return {{Level::bad, "public URL", "not a URL: " + public_url, "it begins with http:// or https://"}};
  }
  const std::string path = base.substr(base.find('/', host + 3));
  Listener listener;
  open_listener(address, listener);
  if (listener.fd < 0) {
    const Fetched health = fetch(base + "healthz");
    if (health.status == 200 && health.body.find("\"status\":\"ok\"") != std::string::npos) {
      return {{Level::good, "public URL", base + " reaches the site",
               "to see the path and the headers that come, run this once while the site is down"}};
    }
    return {
        {Level::bad, "public URL",
         base + "healthz answers " + (health.status != 0 ? std::to_string(health.status) : health.fault) +
             ", which is not the site",
         "look at the front-end: is it mapped to " + address + "? `microtome doctor --for list` has lines to paste"}};
  }
  const std::string token = "microtome-doctor-" + std::to_string(getpid());
  auto taken = std::async(std::launch::async, take_request, listener.fd, token);
  const Fetched fetched = fetch(base + token);
  const bool arrived = fetched.body.find(token) != std::string::npos && fetched.status == 200;
  std::string head;
  if (arrived || taken.wait_for(std::chrono::seconds(2)) == std::future_status::ready) {
    head = taken.get();
  }
  if (head.empty()) {
    return {{Level::bad, "public URL",
             base + " does not reach " + address + ": " +
                 (fetched.status != 0 ? "somebody else answered " + std::to_string(fetched.status) : fetched.fault),
             "is the front-end mapped to this port, and to this address family? Some hosts want 0.0.0.0 or [::] "
             "instead of 127.0.0.1"}};
  }
  std::vector<Finding> findings{{Level::good, "public URL", base + " reaches " + address, ""}};
  for (Finding& each : read_head(head, path + token)) {
    findings.push_back(std::move(each));
  }
  return findings;
}

}  // namespace microtome::keep
