// SPDX-License-Identifier: Apache-2.0
// Zoomify: "{id}/ImageProperties.xml" describes a picture, "{id}/TileGroup{any}/{z}-{x}-{y}.jpg" is a tile of it.
// Tier z = 0 is the largest that fits one tile; each further one has twice the size. Sizes are rounded up, or halved
// and cut off as some clients do ("truncated"), which may leave out a tier.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/codec.hpp"
#include "image/picture.hpp"
#include "protocol/call.hpp"
#include "protocol/manner.hpp"

namespace microtome::protocol {

struct ZoomifyTile {
  std::int64_t tier = 0;
  std::int64_t x = 0;
  std::int64_t y = 0;
  codec::Format format = codec::Format::jpeg;
};

struct ZoomifyPath {
  std::string_view id;
  std::optional<ZoomifyTile> tile;  // unset: the description
};
// `path` is percent-decoded; the result looks into it. Code::not_found when it has another form. Pure.
[[nodiscard]] Result<ZoomifyPath> parse_zoomify(std::string_view path);

struct ZoomifyTiers {
  int count = 0;
  std::int64_t tiles = 0;  // of all tiers
};
// Pure. `side`: of the tiles.
[[nodiscard]] ZoomifyTiers zoomify_tiers(const image::PictureInfo& info, int side, bool truncated);

// `path` is percent-decoded, without a slash before the id. With the query "tiers=truncated" tiers are counted so.
void answer_zoomify(const Call& call, std::string_view path, const std::optional<Manner>& manner = {});

}  // namespace microtome::protocol
