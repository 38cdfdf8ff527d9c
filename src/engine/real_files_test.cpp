// SPDX-License-Identifier: Apache-2.0
// The engine over real files: what it says is what a decoder sees.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <variant>

#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "codec/webp.hpp"
#include "engine/engine.hpp"
#include "io/scratch_dir.hpp"
#include "pixel/blit.hpp"
#include "pixel/convert.hpp"
#include "pixel/scale.hpp"

namespace microtome::engine {
namespace {

namespace fs = std::filesystem;

class RealFilesTest : public testing::Test {
 protected:
  static std::string fixture(const std::string& name) { return std::string(MICROTOME_FIXTURES) + "/" + name; }

  Result<Rendered> render(const std::string& path, const PixelRequest& request) {
    std::promise<Result<Rendered>> promise;
    engine_->render(
        path, [&](const image::Picture&) { return Result<PixelRequest>(request); }, "", {},
        [&](Result<Rendered> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  image::PictureInfo info(const std::string& path) { return engine_->open_now(path).value()->info(); }

  // The whole answer as the client gets it.
  static Bytes body(const Result<Rendered>& rendered) {
    Bytes all;
    if (const auto* shared = std::get_if<SharedBytes>(&rendered->body)) {
      return **shared;
    }
    const auto* file = std::get_if<http::FileBody>(&rendered->body);
    const auto add = [&](ByteView bytes) { all.insert(all.end(), bytes.begin(), bytes.end()); };
    if (file != nullptr) {
      add(file->prefix ? ByteView(*file->prefix) : ByteView());
      for (const auto& range : file->ranges) {
        add(range.file->read(range.offset, range.length).value());
      }
      add(file->suffix ? ByteView(*file->suffix) : ByteView());
    }
    return all;
  }
  static Result<pixel::Image> decode(Bytes bytes, codec::Format format) {
    switch (format) {
      case codec::Format::png:
        return codec::decode_png(bytes);
      case codec::Format::webp:
        return codec::decode_webp(bytes);
      default:
        return codec::decode_jpeg(bytes);
    }
  }
  // Mean absolute difference of two pictures of one size.
  static double difference(const pixel::Image& one, const pixel::Image& other) {
    const pixel::Image a = pixel::to_rgb(pixel::to_u8(one));
    const pixel::Image b = pixel::to_rgb(pixel::to_u8(other));
    if (a.width != b.width || a.height != b.height) {
      return 1000;
    }
    double sum = 0;
    for (std::size_t i = 0; i < a.data.size(); ++i) {
      sum += std::abs(a.data[i] - b.data[i]);
    }
    return sum / static_cast<double>(a.data.size());
  }

  WorkPool pool_{{.threads = 2}};
  std::shared_ptr<Engine> engine_ = make_engine({}, pool_, {});
  io::ScratchDir scratch_;
};

TEST_F(RealFilesTest, EveryTileOfEveryPictureShowsItsPixels) {
  int passed_through = 0;
  for (const char* name : {"CMU-1-Small-Region.svs", "image/vips_jpeg_pyramid.tif", "image/vips_rgbjpeg.tif",
                           "image/vips_subifd_bigtiff.tif", "image/plain.jpg", "image/plain.png", "image/plain.webp",
                           "image/progressive.jpg"}) {
    const std::string path = fixture(name);
    ASSERT_TRUE(fs::exists(path)) << name;
    const auto picture = engine_->open_now(path);
    ASSERT_TRUE(picture) << name;
    const image::PictureInfo& described = (*picture)->info();
    for (int level = 0; level < static_cast<int>(described.levels.size()); ++level) {
      const image::Level& size = described.levels[level];
      // The corners and one in the middle: interior, edge and corner tiles.
      for (const std::int64_t x : {std::int64_t{0}, size.across() / 2, size.across() - 1}) {
        for (const std::int64_t y : {std::int64_t{0}, size.down() - 1}) {
          const auto rendered = render(path, {path, TileArea{level, x, y}, codec::Format::jpeg, {}});
          ASSERT_TRUE(rendered) << name << ' ' << rendered.error().context;
          const bool stored = std::holds_alternative<http::FileBody>(rendered->body);
          passed_through += stored ? 1 : 0;
          const auto shown = decode(body(rendered), codec::Format::jpeg);
          const auto wanted = (*picture)->decode_tile(level, x, y, {});
          ASSERT_TRUE(shown && wanted) << name;
          EXPECT_EQ(shown->width, std::min<std::int64_t>(size.tile_width, size.width - x * size.tile_width)) << name;
          EXPECT_LT(difference(*shown, *wanted), stored ? 0.01 : 6.0)
              << name << " level " << level << ' ' << x << ',' << y;
        }
      }
    }
  }
  EXPECT_GE(passed_through, 10);
}

TEST_F(RealFilesTest, ViewsOfAPyramidAgreeWithItsFullSize) {
  const std::string path = fixture("CMU-1-Small-Region.svs");
  const auto picture = engine_->open_now(path);
  const RegionArea area{100, 200, 1600, 1200, 800, 600};
  for (const codec::Format format : {codec::Format::jpeg, codec::Format::png, codec::Format::webp}) {
    const auto rendered = render(path, {path, area, format, 90});
    ASSERT_TRUE(rendered);
    EXPECT_EQ(rendered->media_type, codec::media_type(format));
    const auto shown = decode(body(rendered), format);
    int reduction = 1;
    const auto full = (*picture)->decode_region(0, {100, 200, 1600, 1200}, &reduction, {});
    ASSERT_TRUE(shown && full);
    EXPECT_LT(difference(*shown, pixel::shrink2(*full).value()), 4.0);
  }
}

TEST_F(RealFilesTest, AReplacedFileIsServedAnew) {
  engine_ = make_engine({.revalidate_ms = 0}, pool_, {});
  const std::string path = scratch_.path("a.jpg");
  fs::copy_file(fixture("image/plain.jpg"), path);
  const PixelRequest request{path, RegionArea{0, 0, 50, 40, 50, 40}, codec::Format::jpeg, {}};
  const auto before = render(path, request);
  ASSERT_TRUE(before);
  EXPECT_EQ(render(path, request)->etag, before->etag);
  const std::string other = scratch_.path("b.jpg");
  fs::copy_file(fixture("image/progressive.jpg"), other);
  fs::rename(other, path);
  const auto after = render(path, request);
  ASSERT_TRUE(after);
  EXPECT_NE(after->etag, before->etag);
  fs::remove(path);
  EXPECT_EQ(render(path, request).error().code, Code::not_found);
}

TEST_F(RealFilesTest, ATruncatedFileIsAnErrorAndNotACrash) {
  for (const char* name : {"CMU-1-Small-Region.svs", "image/vips_jpeg_pyramid.tif", "image/plain.jpg"}) {
    const std::string path = scratch_.path(fs::path(name).filename().string());
    fs::copy_file(fixture(name), path);
    const auto described = info(path);
    fs::resize_file(path, fs::file_size(path) / 3);  // while it is open
    const auto width = static_cast<double>(described.width);
    const auto height = static_cast<double>(described.height);
    const auto view = render(path, {path, RegionArea{0, 0, width, height, 300, 300}, codec::Format::png, {}});
    if (!view) {
      EXPECT_TRUE(view.error().code == Code::corrupt || view.error().code == Code::io) << name;
      EXPECT_EQ(view.error().message.find(scratch_.path()), std::string::npos) << "no path for the client";
    }
    const auto& level = described.levels[0];
    const auto last =
        render(path, {path, TileArea{0, level.across() - 1, level.down() - 1}, codec::Format::jpeg, {}});
    EXPECT_TRUE(!last || !body(last).empty());
  }
}

TEST_F(RealFilesTest, keeps_16_bits_where_asked_and_possible) {
  pixel::Image deep = pixel::Image::make(300, 200, 1, pixel::Colour::grey, pixel::Sample::u16);
  for (int y = 0; y < deep.height; ++y) {
    for (int x = 0; x < deep.width; ++x) {
      reinterpret_cast<std::uint16_t*>(deep.row(y))[x] = static_cast<std::uint16_t>(x * 200 + y);
    }
  }
  const std::string path = scratch_.write("deep.png", as_text(*codec::encode_png(deep)));
  PixelRequest request;
  request.area = RegionArea{10, 20, 200, 100, 200, 100};
  request.format = codec::Format::png;
  const auto shallow = codec::decode_png(body(render(path, request)));
  ASSERT_TRUE(shallow);
  EXPECT_EQ(shallow->sample, pixel::Sample::u8);
  request.deep = true;
  const auto kept = codec::decode_png(body(render(path, request)));
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->sample, pixel::Sample::u16);
  EXPECT_EQ(kept->data, pixel::crop(deep, {10, 20, 200, 100}).data);
  // Beyond the picture lies the background, at its full value.
  request.area = RegionArea{200, 100, 200, 200, 200, 200};
  const auto beyond = codec::decode_png(body(render(path, request)));
  ASSERT_TRUE(beyond);
  ASSERT_EQ(beyond->sample, pixel::Sample::u16);
  EXPECT_EQ(reinterpret_cast<const std::uint16_t*>(beyond->row(199))[199], 0xffff);
  EXPECT_EQ(reinterpret_cast<const std::uint16_t*>(beyond->row(3))[2], 202 * 200 + 103);
  // JPEG cannot: the same request is 8 bits.
  request.format = codec::Format::jpeg;
  EXPECT_TRUE(codec::decode_jpeg(body(render(path, request))));
  request.format = codec::Format::tiff;
  EXPECT_TRUE(as_text(body(render(path, request))).starts_with(std::string_view("II*\0", 4)));
}

}  // namespace
}  // namespace microtome::engine
