// SPDX-License-Identifier: Apache-2.0
#include "engine/region.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <functional>
#include <utility>

#include "pixel/blit.hpp"

namespace microtome::engine {
namespace {

// Level sizes are rounded, so a level may miss the wanted resolution by a hair and still be the right one.
constexpr double kSlack = 1.005;
constexpr double kSmallest = 1e-3;  // pixels: less is no rectangle
// Rows decoded and scaled at a time. Little enough that a band of a view is still in the processor's cache when it
// is scaled (engine_bench ViewOfPyramid), and that memory does not grow with the region.
constexpr std::int64_t kBandRows = 256;

struct Span {  // one axis
  double from = 0;
  double to = 0;
  std::int64_t target_from = 0;
  std::int64_t target_to = 0;
};

// Where [start, start + length) of `size` level pixels falls on `out` output pixels. An output pixel belongs to the
// picture when its larger half does, so that the seam is sharp and the mapping exact to half an output pixel.
Span fit(double start, double length, double size, int out) {
  Span span;
  const double scale = out / length;
  const double from = std::clamp(-start, 0.0, length);
  const double to = std::clamp(size - start, 0.0, length);
  span.target_from = std::llround(from * scale);
  span.target_to = std::llround(to * scale);
  span.from = std::clamp(start + static_cast<double>(span.target_from) / scale, 0.0, size);
  span.to = std::clamp(start + static_cast<double>(span.target_to) / scale, 0.0, size);
  return span;
}

int choose_level(const image::PictureInfo& info, double want_x, double want_y) {
  int best = 0;
  double best_down = 1;
  for (std::size_t i = 1; i < info.levels.size(); ++i) {
    const double down_x = static_cast<double>(info.width) / static_cast<double>(info.levels[i].width);
    const double down_y = static_cast<double>(info.height) / static_cast<double>(info.levels[i].height);
    if (down_x <= want_x * kSlack && down_y <= want_y * kSlack && std::max(down_x, down_y) > best_down) {
      best = static_cast<int>(i);
      best_down = std::max(down_x, down_y);
    }
  }
  return best;
}

// One axis of a sampled region: whole pixels of a level. Levels are counted as exact halves, whatever they round to.
struct Pixels {
  std::int64_t from = 0;
  std::int64_t count = 0;
};
Pixels whole_pixels(double start, double length, std::int64_t full, std::int64_t size) {
  const double ratio = static_cast<double>(full) / static_cast<double>(size);
  const double halves = std::exp2(std::round(std::log2(ratio)));
  const double down = std::abs(static_cast<double>(full) / halves - static_cast<double>(size)) <= 1 ? halves : ratio;
  Pixels pixels;
  pixels.from = std::clamp<std::int64_t>(std::llround(start / down), 0, size - 1);
  pixels.count = std::clamp<std::int64_t>(std::llround(length / down), 1, size - pixels.from);
  return pixels;
}

// The smallest level whose pixels of the region are enough. False when the region must be averaged.
bool plan_samples(const image::PictureInfo& info, const RegionArea& area, RegionPlan& plan) {
  const bool inside = area.x >= 0 && area.y >= 0 && area.x + area.width <= static_cast<double>(info.width) &&
                      area.y + area.height <= static_cast<double>(info.height);
  if (area.sampling == Sampling::averaged || !inside) {
    return false;
  }
  for (std::size_t i = info.levels.size(); i-- > 0;) {
    const Pixels x = whole_pixels(area.x, area.width, info.width, info.levels[i].width);
    const Pixels y = whole_pixels(area.y, area.height, info.height, info.levels[i].height);
    if (i > 0 && (x.count < area.out_width || y.count < area.out_height)) {
      continue;
    }
    if (x.count >= 2LL * area.out_width || y.count >= 2LL * area.out_height) {
      return false;
    }
    plan.level = static_cast<int>(i);
    // Pixel for pixel all are the same; boxes need no neighbours.
    const bool as_stored = x.count == area.out_width && y.count == area.out_height;
    plan.filter = as_stored                            ? pixel::Filter::box
                  : area.sampling == Sampling::nearest ? pixel::Filter::nearest
                                                       : pixel::Filter::corner;
    plan.target = {0, 0, area.out_width, area.out_height};
    plan.decode = {x.from, y.from, x.count, y.count};
    plan.source = {static_cast<double>(x.from), static_cast<double>(y.from), static_cast<double>(x.count),
                   static_cast<double>(y.count)};
    return true;
  }
  return false;
}

int choose_reduction(double left_over) {
  for (const int reduction : {8, 4, 2}) {
    if (left_over * kSlack >= reduction) {
      return reduction;
    }
  }
  return 1;
}

// Whole pixels around [from, to), aligned to `step`, with one more on each side where bilinear enlarging looks at it.
std::pair<std::int64_t, std::int64_t> cover(double from, double to, std::int64_t size, std::int64_t step,
                                            bool enlarged) {
  const std::int64_t margin = enlarged ? 1 : 0;
  const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(from)) - margin);
  const auto last = std::min(size, static_cast<std::int64_t>(std::ceil(to)) + margin);
  return {first / step * step, std::min(size, (last + step - 1) / step * step)};
}

