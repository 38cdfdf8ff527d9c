// SPDX-License-Identifier: Apache-2.0
#include "image/slide_picture.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "codec/jpeg.hpp"
#include "io/scratch_dir.hpp"
#include "pixel/convert.hpp"

namespace microtome::image {
namespace {

io::FilePtr slide_file() {
  return *io::File::open(std::string(MICROTOME_FIXTURES) + "/CMU-1-Small-Region.svs");
}

TEST(SlidePicture, ShowsTheSamePixelsAsOurOwnReader) {
  const auto slide = open_slide(slide_file(), {});
  ASSERT_TRUE(slide) << slide.error().context;
  const auto own = open_picture(slide_file(), {});
  ASSERT_TRUE(own);
  const PictureInfo& info = (*slide)->info();
  EXPECT_EQ(info.width, 2220);
  EXPECT_EQ(info.height, 2967);
  EXPECT_EQ(info.levels.front().tile_width, 240);
  EXPECT_NEAR(info.um_per_pixel_x.value_or(0), 0.499, 1e-9);
  EXPECT_NE(info.text.at("associated").find("label"), std::string::npos);
  for (const auto& [x, y] : {std::pair<int, int>{3, 4}, {9, 12}}) {
    const auto one = (*slide)->decode_tile(0, x, y, {});
    const auto other = (*own)->decode_tile(0, x, y, {});
    ASSERT_TRUE(one && other);
    ASSERT_EQ(one->width, other->width);
    ASSERT_EQ(one->height, other->height);
    double sum = 0;
    for (std::size_t i = 0; i < one->data.size(); ++i) {
      sum += std::abs(one->data[i] - other->data[i]);
    }
    EXPECT_LT(sum / static_cast<double>(one->data.size()), 1);
  }
  int reduction = 1;
  EXPECT_EQ((*slide)->decode_region(0, {2000, 0, 221, 1}, &reduction, {}).error().code, Code::bad_request);
  EXPECT_EQ((*slide)->decode_tile(0, 10, 0, {}).error().code, Code::not_found);
  EXPECT_EQ((*slide)->decode_tile(7, 0, 0, {}).error().code, Code::not_found);
}

TEST(SlidePicture, StoredTilesStayOurs) {
  const auto own = open_picture(slide_file(), {});
  ASSERT_TRUE(own);
  const auto stored = (*own)->stored_tile(0, 0, 0, true);
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->stored, Stored::jpeg) << "JPEG tiles of Aperio go out as they lie in the file";
}

TEST(SlidePicture, RefusesWhatIsNoSlide) {
  const io::ScratchDir dir;
  for (const char* name : {"a.mrxs", "b.mrxs"}) {
    const auto file = io::File::open(dir.write(name, std::string_view("no slide at all")));
    const auto opened = open_picture(*file, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::unsupported);
    EXPECT_EQ(opened.error().message.find('/'), std::string::npos);
  }
  EXPECT_TRUE(is_slide_name("/a/B.MRXS", ""));
  EXPECT_TRUE(is_slide_name("x.vms", "[Virtual Microscope Specimen]"));
  EXPECT_FALSE(is_slide_name("x.vms", "something"));
  EXPECT_FALSE(is_slide_name("x.jpg", "[Virtual"));
}

}  // namespace
}  // namespace microtome::image
