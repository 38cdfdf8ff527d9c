// SPDX-License-Identifier: Apache-2.0
// Files of several pages: which directories are pages, which page shows a plane, and what broken words about them do.
#include "image/tiff_pages.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "image/ome.hpp"
#include "image/tiff_for_test.hpp"

namespace microtome::image {
namespace {

constexpr int kSide = 96;

// Pages of one grey value each: 10, 20, 30...
struct Pages {
  int count = 6;
  int tile = 32;     // 0: strips
  bool sub = false;  // each with a half-sized SubIFD
  std::string description = {};
};

void write_flat(TIFF* tiff, int side, int tile, std::uint8_t value) {
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, side);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, side);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  if (tile == 0) {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, side);
    std::vector<std::uint8_t> strip(static_cast<std::size_t>(side) * side, value);
    TIFFWriteEncodedStrip(tiff, 0, strip.data(), static_cast<tmsize_t>(strip.size()));
    return;
  }
  TIFFSetField(tiff, TIFFTAG_TILEWIDTH, tile);
  TIFFSetField(tiff, TIFFTAG_TILELENGTH, tile);
  std::vector<std::uint8_t> block(static_cast<std::size_t>(tile) * tile, value);
  for (std::uint32_t i = 0; i < TIFFNumberOfTiles(tiff); ++i) {
    TIFFWriteEncodedTile(tiff, i, block.data(), static_cast<tmsize_t>(block.size()));
  }
}

std::string write_pages(const io::ScratchDir& scratch, const Pages& pages, const std::string& name = "stack.tif") {
  const std::string path = scratch.path(name);
  TIFF* tiff = TIFFOpen(path.c_str(), "w");
  for (int page = 0; page < pages.count; ++page) {
    const auto value = static_cast<std::uint8_t>(10 * (page % 20 + 1));
    if (pages.sub) {
      const toff_t none = 0;
      TIFFSetField(tiff, TIFFTAG_SUBIFD, 1, &none);
    }
    if (page == 0 && !pages.description.empty()) {
      TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, pages.description.c_str());
    }
    write_flat(tiff, kSide, pages.tile, value);
    EXPECT_NE(TIFFWriteDirectory(tiff), 0);
    if (pages.sub) {
      TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
      write_flat(tiff, kSide / 2, pages.tile, value);
      EXPECT_NE(TIFFWriteDirectory(tiff), 0);
    }
  }
  TIFFClose(tiff);
  return path;
}

Result<PicturePtr> open(const std::string& path, const std::string& part) {
  auto file = io::File::open(path);
  return file ? open_part(*file, part, {}) : pass(file.error());
}

// The grey of the part's smallest level; -1 without such a part.
int grey_of(const std::string& path, const std::string& part) {
  const auto picture = open(path, part);
  if (!picture) {
    return -1;
  }
  const int level = static_cast<int>((*picture)->info().levels.size()) - 1;
  const auto tile = (*picture)->decode_tile(level, 0, 0, {});
  return tile ? tile->data.front() : -2;
}

std::string ome(const std::string& attributes, const std::string& inside = "<TiffData/>") {
  return "<?xml version=\"1.0\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image "
         "ID=\"Image:0\">"
         "<Pixels ID=\"Pixels:0\" Type=\"uint8\" " +
         attributes + ">" + inside + "</Pixels></Image></OME>";
}

TEST(TiffPages, EveryPageOfAPlainFileIsReachable) {
  const io::ScratchDir scratch;
  for (const int tile : {0, 32}) {
    const auto path = write_pages(scratch, {.tile = tile});
    const auto whole = test::open(path);
    ASSERT_TRUE(whole);
    ASSERT_NE((*whole)->info().stack, nullptr);
    EXPECT_EQ((*whole)->info().stack->pages, 6);
    EXPECT_EQ(grey_of(path, "0"), 10);
    EXPECT_EQ(grey_of(path, "5"), 60);
    EXPECT_EQ(grey_of(path, "z4"), 50);
    EXPECT_EQ(grey_of(path, "@3"), 40);
    for (const char* none : {"6", "z6", "c1", "-1", "z", "z1z2", "99999999999999999999", "label", "@6"}) {
      EXPECT_EQ(grey_of(path, none), -1) << none;
    }
  }
}

