// SPDX-License-Identifier: Apache-2.0
// DeepZoom: "{id}.dzi" describes a picture, "{id}_files/{L}/{x}_{y}.{format}" is a tile of it, without overlap unless
// the query says "overlap=1".
// Level L halves from the full size down to 1x1 (level 0), sizes rounded up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "image/picture.hpp"
#include "protocol/call.hpp"
#include "protocol/manner.hpp"

namespace microtome::protocol {

struct DeepZoomTile {
  std::int64_t level = 0;
  std::int64_t x = 0;
  std::int64_t y = 0;
  codec::Format format = codec::Format::jpeg;
  int overlap = 0;  // 0 or 1: pixels that a tile shares with its neighbours, on inner edges only
};

// What a path asks for; `id` is what stands before ".dzi" or "_files/". Pure.
struct DeepZoomPath {
  std::string_view id;
  std::optional<DeepZoomTile> tile;  // unset: the description
  bool json = false;                 // the description in JSON: ".js", ".json"
};
// Code::not_found when the path has another form.
[[nodiscard]] Result<DeepZoomPath> parse_deepzoom(std::string_view path);

// Number of the level of full size: ceil(log2(longer side)). Pure.
[[nodiscard]] int deepzoom_top_level(const image::PictureInfo& info);

// Side of the tiles: the file's own when they are square, else its tiles' width, at most 2048. Pure.
[[nodiscard]] int deepzoom_tile_side(const image::PictureInfo& info);

// The stored tile when the file holds exactly this level in such tiles, else the region to render. Code::not_found
// outside. Pure.
[[nodiscard]] Result<engine::PixelRequest> deepzoom_request(const image::PictureInfo& info, const DeepZoomTile& tile);

// `path` is percent-decoded: "{id}.dzi" or "{id}_files/...".
void answer_deepzoom(const Call& call, std::string_view path, const std::optional<Manner>& manner = {});

}  // namespace microtome::protocol
