// SPDX-License-Identifier: Apache-2.0
// Everything that reads what a client wrote, without files: queries, DeepZoom paths, views, strips, exports.
#include <cmath>
#include <cstdlib>

#include "base/bytes.hpp"
#include "protocol/deepzoom.hpp"
#include "protocol/gradient.hpp"
#include "protocol/iip_export.hpp"
#include "protocol/iip_query.hpp"
#include "protocol/json_writer.hpp"
#include "protocol/numbers.hpp"
#include "protocol/set_calls.hpp"
#include "protocol/strip.hpp"

namespace {

using namespace microtome;            // NOLINT: a program of one function
using namespace microtome::protocol;  // NOLINT

void demand(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check_area(const engine::RegionArea& area, int most) {
  demand(std::isfinite(area.x) && std::isfinite(area.y) && area.width > 0 && area.height > 0);
  demand(area.out_width >= 1 && area.out_height >= 1 && area.out_width <= most && area.out_height <= most);
}

void check_iip(std::string_view text) {
  (void)is_iip_query(text);
  const auto commands = parse_iip(text);
  if (!commands) {
    return;
  }
  IipView view;
  for (const IipCommand& command : *commands) {
    demand(!command.name.empty());
    const double value = parse_real(command.argument).value_or(0);
    if (command.name == "WID" && value >= 0 && value <= 1e6) {
      view.width = static_cast<std::int64_t>(value);
    } else if (command.name == "RGN" && value >= 0 && value <= 1) {
      view.left = value;
    }
  }
  if (const auto area = export_area(view, 70'000, 3, 5000)) {
    check_area(*area, 5000);
    demand(area->x >= 0 && area->x + area->width <= 70'000 && area->y + area->height <= 3);
  }
}

void check_deepzoom(std::string_view text) {
  static const GradientPicture picture(70'001, 533, 256, {});
  const auto parsed = parse_deepzoom(text);
  if (!parsed || !parsed->tile) {
    return;
  }
  demand(!parsed->id.empty());
  const auto request = deepzoom_request(picture.info(), *parsed->tile);
  if (!request) {
    return;
  }
  if (const auto* area = std::get_if<engine::RegionArea>(&request->area)) {
    check_area(*area, 256);
    demand(area->x >= 0 && area->y >= 0 && area->x + area->width <= 70'001 && area->y + area->height <= 533);
  } else {
    const auto& tile = std::get<engine::TileArea>(request->area);
    const image::Level& level = picture.info().levels.at(static_cast<std::size_t>(tile.level));
    demand(tile.x >= 0 && tile.y >= 0 && tile.x < level.across() && tile.y < level.down());
  }
}

void check_sets(std::string_view text) {
  const auto params = Params::parse(text);
  if (!params) {
    return;
  }
  constexpr int kMost = 5000;
  if (const auto view = parse_view(*params, kMost)) {
    const auto area = view_area(*view, 4000, 3001, kMost);
    demand(area.has_value());
    check_area(*area, kMost);
  }
  static const set::Set set = [] {
    set::Set made;
    for (int i = 0; i < 50; ++i) {
      set::Slice slice;
      slice.number = 5 * i;
      slice.path = "x";
      made.slices.push_back(slice);
    }
    return made;
  }();
  if (const auto strip = parse_strip(*params)) {
    if (const auto plan = plan_strip(*strip, set, 1.5)) {
      demand(plan->cells.size() == static_cast<std::size_t>(strip->count) &&
             plan->columns * plan->rows >= strip->count);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  check_iip(text);
  check_deepzoom(text);
  check_sets(text);
  JsonWriter json;
  json.value(text);
  demand(json.text().size() >= 2);
  return 0;
}
