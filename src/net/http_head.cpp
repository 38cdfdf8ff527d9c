// SPDX-License-Identifier: Apache-2.0
#include "net/http_head.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "http/conditional.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"
#include "net/forwarding.hpp"

namespace microtome::net {
namespace {

using http::equal_no_case;
using Refused = std::unexpected<Refusal>;

constexpr std::size_t kMaxFields = 200;
constexpr std::size_t kMaxMethod = 32;

Refused refuse(int status, const char* message) {
  return Refused(Refusal{status, message});
}

bool has_control(std::string_view line) {
  return std::ranges::any_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

// One line without its CRLF; nullptr when it is well formed.
const char* fault_of_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') {
    return "folded header line";
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return "header line without a colon";
  }
  if (!http::is_token(line.substr(0, colon))) {
    return "bad header name";
  }
  return has_control(line) ? "control byte in a header" : nullptr;
}

std::optional<Refusal> check_request_line(std::string_view line, const HeadLimits& limits) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0) {
    return Refusal{400, "bad request line"};
  }
  if (first > kMaxMethod) {
    return Refusal{501, "unknown method"};
  }
  if (last - first - 1 > limits.max_target) {
    return Refusal{414, "request target too long"};
  }
  if (has_control(line) || line.find('\t') != std::string_view::npos) {
    return Refusal{400, "control byte in the request line"};
  }
  const std::string_view version = line.substr(last + 1);
  if (version.size() == 8 && version.starts_with("HTTP/") && http::is_digit(version[5]) && version[6] == '.' &&
      http::is_digit(version[7]) && version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Refusal{505, "HTTP version not supported"};
  }
  return std::nullopt;
}

}  // namespace

