// SPDX-License-Identifier: Apache-2.0
#include "image/deepzoom_picture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include "codec/deflate.hpp"
#include "codec/encode.hpp"
#include "codec/picture_for_test.hpp"
#include "image/tiff_for_test.hpp"
#include "io/scratch_dir.hpp"
#include "pixel/blit.hpp"
#include "pixel/scale.hpp"

namespace microtome::image {
namespace {

using Files = std::map<std::string, Bytes>;  // by name

// A pyramid as other programs write it.
Files pyramid(const pixel::Image& full, int tile, int overlap, codec::Format format) {
  Files files;
  const std::string extension(codec::extension_of(format));
  const std::string xml =
      "<?xml version=\"1.0\"?>\n<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\"\n Format=\"" + extension +
      "\" Overlap=\"" + std::to_string(overlap) + "\" TileSize=\"" + std::to_string(tile) + "\">\n <Size Height=\"" +
      std::to_string(full.height) + "\" Width='" + std::to_string(full.width) + "'/>\n</Image>\n";
  files["a.dzi"] = Bytes(xml.begin(), xml.end());
  pixel::Image level = full;
  int number = 0;
  while ((1 << number) < std::max(full.width, full.height)) {
    ++number;
  }
  for (; number >= 0; --number) {
    for (int y = 0; y * tile < level.height; ++y) {
      for (int x = 0; x * tile < level.width; ++x) {
        const int left = x > 0 ? overlap : 0;
        const int top = y > 0 ? overlap : 0;
        const pixel::Rect area{x * tile - left, y * tile - top, tile + overlap + left, tile + overlap + top};
        files["a_files/" + std::to_string(number) + "/" + std::to_string(x) + "_" + std::to_string(y) + "." +
              extension] = *codec::encode(pixel::crop(level, area), format, {.quality = 95});
      }
    }
    level = *pixel::shrink2(level);
  }
  return files;
}

void put(const io::ScratchDir& dir, const Files& files) {
  for (const auto& [name, bytes] : files) {
    std::filesystem::create_directories(std::filesystem::path(dir.path(name)).parent_path());
    (void)dir.write(name, ByteView(bytes));
  }
}

void number(Bytes& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out.push_back(i < 8 ? static_cast<std::uint8_t>(value >> (8 * i)) : 0);
  }
}

Bytes zipped(const Files& files, bool pack) {
  Bytes out;
  Bytes directory;
  for (const auto& [name, bytes] : files) {
    const Bytes body = pack ? *codec::deflate(bytes, codec::Wrapper::raw) : bytes;
    const std::size_t at = out.size();
    const auto common = [&](Bytes& to) {
      number(to, 20, 2);
      number(to, 0, 2);
      number(to, pack ? 8 : 0, 2);
      number(to, 0, 4);
      number(to, codec::crc32(bytes), 4);
      number(to, body.size(), 4);
      number(to, bytes.size(), 4);
      number(to, name.size(), 2);
      number(to, 0, 2);
    };
    number(out, 0x04034b50, 4);
    common(out);
    out.insert(out.end(), name.begin(), name.end());
    out.insert(out.end(), body.begin(), body.end());
    number(directory, 0x02014b50, 4);
    number(directory, 20, 2);
    common(directory);
    number(directory, 0, 10);
    number(directory, 0, 0);
    number(directory, at, 4);
    directory.insert(directory.end(), name.begin(), name.end());
  }
  const std::size_t at = out.size();
  out.insert(out.end(), directory.begin(), directory.end());
  number(out, 0x06054b50, 4);
  number(out, 0, 4);
  number(out, files.size(), 2);
  number(out, files.size(), 2);
  number(out, directory.size(), 4);
  number(out, at, 4);
  number(out, 0, 2);
  return out;
}

Result<PicturePtr> open(const std::string& path) {
  auto file = io::File::open(path);
  return file ? open_picture(*file, {}) : pass(file.error());
}

TEST(DeepZoomPicture, TakesTheOverlapOff) {
  const pixel::Image full = codec::test::picture(700, 500, 3);
  for (const int overlap : {0, 1, 3}) {
    const io::ScratchDir dir;
    put(dir, pyramid(full, 254, overlap, codec::Format::png));
    const auto opened = open(dir.path("a.dzi"));
    ASSERT_TRUE(opened) << opened.error().message << opened.error().context;
    EXPECT_EQ((*opened)->info().levels.size(), 3U);
    EXPECT_EQ((*opened)->info().levels.front().tile_width, 254);
    for (const auto& [x, y] : {std::pair<int, int>{0, 0}, {1, 1}, {2, 1}}) {
      const auto tile = (*opened)->decode_tile(0, x, y, {});
      ASSERT_TRUE(tile) << tile.error().context;
      EXPECT_EQ(tile->data, pixel::crop(full, {x * 254, y * 254, 254, 254}).data);
    }
    int reduction = 8;
    const auto region = (*opened)->decode_region(0, {200, 100, 400, 300}, &reduction, {});
    ASSERT_TRUE(region);
    EXPECT_EQ(region->data, pixel::crop(full, {200, 100, 400, 300}).data);
    const auto half = (*opened)->decode_tile(1, 0, 0, {});
    ASSERT_TRUE(half);
    EXPECT_EQ(half->data, pixel::crop(*pixel::shrink2(full), {0, 0, 254, 254}).data);
    EXPECT_EQ((*opened)->decode_tile(0, 3, 0, {}).error().code, Code::not_found);
  }
}

TEST(DeepZoomPicture, PassesTilesOn) {
  const io::ScratchDir dir;
  const Files files = pyramid(codec::test::picture(700, 500, 3), 256, 0, codec::Format::jpeg);
  put(dir, files);
  (void)dir.write("b.zip", ByteView(zipped(files, false)));
  for (const char* name : {"a.dzi", "b.zip"}) {
    const auto opened = open(dir.path(name));
    ASSERT_TRUE(opened) << name << opened.error().context;
    EXPECT_FALSE((*opened)->stored_tile(0, 2, 1, false).value()) << "the disk is a worker's affair";
    const auto stored = (*opened)->stored_tile(0, 2, 1, true);
    ASSERT_TRUE(stored && *stored);
    EXPECT_EQ((*stored)->stored, Stored::jpeg);
    EXPECT_FALSE((*stored)->clipped());
    EXPECT_EQ((*stored)->width, 188);
    const auto& range = (*stored)->range;
    EXPECT_EQ(*range.file->read(range.offset, range.length), files.at("a_files/10/2_1.jpg")) << name;
  }
}

TEST(DeepZoomPicture, ReadsZipsWhosePartsArePacked) {
  const io::ScratchDir dir;
  const pixel::Image full = codec::test::picture(300, 200, 4);
  const auto opened = open(dir.write("b.szi", ByteView(zipped(pyramid(full, 254, 1, codec::Format::png), true))));
  ASSERT_TRUE(opened) << opened.error().context;
  const auto tile = (*opened)->decode_tile(0, 1, 0, {});
  ASSERT_TRUE(tile);
  EXPECT_EQ(tile->data, pixel::crop(full, {254, 0, 46, 200}).data);
}

TEST(DeepZoomPicture, MissingTilesAreBlankAndDamagedOnesErrors) {
  const io::ScratchDir dir;
  Files files = pyramid(codec::test::picture(700, 500, 3), 256, 0, codec::Format::jpeg);
  files.erase("a_files/10/0_0.jpg");
  files["a_files/10/1_0.jpg"] = files["a_files/10/2_1.jpg"];  // of another size
  put(dir, files);
  const auto opened = open(dir.path("a.dzi"));
  ASSERT_TRUE(opened);
  EXPECT_TRUE((*opened)->stored_tile(0, 0, 0, true).value()->empty);
  EXPECT_EQ((*opened)->decode_tile(0, 0, 0, {})->data, Bytes(256 * 256 * 3, 255));
  EXPECT_EQ((*opened)->stored_tile(0, 1, 0, true).value()->stored, Stored::none);
  EXPECT_EQ((*opened)->decode_tile(0, 1, 0, {}).error().code, Code::corrupt);
}

TEST(DeepZoomPicture, StaysInItsFolder) {
  const io::ScratchDir dir;
  put(dir, pyramid(codec::test::picture(300, 200, 3), 256, 0, codec::Format::jpeg));
  std::filesystem::create_directories(dir.path("public"));
  std::filesystem::rename(dir.path("a.dzi"), dir.path("public/a.dzi"));
  std::filesystem::create_directory_symlink(dir.path("a_files"), dir.path("public/a_files"));
  const auto opened = open(dir.path("public/a.dzi"));
  ASSERT_FALSE(opened) << "a link out of the folder";
  EXPECT_EQ(opened.error().code, Code::io);
}

TEST(DeepZoomPicture, RefusesNonsense) {
  const io::ScratchDir dir;
  EXPECT_EQ(open(dir.write("a.dzi", std::string_view("<Image TileSize='0'/>"))).error().code, Code::corrupt);
  EXPECT_EQ(open(dir.write("a.zip", std::string_view("PK\x03\x04 nothing"))).error().code, Code::corrupt);
  const Files other{{"readme.txt", Bytes{'a'}}};
  EXPECT_EQ(open(dir.write("b.zip", ByteView(zipped(other, false)))).error().code, Code::unsupported);
  const Bytes good = zipped(pyramid(codec::test::picture(100, 80, 3), 64, 0, codec::Format::jpeg), false);
  for (std::size_t cut = 0; cut < good.size(); cut += 97) {
    EXPECT_FALSE(open(dir.write("c.zip", ByteView(good).first(cut))));
  }
  EXPECT_FALSE(parse_dzi("<Image TileSize='256' Overlap='1' Format='../x'><Size Width='1' Height='1'/></Image>"));
  EXPECT_FALSE(parse_dzi("<Image TileSize='256' Overlap='1' Format='jpg'><Size Width='-1' Height='1'/></Image>"));
  EXPECT_TRUE(parse_dzi("<Image TileSize='256' Overlap='1' Format='jpg'><Size Width='1' Height='1'/></Image>"));
}

}  // namespace
}  // namespace microtome::image
