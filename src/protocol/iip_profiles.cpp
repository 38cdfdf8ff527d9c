// SPDX-License-Identifier: Apache-2.0
// SPECTRA: one pixel through all slices of a sequence. PFL: the stored values along a line. Both give values as they
// are stored, whatever modifiers say.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "http/text.hpp"
#include "protocol/iip.hpp"
#include "protocol/numbers.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

using Next = IipSession::Next;

constexpr std::int64_t kMostPoints = 100'000;  // of one PFL
constexpr std::size_t kMostSlices = 20'000;    // of one SPECTRA

template <class T>
double value_at(const pixel::Image& image, int x, int y, int channel) {
  T value{};
  std::memcpy(&value, image.row(y) + sizeof(T) * (static_cast<std::size_t>(x) * image.channels + channel), sizeof(T));
  return static_cast<double>(value);
}

double sample(const pixel::Image& image, int x, int y, int channel) {
  switch (image.sample) {
    case pixel::Sample::u8:
      return image.row(y)[static_cast<std::size_t>(x) * image.channels + channel];
    case pixel::Sample::u16:
      return value_at<std::uint16_t>(image, x, y, channel);
    case pixel::Sample::u32:
      return value_at<std::uint32_t>(image, x, y, channel);
    case pixel::Sample::f32:
      return value_at<float>(image, x, y, channel);
    case pixel::Sample::f64:
      return value_at<double>(image, x, y, channel);
  }
  return 0;
}

bool is_real(pixel::Sample type) {
  return type == pixel::Sample::f32 || type == pixel::Sample::f64;
}

// The largest value that the samples can have; 1 for real ones.
double top_of(const image::PictureInfo& info, pixel::Sample type) {
  if (is_real(type)) {
    return 1;
  }
  if (type == pixel::Sample::u8) {
    return 255;
  }
  const int bits = type == pixel::Sample::u16 ? std::clamp(info.bits, 9, 16) : 32;
  return std::exp2(bits) - 1;
}

// Whose values are measured: never a pyramid's that stands in for the picture.
image::PicturePtr as_stored(const image::PicturePtr& opened) {
  auto original = opened->original();
  return original ? original : opened;
}

struct Line {
  std::int64_t resolution = 0;
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t length = 1;
  bool down = false;
};

// resolution:x,y or resolution:x1,y1-x2,y2. The second point is not of the line; one that is neither beside nor below
// the first is taken as beside it.
std::optional<Line> parse_line(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::size_t dash = text.find('-', colon == std::string_view::npos ? 0 : colon);
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const auto resolution = parse_int(http::trim(text.substr(0, colon)));
  const auto from = parse_whole_numbers(
      text.substr(colon + 1, dash == std::string_view::npos ? std::string_view::npos : dash - colon - 1), 2);
  if (!resolution || *resolution < 0 || from.size() != 2 || from[0] < 0 || from[1] < 0) {
    return std::nullopt;
  }
  Line line{*resolution, from[0], from[1]};
  if (dash == std::string_view::npos) {
    return line;
  }
  const auto to = parse_whole_numbers(text.substr(dash + 1), 2);
  if (to.size() != 2 || to[0] < 0 || to[1] < 0) {
    return std::nullopt;
  }
  line.down = to[0] == line.x && to[1] != line.y;
  std::int64_t& start = line.down ? line.y : line.x;
  const std::int64_t end = line.down ? to[1] : to[0];
  line.length = std::max<std::int64_t>(1, std::abs(end - start));
  start = std::min(start, end);
  return line;
}

Result<int> level_of(const image::PictureInfo& info, std::int64_t resolution) {
  const auto count = static_cast<std::int64_t>(info.levels.size());
  if (resolution >= count) {
    return fail(Code::not_found, "no such resolution");
  }
  return static_cast<int>(count - 1 - resolution);
}

std::string number(double value, bool real) {
  if (!std::isfinite(value)) {
    return "null";
  }
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), real ? "%.9f" : "%.0f", value);
  return text.data();
}

Result<engine::Engine::Computed> profile(const image::Picture& picture, int level, const Line& line,
                                         const CancelToken& cancel) {
  int reduction = 1;
  const pixel::Rect rect{line.x, line.y, line.down ? 1 : line.length, line.down ? line.length : 1};
  const auto pixels = picture.decode_region(level, rect, &reduction, cancel);
  if (!pixels) {
    return pass(pixels.error());
  }
  std::string text = "{\n\t\"profile\": [";
  bool first = true;
  for (int y = 0; y < pixels->height; ++y) {
    for (int x = 0; x < pixels->width; ++x) {
      for (int channel = 0; channel < pixels->channels; ++channel) {
        text += (first ? "" : ",") + number(sample(*pixels, x, y, channel), is_real(pixels->sample));
        first = false;
      }
    }
  }
  text += "]\n}";
  return engine::Engine::Computed{Bytes(text.begin(), text.end()), "application/json"};
}

