// SPDX-License-Identifier: Apache-2.0
// The parameters of a Woolz request, as clients spell them: DST, PIT, YAW, ROL, MOD, FXP, FXT, UPV, SCL, FPL, RMD,
// DPT, PRL, PAB, SEL, MAP. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "woolz/query.hpp"

namespace microtome::woolz {

// FPL: points and members whose centroids a plane is fitted to. What a later PIT, YAW or DST says, stands.
struct Fitting {
  std::vector<std::variant<std::int64_t, Vec3>> items;
  Vec3 fixed;  // FXP as it was then
  bool pitch = true;
  bool yaw = true;
  bool distance = true;
};

struct TilePoint {
  std::int64_t tile = -1;
  double x = 0;
  double y = 0;
};

struct Parameters {
  Request request;
  std::optional<Fitting> fitting;
  std::optional<TilePoint> tile_point;  // PRL
  std::optional<Vec3> object_point;     // PAB; wins

  // The request with the fitted view in it. Code::bad_request when fewer than three points can be had.
  [[nodiscard]] Result<Request> resolved(const Object& object) const;
};

// Takes one command. `name` is compared without case. False when it is none of ours. Values out of range are clamped
// or ignored as docs/formats/woolz.md says; Code::bad_request for SEL and MAP that are malformed.
Result<bool> take_parameter(Parameters& parameters, std::string_view name, std::string_view argument);

}  // namespace microtome::woolz
