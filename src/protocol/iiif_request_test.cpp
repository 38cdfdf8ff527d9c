// SPDX-License-Identifier: Apache-2.0
#include "protocol/iiif_request.hpp"

#include <gtest/gtest.h>

namespace microtome::protocol {
namespace {

using Kind = IiifPath::Kind;

TEST(IiifRegionText, TakesTheFourForms) {
  EXPECT_EQ(parse_iiif_region("full")->kind, IiifRegion::Kind::full);
  EXPECT_EQ(parse_iiif_region("square")->kind, IiifRegion::Kind::square);
  const auto pixels = parse_iiif_region("125,15,120,140");
  ASSERT_TRUE(pixels);
  EXPECT_EQ(pixels->kind, IiifRegion::Kind::pixels);
  EXPECT_EQ(pixels->x, 125);
  EXPECT_EQ(pixels->height, 140);
  const auto percent = parse_iiif_region("pct:41.6,7.5,40,70.");
  ASSERT_TRUE(percent);
  EXPECT_EQ(percent->kind, IiifRegion::Kind::percent);
  EXPECT_EQ(percent->x, 41.6);
  EXPECT_EQ(percent->height, 70);
}

TEST(IiifRegionText, RefusesEverythingElse) {
  for (const char* text : {"",
                           "Full",
                           "squares",
                           "1,2,3",
                           "1,2,3,4,5",
                           "1,2,3,4,",
                           ",,,",
                           "1,2,,4",
                           "-1,0,2,2",
                           "0,0,0,5",
                           "0,0,5,0",
                           "1.5,0,2,2",
                           "pct:",
                           "pct:1,2,3",
                           "pct:-1,0,5,5",
                           "pct:0,0,0,5",
                           "pct:1e1,0,5,5",
                           "pct:.,0,5,5",
                           "pct:nan,0,1,1",
                           "pct:1..2,0,5,5",
                           " 0,0,1,1",
                           "0x1,0,2,2",
                           "+1,0,2,2",
                           "0,0,000000000000000000000000000000000001,1"}) {
    const auto region = parse_iiif_region(text);
    ASSERT_FALSE(region) << text;
    EXPECT_EQ(region.error().code, Code::bad_request) << text;
  }
}

TEST(IiifSizeText, TakesEveryForm) {
  using Size = IiifSize::Kind;
  const auto kind = [](const char* text) { return parse_iiif_size(text, IiifVersion::three)->kind; };
  EXPECT_EQ(kind("max"), Size::max);
  EXPECT_EQ(kind("150,"), Size::width);
  EXPECT_EQ(kind(",150"), Size::height);
  EXPECT_EQ(kind("pct:50"), Size::percent);
  EXPECT_EQ(kind("225,100"), Size::exact);
  EXPECT_EQ(kind("!225,100"), Size::confined);
  for (const char* text : {"^max", "^360,", "^,240", "^pct:120", "^360,240", "^!360,360"}) {
    const auto size = parse_iiif_size(text, IiifVersion::three);
    ASSERT_TRUE(size) << text;
    EXPECT_TRUE(size->upscale) << text;
  }
  EXPECT_EQ(parse_iiif_size("full", IiifVersion::two)->kind, Size::full);
  EXPECT_EQ(parse_iiif_size("full", IiifVersion::either)->kind, Size::full);
  EXPECT_GT(parse_iiif_size("99999999999999999999,", IiifVersion::three)->width, 1LL << 32);
}

TEST(IiifSizeText, RefusesEverythingElse) {
  for (const char* text :
       {"",      "full",   "^full", "maximum", "150",   ",",   "!,",   "!150,", "!,150", "0,", ",0",    "0,0",
        "pct:0", "pct:-5", "pct:",  "pct:x",   "1,2,3", "-1,", "1.5,", "!^1,1", "^^max", "^",  "150, ", "pct:1e9"}) {
    EXPECT_FALSE(parse_iiif_size(text, IiifVersion::three)) << text;
  }
  EXPECT_FALSE(parse_iiif_size("^max", IiifVersion::two));
}

TEST(IiifRotationText, RunsFromZeroToAWholeTurn) {
  IiifImage image;
  ASSERT_TRUE(parse_iiif_rotation("!22.5", image));
  EXPECT_TRUE(image.mirror);
  EXPECT_EQ(image.rotation, 22.5);
  ASSERT_TRUE(parse_iiif_rotation("360", image));
  EXPECT_FALSE(image.mirror);
  EXPECT_EQ(image.rotation, 0);
  for (const char* text : {"", "!", "-90", "360.1", "1e2", "90deg", "!!90", "90!", "nan"}) {
    EXPECT_FALSE(parse_iiif_rotation(text, image)) << text;
  }
}

TEST(IiifQualityText, NamesQualityAndFormat) {
  IiifImage image;
  ASSERT_TRUE(parse_iiif_quality("bitonal.png", image));
  EXPECT_EQ(image.quality, IiifQuality::bitonal);
  EXPECT_EQ(image.format, codec::Format::png);
  for (const char* text :
       {"default", "default.", ".jpg", "native.jpg", "grey.jpg", "default.jpeg", "default.exe", "", "."}) {
    const auto parsed = parse_iiif_quality(text, image);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::bad_request) << text;
  }
}

TEST(IiifPathText, TheEndOfThePathDecides) {
  const auto of = [](std::string_view path) { return parse_iiif(path, IiifVersion::three); };
  EXPECT_EQ(of("a.tif/info.json")->kind, Kind::info);
  EXPECT_EQ(of("a.tif/info.json")->id, "a.tif");
  EXPECT_EQ(of("set/41/info.json")->id, "set/41");
  EXPECT_EQ(of("set%2F41/info.json")->id, "set/41");
  EXPECT_EQ(of("set%2F41/info.json")->raw_id, "set%2F41");
  EXPECT_EQ(of("set/41")->kind, Kind::base);
  EXPECT_EQ(of("set/41/")->id, "set/41");
  const auto image = of("deep/er/set/41/full/max/0/default.jpg");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->kind, Kind::image);
  EXPECT_EQ(image->id, "deep/er/set/41");
  EXPECT_EQ(of("a/pct%3A0,0,5%2C5/%5E300,/%210/default.jpg")->kind, Kind::image);
  // An identifier with many slashes, or an image with a fault: the file decides.
  EXPECT_EQ(of("a/b/c/d/e")->kind, Kind::faulty);
  EXPECT_EQ(of("a/full/max/0/default")->error.code, Code::bad_request);
  EXPECT_EQ(of("a/full/max/0")->kind, Kind::base);
  EXPECT_EQ(of("").error().code, Code::not_found);
  EXPECT_EQ(of("/").error().code, Code::not_found);
  EXPECT_EQ(of("/info.json").error().code, Code::not_found);
  EXPECT_EQ(of("a%zz/info.json").error().code, Code::bad_request);
}

TEST(IiifPathText, TakesEveryFormatOfTheSpecification) {
  for (const std::string format : {"jpg", "png", "tif", "gif", "jp2", "pdf", "webp", "avif"}) {
    const std::string path = "a/full/max/0/default." + format;
    const auto parsed = parse_iiif(path, IiifVersion::three);
    ASSERT_TRUE(parsed) << format;
    EXPECT_EQ(parsed->kind, Kind::image) << format;
  }
}

}  // namespace
}  // namespace microtome::protocol
