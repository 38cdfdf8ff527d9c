// SPDX-License-Identifier: Apache-2.0
// Inside of codec: RGB to the YCbCr of JFIF (ITU-R BT.601, full range), with the same results to the bit as libjpeg.
// Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microtome::codec {

// `width` pixels of RGB, to as many samples each.
void rgb_to_ycc(const std::uint8_t* rgb, std::size_t width, std::uint8_t* luma, std::uint8_t* blue,
                std::uint8_t* red);

// `count` means of two by two samples; halves are rounded down and up in turn, so that the picture stays as bright.
void halve_rows(const std::uint8_t* above, const std::uint8_t* below, std::size_t count, std::uint8_t* out);

}  // namespace microtome::codec
