// SPDX-License-Identifier: Apache-2.0
#include "protocol/iiif_picture.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/plan.hpp"
#include "protocol/iiif_info.hpp"

namespace microtome::protocol {
namespace {

image::PictureInfo pyramid(std::int64_t width, std::int64_t height, int tile = 256, int round_up = 1) {
  image::PictureInfo info;
  info.width = width;
  info.height = height;
  while (true) {
    info.levels.push_back({width, height, tile, tile});
    if (width <= tile && height <= tile) {
      return info;
    }
    width = std::max<std::int64_t>(1, (width + round_up) / 2);
    height = std::max<std::int64_t>(1, (height + round_up) / 2);
  }
}

constexpr IiifLimits kLimits{5000, 5000, 25'000'000};

// "region/size" to the canonical text, or the error.
std::string canonical(const image::PictureInfo& info, const std::string& text,
                      IiifVersion version = IiifVersion::three, const IiifLimits& limits = kLimits) {
  const auto image = parse_iiif_image(text + "/0/default.jpg", version);
  if (!image) {
    return image.error().message;
  }
  const auto made = make_iiif_picture(*image, version, info, limits);
  return made ? made->canonical.substr(0, made->canonical.size() - std::string("/0/default.jpg").size())
              : std::to_string(static_cast<int>(made.error().code));
}

std::string size(const image::PictureInfo& info, const std::string& text, IiifVersion version = IiifVersion::three,
                 const IiifLimits& limits = kLimits) {
  const auto image = parse_iiif_image(text + "/0/default.jpg", version);
  if (!image) {
    return image.error().message;
  }
  const auto made = make_iiif_picture(*image, version, info, limits);
  if (!made) {
    return made.error().message;
  }
  const auto& area = std::get<engine::RegionArea>(made->request.area);
  return std::to_string(area.out_width) + "x" + std::to_string(area.out_height);
}

const char* const kNeeds = "IIIF: enlarging needs ^";
const char* const kBeyond = "IIIF: the size is beyond this server's limits";
const char* const kOutside = "IIIF: the region lies outside the picture";

// The picture of the specification: 300 x 200.
TEST(IiifSizes, AreThoseOfTheSpecification) {
  const auto info = pyramid(300, 200);
  EXPECT_EQ(size(info, "full/max"), "300x200");
  EXPECT_EQ(size(info, "full/150,"), "150x100");
  EXPECT_EQ(size(info, "full/,150"), "225x150");
  EXPECT_EQ(size(info, "full/pct:50"), "150x100");
  EXPECT_EQ(size(info, "full/225,100"), "225x100");
  EXPECT_EQ(size(info, "full/!225,100"), "150x100");
  EXPECT_EQ(size(info, "full/^360,"), "360x240");
  EXPECT_EQ(size(info, "full/^,240"), "360x240");
  EXPECT_EQ(size(info, "full/^pct:120"), "360x240");
  EXPECT_EQ(size(info, "full/^360,360"), "360x360");
  EXPECT_EQ(size(info, "full/^!360,360"), "360x240");
  EXPECT_EQ(size(info, "full/^max", IiifVersion::three, {600, 600, 360'000}), "600x400");
}

TEST(IiifSizes, AWidthIsExact) {
  const auto info = pyramid(700, 500, 128);
  EXPECT_EQ(size(info, "full/100,"), "100x71");
  EXPECT_EQ(size(info, "full/129,"), "129x92");
  EXPECT_EQ(size(info, "full/1,"), "1x1");
  EXPECT_EQ(size(info, "full/!100,100"), "100x71");
  EXPECT_EQ(size(info, "full/,71"), "99x71");
  // Beyond the last pixel of a smaller level there is no tile.
  EXPECT_EQ(size(pyramid(4099, 257, 256, 0), "4098,0,1,16/,1"), "1x1");
  // A sliver in its own size is no tile of a smaller level, though one is as wide.
  EXPECT_EQ(size(pyramid(513, 600), "512,0,1,512/1,"), "1x512");
}

TEST(IiifSizes, OnlyACaretEnlarges) {
  const auto info = pyramid(300, 200);
  for (const char* text :
       {"full/301,", "full/,201", "full/pct:100.1", "full/301,200", "full/300,201", "0,0,10,10/11,"}) {
    EXPECT_EQ(size(info, text), kNeeds) << text;
  }
  // A box that only a larger picture would touch. Where the version is open, it is as the text of 3.0 says.
  EXPECT_EQ(size(info, "full/!600,600"), kNeeds);
  EXPECT_EQ(size(info, "full/!301,201"), kNeeds);
  EXPECT_EQ(size(info, "full/!600,200"), "300x200");
  EXPECT_EQ(size(info, "full/!300,600"), "300x200");
  EXPECT_EQ(size(info, "full/!600,600", IiifVersion::either), "300x200");
  EXPECT_EQ(size(info, "full/^!600,600", IiifVersion::three, {400, 400, 160'000}), "400x267");
  EXPECT_EQ(size(info, "full/301,", IiifVersion::two), "301x201");
  EXPECT_EQ(size(info, "full/!600,600", IiifVersion::two), "600x400");
  EXPECT_EQ(size(info, "full/max", IiifVersion::two), "300x200");
}

TEST(IiifSizes, KeepTheLimits) {
  const auto info = pyramid(20000, 10000);
  const IiifLimits narrow{5000, 5000, 8'000'000};
  EXPECT_EQ(size(info, "full/max"), "5000x2500");
  EXPECT_EQ(size(info, "full/max", IiifVersion::three, narrow), "4000x2000");
  EXPECT_EQ(size(info, "full/!9000,9000"), "5000x2500");
  EXPECT_EQ(size(info, "full/5001,"), kBeyond);
  EXPECT_EQ(size(info, "full/4001,2000", IiifVersion::three, narrow), kBeyond);
  EXPECT_EQ(size(info, "full/^4294967295,"), kBeyond);
  EXPECT_EQ(size(info, "full/^99999999999999999999999,1"), kBeyond);
  EXPECT_EQ(size(info, "full/^pct:99999999999999999999999"), kBeyond);
  EXPECT_EQ(size(info, "full/pct:0.001"), "IIIF: the size is below one pixel");
  EXPECT_EQ(size(info, "full/full", IiifVersion::two), kBeyond);
  // Every size that "max" gives can be asked for by its numbers.
  for (std::int64_t width = 2990; width < 3010; ++width) {
    const auto odd = pyramid(width * 7, 8000);
    const std::string max = size(odd, "full/max", IiifVersion::three, narrow);
    std::string numbers = max;
    numbers[numbers.find('x')] = ',';
    EXPECT_EQ(size(odd, "full/" + numbers, IiifVersion::three, narrow), max);
  }
}

TEST(IiifRegions, AreCutAtTheEdges) {
  const auto info = pyramid(300, 200);
  EXPECT_EQ(canonical(info, "square/max"), "50,0,200,200/max");
  EXPECT_EQ(canonical(info, "125,15,200,200/max"), "125,15,175,185/max");
  EXPECT_EQ(canonical(info, "pct:41.6,7.5,40,70/max"), "125,15,120,140/max");
  EXPECT_EQ(canonical(info, "pct:41.6,7.5,66.6,100/max"), "125,15,175,185/max");
  EXPECT_EQ(canonical(info, "0,0,300,200/max"), "full/max");
  EXPECT_EQ(canonical(info, "0,0,9999,9999/max"), "full/max");
  EXPECT_EQ(canonical(info, "pct:0,0,100,100/max"), "full/max");
  EXPECT_EQ(canonical(info, "299,199,1,1/max"), "299,199,1,1/max");
  for (const char* text : {"300,0,10,10/max", "0,200,10,10/max", "pct:100,0,5,5/max", "pct:0,100,5,5/max",
                           "99999999999999999999,0,1,1/max"}) {
    EXPECT_EQ(size(info, text), kOutside) << text;
  }
}

TEST(IiifCanonical, OneSpellingForEachPicture) {
  const auto info = pyramid(300, 200);
  EXPECT_EQ(canonical(info, "full/300,"), "full/max");
  EXPECT_EQ(canonical(info, "full/pct:50"), "full/150,100");
  EXPECT_EQ(canonical(info, "full/^pct:50"), "full/150,100");
  EXPECT_EQ(canonical(info, "full/^360,"), "full/^360,240");
  EXPECT_EQ(canonical(info, "full/^max"), "full/^max");
  EXPECT_EQ(canonical(info, "full/full", IiifVersion::two), "full/full");
  EXPECT_EQ(canonical(info, "full/150,100", IiifVersion::two), "full/150,");
  EXPECT_EQ(canonical(info, "full/225,100", IiifVersion::two), "full/225,100");
  IiifImage image;
  image.mirror = true;
  image.rotation = 22.5;
  image.quality = IiifQuality::color;
  image.format = codec::Format::png;
  EXPECT_EQ(make_iiif_picture(image, IiifVersion::three, info, kLimits)->canonical, "full/max/!22.5/default.png");
  auto grey = info;
  grey.colour = pixel::Colour::grey;
  image.quality = IiifQuality::gray;
  EXPECT_EQ(make_iiif_picture(image, IiifVersion::three, grey, kLimits)->canonical, "full/max/!22.5/default.png");
  EXPECT_EQ(make_iiif_picture(image, IiifVersion::three, info, kLimits)->canonical, "full/max/!22.5/gray.png");
}

// Whatever a viewer writes for a tile of info.json, the engine gets the stored tile.
TEST(IiifTiles, EverySpellingIsTheStoredTile) {
  for (const auto& info : {pyramid(2701, 1803), pyramid(1024, 670), pyramid(5000, 300), pyramid(257, 4099),
                           pyramid(2701, 1803, 256, 0), pyramid(1023, 671, 256, 0)}) {
    for (std::size_t index = 0; index < info.levels.size(); ++index) {
      const image::Level& level = info.levels[index];
      const std::int64_t factor = iiif_scale_factor(info, index);
      ASSERT_EQ(factor, std::int64_t{1} << index);
      for (std::int64_t row = 0; row < level.down(); ++row) {
        for (std::int64_t column = 0; column < level.across(); ++column) {
          const std::int64_t x = column * 256 * factor;
          const std::int64_t y = row * 256 * factor;
          const std::int64_t w = std::min(256 * factor, info.width - x);
          const std::int64_t h = std::min(256 * factor, info.height - y);
          const std::string region =
              std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(w) + "," + std::to_string(h);
          const std::string wide = std::to_string(std::min<std::int64_t>(256, level.width - column * 256));
          const std::string high = std::to_string(std::min<std::int64_t>(256, level.height - row * 256));
          const engine::TileArea tile{static_cast<int>(index), column, row};
          for (const std::string& size : {wide + "," + high, wide + ",", "," + high, "!" + wide + "," + high}) {
            if (size.starts_with('!') && (w % factor != 0 || h % factor != 0)) {
              continue;  // no tile fits the box better than the picture's aspect does
            }
            if (size == "1," || size == ",1") {
              continue;  // slivers of several levels are one pixel wide
            }
            for (const auto version : {IiifVersion::two, IiifVersion::three}) {
              const auto image = parse_iiif_image(region + "/" + size + "/0/default.jpg", version);
              ASSERT_TRUE(image) << region << "/" << size;
              const auto made = make_iiif_picture(*image, version, info, kLimits);
              ASSERT_TRUE(made) << region << "/" << size << ": " << made.error().message;
              const auto request = engine::canonical(info, made->request);
              ASSERT_TRUE(std::holds_alternative<engine::TileArea>(request.area)) << region << "/" << size;
              EXPECT_EQ(std::get<engine::TileArea>(request.area), tile);
            }
          }
        }
      }
    }
  }
}

TEST(IiifScaleFactors, ArePowersOfTwoWhereTheyFit) {
  image::PictureInfo info = pyramid(100'000, 80'000);
  info.levels.push_back({98, 79, 256, 256});
  EXPECT_EQ(iiif_scale_factor(info, info.levels.size() - 1), 1024);
  info.levels = {{46000, 32914, 240, 240}, {11500, 8228, 240, 240}, {2875, 2057, 240, 240}, {1000, 700, 240, 240}};
  info.width = 46000;
  info.height = 32914;
  EXPECT_EQ(iiif_scale_factor(info, 1), 4);
  EXPECT_EQ(iiif_scale_factor(info, 2), 16);
  EXPECT_EQ(iiif_scale_factor(info, 3), 0);
}

TEST(IiifInfo, SaysWhatIsStored) {
  auto info = pyramid(700, 500, 256);
  info.um_per_pixel_x = 0.5;
  EXPECT_NE(write_iiif_info(info, kLimits, IiifVersion::two, "http://h/iiif/2/a")
                .find(R"("service":{"@context":"http://iiif.io/api/annex/services/physdim/1/context.json",)"
                      R"("profile":"http://iiif.io/api/annex/services/physdim","physicalScale":5e-04,)"
                      R"("physicalUnits":"mm"}})"),
            std::string::npos);
  EXPECT_EQ(
      write_iiif_info(info, kLimits, IiifVersion::three, "http://h/iiif/3/a"),
      R"({"@context":"http://iiif.io/api/image/3/context.json","id":"http://h/iiif/3/a","type":"ImageService3",)"
      R"("protocol":"http://iiif.io/api/image","profile":"level2","maxWidth":5000,"maxHeight":5000,)"
      R"("maxArea":25000000,"width":700,"height":500,)"
      R"("sizes":[{"width":175,"height":125},{"width":350,"height":250},{"width":700,"height":500}],)"
      R"("tiles":[{"width":256,"height":256,"scaleFactors":[1,2,4]}],"preferredFormats":["jpg"],)"
      R"("extraFormats":["webp","tif","gif","avif","jp2","pdf"],)"
      R"("extraQualities":["color","gray","bitonal"],"extraFeatures":["canonicalLinkHeader","mirroring",)"
      R"("profileLinkHeader","rotationArbitrary","sizeUpscaling"],)"
      R"("service":[{"@context":"http://iiif.io/api/annex/services/physdim/1/context.json",)"
      R"("id":"http://h/iiif/3/a#physdim","type":"Service",)"
      R"("profile":"http://iiif.io/api/annex/services/physdim","physicalScale":5e-04,"physicalUnits":"mm"}]})");
}

TEST(IiifInfo, PrefersNothingThatLosesAlpha) {
  auto info = pyramid(700, 500, 256);
  info.opaque = false;
  EXPECT_EQ(write_iiif_info(info, kLimits, IiifVersion::three, "http://h/a").find("preferredFormats"),
            std::string::npos);
  EXPECT_EQ(write_iiif_info(pyramid(700, 500), kLimits, IiifVersion::two, "http://h/a").find("preferredFormats"),
            std::string::npos);
}

TEST(IiifInfo, LeavesOutWhatIsBeyondTheLimits) {
  const std::string json = write_iiif_info(pyramid(700, 500), {400, 400, 160'000}, IiifVersion::two, "http://h/a");
  EXPECT_NE(json.find(R"("sizes":[{"width":175,"height":125},{"width":350,"height":250}])"), std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("@id":"http://h/a")"), std::string::npos);
  EXPECT_NE(
      json.find(
          R"("profile":["http://iiif.io/api/image/2/level2.json",{"formats":["jpg","png","webp","tif","gif","avif","jp2","pdf"])"),
      std::string::npos);
}

}  // namespace
}  // namespace microtome::protocol
