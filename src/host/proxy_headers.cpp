// SPDX-License-Identifier: Apache-2.0
#include "host/proxy_headers.hpp"

#include <algorithm>
#include <cstddef>

#include "host/directives.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

using http::equal_no_case;

void read_map(const Entry& entry, ProxyHeaders::Map& map, Diagnostics& diagnostics) {
  if (!entry.value.is_list()) {
    return diagnostics.error(entry.place, '"' + *entry.key + "\" needs a list: ( \"from\" => \"to\" )");
  }
  for (const Entry& each : entry.value.list()) {
    if (!each.key || !each.value.is_text()) {
      diagnostics.error(each.place, "here \"from\" => \"to\" must stand");
      continue;
    }
    map.emplace_back(*each.key, each.value.text());
  }
}

// Where scheme and host of an absolute address end: {0, 0} for a path, {n, n} for anything else.
struct Parts {
  std::size_t host = 0;
  std::size_t path = 0;
};
Parts parts_of(std::string_view url) {
  if (url.starts_with('/') && !url.starts_with("//")) {
    return {};
  }
  const std::size_t scheme = url.starts_with("//") ? 0 : url.find("://");
  if (scheme == std::string_view::npos) {
    return {url.size(), url.size()};
  }
  const std::size_t host = url.starts_with("//") ? 2 : scheme + 3;
  return {host, std::min(url.find_first_of("/?#", host), url.size())};
}

using Pair = ProxyHeaders::Map::value_type;

// The first front that fits becomes the one on its other side.
template <auto kFrom, auto kTo>
std::string replace_front(const ProxyHeaders::Map& map, std::string_view path) {
  for (const Pair& pair : map) {
    if (path.starts_with(pair.*kFrom)) {
      return pair.*kTo + std::string(path.substr((pair.*kFrom).size()));
    }
  }
  return std::string(path);
}

