// SPDX-License-Identifier: Apache-2.0
#include "net/response_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/status.hpp"
#include "http/text.hpp"

namespace microtome::net {
namespace {

bool belongs_to_transport(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kNames{
      "Connection", "Content-Length",    "Date",   "Keep-Alive", "Proxy-Connection", "Status", "TE",
      "Trailer",    "Transfer-Encoding", "Upgrade"};
  return std::ranges::any_of(kNames, [name](std::string_view other) { return http::equal_no_case(name, other); });
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

void append_status(std::string& out, int status) {
  append_number(out, static_cast<std::uint64_t>(status));
  out += ' ';
  out += http::reason(status);
  out += "\r\n";
}

void append_length(std::string& out, const BodyFraming& framing, int status) {
  if (framing.length && may_have_body(status)) {
    out += "Content-Length: ";
    append_number(out, *framing.length);
    out += "\r\n";
  }
}

}  // namespace

bool may_have_body(int status) {
  return !http::bodiless(status);
}

int sendable_status(int status) {
  return status >= 200 && status <= 599 ? status : 500;
}

int append_fields(std::string& out, const http::Headers& headers) {
  int refused = 0;
  for (const http::Header& header : headers.all()) {
    if (belongs_to_transport(header.name)) {
      continue;
    }
    if (!http::is_token(header.name) || !http::is_field_value(header.value)) {
      ++refused;
      continue;
    }
    out += header.name;
    out += ": ";
    out += header.value;
    out += "\r\n";
  }
  return refused;
}

int append_http_head(std::string& out, const http::Response& response, const BodyFraming& framing,
                     KeepAlive keep_alive, std::string_view date) {
  const int status = sendable_status(response.status);
  out += "HTTP/1.1 ";
  append_status(out, status);
  out += "Date: ";
  out += date;
  out += "\r\n";
  const int refused = append_fields(out, response.headers);
  append_length(out, framing, status);
  if (framing.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (keep_alive != KeepAlive::implied) {
    out += keep_alive == KeepAlive::close ? "Connection: close\r\n" : "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  return refused;
}

int append_cgi_head(std::string& out, const http::Response& response, const BodyFraming& framing) {
  const int status = sendable_status(response.status);
  out += "Status: ";
  append_status(out, status);
  const int refused = append_fields(out, response.headers);
  if (may_have_body(status) && !response.headers.has("Content-Type") && framing.length.value_or(1) > 0) {
    out += "Content-Type: application/octet-stream\r\n";  // without one some gateways make up text/html
  }
  append_length(out, framing, status);
  out += "\r\n";
  return refused;
}

}  // namespace microtome::net