std::uint64_t tile_pixels(const pixel::Rect& rect, const image::Level& level) {
  const auto across = (rect.x + rect.width - 1) / level.tile_width - rect.x / level.tile_width + 1;
  const auto down = (rect.y + rect.height - 1) / level.tile_height - rect.y / level.tile_height + 1;
  return static_cast<std::uint64_t>(across * down) *
         (static_cast<std::uint64_t>(level.tile_width) * static_cast<std::uint64_t>(level.tile_height));
}

// False when the picture covers none of the region.
bool plan_average(const image::PictureInfo& info, const RegionArea& area, RegionPlan& plan) {
  const double want_x = area.width / area.out_width;
  const double want_y = area.height / area.out_height;
  plan.level = choose_level(info, want_x, want_y);
  const image::Level& level = info.levels[static_cast<std::size_t>(plan.level)];
  const double down_x = static_cast<double>(info.width) / static_cast<double>(level.width);
  const double down_y = static_cast<double>(info.height) / static_cast<double>(level.height);
  const Span across = fit(area.x / down_x, area.width / down_x, static_cast<double>(level.width), area.out_width);
  const Span down = fit(area.y / down_y, area.height / down_y, static_cast<double>(level.height), area.out_height);
  if (across.target_to <= across.target_from || down.target_to <= down.target_from || across.to <= across.from ||
      down.to <= down.from) {
    return false;
  }
  plan.target = {across.target_from, down.target_from, across.target_to - across.target_from,
                 down.target_to - down.target_from};
  plan.source = {across.from, down.from, across.to - across.from, down.to - down.from};
  const double left_x = plan.source.width / static_cast<double>(plan.target.width);
  const double left_y = plan.source.height / static_cast<double>(plan.target.height);
  plan.reduction = choose_reduction(std::min(left_x, left_y));
  const auto [x0, x1] = cover(across.from, across.to, level.width, plan.reduction, left_x < 1);
  const auto [y0, y1] = cover(down.from, down.to, level.height, plan.reduction, left_y < 1);
  plan.decode = {x0, y0, x1 - x0, y1 - y0};
  return true;
}

pixel::Image canvas(const RegionArea& area, const pixel::Image& like, pixel::Rgb8 background) {
  pixel::Image image = pixel::Image::make(area.out_width, area.out_height, like.channels, like.colour, like.sample);
  std::array<std::uint8_t, 4> colour = {background.red, background.green, background.blue, 0};
  if (like.colour == pixel::Colour::grey || like.colour == pixel::Colour::grey_alpha) {
    colour = {
        static_cast<std::uint8_t>((299 * background.red + 587 * background.green + 114 * background.blue) / 1000), 0,
        0, 0};
  }
  const auto channels = static_cast<std::size_t>(like.channels);
  if (like.sample == pixel::Sample::u16) {
    std::array<std::uint8_t, 8> wide{};  // v * 257: the same byte twice
    for (std::size_t i = 0; i < wide.size(); ++i) {
      wide[i] = colour[i / 2];
    }
    pixel::fill(image, {0, 0, area.out_width, area.out_height}, {wide.data(), 2 * channels});
    return image;
  }
  pixel::fill(image, {0, 0, area.out_width, area.out_height}, {colour.data(), channels});
  return image;
}

