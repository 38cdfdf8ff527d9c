// SPDX-License-Identifier: Apache-2.0
#include "woolz/render.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "woolz/sample.hpp"

namespace microtome::woolz {
namespace {

using Pixel = std::array<std::uint8_t, 4>;

std::uint8_t red(std::uint32_t v) {
  return static_cast<std::uint8_t>(v);
}
std::uint8_t green(std::uint32_t v) {
  return static_cast<std::uint8_t>(v >> 8);
}
std::uint8_t blue(std::uint32_t v) {
  return static_cast<std::uint8_t>(v >> 16);
}

// The colour before any layer is painted. Remainders keep their sign and wrap, as they always did.
Pixel start_of(const Scene& scene) {
  const double v = scene.background.number;
  std::uint8_t grey = 0;
  switch (scene.base_grey) {
    case Grey::none:
      break;
    case Grey::uint8:
      grey = static_cast<std::uint8_t>(v);
      break;
    case Grey::int16:
    case Grey::int32:
      grey = static_cast<std::uint8_t>(static_cast<std::int32_t>(v) % 255);
      break;
    case Grey::float32:
    case Grey::float64:
      grey = std::abs(v) < 1e9 ? static_cast<std::uint8_t>(static_cast<std::int64_t>(std::round(v)) % 255)
                               : std::uint8_t{0};
      break;
    case Grey::rgba: {
      const std::uint32_t c = scene.background.rgba;
      return {red(c), green(c), blue(c), static_cast<std::uint8_t>(c >> 24)};
    }
  }
  return {grey, grey, grey, 0};
}

// How one layer's values become bytes.
enum class Source : std::uint8_t { flat, byte, colour, number };

bool integer(Grey grey) {
  return grey == Grey::uint8 || grey == Grey::int16 || grey == Grey::int32;
}

class LayerPainter {
 public:
  LayerPainter(const Scene& scene, const Layer& layer, const Columns& columns, bool alpha, int channels);
  void paint(double y, std::uint8_t* out);

 private:
  void fetch();
  void fetch_bytes();
  template <class T>
  void fetch_integers();
  template <class T>
  void fetch_numbers();
  void fetch_linear();
  void blend(std::size_t i, std::uint8_t* pixel) const;
  void blend_number(std::size_t i, std::uint8_t* pixel) const;

