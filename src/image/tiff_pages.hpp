// SPDX-License-Identifier: Apache-2.0
// Which directories of a TIFF are pages of their own, which are levels of another, and which are the label, macro
// shot and thumbnail of a slide. Blocks on the disk; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/picture.hpp"
#include "image/tiff_index.hpp"

namespace microtome::image {

struct TiffPages {
  struct Associated {
    std::string name;
    std::uint64_t directory = 0;
  };
  // For each page its directory and the smaller ones that follow it in the chain. At least one.
  std::vector<std::vector<std::uint64_t>> pages;
  std::vector<Associated> associated;
  std::shared_ptr<const Stack> stack;  // null for one page
};

// A page is of the size and kind of the first picture and no reduced version of it, or says that it is a page
// (NewSubfileType), or follows in a file without pyramid. At most kMostPages of them.
[[nodiscard]] TiffPages find_tiff_pages(const TiffIndex& index);

// The number of the page that `part` names: a page, a plane ("z3", "z3c1", "c1t2"), or "@N"; nullopt: no such page.
[[nodiscard]] std::optional<std::size_t> page_named(const TiffPages& pages, std::string_view part);

}  // namespace microtome::image
