// SPDX-License-Identifier: Apache-2.0
// Pyramids: which directories become levels, which tiles pass through, and what a client sees then.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <string>
#include <thread>

#include "codec/jpeg.hpp"
#include "codec/webp.hpp"
#include "image/picture.hpp"
#include "image/tiff_for_test.hpp"
#include "pixel/blit.hpp"

namespace microtome::image {
namespace {

constexpr auto kYcbcr = PHOTOMETRIC_YCBCR;

std::string sizes(const PictureInfo& info) {
  std::string text;
  for (const Level& level : info.levels) {
    text += (text.empty() ? "" : " ") + std::to_string(level.width) + "x" + std::to_string(level.height);
  }
  return text;
}

double mean(const pixel::Image& image, int channel) {
  double sum = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      sum += image.row(y)[x * image.channels + channel];
    }
  }
  return sum / image.width / image.height;
}

// Every tile of every level: what passes through must decode, by a decoder that knows nothing of TIFF, to exactly the
// pixels that decode_tile gives. Returns how many passed.
int check_all_tiles(const Picture& picture) {
  int passed = 0;
  const PictureInfo& info = picture.info();
  for (int l = 0; l < static_cast<int>(info.levels.size()); ++l) {
    for (std::int64_t y = 0; y < info.levels[l].down(); ++y) {
      for (std::int64_t x = 0; x < info.levels[l].across(); ++x) {
        const auto stored = picture.stored_tile(l, x, y, true);
        const auto decoded = picture.decode_tile(l, x, y, {});
        EXPECT_TRUE(stored && *stored && decoded);
        if (!stored || !*stored || !decoded || (*stored)->stored == Stored::none) {
          continue;
        }
        EXPECT_EQ((*stored)->visible_width, decoded->width);
        EXPECT_EQ((*stored)->visible_height, decoded->height);
        const Bytes bytes = test::joined(**stored);
        const auto image = (*stored)->stored == Stored::jpeg ? codec::decode_jpeg(bytes) : codec::decode_webp(bytes);
        EXPECT_TRUE(image);
        EXPECT_EQ(image->width, (*stored)->width);
        EXPECT_EQ(image->height, (*stored)->height);
        EXPECT_EQ(pixel::crop(*image, {0, 0, decoded->width, decoded->height}).data, decoded->data);
        ++passed;
      }
    }
  }
  return passed;
}

TEST(TiffPyramid, by_chain_and_by_sub_ifds_in_every_byte_order) {
  for (const char* mode : {"w", "wb", "w8", "wb8"}) {
    for (const bool sub_ifds : {false, true}) {
      SCOPED_TRACE(std::string(mode) + (sub_ifds ? " SubIFDs" : " chain"));
      const io::ScratchDir scratch;
      auto picture = test::open(test::write(scratch, {.mode = mode,
                                                      .width = 301,
                                                      .height = 203,
                                                      .compression = COMPRESSION_JPEG,
                                                      .photometric = kYcbcr,
                                                      .levels = 4,
                                                      .sub_ifds = sub_ifds}));
      ASSERT_TRUE(picture);
      EXPECT_EQ(sizes((*picture)->info()), "301x203 151x102 76x51 38x26");
      EXPECT_TRUE((*picture)->info().has_tiles);
      EXPECT_EQ(check_all_tiles(**picture), 5 * 4 + 3 * 2 + 2 * 1 + 1);
    }
  }
}

TEST(TiffPyramid, of_another_writer) {
  auto chain = test::open(test::fixture("image/vips_jpeg_pyramid.tif"));
  auto sub_ifds = test::open(test::fixture("image/vips_subifd_bigtiff.tif"));
  auto rgb = test::open(test::fixture("image/vips_rgbjpeg.tif"));
  ASSERT_TRUE(chain && sub_ifds && rgb);
  EXPECT_EQ(sizes((*chain)->info()), "190x140 95x70 47x35");
  EXPECT_EQ(sizes((*sub_ifds)->info()), "190x140 95x70 47x35");
  EXPECT_EQ(check_all_tiles(**chain), 9 + 4 + 1);
  EXPECT_EQ(check_all_tiles(**sub_ifds), 9 + 4 + 1);
  EXPECT_EQ(check_all_tiles(**rgb), 9);
  EXPECT_EQ((*chain)->decode_tile(1, 1, 1, {})->data, (*sub_ifds)->decode_tile(1, 1, 1, {})->data);
  EXPECT_NEAR((*chain)->info().um_per_pixel_x.value_or(0), 0.499, 0.001);
}

