// SPDX-License-Identifier: Apache-2.0
// How each kind of request is answered, and what is kept.
#include <gtest/gtest.h>

#include <algorithm>
#include <variant>

#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "engine/engine_fixture.hpp"
#include "io/scratch_dir.hpp"

namespace microtome::engine {
namespace {

using codec::Format;

class EngineTest : public EngineFixture {
 protected:
  // A stored JPEG tile in a real file, between other bytes.
  image::StoredTile store_jpeg(int quality = 80) {
    pixel::Image image = pixel::Image::make(256, 256, 3, pixel::Colour::rgb);
    for (std::size_t i = 0; i < image.data.size(); ++i) {
      image.data[i] = static_cast<std::uint8_t>(i / 3 % 256 / 2 + i / 768 / 4);
    }
    stream_ = codec::encode_jpeg(image, {.quality = quality}).value();
    Bytes file(100 + stream_.size() + 50, 7);
    std::copy(stream_.begin(), stream_.end(), file.begin() + 100);
    image::StoredTile tile;
    tile.stored = image::Stored::jpeg;
    tile.range = {io::File::open(scratch_.write("tiles", file)).value(), 100, stream_.size()};
    return tile;
  }

  io::ScratchDir scratch_;
  Bytes stream_;
};

TEST_F(EngineTest, AStoredTilePassesThroughInline) {
  const auto picture = world_.add("/a");
  picture->stored_ = store_jpeg();
  picture->stored_.prefix = std::make_shared<const Bytes>(Bytes{1, 2, 3});
  start();
  ASSERT_TRUE(engine_->open_now("/a"));
  auto future = begin("/a", tile(0, 1, 1));
  ASSERT_TRUE(ready(future)) << "on this thread";
  const auto rendered = future.get();
  ASSERT_TRUE(rendered);
  const auto* body = std::get_if<http::FileBody>(&rendered->body);
  ASSERT_NE(body, nullptr);
  EXPECT_EQ(body->prefix, picture->stored_.prefix);
  ASSERT_EQ(body->ranges.size(), 1U);
  EXPECT_EQ(body->ranges[0].offset, 100U);
  EXPECT_EQ(body->ranges[0].length, stream_.size());
  EXPECT_EQ(rendered->media_type, "image/jpeg");
  EXPECT_EQ(rendered->mtime_ns, picture->id_.mtime_ns);
  EXPECT_EQ(picture->decoded, 0);
  const Metrics metrics = engine_->metrics();
  EXPECT_EQ(metrics.passthrough, 1);
  EXPECT_EQ(metrics.cache_entries, 0) << "the page cache holds it already";
}

TEST_F(EngineTest, AStoredTileWhosePlaceIsNotInMemoryIsFoundByAWorker) {
  const auto picture = world_.add("/a");
  picture->stored_ = store_jpeg();
  picture->cold = true;
  start();
  ASSERT_TRUE(engine_->open_now("/a"));
  const auto rendered = render("/a", tile(0, 0, 0));
  ASSERT_TRUE(rendered);
  EXPECT_TRUE(std::holds_alternative<http::FileBody>(rendered->body));
  EXPECT_EQ(picture->asked, 2);
}

TEST_F(EngineTest, AnEdgeTileIsCutWithoutDecodingAndKept) {
  const auto picture = world_.add("/a");
  picture->stored_ = store_jpeg();
  start();
  const auto first = render("/a", tile(0, 3, 2));  // 232 x 188 of it lie in the picture
  ASSERT_TRUE(bytes_of(first));
  const auto info = codec::inspect_jpeg(*bytes_of(first));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->width, 232);
  EXPECT_EQ(info->height, 188);
  EXPECT_EQ(picture->decoded, 0);
  auto again = begin("/a", tile(0, 3, 2));
  ASSERT_TRUE(ready(again)) << "from the cache, on this thread";
  EXPECT_EQ(bytes_of(again.get()), bytes_of(first)) << "the same bytes, not a copy";
  EXPECT_EQ(engine_->metrics().dct_crop, 2);
  EXPECT_EQ(engine_->metrics().cache_hits, 1);
}

TEST_F(EngineTest, AStreamThatCannotBeCutIsDecoded) {
  const auto picture = world_.add("/a");
  picture->stored_ = store_jpeg();
  picture->stored_.range.length = 10;  // only its beginning
  start();
  const auto rendered = render("/a", tile(0, 3, 2));
  ASSERT_TRUE(bytes_of(rendered));
  EXPECT_EQ(picture->decoded, 1);
}

TEST_F(EngineTest, QualityIsHonouredOnlyBelowTheStoredOne) {
  const auto picture = world_.add("/a");
  picture->stored_ = store_jpeg(80);
  start();
  PixelRequest request = tile(0, 0, 0);
  request.quality = 95;
  EXPECT_TRUE(std::holds_alternative<http::FileBody>(render("/a", request)->body));
  request.quality = 80;
  EXPECT_TRUE(std::holds_alternative<http::FileBody>(render("/a", request)->body));
  EXPECT_EQ(picture->decoded, 0);
  request.quality = 30;
  const auto worse = render("/a", request);
  ASSERT_TRUE(bytes_of(worse));
  EXPECT_EQ(picture->decoded, 1);
}

TEST_F(EngineTest, EmptyTilesShareOneBackground) {
  const auto one = world_.add("/a");
  const auto two = world_.add("/b");
  one->stored_.empty = two->stored_.empty = true;
  start({.background = 0x3366ff});
  const auto a = render("/a", tile(0, 0, 0));
  const auto b = render("/b", tile(0, 1, 1));
  ASSERT_TRUE(bytes_of(a));
  EXPECT_EQ(bytes_of(a), bytes_of(b)) << "made once for all pictures";
  EXPECT_NE(a->etag, b->etag) << "but their answers are theirs";
  const auto edge = render("/b", tile(0, 3, 2));
  const auto shown = codec::decode_jpeg(*bytes_of(edge));
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->width, 232);
  EXPECT_EQ(shown->height, 188);
  EXPECT_NEAR(shown->row(5)[0], 0x33, 3);
  EXPECT_NEAR(shown->row(5)[1], 0x66, 3);
  EXPECT_NEAR(shown->row(5)[2], 0xff, 3);
  EXPECT_EQ(one->decoded + two->decoded, 0);
}

