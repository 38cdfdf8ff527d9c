// SPDX-License-Identifier: Apache-2.0
// For tests and fuzzers: pictures described by tiny text files ("700x500 128" is a picture of that size in tiles of
// 128; anything else cannot be read), so that every pixel is known. Files are the real ones.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "engine/world.hpp"
#include "image/picture.hpp"
#include "io/file.hpp"

namespace microtome::protocol {

// A gradient: red grows from left to right, green from top to bottom, blue is 64 everywhere.
class GradientPicture final : public image::Picture {
 public:
  GradientPicture(int width, int height, int tile, io::FileId id) : id_(id) {
    info_.width = width;
    info_.height = height;
    info_.has_tiles = true;
    info_.um_per_pixel_x = 0.5;
    info_.um_per_pixel_y = 0.5;
    info_.text["description"] = "a \"gradient\"";
    while (true) {
      info_.levels.push_back({width, height, tile, tile});
      if (width <= tile && height <= tile) {
        break;
      }
      width = (width + 1) / 2;
      height = (height + 1) / 2;
    }
  }
  [[nodiscard]] const image::PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return id_; }
  [[nodiscard]] std::size_t memory() const override { return 1000; }
  [[nodiscard]] Result<std::optional<image::StoredTile>> stored_tile(int level, std::int64_t x, std::int64_t y,
                                                                     bool /*may_block*/) const override {
    const image::Level& at = info_.levels[static_cast<std::size_t>(level)];
    if (x >= at.across() || y >= at.down()) {
      return fail(Code::not_found, "no such tile");
    }
    image::StoredTile tile;
    tile.width = at.tile_width;
    tile.height = at.tile_height;
    tile.visible_width = static_cast<int>(std::min<std::int64_t>(at.tile_width, at.width - x * at.tile_width));
    tile.visible_height = static_cast<int>(std::min<std::int64_t>(at.tile_height, at.height - y * at.tile_height));
    return tile;
  }
  [[nodiscard]] Result<pixel::Image> decode_tile(int level, std::int64_t x, std::int64_t y,
                                                 const CancelToken& cancel) const override {
    const image::Level& at = info_.levels[static_cast<std::size_t>(level)];
    const std::int64_t left = x * at.tile_width;
    const std::int64_t top = y * at.tile_height;
    int reduction = 1;
    return decode_region(level,
                         {left, top, std::min<std::int64_t>(at.tile_width, at.width - left),
                          std::min<std::int64_t>(at.tile_height, at.height - top)},
                         &reduction, cancel);
  }
  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& /*cancel*/) const override {
    *reduction = 1;
    const image::Level& at = info_.levels[static_cast<std::size_t>(level)];
    auto image =
        pixel::Image::make(static_cast<int>(rect.width), static_cast<int>(rect.height), 3, pixel::Colour::rgb);
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x) {
        std::uint8_t* pixel = image.row(y) + 3 * static_cast<std::ptrdiff_t>(x);
        pixel[0] = static_cast<std::uint8_t>(255.0 * (static_cast<double>(rect.x + x) + 0.5) /
                                             static_cast<double>(at.width));
        pixel[1] = static_cast<std::uint8_t>(255.0 * (static_cast<double>(rect.y + y) + 0.5) /
                                             static_cast<double>(at.height));
        pixel[2] = 64;
      }
    }
    return image;
  }

 private:
  image::PictureInfo info_;
  io::FileId id_;
};

inline engine::World gradient_world() {
  engine::World world;
  world.identify = [](const std::string& path) { return io::File::identify(path); };
  world.identify_cached = [](const std::string& path) { return std::optional(io::File::identify(path)); };
  world.open = [](const std::string& path) -> Result<image::PicturePtr> {
    auto file = io::File::open(path);
    if (!file) {
      return pass(file.error());
    }
    const auto bytes = (*file)->read(0, static_cast<std::size_t>((*file)->size()));
    int width = 0;
    int height = 0;
    int tile = 0;
    const std::string text(bytes ? as_text(*bytes) : std::string_view{});
    if (text.starts_with("foreign")) {
      return fail(Code::unsupported, "this kind of picture is not supported", path);
    }
    if (std::sscanf(text.c_str(), "%dx%d %d", &width, &height, &tile) != 3) {
      return fail(Code::corrupt, "this picture is broken", path);
    }
    return std::make_shared<GradientPicture>(width, height, tile, (*file)->id());
  };
  world.now_ns = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  return world;
}

}  // namespace microtome::protocol
