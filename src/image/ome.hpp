// SPDX-License-Identifier: Apache-2.0
// What OME-XML and ImageJ write into the description of a TIFF about its pages: how many planes, channels and moments
// there are, in which order, how far apart. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "image/picture.hpp"

namespace microtome::image {

// Pages of one file that are served; planes of a stack.
inline constexpr std::size_t kMostPages = 16384;
inline constexpr std::size_t kMostDescription = 8 << 20;  // bytes of OME-XML that are read

// `pages`: for each directory of the main chain the number of its page, or -1. `file_name`: the file's own, by which
// planes of other files of a set are told apart. nullopt when the text is neither OME-XML nor ImageJ's, is broken, or
// claims more than kMostPages planes: the pages are then a plain stack.
[[nodiscard]] std::optional<Stack> stack_in_description(std::string_view description, const std::vector<int>& pages,
                                                        std::string_view file_name);

// As many planes as pages.
[[nodiscard]] Stack plain_stack(int pages);

}  // namespace microtome::image
