// SPDX-License-Identifier: Apache-2.0
#include "pixel/convert.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "pixel/rows.hpp"

namespace microtome::pixel {
namespace {

template <class T>
T load(const std::uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

std::uint8_t clamp_to_u8(double value) {
  if (!(value > 0)) {  // also NaN
    return 0;
  }
  return value >= 255 ? 255
                      : static_cast<std::uint8_t>(value + 0.5);  // NOLINT(bugprone-incorrect-roundings): positive
}

template <class T>
constexpr double full_range() {
  if constexpr (std::is_floating_point_v<T>) {
    return 1.0;
  } else {
    return static_cast<double>(static_cast<T>(-1));
  }
}

template <class T>
std::uint8_t whole_range_to_u8(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return clamp_to_u8(static_cast<double>(value) * 255.0);
  } else {
    return static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1)));
  }
}

template <class T>
void convert_rows(const Image& source, Image& out) {
  const std::size_t count = static_cast<std::size_t>(source.width) * source.channels;
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* in = source.row(y);
    std::uint8_t* to = out.row(y);
    for (std::size_t i = 0; i < count; ++i) {
      to[i] = whole_range_to_u8(load<T>(in + i * sizeof(T)));
    }
  }
}

// Integers of up to 16 bits go through a table: 2^16 entries cost less than a division a pixel.
template <class T>
void window_rows(const Image& source, const Window& window, Image& out) {
  const double span = window.high - window.low;
  const auto map = [&](double value) {
    return span == 0 ? std::uint8_t{0} : clamp_to_u8((value - window.low) * 255.0 / span);
  };
  std::vector<std::uint8_t> table;
  if constexpr (sizeof(T) <= 2) {
    table.resize(std::size_t{1} << (8 * sizeof(T)));
    for (std::size_t i = 0; i < table.size(); ++i) {
      table[i] = map(static_cast<double>(i));
    }
  }
  const int alpha = has_alpha(source.colour) ? source.channels - 1 : -1;
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* in = source.row(y);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < source.width; ++x) {
      for (int c = 0; c < source.channels; ++c, in += sizeof(T), ++to) {
        const T value = load<T>(in);
        if (c == alpha) {
          *to = whole_range_to_u8(value);
        } else if constexpr (sizeof(T) <= 2) {
          *to = table[value];
        } else {
          *to = map(static_cast<double>(value));
        }
      }
    }
  }
}

template <class Visit>
void with_sample(Sample sample, Visit visit) {
  switch (sample) {
    case Sample::u8:
      return visit(std::uint8_t{});
    case Sample::u16:
      return visit(std::uint16_t{});
    case Sample::u32:
      return visit(std::uint32_t{});
    case Sample::f32:
      return visit(float{});
    case Sample::f64:
      return visit(double{});
  }
}

Image like(const Image& source, int channels, Colour colour, Sample sample) {
  return Image::unfilled(source.width, source.height, channels, colour, sample);
}

// Rec. 601 luma in 16 bits: the weights sum to 65536.
template <class T>
T luma(const T* pixel) {
  return static_cast<T>((19595U * pixel[0] + 38470U * pixel[1] + 7471U * pixel[2] + 32768U) >> 16);
}

bool is_grey(const Image& image) {
  return image.channels <= 2 || image.colour == Colour::grey || image.colour == Colour::grey_alpha;
}

// One pixel as red, green, blue, alpha.
template <class T>
void spread(const T* in, const Image& image, T* out) {
  constexpr T kFull = static_cast<T>(-1);
  out[3] = kFull;
  if (image.colour == Colour::cmyk && image.channels >= 4) {
    for (int c = 0; c < 3; ++c) {
      out[c] = static_cast<T>(static_cast<std::uint64_t>(kFull - in[c]) * (kFull - in[3]) / kFull);
    }
    return;
  }
  const bool grey = is_grey(image);
  for (int c = 0; c < 3; ++c) {
    out[c] = in[grey ? 0 : c];
  }
  if (image.colour == Colour::grey_alpha && image.channels >= 2) {
    out[3] = in[1];
  } else if (image.colour == Colour::rgba && image.channels >= 4) {
    out[3] = in[3];
  }
}