// Samples of 9 to 15 significant bits over the whole range of 16: the upper bits again below.
void spread(pixel::Image& image, int bits) {
  if (bits >= 16) {
    return;
  }
  const std::size_t count = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  const unsigned most = (1U << static_cast<unsigned>(bits)) - 1;
  const auto up = static_cast<unsigned>(16 - bits);
  const auto down = static_cast<unsigned>(2 * bits - 16);
  for (int y = 0; y < image.height; ++y) {
    auto* row = reinterpret_cast<std::uint16_t*>(image.row(y));  // NOLINT: rows of u16 are aligned
    for (std::size_t i = 0; i < count; ++i) {
      const unsigned value = std::min<unsigned>(row[i], most);
      row[i] = static_cast<std::uint16_t>((value << up) | (value >> down));
    }
  }
}

}  // namespace

Result<RegionPlan> plan_region(const image::PictureInfo& info, const RegionArea& area) {
  for (const double number : {area.x, area.y, area.width, area.height}) {
    if (!std::isfinite(number) || std::abs(number) > 1e12) {
      return fail(Code::bad_request, "the region is not a rectangle");
    }
  }
  if (area.width < kSmallest || area.height < kSmallest || area.out_width <= 0 || area.out_height <= 0) {
    return fail(Code::bad_request, "the region is empty");
  }
  RegionPlan plan;
  if (!plan_samples(info, area, plan) && !plan_average(info, area, plan)) {
    return plan;  // all background
  }
  const image::Level& level = info.levels[static_cast<std::size_t>(plan.level)];
  const std::uint64_t out_bytes = 2ULL * 4 * static_cast<std::uint64_t>(area.out_width) *
                                  static_cast<std::uint64_t>(area.out_height);  // the canvas and a scaled part of it
  const std::uint64_t pixel_bytes =
      static_cast<std::uint64_t>(info.channels) * static_cast<std::uint64_t>(pixel::bytes_of(info.sample));
  const auto reduced = static_cast<std::uint64_t>(plan.reduction) * static_cast<std::uint64_t>(plan.reduction);
  if (!info.has_tiles) {  // every access decodes the whole: bands would do it again and again
    plan.decoded_pixels = static_cast<std::uint64_t>(info.width) * static_cast<std::uint64_t>(info.height);
    plan.memory_bytes = plan.decoded_pixels * pixel_bytes / reduced + out_bytes;
    return plan;
  }
  plan.decoded_pixels = tile_pixels(plan.decode, level);
  plan.band_rows = std::max<std::int64_t>(1, kBandRows / level.tile_height) * level.tile_height;
  const double share = std::min(1.0, 2.0 * static_cast<double>(plan.band_rows + level.tile_height) /
                                         static_cast<double>(plan.decode.height));  // two bands, and their tiles
  const std::uint64_t all_bytes = plan.decoded_pixels * pixel_bytes / reduced;
  plan.memory_bytes = static_cast<std::uint64_t>(share * static_cast<double>(all_bytes)) + out_bytes;
  return plan;
}

