// SPDX-License-Identifier: Apache-2.0
// Any text as the description of a file of several pages: OME-XML, ImageJ's lines, broken ones. What comes out must
// be within its own bounds; nothing may crash, hang or take memory out of proportion.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "image/ome.hpp"

using namespace microtome;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  // How many directories the file has, and which of them are pages.
  std::vector<int> pages;
  int number = 0;
  for (int i = 0; i < data[0] % 40; ++i) {
    const bool page = (data[1] >> (i % 8) & 1) == 0;
    pages.push_back(page ? number++ : -1);
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto stack = image::stack_in_description(text, pages, "a.ome.tif");
  if (!stack) {
    return 0;
  }
  const auto planes =
      static_cast<std::size_t>(stack->z) * static_cast<std::size_t>(stack->c) * static_cast<std::size_t>(stack->t);
  if (stack->z < 1 || stack->c < 1 || stack->t < 1 || planes != stack->page.size() || planes > image::kMostPages ||
      stack->pages != number ||
      (!stack->colours.empty() && stack->colours.size() != static_cast<std::size_t>(stack->c))) {
    std::abort();
  }
  for (const int page : stack->page) {
    if (page < -1 || page >= number) {
      std::abort();
    }
  }
  for (const auto& [plane, other] : stack->elsewhere) {
    if (plane >= planes || other.page < 0 || other.file.empty() || other.file.find('/') != std::string::npos) {
      std::abort();
    }
  }
  return 0;
}