TEST_F(EngineTest, TilesWithoutStoredBytesAreDecodedOnce) {
  const auto picture = world_.add("/a");
  start();
  const auto first = render("/a", tile(1, 1, 0));
  ASSERT_TRUE(bytes_of(first));
  const auto shown = codec::decode_jpeg(*bytes_of(first));
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->width, 244);
  EXPECT_NEAR(shown->row(100)[100 * 3], picture->red((256 + 100.5) * 2), 3);
  EXPECT_TRUE(render("/a", tile(1, 1, 0)));
  EXPECT_EQ(picture->decoded, 1);
  PixelRequest png = tile(1, 1, 0);
  png.format = Format::png;
  EXPECT_EQ(render("/a", png)->media_type, "image/png");
  EXPECT_EQ(picture->decoded, 2);
}

TEST_F(EngineTest, RegionsAreOneAnswerInAllSpellings) {
  const auto picture = world_.add("/a");
  start();
  const auto view = render("/a", region(0, 0, 1000, 700, 300, 210));
  ASSERT_TRUE(bytes_of(view));
  const int once = picture->decoded;
  PixelRequest spelled = region(-0.0, 0, 1000, 700, 300, 210);
  spelled.quality = EngineOptions().jpeg_quality;
  EXPECT_EQ(render("/a", spelled)->etag, view->etag);
  EXPECT_EQ(picture->decoded, once);
  // A region that is a tile of level 1 is that tile.
  const auto as_region = render("/a", region(0, 0, 512, 512, 256, 256));
  const auto as_tile = render("/a", tile(1, 0, 0));
  EXPECT_EQ(as_region->etag, as_tile->etag);
  EXPECT_EQ(bytes_of(as_region), bytes_of(as_tile));
  EXPECT_EQ(picture->decoded, once + 1);
}

