// SPDX-License-Identifier: Apache-2.0
#include "http/conditional.hpp"

#include <algorithm>
#include <array>

#include "http/date.hpp"
#include "http/status.hpp"
#include "http/text.hpp"

namespace microtome::http {
namespace {

bool is_weak(std::string_view tag) {
  return tag.starts_with("W/");
}
std::string_view opaque(std::string_view tag) {
  return is_weak(tag) ? tag.substr(2) : tag;
}

bool well_formed(std::string_view tag) {
  tag = opaque(tag);
  return tag.size() >= 2 && tag.front() == '"' && tag.back() == '"';
}

}  // namespace

std::string quote_etag(std::string_view text, bool weak) {
  std::string tag = weak ? "W/\"" : "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    tag.push_back(byte <= 0x20 || byte == 0x7f || c == '"' || c == '\\' ? '_' : c);
  }
  tag.push_back('"');
  return tag;
}

bool list_matches(std::string_view list, std::string_view etag, bool weak_comparison) {
  if (trim(list) == "*") {
    return true;
  }
  if (etag.empty() || (!weak_comparison && is_weak(etag))) {
    return false;
  }
  return std::ranges::any_of(split_list(list), [&](std::string_view tag) {
    return well_formed(tag) && (weak_comparison || !is_weak(tag)) && opaque(tag) == opaque(etag);
  });
}

std::string joined(const Headers& headers, std::string_view name) {
  std::string all;
  for (const Header& header : headers.all()) {
    if (equal_no_case(header.name, name)) {
      all += all.empty() ? "" : ", ";
      all += header.value;
    }
  }
  return all;
}

Condition evaluate(const Request& request, std::string_view etag, std::optional<std::int64_t> mtime_seconds) {
  const bool safe = request.method == "GET" || request.method == "HEAD";
  const Headers& headers = request.headers;
  if (headers.has("If-Match")) {
    if (!list_matches(joined(headers, "If-Match"), etag, false)) {
      return Condition::precondition_failed;
    }
  } else if (headers.has("If-Unmodified-Since") && mtime_seconds) {
    const auto since = parse_date(headers.get("If-Unmodified-Since"));
    if (since && *mtime_seconds > *since) {
      return Condition::precondition_failed;
    }
  }
  if (headers.has("If-None-Match")) {
    if (list_matches(joined(headers, "If-None-Match"), etag)) {
      return safe ? Condition::not_modified : Condition::precondition_failed;
    }
  } else if (safe && mtime_seconds && headers.has("If-Modified-Since")) {
    const auto since = parse_date(headers.get("If-Modified-Since"));
    if (since && *mtime_seconds <= *since) {
      return Condition::not_modified;
    }
  }
  return Condition::proceed;
}

Response not_modified(const Headers& headers) {
  static constexpr std::array<std::string_view, 9> kKept{"Cache-Control",
                                                         "Content-Location",
                                                         "ETag",
                                                         "Expires",
                                                         "Vary",
                                                         "Last-Modified",
                                                         "Access-Control-Allow-Origin",
                                                         "Access-Control-Expose-Headers",
                                                         "Cross-Origin-Resource-Policy"};
  Response response;
  response.status = 304;
  for (const Header& header : headers.all()) {
    if (std::ranges::any_of(kKept, [&](std::string_view name) { return equal_no_case(name, header.name); })) {
      response.headers.add(header.name, header.value);
    }
  }
  return response;
}

}  // namespace microtome::http