TEST(TiffPages, ALongChainIsReadToItsEnd) {
  const io::ScratchDir scratch;
  const auto path = write_pages(scratch, {.count = 150});
  EXPECT_EQ((*test::open(path))->info().stack->pages, 150);
  EXPECT_EQ(grey_of(path, "149"), 100);
}

TEST(TiffPages, LevelsAreNoPages) {
  const io::ScratchDir scratch;
  const auto pyramid = test::write(scratch, {.levels = 3});
  EXPECT_EQ((*test::open(pyramid))->info().stack, nullptr);
  EXPECT_EQ(grey_of(pyramid, "1"), -1);
  EXPECT_NE(grey_of(pyramid, "@1"), -1) << "a picture that is no stack answers to all positions";
  const auto stack = write_pages(scratch, {.count = 3, .sub = true});
  EXPECT_EQ((*test::open(stack))->info().stack->pages, 3);
  EXPECT_EQ((*open(stack, "2"))->info().levels.size(), 2U);
  EXPECT_EQ(grey_of(stack, "2"), 30);
}

TEST(TiffPages, OmeSaysWhichPageIsWhichPlane) {
  const io::ScratchDir scratch;
  const auto text =
      ome("DimensionOrder=\"XYCZT\" SizeX=\"96\" SizeY=\"96\" SizeZ=\"3\" SizeC=\"2\" SizeT=\"1\" "
          "PhysicalSizeX=\"500\" PhysicalSizeXUnit=\"nm\" PhysicalSizeZ=\"0.002\" PhysicalSizeZUnit=\"mm\"");
  const auto path = write_pages(scratch, {.description = text}, "a.ome.tif");
  const auto picture = open(path, "z2c1");
  ASSERT_TRUE(picture);
  EXPECT_NEAR((*picture)->info().um_per_pixel_x.value_or(0), 0.5, 1e-9);
  EXPECT_NEAR((*picture)->info().stack->z_um.value_or(0), 2, 1e-9);
  EXPECT_EQ(grey_of(path, "z2c1"), 60);
  EXPECT_EQ(grey_of(path, "c1z0"), 20);
  EXPECT_EQ(grey_of(path, "z1"), 30);
  EXPECT_EQ(grey_of(path, "z3"), -1);
}

TEST(TiffPages, OmeMayNameEveryDirectory) {
  const auto text =
      ome("DimensionOrder=\"XYZCT\" SizeZ=\"2\" SizeC=\"1\" SizeT=\"2\"",
          "<TiffData IFD=\"3\" FirstZ=\"0\"/><TiffData IFD=\"1\" FirstZ=\"1\" PlaneCount=\"2\"/>"
          "<TiffData IFD=\"0\" FirstZ=\"1\" FirstT=\"1\"><UUID FileName=\"b.tif\">urn:uuid:2</UUID></TiffData>");
  const auto stack = stack_in_description(text, {0, 1, 2, 3}, "a.tif");
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->page, (std::vector<int>{3, 1, 2, -1})) << "the last plane is in another file";
}

// Two planes of two channels, green and red: 10, 20; 30, 40.
std::string two_channels(const std::string& more = "") {
  return ome("DimensionOrder=\"XYCZT\" SizeX=\"96\" SizeY=\"96\" SizeZ=\"2\" SizeC=\"2\" SizeT=\"1\"" + more,
             "<Channel ID=\"Channel:0:0\" Color=\"16711935\" SamplesPerPixel=\"1\"/>"
             "<Channel ID=\"Channel:0:1\" Color=\"-16776961\"/><TiffData/>");
}

