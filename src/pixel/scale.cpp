// SPDX-License-Identifier: Apache-2.0
// Separable: for every output row the source rows it covers are blended into one row of floats (contiguous, SIMD),
// then that row is gathered horizontally. No intermediate picture.
#include "pixel/scale.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "pixel/convert.hpp"
#include "pixel/rows.hpp"

namespace microtome::pixel {
namespace {

constexpr double kMostBeyond = 1 << 24;  // pixels that a rectangle may reach beyond the picture
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 31;

struct Axis {
  std::vector<std::int32_t> firsts;
  std::vector<std::uint32_t> starts;
  std::vector<float> weights;
  std::vector<std::int32_t> samples;  // see rows::Taps
  std::vector<float> columns;
  int begin = 0;  // the source pixels that any tap needs
  int end = 0;

  [[nodiscard]] rows::Taps taps() const { return {firsts, starts, weights, samples, columns}; }
  void add_columns(int channels);
};

// More taps than these are so much work that how they are loaded does not matter.
constexpr std::size_t kMostColumns = 16;

void Axis::add_columns(int channels) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    most = std::max<std::size_t>(most, starts[i + 1] - starts[i]);
  }
  if (most > kMostColumns) {
    return;
  }
  const std::size_t count = firsts.size() * static_cast<std::size_t>(channels);
  samples.reserve(count);
  columns.resize(most * count);
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    for (int c = 0; c < channels; ++c) {
      for (std::size_t t = 0; t < starts[i + 1] - starts[i]; ++t) {
        columns[t * count + samples.size()] = weights[starts[i] + t];
      }
      samples.push_back(firsts[i] * channels + c);
    }
  }
}

// The first and last pixels stand for all that lies beyond them.
double box_weight(double low, double high, int pixel, int count) {
  const double left = pixel == 0 ? low : std::max<double>(low, pixel);
  const double right = pixel == count - 1 ? high : std::min<double>(high, pixel + 1);
  return std::max(0.0, right - left);
}

void add_box(Axis& axis, double low, double high, int count) {
  const int first = static_cast<int>(std::clamp<double>(std::floor(low), 0, count - 1));
  const int last = static_cast<int>(std::clamp<double>(std::ceil(high) - 1, first, count - 1));
  axis.firsts.push_back(first);
  for (int pixel = first; pixel <= last; ++pixel) {
    axis.weights.push_back(static_cast<float>(box_weight(low, high, pixel, count) / (high - low)));
  }
}

void add_triangle(Axis& axis, double centre, double radius, int count) {
  const auto low = static_cast<std::int64_t>(std::floor(centre - radius));
  const auto high = static_cast<std::int64_t>(std::ceil(centre + radius));
  const auto first = std::clamp<std::int64_t>(low, 0, count - 1);
  const auto last = std::clamp<std::int64_t>(high, first, count - 1);
  std::vector<double> sums(static_cast<std::size_t>(last - first + 1), 0.0);
  double total = 0;
  for (std::int64_t pixel = low; pixel <= high; ++pixel) {
    const double weight = 1.0 - std::abs(static_cast<double>(pixel) + 0.5 - centre) / radius;
    if (weight > 0) {
      sums[static_cast<std::size_t>(std::clamp(pixel, first, last) - first)] += weight;
      total += weight;
    }
  }
  std::size_t begin = 0;
  std::size_t end = sums.size();
  while (end - begin > 1 && sums[begin] == 0) {
    ++begin;
  }
  while (end - begin > 1 && sums[end - 1] == 0) {
    --end;
  }
  axis.firsts.push_back(static_cast<std::int32_t>(first + static_cast<std::int64_t>(begin)));
  for (std::size_t i = begin; i < end; ++i) {
    axis.weights.push_back(static_cast<float>(sums[i] / total));
  }
}

// Rounding in `at` must not fall below a whole pixel.
constexpr double kHair = 1e-6;

void add_corner(Axis& axis, double at, int count, bool nearest) {
  const double place = std::clamp<double>(std::floor(at + kHair), 0, count - 1);
  axis.firsts.push_back(static_cast<std::int32_t>(place));
  const double beyond = std::clamp(at - place, 0.0, 1.0);
  if (nearest || beyond < kHair || place + 1 >= count) {
    axis.weights.push_back(1);
    return;
  }
  axis.weights.push_back(static_cast<float>(1 - beyond));
  axis.weights.push_back(static_cast<float>(beyond));
}

