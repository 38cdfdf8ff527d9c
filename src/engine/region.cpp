// SPDX-License-Identifier: Apache-2.0
#include "engine/region.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <functional>
#include <utility>

#include "engine/region_bands.hpp"
#include "pixel/blit.hpp"

namespace microtome::engine {
namespace {

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
