// SPDX-License-Identifier: Apache-2.0
#include "pixel/process.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>

namespace microtome::pixel {
namespace {

using Floats = std::vector<float>;

double top_of(Sample sample, int bits) {
  switch (sample) {
    case Sample::u8:
      return 255;
    case Sample::u16:
      return bits > 8 && bits < 16 ? (1 << bits) - 1 : 65535;
    case Sample::u32:
      return 4294967295.0;
    case Sample::f32:
    case Sample::f64:
      break;
  }
  return 1;
}

template <class T>
double sample_at(const std::uint8_t* row, std::size_t at) {
  T value;
  std::memcpy(&value, row + at * sizeof(T), sizeof(T));
  return static_cast<double>(value);
}

// Brings one channel of a row to 0..1 of its window; what is not finite is 0.
template <class T>
void load_channel(const Image& source, int y, int channel, const Window& window, float* out, int step) {
  const std::uint8_t* row = source.row(y);
  const double span = window.high - window.low;
  const double factor = span != 0 ? 1 / span : 0;
  for (int x = 0; x < source.width; ++x) {
    const std::size_t at = static_cast<std::size_t>(x) * source.channels + channel;
    const auto value = static_cast<float>((sample_at<T>(row, at) - window.low) * factor);
    out[static_cast<std::size_t>(x) * step] = std::isfinite(value) ? value : 0;
  }
}

void load(const Image& source, int y, int channel, const Window& window, float* out, int step) {
  switch (source.sample) {
    case Sample::u8:
      return load_channel<std::uint8_t>(source, y, channel, window, out, step);
    case Sample::u16:
      return load_channel<std::uint16_t>(source, y, channel, window, out, step);
    case Sample::u32:
      return load_channel<std::uint32_t>(source, y, channel, window, out, step);
    case Sample::f32:
      return load_channel<float>(source, y, channel, window, out, step);
    case Sample::f64:
      return load_channel<double>(source, y, channel, window, out, step);
  }
}

int colours_of(Colour colour, int channels) {
  return std::max(1, has_alpha(colour) ? channels - 1 : channels);
}

Image plain(const Image& source) {
  const bool foreign = source.colour == Colour::lab || source.colour == Colour::cmyk;
  return foreign ? to_rgb(source.sample == Sample::u8 ? source : to_u8(source)) : Image();
}

std::vector<Window> windows_of(const Image& source, int bits, const Operations& operations) {
  const int count = colours_of(source.colour, source.channels);
  std::vector<Window> windows(static_cast<std::size_t>(count), Window{0, top_of(source.sample, bits)});
  for (const ChannelWindow& set : operations.windows) {
    for (int channel = 0; channel < count; ++channel) {
      if (set.channel < 0 || set.channel == channel) {
        windows[static_cast<std::size_t>(channel)] = set.window;
      }
    }
  }
  return windows;
}

void stretch_windows(std::vector<Window>& windows, const Histogram& histogram) {
  const auto filled = [](std::uint64_t count) { return count > 0; };
  const auto first = std::ranges::find_if(histogram, filled) - histogram.begin();
  const auto last = 255 - (std::find_if(histogram.rbegin(), histogram.rend(), filled) - histogram.rbegin());
  if (first >= last) {
    return;
  }
  for (Window& window : windows) {
    const double span = window.high - window.low;
    window.high = window.low + span * static_cast<double>(last) / 255;
    window.low += span * static_cast<double>(first) / 255;
  }
}

// Cosine of the angle between the normal that a pixel stands for (0..1 for -1..1) and the light.
void shade(const Floats& in, int channels, const Light& light, Floats& out) {
  constexpr double kDegree = std::numbers::pi / 180;
  const double flat = std::cos(light.elevation * kDegree);
  const std::array<double, 3> to_light = {std::sin(light.azimuth * kDegree) * flat,
                                          std::cos(light.azimuth * kDegree) * flat,
                                          std::sin(light.elevation * kDegree)};
  for (std::size_t pixel = 0; pixel < out.size(); ++pixel) {
    double length = 0;
    double along = 0;
    for (int c = 0; c < 3; ++c) {
      const double part = c < channels ? 2.0 * in[pixel * static_cast<std::size_t>(channels) + c] - 1 : 0;
      length += part * part;
      along += part * to_light[static_cast<std::size_t>(c)];
    }
    out[pixel] = length > 0 ? static_cast<float>(std::max(0.0, along / std::sqrt(length))) : 0;
  }
}

void mix_channels(const Floats& in, int channels, const std::vector<std::vector<float>>& mix, Floats& out) {
  const std::size_t rows = mix.size();
  for (std::size_t pixel = 0; pixel * rows < out.size(); ++pixel) {
    for (std::size_t row = 0; row < rows; ++row) {
      float sum = 0;
      const std::size_t count = std::min(mix[row].size(), static_cast<std::size_t>(channels));
      for (std::size_t c = 0; c < count; ++c) {
        sum += mix[row][c] * in[pixel * static_cast<std::size_t>(channels) + c];
      }
      out[pixel * rows + row] = sum;
    }
  }
}

std::array<float, 3> mapped(ColourMap map, float value) {
  const float v = std::clamp(value, 0.0F, 1.0F);
  const auto ramp = [](float x) { return std::clamp(x, 0.0F, 1.0F); };
  switch (map) {
    case ColourMap::hot:
      return {ramp(3 * v), ramp(3 * v - 1), ramp(3 * v - 2)};
    case ColourMap::cold:
      return {ramp(3 * v - 2), ramp(3 * v - 1), ramp(3 * v)};
    case ColourMap::jet: {  // four ramps, a quarter apart
      const auto hill = [&](float middle) { return ramp(1.5F - std::abs(4 * (v - middle))); };
      return {hill(0.75F), hill(0.5F), hill(0.25F)};
    }
    case ColourMap::blue:
      return {0, 0, v};
    case ColourMap::green:
      return {0, v, 0};
    case ColourMap::red:
      return {v, 0, 0};
    case ColourMap::none:
      break;
  }
  return {v, v, v};
}

// The operations on single pixels, a row at a time.
class RowMaker {
 public:
  RowMaker(const Image& source, int bits, const Operations& operations, const Histogram& histogram)
      : source_(source),
        operations_(operations),
        windows_(windows_of(source, bits, operations)),
        colours_(static_cast<int>(windows_.size())) {
    if (operations.stretch) {
      stretch_windows(windows_, histogram);
    }
    channels_ = operations.map != ColourMap::none ? 3
                : !operations.mix.empty()         ? static_cast<int>(operations.mix.size())
                : operations.light                ? 1
                                                  : colours_;
  }
  [[nodiscard]] int channels() const { return channels_; }

