// SPDX-License-Identifier: Apache-2.0
// What is done on 8 bits: grey, black and white, equalising, turning; and the text of operations.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "pixel/process.hpp"

namespace microtome::pixel {
namespace {

// One value for another, all channels but alpha.
void look_up(Image& image, const std::array<std::uint8_t, 256>& table) {
  const int colours = has_alpha(image.colour) ? image.channels - 1 : image.channels;
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.row(y);
    for (int x = 0; x < image.width; ++x) {
      for (int c = 0; c < colours; ++c) {
        row[x * image.channels + c] = table[row[x * image.channels + c]];
      }
    }
  }
}

// Rec. 601 luma; alpha stays.
Image grey(const Image& image) {
  if (image.colour == Colour::grey || image.colour == Colour::grey_alpha || image.channels < 3) {
    return image;
  }
  if (!has_alpha(image.colour)) {
    return to_grey(image);
  }
  const Image luma = to_grey(image);
  Image out = Image::make(image.width, image.height, 2, Colour::grey_alpha);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      out.row(y)[2 * x] = luma.row(y)[x];
      out.row(y)[2 * x + 1] = image.row(y)[image.channels * x + image.channels - 1];
    }
  }
  return out;
}

std::array<std::uint8_t, 256> black_and_white(const Histogram& histogram) {
  std::array<std::uint8_t, 256> table{};
  const int threshold = otsu_threshold(histogram);
  for (int value = 0; value < 256; ++value) {
    table[static_cast<std::size_t>(value)] = value >= threshold ? 255 : 0;
  }
  return table;
}

// Such that every value is about as frequent as every other (the cumulated histogram, from its first filled bin on).
std::array<std::uint8_t, 256> equalising(const Histogram& histogram) {
  std::array<std::uint8_t, 256> table{};
  std::uint64_t all = 0;
  std::uint64_t lowest = 0;
  for (const std::uint64_t count : histogram) {
    lowest = lowest == 0 ? count : lowest;
    all += count;
  }
  std::uint64_t below = 0;
  for (std::size_t value = 0; value < table.size(); ++value) {
    below += histogram[value];
    const double share =
        all > lowest && below > lowest ? static_cast<double>(below - lowest) / static_cast<double>(all - lowest) : 0;
    table[value] =
        all > lowest ? static_cast<std::uint8_t>(std::lround(255 * share)) : static_cast<std::uint8_t>(value);
  }
  return table;
}

class Text {
 public:
  Text& word(const char* name) {
    text_ += name;
    return *this;
  }
  Text& number(double value) {  // every bit of it
    text_ += std::to_string(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value)) + ",";
    return *this;
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

bool Operations::processes() const {
  return !windows.empty() || stretch || light || !mix.empty() || gamma != 1 || logarithm || invert ||
         map != ColourMap::none || !kernel.empty() || contrast != 1;
}

bool Operations::finishes() const {
  return colouring != Colouring::as_is || equalise || mirror || quarters != 0;
}

int Operations::margin() const {
  return static_cast<int>(std::lround(std::sqrt(static_cast<double>(kernel.size())))) / 2;
}

std::string Operations::text() const {
  Text text;
  for (const ChannelWindow& set : windows) {
    text.word("m").number(set.channel).number(set.window.low).number(set.window.high);
  }
  text.word(stretch ? "s" : "");
  if (light) {
    text.word("l").number(light->azimuth).number(light->elevation);
  }
  for (const auto& row : mix) {
    text.word("x").number(static_cast<double>(row.size()));
    for (const float factor : row) {
      text.number(factor);
    }
  }
  text.word("g").number(gamma).word(logarithm ? "o" : "").word(invert ? "i" : "");
  text.word("c").number(static_cast<double>(map)).word("k").number(static_cast<double>(kernel.size()));
  for (const float factor : kernel) {
    text.number(factor);
  }
  text.word("t").number(contrast).word("y").number(static_cast<double>(colouring)).word(equalise ? "e" : "");
  text.word(mirror ? "r" : "").word("q").number(quarters);
  return text.take();
}

int otsu_threshold(const Histogram& histogram) {
  double all = 0;
  double sum = 0;
  for (std::size_t i = 0; i < histogram.size(); ++i) {
    all += static_cast<double>(histogram[i]);
    sum += static_cast<double>(i) * static_cast<double>(histogram[i]);
  }
  double dark = 0;
  double dark_sum = 0;
  double best = 0;
  int threshold = 128;
  for (std::size_t i = 0; i + 1 < histogram.size(); ++i) {
    dark += static_cast<double>(histogram[i]);
    dark_sum += static_cast<double>(i) * static_cast<double>(histogram[i]);
    const double bright = all - dark;
    if (dark <= 0 || bright <= 0) {
      continue;
    }
    const double apart = dark_sum / dark - (sum - dark_sum) / bright;
    const double variance = dark * bright * apart * apart;
    if (variance > best) {
      best = variance;
      threshold = static_cast<int>(i) + 1;
    }
  }
  return threshold;
}

Image finish(Image source, const Operations& operations, const Histogram& histogram) {
  if (source.sample != Sample::u8) {
    return source;
  }
  if (operations.colouring != Colouring::as_is) {
    source = grey(source);
  }
  if (operations.colouring == Colouring::binary) {
    look_up(source, black_and_white(histogram));
  }
  if (operations.equalise) {
    look_up(source, equalising(histogram));
  }
  return operations.mirror || operations.quarters != 0 ? turn(source, operations.mirror, operations.quarters)
                                                       : std::move(source);
}

Image turn(const Image& source, bool mirror, int quarters) {
  const bool swapped = quarters % 2 == 1;
  Image out = Image::make(swapped ? source.height : source.width, swapped ? source.width : source.height,
                          source.channels, source.colour, source.sample);
  const std::size_t size = static_cast<std::size_t>(source.channels) * bytes_of(source.sample);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int from_x = x;
      int from_y = y;
      switch (quarters & 3) {
        case 1:
          from_x = y;
          from_y = source.height - 1 - x;
          break;
        case 2:
          from_x = source.width - 1 - x;
          from_y = source.height - 1 - y;
          break;
        case 3:
          from_x = source.width - 1 - y;
          from_y = x;
          break;
        default:
          break;
      }
      if (mirror) {
        from_x = source.width - 1 - from_x;
      }
      std::memcpy(out.row(y) + size * x, source.row(from_y) + size * from_x, size);
    }
  }
  return out;
}

}  // namespace microtome::pixel