TEST(TiffPyramid, webp_tiles_pass_as_they_are) {
  auto picture = test::open(test::fixture("image/vips_webp_alpha.tif"));
  ASSERT_TRUE(picture);
  EXPECT_EQ((*picture)->info().colour, pixel::Colour::rgba);
  const auto stored = (*picture)->stored_tile(0, 1, 1, true);
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->stored, Stored::webp);
  EXPECT_EQ((*stored)->prefix, nullptr);
  EXPECT_EQ((*stored)->suffix, nullptr);
  const io::ScratchDir scratch;
  auto opaque = test::open(test::write(scratch, {.compression = COMPRESSION_WEBP}));
  ASSERT_TRUE(opaque);
  EXPECT_EQ(check_all_tiles(**opaque), 6);
}

TEST(TiffPyramid, bilevel_of_another_writer) {
  auto picture = test::open(test::fixture("image/vips_ccitt.tif"));
  ASSERT_TRUE(picture);
  EXPECT_EQ((*picture)->info().bits, 1);
  auto tile = (*picture)->decode_tile(0, 0, 0, {});
  ASSERT_TRUE(tile);
  EXPECT_GT(std::ranges::count(tile->data, 255), 100);
  EXPECT_EQ(std::ranges::count(tile->data, 255) + std::ranges::count(tile->data, 0), 64 * 64);
}

TEST(AperioSlide, shows_its_true_colours_by_passthrough) {
  auto picture = test::open(test::fixture("CMU-1-Small-Region.svs"));
  ASSERT_TRUE(picture);
  const PictureInfo& info = (*picture)->info();
  EXPECT_EQ(sizes(info), "2220x2967");  // thumbnail, label and macro picture are none of its levels
  EXPECT_EQ(info.um_per_pixel_x, 0.499);
  EXPECT_EQ(info.um_per_pixel_y, 0.499);
  EXPECT_TRUE(info.text.at("description").starts_with("Aperio Image Library"));
  const auto stored = (*picture)->stored_tile(0, 0, 12, true);
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->stored, Stored::jpeg);
  EXPECT_TRUE((*stored)->clipped());  // 2967 = 12 * 240 + 87
  EXPECT_EQ((*stored)->visible_height, 87);
  const auto image = codec::decode_jpeg(test::joined(**(*picture)->stored_tile(0, 0, 0, true)));
  ASSERT_TRUE(image);
  // Guessed as YCbCr, as viewers do without a marker, it would be 255/123/255.
  EXPECT_NEAR(mean(*image, 0), 241.5, 5);
  EXPECT_NEAR(mean(*image, 1), 239.5, 5);
  EXPECT_NEAR(mean(*image, 2), 240.5, 5);
  EXPECT_EQ(check_all_tiles(**picture), 10 * 13);
}

TEST(TiffPyramid, regions_decode_the_tiles_they_need_at_any_reduction) {
  const io::ScratchDir scratch;
  auto picture = test::open(
      test::write(scratch, {.width = 300, .height = 200, .compression = COMPRESSION_JPEG, .photometric = kYcbcr}));
  ASSERT_TRUE(picture);
  int reduction = 1;
  const auto whole = (*picture)->decode_region(0, {0, 0, 300, 200}, &reduction, {});
  const auto part = (*picture)->decode_region(0, {50, 60, 101, 77}, &reduction, {});
  ASSERT_TRUE(whole && part);
  EXPECT_EQ(pixel::crop(*whole, {50, 60, 101, 77}).data, part->data);
  for (const int wish : {2, 4, 8, 5}) {
    reduction = wish;
    const auto small = (*picture)->decode_region(0, {64, 64, 171, 99}, &reduction, {});
    ASSERT_TRUE(small);
    EXPECT_EQ(reduction, wish == 5 ? 4 : wish);
    EXPECT_EQ(small->width, (171 + reduction - 1) / reduction);
    EXPECT_EQ(small->height, (99 + reduction - 1) / reduction);
    // A pixel of the small one is the mean of those it covers, as far as JPEG goes.
    double sum = 0;
    for (int y = 0; y < reduction; ++y) {
      for (int x = 0; x < reduction; ++x) {
        sum += whole->row(64 + 5 * reduction + y)[(64 + 7 * reduction + x) * 3 + 1];
      }
    }
    EXPECT_NEAR(small->row(5)[7 * 3 + 1], sum / reduction / reduction, 6);
  }
  reduction = 8;
  ASSERT_TRUE((*picture)->decode_region(0, {50, 60, 101, 77}, &reduction, {}));
  EXPECT_EQ(reduction, 2);  // what the corner allows
  EXPECT_EQ((*picture)->decode_region(0, {0, 0, 301, 10}, &reduction, {}).error().code, Code::bad_request);
  EXPECT_EQ((*picture)->decode_region(0, {-1, 0, 10, 10}, &reduction, {}).error().code, Code::bad_request);
  EXPECT_EQ((*picture)->decode_region(1, {0, 0, 10, 10}, &reduction, {}).error().code, Code::not_found);
  const CancelToken gone;
  gone.cancel();
  EXPECT_EQ((*picture)->decode_region(0, {0, 0, 300, 200}, &reduction, gone).error().code, Code::cancelled);
}

