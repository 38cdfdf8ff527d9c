// SPDX-License-Identifier: Apache-2.0
#include "http/status.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace microtome::http {
namespace {

using Named = std::pair<int, std::string_view>;
constexpr std::array kReasons{
    Named{100, "Continue"},
    Named{101, "Switching Protocols"},
    Named{200, "OK"},
    Named{201, "Created"},
    Named{202, "Accepted"},
    Named{204, "No Content"},
    Named{206, "Partial Content"},
    Named{301, "Moved Permanently"},
    Named{302, "Found"},
    Named{303, "See Other"},
    Named{304, "Not Modified"},
    Named{307, "Temporary Redirect"},
    Named{308, "Permanent Redirect"},
    Named{400, "Bad Request"},
    Named{401, "Unauthorized"},
    Named{403, "Forbidden"},
    Named{404, "Not Found"},
    Named{405, "Method Not Allowed"},
    Named{406, "Not Acceptable"},
    Named{408, "Request Timeout"},
    Named{409, "Conflict"},
    Named{410, "Gone"},
    Named{411, "Length Required"},
    Named{412, "Precondition Failed"},
    Named{413, "Content Too Large"},
    Named{414, "URI Too Long"},
    Named{415, "Unsupported Media Type"},
    Named{416, "Range Not Satisfiable"},
    Named{417, "Expectation Failed"},
    Named{421, "Misdirected Request"},
    Named{422, "Unprocessable Content"},
    Named{426, "Upgrade Required"},
    Named{429, "Too Many Requests"},
    Named{431, "Request Header Fields Too Large"},
    Named{499, "Client Closed Request"},
    Named{500, "Internal Server Error"},
    Named{501, "Not Implemented"},
    Named{502, "Bad Gateway"},
    Named{503, "Service Unavailable"},
    Named{504, "Gateway Timeout"},
    Named{505, "HTTP Version Not Supported"},
    Named{507, "Insufficient Storage"},
};

}  // namespace

std::string_view reason(int status) {
  const auto found = std::ranges::lower_bound(kReasons, status, {}, &Named::first);
  return found != kReasons.end() && found->first == status ? found->second : "Status";
}

int status_of(Code code) {
  switch (code) {
    case Code::bad_request:
      return 400;
    case Code::forbidden:
      return 403;
    case Code::not_found:
    case Code::corrupt:  // our side is well: whoever watches for 5xx, or tries another server, would do so in vain
      return 404;
    case Code::method_not_allowed:
      return 405;
    case Code::too_large:
      return 413;
    case Code::uri_too_long:
      return 414;
    case Code::unsupported:
      return 501;
    case Code::overloaded:
      return 503;
    case Code::deadline:
      return 504;
    case Code::cancelled:
      return 499;
    case Code::io:
    case Code::internal:
      break;
  }
  return 500;
}

Response text_response(int status, std::string_view message) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  if (status >= 400) {
    response.headers.add("Cache-Control", "no-store");
  }
  if (status == 503) {
    response.headers.add("Retry-After", std::to_string(kRetryAfterSeconds));
  }
  std::string body(message.empty() ? reason(status) : message);
  body.push_back('\n');
  response.body = std::move(body);
  return response;
}

Response error_response(const Error& error) {
  return text_response(status_of(error.code), error.message);
}

Response method_not_allowed(std::string_view allowed) {
  Response response = text_response(405, "method not allowed");
  response.headers.add("Allow", std::string(allowed));
  return response;
}

}  // namespace microtome::http