pixel::Image for_display(pixel::Image image, int bits, pixel::Rgb8 background, bool keep_alpha, Depth depth) {
  const bool plain = image.colour != pixel::Colour::lab && image.colour != pixel::Colour::cmyk;
  const bool deep = depth == Depth::sixteen && keep_alpha && plain && image.sample == pixel::Sample::u16 && bits > 8;
  if (deep) {
    spread(image, bits);
  } else if (image.sample == pixel::Sample::u16 && bits > 8 && bits < 16) {
    image = pixel::to_u8(image, {0, static_cast<double>((1 << bits) - 1)});
  } else if (image.sample != pixel::Sample::u8) {
    image = pixel::to_u8(image);
  }
  switch (image.colour) {
    case pixel::Colour::grey:
    case pixel::Colour::rgb:
      return image;
    case pixel::Colour::grey_alpha:
      if (!keep_alpha) {
        return pixel::compose(image, background);
      }
      return pixel::to_rgba(image);  // what PNG and WebP writers all take
    case pixel::Colour::rgba:
      return keep_alpha ? std::move(image) : pixel::compose(image, background);
    case pixel::Colour::multi:
      return image.channels >= 3 ? pixel::to_rgb(image) : pixel::to_grey(image);
    case pixel::Colour::cmyk:
    case pixel::Colour::lab:
      return pixel::to_rgb(image);
  }
  return image;
}

namespace {

// Decodes a region band by band, each tile once, and scales the rows of the target as soon as they are complete.
// Rows that need pixels of two bands are scaled from a narrow picture of the seam.
class Bands {
 public:
  using Emit = std::function<void(pixel::Image rows, std::int64_t first)>;

  Bands(const image::Picture& picture, const RegionPlan& plan)
      : picture_(picture),
        plan_(plan),
        step_(plan.source.height / static_cast<double>(plan.target.height)),
        margin_(step_ < 1 || plan.filter != pixel::Filter::box ? 1 : 0),
        reduction_(plan.reduction),
        top_(plan.decode.y) {}

  Result<void> run(const CancelToken& cancel, const Emit& emit) {
    while (true) {
      const auto more = step(cancel, emit);
      if (!more) {
        return pass(more.error());
      }
      if (!*more) {
        return {};
      }
    }
  }

