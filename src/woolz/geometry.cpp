// SPDX-License-Identifier: Apache-2.0
#include "woolz/geometry.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>

namespace microtome::woolz {
namespace {

constexpr double kMost = 1e9;  // pixels: beyond, a section has no useful size
constexpr double kTurn = 2 * std::numbers::pi;

using Matrix = std::array<std::array<double, 3>, 3>;

Vec3 apply(const Matrix& m, const Vec3& p) {
  return {m[0][0] * p.x + m[0][1] * p.y + m[0][2] * p.z, m[1][0] * p.x + m[1][1] * p.y + m[1][2] * p.z,
          m[2][0] * p.x + m[2][1] * p.y + m[2][2] * p.z};
}

Vec3 minus(const Vec3& a, const Vec3& b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}

double angle(double y, double x) {
  return std::abs(y) < 1e-6 && std::abs(x) < 1e-6 ? 0.0 : std::atan2(y, x);
}

double zeta_of(const View& view, double theta, double phi, const std::array<double, 3>& v) {
  const double ct = std::cos(theta);
  const double st = std::sin(theta);
  const double cp = std::cos(phi);
  const double sp = std::sin(phi);
  double zeta = 0;
  switch (view.mode) {
    case Mode::zeta:
      zeta = view.roll * std::numbers::pi / 180;
      break;
    case Mode::zero_zeta:
      break;
    case Mode::statue:
      zeta = -theta;
      break;
    case Mode::up_is_up: {
      const Vec3 u{view.up.x * v[0], view.up.y * v[1], view.up.z * v[2]};
      zeta = angle(u.x * cp * ct + u.y * cp * st - u.z * sp, -u.x * st + u.y * ct);
      break;
    }
    case Mode::fixed_line: {
      const Vec3 d = minus(view.fixed2, view.fixed);
      const Vec3 f{d.x * v[0], d.y * v[1], d.z * v[2]};
      zeta = angle(-f.x * st + f.y * ct, f.x * cp * ct + f.y * cp * st - f.z * sp);
      break;
    }
  }
  zeta = std::fmod(zeta, kTurn);
  return zeta < 0 ? zeta + kTurn : zeta;
}

Matrix rotation_of(double theta, double phi, double zeta) {
  const double ct = std::cos(theta);
  const double st = std::sin(theta);
  const double cp = std::cos(phi);
  const double sp = std::sin(phi);
  const double cz = std::cos(zeta);
  const double sz = std::sin(zeta);
  return {{{cz * cp * ct - sz * st, cz * cp * st + sz * ct, -cz * sp},
           {-sz * cp * ct - cz * st, -sz * cp * st + cz * ct, sz * sp},
           {sp * ct, sp * st, cp}}};
}

bool finite(const View& view) {
  const std::initializer_list<double> all{view.distance, view.pitch,   view.yaw,      view.roll,     view.fixed.x,
                                          view.fixed.y,  view.fixed.z, view.fixed2.x, view.fixed2.y, view.fixed2.z,
                                          view.up.x,     view.up.y,    view.up.z,     view.scale,    view.depth};
  return std::all_of(all.begin(), all.end(), [](double v) { return std::isfinite(v) && std::abs(v) < 1e15; });
}

}  // namespace

double nearest(double v) {
  return v < 0 ? std::trunc(v - 0.5) : std::trunc(v + 0.5);
}

Result<Frame> Frame::make(const View& view, const Box& box, const std::array<double, 3>& voxel_size) {
  if (!finite(view) || view.scale <= 0) {
    return fail(Code::bad_request, "the view is out of range");
  }
  Frame frame;
  const double theta = view.yaw * std::numbers::pi / 180;
  const double phi = view.pitch * std::numbers::pi / 180;
  frame.zeta_ = zeta_of(view, theta, phi, voxel_size);
  const Matrix rotation = rotation_of(theta, phi, frame.zeta_);
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      const double size = view.scale * voxel_size[column];
      frame.forward_[row][column] = rotation[row][column] * size;
      frame.inverse_[column][row] = rotation[row][column] / size;
    }
  }
  frame.fixed_ = view.fixed;
  frame.distance_ = view.distance;
  bool first = true;
  for (const std::int64_t x : {box.x1, box.x2}) {
    for (const std::int64_t y : {box.y1, box.y2}) {
      for (const std::int64_t z : {box.z1, box.z2}) {
        const Vec3 p = frame.to_section({static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)});
        Vec3& lo = frame.minimum_;
        Vec3& hi = frame.maximum_;
        lo = first ? p : Vec3{std::min(lo.x, p.x), std::min(lo.y, p.y), std::min(lo.z, p.z)};
        hi = first ? p : Vec3{std::max(hi.x, p.x), std::max(hi.y, p.y), std::max(hi.z, p.z)};
        first = false;
      }
    }
  }
  const double wide = frame.maximum_.x - frame.minimum_.x;
  const double high = frame.maximum_.y - frame.minimum_.y;
  const auto small = [](double v) { return std::abs(v) < kMost; };
  if (!small(wide) || !small(high) || !small(frame.minimum_.x) || !small(frame.minimum_.y) ||
      !std::isfinite(frame.inverse_[0][0] + frame.inverse_[1][1] + frame.inverse_[2][2])) {
    return fail(Code::bad_request, "the section is too large");
  }
  frame.width_ = static_cast<std::int64_t>(wide) + 1;
  frame.height_ = static_cast<std::int64_t>(high) + 1;
  frame.left_ = static_cast<std::int64_t>(nearest(frame.minimum_.x));
  frame.top_ = static_cast<std::int64_t>(nearest(frame.minimum_.y));
  return frame;
}

Vec3 Frame::to_section(const Vec3& p) const {
  return apply(forward_, minus(p, fixed_));
}

Vec3 Frame::to_object(const Vec3& p) const {
  const Vec3 q = apply(inverse_, p);
  return {q.x + fixed_.x, q.y + fixed_.y, q.z + fixed_.z};
}

}  // namespace microtome::woolz
