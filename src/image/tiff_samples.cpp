// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_samples.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "image/tiff_tags.hpp"

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

// All samples of the block, interleaved, `channels` of them per pixel (further ones are dropped), raw values:
// stretched to the range of the sample type when `stretched`.
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
            put(row, index, target.sample, stretched ? stretch(value, bits, to) : value);
          }
        }
      }
    }
  }
}

template <class T>
void for_each_sample(Image& image, int first, int step, auto&& change) {
  for (int y = 0; y < image.height; ++y) {
    auto* row = reinterpret_cast<T*>(image.row(y));
    for (int i = first; i < image.width * image.channels; i += step) {
      row[i] = change(row[i]);
    }
  }
}

// x -> mask ^ x on integers: white-is-zero (mask: all ones) and signed numbers (mask: the sign).
void flip_bits(Image& image, int first, int step, std::uint32_t mask) {
  switch (image.sample) {
    case Sample::u8:
      for_each_sample<std::uint8_t>(image, first, step, [=](auto v) { return static_cast<std::uint8_t>(v ^ mask); });
      break;
    case Sample::u16:
      for_each_sample<std::uint16_t>(image, first, step,
                                     [=](auto v) { return static_cast<std::uint16_t>(v ^ mask); });
      break;
    case Sample::u32:
      for_each_sample<std::uint32_t>(image, first, step, [=](auto v) { return v ^ mask; });
      break;
    default:
      break;
  }
}

Image look_up(const Image& indices, const std::vector<std::uint16_t>& palette) {
  Image target = Image::make(indices.width, indices.height, 3, Colour::rgb);
  const std::size_t entries = palette.size() / 3;
  // Some old writers put 8-bit values into the 16-bit entries.
  const bool narrow = std::ranges::all_of(palette, [](std::uint16_t value) { return value < 256; });
  const int shift = narrow ? 0 : 8;
  for (int y = 0; y < indices.height; ++y) {
    std::uint8_t* out = target.row(y);
    for (int x = 0; x < indices.width; ++x) {
      std::uint32_t index = indices.row(y)[x];
      if (indices.sample == Sample::u16) {
        std::uint16_t wide = 0;
        std::memcpy(&wide, indices.row(y) + static_cast<std::size_t>(x) * 2, 2);
        index = wide;
      }
      for (std::size_t c = 0; c < 3; ++c) {
        *out++ = index < entries ? static_cast<std::uint8_t>(palette[c * entries + index] >> shift) : 0;
      }
    }
  }
  return target;
}

double sample_at(const Image& image, int x, int y, int channel) {
  const std::uint8_t* at =
      image.row(y) + (static_cast<std::size_t>(x) * image.channels + channel) * pixel::bytes_of(image.sample);
  const auto load = [&]<class T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  };
  switch (image.sample) {
    case Sample::u8:
      return *at;
    case Sample::u16:
      return load(std::uint16_t{});
    case Sample::u32:
      return load(std::uint32_t{});
    case Sample::f32:
      return load(float{});
    case Sample::f64:
      return load(double{});
  }
  return 0;
}

std::uint8_t to_byte(double value) {  // NaN is 0
  return value > 0 ? static_cast<std::uint8_t>(std::min(value, 255.0) + 0.5) : 0;
}

double range_of(Sample sample) {
  switch (sample) {
    case Sample::u8:
      return 255;
    case Sample::u16:
      return 65535;
    case Sample::u32:
      return 4294967295.0;
    default:
      return 1;
  }
}

Image from_cmyk(const Image& inks) {
  Image target = Image::make(inks.width, inks.height, 3, Colour::rgb);
  const double most = range_of(inks.sample);
  for (int y = 0; y < inks.height; ++y) {
    std::uint8_t* out = target.row(y);
    for (int x = 0; x < inks.width; ++x) {
      const double light = 1 - sample_at(inks, x, y, 3) / most;
      for (int c = 0; c < 3; ++c) {
        *out++ = to_byte(255 * (1 - sample_at(inks, x, y, c) / most) * light);
      }
    }
  }
  return target;
}

std::uint8_t srgb(double linear) {  // IEC 61966-2-1
  const double value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
  return to_byte(255 * value);
}

