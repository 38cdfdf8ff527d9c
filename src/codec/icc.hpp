// SPDX-License-Identifier: Apache-2.0
// Colour profiles, by Little CMS. Pure and thread-safe.
#pragma once

#include "base/bytes.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

// Makes the colours of a u8 picture (grey, rgb, with or without alpha, which stays) those of sRGB, perceptually. The
// picture stays as it is when the profile cannot be read, is for another kind of colours, or is sRGB itself.
// True when it was changed. About 15 ns a pixel.
bool to_srgb(pixel::Image& image, ByteView profile);

}  // namespace microtome::codec
