// SPDX-License-Identifier: Apache-2.0
// Regions: any rectangle of a picture at any size, by one decode and one scale. The geometry is pure; render_region
// reads and decodes, so it runs on workers only. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "image/picture.hpp"
#include "pixel/convert.hpp"
#include "pixel/image.hpp"
#include "pixel/scale.hpp"

namespace microtome::engine {

// How a region will be made.
struct RegionPlan {
  int level = 0;      // the coarsest one that still has at least the output's resolution
  int reduction = 1;  // 1, 2, 4, 8: what the decoder should shrink by before the exact scaling
  pixel::Filter filter = pixel::Filter::box;
  pixel::SourceRect source;    // pixels of the level, clipped to it, that fill `target`
  pixel::Rect decode;          // whole pixels of the level around `source`; a multiple of the reduction
  pixel::Rect target;          // pixels of the output that the picture covers; the rest is background. Empty: all is
  std::int64_t band_rows = 0;  // of the level, decoded at a time; 0: all at once
  std::uint64_t decoded_pixels = 0;  // of the level, whole tiles
  std::uint64_t memory_bytes = 0;    // held at a time, estimated
};

// Code::bad_request for numbers that make no rectangle (not finite, empty, smaller than a thousandth of a pixel).
[[nodiscard]] Result<RegionPlan> plan_region(const image::PictureInfo& info, const RegionArea& area);

// What a picture of more than 8 bits becomes. sixteen: 16-bit whole numbers stay, spread over 0..65535; the rest is
// brought to 8 bits all the same.
enum class Depth : std::uint8_t { eight, sixteen };

// grey, rgb, or with an alpha channel when the picture has one and `keep_alpha`; 8 bits, or as `depth` says. Outside
// the picture lies `background` (transparent where alpha is kept).
[[nodiscard]] Result<pixel::Image> render_region(const image::Picture& picture, const RegionArea& area,
                                                 const RegionPlan& plan, pixel::Rgb8 background, bool keep_alpha,
                                                 const CancelToken& cancel, Depth depth = Depth::eight);

// Any picture for a screen: 8 bits a sample (by the significant bits that the file says), grey or rgb, with an alpha
// channel only when there is one and `keep_alpha`; else composed over the background.
[[nodiscard]] pixel::Image for_display(pixel::Image image, int bits, pixel::Rgb8 background, bool keep_alpha,
                                       Depth depth = Depth::eight);

// The same rows as render_region's, from top to bottom, with memory for a few bands. Not thread-safe.
class RegionStream {
 public:
  // `picture` must outlive it.
  RegionStream(const image::Picture& picture, const RegionArea& area, const RegionPlan& plan, pixel::Rgb8 background,
               bool keep_alpha);
  ~RegionStream();
  RegionStream(const RegionStream&) = delete;
  RegionStream& operator=(const RegionStream&) = delete;

  // At least one row of the output's whole width; nullopt at its end. All have the colour of the first.
  [[nodiscard]] Result<std::optional<pixel::Image>> next(const CancelToken& cancel);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] constexpr pixel::Rgb8 rgb_of(std::uint32_t colour) {
  return {static_cast<std::uint8_t>(colour >> 16), static_cast<std::uint8_t>(colour >> 8),
          static_cast<std::uint8_t>(colour)};
}

}  // namespace microtome::engine
