// SPDX-License-Identifier: Apache-2.0
#include "apps/import/convert.hpp"

#include <cmath>
#include <memory>
#include <utility>

#include "apps/import/vips.hpp"
#include "apps/open_picture.hpp"

namespace microtome::apps {
namespace {

std::unexpected<Error> vips_failure(Code code) {
  std::string text = vips_text();
  return fail(code, text.empty() ? "cannot be read" : text);
}

bool to_eight_bits(Vips& image) {
  switch (vips_image_get_format(image.get())) {
    case VIPS_FORMAT_UCHAR:
      return true;
    case VIPS_FORMAT_USHORT:
      // RGB16 and GREY16 are cut to their upper byte, as the tile server does.
      return replace(image, [](VipsImage* in, VipsImage** out) {
        return vips_cast(in, out, VIPS_FORMAT_UCHAR, "shift", TRUE, nullptr);
      });
    default:
      return replace(image, [](VipsImage* in, VipsImage** out) { return vips_scale(in, out, nullptr); });
  }
}

// Colours a JPEG can hold: grey or sRGB, 8 bits, no alpha.
bool to_displayable(Vips& image) {
  const auto interpretation = vips_image_guess_interpretation(image.get());
  if (interpretation == VIPS_INTERPRETATION_CMYK || interpretation == VIPS_INTERPRETATION_LAB ||
      interpretation == VIPS_INTERPRETATION_LABS || interpretation == VIPS_INTERPRETATION_LABQ ||
      interpretation == VIPS_INTERPRETATION_XYZ || interpretation == VIPS_INTERPRETATION_scRGB ||
      interpretation == VIPS_INTERPRETATION_HSV) {
    if (!replace(image, [](VipsImage* in, VipsImage** out) {
          return vips_colourspace(in, out, VIPS_INTERPRETATION_sRGB, nullptr);
        })) {
      return false;
    }
  }
  if (vips_image_hasalpha(image.get())) {
    const double white = vips_image_get_format(image.get()) == VIPS_FORMAT_USHORT ? 65535.0 : 255.0;
    const std::unique_ptr<VipsArrayDouble, void (*)(VipsArrayDouble*)> background(
        vips_array_double_newv(1, white), [](VipsArrayDouble* array) { vips_area_unref(VIPS_AREA(array)); });
    if (!replace(image, [&](VipsImage* in, VipsImage** out) {
          return vips_flatten(in, out, "background", background.get(), nullptr);
        })) {
      return false;
    }
  }
  const int bands = vips_image_get_bands(image.get());
  if (bands != 1 && bands != 3) {
    const int keep = bands > 3 ? 3 : 1;
    if (!replace(image,
                 [&](VipsImage* in, VipsImage** out) { return vips_extract_band(in, out, 0, "n", keep, nullptr); })) {
      return false;
    }
  }
  return to_eight_bits(image);
}

Result<Vips> open_source(const std::string& source) {
  // A source that is cut off is an error, not a picture with grey in it.
  // Sequential access streams the file once; scaling needs two passes, which sequential sources cannot do.
  Vips image(vips_image_new_from_file(source.c_str(), "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                                      nullptr));
  if (image && vips_image_get_format(image.get()) != VIPS_FORMAT_UCHAR &&
      vips_image_get_format(image.get()) != VIPS_FORMAT_USHORT) {
    image.reset(vips_image_new_from_file(source.c_str(), "fail_on", VIPS_FAIL_ON_ERROR, nullptr));
  }
  if (!image) {
    return vips_failure(Code::unsupported);
  }
  if (!replace(image, [](VipsImage* in, VipsImage** out) { return vips_autorot(in, out, nullptr); }) ||
      !to_displayable(image)) {
    return vips_failure(Code::unsupported);
  }
  return image;
}

struct Watch {
  const std::function<void(double)>* progress;
  const std::atomic<bool>* stop;
};

void on_eval(VipsImage* image, VipsProgress* state, Watch* watch) {
  if (*watch->stop) {
    vips_image_set_kill(image, TRUE);
  }
  (*watch->progress)(state->percent / 100.0);
}

}  // namespace

Result<Converted> convert(const std::string& source, const std::string& target, const ConvertOptions& options,
                          const std::function<void(double)>& progress, const std::atomic<bool>& stop) {
  auto image = open_source(source);
  if (!image) {
    return std::unexpected(image.error());
  }
  Watch watch{&progress, &stop};
  vips_image_set_progress(image->get(), TRUE);
  g_signal_connect(image->get(), "eval", G_CALLBACK(on_eval), &watch);
  const Converted converted{vips_image_get_width(image->get()), vips_image_get_height(image->get())};
  const int failed = vips_tiffsave(image->get(), target.c_str(), "compression", VIPS_FOREIGN_TIFF_COMPRESSION_JPEG,
                                   "Q", options.quality, "tile", TRUE, "tile_width", options.tile, "tile_height",
                                   options.tile, "pyramid", TRUE, "bigtiff", TRUE, nullptr);
  if (failed != 0) {
    return stop ? fail(Code::cancelled, "stopped") : vips_failure(Code::corrupt);
  }
  return converted;
}

namespace {

double mean_of(const pixel::Image& image) {
  double sum = 0;
  for (int y = 0; y < image.height; ++y) {
    const auto* row = image.row(y);
    for (int i = 0; i < image.width * image.channels; ++i) {
      sum += row[i];
    }
  }
  return sum / (static_cast<double>(image.width) * image.height * image.channels);
}

// Tiles at the corners and in the middle of a level, decoded.
Result<void> check_level(const image::Picture& picture, int level) {
  const auto& size = picture.info().levels[level];
  for (const auto& [x, y] :
       {std::pair{0.0, 0.0}, std::pair{1.0, 0.0}, std::pair{0.5, 0.5}, std::pair{0.0, 1.0}, std::pair{1.0, 1.0}}) {
    const auto column = static_cast<std::int64_t>(x * (size.across() - 1));
    const auto row = static_cast<std::int64_t>(y * (size.down() - 1));
    const auto tile = picture.decode_tile(level, column, row, CancelToken());
    if (!tile) {
      return pass(tile.error(), "level " + std::to_string(level));
    }
  }
  return {};
}

// The mean of a 64-pixel-wide thumbnail of the source.
Result<double> source_mean(const std::string& source) {
  auto image = open_source(source);
  if (!image) {
    return std::unexpected(image.error());
  }
  double mean = 0;
  if (vips_avg(image->get(), &mean, nullptr) != 0) {
    return vips_failure(Code::corrupt);
  }
  return mean;
}

}  // namespace

Result<void> verify(const std::string& source, const std::string& written, const Converted& converted,
                    const ConvertOptions& options) {
  const auto picture = open_picture(written);
  if (!picture) {
    return pass(picture.error(), "what was written");
  }
  const auto& info = (*picture)->info();
  if (info.width != converted.width || info.height != converted.height || !info.has_tiles) {
    return fail(Code::internal, "what was written has another size than the source");
  }
  const auto& last = info.levels.back();
  if (last.width > options.tile || last.height > options.tile) {
    return fail(Code::internal, "what was written lacks small levels");
  }
  for (int level = 0; level < static_cast<int>(info.levels.size()); ++level) {
    if (auto checked = check_level(**picture, level); !checked) {
      return checked;
    }
  }
  // The smallest level must look like the whole source: a cheap guard against swapped or empty pictures.
  const int smallest = static_cast<int>(info.levels.size()) - 1;
  const auto small = (*picture)->decode_tile(smallest, 0, 0, CancelToken());
  const auto expected = source_mean(source);
  if (!small || !expected) {
    return std::unexpected(small ? expected.error() : small.error());
  }
  constexpr double kTolerance = 6;  // levels: JPEG, odd edges and half-pixel shifts move the mean by less
  if (std::abs(mean_of(*small) - *expected) > kTolerance) {
    return fail(Code::internal, "what was written does not look like the source");
  }
  return {};
}

}  // namespace microtome::apps
