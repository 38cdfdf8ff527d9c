// SPDX-License-Identifier: Apache-2.0
#include "woolz/plane_fit.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "woolz/evaluate.hpp"

namespace microtome::woolz {
namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

// Turns the plane (p, q) of a symmetric matrix until its element (p, q) is 0; `v` collects the turns.
void jacobi_turn(Matrix& a, Matrix& v, std::size_t p, std::size_t q) {
  if (a[p][q] == 0) {
    return;
  }
  const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  const double s = t * c;
  for (std::size_t k = 0; k < 3; ++k) {
    const double kp = a[k][p];
    const double kq = a[k][q];
    a[k][p] = c * kp - s * kq;
    a[k][q] = s * kp + c * kq;
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const double pk = a[p][k];
    const double qk = a[q][k];
    a[p][k] = c * pk - s * qk;
    a[q][k] = s * pk + c * qk;
    const double vp = v[k][p];
    const double vq = v[k][q];
    v[k][p] = c * vp - s * vq;
    v[k][q] = s * vp + c * vq;
  }
}

}  // namespace

std::optional<PlaneFit> fit_plane(const std::vector<Vec3>& points, const Vec3& fixed) {
  if (points.size() < 3) {
    return std::nullopt;
  }
  Vec3 c;
  for (const Vec3& p : points) {
    c = {c.x + p.x, c.y + p.y, c.z + p.z};
  }
  const auto n = static_cast<double>(points.size());
  c = {c.x / n, c.y / n, c.z / n};
  Matrix a{};
  for (const Vec3& p : points) {
    const std::array<double, 3> d{p.x - c.x, p.y - c.y, p.z - c.z};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        a[i][j] += d[i] * d[j];
      }
    }
  }
  Matrix v{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  for (int sweep = 0; sweep < 32; ++sweep) {
    jacobi_turn(a, v, 0, 1);
    jacobi_turn(a, v, 0, 2);
    jacobi_turn(a, v, 1, 2);
  }
  std::size_t least = 0;
  for (std::size_t i = 1; i < 3; ++i) {
    least = a[i][i] < a[least][least] ? i : least;
  }
  Vec3 normal{v[0][least], v[1][least], v[2][least]};
  if (!std::isfinite(normal.x + normal.y + normal.z)) {
    return std::nullopt;
  }
  if (normal.z > 0) {
    normal = {-normal.x, -normal.y, -normal.z};
  }
  constexpr double kDegrees = 180 / std::numbers::pi;
  return PlaneFit{std::acos(std::clamp(normal.z, -1.0, 1.0)) * kDegrees, std::atan2(normal.y, normal.x) * kDegrees,
                  (c.x - fixed.x) * normal.x + (c.y - fixed.y) * normal.y + (c.z - fixed.z) * normal.z};
}

std::optional<Vec3> centroid(const Domain& domain) {
  Vec3 sum;
  double count = 0;
  for_each_brick(domain, [&](std::int64_t brick, const Voxel& origin) {
    const Mask mask = domain.copy_mask(brick);
    for (std::size_t row = 0; row < mask.rows.size(); ++row) {
      const auto n = static_cast<double>(std::popcount(mask.rows[row]));
      double x = 0;
      for (std::uint32_t bits = mask.rows[row]; bits != 0; bits &= bits - 1) {
        x += static_cast<double>(std::countr_zero(bits));
      }
      sum.x += x + n * static_cast<double>(origin.x);
      sum.y += n * static_cast<double>(origin.y + static_cast<std::int64_t>(row & 15));
      sum.z += n * static_cast<double>(origin.z + static_cast<std::int64_t>(row >> 4));
      count += n;
    }
  });
  if (count == 0) {
    return std::nullopt;
  }
  return Vec3{sum.x / count, sum.y / count, sum.z / count};
}

}  // namespace microtome::woolz
