// SPDX-License-Identifier: Apache-2.0
// MergedPicture: the channels of one plane laid over each other, each in its colour, as light adds up. What a
// fluorescence microscope took as several grey pictures is seen as one. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "image/picture.hpp"

namespace microtome::image {

// What the name of such a part ends with: "z3-merged", "z3t1-merged".
inline constexpr std::string_view kMerged = "-merged";
inline constexpr std::size_t kMostMerged = 16;  // channels

// RGB of 8 bits: the sum of each channel's value, of its significant bits, times its colour (0xRRGGBB).
// Code::not_found unless all are grey, of whole numbers, and have the same levels.
[[nodiscard]] Result<PicturePtr> merge_channels(std::vector<PicturePtr> channels,
                                                const std::vector<std::uint32_t>& colours);

}  // namespace microtome::image
