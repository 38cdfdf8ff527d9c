// SPDX-License-Identifier: Apache-2.0
#include "host/scgi.hpp"

#include <cstddef>

#include "base/bytes.hpp"
#include "net/fcgi_records.hpp"

namespace microtome::host {
namespace {

constexpr std::size_t kMost = 65535;

void append_16(std::string& out, std::size_t number) {
  out += static_cast<char>(number & 0xff);
  out += static_cast<char>(number >> 8);
}

}  // namespace

std::string scgi_head(std::string_view pairs, std::uint64_t content_length) {
  std::string body;
  body.reserve(pairs.size() + 64);
  const auto add = [&body](std::string_view name, std::string_view value) {
    body.append(name);
    body += '\0';
    body.append(value);
    body += '\0';
  };
  add("CONTENT_LENGTH", std::to_string(content_length));
  add("SCGI", "1");
  (void)net::fcgi::read_pairs(as_bytes(pairs), [&](std::string_view name, std::string_view value) {
    if (name != "CONTENT_LENGTH") {
      add(name, value);
    }
    return true;
  });
  return std::to_string(body.size()) + ':' + body + ',';
}

std::string uwsgi_head(std::string_view pairs) {
  std::string body;
  (void)net::fcgi::read_pairs(as_bytes(pairs), [&](std::string_view name, std::string_view value) {
    if (body.size() + name.size() + value.size() + 4 <= kMost) {
      append_16(body, name.size());
      body.append(name);
      append_16(body, value.size());
      body.append(value);
    }
    return true;
  });
  std::string out(1, '\0');
  append_16(out, body.size());
  out += '\0';
  return out + body;
}

}  // namespace microtome::host
