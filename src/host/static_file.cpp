// SPDX-License-Identifier: Apache-2.0
#include "host/static_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "http/conditional.hpp"
#include "http/date.hpp"
#include "http/status.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

constexpr std::size_t kMaxRanges = 16;
constexpr std::uint64_t kGap = 80;  // ranges that are closer are sent as one: a part's head is longer
constexpr std::string_view kBoundary = "fkj49sn38dcn3";  // the one clients of lighttpd know
constexpr std::uint64_t kMaxMultipart = 4 << 20;         // bytes of several ranges, which are read into memory

std::string hex(std::uint64_t number) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  return {digits.data(), end};
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.first) + '-' + std::to_string(range.last) + '/' + std::to_string(size);
}

// If-Range: the ranges count only for the very file the client has.
bool if_range_holds(const http::Request& request, std::string_view etag, std::int64_t mtime) {
  if (!request.headers.has("If-Range")) {
    return true;
  }
  const std::string_view value = request.headers.get("If-Range");
  if (value.starts_with('"') || value.starts_with("W/")) {
    return !etag.empty() && !etag.starts_with("W/") && value == etag;
  }
  const auto date = http::parse_date(value);
  return date && *date == mtime;
}

// multipart/byteranges; null when it would be too large.
bool several_ranges(http::Response& response, const io::FilePtr& file, const std::vector<ByteRange>& ranges,
                    std::string_view type) {
  std::uint64_t total = 0;
  for (const ByteRange& range : ranges) {
    total += range.last - range.first + 1;
  }
  if (total > kMaxMultipart) {
    return false;
  }
  Bytes body;
  const auto append = [&body](std::string_view text) { body.insert(body.end(), text.begin(), text.end()); };
  for (const ByteRange& range : ranges) {
    append("--" + std::string(kBoundary) + "\r\n");
    if (!type.empty()) {
      append("Content-Type: " + std::string(type) + "\r\n");
    }
    append("Content-Range: " + content_range(range, file->size()) + "\r\n\r\n");
    const auto part = file->read(range.first, static_cast<std::size_t>(range.last - range.first + 1));
    if (!part) {
      return false;
    }
    append(as_text(*part));
    append("\r\n");
  }
  append("--" + std::string(kBoundary) + "--\r\n");
  response.status = 206;
  response.headers.set("Content-Type", "multipart/byteranges; boundary=" + std::string(kBoundary));
  response.body = std::move(body);
  return true;
}

void one_range(http::Response& response, io::FilePtr file, std::uint64_t first, std::uint64_t length) {
  http::FileBody body;
  body.ranges.push_back({std::move(file), first, length});
  response.body = std::move(body);
}

// "0-9", "5-", "-3" of a file of `size` bytes; nothing when it is malformed or lies behind the end.
std::optional<ByteRange> parse_range(std::string_view part, std::uint64_t size) {
  const std::size_t dash = part.find('-');
  if (dash == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view from = http::trim(part.substr(0, dash));
  const std::string_view to = http::trim(part.substr(dash + 1));
  const auto first = http::parse_decimal(from);
  const auto last = http::parse_decimal(to);
  if ((!from.empty() && !first) || (!to.empty() && !last) || (first && last && *first > *last)) {
    return std::nullopt;
  }
  if (first) {
    return *first < size ? std::optional(ByteRange{*first, last ? std::min(*last, size - 1) : size - 1})
                         : std::nullopt;
  }
  if (!last || *last == 0 || size == 0) {
    return std::nullopt;
  }
  return ByteRange{size - std::min(*last, size), size - 1};
}

// Overlapping and nearby ranges become one; the order stays as it was asked for.
void merge_close(std::vector<ByteRange>& ranges) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    for (std::size_t j = i + 1; j < ranges.size();) {
      const bool apart = ranges[i].first > ranges[j].last + kGap || ranges[j].first > ranges[i].last + kGap;
      if (apart) {
        ++j;
        continue;
      }
      ranges[i] = {std::min(ranges[i].first, ranges[j].first), std::max(ranges[i].last, ranges[j].last)};
      ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(j));
      j = i + 1;  // the larger one may reach others
    }
  }
}

}  // namespace

std::string file_etag(const io::FileId& id, const RequestSettings& settings) {
  if (!settings.etags || (!settings.etag_inode && !settings.etag_mtime && !settings.etag_size)) {
    return {};
  }
  std::string tag;
  if (settings.etag_inode) {
    tag += hex(id.inode) + '-';
  }
  if (settings.etag_size) {
    tag += hex(id.size) + '-';
  }
  if (settings.etag_mtime) {
    tag += hex(static_cast<std::uint64_t>(id.mtime_ns)) + '-';
  }
  tag.pop_back();
  return http::quote_etag(tag);
}

std::optional<std::vector<ByteRange>> parse_ranges(std::string_view field, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (field.size() < kUnit.size() || !http::equal_no_case(field.substr(0, kUnit.size()), kUnit)) {
    return std::nullopt;
  }
  std::vector<ByteRange> ranges;
  std::size_t count = 0;
  field.remove_prefix(kUnit.size());
  for (const std::string_view part : http::split_list(field)) {
    if (++count > kMaxRanges) {
      return std::nullopt;
    }
    if (const auto range = parse_range(part, size)) {
      ranges.push_back(*range);
    }
  }
  merge_close(ranges);
  return ranges;
}

void answer_with_file(http::Response& response, const http::Request& request, io::FilePtr file, std::string_view type,
                      const RequestSettings& settings) {
  http::Headers& headers = response.headers;
  const std::int64_t mtime = http::seconds_of(file->id().mtime_ns);
  const std::string etag = file_etag(file->id(), settings);
  if (!type.empty() && !headers.has("Content-Type")) {
    headers.add("Content-Type", std::string(type));
  }
  if (!etag.empty() && !headers.has("ETag")) {
    headers.add("ETag", etag);
  }
  if (!headers.has("Last-Modified")) {
    headers.add("Last-Modified", http::format_date(mtime));
  }
  if (response.status == 200) {
    switch (http::evaluate(request, headers.get("ETag"), mtime)) {
      case http::Condition::not_modified: {
        const std::string kept(headers.get("Content-Type"));
        response = http::not_modified(headers);
        response.headers.set("Content-Type", kept);
        return;
      }
      case http::Condition::precondition_failed:
        response = http::text_response(412, "precondition failed");
        return;
      case http::Condition::proceed:
        break;
    }
  }
  const std::uint64_t size = file->size();
  const bool ranges_allowed = settings.range_requests && response.status == 200 && request.method == "GET";
  if (settings.range_requests) {
    headers.set("Accept-Ranges", "bytes");
  }
  if (ranges_allowed && request.headers.has("Range") && if_range_holds(request, headers.get("ETag"), mtime)) {
    const auto ranges = parse_ranges(request.headers.get("Range"), size);
    if (ranges && ranges->empty()) {
      response = http::text_response(416, "range not satisfiable");
      response.headers.set("Content-Range", "bytes */" + std::to_string(size));
      return;
    }
    if (ranges && ranges->size() == 1) {
      const ByteRange range = ranges->front();
      response.status = 206;
      headers.set("Content-Range", content_range(range, size));
      return one_range(response, std::move(file), range.first, range.last - range.first + 1);
    }
    if (ranges && several_ranges(response, file, *ranges, headers.get("Content-Type"))) {
      return;
    }
  }
  one_range(response, std::move(file), 0, size);
}

}  // namespace microtome::host
