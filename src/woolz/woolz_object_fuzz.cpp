// SPDX-License-Identifier: Apache-2.0
// Any bytes as a Woolz object; what opens is cut and asked.
#include <cstddef>
#include <cstdint>

#include "woolz/command.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace microtome::woolz;  // NOLINT(google-build-using-namespace)
  OpenOptions options;
  options.keep_sidecar = false;
  options.memory_bytes = 64ULL << 20;
  options.limits.max_inflated = 1 << 20;
  options.limits.max_bricks = 1 << 14;
  options.limits.max_plane_bytes = 1 << 22;
  options.transform_bytes = 1 << 20;
  const auto object = open_object({data, size}, options);
  if (!object) {
    return 0;
  }
  Request request;
  request.view.pitch = 40;
  request.view.yaw = 25;
  auto scene = scene_of(**object, request, {}, {});
  if (scene) {
    const TileGrid grid{64, 64};
    if (const auto tile = grid.tile(scene->frame, 0)) {
      (void)render(*scene, *tile, true, {});
    }
    (void)value_at(**object, {1, 2, 3});
    (void)foreground_at(**object, {0, 0, 0});
  }
  return 0;
}