Axis make_axis(double from, double size, int count, int out, Filter filter) {
  Axis axis;
  const double step = size / out;
  axis.starts.push_back(0);
  axis.begin = count;
  for (int i = 0; i < out; ++i) {
    if (filter == Filter::corner || filter == Filter::corner_near || filter == Filter::nearest) {
      add_corner(axis, from + i * step, count, filter == Filter::nearest);
    } else if (filter == Filter::box && step >= 1) {
      add_box(axis, from + i * step, from + (i + 1) * step, count);
    } else {
      add_triangle(axis, from + (i + 0.5) * step, std::max(1.0, step), count);
    }
    axis.starts.push_back(static_cast<std::uint32_t>(axis.weights.size()));
    const auto taps = static_cast<int>(axis.starts[i + 1] - axis.starts[i]);
    axis.begin = std::min(axis.begin, axis.firsts[i]);
    axis.end = std::max(axis.end, axis.firsts[i] + taps);
  }
  for (std::int32_t& first : axis.firsts) {
    first -= axis.begin;
  }
  return axis;
}

struct Job {
  const Image& source;
  Axis columns;
  Axis lines;
  float down = 0;  // taken off before rounding
};

// With Filter::corner values are rounded down, as iipsrv does, but for what floats lose on the way.
constexpr float kRoundDown = 0.498F;

void store_row(const float* in, std::size_t count, float down, std::uint8_t* out, std::uint8_t /*type*/) {
  rows::floats_to_u8(in, count, down, out);
}
void store_row(const float* in, std::size_t count, float down, std::uint8_t* out, std::uint16_t /*type*/) {
  rows::floats_to_u16(in, count, down, reinterpret_cast<std::uint16_t*>(out));
}
void store_row(const float* in, std::size_t count, float /*down*/, std::uint8_t* out, float /*type*/) {
  std::memcpy(out, in, count * sizeof(float));
}

template <class T>
void scale_fast(const Job& job, Image& out) {
  const Image& source = job.source;
  const std::size_t count = static_cast<std::size_t>(job.columns.end - job.columns.begin) * source.channels;
  const std::size_t out_count = static_cast<std::size_t>(out.width) * out.channels;
  const int alpha_of = has_alpha(source.colour) ? source.channels : 0;
  std::vector<float> blended(count + rows::kGatherRoom);
  std::vector<float> gathered(out_count + 4);
  std::vector<const T*> taps;
  for (int y = 0; y < out.height; ++y) {
    const std::uint32_t start = job.lines.starts[y];
    taps.clear();
    for (std::uint32_t t = start; t < job.lines.starts[y + 1]; ++t) {
      const int line = job.lines.begin + job.lines.firsts[y] + static_cast<int>(t - start);
      taps.push_back(reinterpret_cast<const T*>(source.row(line)) +
                     static_cast<std::size_t>(job.columns.begin) * source.channels);
    }
    rows::blend_rows(taps, job.lines.weights.data() + start, count, alpha_of, blended.data());
    rows::gather_taps(job.columns.taps(), blended.data(), source.channels, gathered.data());
    if (alpha_of != 0) {
      rows::divide_by_alpha(gathered.data(), out_count, alpha_of);
    }
    store_row(gathered.data(), out_count, job.down, out.row(y), T{});
  }
}

template <class T>
T store_value(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    return static_cast<T>(std::clamp(value + 0.5, 0.0, static_cast<double>(static_cast<T>(-1))));
  }
}

// Any type, any number of channels, colour weighted by alpha; in doubles.
template <class T>
void scale_slow(const Job& job, Image& out) {
  const Image& source = job.source;
  const int channels = source.channels;
  const int alpha = has_alpha(source.colour) && channels >= 2 ? channels - 1 : -1;
  const int width = job.columns.end - job.columns.begin;
  std::vector<double> blended(static_cast<std::size_t>(width) * channels);
  std::vector<double> pixel(static_cast<std::size_t>(channels));
  for (int y = 0; y < out.height; ++y) {
    std::fill(blended.begin(), blended.end(), 0.0);
    for (std::uint32_t t = job.lines.starts[y]; t < job.lines.starts[y + 1]; ++t) {
      const int line = job.lines.begin + job.lines.firsts[y] + static_cast<int>(t - job.lines.starts[y]);
      const T* in =
          reinterpret_cast<const T*>(source.row(line)) + static_cast<std::size_t>(job.columns.begin) * channels;
      double* to = blended.data();
      for (int x = 0; x < width; ++x, in += channels, to += channels) {
        const double weight = job.lines.weights[t];
        for (int c = 0; c < channels; ++c) {
          to[c] += weight * static_cast<double>(in[c]) * (alpha >= 0 && c != alpha ? double(in[alpha]) : 1.0);
        }
      }
    }
    T* to = reinterpret_cast<T*>(out.row(y));
    for (int x = 0; x < out.width; ++x, to += channels) {
      std::fill(pixel.begin(), pixel.end(), 0.0);
      const double* in = blended.data() + static_cast<std::size_t>(job.columns.firsts[x]) * channels;
      for (std::uint32_t t = job.columns.starts[x]; t < job.columns.starts[x + 1]; ++t, in += channels) {
        for (int c = 0; c < channels; ++c) {
          pixel[c] += job.columns.weights[t] * in[c];
        }
      }
      const double divisor = alpha >= 0 ? pixel[alpha] : 1.0;
      for (int c = 0; c < channels; ++c) {
        const bool plain = alpha < 0 || c == alpha;
        to[c] = store_value<T>(plain ? pixel[c] : divisor > 0 ? pixel[c] / divisor : 0.0);
      }
    }
  }
}

