// SPDX-License-Identifier: Apache-2.0
// Rows that hold how far each pixel is from the one before it (TIFF 6.0 section 14). Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microtome::pixel {

// Every sample becomes the sum, modulo 2^bits, of those of its channel up to it. `width` pixels of `samples` samples
// of 8 or 16 bits.
void add_differences(std::uint8_t* row, std::size_t width, std::size_t samples, int bits);

}  // namespace microtome::pixel