TEST(TiffPages, ChannelsAreMergedInTheirColours) {
  const io::ScratchDir scratch;
  for (const int tile : {0, 32}) {
    const auto path = write_pages(scratch, {.count = 4, .tile = tile, .description = two_channels()});
    const auto merged = open(path, "z1-merged");
    ASSERT_TRUE(merged);
    const PictureInfo& info = (*merged)->info();
    EXPECT_EQ(info.stack->colours, (std::vector<std::uint32_t>{0x00ff00, 0xff0000}));
    EXPECT_EQ(info.channels, 3);
    EXPECT_EQ(info.colour, pixel::Colour::rgb);
    const auto pixels = (*merged)->decode_tile(0, 0, 0, {});
    ASSERT_TRUE(pixels);
    EXPECT_EQ(pixels->data[0], 40);
    EXPECT_EQ(pixels->data[1], 30);
    EXPECT_EQ(pixels->data[2], 0);
    for (const char* none : {"z2-merged", "c1-merged", "z0c0-merged", "0-merged", "@0-merged", "z0-merged-merged"}) {
      EXPECT_FALSE(open(path, none)) << none;
    }
  }
  const auto rows = (*open(scratch.path("stack.tif"), "z0-merged"))->rows(1 << 20);
  EXPECT_FALSE(rows) << "tiles have no rows";
  const auto strips = write_pages(scratch, {.count = 4, .tile = 0, .description = two_channels()}, "strips.tif");
  const auto band = (*(*open(strips, "z0-merged"))->rows(1 << 20))->next(96);
  ASSERT_TRUE(band);
  EXPECT_EQ(band->height, 96);
  EXPECT_EQ(band->data[0], 20);
  EXPECT_EQ(band->data[1], 10);
}

TEST(TiffPages, WithoutColoursNothingIsMerged) {
  const io::ScratchDir scratch;
  const auto plain = ome("DimensionOrder=\"XYCZT\" SizeX=\"96\" SizeY=\"96\" SizeZ=\"1\" SizeC=\"2\" SizeT=\"1\"",
                         "<Channel ID=\"Channel:0:0\" Color=\"16711935\"/><Channel ID=\"Channel:0:1\"/><TiffData/>");
  EXPECT_FALSE(open(write_pages(scratch, {.count = 2, .description = plain}), "z0-merged"));
  EXPECT_FALSE(open(write_pages(scratch, {.count = 2}), "z0-merged"));
}

TEST(TiffPages, OmeSaysWhichPlanesLieInOtherFiles) {
  const io::ScratchDir scratch;
  const auto text = ome("DimensionOrder=\"XYZCT\" SizeX=\"96\" SizeY=\"96\" SizeZ=\"4\" SizeC=\"1\" SizeT=\"1\"",
                        "<TiffData IFD=\"0\" FirstZ=\"0\"><UUID FileName=\"stack.tif\">a</UUID></TiffData>"
                        "<TiffData IFD=\"2\" FirstZ=\"1\"><UUID FileName=\"b.ome.tif\">b</UUID></TiffData>"
                        "<TiffData IFD=\"0\" FirstZ=\"2\"><UUID FileName=\"../c.ome.tif\">c</UUID></TiffData>"
                        "<TiffData IFD=\"0\" FirstZ=\"3\"><UUID FileName=\"/etc/passwd\">d</UUID></TiffData>");
  const auto picture = test::open(write_pages(scratch, {.count = 1, .description = text}));
  ASSERT_TRUE(picture);
  const auto& stack = (*picture)->info().stack;
  ASSERT_NE(stack, nullptr);
  EXPECT_EQ(stack->page, (std::vector<int>{0, -1, -1, -1}));
  ASSERT_EQ(stack->elsewhere.size(), 1U);
  EXPECT_EQ(stack->elsewhere.at(1).file, "b.ome.tif");
  EXPECT_EQ(stack->elsewhere.at(1).page, 2);
}

TEST(TiffPages, ImageJCountsChannelsFirst) {
  const auto stack = stack_in_description("ImageJ=1.53\nimages=4\nchannels=2\nslices=2\nunit=\\u00B5m\nspacing=2.5\n",
                                          {0, 1, 2, 3}, "a.tif");
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->page_of(1, 0, 0), 2);
  EXPECT_EQ(stack->page_of(0, 1, 0), 1);
  EXPECT_NEAR(stack->z_um.value_or(0), 2.5, 1e-9);
}

