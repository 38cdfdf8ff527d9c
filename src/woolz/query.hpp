// SPDX-License-Identifier: Apache-2.0
// Questions about an object and a view of it, as the protocol's Wlz-* objects ask them. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "woolz/evaluate.hpp"
#include "woolz/geometry.hpp"
#include "woolz/object.hpp"
#include "woolz/pyramid.hpp"
#include "woolz/render.hpp"

namespace microtome::woolz {

// One request for a picture or an answer.
inline constexpr std::size_t kMaxSelectors = 1024;  // of one request

struct Request {
  View view;
  std::vector<Selector> selectors;  // none: the base member as it is
  std::optional<ValueMap> map;
  Interpolation interpolation = Interpolation::nearest;
  int complexity = 2;  // selections that cost more contribute nothing (COMPLEX_SELECTION)
};

// Gives the voxels of a selection; a cache may stand behind it.
using Select = std::function<Result<BodyPtr>(const Expression&)>;

// The frame of a view of the object. Code::unsupported when the object has nothing to cut.
[[nodiscard]] Result<Frame> frame_of(const Object& object, const View& view);

// Gives the pyramid of a member (its index).
using Levels = std::function<Result<PyramidPtr>(std::size_t member)>;

// Takes the layers that are members of the object from the level that fits pictures whose pixels are `step` section
// pixels apart. Layers that are no members, and those without values, stay.
[[nodiscard]] Result<void> use_pyramids(Scene& scene, const Object& object, double step, const Levels& levels);

// What render() paints: one layer per selector, or the base member. Selections that fail contribute nothing, as do
// those over the allowed complexity; running out of time or memory is an error.
[[nodiscard]] Result<Scene> scene_of(const Object& object, const Request& request, const Select& select,
                                     const CancelToken& cancel);

// Tiles of a section, row-major.
struct TileGrid {
  std::int64_t width = 100;  // pixels of a full tile
  std::int64_t height = 100;
  [[nodiscard]] std::int64_t across(const Frame& frame) const { return (frame.width() + width - 1) / width; }
  [[nodiscard]] std::int64_t down(const Frame& frame) const { return (frame.height() + height - 1) / height; }
  // Display rectangle of a tile, cropped to the section; nullopt when there is no such tile.
  [[nodiscard]] std::optional<pixel::Rect> tile(const Frame& frame, std::int64_t number) const;
  // Object point under pixel (x, y) of a tile; tile -1 means display coordinates. The tile need not exist.
  [[nodiscard]] Vec3 point(const Frame& frame, std::int64_t number, double x, double y) const;
};

[[nodiscard]] Voxel nearest_voxel(const Vec3& point);

// The body that volume and statistics are about: the first selector's over a compound, else the base member.
[[nodiscard]] Result<BodyPtr> asked_body(const Object& object, const Request& request, const Select& select);
// Counts every voxel; Code::unsupported without values, Code::cancelled.
[[nodiscard]] Result<Statistics> statistics_of(const Body& body, const CancelToken& cancel);
// The same for what asked_body gives, from what the file's reading has counted where that is known.
[[nodiscard]] Result<Statistics> asked_statistics(const Object& object, const Request& request, const Select& select,
                                                  const CancelToken& cancel);

// The base member's value at the voxel nearest to `point`, its background outside the domain.
struct PointValue {
  Grey grey = Grey::none;
  GreyValue value;
};
[[nodiscard]] Result<PointValue> value_at(const Object& object, const Vec3& point);
// Members whose domain holds the voxel nearest to `point`.
[[nodiscard]] std::vector<std::size_t> foreground_at(const Object& object, const Vec3& point);

}  // namespace microtome::woolz
