// SPDX-License-Identifier: Apache-2.0
#include "host/cgi_head.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "http/text.hpp"

namespace microtome::host {
namespace {

using http::equal_no_case;

constexpr std::size_t kMaxHead = 64 * 1024;
constexpr std::size_t kMaxFields = 200;

// Fields between the app and us that mean nothing to the client.
bool hop_by_hop(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kNames{
      "Connection", "Keep-Alive", "Proxy-Connection",        "TE",
      "Trailer",    "Upgrade",    "Proxy-Authenticate-Info", "Proxy-Authorization"};
  return std::any_of(kNames.begin(), kNames.end(), [name](auto other) { return equal_no_case(name, other); });
}

// "404", "404 Not Found"; 0 when it is neither.
int read_status(std::string_view text) {
  if (text.size() < 3 || (text.size() > 3 && text[3] != ' ')) {
    return 0;
  }
  const auto number = http::parse_decimal(text.substr(0, 3));
  return number && *number >= 200 && *number <= 599 ? static_cast<int>(*number) : 0;
}

}  // namespace

CgiHeadReader::State CgiHeadReader::bad(std::string why) {
  fault_ = std::move(why);
  return State::bad;
}

CgiHeadReader::State CgiHeadReader::feed(std::string_view& bytes) {
  const std::size_t before = text_.size();
  text_.append(bytes.substr(0, kMaxHead + 1 - std::min(before, kMaxHead + 1)));
  // The end: a line feed, perhaps a carriage return, and a line feed.
  while (true) {
    const std::size_t end = text_.find('\n', scanned_);
    if (end == std::string::npos) {
      break;
    }
    const std::string_view line = std::string_view(text_).substr(scanned_, end - scanned_);
    scanned_ = end + 1;
    if (line.empty() || line == "\r") {
      bytes.remove_prefix(scanned_ - before);
      text_.resize(scanned_);
      return finish(text_);
    }
  }
  if (text_.size() > kMaxHead) {
    return bad("its header is larger than 64 KiB");
  }
  bytes = {};
  return State::more;
}

CgiHeadReader::State CgiHeadReader::finish(std::string_view text) {
  bool first = true;
  std::size_t lines = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view each = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (each.ends_with('\r')) {
      each.remove_suffix(1);
    }
    if (each.empty()) {
      break;
    }
    if (++lines > kMaxFields) {
      return bad("its header has more than 200 lines");
    }
    if (!line(each, first)) {
      return State::bad;
    }
    first = false;
  }
  if (lines == 0) {
    return bad("its header is empty");
  }
  if (!status_given_ && head_.headers.has("Location")) {
    head_.status = 302;
  }
  return State::done;
}

bool CgiHeadReader::line(std::string_view line, bool first) {
  if (first && (line.starts_with("HTTP/1.0 ") || line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/2 "))) {
    const std::string_view number = line.substr(line.find(' ') + 1);
    const int status = read_status(number);
    if (status == 0 && http_ && number.starts_with('1')) {
      head_.interim = true;
      head_.switches = number.starts_with("101");
      return true;
    }
    if (status == 0) {
      bad("its status line makes no sense");
      return false;
    }
    head_.status = status;
    head_.nph = status_given_ = true;
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    bad("it sent a line without a colon where headers belong");
    return false;
  }
  std::string_view name = line.substr(0, colon);
  const std::string_view value = http::trim(line.substr(colon + 1));
  if (!http::is_token(name)) {
    bad("it sent a header name that is none");
    return false;
  }
  if (!http::is_field_value(value)) {
    bad("it sent a header value with control characters");
    return false;
  }
  return field(name, value);
}

bool CgiHeadReader::field(std::string_view name, std::string_view value) {
  if (http_ && connection_field(name, value)) {
    return true;
  }
  if (equal_no_case(name, "Status") && !http_) {
    const int status = read_status(value);
    if (status == 0) {
      bad("its Status is not from 200 to 599");
      return false;
    }
    head_.status = status;
    status_given_ = true;
  } else if (equal_no_case(name, "Content-Length")) {
    const auto length = http::parse_decimal(value);
    if (!length) {
      bad("its Content-Length is no number");
      return false;
    }
    if (http_ && head_.content_length && head_.content_length != length) {
      bad("it sent two lengths");
      return false;
    }
    if (!head_.content_length) {  // of several the first counts
      head_.content_length = length;
    }
  } else if (equal_no_case(name, "Transfer-Encoding")) {
    head_.chunked = equal_no_case(value, "chunked");
    if (!head_.chunked) {
      bad("it sent a transfer encoding");
      return false;
    }
  } else if (equal_no_case(name, "X-Sendfile") || equal_no_case(name, "X-LIGHTTPD-send-file")) {
    head_.send_file = value;
  } else if (equal_no_case(name, "X-Sendfile2")) {
    head_.send_file = value;
    head_.send_file_parts = true;
  } else if (equal_no_case(name, "X-Accel-Redirect")) {
    head_.send_file = value;
    head_.send_file_by_url = true;
  } else if (!http_ && name.size() > 9 && equal_no_case(name.substr(0, 9), "Variable-")) {
    head_.variables.add(std::string(name.substr(9)), std::string(value));
  } else if (!hop_by_hop(name) && !(name.size() > 8 && equal_no_case(name.substr(0, 8), "X-Accel-"))) {
    head_.headers.add(std::string(name), std::string(value));
  }
  return true;
}

// What an HTTP server says about the connection to it.
bool CgiHeadReader::connection_field(std::string_view name, std::string_view value) {
  if (equal_no_case(name, "Connection")) {
    head_.connection += (head_.connection.empty() ? "" : ", ") + std::string(value);
    return true;
  }
  if (equal_no_case(name, "Upgrade")) {
    head_.upgrade = value;
    return true;
  }
  return false;
}

}  // namespace microtome::host
