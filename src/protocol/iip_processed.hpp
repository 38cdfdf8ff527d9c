// SPDX-License-Identifier: Apache-2.0
// A picture seen through the modifiers of the Internet Imaging Protocol. Thread-safe.
#pragma once

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "image/picture.hpp"
#include "pixel/process.hpp"

namespace microtome::protocol {

// `base` through operations: 8 bits, grey or rgb. Regions of it are cut, scaled and bounded by the engine as those of
// any other picture; with a kernel, what lies around an area belongs to it, so that tiles show no seams.
[[nodiscard]] image::PicturePtr processed_picture(image::PicturePtr base, const pixel::Operations& operations,
                                                  const pixel::Histogram& histogram);

// Of the first tile of the smallest level: as good as the whole, and cheap. Empty where no operation needs it.
[[nodiscard]] Result<pixel::Histogram> histogram_of(const image::Picture& picture,
                                                    const pixel::Operations& operations, const CancelToken& cancel);

}  // namespace microtome::protocol
