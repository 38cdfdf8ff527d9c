// SPDX-License-Identifier: Apache-2.0
#include "pixel/affine.hpp"

#include <algorithm>
#include <cmath>

namespace microtome::pixel {
namespace {

constexpr int kBits = 16;  // of the fraction of a source coordinate
constexpr std::int64_t kOne = std::int64_t{1} << kBits;
constexpr double kMostCoordinate = 1e12;  // far outside any picture, far inside 64 bits

struct Warp {
  const Image& source;
  std::array<std::uint8_t, 4> background;

  [[nodiscard]] const std::uint8_t* pixel(std::int64_t x, std::int64_t y) const {
    const bool inside = x >= 0 && y >= 0 && x < source.width && y < source.height;
    return inside ? source.row(static_cast<int>(y)) + x * source.channels : background.data();
  }
};

// Coordinates in 1/65536 pixel, of pixel centres. The fraction is cut to 8 bits, so that the weights are exact in 16.
template <int kChannels>
void sample(const Warp& warp, std::int64_t x, std::int64_t y, std::uint8_t* out) {
  const std::int64_t left = x >> kBits;
  const std::int64_t top = y >> kBits;
  const auto right_part = static_cast<std::uint32_t>(x & (kOne - 1)) >> 8;
  const auto lower_part = static_cast<std::uint32_t>(y & (kOne - 1)) >> 8;
  const std::uint8_t* corner[4];
  if (left >= 0 && top >= 0 && left + 1 < warp.source.width && top + 1 < warp.source.height) {
    corner[0] = warp.source.row(static_cast<int>(top)) + left * kChannels;
    corner[1] = corner[0] + kChannels;
    corner[2] = corner[0] + warp.source.stride;
    corner[3] = corner[2] + kChannels;
  } else {
    corner[0] = warp.pixel(left, top);
    corner[1] = warp.pixel(left + 1, top);
    corner[2] = warp.pixel(left, top + 1);
    corner[3] = warp.pixel(left + 1, top + 1);
  }
  const std::uint32_t weight[4] = {(256 - right_part) * (256 - lower_part), right_part * (256 - lower_part),
                                   (256 - right_part) * lower_part, right_part * lower_part};
  for (int c = 0; c < kChannels; ++c) {
    const std::uint32_t sum =
        corner[0][c] * weight[0] + corner[1][c] * weight[1] + corner[2][c] * weight[2] + corner[3][c] * weight[3];
    out[c] = static_cast<std::uint8_t>((sum + 32768) >> 16);
  }
}

std::int64_t fixed(double value) {
  return static_cast<std::int64_t>(
      std::floor(std::clamp(value, -kMostCoordinate, kMostCoordinate) * static_cast<double>(kOne) + 0.5));
}

// Each row starts from doubles, so that errors of the fixed-point step cannot grow beyond one row.
template <int kChannels>
void warp_rows(const Warp& warp, const Affine& map, Image& out) {
  const std::int64_t step_x = fixed(map.a);
  const std::int64_t step_y = fixed(map.d);
  const bool exact = std::abs(map.a) < 1e6 && std::abs(map.d) < 1e6;
  for (int row = 0; row < out.height; ++row) {
    const double base_x = map.a * 0.5 + map.b * (row + 0.5) + map.c - 0.5;
    const double base_y = map.d * 0.5 + map.e * (row + 0.5) + map.f - 0.5;
    std::int64_t x = fixed(base_x);
    std::int64_t y = fixed(base_y);
    std::uint8_t* to = out.row(row);
    for (int column = 0; column < out.width; ++column, to += kChannels) {
      if (!exact || (column & 255) == 0) {
        x = fixed(base_x + map.a * column);
        y = fixed(base_y + map.d * column);
      }
      sample<kChannels>(warp, x, y, to);
      x += step_x;
      y += step_y;
    }
  }
}

}  // namespace

Affine after(const Affine& first, const Affine& second) {
  return {second.a * first.a + second.b * first.d,
          second.a * first.b + second.b * first.e,
          second.a * first.c + second.b * first.f + second.c,
          second.d * first.a + second.e * first.d,
          second.d * first.b + second.e * first.e,
          second.d * first.c + second.e * first.f + second.f};
}

Result<Affine> inverse(const Affine& map) {
  const double determinant = map.a * map.e - map.b * map.d;
  if (!std::isfinite(determinant) || std::abs(determinant) < 1e-300) {
    return fail(Code::bad_request, "transform without an inverse");
  }
  Affine out{map.e / determinant, -map.b / determinant, 0, -map.d / determinant, map.a / determinant, 0};
  out.c = -(out.a * map.c + out.b * map.f);
  out.f = -(out.d * map.c + out.e * map.f);
  return out;
}

Result<Image> warp_affine(const Image& source, const Affine& to_source, int width, int height,
                          const std::array<std::uint8_t, 4>& background) {
  if (source.sample != Sample::u8 || source.channels < 1 || source.channels > 4) {
    return fail(Code::unsupported, "only pictures of 8 bits can be warped");
  }
  const std::array<double, 6> numbers = {to_source.a, to_source.b, to_source.c,
                                         to_source.d, to_source.e, to_source.f};
  const bool sound =
      std::all_of(numbers.begin(), numbers.end(), [](double n) { return std::abs(n) < kMostCoordinate; });
  if (width < 1 || height < 1 || !sound) {
    return fail(Code::bad_request, "empty picture or transform");
  }
  if (static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) > (std::uint64_t{1} << 29)) {
    return fail(Code::too_large, "picture too large");
  }
  Image out = Image::make(width, height, source.channels, source.colour);
  const Warp warp{source, background};
  switch (source.channels) {
    case 1:
      warp_rows<1>(warp, to_source, out);
      break;
    case 2:
      warp_rows<2>(warp, to_source, out);
      break;
    case 3:
      warp_rows<3>(warp, to_source, out);
      break;
    default:
      warp_rows<4>(warp, to_source, out);
  }
  return out;
}

}  // namespace microtome::pixel