  // One band. False: there was none left.
  Result<bool> step(const CancelToken& cancel, const Emit& emit) {
    const std::int64_t end = plan_.decode.y + plan_.decode.height;
    if (top_ >= end || ready_ >= plan_.target.height) {
      return false;
    }
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "nobody waits any more");
    }
    auto band = read(top_, end, cancel);
    if (!band) {
      return pass(band.error());
    }
    if (needed_from(ready_) < band->top && !before_.image.data.empty()) {
      // The rows that begin above the seam.
      std::int64_t last = ready_ + 1;
      while (last < plan_.target.height && needed_from(last) < band->top) {
        ++last;
      }
      last = std::min(last, complete(*band, end));
      if (last > ready_) {
        Band seam = join(before_, *band, needed_from(ready_), needed_to(last));
        if (auto done = scale(seam, last, true, emit); !done) {
          return pass(done.error());
        }
      }
      if (needed_from(ready_) < band->top) {  // thin bands: this one completes nothing yet
        before_ = join(before_, *band, needed_from(ready_), band->bottom);
        top_ = before_.bottom;
        return true;
      }
    }
    const std::int64_t last = std::max(ready_, complete(*band, end));
    // Where rows do not cross bands nothing of this one is needed any more.
    const bool spent = last >= plan_.target.height || needed_from(last) >= band->bottom;
    if (last > ready_) {
      if (auto done = scale(*band, last, spent, emit); !done) {
        return pass(done.error());
      }
    }
    top_ = band->bottom;
    before_ = spent ? Band{{}, band->top, band->bottom} : std::move(*band);
    return true;
  }

 private:
  struct Band {
    pixel::Image image;    // rows top to bottom of the level, reduced
    std::int64_t top = 0;  // a multiple of the reduction
    std::int64_t bottom = 0;
  };

  // Rows of the level that the target's rows from `row` on, and up to `row`, look at.
  [[nodiscard]] std::int64_t needed_from(std::int64_t row) const {
    const double from = std::floor(plan_.source.y + step_ * static_cast<double>(row));
    return std::max(plan_.decode.y, static_cast<std::int64_t>(from) - margin_) / reduction_ * reduction_;
  }
  [[nodiscard]] std::int64_t needed_to(std::int64_t row) const {
    const double to = std::ceil(plan_.source.y + step_ * static_cast<double>(row));
    return (static_cast<std::int64_t>(to) + margin_ + reduction_ - 1) / reduction_ * reduction_;
  }
  // How many rows of the target can be made when all down to the band's end is there.
  [[nodiscard]] std::int64_t complete(const Band& band, std::int64_t end) const {
    if (band.bottom >= end) {
      return plan_.target.height;
    }
    const double rows = (static_cast<double>(band.bottom - margin_) - plan_.source.y) / step_;
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(rows)), 0, plan_.target.height);
  }

  Result<Band> read(std::int64_t top, std::int64_t end, const CancelToken& cancel) {
    const bool first = top == plan_.decode.y;
    const std::int64_t bottom =
        plan_.band_rows > 0 ? std::min(end, (top / plan_.band_rows + 1) * plan_.band_rows) : end;
    int reduction = reduction_;
    auto image = picture_.decode_region(plan_.level, {plan_.decode.x, top, plan_.decode.width, bottom - top},
                                        &reduction, cancel);
    if (!image) {
      return pass(image.error());
    }
    if (reduction < 1 || image->width <= 0 || image->height <= 0 || (!first && reduction != reduction_)) {
      return fail(Code::internal, "the picture cannot be read", "bands of a region do not fit together");
    }
    reduction_ = reduction;
    return Band{std::move(*image), top, bottom};
  }

  // Rows `from` to `to` of the level, out of two bands that follow each other.
  [[nodiscard]] Band join(const Band& above, const Band& below, std::int64_t from, std::int64_t to) const {
    const auto first = static_cast<int>((std::max(from, above.top) - above.top) / reduction_);
    const int kept = std::max(0, above.image.height - first);
    const std::int64_t bottom = std::clamp(to, below.top, below.bottom);
    const auto added =
        std::min(below.image.height, static_cast<int>((bottom - below.top + reduction_ - 1) / reduction_));
    const pixel::Image& like = below.image;
    Band seam{pixel::Image::make(like.width, kept + added, like.channels, like.colour, like.sample),
              above.top + std::int64_t{first} * reduction_, bottom};
    pixel::paste(seam.image, above.image, {0, first, like.width, kept}, 0, 0);
    pixel::paste(seam.image, below.image, {0, 0, like.width, added}, 0, kept);
    return seam;
  }

  // Gives out the rows up to `last`. The band may be given away when it is `spent`.
  Result<void> scale(Band& band, std::int64_t last, bool spent, const Emit& emit) {
    const std::int64_t first = std::exchange(ready_, last);
    const auto reduced = static_cast<double>(reduction_);
    const pixel::SourceRect from{
        (plan_.source.x - static_cast<double>(plan_.decode.x)) / reduced,
        (plan_.source.y + step_ * static_cast<double>(first) - static_cast<double>(band.top)) / reduced,
        plan_.source.width / reduced, step_ * static_cast<double>(last - first) / reduced};
    const auto width = static_cast<int>(plan_.target.width);
    const auto height = static_cast<int>(last - first);
    const bool whole_pixels = from.width == width && from.height == height && from.x == std::floor(from.x) &&
                              from.y == std::floor(from.y) && from.x >= 0 && from.y >= 0 &&
                              from.x + width <= band.image.width && from.y + height <= band.image.height;
    if (whole_pixels && spent && band.image.width == width && band.image.height == height) {
      emit(std::move(band.image), first);
      return {};
    }
    if (whole_pixels) {
      emit(pixel::crop(band.image,
                       {static_cast<std::int64_t>(from.x), static_cast<std::int64_t>(from.y), width, height}),
           first);
      return {};
    }
    auto rows = pixel::scale(band.image, from, width, height, plan_.filter);
    if (!rows) {
      return pass(rows.error());
    }
    emit(std::move(*rows), first);
    return {};
  }

  const image::Picture& picture_;
  const RegionPlan& plan_;
  double step_;          // rows of the level for one of the target
  std::int64_t margin_;  // enlarging looks at one more row on either side
  int reduction_;
  std::int64_t top_;        // of the next band
  std::int64_t ready_ = 0;  // rows of the target given out
  Band before_;
};

}  // namespace