Next line_profile(IipSession& session, const IipCommand& command) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  const auto line = parse_line(command.argument);
  if (!line) {
    return session.fail_with(Code::bad_request, "PFL needs resolution:x1,y1-x2,y2");
  }
  return session.compute([line = *line](const image::PicturePtr& opened, http::Headers&) -> Result<Computation> {
    const image::PicturePtr picture = as_stored(opened);
    const auto level = level_of(picture->info(), line.resolution);
    if (!level) {
      return pass(level.error());
    }
    const image::Level& at = picture->info().levels[static_cast<std::size_t>(*level)];
    Line cut = line;
    const std::int64_t room = line.down ? at.height - line.y : at.width - line.x;
    if (line.x >= at.width || line.y >= at.height || room <= 0) {
      return fail(Code::bad_request, "the line lies outside the picture");
    }
    cut.length = std::min(line.length, room);
    if (cut.length > kMostPoints) {
      return fail(Code::too_large, "too many points on a line");
    }
    Computation computation;
    computation.picture = picture;
    computation.key = "pfl," + std::to_string(*level) + "," + std::to_string(cut.x) + "," + std::to_string(cut.y) +
                      (cut.down ? "d" : "r") + std::to_string(cut.length);
    computation.make = [picture, level = *level, cut](const CancelToken& cancel) {
      return profile(*picture, level, cut, cancel);
    };
    return computation;
  });
}

struct Pixel {
  std::int64_t resolution = 0;
  std::int64_t tile = 0;
  std::int64_t x = 0;  // within the tile
  std::int64_t y = 0;
};

// Six digits, as text streams print numbers.
std::string reflectance(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

Result<double> reflectance_of(const image::Picture& picture, const Pixel& pixel, const CancelToken& cancel) {
  const image::PictureInfo& info = picture.info();
  const auto area = tile_area(info, pixel.resolution, pixel.tile, {});
  if (!area) {
    return pass(area.error());
  }
  const image::Level& level = info.levels[static_cast<std::size_t>(area->level)];
  const std::int64_t x = area->x * level.tile_width + pixel.x;
  const std::int64_t y = area->y * level.tile_height + pixel.y;
  if (pixel.x >= level.tile_width || pixel.y >= level.tile_height || x >= level.width || y >= level.height) {
    return fail(Code::bad_request, "the point lies outside the tile");
  }
  int reduction = 1;
  const auto pixels = picture.decode_region(area->level, {x, y, 1, 1}, &reduction, cancel);
  if (!pixels) {
    return pass(pixels.error());
  }
  const double value = sample(*pixels, 0, 0, 0) / top_of(info, pixels->sample);
  return std::isfinite(value) ? value : 0;
}

using Slices = std::vector<std::pair<std::int64_t, std::string>>;  // numbers and paths

// Slices that cannot be read have no point; a point that lies outside a slice is an error.
Result<std::string> spectra_of(const Call& call, const Slices& slices, const Pixel& pixel, std::int64_t& mtime_ns) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<spectra>\n";
  bool any = false;
  for (const auto& [wavelength, path] : slices) {
    if (call.exchange->cancel().cancelled()) {
      return fail(Code::cancelled, "nobody waits any more");
    }
    const auto picture = call.engine().open_now(path);
    if (!picture) {
      continue;
    }
    const auto value = reflectance_of(*as_stored(*picture), pixel, call.exchange->cancel());
    if (!value && value.error().code != Code::corrupt && value.error().code != Code::io) {
      return pass(value.error());
    }
    if (value) {
      mtime_ns = std::max(mtime_ns, (*picture)->id().mtime_ns);
      xml += "\t<point>\n\t\t<wavelength>" + std::to_string(wavelength) + "</wavelength>\n\t\t<reflectance>" +
             reflectance(*value) + "</reflectance>\n\t</point>\n";
      any = true;
      call.engine().used(path, **picture);
    }
  }
  if (!any) {
    return fail(Code::not_found, "no such picture");
  }
  return xml + "</spectra>";
}

Next spectra(IipSession& session, const IipCommand& command) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  const auto numbers = parse_whole_numbers(command.argument, 4);
  if (numbers.size() != 4 || std::ranges::any_of(numbers, [](std::int64_t value) { return value < 0; })) {
    return session.fail_with(Code::bad_request, "SPECTRA needs resolution,tile,x,y");
  }
  if (session.views() == nullptr && session.picture() == nullptr) {
    return Next::open;  // its pages are slices
  }
  const auto paths = session.slices();
  if (!paths) {
    return session.fail_with(paths.error().code, paths.error().message);
  }
  if (paths->size() > kMostSlices) {
    return session.fail_with(Code::too_large, "the sequence has too many slices");
  }
  on_worker(session.call(),
            [call = session.call(), slices = *paths, pixel = Pixel{numbers[0], numbers[1], numbers[2], numbers[3]}] {
              std::int64_t mtime_ns = std::numeric_limits<std::int64_t>::min();
              auto xml = spectra_of(call, slices, pixel, mtime_ns);
              if (!xml) {
                return answer_error(call, xml.error());
              }
              const std::string etag = "\"" + format_hex(set::Hash().add(*xml).value()) + "\"";
              answer_text(call, "application/xml", std::move(*xml), Caching::usual, etag, mtime_ns);
            });
  return Next::answered;
}

constexpr std::array<IipSession::Entry, 2> kProfiles{{{"PFL", line_profile}, {"SPECTRA", spectra}}};

}  // namespace

std::span<const IipSession::Entry> iip_profiles() {
  return kProfiles;
}

}  // namespace microtome::protocol