bool fast_enough(const Image& source) {
  const bool wide = source.sample == Sample::u32 || source.sample == Sample::f64;
  const bool odd_alpha = has_alpha(source.colour) && source.channels != 2 && source.channels != 4;
  return source.channels <= 4 && !wide && !odd_alpha;
}

void run(const Job& job, Image& out) {
  const bool fast = fast_enough(job.source);
  switch (job.source.sample) {
    case Sample::u8:
      return fast ? scale_fast<std::uint8_t>(job, out) : scale_slow<std::uint8_t>(job, out);
    case Sample::u16:
      return fast ? scale_fast<std::uint16_t>(job, out) : scale_slow<std::uint16_t>(job, out);
    case Sample::u32:
      return scale_slow<std::uint32_t>(job, out);
    case Sample::f32:
      return fast ? scale_fast<float>(job, out) : scale_slow<float>(job, out);
    case Sample::f64:
      return scale_slow<double>(job, out);
  }
}

bool sound(double begin, double size, int count) {
  return std::isfinite(begin) && std::isfinite(size) && size > 0 && begin >= -kMostBeyond &&
         begin + size <= count + kMostBeyond;
}

}  // namespace

Result<Image> scale(const Image& source, const SourceRect& from, int out_width, int out_height, Filter filter) {
  if (source.width < 1 || source.height < 1 || source.channels < 1 || out_width < 1 || out_height < 1 ||
      !sound(from.x, from.width, source.width) || !sound(from.y, from.height, source.height)) {
    return fail(Code::bad_request, "empty picture or region");
  }
  const std::uint64_t each = static_cast<std::uint64_t>(source.channels) * bytes_of(source.sample);
  if (static_cast<std::uint64_t>(out_width) * static_cast<std::uint64_t>(out_height) > kMostBytes / each) {
    return fail(Code::too_large, "picture too large");
  }
  Job job{source, make_axis(from.x, from.width, source.width, out_width, filter),
          make_axis(from.y, from.height, source.height, out_height, filter),
          filter == Filter::corner ? kRoundDown : 0};
  if (source.channels <= 4 && (source.sample == Sample::u8 || source.sample == Sample::u16)) {
    job.columns.add_columns(source.channels);
  }
  Image out = Image::unfilled(out_width, out_height, source.channels, source.colour, source.sample);
  run(job, out);
  return out;
}

Result<Image> scale(const Image& source, int out_width, int out_height, Filter filter) {
  return scale(source, {0, 0, double(source.width), double(source.height)}, out_width, out_height, filter);
}

Result<Image> shrink2(const Image& source) {
  const int width = (source.width + 1) / 2;
  const int height = (source.height + 1) / 2;
  const bool simple = source.sample == Sample::u8 && !has_alpha(source.colour) &&
                      (source.channels == 1 || source.channels == 3 || source.channels == 4);
  if (!simple || source.width < 1 || source.height < 1) {
    return scale(source, {0, 0, 2.0 * width, 2.0 * height}, width, height);
  }
  Image out = Image::unfilled(width, height, source.channels, source.colour);
  const int pairs = source.width / 2;
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* upper = source.row(2 * y);
    const std::uint8_t* lower = source.row(std::min(2 * y + 1, source.height - 1));
    rows::shrink2_row(upper, lower, source.channels, pairs, out.row(y));
    if (pairs < width) {
      for (int c = 0; c < source.channels; ++c) {
        const std::size_t at = static_cast<std::size_t>(2 * pairs) * source.channels + c;
        out.row(y)[static_cast<std::size_t>(pairs) * source.channels + c] =
            static_cast<std::uint8_t>((upper[at] + lower[at] + 1) / 2);
      }
    }
  }
  return out;
}

}  // namespace microtome::pixel
