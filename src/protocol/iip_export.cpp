// SPDX-License-Identifier: Apache-2.0
#include "protocol/iip_export.hpp"

#include <algorithm>
#include <cmath>

namespace microtome::protocol {

Result<engine::RegionArea> export_area(const IipView& view, std::int64_t width, std::int64_t height, int most,
                                       bool upscaling) {
  const auto full_width = static_cast<double>(width);
  const auto full_height = static_cast<double>(height);
  engine::RegionArea area;
  area.x = std::round(view.left * full_width);
  area.y = std::round(view.top * full_height);
  if (view.left >= 1 || view.top >= 1 || view.right <= view.left || view.bottom <= view.top) {
    return fail(Code::bad_request, "the region lies outside the picture");
  }
  area.x = std::min(area.x, full_width - 1);
  area.y = std::min(area.y, full_height - 1);
  area.width = std::clamp(std::round(view.right * full_width) - area.x, 1.0, full_width - area.x);
  area.height = std::clamp(std::round(view.bottom * full_height) - area.y, 1.0, full_height - area.y);

  double box_width = full_width;
  double box_height = full_height;
  if (view.width > 0 || view.height > 0) {
    box_width = view.width > 0 ? static_cast<double>(view.width)
                               : static_cast<double>(view.height) * area.width / area.height;
    box_height = view.height > 0 ? static_cast<double>(view.height)
                                 : static_cast<double>(view.width) * area.height / area.width;
  }
  if (most > 0) {
    // Both sides by the same factor: a box of 10000x10 must not become 5000x10.
    const double factor = std::min(1.0, most / std::max(box_width, box_height));
    box_width *= factor;
    box_height *= factor;
  }
  const double fitting = std::min(box_width / area.width, box_height / area.height);
  const double scale = upscaling ? fitting : std::min(1.0, fitting);
  constexpr double kMost = 1e6;
  area.out_width = static_cast<int>(std::clamp(std::round(area.width * scale), 1.0, kMost));
  area.out_height = static_cast<int>(std::clamp(std::round(area.height * scale), 1.0, kMost));
  return area;
}

}  // namespace microtome::protocol