  const Body& body_;
  const ValueMap* map_;
  Interpolation interpolation_;
  RowSampler sampler_;
  std::size_t width_;
  bool alpha_;
  int colours_;
  Source source_ = Source::flat;
  bool plain_ = false;  // opaque white tint: values go through
  int inverse_alpha_ = 0;
  std::array<std::array<std::uint16_t, 256>, 3> scaled_{};  // k' * value, per colour
  std::array<int, 3> weight_{};                             // k'
  std::array<int, 3> flat_{};                               // k * a
  int opacity_ = 255;
  std::vector<std::uint8_t> inside_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint32_t> colours_of_;
  std::vector<double> numbers_;
};

Source source_of(const Body& body, const std::optional<ValueMap>& map) {
  switch (body.grey()) {
    case Grey::none:
      return Source::flat;
    case Grey::rgba:
      return Source::colour;
    case Grey::uint8:
      return map && map->colour() ? Source::colour : Source::byte;
    case Grey::int16:
    case Grey::int32:
      return !map ? Source::number : map->colour() ? Source::colour : Source::byte;
    case Grey::float32:
    case Grey::float64:
      return Source::number;
  }
  return Source::flat;
}

LayerPainter::LayerPainter(const Scene& scene, const Layer& layer, const Columns& columns, bool alpha, int channels)
    : body_(*layer.body),
      map_(scene.map ? &*scene.map : nullptr),
      interpolation_(scene.interpolation),
      sampler_(layer.frame ? *layer.frame : scene.frame, *layer.body, columns),
      width_(columns.count),
      alpha_(alpha),
      colours_(channels - (alpha ? 1 : 0)),
      source_(source_of(*layer.body, scene.map)),
      plain_(layer.tint == Tint{}),
      inverse_alpha_(255 - layer.tint.alpha),
      opacity_(layer.tint.alpha),
      inside_(columns.count) {
  const std::array<int, 3> tint{layer.tint.red, layer.tint.green, layer.tint.blue};
  for (std::size_t c = 0; c < 3; ++c) {
    weight_[c] = tint[c] * opacity_ / 255;
    flat_[c] = tint[c] * opacity_;
    for (std::size_t v = 0; v < 256; ++v) {
      scaled_[c][v] = static_cast<std::uint16_t>(weight_[c] * static_cast<int>(v));
    }
  }
  if (source_ == Source::byte) {
    bytes_.resize(width_);
  } else if (source_ == Source::colour) {
    colours_of_.resize(width_);
  } else if (source_ == Source::number) {
    numbers_.resize(width_);
  }
}

template <class T>
void LayerPainter::fetch_integers() {
  std::vector<T> values(width_);
  sampler_.values(static_cast<T>(body_.values->background().number), values.data());
  for (std::size_t i = 0; i < width_; ++i) {
    const std::uint32_t mapped = (*map_)(static_cast<std::int64_t>(values[i]));
    if (source_ == Source::byte) {
      bytes_[i] = static_cast<std::uint8_t>(mapped);
    } else {
      colours_of_[i] = mapped;
    }
  }
}

template <class T>
void LayerPainter::fetch_numbers() {
  std::vector<T> values(width_);
  sampler_.values(static_cast<T>(body_.values->background().number), values.data());
  std::copy(values.begin(), values.end(), numbers_.begin());
}

void LayerPainter::fetch_bytes() {
  sampler_.values(static_cast<std::uint8_t>(body_.values->background().number), bytes_.data());
}

// Interpolated numbers, rounded where the values are integers.
void LayerPainter::fetch_linear() {
  std::vector<double> values(width_);
  sampler_.linear(values.data());
  for (std::size_t i = 0; i < width_; ++i) {
    const double v = integer(body_.grey()) ? std::round(values[i]) : values[i];
    if (source_ == Source::number) {
      numbers_[i] = v;
    } else if (map_ == nullptr) {
      bytes_[i] = static_cast<std::uint8_t>(v);
    } else if (source_ == Source::byte) {
      bytes_[i] = static_cast<std::uint8_t>((*map_)(static_cast<std::int64_t>(v)));
    } else {
      colours_of_[i] = (*map_)(static_cast<std::int64_t>(v));
    }
  }
}

void LayerPainter::fetch() {
  const Grey grey = body_.grey();
  if (grey == Grey::none) {
    return;
  }
  if (grey == Grey::rgba) {
    sampler_.values(body_.values->background().rgba, colours_of_.data());
    return;
  }
  if (interpolation_ != Interpolation::nearest) {
    fetch_linear();
    return;
  }
  switch (grey) {
    case Grey::uint8:
      map_ == nullptr ? fetch_bytes() : fetch_integers<std::uint8_t>();
      break;
    case Grey::int16:
      map_ == nullptr ? fetch_numbers<std::int16_t>() : fetch_integers<std::int16_t>();
      break;
    case Grey::int32:
      map_ == nullptr ? fetch_numbers<std::int32_t>() : fetch_integers<std::int32_t>();
      break;
    case Grey::float32:
      fetch_numbers<float>();
      break;
    case Grey::float64:
      fetch_numbers<double>();
      break;
    default:
      break;
  }
}

void LayerPainter::blend(std::size_t i, std::uint8_t* pixel) const {
  if (source_ == Source::number) {
    blend_number(i, pixel);
    return;
  }
  for (int c = 0; c < colours_; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    int value = flat_[channel];
    if (source_ == Source::byte) {
      value = scaled_[channel][bytes_[i]];
    } else if (source_ == Source::colour) {
      value = scaled_[channel][(colours_of_[i] >> (8 * c)) & 255];
    }
    pixel[c] = static_cast<std::uint8_t>((value + pixel[c] * inverse_alpha_) / 255);
  }
}

// Numbers that are no bytes are weighed before they are cut to 0..255.
void LayerPainter::blend_number(std::size_t i, std::uint8_t* pixel) const {
  for (int c = 0; c < colours_; ++c) {
    const double value =
        weight_[static_cast<std::size_t>(c)] / 255.0 * numbers_[i] + pixel[c] * (inverse_alpha_ / 255.0);
    pixel[c] = value > 0 ? static_cast<std::uint8_t>(std::round(std::min(value, 255.0))) : std::uint8_t{0};  // NaN: 0
  }
}

void LayerPainter::paint(double y, std::uint8_t* out) {
  sampler_.go(y);
  fetch();
  const bool everywhere = !alpha_ && source_ != Source::flat;
  if (everywhere && plain_ && source_ == Source::byte && colours_ == 1) {
    std::copy(bytes_.begin(), bytes_.end(), out);
    return;
  }
  if (!everywhere) {
    sampler_.inside(inside_.data());
  }
  const int channels = colours_ + (alpha_ ? 1 : 0);
  if (plain_ && source_ == Source::byte && channels == 2) {
    for (std::size_t i = sampler_.first(); i < sampler_.last(); ++i) {
      if (inside_[i] != 0) {
        out[2 * i] = bytes_[i];
        out[2 * i + 1] = 255;
      }
    }
    return;
  }
  const std::size_t from = everywhere ? 0 : sampler_.first();
  const std::size_t to = everywhere ? width_ : sampler_.last();
  for (std::size_t i = from; i < to; ++i) {
    if (!everywhere && inside_[i] == 0) {
      continue;
    }
    std::uint8_t* pixel = out + i * static_cast<std::size_t>(channels);
    blend(i, pixel);
    if (alpha_) {
      std::uint8_t& opacity = pixel[channels - 1];
      opacity = static_cast<std::uint8_t>(opacity_ + inverse_alpha_ * opacity / 255);
    }
  }
}

}  // namespace

bool in_colour(const Scene& scene) {
  return scene.tinted || scene.base_grey == Grey::rgba || (scene.map && scene.map->colour());
}

Result<pixel::Image> render(const Scene& scene, const pixel::Rect& rect, bool alpha, const CancelToken& cancel) {
  return render_raster(scene,
                       Raster{static_cast<double>(rect.x), static_cast<double>(rect.y), 1,
                              static_cast<int>(rect.width), static_cast<int>(rect.height)},
                       alpha, cancel);
}

Result<pixel::Image> render_raster(const Scene& scene, const Raster& raster, bool alpha, const CancelToken& cancel) {
  for (const Layer& layer : scene.layers) {
    if (scene.map && layer.body->values && !integer(layer.body->grey())) {
      return fail(Code::bad_request, "MAP works on integer values only");
    }
  }
  const bool colour = in_colour(scene);
  const int channels = (colour ? 3 : 1) + (alpha ? 1 : 0);
  const pixel::Colour kind = colour ? (alpha ? pixel::Colour::rgba : pixel::Colour::rgb)
                                    : (alpha ? pixel::Colour::grey_alpha : pixel::Colour::grey);
  auto image = pixel::Image::make(raster.width, raster.height, channels, kind);
  if (image.data.empty()) {
    return image;
  }
  const Pixel start = start_of(scene);
  std::vector<std::uint8_t> blank(image.stride);
  for (std::size_t i = 0; i < blank.size(); ++i) {
    const std::size_t c = i % static_cast<std::size_t>(channels);
    blank[i] = start[alpha && c == static_cast<std::size_t>(channels) - 1 ? 3 : c];
  }
  std::vector<LayerPainter> painters;
  painters.reserve(scene.layers.size());
  const double left = static_cast<double>(scene.frame.left()) + raster.left;
  const double top = static_cast<double>(scene.frame.top()) + raster.top;
  for (const Layer& layer : scene.layers) {
    painters.emplace_back(scene, layer,
                          Columns{left, raster.step, static_cast<std::size_t>(raster.width), layer.level}, alpha,
                          channels);
  }
  for (int y = 0; y < image.height; ++y) {
    if (y % 64 == 0 && cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    std::uint8_t* row = image.row(y);
    std::copy(blank.begin(), blank.end(), row);
    for (LayerPainter& painter : painters) {
      painter.paint(top + y * (raster.down > 0 ? raster.down : raster.step), row);
    }
  }
  return image;
}

}  // namespace microtome::woolz
