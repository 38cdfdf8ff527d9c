// SPDX-License-Identifier: Apache-2.0
#include "net/forwarding.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "http/conditional.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::net {
namespace {

using http::equal_no_case;

constexpr std::array<std::string_view, 6> kPrefixHeaders{"X-Forwarded-Prefix", "X-Forwarded-Path",
                                                         "X-Script-Name",      "X-Forwarded-Context",
                                                         "X-ProxyContextPath", "X-Ingress-Path"};
constexpr std::array<std::string_view, 6> kOriginalHeaders{"X-Original-URI",  "X-Original-URL",
                                                           "X-Rewrite-URL",   "X-Envoy-Original-Path",
                                                           "X-Replaced-Path", "X-Forwarded-Uri"};

std::string_view first_of_list(std::string_view value) {
  return http::trim(value.substr(0, value.find(',')));
}

std::string_view unquote(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

// Value of `name` in one element of Forwarded ("for=1.2.3.4;proto=https").
std::string_view forwarded_pair(std::string_view element, std::string_view name) {
  while (!element.empty()) {
    const std::size_t end = std::min(element.find(';'), element.size());
    const std::string_view pair = element.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && equal_no_case(http::trim(pair.substr(0, equals)), name)) {
      return unquote(http::trim(pair.substr(equals + 1)));
    }
    element.remove_prefix(std::min(end + 1, element.size()));
  }
  return {};
}

// "1.2.3.4:80", "[::1]:80", "[::1]" and plain addresses; empty for anything else ("unknown", "_hidden").
std::string_view bare_address(std::string_view text) {
  if (text.starts_with('[')) {
    text = text.substr(1, text.find(']') - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  return is_address(text) ? text : std::string_view{};
}

void apply_client(http::Request& request, const std::vector<std::string_view>& chain, const AddressSet& trusted) {
  for (auto hop = chain.rbegin(); hop != chain.rend(); ++hop) {
    const std::string_view address = bare_address(*hop);
    if (address.empty()) {
      return;
    }
    request.remote_address = address;
    if (!trusted.contains(address)) {
      return;
    }
  }
}

std::string prefix_of(const http::Request& request) {
  for (const std::string_view name : kPrefixHeaders) {
    std::string prefix = clean_prefix(first_of_list(request.headers.get(name)));
    if (!prefix.empty()) {
      return prefix;
    }
  }
  for (const std::string_view name : kOriginalHeaders) {
    std::string_view original = request.headers.get(name);
    // Some send the whole address.
    if (const std::size_t scheme = original.find("://"); scheme != std::string_view::npos && scheme < 6) {
      original.remove_prefix(std::min(original.find('/', scheme + 3), original.size()));
    }
    original = http::split_target(original).path;
    if (original.size() > request.path.size() && original.ends_with(request.path)) {
      return clean_prefix(original.substr(0, original.size() - request.path.size()));
    }
  }
  return {};
}

void apply_scheme(http::Request& request, std::string_view scheme) {
  if (equal_no_case(scheme, "https") || equal_no_case(scheme, "wss")) {
    request.scheme = "https";
  } else if (equal_no_case(scheme, "http") || equal_no_case(scheme, "ws")) {
    request.scheme = "http";
  }
}

void apply_headers(http::Request& request, const AddressSet& trusted) {
  const std::string forwarded = http::joined(request.headers, "Forwarded");
  std::string_view host = first_of_list(request.headers.get("X-Forwarded-Host"));
  std::string_view scheme = first_of_list(request.headers.get("X-Forwarded-Proto"));
  const auto elements = http::split_list(forwarded);
  std::vector<std::string_view> chain;
  if (!elements.empty()) {
    const std::string_view first = elements.front();
    host = forwarded_pair(first, "host").empty() ? host : forwarded_pair(first, "host");
    scheme = forwarded_pair(first, "proto").empty() ? scheme : forwarded_pair(first, "proto");
    for (const std::string_view element : elements) {
      chain.push_back(forwarded_pair(element, "for"));
    }
    apply_client(request, chain, trusted);
  } else {
    const std::string list = http::joined(request.headers, "X-Forwarded-For");
    chain = http::split_list(list);
    apply_client(request, chain, trusted);
  }
  apply_scheme(request, scheme);
  if (valid_authority(host)) {
    request.authority = host;
  }
}

bool strip(std::string& path, std::string_view prefix) {
  const std::string_view rest = http::strip_mount(path, prefix);
  if (prefix.empty() || rest.size() == path.size()) {
    return path == prefix && !prefix.empty();
  }
  path = std::string(rest);
  return true;
}

}  // namespace

std::string clean_prefix(std::string_view text) {
  while (text.ends_with('/')) {
    text.remove_suffix(1);
  }
  if (text.empty() || text.size() > 512) {
    return {};
  }
  const bool clean = std::ranges::all_of(text, [](char c) {
    return http::is_alpha(c) || http::is_digit(c) || std::string_view("._~/%-").find(c) != std::string_view::npos;
  });
  if (!clean || text.find("//") != std::string_view::npos || text.find("..") != std::string_view::npos) {
    return {};
  }
  std::string prefix = text.front() == '/' ? std::string(text) : "/" + std::string(text);
  const auto normal = http::normalise_path(prefix);
  return normal && *normal == prefix ? prefix : std::string();
}

namespace {

// A name: letters, digits, "-" (not in front of a label), "_", and dots between labels. Where the last label begins
// with a digit it can only be an IPv4 address (RFC 3986 and what browsers make of it).
bool is_host_name(std::string_view host) {
  const bool characters = !host.empty() && std::ranges::all_of(host, [](char c) {
    return http::is_alpha(c) || http::is_digit(c) || c == '-' || c == '.' || c == '_';
  });
  if (!characters || host.front() == '.' || host.front() == '-' || host.find("..") != std::string_view::npos ||
      host.find(".-") != std::string_view::npos) {
    return false;
  }
  if (host.ends_with('.')) {
    host.remove_suffix(1);
  }
  return !http::is_digit(host[host.rfind('.') + 1]) || is_address(host);
}

}  // namespace

bool valid_authority(std::string_view text) {
  if (text.empty() || text.size() > 255) {
    return false;
  }
  std::size_t host_end = text.rfind(':');
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || !is_address(text.substr(1, close - 1)) ||
        (close + 1 < text.size() && text[close + 1] != ':')) {
      return false;
    }
    host_end = close + 1 < text.size() ? close + 1 : std::string_view::npos;
  } else {
    if (!is_host_name(text.substr(0, host_end))) {
      return false;
    }
  }
  if (host_end == std::string_view::npos) {
    return true;
  }
  const std::string_view digits = text.substr(host_end + 1);
  const auto port = http::parse_decimal(digits);
  return digits.empty() || (port && *port <= 65535 && digits.size() <= 5);
}

void apply_public_address(http::Request& request, bool trusted_peer, const AddressSet& trusted,
                          std::string_view mount) {
  std::string prefix;
  if (trusted_peer) {
    apply_headers(request, trusted);
    prefix = prefix_of(request);
  }
  strip(request.path, prefix);
  const bool mounted = strip(request.path, mount);
  if (prefix.empty()) {
    request.mount = mount;
  } else {
    request.mount = mounted && prefix != mount ? prefix + std::string(mount) : prefix;
  }
}

}  // namespace microtome::net