// A token, or a quoted string.
std::string quoted_where_needed(std::string_view text) {
  if (http::is_token(text)) {
    return std::string(text);
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

}  // namespace

ProxyHeaders read_proxy_headers(const Value& value, Diagnostics& diagnostics) {
  ProxyHeaders rules;
  for (const Entry& entry : value.list()) {
    const std::string& key = *entry.key;
    bool* flag = key == "https-remap"    ? &rules.https_remap
                 : key == "upgrade"      ? &rules.upgrade
                 : key == "force-http10" ? &rules.http10
                                         : nullptr;
    if (flag != nullptr) {
      if (const auto on = as_boolean(entry.value)) {
        *flag = *on;
      } else {
        diagnostics.error(entry.value.place, '"' + key + "\" is \"enable\" or \"disable\"");
      }
    } else if (key == "map-host-request") {
      read_map(entry, rules.hosts_out, diagnostics);
    } else if (key == "map-host-response") {
      read_map(entry, rules.hosts_in, diagnostics);
    } else if (key == "map-urlpath") {
      read_map(entry, rules.paths, diagnostics);
    } else if (key == "connect") {
      if (as_boolean(entry.value) != false) {
        diagnostics.warning(entry.place, "\"connect\" has no effect: CONNECT is refused");
      }
    } else {
      diagnostics.warning(entry.place, "unknown key \"" + key + "\" of proxy.header is ignored");
    }
  }
  return rules;
}

ForwardedParts read_forwarded_parts(const std::vector<std::pair<std::string, std::string>>& pairs) {
  ForwardedParts parts;
  for (const auto& [key, text] : pairs) {
    const bool on = as_boolean(Value({}, text)).value_or(false);
    bool* part = key == "by"            ? &parts.by
                 : key == "for"         ? &parts.client
                 : key == "host"        ? &parts.host
                 : key == "proto"       ? &parts.proto
                 : key == "remote_user" ? &parts.user
                                        : nullptr;
    if (part != nullptr) {
      *part = on;
    }
  }
  return parts;
}

std::string forwarded_element(const ForwardedParts& parts, const ForwardedValues& values) {
  std::string out;
  const auto add = [&out](bool wanted, std::string_view name, std::string_view value, bool node) {
    if (!wanted || value.empty()) {
      return;
    }
    out += out.empty() ? "" : ";";
    out += name;
    out += '=';
    // An IPv6 address stands in brackets (RFC 7239 section 6).
    const bool ipv6 = node && value.find(':') != value.rfind(':') && !value.starts_with('[');
    out += quoted_where_needed(ipv6 ? '[' + std::string(value) + ']' : std::string(value));
  };
  add(parts.client, "for", values.client, true);
  add(parts.by, "by", values.by, true);
  add(parts.proto, "proto", values.proto, false);
  add(parts.host, "host", values.host, false);
  add(parts.user, "remote_user", values.user, false);
  return out;
}

ProxyMapping::ProxyMapping(const ProxyHeaders& rules, std::string_view client_host, bool secure)
    : rules_(rules), client_host_(client_host), secure_(secure) {
  const std::string* mapped = match(rules_.hosts_out, client_host_, client_host_);
  sent_host_ = mapped != nullptr ? *mapped : client_host_;
}

// "-" as a key stands for `dash`, as a value for the client's own host. An empty value ends the search.
const std::string* ProxyMapping::match(const Map& map, std::string_view host, std::string_view dash) const {
  for (const auto& [from, to] : map) {
    const std::string_view key = from == "-" ? dash : std::string_view(from);
    if (!key.empty() && equal_no_case(key, host)) {
      return to == "-" ? &client_host_ : to.empty() ? nullptr : &to;
    }
  }
  return nullptr;
}

std::string ProxyMapping::path_out(std::string_view path) const {
  return replace_front<&Pair::first, &Pair::second>(rules_.paths, path);
}

std::string ProxyMapping::path_in(std::string_view path) const {
  return replace_front<&Pair::second, &Pair::first>(rules_.paths, path);
}

std::string ProxyMapping::url_out(std::string_view url) const {
  const Parts parts = parts_of(url);
  if (parts.path == 0) {
    return path_out(url);
  }
  const std::string_view host = url.substr(parts.host, parts.path - parts.host);
  const std::string* mapped = match(rules_.hosts_out, host, client_host_);
  if (host.empty() || (mapped == nullptr && !equal_no_case(host, client_host_))) {
    return std::string(url);  // somebody else's
  }
  std::string front(url.substr(0, parts.host));
  if (rules_.https_remap && secure_ && front == "https://") {
    front = "http://";
  }
  return front + (mapped != nullptr ? *mapped : std::string(host)) + path_out(url.substr(parts.path));
}

std::string ProxyMapping::url_in(std::string_view url) const {
  const Parts parts = parts_of(url);
  if (parts.path == 0) {
    return path_in(url);
  }
  const std::string_view host = url.substr(parts.host, parts.path - parts.host);
  const std::string* mapped = match(rules_.hosts_in, host, sent_host_);
  if (host.empty() || (mapped == nullptr && !equal_no_case(host, sent_host_))) {
    return std::string(url);
  }
  std::string front(url.substr(0, parts.host));
  if (rules_.https_remap && secure_ && front == "http://") {
    front = "https://";
  }
  return front + (mapped != nullptr ? *mapped : std::string(host)) + path_in(url.substr(parts.path));
}

// The attributes Domain and Path behind the first ";".
std::string ProxyMapping::cookie_in(std::string_view cookie) const {
  std::string out;
  bool first = true;
  while (true) {
    const std::size_t end = std::min(cookie.find(';'), cookie.size());
    const std::string_view part = cookie.substr(0, end);
    const std::string_view bare = http::trim(part);
    const std::size_t equals = bare.find('=');
    const std::string_view name = bare.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : bare.substr(equals + 1);
    if (!first && equal_no_case(name, "Path")) {
      out += ' ' + std::string(name) + '=' + path_in(value);
    } else if (!first && equal_no_case(name, "Domain")) {
      const bool dot = value.starts_with('.');
      const std::string_view host = dot ? value.substr(1) : value;
      const std::string* mapped = match(rules_.hosts_in, host, sent_host_);
      out += ' ' + std::string(name) + '=' + (dot ? "." : "") + (mapped != nullptr ? *mapped : std::string(host));
    } else {
      out += part;
    }
    if (end >= cookie.size()) {
      return out;
    }
    out += ';';
    first = false;
    cookie.remove_prefix(end + 1);
  }
}

void ProxyMapping::answer_in(http::Headers& headers) const {
  if (rules_.hosts_in.empty() && rules_.paths.empty() && !rules_.https_remap) {
    return;
  }
  http::Headers mapped;
  for (const http::Header& header : headers.all()) {
    const bool url = equal_no_case(header.name, "Location") || equal_no_case(header.name, "Content-Location") ||
                     equal_no_case(header.name, "URI") || equal_no_case(header.name, "Content-Base");
    mapped.add(header.name, url                                        ? url_in(header.value)
                            : equal_no_case(header.name, "Set-Cookie") ? cookie_in(header.value)
                                                                       : header.value);
  }
  headers = std::move(mapped);
}

}  // namespace microtome::host