TEST(TiffPages, BrokenWordsAboutPagesLeaveAPlainStack) {
  const io::ScratchDir scratch;
  std::string deep = "<OME>";
  for (int i = 0; i < 100'000; ++i) {
    deep += "<a>";
  }
  const std::string sizes = "SizeZ=\"3\" SizeC=\"2\" SizeT=\"1\"";
  const std::vector<std::string> broken{
      deep,
      ome("DimensionOrder=\"XYCZT\" SizeZ=\"2000000000\" SizeC=\"2000000000\" SizeT=\"2000000000\""),
      ome("DimensionOrder=\"XYCZT\" SizeZ=\"-3\" SizeC=\"2\" SizeT=\"1\""),
      ome("DimensionOrder=\"XYCCT\" " + sizes),
      ome("DimensionOrder=\"XYCZT\" " + sizes, "<TiffData FirstZ=\"3\"/>"),
      ome("DimensionOrder=\"XYCZT\" " + sizes, "<TiffData IFD=\"99999999999\"/>"),
      ome("DimensionOrder=\"XYCZT\" " + sizes, ""),
      "<OME><Image><Pixels",
      "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><OME>&b;</OME>",
      "ImageJ=1\nimages=6\nchannels=999999\nslices=999999\n",
      "ImageJ=1\nimages=6\nchannels=66666666\nframes=6666666666666665\n",
      "ImageJ=1\nslices=-1\n"};
  for (const std::string& text : broken) {
    EXPECT_FALSE(stack_in_description(text, {0, 1, 2, 3, 4, 5}, "a.tif")) << text.substr(0, 80);
    const auto path = write_pages(scratch, {.description = text});
    EXPECT_EQ(grey_of(path, "5"), 60) << text.substr(0, 80);
  }
}

TEST(TiffPages, AChainThatComesBackEnds) {
  const io::ScratchDir scratch;
  const auto path = write_pages(scratch, {.count = 3});
  Bytes bytes = test::read_file(path);
  // The link of the last directory, 0 until now, leads to the first directory again.
  const auto index = TiffIndex::open(*io::File::open(path));
  const auto word = [&](std::size_t at) { return bytes[at] | bytes[at + 1] << 8; };
  const std::size_t last = (*index)->pages().back().offset;
  const std::size_t link = last + 2 + 12U * static_cast<std::size_t>(word(last));
  const auto first = static_cast<std::uint32_t>((*index)->pages().front().offset);
  std::memcpy(bytes.data() + link, &first, sizeof(first));
  const auto picture = open_picture(*test::in_memory(bytes), {});
  ASSERT_TRUE(picture);
  EXPECT_EQ((*picture)->info().stack->pages, 3);
}

TEST(TiffPages, AssociatedPicturesOfASlideAreParts) {
  const auto path = test::fixture("CMU-1-Small-Region.svs");
  const auto slide = test::open(path);
  ASSERT_TRUE(slide);
  EXPECT_EQ((*slide)->info().stack, nullptr);
  EXPECT_EQ((*slide)->info().associated, (std::vector<std::string>{"thumbnail", "label", "macro"}));
  const auto label = open(path, "label");
  ASSERT_TRUE(label);
  EXPECT_EQ((*label)->info().width, 387);
  EXPECT_EQ((*label)->info().height, 463);
  EXPECT_TRUE((*label)->decode_tile(0, 0, 0, {}));
  EXPECT_EQ((*open(path, "macro"))->info().width, 1280);
  EXPECT_FALSE(open(path, "1"));
}

TEST(TiffPages, NamesOfParts) {
  EXPECT_EQ(split_part("/a/b.tif;3")->file, "/a/b.tif");
  EXPECT_EQ(split_part("/a/b.tif;z3c1")->part, "z3c1");
  for (const char* none : {"/a/b.tif", "/a;b/c.tif", "/a/b.tif;", ";3", "/a;3.tif", "/a/b.tif;../x"}) {
    EXPECT_FALSE(split_part(none)) << none;
  }
  EXPECT_NE(split_part("a;1")->id(), split_part("a;2")->id());
}

}  // namespace
}  // namespace microtome::image
