// SPDX-License-Identifier: Apache-2.0
// Pictures of the Internet Imaging Protocol that the engine has no plan for: processed tiles and exports, lossless
// WebP, streams of tiles. They run as computations of the engine, so equal ones are made once, and kept. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "codec/codec.hpp"
#include "codec/tiff_encode.hpp"
#include "engine/engine.hpp"
#include "pixel/process.hpp"
#include "protocol/call.hpp"

namespace microtome::protocol {

struct Computation {
  image::PicturePtr picture;  // what it is made of: the open picture, or what that stands in for
  std::string key;            // what decides the bytes, but for the file
  WorkClass work = WorkClass::tile;
  std::function<Result<engine::Engine::Computed>(const CancelToken&)> make;
};

// Says what to make once the picture is open; may add headers to the answer.
using ChooseComputation = std::function<Result<Computation>(const image::PicturePtr&, http::Headers& extra)>;

// Opens the picture, makes and answers. Conditions are checked before any pixel is touched; files that cannot be read
// are 404, as for tiles that the engine makes.
void answer_computed(const Call& call, const std::string& path, ChooseComputation choose);

// How a picture is to be made.
struct Output {
  codec::Format format = codec::Format::jpeg;
  std::optional<int> quality = {};
  pixel::Operations operations = {};
  codec::TiffCompression compression = codec::TiffCompression::deflate;
  std::shared_ptr<const engine::Watermark> watermark = nullptr;
  std::uint64_t seed = 0;     // where the watermark lies
  std::int64_t max_icc = -1;  // bytes
};

// Code::unsupported for formats that are not written.
[[nodiscard]] Result<void> check_output(const Output& output);

// One tile of a level by its number, row by row; turned by 180 degrees the tile that then lies there.
// Code::not_found outside the picture.
[[nodiscard]] Result<engine::TileArea> tile_area(const image::PictureInfo& info, std::int64_t resolution,
                                                 std::int64_t index, const pixel::Operations& operations);

[[nodiscard]] Computation processed_tile(const Call& call, const image::PicturePtr& opened,
                                         const engine::TileArea& area, const Output& output);
// The area is that of the picture before it is turned.
[[nodiscard]] Computation processed_region(const Call& call, const image::PicturePtr& opened,
                                           const engine::RegionArea& area, const Output& output);
// TIL: all tiles of the rectangle between two tiles of a resolution, column by column, as JPEG.
// Code::not_found outside the picture, Code::too_large above 1024 tiles or the pixels of an export.
[[nodiscard]] Result<Computation> tile_stream(const Call& call, const image::PicturePtr& opened,
                                              std::int64_t resolution, std::int64_t first, std::int64_t last,
                                              const Output& output);

}  // namespace microtome::protocol
