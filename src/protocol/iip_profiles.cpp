// SPDX-License-Identifier: Apache-2.0
// SPECTRA: one pixel through all slices of a sequence. PFL: the stored values along a line, of a sequence slice after
// slice. Both give values as they are stored, whatever modifiers say.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>

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

// The part of a line that lies in the picture.
struct Cut {
  int level = 0;
  Line line;
};
Result<Cut> cut_to(const image::PictureInfo& info, const Line& line) {
  const auto level = level_of(info, line.resolution);
  if (!level) {
    return pass(level.error());
  }
  const image::Level& at = info.levels[static_cast<std::size_t>(*level)];
  Cut cut{*level, line};
  const std::int64_t room = line.down ? at.height - line.y : at.width - line.x;
  if (line.x >= at.width || line.y >= at.height || room <= 0) {
    return fail(Code::bad_request, "the line lies outside the picture");
  }
  cut.line.length = std::min(line.length, room);
  if (cut.line.length > kMostPoints) {
    return fail(Code::too_large, "too many points on a line");
  }
  return cut;
}

Result<std::vector<std::string>> values_along(const image::Picture& picture, const Cut& cut,
                                              const CancelToken& cancel) {
  int reduction = 1;
  const Line& line = cut.line;
  const pixel::Rect rect{line.x, line.y, line.down ? 1 : line.length, line.down ? line.length : 1};
  const auto pixels = picture.decode_region(cut.level, rect, &reduction, cancel);
  if (!pixels) {
    return pass(pixels.error());
  }
  std::vector<std::string> values;
  for (int y = 0; y < pixels->height; ++y) {
    for (int x = 0; x < pixels->width; ++x) {
      for (int channel = 0; channel < pixels->channels; ++channel) {
        values.push_back(number(sample(*pixels, x, y, channel), is_real(pixels->sample)));
      }
    }
  }
  return values;
}

std::string profile_text(const std::vector<std::string>& values) {
  std::string text = "{\n\t\"profile\": [";
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += (i == 0 ? "" : ",") + values[i];
  }
  return text + "]\n}";
}

using Slices = std::vector<std::pair<std::int64_t, std::string>>;  // numbers and paths

// Calls `look(number, picture)` for each slice that can be opened; one whose pixels cannot be read counts as one that
// cannot. Gives how many could.
template <class Look>
Result<std::size_t> through(const Call& call, const Slices& slices, std::int64_t& mtime_ns, Look look) {
  std::size_t seen = 0;
  for (const auto& [number, path] : slices) {
    if (call.exchange->cancel().cancelled()) {
      return fail(Code::cancelled, "nobody waits any more");
    }
    const auto picture = call.engine().open_now(path);
    const Result<void> done = picture ? look(number, *as_stored(*picture)) : pass(picture.error());
    if (!done && picture && done.error().code != Code::corrupt && done.error().code != Code::io) {
      return pass(done.error());
    }
    if (done) {
      mtime_ns = std::max(mtime_ns, (*picture)->id().mtime_ns);
      call.engine().used(path, **picture);
      ++seen;
    }
  }
  if (seen == 0) {
    return fail(Code::not_found, "no such picture");
  }
  return seen;
}

void answer_through(const Call& call, const char* type, Result<std::string> text, std::int64_t mtime_ns) {
  if (!text) {
    return answer_error(call, text.error());
  }
  const std::string etag = "\"" + format_hex(set::Hash().add(*text).value()) + "\"";
  answer_text(call, type, std::move(*text), Caching::usual, etag, mtime_ns);
}