  void make(int y, Floats& out) {
    const auto width = static_cast<std::size_t>(source_.width);
    int channels = colours_;
    row_.resize(width * static_cast<std::size_t>(channels));
    for (int c = 0; c < channels; ++c) {
      load(source_, y, c, windows_[static_cast<std::size_t>(c)], row_.data() + c, channels);
    }
    if (operations_.light) {
      other_.resize(width);
      shade(row_, channels, *operations_.light, other_);
      std::swap(row_, other_);
      channels = 1;
    }
    if (!operations_.mix.empty()) {
      other_.resize(width * operations_.mix.size());
      mix_channels(row_, channels, operations_.mix, other_);
      std::swap(row_, other_);
      channels = static_cast<int>(operations_.mix.size());
    }
    curve();
    if (operations_.map != ColourMap::none) {
      other_.resize(width * 3);
      for (std::size_t x = 0; x < width; ++x) {
        std::ranges::copy(mapped(operations_.map, row_[x * static_cast<std::size_t>(channels)]),
                          other_.begin() + static_cast<std::ptrdiff_t>(x * 3));
      }
      std::swap(row_, other_);
    }
    std::swap(out, row_);
  }

 private:
  void curve() {
    if (operations_.gamma != 1) {
      const auto gamma = static_cast<float>(operations_.gamma);
      for (float& value : row_) {
        value = std::pow(std::max(value, 0.0F), gamma);
      }
    }
    if (operations_.logarithm) {
      const float scale = 1 / std::log(256.0F);
      for (float& value : row_) {
        value = std::log1p(255 * std::max(value, 0.0F)) * scale;
      }
    }
    if (operations_.invert) {
      for (float& value : row_) {
        value = 1 - value;
      }
    }
  }

  const Image& source_;
  const Operations& operations_;
  std::vector<Window> windows_;
  int colours_;
  int channels_ = 1;
  Floats row_;
  Floats other_;
};

// A kernel over rows of floats; rows are made once and kept while the kernel reaches them.
class Convolver {
 public:
  Convolver(RowMaker& rows, const std::vector<float>& kernel, int width, int height)
      : rows_(rows), kernel_(kernel), width_(width), height_(height) {
    side_ = static_cast<int>(std::lround(std::sqrt(static_cast<double>(kernel.size()))));
    const float sum = std::accumulate(kernel_.begin(), kernel_.end(), 0.0F);
    if (sum > 0) {
      std::ranges::transform(kernel_, kernel_.begin(), [sum](float factor) { return factor / sum; });
    }
    kept_.resize(static_cast<std::size_t>(side_));
    made_.assign(static_cast<std::size_t>(side_), -1);
  }

  void make(int y, Floats& out) {
    const int reach = side_ / 2;
    const int channels = rows_.channels();
    out.assign(static_cast<std::size_t>(width_) * channels, 0);
    for (int j = 0; j < side_; ++j) {
      const Floats& row = at(std::clamp(y + j - reach, 0, height_ - 1));
      for (int i = 0; i < side_; ++i) {
        const float factor =
            kernel_[static_cast<std::size_t>(j) * static_cast<std::size_t>(side_) + static_cast<std::size_t>(i)];
        if (factor != 0) {
          add(row, i - reach, factor, channels, out);
        }
      }
    }
  }

