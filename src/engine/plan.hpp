// SPDX-License-Identifier: Apache-2.0
// Planner: the cheapest way to answer a request, and what it will cost. Pure; thread-safe. The rules and the costs
// are tables in plan.cpp; their figures are CPU time measured with libjpeg-turbo 2.1, libwebp 1.2 and our kernels.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "base/work_pool.hpp"
#include "codec/codec.hpp"
#include "engine/engine.hpp"
#include "engine/region.hpp"
#include "image/picture.hpp"

namespace microtome::engine {

enum class How : std::uint8_t {
  passthrough,    // stored bytes as they are
  dct_crop,       // a JPEG tile at the edge, cut without decoding
  background,     // nothing stored: a constant tile
  scaled_decode,  // a region that the decoder shrinks on its way
  full_decode,    // a tile decoded and encoded
  region,         // a region decoded, scaled and encoded
};

// "passthrough"...: as the enumerator.
[[nodiscard]] std::string_view name_of(How how);

struct Plan {
  How how = How::full_decode;
  std::int64_t cost_us = 0;        // CPU time, estimated
  std::uint64_t memory_bytes = 0;  // decoded pixels held while it runs, estimated
  WorkClass work = WorkClass::tile;
  RegionPlan region;  // of scaled_decode and region
};

// Above one of these a request is an export: it waits behind tiles and never takes the last thread.
inline constexpr std::int64_t kExportMicroseconds = 100'000;
inline constexpr std::int64_t kExportPixels = 4'000'000;

// Code::not_found when the picture has no such tile.
[[nodiscard]] Result<void> check_tile(const image::PictureInfo& info, const TileArea& area);

// `stored_quality` is that of a stored JPEG tile, as far as it is known. A stored tile answers any request that asks
// for no quality or for at least the stored one; an unknown quality answers only the first.
// `area` has passed check_tile.
[[nodiscard]] Plan plan_tile(const image::PictureInfo& info, const TileArea& area, codec::Format format,
                             std::optional<int> quality, const image::StoredTile& stored,
                             std::optional<int> stored_quality);

// Code::bad_request as plan_region.
[[nodiscard]] Result<Plan> plan_area(const image::PictureInfo& info, const RegionArea& area, codec::Format format);

// A region that is exactly one tile of a level becomes that tile; so a client that spells tiles as regions gets
// stored bytes too, and both spellings are one answer. Anything else is returned as it is, -0 as 0.
[[nodiscard]] PixelRequest canonical(const image::PictureInfo& info, PixelRequest request);

// Whether the answer should come from the picture itself, where a lossy pyramid stands in for it. Without loss:
// always where the picture has none of its own, else at more than half the full resolution; so does an explicit
// quality above the pyramid's, in JPEG, WebP or AVIF.
[[nodiscard]] bool needs_original(const image::PictureInfo& original, const PixelRequest& request,
                                  const EngineOptions& options);

}  // namespace microtome::engine