std::expected<std::size_t, Refusal> HeadScanner::scan(std::string_view bytes, const HeadLimits& limits) {
  if (first_ && !bytes.empty() && !http::is_token_char(bytes.front())) {
    return refuse(400, "not an HTTP request");  // TLS, for one: its next line end may be long in coming
  }
  while (true) {
    const std::size_t from = line_ + looked_;
    const void* found = from < bytes.size() ? std::memchr(bytes.data() + from, '\n', bytes.size() - from) : nullptr;
    if (found == nullptr) {
      looked_ = bytes.size() - line_;
      if (first_ && looked_ > limits.max_target + kMaxMethod + 16) {
        return refuse(414, "request target too long");
      }
      return bytes.size() > limits.max_header ? std::expected<std::size_t, Refusal>(refuse(431, "header too large"))
                                              : 0;
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (end + 1 > limits.max_header) {
      return refuse(431, "header too large");
    }
    if (end == line_ || bytes[end - 1] != '\r') {
      return refuse(400, "bare line feed");
    }
    const std::string_view line = bytes.substr(line_, end - 1 - line_);
    line_ = end + 1;
    looked_ = 0;
    if (first_) {
      if (const auto refusal = check_request_line(line, limits)) {
        return Refused(*refusal);
      }
      first_ = false;
    } else if (line.empty()) {
      return line_;
    } else if (const char* fault = fault_of_field(line)) {
      return refuse(400, fault);
    }
  }
}

namespace {

std::optional<Refusal> check_authority(Head& head, bool host_in_target) {
  int hosts = 0;
  std::string_view host;
  for (const http::Header& header : head.headers.all()) {
    if (equal_no_case(header.name, "Host")) {
      ++hosts;
      host = header.value;
    }
  }
  if (hosts > 1) {
    return Refusal{400, "more than one Host"};
  }
  if (hosts == 0 && head.version >= 11 && (head.authority.empty() || !host_in_target)) {
    return Refusal{400, "no Host"};
  }
  if (hosts == 1 && !valid_authority(host)) {
    return Refusal{400, "bad Host"};
  }
  if (head.authority.empty()) {
    head.authority = host;
  } else if (!valid_authority(head.authority) || (hosts == 1 && !equal_no_case(host, head.authority))) {
    return Refusal{400, "the target is of another host"};
  }
  return std::nullopt;
}

std::optional<Refusal> split_form(Head& head, std::string_view target, std::string_view& rest) {
  if (target.find('#') != std::string_view::npos) {
    return Refusal{400, "fragment in the request target"};
  }
  if (target.starts_with('/')) {
    rest = target;
    return std::nullopt;
  }
  if (head.method == "OPTIONS" && target == "*") {
    rest = "/";
    return std::nullopt;
  }
  if (head.method == "CONNECT") {
    return Refusal{501, "not a proxy"};
  }
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos ||
      (!equal_no_case(target.substr(0, scheme), "http") && !equal_no_case(target.substr(0, scheme), "https"))) {
    return Refusal{400, "bad request target"};
  }
  target.remove_prefix(scheme + 3);
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  head.authority = target.substr(0, end);
  if (head.authority.empty()) {
    return Refusal{400, "bad request target"};
  }
  rest = target.substr(end);
  return std::nullopt;
}

std::optional<Refusal> check_target(Head& head, std::string_view whole, bool keep) {
  std::string_view rest;
  if (const auto refusal = split_form(head, whole, rest)) {
    return refusal;
  }
  const http::Target target = http::split_target(rest);
  auto path = http::normalise_path(target.path.empty() ? "/" : target.path);
  if (!path) {
    return Refusal{400, "bad path"};
  }
  head.path = std::move(*path);
  head.query = target.query;
  if (keep) {
    head.target = rest.starts_with('/') ? std::string(rest) : '/' + std::string(rest);
  }
  return std::nullopt;
}

// Transfer-Encoding and Content-Length (RFC 9112 section 6): anything that two parsers could read in two ways is
// refused.
std::optional<Refusal> check_framing(Head& head) {
  int lengths = 0;
  int encodings = 0;
  std::string_view length;
  std::string_view encoding;
  for (const http::Header& header : head.headers.all()) {
    if (equal_no_case(header.name, "Content-Length")) {
      ++lengths;
      length = header.value;
    } else if (equal_no_case(header.name, "Transfer-Encoding")) {
      ++encodings;
      encoding = header.value;
    }
  }
  if (lengths > 1) {
    return Refusal{400, "more than one Content-Length"};
  }
  if (encodings > 0) {
    if (lengths > 0 || encodings > 1 || head.version < 11) {
      return Refusal{400, "ambiguous body length"};
    }
    if (!equal_no_case(encoding, "chunked")) {
      return Refusal{501, "transfer encoding not supported"};
    }
    head.body = BodyKind::chunked;
  } else if (lengths == 1) {
    const auto number = http::parse_decimal(length);
    if (!number) {
      return Refusal{400, "bad Content-Length"};
    }
    head.content_length = *number;
    head.body = *number > 0 ? BodyKind::length : BodyKind::none;
  } else if (head.method == "POST" || head.method == "PUT" || head.method == "PATCH") {
    return Refusal{411, "length required"};
  }
  if (head.body != BodyKind::none && (head.method == "GET" || head.method == "HEAD")) {
    return Refusal{400, "a body is not allowed here"};
  }
  return std::nullopt;
}

// Fields that say one thing: said twice and differently, two parsers would hear two things.
std::optional<Refusal> check_single_fields(Head& head) {
  for (const std::string_view name : {"Content-Type", "If-Modified-Since"}) {
    const std::string_view first = head.headers.get(name);
    for (const http::Header& header : head.headers.all()) {
      if (equal_no_case(header.name, name) && header.value != first) {
        return Refusal{400, "contradictory header fields"};
      }
    }
  }
  return std::nullopt;
}

std::optional<Refusal> check_connection(Head& head) {
  head.keep_alive = head.version >= 11;
  const std::string options = http::joined(head.headers, "Connection");
  for (const std::string_view option : http::split_list(options)) {
    if (equal_no_case(option, "close")) {
      head.keep_alive = false;
      break;
    }
    if (equal_no_case(option, "keep-alive")) {
      head.keep_alive = true;
    }
  }
  if (head.version >= 11 && head.headers.has("Expect")) {
    if (!equal_no_case(head.headers.get("Expect"), "100-continue")) {
      return Refusal{417, "expectation failed"};
    }
    head.expect_continue = true;
  }
  return std::nullopt;
}

}  // namespace

std::expected<Head, Refusal> parse_head(std::string_view bytes, const HeadLimits& limits) {
  auto raw = parse_raw_head(bytes, limits);
  if (!raw) {
    return Refused(raw.error());
  }
  if (raw->headers.all().size() > kMaxFields) {
    return refuse(431, "too many header fields");
  }
  Head head;
  head.method = std::move(raw->method);
  head.version = raw->version;
  head.headers = std::move(raw->headers);
  if (const auto refusal = check_target(head, raw->target, limits.keep_target)) {
    return Refused(*refusal);
  }
  if (const auto refusal = check_authority(head, limits.host_in_target)) {
    return Refused(*refusal);
  }
  for (auto* check : {check_framing, check_single_fields, check_connection}) {
    if (const auto refusal = check(head)) {
      return Refused(*refusal);
    }
  }
  return head;
}

}  // namespace microtome::net