 private:
  void add(const Floats& row, int shift, float factor, int channels, Floats& out) const {
    for (int x = 0; x < width_; ++x) {
      const std::size_t from = static_cast<std::size_t>(std::clamp(x + shift, 0, width_ - 1)) * channels;
      for (int c = 0; c < channels; ++c) {
        out[static_cast<std::size_t>(x) * channels + c] += factor * row[from + c];
      }
    }
  }
  const Floats& at(int y) {
    const auto slot = static_cast<std::size_t>(y % side_);
    if (made_[slot] != y) {
      rows_.make(y, kept_[slot]);
      made_[slot] = y;
    }
    return kept_[slot];
  }

  RowMaker& rows_;
  std::vector<float> kernel_;
  int width_;
  int height_;
  int side_ = 1;
  std::vector<Floats> kept_;
  std::vector<int> made_;
};

int processed_channels(int colours, const Operations& operations) {
  const int channels = operations.map != ColourMap::none ? 3
                       : !operations.mix.empty()         ? static_cast<int>(operations.mix.size())
                       : operations.light                ? 1
                                                         : colours;
  return channels >= 3 ? 3 : 1;
}

void store(const Floats& row, int channels, double contrast, int kept, Image& out, int y) {
  std::uint8_t* to = out.row(y);
  const auto factor = static_cast<float>(255 * contrast);
  for (int x = 0; x < out.width; ++x) {
    for (int c = 0; c < kept; ++c) {
      const float value = row[static_cast<std::size_t>(x) * channels + c] * factor;
      // NOLINTNEXTLINE(bugprone-incorrect-roundings): never below 0, and a call a pixel is dear
      to[x * out.channels + c] = value > 0 ? static_cast<std::uint8_t>(std::min(value, 255.0F) + 0.5F) : 0;
    }
  }
}

}  // namespace

Colour processed_colour(Colour colour, int channels, const Operations& operations) {
  if (colour == Colour::lab || colour == Colour::cmyk) {
    colour = Colour::rgb;
    channels = 3;
  }
  const bool rgb = processed_channels(colours_of(colour, channels), operations) == 3;
  if (has_alpha(colour)) {
    return rgb ? Colour::rgba : Colour::grey_alpha;
  }
  return rgb ? Colour::rgb : Colour::grey;
}

Image process(const Image& picture, int bits, const Operations& operations, const Histogram& histogram) {
  const Image converted = plain(picture);
  const Image& source = converted.data.empty() ? picture : converted;
  const Colour colour = processed_colour(source.colour, source.channels, operations);
  const int kept = colour == Colour::rgb || colour == Colour::rgba ? 3 : 1;
  Image out = Image::make(source.width, source.height, has_alpha(colour) ? kept + 1 : kept, colour);
  RowMaker rows(source, bits, operations, histogram);
  std::optional<Convolver> convolver;
  if (!operations.kernel.empty()) {
    convolver.emplace(rows, operations.kernel, source.width, source.height);
  }
  Floats row;
  Floats alpha(static_cast<std::size_t>(source.width));
  for (int y = 0; y < source.height; ++y) {
    if (convolver) {
      convolver->make(y, row);
    } else {
      rows.make(y, row);
    }
    store(row, rows.channels(), operations.contrast, kept, out, y);
    if (has_alpha(colour)) {
      load(source, y, source.channels - 1, {0, top_of(source.sample, bits)}, alpha.data(), 1);
      for (int x = 0; x < source.width; ++x) {
        const float value = std::clamp(alpha[static_cast<std::size_t>(x)], 0.0F, 1.0F);
        // NOLINTNEXTLINE(bugprone-incorrect-roundings): never below 0, and a call a pixel is dear
        out.row(y)[x * out.channels + kept] = static_cast<std::uint8_t>(255 * value + 0.5F);
      }
    }
  }
  return out;
}

Histogram histogram_of(const Image& picture, int bits, const Operations& operations) {
  const Image converted = plain(picture);
  const Image& source = converted.data.empty() ? picture : converted;
  const std::vector<Window> windows = windows_of(source, bits, operations);
  const auto channels = static_cast<int>(windows.size());
  Floats row(static_cast<std::size_t>(source.width) * windows.size());
  Histogram histogram{};
  for (int y = 0; y < source.height; ++y) {
    for (int c = 0; c < channels; ++c) {
      load(source, y, c, windows[static_cast<std::size_t>(c)], row.data() + c, channels);
    }
    for (std::size_t x = 0; x < static_cast<std::size_t>(source.width); ++x) {
      const auto* at = row.data() + x * windows.size();
      const float mean = std::accumulate(at, at + channels, 0.0F) / static_cast<float>(channels);
      // NOLINTNEXTLINE(bugprone-incorrect-roundings): never below 0, and a call a pixel is dear
      ++histogram[static_cast<std::size_t>(std::clamp(mean, 0.0F, 1.0F) * 255 + 0.5F)];
    }
  }
  return histogram;
}

}  // namespace microtome::pixel
