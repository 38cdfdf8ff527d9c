// SPDX-License-Identifier: Apache-2.0
// Two bytes say how long the tables are, then tables and stream. What the splice accepts must be a whole JPEG that
// says the same about itself, and that says what its colours are.
#include <algorithm>
#include <cstdlib>

#include "codec/jpeg.hpp"

using namespace microtome;         // NOLINT
using namespace microtome::codec;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const ByteView all(data + 2, size - 2);
  const std::size_t split = std::min<std::size_t>(data[0] << 8 | data[1], all.size());
  const ByteView tables = all.first(split);
  const ByteView stream = all.subspan(split);
  const auto info = inspect_jpeg(stream, tables);
  if (!info) {
    return 0;
  }
  for (const auto rgb : {std::optional<bool>(), std::optional(false), std::optional(true)}) {
    auto whole = build_prefix(*info, {.tables = tables, .icc = tables.first(split / 2), .rgb_coded = rgb});
    if (!whole) {
      continue;
    }
    const ByteView body = stream.subspan(info->has_soi ? 2 : 0);
    whole->insert(whole->end(), body.begin(), body.end());
    const auto spliced = inspect_jpeg(*whole);
    if (!spliced || spliced->width != info->width || spliced->components != info->components || !spliced->has_dqt ||
        !spliced->has_dht) {
      std::abort();
    }
    if (info->components == 3 && ((!spliced->has_jfif && spliced->adobe_transform < 0) ||
                                  spliced->looks_rgb() != rgb.value_or(info->looks_rgb()))) {
      std::abort();
    }
  }
  return 0;
}