// Of a slice that cannot be read all values are null, so that the others keep their places.
Result<std::string> profiles_of(const Call& call, const Slices& slices, const Line& line, std::int64_t& mtime_ns) {
  if (line.length * static_cast<std::int64_t>(slices.size()) > kMostPoints) {
    return fail(Code::too_large, "too many points on a line through all slices");
  }
  std::map<std::int64_t, std::vector<std::string>> of_slice;
  const auto seen = through(call, slices, mtime_ns, [&](std::int64_t number, const image::Picture& picture) {
    const auto cut = cut_to(picture.info(), line);
    auto values = cut ? values_along(picture, *cut, call.exchange->cancel()) : pass(cut.error());
    if (!values) {
      return Result<void>(pass(values.error()));
    }
    of_slice[number] = std::move(*values);
    return Result<void>();
  });
  if (!seen) {
    return pass(seen.error());
  }
  const std::vector<std::string> nothing(of_slice.begin()->second.size(), "null");
  std::vector<std::string> all;
  for (const auto& [number, path] : slices) {
    const auto found = of_slice.find(number);
    const std::vector<std::string>& values = found == of_slice.end() ? nothing : found->second;
    all.insert(all.end(), values.begin(), values.end());
  }
  return profile_text(all);
}

Next profile_of_one(IipSession& session, const Line& line) {
  return session.compute([line](const image::PicturePtr& opened, http::Headers&) -> Result<Computation> {
    const image::PicturePtr picture = as_stored(opened);
    const auto cut = cut_to(picture->info(), line);
    if (!cut) {
      return pass(cut.error());
    }
    Computation computation;
    computation.picture = picture;
    computation.key = "pfl," + std::to_string(cut->level) + "," + std::to_string(line.x) + "," +
                      std::to_string(line.y) + (line.down ? "d" : "r") + std::to_string(cut->line.length);
    computation.make = [picture, cut = *cut](const CancelToken& cancel) -> Result<engine::Engine::Computed> {
      const auto values = values_along(*picture, cut, cancel);
      if (!values) {
        return pass(values.error());
      }
      const std::string text = profile_text(*values);
      return engine::Engine::Computed{Bytes(text.begin(), text.end()), "application/json"};
    };
    return computation;
  });
}

Next line_profile(IipSession& session, const IipCommand& command) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  const auto line = parse_line(command.argument);
  if (!line) {
    return session.fail_with(Code::bad_request, "PFL needs resolution:x1,y1-x2,y2");
  }
  if (session.views() == nullptr) {
    return profile_of_one(session, *line);
  }
  const auto paths = session.slices();
  if (!paths) {
    return session.fail_with(paths.error().code, paths.error().message);
  }
  on_worker(session.call(), [call = session.call(), slices = *paths, line = *line] {
    std::int64_t mtime_ns = std::numeric_limits<std::int64_t>::min();
    auto text = profiles_of(call, slices, line, mtime_ns);
    answer_through(call, "application/json", std::move(text), mtime_ns);
  });
  return Next::answered;
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

// Slices that cannot be read have no point; a point that lies outside a slice is an error.
Result<std::string> spectra_of(const Call& call, const Slices& slices, const Pixel& pixel, std::int64_t& mtime_ns) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<spectra>\n";
  const auto seen = through(call, slices, mtime_ns, [&](std::int64_t wavelength, const image::Picture& picture) {
    const auto value = reflectance_of(picture, pixel, call.exchange->cancel());
    if (!value) {
      return Result<void>(pass(value.error()));
    }
    xml += "\t<point>\n\t\t<wavelength>" + std::to_string(wavelength) + "</wavelength>\n\t\t<reflectance>" +
           reflectance(*value) + "</reflectance>\n\t</point>\n";
    return Result<void>();
  });
  if (!seen) {
    return pass(seen.error());
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
              answer_through(call, "application/xml", std::move(xml), mtime_ns);
            });
  return Next::answered;
}

constexpr std::array<IipSession::Entry, 2> kProfiles{{{"PFL", line_profile}, {"SPECTRA", spectra}}};

}  // namespace

std::span<const IipSession::Entry> iip_profiles() {
  return kProfiles;
}

}  // namespace microtome::protocol