TEST(TiffPyramid, reduces_tiles_that_are_no_jpeg_too) {
  const io::ScratchDir scratch;
  auto picture = test::open(test::write(scratch, {.width = 256, .height = 128, .compression = COMPRESSION_LZW}));
  ASSERT_TRUE(picture);
  int reduction = 8;
  const auto small = (*picture)->decode_region(0, {0, 0, 256, 128}, &reduction, {});
  ASSERT_TRUE(small);
  EXPECT_EQ(reduction, 8);
  EXPECT_EQ(small->width, 32);
  double sum = 0;
  for (int i = 0; i < 64; ++i) {
    sum += test::stored_at({}, 80 + i % 8, 40 + i / 8, 0, 1);
  }
  EXPECT_NEAR(small->row(5)[10 * 3], sum / 64, 1);
}

TEST(TiffPyramid, tiles_outside_are_not_found) {
  const io::ScratchDir scratch;
  auto picture = test::open(test::write(scratch, {}));
  ASSERT_TRUE(picture);
  const std::int64_t outside[][3] = {
      {0, 3, 0}, {0, 0, 2}, {0, -1, 0}, {0, 0, -1}, {1, 0, 0}, {-1, 0, 0}, {0, 1LL << 40, 1LL << 40}};
  for (const auto& [level, x, y] : outside) {
    EXPECT_EQ((*picture)->stored_tile(static_cast<int>(level), x, y, true).error().code, Code::not_found);
    EXPECT_EQ((*picture)->decode_tile(static_cast<int>(level), x, y, {}).error().code, Code::not_found);
  }
}

TEST(TiffPyramid, profile_and_words) {
  const io::ScratchDir scratch;
  const std::string path =
      test::write(scratch, {.compression = COMPRESSION_JPEG, .photometric = kYcbcr, .description = "a section\n"});
  TIFF* tiff = TIFFOpen(path.c_str(), "r+");
  const Bytes profile(3000, 7);
  TIFFSetField(tiff, TIFFTAG_ICCPROFILE, 3000, profile.data());
  TIFFSetField(tiff, TIFFTAG_ARTIST, "A. Nyone");
  TIFFSetField(tiff, TIFFTAG_COPYRIGHT, "nobody");
  TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 20000.0);
  TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 10000.0);
  TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
  TIFFRewriteDirectory(tiff);
  TIFFClose(tiff);
  auto picture = test::open(path);
  ASSERT_TRUE(picture);
  const PictureInfo& info = (*picture)->info();
  EXPECT_EQ(info.text.at("description"), "a section");
  EXPECT_EQ(info.text.at("artist"), "A. Nyone");
  EXPECT_EQ(info.text.at("copyright"), "nobody");
  EXPECT_DOUBLE_EQ(info.um_per_pixel_x.value_or(0), 0.5);
  EXPECT_DOUBLE_EQ(info.um_per_pixel_y.value_or(0), 1);
  ASSERT_TRUE(info.icc);
  EXPECT_EQ(*info.icc, profile);
  const auto stored = (*picture)->stored_tile(0, 0, 0, true);
  ASSERT_TRUE(stored && *stored && (*stored)->prefix);
  EXPECT_GT((*stored)->prefix->size(), profile.size());  // every tile brings its profile
  EXPECT_EQ(check_all_tiles(**picture), 6);
}

