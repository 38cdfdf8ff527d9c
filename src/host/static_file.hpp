// SPDX-License-Identifier: Apache-2.0
// Answers made of a file: validators, conditional requests, ranges. Loop thread; opens and stats, reads only for
// several ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/settings.hpp"
#include "http/message.hpp"
#include "io/file.hpp"

namespace microtome::host {

// The ETag of a file by the etag.use-* settings, quoted; empty when switched off.
[[nodiscard]] std::string file_etag(const io::FileId& id, const RequestSettings& settings);

// 200, 206, 304, 412 or 416 for `file`. `request` gives the method and the fields that decide. Headers that
// `response` has already stay (an app's, with X-Sendfile).
void answer_with_file(http::Response& response, const http::Request& request, io::FilePtr file, std::string_view type,
                      const RequestSettings& settings);

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};
// The ranges of a Range field for `size` bytes, in order, clamped; nearby ones as one. nullopt: of another unit, or
// more than 16 of them: to be ignored; empty: none can be satisfied.
[[nodiscard]] std::optional<std::vector<ByteRange>> parse_ranges(std::string_view field, std::uint64_t size);

}  // namespace microtome::host
