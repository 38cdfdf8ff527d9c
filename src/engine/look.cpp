// SPDX-License-Identifier: Apache-2.0
#include "engine/look.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "pixel/affine.hpp"

namespace microtome::engine {
namespace {

constexpr double kQuarter = 90;
constexpr double kWhole = 360;
constexpr double kRadians = std::numbers::pi / 180;
// Rec. 601 luma in 1/65536, as pixel::to_grey.
constexpr std::uint32_t kRed = 19595;
constexpr std::uint32_t kGreen = 38470;
constexpr std::uint32_t kBlue = 7471;
// One threshold for every picture: by one of its own, tiles of a picture would not fit together.
constexpr std::uint8_t kWhiteFrom = 128;

struct Step {
  std::int64_t x = 0;
  std::int64_t y = 0;
};

// Pixels of N bytes, copied in squares, so that both sides stay in the cache when columns become rows.
template <std::size_t N>
void copy_turned(const pixel::Image& source, pixel::Image& out, Step start, Step right, Step down) {
  constexpr int kSquare = 64;
  const auto row = static_cast<std::int64_t>(source.stride);
  const auto size = static_cast<std::int64_t>(N);
  const std::int64_t origin = start.y * row + start.x * size;
  const std::int64_t step_right = right.y * row + right.x * size;
  const std::int64_t step_down = down.y * row + down.x * size;
  const std::uint8_t* from = source.data.data();
  for (int top = 0; top < out.height; top += kSquare) {
    for (int left = 0; left < out.width; left += kSquare) {
      const int bottom = std::min(top + kSquare, out.height);
      const int end = std::min(left + kSquare, out.width);
      for (int y = top; y < bottom; ++y) {
        std::int64_t at = origin + step_down * y + step_right * left;
        std::uint8_t* to = out.row(y) + N * static_cast<std::size_t>(left);
        for (int x = left; x < end; ++x, at += step_right, to += N) {
          std::memcpy(to, from + at, N);
        }
      }
    }
  }
}

// Mirrored left to right, then turned clockwise by quarters.
pixel::Image turn(const pixel::Image& source, int quarters, bool mirror) {
  const bool upright = quarters % 2 == 0;
  pixel::Image out = pixel::Image::make(upright ? source.width : source.height,
                                        upright ? source.height : source.width, source.channels, source.colour);
  const Step last{source.width - 1, source.height - 1};
  const std::array<Step, 4> starts{{{0, 0}, {0, last.y}, {last.x, last.y}, {last.x, 0}}};
  const std::array<Step, 4> rights{{{1, 0}, {0, -1}, {-1, 0}, {0, 1}}};
  const std::array<Step, 4> downs{{{0, 1}, {1, 0}, {0, -1}, {-1, 0}}};
  const auto at = static_cast<std::size_t>(quarters);
  Step start = starts[at];
  Step right = rights[at];
  Step down = downs[at];
  if (mirror) {
    start.x = last.x - start.x;
    right.x = -right.x;
    down.x = -down.x;
  }
  switch (source.channels) {
    case 1:
      copy_turned<1>(source, out, start, right, down);
      break;
    case 2:
      copy_turned<2>(source, out, start, right, down);
      break;
    case 3:
      copy_turned<3>(source, out, start, right, down);
      break;
    default:
      copy_turned<4>(source, out, start, right, down);
  }
  return out;
}

pixel::Image with_alpha(const pixel::Image& source) {
  if (pixel::has_alpha(source.colour)) {
    return source;
  }
  if (source.colour != pixel::Colour::grey) {
    return pixel::to_rgba(source);
  }
  pixel::Image out = pixel::Image::make(source.width, source.height, 2, pixel::Colour::grey_alpha);
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* from = source.row(y);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < source.width; ++x) {
      to[2 * x] = from[x];
      to[2 * x + 1] = 255;
    }
  }
  return out;
}

pixel::Image grey_of(const pixel::Image& source) {
  if (source.colour == pixel::Colour::grey || source.colour == pixel::Colour::grey_alpha) {
    return source;
  }
  if (source.colour != pixel::Colour::rgba) {
    return pixel::to_grey(source);
  }
  pixel::Image out = pixel::Image::make(source.width, source.height, 2, pixel::Colour::grey_alpha);
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* from = source.row(y);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < source.width; ++x, from += 4, to += 2) {
      to[0] = static_cast<std::uint8_t>((kRed * from[0] + kGreen * from[1] + kBlue * from[2] + 0x8000) >> 16);
      to[1] = from[3];
    }
  }
  return out;
}

Result<pixel::Image> turn_freely(pixel::Image source, const Look& look, bool keep_alpha) {
  if (keep_alpha) {
    source = with_alpha(source);
  }
  const TurnedSize size = turned_size(source.width, source.height, look.rotation);
  const double cosine = std::cos(look.rotation * kRadians);
  const double sine = std::sin(look.rotation * kRadians);
  const double middle_x = size.width / 2.0;
  const double middle_y = size.height / 2.0;
  const double way = look.mirror ? -1 : 1;
  pixel::Affine map;
  map.a = way * cosine;
  map.b = way * sine;
  map.c = source.width / 2.0 - map.a * middle_x - map.b * middle_y;
  map.d = -sine;
  map.e = cosine;
  map.f = source.height / 2.0 - map.d * middle_x - map.e * middle_y;
  // Clear, else black, which is what others put there: whoever compares turned pictures expects it.
  return pixel::warp_affine(source, map, size.width, size.height, {0, 0, 0, 0});
}

void make_bitonal(pixel::Image& image) {
  for (std::uint8_t& sample : image.data) {
    sample = sample >= kWhiteFrom ? 255 : 0;
  }
}

}  // namespace

TurnedSize turned_size(int width, int height, double rotation) {
  const double quarters = rotation / kQuarter;
  if (quarters == std::floor(quarters)) {
    return std::fmod(quarters, 2) == 0 ? TurnedSize{width, height} : TurnedSize{height, width};
  }
  const double cosine = std::abs(std::cos(rotation * kRadians));
  const double sine = std::abs(std::sin(rotation * kRadians));
  constexpr double kNothing = 1e-6;  // what rounding adds must not make a pixel
  return {static_cast<int>(std::ceil(width * cosine + height * sine - kNothing)),
          static_cast<int>(std::ceil(width * sine + height * cosine - kNothing))};
}

Result<pixel::Image> apply_look(pixel::Image image, const Look& look, pixel::Rgb8 background, bool keep_alpha) {
  if (look.plain()) {
    return image;
  }
  const bool bitonal = look.tone == Look::Tone::bitonal;
  if (look.tone != Look::Tone::as_stored) {
    image = grey_of(bitonal && pixel::has_alpha(image.colour) ? pixel::compose(image, background) : image);
  }
  const double turns = std::fmod(look.rotation, kWhole) / kQuarter;
  if (turns != std::floor(turns)) {
    auto turned = turn_freely(std::move(image), look, keep_alpha && !bitonal);
    if (!turned) {
      return turned;
    }
    image = std::move(*turned);
  } else if (turns != 0 || look.mirror) {
    image = turn(image, static_cast<int>(turns), look.mirror);
  }
  if (bitonal) {
    make_bitonal(image);
  }
  return image;
}

}  // namespace microtome::engine