TEST(TiffPyramid, answers_from_memory_when_it_may_not_block) {
  const io::ScratchDir scratch;
  const std::string path =
      test::write(scratch, {.width = 640, .height = 640, .compression = COMPRESSION_JPEG, .photometric = kYcbcr});
  auto picture = test::open(path);
  ASSERT_TRUE(picture);
  ASSERT_TRUE((*picture)->stored_tile(0, 3, 3, true));
  const auto again = (*picture)->stored_tile(0, 3, 3, false);
  ASSERT_TRUE(again);
  auto file = io::File::open(path);
  ASSERT_TRUE(file);
  if (!(*file)->resident(0, 1)) {
    GTEST_SKIP() << "this file system does not tell what is in memory";
  }
  ASSERT_TRUE(*again);
  EXPECT_EQ((*again)->stored, Stored::jpeg);
  // Pushed out of memory (where the kernel obeys) the answer is: ask again on a worker.
  ::fsync((*file)->fd());
  ::posix_fadvise((*file)->fd(), 0, 0, POSIX_FADV_DONTNEED);
  if (!(*file)->resident((*again)->range.offset, 1)) {
    const auto later = (*picture)->stored_tile(0, 2, 2, false);
    ASSERT_TRUE(later);
    EXPECT_FALSE(*later);
    // What was seen of a tile is remembered: where it lies needs no second look at it.
    const auto remembered = (*picture)->stored_tile(0, 3, 3, false);
    ASSERT_TRUE(remembered);
    ASSERT_TRUE(*remembered);
    EXPECT_EQ((*remembered)->range.offset, (*again)->range.offset);
    EXPECT_EQ((*remembered)->suffix, nullptr);
    const auto blocking = (*picture)->stored_tile(0, 2, 2, true);
    ASSERT_TRUE(blocking);
    EXPECT_TRUE(*blocking);
  }
}

TEST(TiffPyramid, is_shared_by_threads) {
  const io::ScratchDir scratch;
  auto jpeg = test::open(test::write(
      scratch, {.width = 640, .height = 640, .compression = COMPRESSION_JPEG, .photometric = kYcbcr}, "a.tif"));
  auto lzw = test::open(test::write(scratch, {.width = 640, .height = 640, .compression = COMPRESSION_LZW}, "b.tif"));
  ASSERT_TRUE(jpeg && lzw);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::int64_t x = (i * 7 + t) % 10;
        const std::int64_t y = (i * 3 + t) % 10;
        const auto stored = (*jpeg)->stored_tile(0, x, y, true);
        wrong += stored && *stored && (*stored)->stored == Stored::jpeg ? 0 : 1;
        const auto tile = (*lzw)->decode_tile(0, x, y, {});
        wrong += tile && tile->row(5)[9] ==
                             test::stored_at({}, static_cast<int>(x * 64 + 3), static_cast<int>(y * 64 + 5), 0, 1)
                     ? 0
                     : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_LT((*jpeg)->memory(), 400'000U);
}

TEST(TiffPyramid, other_pages_are_no_levels) {
  const io::ScratchDir scratch;
  const auto page = [](test::Layout& layout, std::uint64_t width, std::uint64_t height, std::uint64_t subfile) {
    const auto data = layout.add(Bytes(16 * 16, static_cast<std::uint8_t>(width)));
    const std::size_t tiles = ((width + 15) / 16) * ((height + 15) / 16);
    layout.add_directory({{254, 4, {subfile}},
                          {256, 3, {width}},
                          {257, 3, {height}},
                          {258, 3, {8}},
                          {259, 3, {1}},
                          {262, 3, {1}},
                          {277, 3, {1}},
                          {322, 3, {16}},
                          {323, 3, {16}},
                          {324, 4, std::vector<std::uint64_t>(tiles, data)},
                          {325, 4, std::vector<std::uint64_t>(tiles, 256)}});
  };
  test::Layout layout;
  page(layout, 100, 80, 0);
  page(layout, 100, 80, 0);  // the next of a stack
  page(layout, 50, 40, 2);   // a page of its own, though of the same shape
  page(layout, 60, 20, 1);   // another shape
  page(layout, 50, 40, 4);   // a mask
  page(layout, 50, 40, 1);
  page(layout, 25, 20, 0);  // as Aperio writes levels: without a mark
  page(layout, 25, 20, 1);
  auto picture = test::open(scratch.write("pages.tif", layout.bytes()));
  ASSERT_TRUE(picture);
  EXPECT_EQ(sizes((*picture)->info()), "100x80 50x40 25x20");

  test::Layout upwards;  // from small to large
  page(upwards, 25, 20, 0);
  page(upwards, 50, 40, 0);
  page(upwards, 100, 80, 0);
  auto reversed = test::open(scratch.write("upwards.tif", upwards.bytes()));
  ASSERT_TRUE(reversed);
  EXPECT_EQ(sizes((*reversed)->info()), "100x80 50x40 25x20");
}

}  // namespace
}  // namespace microtome::image
