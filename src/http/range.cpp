// SPDX-License-Identifier: Apache-2.0
#include "http/range.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace microtome::http {
namespace {

// Digits only; numbers beyond 64 bits are as good as the largest.
std::optional<std::uint64_t> whole(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? number : UINT64_MAX;
}

// Takes the first `span.first` bytes of `size` away from the span; what of them is left.
ByteSpan take(ByteSpan& span, std::uint64_t size) {
  const std::uint64_t skipped = std::min(span.first, size);
  const std::uint64_t taken = std::min(span.length, size - skipped);
  span.first -= skipped;
  span.length -= taken;
  return {skipped, taken};
}

SharedBytes cut(const SharedBytes& bytes, ByteSpan& span) {
  if (!bytes) {
    return nullptr;
  }
  const ByteSpan part = take(span, bytes->size());
  if (part.length == 0) {
    return nullptr;
  }
  const auto* begin = bytes->data() + part.first;
  return std::make_shared<const Bytes>(begin, begin + part.length);
}

Body cut(Body body, ByteSpan span) {
  if (auto* text = std::get_if<std::string>(&body)) {
    return text->substr(span.first, span.length);
  }
  if (auto* bytes = std::get_if<Bytes>(&body)) {
    const auto* begin = bytes->data() + span.first;
    return Bytes(begin, begin + span.length);
  }
  if (auto* shared = std::get_if<SharedBytes>(&body)) {
    return cut(*shared, span);
  }
  auto& file = std::get<FileBody>(body);
  FileBody made;
  made.prefix = cut(file.prefix, span);
  for (io::FileRange& range : file.ranges) {
    const ByteSpan part = take(span, range.length);
    if (part.length > 0) {
      made.ranges.push_back({std::move(range.file), range.offset + part.first, part.length});
    }
  }
  made.suffix = cut(file.suffix, span);
  return made;
}

}  // namespace

std::optional<ByteSpan> parse_range(std::string_view value, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!value.starts_with(kUnit)) {
    return std::nullopt;
  }
  value.remove_prefix(kUnit.size());
  const std::size_t dash = value.find('-');
  if (dash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto first = whole(value.substr(0, dash));
  const auto last = whole(value.substr(dash + 1));
  if ((dash > 0 && !first) || (dash + 1 < value.size() && !last) || (!first && !last) ||
      (first && last && *last < *first)) {
    return std::nullopt;
  }
  if (!first) {
    const std::uint64_t length = std::min(*last, size);
    return ByteSpan{size - length, length};
  }
  if (*first >= size) {
    return ByteSpan{};
  }
  return ByteSpan{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
}

void apply_range(const Request& request, Response& response) {
  const auto length = body_length(response.body);
  const bool made = std::holds_alternative<std::shared_ptr<Producer>>(response.body);
  if (request.method != "GET" || response.status != 200 || !length || made || *length == 0) {
    return;
  }
  if (request.headers.has("If-Range")) {
    const std::string_view etag = response.headers.get("ETag");
    if (etag.empty() || etag.starts_with("W/") || request.headers.get("If-Range") != etag) {
      return;
    }
  }
  const auto span = parse_range(request.headers.get("Range"), *length);
  if (!span) {
    return;
  }
  const std::string size = std::to_string(*length);
  if (span->length == 0) {
    response.status = 416;
    response.headers.set("Content-Range", "bytes */" + size);
    response.body = Body();
    return;
  }
  response.status = 206;
  response.headers.set("Content-Range", "bytes " + std::to_string(span->first) + "-" +
                                            std::to_string(span->first + span->length - 1) + "/" + size);
  response.body = cut(std::move(response.body), *span);
}

}  // namespace microtome::http
