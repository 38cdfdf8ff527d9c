// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_samples.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "image/tiff_colour.hpp"
#include "image/tiff_tags.hpp"
#include "pixel/differences.hpp"

namespace microtome::image {
namespace {

using pixel::Colour;
using pixel::Image;
using pixel::Sample;

bool is_planar(const TiffDirectory& directory) {
  return directory.planar == 2 && directory.samples > 1;
}

float half_to_float(std::uint16_t half) {  // IEEE 754 binary16
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) {
    return mantissa != 0 ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  }
  return exponent == 0 ? sign * std::ldexp(static_cast<float>(mantissa), -24)
                       : sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

// Reads samples of any width from a row, most significant bit first; whole bytes beyond 8 bits in native order.
class RowReader {
 public:
  RowReader(const std::uint8_t* row, int bits) : at_(row), bits_(bits) {}
  std::uint32_t next() {
    switch (bits_) {
      case 8:
        return *at_++;
      case 16: {
        std::uint16_t value = 0;
        std::memcpy(&value, at_, 2);
        at_ += 2;
        return value;
      }
      case 24: {
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data() + (std::endian::native == std::endian::big ? 1 : 0), at_, 3);
        at_ += 3;
        return std::bit_cast<std::uint32_t>(bytes);
      }
      case 32: {
        std::uint32_t value = 0;
        std::memcpy(&value, at_, 4);
        at_ += 4;
        return value;
      }
      default: {
        std::uint32_t value = 0;
        for (int i = 0; i < bits_; ++i) {
          value = value << 1 | (at_[bit_ >> 3] >> (7 - (bit_ & 7)) & 1U);
          ++bit_;
        }
        return value;
      }
    }
  }

 private:
  const std::uint8_t* at_;
  std::size_t bit_ = 0;
  int bits_;
};

// Stretches `bits` to the whole range of 8, 16 or 32, so that white stays white.
std::uint32_t stretch(std::uint32_t value, int bits, int to) {
  if (bits == to) {
    return value;
  }
  const std::uint64_t most = (std::uint64_t{1} << bits) - 1;
  const std::uint64_t target = (std::uint64_t{1} << to) - 1;
  return static_cast<std::uint32_t>((value * target + most / 2) / most);
}

// Values of up to 8 bits as they come out.
std::array<std::uint8_t, 256> stretch_table(int bits, bool stretched) {
  std::array<std::uint8_t, 256> table{};
  for (std::uint32_t value = 0; value < 1U << bits; ++value) {
    table[value] = static_cast<std::uint8_t>(stretched ? stretch(value, bits, 8) : value);
  }
  return table;
}

// One sample of 1, 2 or 4 bits a pixel.
void unpack_small(const std::uint8_t* source, int bits, int width, const std::array<std::uint8_t, 256>& table,
                  std::uint8_t* out) {
  const int in_byte = 8 / bits;
  const unsigned mask = (1U << bits) - 1;
  for (int x = 0; x < width; x += in_byte) {
    const unsigned byte = *source++;
    const int count = std::min(in_byte, width - x);
    for (int i = 0; i < count; ++i) {
      *out++ = table[byte >> (8 - bits * (i + 1)) & mask];
    }
  }
}

void put(std::uint8_t* row, std::size_t index, Sample sample, std::uint32_t value) {
  switch (sample) {
    case Sample::u8:
      row[index] = static_cast<std::uint8_t>(value);
      break;
    case Sample::u16: {
      const auto narrow = static_cast<std::uint16_t>(value);
      std::memcpy(row + index * 2, &narrow, 2);
      break;
    }
    default:
      std::memcpy(row + index * 4, &value, 4);
      break;
  }
}

// All samples of the block, interleaved, `channels` of them per pixel (further ones are dropped): raw values, or
// stretched to the range of u8 and u32 when `stretched`. 9 to 16 bits always stay what they are in u16.
void unpack(const TiffDirectory& directory, ByteView data, Image& target, bool stretched) {
  const int bits = directory.bits;
  const bool planar = is_planar(directory);
  const int planes = planar ? target.channels : 1;
  const int stored = planar ? 1 : directory.samples;
  const std::size_t row_size = row_bytes(directory, target.width);
  const int to = 8 * pixel::bytes_of(target.sample);
  const std::size_t sample_size = bits / 8;
  const bool as_is = bits % 8 == 0 && static_cast<int>(sample_size) == pixel::bytes_of(target.sample);
  const bool small = 8 % bits == 0 && bits < 8 && target.channels == 1 && stored == 1;
  const auto table = stretch_table(std::min(bits, 8), stretched);
  for (int plane = 0; plane < planes; ++plane) {
    for (int y = 0; y < target.height; ++y) {
      const std::uint8_t* source = data.data() + (static_cast<std::size_t>(plane) * target.height + y) * row_size;
      std::uint8_t* row = target.row(y);
      if (as_is && !planar && stored == target.channels) {
        std::memcpy(row, source, target.stride);
        continue;
      }
      if (as_is) {
        const int copied = planar ? 1 : target.channels;
        for (int x = 0; x < target.width; ++x) {
          std::memcpy(row + (static_cast<std::size_t>(x) * target.channels + plane) * sample_size,
                      source + static_cast<std::size_t>(x) * stored * sample_size, copied * sample_size);
        }
        continue;
      }
      if (small) {
        unpack_small(source, bits, target.width, table, row);
        continue;
      }
      RowReader reader(source, bits);
      for (int x = 0; x < target.width; ++x) {
        for (int channel = 0; channel < stored; ++channel) {
          const std::uint32_t value = reader.next();
          const int at = planar ? plane : channel;
          if (at >= target.channels) {
            continue;
          }
          const std::size_t index = static_cast<std::size_t>(x) * target.channels + at;
          if (target.sample == Sample::f32) {
            const float wide = half_to_float(static_cast<std::uint16_t>(value));
            std::memcpy(row + index * 4, &wide, 4);
          } else {
            put(row, index, target.sample, stretched && to != 16 ? stretch(value, bits, to) : value);
          }
        }
      }
    }
  }
}

}  // namespace

