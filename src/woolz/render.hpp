// SPDX-License-Identifier: Apache-2.0
// Painting sections: layers of bodies over a background, as docs/formats/woolz.md ("Composition") says.
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "pixel/image.hpp"
#include "woolz/bricks.hpp"
#include "woolz/expression.hpp"
#include "woolz/geometry.hpp"
#include "woolz/value_map.hpp"

namespace microtome::woolz {

// area: linear, from a level of the pyramid when voxels are smaller than pixels.
enum class Interpolation : std::uint8_t { nearest, linear, area };

struct Layer {
  BodyPtr body;
  Tint tint;
  std::optional<Frame> frame;  // its own way of being looked at: a projection that lies in section space already
  int level = 0;               // the body's voxels are 2^level of the object's wide: one of its pyramid
};

// The pixels of a picture in display coordinates: column i at left + i * step, row j at top + j * step.
struct Raster {
  double left = 0;
  double top = 0;
  double step = 1;
  int width = 0;
  int height = 0;
  double down = 0;  // from row to row; 0: step
};

struct Scene {
  Frame frame;
  Grey base_grey = Grey::none;  // of the member that sets the background
  GreyValue background;
  std::vector<Layer> layers;  // from the bottom up
  bool tinted = false;        // any selector was given: the picture is in colour
  std::optional<ValueMap> map;
  Interpolation interpolation = Interpolation::nearest;
};

// True when the picture has three colour channels.
[[nodiscard]] bool in_colour(const Scene& scene);

// The pixels of `raster`: grey or RGB, with alpha when asked for. Without alpha a
// layer with values paints every pixel, outside its domain with its background; with alpha only its domain.
// Code::bad_request for a map over values that have no integers; Code::cancelled.
[[nodiscard]] Result<pixel::Image> render_raster(const Scene& scene, const Raster& raster, bool alpha,
                                                 const CancelToken& cancel);
// The same of a rectangle of display pixels.
[[nodiscard]] Result<pixel::Image> render(const Scene& scene, const pixel::Rect& rect, bool alpha,
                                          const CancelToken& cancel);

}  // namespace microtome::woolz