// CIE 1976 L*a*b* to sRGB; the white of the picture becomes the white of the screen.
void lab_to_srgb(double light, double a, double b, std::uint8_t* out) {
  const auto cube = [](double f) { return f > 6.0 / 29 ? f * f * f : 3 * 36.0 / 841 * (f - 4.0 / 29); };
  const double fy = (light + 16) / 116;
  const double x = 0.95047 * cube(fy + a / 500);
  const double y = cube(fy);
  const double z = 1.08883 * cube(fy - b / 200);
  out[0] = srgb(3.2404542 * x - 1.5371385 * y - 0.4985314 * z);
  out[1] = srgb(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z);
  out[2] = srgb(0.0556434 * x - 0.2040259 * y + 1.0572252 * z);
}

// TIFF 6.0 section 23: L 0..100 over the whole range, a and b signed; floating point holds the values themselves.
Image from_lab(const Image& lab) {
  Image target = Image::make(lab.width, lab.height, 3, Colour::rgb);
  const bool real = lab.sample == Sample::f32 || lab.sample == Sample::f64;
  const double most = range_of(lab.sample);
  const double step = real ? 1 : (most + 1) / 256;  // of a and b
  const auto centred = [&](double value) {
    return real ? value : (value > most / 2 ? value - most - 1 : value) / step;
  };
  for (int y = 0; y < lab.height; ++y) {
    for (int x = 0; x < lab.width; ++x) {
      const double light = sample_at(lab, x, y, 0);
      lab_to_srgb(real ? light : light / most * 100, centred(sample_at(lab, x, y, 1)),
                  centred(sample_at(lab, x, y, 2)), target.row(y) + static_cast<std::size_t>(x) * 3);
    }
  }
  return target;
}

template <class T>
void divide_by_alpha(Image& image, double most) {
  const int colours = image.channels - 1;
  for (int y = 0; y < image.height; ++y) {
    auto* pixel = reinterpret_cast<T*>(image.row(y));
    for (int x = 0; x < image.width; ++x, pixel += image.channels) {
      const double alpha = pixel[colours];
      for (int c = 0; c < colours && alpha > 0 && alpha < most; ++c) {
        const double value = std::min(pixel[c] * most / alpha, most);
        pixel[c] = static_cast<T>(std::is_floating_point_v<T> ? value : value + 0.5);
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
                       const std::vector<std::uint16_t>& palette) {
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
  Image image = Image::make(width, height, channels, converted ? Colour::multi : layout.colour, sample);
  unpack(directory, data, image, directory.photometric != tiff::kPalette);
  switch (directory.photometric) {
    case tiff::kPalette:
      return look_up(image, palette);
    case tiff::kCmyk:
      return from_cmyk(image);
    case tiff::kCieLab:
      return from_lab(image);
    case tiff::kMinIsWhite:
      flip_bits(image, 0, channels, 0xffffffff);
      break;
    default:
      break;
  }
  if (directory.format == tiff::kSigned) {
    flip_bits(image, 0, 1, 1U << (directory.bits - 1));
  }
  if (layout.premultiplied) {
    undo_premultiplied(image);
  }
  return image;
}

void undo_premultiplied(Image& image) {
  switch (image.sample) {
    case Sample::u8:
      divide_by_alpha<std::uint8_t>(image, 255);
      break;
    case Sample::u16:
      divide_by_alpha<std::uint16_t>(image, 65535);
      break;
    case Sample::f32:
      divide_by_alpha<float>(image, 1);
      break;
    default:
      break;
  }
}

void undo_differencing(std::uint8_t* data, std::size_t rows, std::size_t width, int samples, int bits) {
  const std::size_t step = samples;
  for (std::size_t y = 0; y < rows; ++y) {
    if (bits == 8) {
      std::uint8_t* row = data + y * width * step;
      for (std::size_t i = step; i < width * step; ++i) {
        row[i] = static_cast<std::uint8_t>(row[i] + row[i - step]);
      }
    } else {
      auto* row = reinterpret_cast<std::uint16_t*>(data) + y * width * step;
      for (std::size_t i = step; i < width * step; ++i) {
        row[i] = static_cast<std::uint16_t>(row[i] + row[i - step]);
      }
    }
  }
}

void swap_bytes(std::uint8_t* data, std::size_t size, int bits) {
  const std::size_t step = bits / 8;
  for (std::size_t i = 0; step > 1 && i + step <= size; i += step) {
    std::reverse(data + i, data + i + step);
  }
}

}  // namespace microtome::image