Result<pixel::Image> render_region(const image::Picture& picture, const RegionArea& area, const RegionPlan& plan,
                                   pixel::Rgb8 background, bool keep_alpha, const CancelToken& cancel, Depth depth) {
  if (plan.target.width <= 0 || plan.target.height <= 0) {
    const pixel::Image like = pixel::Image::make(1, 1, 3, pixel::Colour::rgb);
    return canvas(area, like, background);
  }
  const bool fills = plan.target.width == area.out_width && plan.target.height == area.out_height;
  pixel::Image out;
  const auto place = [&](pixel::Image rows, std::int64_t first) {
    pixel::Image shown = for_display(std::move(rows), picture.info().bits, background, keep_alpha, depth);
    if (fills && shown.height == area.out_height) {
      out = std::move(shown);
      return;
    }
    if (out.data.empty()) {
      out = canvas(area, shown, background);
    }
    pixel::paste(out, shown, plan.target.x, plan.target.y + first);
  };
  if (auto done = Bands(picture, plan).run(cancel, place); !done) {
    return pass(done.error());
  }
  return out;
}

// What RegionStream keeps between two calls.
struct RegionStream::State {
  State(const image::Picture& picture, const RegionArea& area, const RegionPlan& plan, pixel::Rgb8 background,
        bool keep_alpha)
      : picture(picture),
        area(area),
        plan(plan),
        background(background),
        keep_alpha(keep_alpha),
        bands(picture, this->plan) {}

  const image::Picture& picture;
  RegionArea area;
  RegionPlan plan;
  pixel::Rgb8 background;
  bool keep_alpha;
  Bands bands;
  std::deque<pixel::Image> ready;
  pixel::Image like = pixel::Image::make(1, 1, 3, pixel::Colour::rgb);  // of the pictures given out
  int given = 0;                                                        // rows

  [[nodiscard]] pixel::Image empty_rows(std::int64_t rows) const {
    RegionArea strip = area;
    strip.out_height = static_cast<int>(rows);
    return canvas(strip, like, background);
  }
  Result<void> fill(const CancelToken& cancel) {
    bool more = plan.target.height > 0 && plan.target.width > 0;
    while (ready.empty() && more) {
      auto stepped = bands.step(cancel, [this](pixel::Image rows, std::int64_t) {
        ready.push_back(for_display(std::move(rows), picture.info().bits, background, keep_alpha));
      });
      if (!stepped) {
        return pass(stepped.error());
      }
      more = *stepped;
    }
    return {};
  }
};

RegionStream::RegionStream(const image::Picture& picture, const RegionArea& area, const RegionPlan& plan,
                           pixel::Rgb8 background, bool keep_alpha)
    : state_(std::make_unique<State>(picture, area, plan, background, keep_alpha)) {}
RegionStream::~RegionStream() = default;

Result<std::optional<pixel::Image>> RegionStream::next(const CancelToken& cancel) {
  State& state = *state_;
  if (state.given >= state.area.out_height) {
    return std::nullopt;
  }
  if (auto filled = state.fill(cancel); !filled) {
    return pass(filled.error());
  }
  if (!state.ready.empty() && state.given == 0) {
    const pixel::Image& first = state.ready.front();
    state.like = pixel::Image::make(1, 1, first.channels, first.colour);
  }
  pixel::Image rows;
  if (state.ready.empty() || state.given < state.plan.target.y) {
    const std::int64_t until = state.ready.empty() ? state.area.out_height : state.plan.target.y;
    rows = state.empty_rows(std::min(kBandRows, until - state.given));
  } else {
    rows = std::move(state.ready.front());
    state.ready.pop_front();
    if (rows.width != state.area.out_width) {
      pixel::Image wide = state.empty_rows(rows.height);
      pixel::paste(wide, rows, state.plan.target.x, 0);
      rows = std::move(wide);
    }
  }
  state.given += rows.height;
  return rows;
}

}  // namespace microtome::engine
