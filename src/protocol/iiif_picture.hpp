// SPDX-License-Identifier: Apache-2.0
// From what a IIIF URL says to what the engine shall make: regions and sizes in pixels, rounded and limited as the
// Image API says (3.0 and 2.1, sections 4.1 and 4.2), and the canonical form of the request (section 4.7). Pure;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "image/picture.hpp"
#include "protocol/iiif_request.hpp"

namespace microtome::protocol {

// What is announced as maxWidth, maxHeight and maxArea.
struct IiifLimits {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t area = 0;
  bool upscaling = true;  // false: nothing is larger than its region
};

struct IiifPicture {
  engine::PixelRequest request;
  std::string canonical;  // "{region}/{size}/{rotation}/{quality}.{format}"
};

// Code::bad_request for a region outside the picture, an enlargement without "^" (3.0), a size beyond the limits or
// below one pixel.
[[nodiscard]] Result<IiifPicture> make_iiif_picture(const IiifImage& image, IiifVersion version,
                                                    const image::PictureInfo& info, const IiifLimits& limits);

// By how much level `index` is smaller: 1, 2, 4...; 0 when its size is no whole fraction of the picture's.
[[nodiscard]] std::int64_t iiif_scale_factor(const image::PictureInfo& info, std::size_t index);

[[nodiscard]] bool iiif_is_grey(const image::PictureInfo& info);

}  // namespace microtome::protocol
