// SPDX-License-Identifier: Apache-2.0
// What a TIFF file says in words: descriptions, the size of a pixel, the colour profile. Blocks on the disk.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "image/picture.hpp"
#include "image/tiff_index.hpp"
#include "image/tiff_layout.hpp"

namespace microtome::image {

// Everything of PictureInfo but the levels. Names in `text`: description, software, date, artist, copyright, make,
// model, title, page, host, xmp, colour_space (for pictures converted to RGB: cielab, cmyk), sample_min, sample_max,
// x_resolution, y_resolution (the tags' numbers, whatever their unit).
[[nodiscard]] PictureInfo describe(const TiffIndex& index, const TiffDirectory& directory, const TiffLayout& layout);

struct PixelSize {  // micrometres per pixel
  double x = 0;
  double y = 0;
};

// Micrometres of one unit of length as OME and ImageJ spell it; 0 for what has no length ("pixel").
[[nodiscard]] double um_of_unit(std::string_view unit);

// From the description: OME-XML (PhysicalSizeX), Aperio ("MPP = 0.499"), nothing else.
[[nodiscard]] std::optional<PixelSize> size_in_description(std::string_view description);

// From a resolution. Values that programs write without knowing any better (72, 96 and 1 dpi, 1 and 10 pixels per
// centimetre) count as unknown: a wrong scale bar is worse than none.
[[nodiscard]] std::optional<PixelSize> size_from_resolution(double x_per_unit, double y_per_unit, bool centimetre);

}  // namespace microtome::image
