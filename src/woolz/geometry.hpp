// SPDX-License-Identifier: Apache-2.0
// Section geometry: from voxels of an object to the plane of a view and back (docs/formats/woolz.md, "Sections").
//   p' = M (p - F),  M = R(theta, phi, zeta) diag(s vx, s vy, s vz);  p'.z is the signed distance from the plane
//   through F.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

enum class Mode : std::uint8_t { statue, up_is_up, fixed_line, zero_zeta, zeta };

enum class Projecting : std::uint8_t { section, shadow, thickness, density };

// What a client asks for. Angles in degrees, points in voxels of the object.
struct View {
  double distance = 0;  // along the normal, in section units (voxel size times scale)
  double pitch = 0;     // phi
  double yaw = 0;       // theta
  double roll = 0;      // zeta, in Mode::zeta
  Mode mode = Mode::up_is_up;
  Vec3 fixed;
  Vec3 fixed2;  // in Mode::fixed_line
  Vec3 up{0, 0, -1};
  double scale = 1;
  Projecting projecting = Projecting::section;
  double depth = 0;  // half-depth of projections, 0 = all
  friend bool operator==(const View&, const View&) = default;
};

// round half away from zero, as all rounding of coordinates here: trunc(v - 0.5) below zero, else trunc(v + 0.5).
[[nodiscard]] double nearest(double v);

// A view of one box. Immutable; thread-safe.
class Frame {
 public:
  // Code::bad_request when the view is not finite, the scale not above zero, or the section too large to have a size.
  static Result<Frame> make(const View& view, const Box& box, const std::array<double, 3>& voxel_size);

  // Section pixels; the size does not depend on the distance.
  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] std::int64_t height() const { return height_; }
  // Section coordinate of display pixel (0, 0).
  [[nodiscard]] std::int64_t left() const { return left_; }
  [[nodiscard]] std::int64_t top() const { return top_; }
  // Bounds of the box in section space; z is the range of distances.
  [[nodiscard]] const Vec3& minimum() const { return minimum_; }
  [[nodiscard]] const Vec3& maximum() const { return maximum_; }
  [[nodiscard]] double distance() const { return distance_; }
  [[nodiscard]] double zeta() const { return zeta_; }  // radians, 0..2 pi

  [[nodiscard]] Vec3 to_section(const Vec3& p) const;
  [[nodiscard]] Vec3 to_object(const Vec3& p) const;
  // Object point of section pixel (i, 0) on the plane, and the step for one pixel down: their sum is the sample
  // point.
  [[nodiscard]] Vec3 row_start(double i) const { return to_object({i, 0, distance_}); }
  [[nodiscard]] Vec3 down() const { return {inverse_[0][1], inverse_[1][1], inverse_[2][1]}; }
  [[nodiscard]] Vec3 across() const { return {inverse_[0][0], inverse_[1][0], inverse_[2][0]}; }
  // The same view at another distance.
  [[nodiscard]] Frame at(double distance) const {
    Frame moved = *this;
    moved.distance_ = distance;
    return moved;
  }

 private:
  using Matrix = std::array<std::array<double, 3>, 3>;
  Matrix forward_{};
  Matrix inverse_{};
  Vec3 fixed_;
  double distance_ = 0;
  double zeta_ = 0;
  Vec3 minimum_;
  Vec3 maximum_;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  std::int64_t left_ = 0;
  std::int64_t top_ = 0;
};

}  // namespace microtome::woolz