TEST_F(EngineTest, ConditionsAreAnsweredWithoutPixels) {
  const auto picture = world_.add("/a");
  start();
  const auto view = render("/a", region(0, 0, 1000, 700, 300, 210));
  ASSERT_TRUE(view);
  const std::string list = "\"other\", W/" + view->etag;
  const auto same = render("/a", region(0, 0, 1000, 700, 300, 210), list);
  ASSERT_TRUE(same);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(same->body));
  EXPECT_EQ(same->etag, view->etag);
  const auto other = render("/a", region(0, 0, 1000, 700, 301, 210), list);
  EXPECT_TRUE(bytes_of(other));
  // Not even "*" makes an impossible request good.
  EXPECT_EQ(render("/a", tile(0, 99, 0), "*").error().code, Code::not_found);
  EXPECT_EQ(render("/a", region(0, 0, -1, 5, 5, 5), "*").error().code, Code::bad_request);
  picture->cold = true;
  const int decoded = picture->decoded;
  const int asked = picture->asked;
  const auto tag = render("/a", tile(0, 0, 0))->etag;
  picture->asked = asked;
  EXPECT_TRUE(std::holds_alternative<std::monostate>(render("/a", tile(0, 0, 0), tag)->body));
  EXPECT_EQ(picture->asked, asked);
  EXPECT_EQ(picture->decoded, decoded + 1);
  EXPECT_EQ(engine_->metrics().not_modified, 2);
}

TEST_F(EngineTest, AChangedFileHasANewTagAndNewPixels) {
  world_.add("/a");
  start({.revalidate_ms = 100});
  const auto before = render("/a", tile(0, 0, 0));
  const auto changed = world_.add("/a", std::make_shared<FakePicture>(2000, 700, 3));
  EXPECT_EQ(render("/a", tile(0, 0, 0))->etag, before->etag) << "not looked at yet";
  world_.advance_ms(101);
  const auto after = render("/a", tile(0, 0, 0), before->etag);
  ASSERT_TRUE(bytes_of(after)) << "the old tag does not hold";
  EXPECT_NE(after->etag, before->etag);
  EXPECT_NE(*bytes_of(after), *bytes_of(before));
  EXPECT_EQ(changed->decoded, 1);
}

TEST_F(EngineTest, WrongRequestsAreRefused) {
  world_.add("/a");
  start({.max_output_pixels = 1000 * 1000});
  const auto code = [&](const PixelRequest& request) { return render("/a", request).error().code; };
  EXPECT_EQ(code(tile(0, 4, 0)), Code::not_found);
  EXPECT_EQ(code(tile(0, -1, 0)), Code::not_found);
  EXPECT_EQ(code(tile(3, 0, 0)), Code::not_found);
  EXPECT_EQ(code(region(0, 0, 100, 100, 1001, 1000)), Code::too_large);
  EXPECT_EQ(code(region(0, 0, 100, 100, 2'000'000'000, 2'000'000'000)), Code::too_large);
  EXPECT_EQ(code(region(0, 0, 0, 100, 10, 10)), Code::bad_request);
  EXPECT_EQ(code(region(0, 0, 100, 100, -10, -10)), Code::bad_request);
  PixelRequest strange = tile(0, 0, 0);
  strange.format = Format::raw;
  EXPECT_EQ(code(strange), Code::unsupported);
  EXPECT_EQ(render("/absent", tile(0, 0, 0)).error().code, Code::not_found);
  EXPECT_EQ(engine_->metrics().failed, 9);
}

TEST_F(EngineTest, AResolverMayRefuse) {
  world_.add("/a");
  start();
  std::promise<Code> told;
  engine_->render(
      "/a", [](const image::Picture&) -> Result<PixelRequest> { return fail(Code::bad_request, "no"); }, "", {},
      [&](const Result<Rendered>& result) { told.set_value(result.error().code); });
  EXPECT_EQ(told.get_future().get(), Code::bad_request);
}

