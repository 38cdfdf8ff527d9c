// SPDX-License-Identifier: Apache-2.0
#include "codec/tiff_encode.hpp"

#include <gtest/gtest.h>
#include <tiffio.h>

#include <cstring>
#include <string>

#include "codec/encode.hpp"
#include "codec/picture_for_test.hpp"

namespace microtome::codec {
namespace {

using test::mean_difference;
using test::picture;

struct Reader {
  ByteView bytes;
  std::uint64_t at = 0;
};

// What libtiff reads: independent of how we wrote it.
class Read {
 public:
  explicit Read(ByteView bytes) : reader_{bytes} {
    tiff_ = TIFFClientOpen(
        "picture", "rm", &reader_,
        [](thandle_t handle, void* out, tmsize_t size) -> tmsize_t {
          auto& reader = *static_cast<Reader*>(handle);
          const auto left = reader.at < reader.bytes.size() ? reader.bytes.size() - reader.at : 0;
          const auto part = std::min<std::uint64_t>(left, static_cast<std::uint64_t>(size));
          std::memcpy(out, reader.bytes.data() + reader.at, part);
          reader.at += part;
          return static_cast<tmsize_t>(part);
        },
        [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; },
        [](thandle_t handle, toff_t offset, int whence) -> toff_t {
          auto& reader = *static_cast<Reader*>(handle);
          reader.at = (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? reader.at : reader.bytes.size()) + offset;
          return reader.at;
        },
        [](thandle_t) { return 0; },
        [](thandle_t handle) -> toff_t { return static_cast<Reader*>(handle)->bytes.size(); }, nullptr, nullptr);
  }
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;
  ~Read() {
    if (tiff_ != nullptr) {
      TIFFClose(tiff_);
    }
  }
  [[nodiscard]] bool good() const { return tiff_ != nullptr; }
  [[nodiscard]] int number(std::uint32_t tag) const {
    std::uint32_t value = 0;
    TIFFGetFieldDefaulted(tiff_, tag, &value);
    return static_cast<int>(tag == TIFFTAG_IMAGEWIDTH || tag == TIFFTAG_IMAGELENGTH ? value : value & 0xffffU);
  }
  [[nodiscard]] double real(std::uint32_t tag) const {
    float value = 0;
    TIFFGetField(tiff_, tag, &value);
    return value;
  }
  [[nodiscard]] Bytes profile() const {
    std::uint32_t size = 0;
    const std::uint8_t* data = nullptr;
    return TIFFGetField(tiff_, TIFFTAG_ICCPROFILE, &size, &data) != 0 ? Bytes(data, data + size) : Bytes();
  }
  [[nodiscard]] Bytes samples() const {
    if (number(TIFFTAG_COMPRESSION) == COMPRESSION_JPEG) {
      TIFFSetField(tiff_, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    Bytes all;
    for (std::uint32_t strip = 0; strip < TIFFNumberOfStrips(tiff_); ++strip) {
      Bytes bytes(static_cast<std::size_t>(TIFFStripSize(tiff_)));
      const auto got = TIFFReadEncodedStrip(tiff_, strip, bytes.data(), static_cast<tmsize_t>(bytes.size()));
      if (got < 0) {
        return {};
      }
      all.insert(all.end(), bytes.begin(), bytes.begin() + got);
    }
    return all;
  }

 private:
  Reader reader_;
  TIFF* tiff_ = nullptr;
};

TEST(TiffEncode, LosslessKeepsEverySampleOfEveryKind) {
  for (const auto compression :
       {TiffCompression::none, TiffCompression::lzw, TiffCompression::deflate, TiffCompression::zstd}) {
    for (const auto sample : {pixel::Sample::u8, pixel::Sample::u16}) {
      for (const int channels : {1, 2, 3, 4}) {
        const pixel::Image image = picture(333, 1201, channels, sample);
        const auto stream = encode_tiff(image, {.compression = compression});
        ASSERT_TRUE(stream) << stream.error().context;
        const Read read(*stream);
        ASSERT_TRUE(read.good());
        EXPECT_EQ(read.number(TIFFTAG_IMAGEWIDTH), 333);
        EXPECT_EQ(read.number(TIFFTAG_IMAGELENGTH), 1201);
        EXPECT_EQ(read.number(TIFFTAG_BITSPERSAMPLE), 8 * pixel::bytes_of(sample));
        EXPECT_EQ(read.number(TIFFTAG_SAMPLESPERPIXEL), channels);
        EXPECT_EQ(read.samples(), image.data) << channels;
      }
    }
  }
}

TEST(TiffEncode, LossyIsCloseAndQualityCounts) {
  for (const auto compression : {TiffCompression::jpeg, TiffCompression::webp}) {
    for (const int channels : {1, 2, 3, 4}) {
      const pixel::Image image = picture(170, 133, channels, pixel::Sample::u16);
      const auto fine = encode_tiff(image, {.compression = compression, .quality = 95});
      const auto rough = encode_tiff(image, {.compression = compression, .quality = 30});
      ASSERT_TRUE(fine && rough);
      EXPECT_GT(fine->size(), rough->size());
      const Read read(*fine);
      ASSERT_TRUE(read.good());
      pixel::Image expected = picture(170, 133, channels);
      if (compression == TiffCompression::jpeg && channels % 2 == 0) {
        expected = channels == 2 ? pixel::to_grey(expected) : pixel::to_rgb(expected);
      } else if (compression == TiffCompression::webp) {
        expected = channels % 2 == 0 ? pixel::to_rgba(expected) : pixel::to_rgb(expected);
      }
      pixel::Image back = expected;
      const Bytes samples = read.samples();
      back.data.assign(samples.begin(), samples.end());
      ASSERT_EQ(back.data.size(), expected.data.size()) << channels;
      EXPECT_LT(mean_difference(back, expected), 4) << channels;
    }
  }
}

TEST(TiffEncode, CarriesProfileAndResolution) {
  const Bytes profile(301, 4);
  const auto stream = encode(picture(30, 20, 3), Format::tiff, {.icc = profile, .pixels_per_inch = 300});
  ASSERT_TRUE(stream);
  const Read read(*stream);
  ASSERT_TRUE(read.good());
  EXPECT_EQ(read.profile(), profile);
  EXPECT_EQ(read.real(TIFFTAG_XRESOLUTION), 300);
  EXPECT_EQ(read.number(TIFFTAG_RESOLUTIONUNIT), RESUNIT_INCH);
}

TEST(TiffEncode, RefusesWhatItCannotHold) {
  EXPECT_EQ(encode_tiff({}).error().code, Code::bad_request);
  const auto wide = pixel::Image::make(16384, 1, 1, pixel::Colour::grey);
  EXPECT_EQ(encode_tiff(wide, {.compression = TiffCompression::webp}).error().code, Code::bad_request);
  EXPECT_TRUE(encode_tiff(wide));
}

TEST(TiffEncode, NamesItsCompressions) {
  EXPECT_EQ(tiff_compression_of("zstd"), TiffCompression::zstd);
  EXPECT_EQ(tiff_compression_of("none"), TiffCompression::none);
  EXPECT_EQ(tiff_compression_of("rle"), std::nullopt);
}

}  // namespace
}  // namespace microtome::codec