template <class T, int kChannels>
void spread_rows(const Image& source, Image& out) {
  for (int y = 0; y < source.height; ++y) {
    const T* in = reinterpret_cast<const T*>(source.row(y));
    T* to = reinterpret_cast<T*>(out.row(y));
    T four[4];
    for (int x = 0; x < source.width; ++x, in += source.channels, to += kChannels) {
      spread(in, source, four);
      if constexpr (kChannels == 1) {
        *to = is_grey(source) || source.colour == Colour::multi ? four[0] : luma(four);
      } else {
        std::copy_n(four, kChannels, to);
      }
    }
  }
}

template <int kChannels>
Image spread_image(const Image& source, Colour colour) {
  if (source.sample != Sample::u8 && source.sample != Sample::u16) {
    return spread_image<kChannels>(to_u8(source), colour);
  }
  if (source.colour == colour && source.channels == kChannels) {
    return source;
  }
  Image out = like(source, kChannels, colour, source.sample);
  if (source.sample == Sample::u8) {
    if (source.channels == 3 && source.colour == Colour::rgb && kChannels == 4) {
      rows::rgb_to_rgba(source, out);
    } else if (source.channels == 4 && source.colour == Colour::rgba && kChannels == 3) {
      rows::rgba_to_rgb(source, out);
    } else {
      spread_rows<std::uint8_t, kChannels>(source, out);
    }
  } else {
    spread_rows<std::uint16_t, kChannels>(source, out);
  }
  return out;
}

}  // namespace

Image to_u8(const Image& source) {
  if (source.sample == Sample::u8) {
    return source;
  }
  Image out = like(source, source.channels, source.colour, Sample::u8);
  with_sample(source.sample, [&](auto type) { convert_rows<decltype(type)>(source, out); });
  return out;
}

Image to_u8(const Image& source, const Window& window) {
  Image out = like(source, source.channels, source.colour, Sample::u8);
  with_sample(source.sample, [&](auto type) { window_rows<decltype(type)>(source, window, out); });
  return out;
}

Image compose(const Image& source, Rgb8 background) {
  if (source.sample != Sample::u8) {
    return compose(to_u8(source), background);
  }
  if (!has_alpha(source.colour) || (source.channels != 2 && source.channels != 4)) {
    return source;
  }
  const int colours = source.channels - 1;
  Image out = like(source, colours, colours == 1 ? Colour::grey : Colour::rgb, Sample::u8);
  std::uint8_t back[3] = {background.red, background.green, background.blue};
  if (colours == 1) {
    back[0] = luma(back);
  }
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* in = source.row(y);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < source.width; ++x, in += source.channels, to += colours) {
      const unsigned alpha = in[colours];
      for (int c = 0; c < colours; ++c) {
        const unsigned sum = in[c] * alpha + back[c] * (255 - alpha) + 128;
        to[c] = static_cast<std::uint8_t>((sum + (sum >> 8)) >> 8);  // exact rounded division by 255
      }
    }
  }
  return out;
}

Image to_grey(const Image& source) {
  return spread_image<1>(source, Colour::grey);
}
Image to_rgb(const Image& source) {
  return spread_image<3>(source, Colour::rgb);
}
Image to_rgba(const Image& source) {
  return spread_image<4>(source, Colour::rgba);
}

Image take_channel(const Image& source, int channel) {
  if (channel < 0 || channel >= source.channels) {
    return {};
  }
  Image out = like(source, 1, Colour::grey, source.sample);
  const std::size_t each = bytes_of(source.sample);
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* in = source.row(y) + channel * each;
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < source.width; ++x, in += each * source.channels, to += each) {
      std::memcpy(to, in, each);
    }
  }
  return out;
}

void swap_red_blue(Image& image) {
  if (image.sample != Sample::u8 || (image.channels != 3 && image.channels != 4)) {
    return;
  }
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* pixel = image.row(y);
    for (int x = 0; x < image.width; ++x, pixel += image.channels) {
      std::swap(pixel[0], pixel[2]);
    }
  }
}

}  // namespace microtome::pixel
