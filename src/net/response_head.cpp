// SPDX-License-Identifier: Apache-2.0
#include "net/response_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/status.hpp"
#include "http/text.hpp"

namespace microtome::net {
namespace {

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

int append_fields(std::string& out, const http::Response& response) {
  const int refused = http::append_field_lines(out, response.headers);
  if (response.lines) {
    out += *response.lines;
  }
  return refused;
}

}  // namespace

bool may_have_body(int status) {
  return !http::bodiless(status);
}

int sendable_status(int status) {
  return status >= 200 && status <= 599 ? status : 500;
}

int append_http_head(std::string& out, const http::Response& response, const BodyFraming& framing,
                     KeepAlive keep_alive, std::string_view date) {
  const int status = sendable_status(response.status);
  out += "HTTP/1.1 ";
  append_status(out, status);
  out += "Date: ";
  out += date;
  out += "\r\n";
  const int refused = append_fields(out, response);
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
  const int refused = append_fields(out, response);
  if (may_have_body(status) && !response.lines && !response.headers.has("Content-Type") &&
      framing.length.value_or(1) > 0) {
    out += "Content-Type: application/octet-stream\r\n";  // without one some gateways make up text/html
  }
  append_length(out, framing, status);
  out += "\r\n";
  return refused;
}

}  // namespace microtome::net
