// SPDX-License-Identifier: Apache-2.0
// For tests: pictures that are computed, count what is asked of them and can be held up, and a world of such pictures
// with a clock that stands still until it is moved.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "engine/world.hpp"

namespace microtome::engine {

// Red grows from left to right and green from top to bottom, linearly, so that every scaled pixel has a value that
// can be said beforehand; blue is ten times the level that was read.
class FakePicture final : public image::Picture {
 public:
  FakePicture(std::int64_t width, std::int64_t height, int levels, int tile = 256) {
    info_.width = width;
    info_.height = height;
    info_.has_tiles = true;
    for (int i = 0; i < levels; ++i) {
      info_.levels.push_back({(width + (1 << i) - 1) >> i, (height + (1 << i) - 1) >> i, tile, tile});
    }
    id_ = {1, 1, 1000, 1};
  }

  [[nodiscard]] const image::PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return id_; }
  [[nodiscard]] std::size_t memory() const override { return memory_; }

  [[nodiscard]] Result<std::optional<image::StoredTile>> stored_tile(int level, std::int64_t x, std::int64_t y,
                                                                     bool may_block) const override {
    ++asked;
    if (!may_block && cold) {
      return std::optional<image::StoredTile>();
    }
    image::StoredTile tile = stored_;
    const image::Level& l = info_.levels[static_cast<std::size_t>(level)];
    tile.width = l.tile_width;
    tile.height = l.tile_height;
    tile.visible_width = static_cast<int>(std::min<std::int64_t>(l.tile_width, l.width - x * l.tile_width));
    tile.visible_height = static_cast<int>(std::min<std::int64_t>(l.tile_height, l.height - y * l.tile_height));
    return std::optional(tile);
  }

  [[nodiscard]] Result<pixel::Image> decode_tile(int level, std::int64_t x, std::int64_t y,
                                                 const CancelToken& cancel) const override {
    const image::Level& l = info_.levels[static_cast<std::size_t>(level)];
    int reduction = 1;
    const pixel::Rect rect{x * l.tile_width, y * l.tile_height,
                           std::min<std::int64_t>(l.tile_width, l.width - x * l.tile_width),
                           std::min<std::int64_t>(l.tile_height, l.height - y * l.tile_height)};
    return decode_region(level, rect, &reduction, cancel);
  }

  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const override {
    ++decoded;
    if (on_decode) {
      on_decode(cancel);
    }
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    if (error_) {
      return pass(*error_);
    }
    *reduction = can_reduce ? *reduction : 1;
    last_reduction = *reduction;
    last_level = level;
    return draw(level, rect, *reduction);
  }

  // The colour of full-size point (x, y).
  [[nodiscard]] double red(double x) const { return 255 * x / static_cast<double>(info_.width); }
  [[nodiscard]] double green(double y) const { return 255 * y / static_cast<double>(info_.height); }

  image::PictureInfo info_;
  io::FileId id_;
  std::size_t memory_ = 1000;
  image::StoredTile stored_;
  std::optional<Error> error_;
  bool cold = false;  // nothing is known without blocking
  bool can_reduce = true;
  std::function<void(const CancelToken&)> on_decode;
  mutable std::atomic<int> asked{0};
  mutable std::atomic<int> decoded{0};
  mutable std::atomic<int> last_reduction{0};
  mutable std::atomic<int> last_level{-1};

 private:
  [[nodiscard]] pixel::Image draw(int level, const pixel::Rect& rect, int reduction) const {
    const image::Level& l = info_.levels[static_cast<std::size_t>(level)];
    const double step_x = static_cast<double>(info_.width) / static_cast<double>(l.width) * reduction;
    const double step_y = static_cast<double>(info_.height) / static_cast<double>(l.height) * reduction;
    const auto width = static_cast<int>((rect.width + reduction - 1) / reduction);
    const auto height = static_cast<int>((rect.height + reduction - 1) / reduction);
    pixel::Image image = pixel::Image::make(width, height, info_.channels, info_.colour, info_.sample);
    const auto first_x = static_cast<double>(rect.x) / reduction;
    const auto first_y = static_cast<double>(rect.y) / reduction;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const double values[4] = {red((first_x + x + 0.5) * step_x), green((first_y + y + 0.5) * step_y),
                                  10.0 * level, 255};
        for (int c = 0; c < info_.channels; ++c) {
          put(image, x, y, c, values[c]);
        }
      }
    }
    return image;
  }
  void put(pixel::Image& image, int x, int y, int channel, double value) const {
    const std::size_t at =
        static_cast<std::size_t>(x) * static_cast<std::size_t>(info_.channels) + static_cast<std::size_t>(channel);
    if (info_.sample == pixel::Sample::u16) {
      const double most = static_cast<double>((1 << info_.bits) - 1);
      reinterpret_cast<std::uint16_t*>(image.row(y))[at] = static_cast<std::uint16_t>(value / 255 * most + 0.5);
    } else {
      image.row(y)[at] = static_cast<std::uint8_t>(value + 0.5);
    }
  }
};

class FakeWorld {
 public:
  // Puts a picture at a path, with an identity of its own.
  std::shared_ptr<FakePicture> add(const std::string& path, std::shared_ptr<FakePicture> picture) {
    const std::lock_guard lock(mutex_);
    picture->id_.inode = ++inodes_;
    pictures_[path] = picture;
    return picture;
  }
  std::shared_ptr<FakePicture> add(const std::string& path) {
    return add(path, std::make_shared<FakePicture>(1000, 700, 3));
  }
  void remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    pictures_.erase(path);
  }
  void advance_ms(std::int64_t ms) { now_ns += ms * 1'000'000; }

  World world() {
    World world;
    world.identify = [this](const std::string& path) { return identify(path); };
    world.identify_cached = [this](const std::string& path) -> std::optional<Result<io::FileId>> {
      return cached ? std::optional(identify(path)) : std::nullopt;
    };
    world.open = [this](const std::string& path) -> Result<image::PicturePtr> {
      ++opens;
      if (on_open) {
        on_open();
      }
      const std::lock_guard lock(mutex_);
      const auto found = pictures_.find(path);
      if (found == pictures_.end()) {
        return fail(Code::not_found, "not found", path);
      }
      if (broken.contains(path)) {
        return fail(Code::corrupt, "broken picture", path);
      }
      return found->second;
    };
    world.now_ns = [this] { return now_ns.load(); };
    return world;
  }

  std::atomic<std::int64_t> now_ns{1'000'000'000};
  std::atomic<int> opens{0};
  std::atomic<int> looks{0};
  std::atomic<bool> cached{true};
  std::map<std::string, bool> broken;  // set before use
  std::function<void()> on_open;

 private:
  Result<io::FileId> identify(const std::string& path) {
    ++looks;
    const std::lock_guard lock(mutex_);
    const auto found = pictures_.find(path);
    if (found == pictures_.end()) {
      return fail(Code::not_found, "not found", path);
    }
    return found->second->id_;
  }
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<FakePicture>> pictures_;
  std::uint64_t inodes_ = 0;
};

// A latch that a test opens. Jobs that may outlive the test's scope take a copy.
class Gate {
 public:
  void open() const { promise_->set_value(); }
  void wait() const { future_.wait(); }

 private:
  std::shared_ptr<std::promise<void>> promise_ = std::make_shared<std::promise<void>>();
  std::shared_future<void> future_ = promise_->get_future().share();
};

}  // namespace microtome::engine
