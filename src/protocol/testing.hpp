// SPDX-License-Identifier: Apache-2.0
// For tests of protocols: an Exchange that keeps its response, and pictures described by tiny text files ("700x500
// 128" is a picture of that size in tiles of 128; anything else cannot be read), so that every pixel is known. The
// engine, the catalogue and the file system are the real ones.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "codec/deflate.hpp"
#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "engine/world.hpp"
#include "http/message.hpp"
#include "io/scratch_dir.hpp"
#include "protocol/protocol.hpp"

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

class FakeExchange final : public http::Exchange {
 public:
  explicit FakeExchange(http::Request request) : request_(std::move(request)) {}
  [[nodiscard]] const http::Request& request() const override { return request_; }
  [[nodiscard]] const CancelToken& cancel() const override { return cancel_; }
  void respond(http::Response response) override {
    const std::scoped_lock lock(mutex_);
    EXPECT_FALSE(done_) << "answered twice";
    response_ = std::move(response);
    done_ = true;
    ready_.notify_all();
  }
  http::Response wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(ready_.wait_for(lock, std::chrono::seconds(30), [&] { return done_; })) << "no answer";
    return std::move(response_);
  }
  [[nodiscard]] bool done() const {
    const std::scoped_lock lock(mutex_);
    return done_;
  }

 private:
  http::Request request_;
  CancelToken cancel_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  bool done_ = false;
  http::Response response_;
};

inline std::string body_of(const http::Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) {
    return *text;
  }
  if (const auto* bytes = std::get_if<Bytes>(&response.body)) {
    return std::string(as_text(*bytes));
  }
  if (const auto* shared = std::get_if<SharedBytes>(&response.body)) {
    return *shared ? std::string(as_text(**shared)) : std::string();
  }
  return {};
}

// A service over a scratch directory.
class ServiceTest : public testing::Test {
 protected:
  void start() {
    if (options.roots.directories.empty() && !no_root) {
      options.roots.directories = {dir.path()};
    }
    engine = engine::make_engine(engine_options, pool, {}, gradient_world());
    auto made = make_service(options, engine, pool, Log([this](LogLevel, std::string_view line) {
                               const std::scoped_lock lock(mutex);
                               lines.emplace_back(line);
                             }));
    ASSERT_TRUE(made) << made.error().message;
    handler = std::move(*made);
  }
  static http::Request request(std::string_view target) {
    http::Request made;
    const std::size_t mark = target.find('?');
    made.path = target.substr(0, mark);
    made.query = mark == std::string_view::npos ? "" : target.substr(mark + 1);
    return made;
  }
  http::Response send(http::Request made) {
    if (!handler) {
      start();
    }
    auto exchange = std::make_shared<FakeExchange>(std::move(made));
    handler(exchange);
    return exchange->wait();
  }
  http::Response get(std::string_view target) { return send(request(target)); }
  http::Response get(std::string_view target, std::string name, std::string value) {
    http::Request made = request(target);
    made.headers.add(std::move(name), std::move(value));
    return send(std::move(made));
  }
  std::string text(std::string_view target) { return body_of(get(target)); }
  int status(std::string_view target) { return get(target).status; }
  // "700x500" of a JPEG or PNG answer, else its status and text.
  std::string size(std::string_view target) {
    const http::Response response = get(target);
    const std::string body = body_of(response);
    if (response.status == 200 && response.headers.get("Content-Type") == "image/jpeg") {
      const auto info = codec::inspect_jpeg(as_bytes(body));
      return info ? std::to_string(info->width) + "x" + std::to_string(info->height) : "broken JPEG";
    }
    if (response.status == 200 && response.headers.get("Content-Type") == "image/png") {
      const auto info = codec::inspect_png(as_bytes(body));
      return info ? std::to_string(info->width) + "x" + std::to_string(info->height) : "broken PNG";
    }
    return std::to_string(response.status) + " " + body;
  }
  pixel::Image picture(std::string_view target) {
    const std::string body = text(target);
    auto decoded = codec::decode_png(as_bytes(body));
    EXPECT_TRUE(decoded) << target;
    return decoded ? std::move(*decoded) : pixel::Image::make(1, 1, 3, pixel::Colour::rgb);
  }

  io::ScratchDir dir;
  ServiceOptions options;
  engine::EngineOptions engine_options;
  bool no_root = false;
  std::mutex mutex;
  std::vector<std::string> lines;
  WorkPool pool{{.threads = 2}};
  std::shared_ptr<engine::Engine> engine;
  http::Handler handler;
};

}  // namespace microtome::protocol