std::size_t row_bytes(const TiffDirectory& directory, std::int64_t width) {
  const std::size_t samples = is_planar(directory) ? 1 : directory.samples;
  return (static_cast<std::size_t>(width) * samples * directory.bits + 7) / 8;
}

std::size_t block_bytes(const TiffDirectory& directory, std::int64_t width, std::int64_t height) {
  return row_bytes(directory, width) * static_cast<std::size_t>(height) *
         (is_planar(directory) ? directory.samples : 1);
}

Result<Image> to_image(const TiffDirectory& directory, const TiffLayout& layout, ByteView data, int width, int height,
                       const std::vector<std::uint16_t>& palette, const codec::InkProfile* inks) {
  if (data.size() < block_bytes(directory, width, height)) {
    return fail(Code::corrupt, "the TIFF file is damaged", "a block is too short");
  }
  Sample sample = layout.sample;  // as stored, not as shown
  const bool converted = directory.photometric == tiff::kPalette || directory.photometric == tiff::kCmyk ||
                         directory.photometric == tiff::kCieLab;
  int channels = layout.channels;
  if (converted) {
    channels = directory.photometric == tiff::kPalette ? 1 : directory.photometric == tiff::kCmyk ? 4 : 3;
    sample = directory.format == tiff::kFloat ? (directory.bits == 64 ? Sample::f64 : Sample::f32)
             : directory.bits <= 8            ? Sample::u8
             : directory.bits <= 16           ? Sample::u16
                                              : Sample::u32;
  }
  const bool all = !is_planar(directory) && directory.samples >= channels;  // unpack() writes every sample
  const auto make = all ? &Image::unfilled : &Image::make;
  Image image = make(width, height, channels, converted ? Colour::multi : layout.colour, sample);
  unpack(directory, data, image, directory.photometric != tiff::kPalette);
  switch (directory.photometric) {
    case tiff::kPalette:
      return look_up(image, palette);
    case tiff::kCmyk:
      if (Image rgb; inks != nullptr && (directory.bits == 8 || directory.bits == 16) &&
                     directory.format != tiff::kSigned && inks->to_rgb(image, false, rgb)) {
        return rgb;
      }
      return from_cmyk(image, directory.bits);
    case tiff::kCieLab:
      return from_lab(image, directory.bits);
    case tiff::kMinIsWhite:
      flip_bits(image, 0, channels, sample == Sample::u16 ? (1U << directory.bits) - 1 : 0xffffffff);
      break;
    default:
      break;
  }
  if (directory.format == tiff::kSigned) {
    flip_bits(image, 0, 1, 1U << (directory.bits - 1));
  }
  if (layout.premultiplied) {
    undo_premultiplied(image, directory.bits);
  }
  return image;
}

void undo_differencing(std::uint8_t* data, std::size_t rows, std::size_t width, int samples, int bits) {
  const std::size_t step = width * static_cast<std::size_t>(samples) * static_cast<std::size_t>(bits / 8);
  for (std::size_t y = 0; y < rows; ++y) {
    pixel::add_differences(data + y * step, width, static_cast<std::size_t>(samples), bits);
  }
}

void swap_bytes(std::uint8_t* data, std::size_t size, int bits) {
  const std::size_t step = bits / 8;
  for (std::size_t i = 0; step > 1 && i + step <= size; i += step) {
    std::reverse(data + i, data + i + step);
  }
}

}  // namespace microtome::image
