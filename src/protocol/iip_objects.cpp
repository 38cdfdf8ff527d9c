// SPDX-License-Identifier: Apache-2.0
// OBJ: what is known of a picture. Names are compared without case.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "http/text.hpp"
#include "protocol/iip.hpp"
#include "protocol/json_writer.hpp"
#include "protocol/numbers.hpp"
#include "set/names.hpp"

namespace microtome::protocol {
namespace {

using Next = IipSession::Next;
using Info = image::PictureInfo;

std::string numbers(const std::vector<std::int64_t>& values) {
  std::string text;
  for (const std::int64_t value : values) {
    text += (text.empty() ? "" : " ") + std::to_string(value);
  }
  return text;
}

std::string max_size(const Info& info) {
  return "Max-size:" + std::to_string(info.width) + " " + std::to_string(info.height);
}

std::string tile_size(const Info& info) {
  return "Tile-size:" + std::to_string(info.levels.front().tile_width) + " " +
         std::to_string(info.levels.front().tile_height);
}

std::string resolution_number(const Info& info) {
  return "Resolution-number:" + std::to_string(info.levels.size());
}

std::string resolutions(const Info& info) {
  std::string text;
  for (auto level = info.levels.rbegin(); level != info.levels.rend(); ++level) {
    text += (text.empty() ? "" : ",") + std::to_string(level->width) + " " + std::to_string(level->height);
  }
  return "Resolutions:" + text;
}

std::string colour_space(const Info& info) {
  const std::string head = "Colorspace,0-" + std::to_string(info.levels.size() - 1) + ",0:";
  switch (info.colour) {
    case pixel::Colour::grey:
    case pixel::Colour::grey_alpha:
      return head + "0 0 1 1 0";
    case pixel::Colour::lab:
      return head + "1 0 4 3 0 1 2";
    case pixel::Colour::rgb:
      if (const auto at = info.text.find("colour_space"); at != info.text.end() && at->second == "cielab") {
        return head + "1 0 4 3 0 1 2";  // decoded to RGB, but this is what is stored
      }
      break;
    case pixel::Colour::rgba:
    case pixel::Colour::cmyk:
    case pixel::Colour::multi:
      break;
  }
  if (info.channels == 1) {
    return head + "0 0 1 1 0";
  }
  return head + "0 0 3 3 0 1 2";
}

// Two blanks between values: clients split on white space, and have always had it so.
std::string sample_range(const Info& info) {
  const bool unit = info.sample == pixel::Sample::f32 || info.sample == pixel::Sample::f64 || info.bits >= 32;
  const std::string most = unit ? "1" : std::to_string((1ULL << std::clamp(info.bits, 1, 31)) - 1);
  std::string text = "Min-Max-sample-values:";
  for (int channel = 0; channel < info.channels; ++channel) {
    text += std::string(channel == 0 ? " " : "  ") + "0  " + most;
  }
  return text;
}

// The old server's number: dots per inch of files that count in inches, dots per metre of files that count in
// centimetres (the unit was never told). Pictures that say their pixel size otherwise: dots per inch.
double resolution(const Info& info, const char* name, double um_per_pixel) {
  constexpr double kInch = 25400;  // micrometres
  constexpr double kCentimetre = 10000;
  const auto stored = info.text.find(name);
  const auto value = stored != info.text.end() ? parse_real(stored->second) : std::nullopt;
  if (value && std::abs(*value * um_per_pixel / kCentimetre - 1) < 1e-3) {
    return static_cast<double>(static_cast<float>(*value) * 100.0F);
  }
  return value && std::abs(*value * um_per_pixel / kInch - 1) < 1e-3 ? *value : kInch / um_per_pixel;
}

std::string dots_per_inch(const Info& info) {
  if (!info.um_per_pixel_x || *info.um_per_pixel_x <= 0) {
    return {};
  }
  std::array<char, 96> text{};
  const double y = info.um_per_pixel_y && *info.um_per_pixel_y > 0 ? *info.um_per_pixel_y : *info.um_per_pixel_x;
  std::snprintf(text.data(), text.size(), "DPI:%f %f", resolution(info, "x_resolution", *info.um_per_pixel_x),
                resolution(info, "y_resolution", y));
  return text.data();
}

std::string metadata(const Info& info) {
  JsonWriter json;
  json.begin_object();
  for (const auto& [name, value] : info.text) {
    json.key(name).value(value);
  }
  json.end_object();
  return json.take();
}

// Names of the old protocol and what readers call the same thing.
std::string text_of(const Info& info, std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kNames{{
      {"rights", "copyright"},
      {"creator", "artist"},
      {"date", "datetime"},
      {"title", "documentname"},
      {"description", "imagedescription"},
      {"create-dtm", "date"},
      {"create-dtm", "datetime"},
      {"app-name", "software"},
      {"copyright", "rights"},
      {"author", "artist"},
      {"author", "creator"},
      {"subject", "description"},
      {"scale", "mpp"},
      {"keywords", "subject"},
  }};
  if (const auto at = info.text.find(std::string(name)); at != info.text.end()) {
    return at->second;
  }
  for (const auto& [asked, known] : kNames) {
    const auto at = asked == name ? info.text.find(std::string(known)) : info.text.end();
    if (at != info.text.end()) {
      return at->second;
    }
  }
  return {};
}

// The bare values, one in a line.
std::string summary(const Info& info) {
  std::string text;
  for (const std::string_view name : {"rights", "description", "creator", "date", "software"}) {
    if (const std::string value = text_of(info, name); !value.empty()) {
      text += (text.empty() ? "" : "\r\n") + value;
    }
  }
  return text;
}

bool is_text_name(std::string_view name) {
  static constexpr std::array<std::string_view, 21> kNames{
      "rights",     "title",     "description",  "creator", "keywords",      "comment",    "last-author",
      "rev-number", "edit-time", "last-printed", "date",    "last-save-dtm", "software",   "make",
      "model",      "scale",     "copyright",    "author",  "subject",       "create-dtm", "app-name"};
  return std::ranges::find(kNames, name) != kNames.end();
}

constexpr std::string_view kServer = "IIP-server:3.65";

// Lines that need no picture; "" when the name is none of them.
std::string line_without_picture(std::string_view name) {
  if (name.starts_with("iip,")) {
    return "IIP:1.0";
  }
  if (name == "iip-server") {
    return std::string(kServer);
  }
  if (name == "iip-opt-comm") {
    return "IIP-opt-comm:CVT CNT QLT JTL JTLS WID HEI RGN MINMAX SHD CMP INV CTW";
  }
  if (name == "iip-opt-obj") {
    return "IIP-opt-obj:Horizontal-views Vertical-views Tile-size Resolutions Bits-per-channel DPI metadata";
  }
  return {};
}

std::string line_of(const Info& info, std::string_view name) {
  if (name == "max-size") {
    return max_size(info);
  }
  if (name == "tile-size") {
    return tile_size(info);
  }
  if (name == "resolution-number") {
    return resolution_number(info);
  }
  if (name == "resolutions") {
    return resolutions(info);
  }
  if (name == "bits-per-channel") {
    return "Bits-per-channel:" + std::to_string(info.bits);
  }
  if (name.starts_with("colorspace") || name.starts_with("colourspace")) {
    return colour_space(info);
  }
  if (name == "min-max-sample-values") {
    return sample_range(info);
  }
  if (name == "dpi") {
    return dots_per_inch(info);
  }
  if (name == "basic-info") {
    return std::string(kServer) + "\r\n" + max_size(info) + "\r\n" + resolution_number(info) + "\r\n" +
           colour_space(info);
  }
  return {};
}

bool is_line_name(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kNames{"max-size",    "tile-size",        "resolution-number",
                                                          "resolutions", "bits-per-channel", "min-max-sample-values",
                                                          "dpi"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("colorspace") ||
         name.starts_with("colourspace") || name == "basic-info";
}

Next views_line(IipSession& session, bool horizontal) {
  const Views* views = session.views();
  if (views == nullptr && session.picture() == nullptr) {
    return Next::open;  // its pages are positions
  }
  const std::string label = horizontal ? "Horizontal-views:" : "Vertical-views:";
  if (views == nullptr) {
    const auto& stack = session.picture()->info().stack;
    std::vector<std::int64_t> pages(stack && horizontal ? static_cast<std::size_t>(stack->pages) : 1);
    std::iota(pages.begin(), pages.end(), 0);
    return session.reply_line(label + (horizontal ? numbers(pages) : "90"));
  }
  return session.reply_line(label + numbers(horizontal ? views->horizontal() : views->vertical()));
}

std::string name_of(std::int64_t number, const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const auto part = image::split_part(name);
  return part ? std::string(set::stem_of(part->file)) + " " + std::to_string(number)
              : std::string(set::stem_of(name));
}

// The slices of a sequence or the pages of a file, as viewers of stacks read them; a single picture is no stack.
Next stack(IipSession& session) {
  if (session.views() == nullptr && session.picture() == nullptr) {
    return Next::open;
  }
  const bool several = session.views() != nullptr || session.picture()->info().stack != nullptr;
  const auto slices = several ? session.slices() : Result<IipSession::Slices>(IipSession::Slices());
  if (!slices || slices->empty()) {
    return Next::go_on;
  }
  JsonWriter json;
  json.begin_array();
  for (const auto& [number, path] : *slices) {
    json.begin_object().key("id").value(number).key("name").value(name_of(number, path));
    json.key("scale").value(std::int64_t{1}).end_object();
  }
  json.end_array();
  return session.reply_text("application/json", json.take());
}

Next with_picture(IipSession& session, const std::string& name, const std::string& asked) {
  const bool sheet = name == "metadata" || name == "summary-info" || is_text_name(name);
  const bool views = name == "horizontal-views" || name == "vertical-views";
  const bool known = is_line_name(name) || sheet || views || name == "stack" || name == "xmp";
  if (!session.has_file() && (known || name.starts_with("wlz-"))) {
    return session.fault("1 3", name);
  }
  if (!known) {
    return session.fault("3 2", asked);
  }
  if (views) {
    return views_line(session, name == "horizontal-views");
  }
  if (name == "stack") {
    return stack(session);
  }
  if (session.picture() == nullptr) {
    return Next::open;
  }
  const Info& info = session.picture()->info();
  if (name == "max-size" && session.view.operations.turns()) {
    return session.reply_line("Max-size:" + std::to_string(info.height) + " " + std::to_string(info.width));
  }
  if (is_line_name(name)) {
    std::string line = line_of(info, name);
    return line.empty() ? Next::go_on : session.reply_line(std::move(line));
  }
  if (name == "metadata") {
    return session.reply_text("application/json", metadata(info));
  }
  std::string text = name == "summary-info" ? summary(info) : text_of(info, name);
  if (text.empty() && (name == "rights" || name == "copyright")) {
    text = session.call().options().copyright;
  }
  if (text.empty()) {
    return Next::go_on;
  }
  return session.reply_text(name == "xmp" ? "application/xml" : "text/plain; charset=utf-8", std::move(text));
}

Next object(IipSession& session, const IipCommand& command) {
  std::string name(http::trim(command.argument));
  std::ranges::transform(name, name.begin(), http::to_lower);
  if (std::string line = line_without_picture(name); !line.empty()) {
    return session.reply_line(std::move(line));
  }
  return with_picture(session, name, command.argument);
}

constexpr std::array<IipSession::Entry, 1> kObjects{{{"OBJ", object}}};

}  // namespace

std::span<const IipSession::Entry> iip_objects() {
  return kObjects;
}

}  // namespace microtome::protocol
