// SPDX-License-Identifier: Apache-2.0
#include "pixel/blit.hpp"

#include <algorithm>
#include <cstring>

namespace microtome::pixel {
namespace {

// One axis of an intersection; saturates instead of overflowing.
void intersect_axis(std::int64_t begin, std::int64_t size, std::int64_t other_begin, std::int64_t other_size,
                    std::int64_t& out_begin, std::int64_t& out_size) {
  const auto end_of = [](std::int64_t first, std::int64_t count) {
    std::int64_t end = 0;
    return __builtin_add_overflow(first, count, &end) ? INT64_MAX : end;
  };
  out_begin = std::max(begin, other_begin);
  out_size = 0;
  if (size > 0 && other_size > 0) {
    const std::int64_t end = std::min(end_of(begin, size), end_of(other_begin, other_size));
    out_size = end > out_begin ? end - out_begin : 0;
  }
}

std::size_t pixel_bytes(const Image& image) {
  return static_cast<std::size_t>(image.channels) * bytes_of(image.sample);
}

Rect frame_of(const Image& image) {
  return {0, 0, image.width, image.height};
}

}  // namespace

Rect intersect(const Rect& one, const Rect& other) {
  Rect common;
  intersect_axis(one.x, one.width, other.x, other.width, common.x, common.width);
  intersect_axis(one.y, one.height, other.y, other.height, common.y, common.height);
  if (common.width == 0 || common.height == 0) {
    return {};
  }
  return common;
}

bool paste(Image& target, const Image& source, std::int64_t x, std::int64_t y) {
  return paste(target, source, frame_of(source), x, y);
}

bool paste(Image& target, const Image& source, const Rect& part, std::int64_t x, std::int64_t y) {
  if (target.sample != source.sample || target.channels != source.channels) {
    return false;
  }
  const Rect seen = intersect(part, frame_of(source));
  std::int64_t shifted_x = 0;
  std::int64_t shifted_y = 0;
  if (seen.width == 0 || __builtin_add_overflow(x, seen.x - part.x, &shifted_x) ||
      __builtin_add_overflow(y, seen.y - part.y, &shifted_y)) {
    return true;
  }
  const Rect place = intersect({shifted_x, shifted_y, seen.width, seen.height}, frame_of(target));
  if (place.width == 0) {
    return true;
  }
  const std::size_t each = pixel_bytes(source);
  const std::size_t from = static_cast<std::size_t>(seen.x + place.x - shifted_x) * each;
  const auto first = static_cast<int>(seen.y + place.y - shifted_y);
  for (int row = 0; row < place.height; ++row) {
    std::memcpy(target.row(static_cast<int>(place.y) + row) + place.x * each, source.row(first + row) + from,
                place.width * each);
  }
  return true;
}

Image crop(const Image& source, const Rect& area) {
  const Rect seen = intersect(area, frame_of(source));
  Image out = Image::make(static_cast<int>(seen.width), static_cast<int>(seen.height), source.channels, source.colour,
                          source.sample);
  paste(out, source, seen, 0, 0);
  return out;
}

void fill(Image& target, const Rect& area, std::span<const std::uint8_t> pixel) {
  const Rect seen = intersect(area, frame_of(target));
  const std::size_t each = pixel_bytes(target);
  if (seen.width == 0 || pixel.size() != each) {
    return;
  }
  std::uint8_t* first = target.row(static_cast<int>(seen.y)) + seen.x * each;
  for (std::int64_t x = 0; x < seen.width; ++x) {
    std::memcpy(first + x * each, pixel.data(), each);
  }
  for (std::int64_t y = 1; y < seen.height; ++y) {
    std::memcpy(target.row(static_cast<int>(seen.y + y)) + seen.x * each, first, seen.width * each);
  }
}

}  // namespace microtome::pixel