TEST_F(EngineTest, TooManySourcePixelsAreRefused) {
  world_.add("/a", std::make_shared<FakePicture>(100'000, 100'000, 1));
  start({.max_source_pixels = 1'000'000});
  EXPECT_EQ(render("/a", region(0, 0, 100'000, 100'000, 10, 10)).error().code, Code::too_large);
  EXPECT_TRUE(render("/a", region(0, 0, 100, 100, 100, 100)));
  EXPECT_EQ(engine_->region_now(*engine_->open_now("/a").value(), {0, 0, 100'000, 100'000, 10, 10}, {}).error().code,
            Code::too_large);
}

TEST_F(EngineTest, WhatAReaderKeepsIsCountedAfterUse) {
  const auto growing = world_.add("/a");
  world_.add("/b");
  start({.open_pictures_bytes = 10'000});
  ASSERT_TRUE(engine_->open_now("/b"));
  growing->on_decode = [&](const CancelToken&) { growing->memory_ = 9'500; };
  ASSERT_TRUE(render("/a", tile(0, 0, 0)));
  EXPECT_EQ(engine_->metrics().open_bytes, 9'500);
  EXPECT_EQ(engine_->metrics().open_pictures, 1) << "the other one made room at once";
}

TEST_F(EngineTest, APictureThatOpensIsNotTooLargeToDecode) {
  const auto whole = std::make_shared<FakePicture>(3000, 2000, 1);
  whole->info_.has_tiles = false;
  world_.add("/a", whole);
  start({.max_memory_in_flight = 1'000'000});  // less than its 18 MB
  EXPECT_TRUE(render("/a", tile(0, 0, 0)));
  EXPECT_TRUE(render("/a", region(0, 0, 3000, 2000, 30, 20)));
  EXPECT_TRUE(engine_->region_now(*whole, {0, 0, 3000, 2000, 30, 20}, {}));
}

TEST_F(EngineTest, OtherAnswersAreComputedOnceAndKept) {
  world_.add("/a");
  start();
  int made = 0;
  const Engine::Compute compute = [&](const CancelToken& cancel) -> Result<Engine::Computed> {
    ++made;
    const auto picture = engine_->open_now("/a");
    const auto region = engine_->region_now(**picture, {0, 0, 1000, 700, 10, 7}, cancel);
    return Engine::Computed{Bytes(region->data.begin(), region->data.end()), "image/x-test"};
  };
  const auto call = [&](const std::string& key, const std::string& condition) {
    std::promise<Result<Rendered>> promise;
    engine_->compute(key, 77, condition, WorkClass::tile, {}, compute,
                     [&](Result<Rendered> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  };
  const auto first = call("strip 1", "");
  ASSERT_TRUE(bytes_of(first));
  EXPECT_EQ(bytes_of(first)->size(), 210U);
  EXPECT_EQ(first->media_type, "image/x-test");
  EXPECT_EQ(first->mtime_ns, 77);
  EXPECT_EQ(bytes_of(call("strip 1", "")), bytes_of(first));
  EXPECT_EQ(made, 1);
  EXPECT_NE(call("strip 2", "")->etag, first->etag);
  EXPECT_EQ(made, 2);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(call("strip 1", first->etag)->body));
  EXPECT_EQ(engine_->metrics().computed, 3);
}

TEST_F(EngineTest, OpenGivesThePicture) {
  const auto picture = world_.add("/a");
  start();
  const auto open = [&](const std::string& path) {
    std::promise<Result<image::PicturePtr>> promise;
    engine_->open(path, {}, [&](Result<image::PicturePtr> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  };
  EXPECT_EQ(open("/a").value(), picture);
  EXPECT_EQ(open("/a").value(), picture);
  EXPECT_EQ(open("/b").error().code, Code::not_found);
  EXPECT_EQ(world_.opens, 2);
}

}  // namespace
}  // namespace microtome::engine
