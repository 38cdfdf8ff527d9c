// SPDX-License-Identifier: Apache-2.0
// JTL and its kin: one stored tile. CVT: a region as one picture, with WID, HEI, RGN and QLT before it.
#include <algorithm>
#include <array>
#include <cmath>

#include "http/text.hpp"
#include "protocol/iip.hpp"
#include "protocol/iip_export.hpp"
#include "protocol/numbers.hpp"
#include "protocol/params.hpp"
#include "set/names.hpp"

namespace microtome::protocol {
namespace {

using Next = IipSession::Next;

constexpr std::int64_t kMostSide = 1'000'000;

Next tile(IipSession& session, const IipCommand& command, codec::Format format) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  const std::string_view text = command.argument;
  const std::size_t comma = text.find(',');
  const auto resolution = parse_int(text.substr(0, comma));
  const auto index = comma == std::string_view::npos ? std::nullopt : parse_int(text.substr(comma + 1));
  if (!resolution || !index || *resolution < 0 || *index < 0) {
    return session.fail_with(Code::bad_request, command.name + " needs resolution,tile");
  }
  return session.make([resolution = *resolution, index = *index, format, quality = session.view.quality](
                          const image::Picture& picture, http::Headers&) -> Result<engine::PixelRequest> {
    const auto& levels = picture.info().levels;
    const auto count = static_cast<std::int64_t>(levels.size());
    if (resolution >= count) {
      return fail(Code::not_found, "no such resolution");
    }
    const auto level = static_cast<std::size_t>(count - 1 - resolution);  // resolution 0 is the smallest
    if (index / levels[level].across() >= levels[level].down()) {
      return fail(Code::not_found, "no such tile");
    }
    engine::PixelRequest request;
    request.area =
        engine::TileArea{static_cast<int>(level), index % levels[level].across(), index / levels[level].across()};
    request.format = format;
    request.quality = quality;
    return request;
  });
}

Next jpeg_tile(IipSession& session, const IipCommand& command) {
  return tile(session, command, codec::Format::jpeg);
}
Next png_tile(IipSession& session, const IipCommand& command) {
  return tile(session, command, codec::Format::png);
}
Next webp_tile(IipSession& session, const IipCommand& command) {
  return tile(session, command, codec::Format::webp);
}

Next side(IipSession& session, const IipCommand& command) {
  const auto value = parse_real(command.argument);
  if (!value || *value < 0 || *value > kMostSide) {
    return session.fail_with(Code::bad_request, command.name + " needs a number of pixels");
  }
  (command.name == "WID" ? session.view.width : session.view.height) = static_cast<std::int64_t>(*value);
  return Next::go_on;
}

// RGN=x,y,w,h in fractions. Too few numbers or an empty region mean nothing; what is no number is an error.
Next region(IipSession& session, const IipCommand& command) {
  std::array<double, 4> values{};
  std::size_t count = 0;
  std::string_view text = command.argument;
  while (true) {
    const std::size_t comma = text.find(',');
    const auto value = parse_real(http::trim(text.substr(0, comma)));
    if (!value) {
      return session.fail_with(Code::bad_request, "RGN needs four numbers");
    }
    if (count < values.size()) {
      values[count] = *value;
    }
    ++count;
    if (comma == std::string_view::npos) {
      break;
    }
    text.remove_prefix(comma + 1);
  }
  if (count != values.size() || values[2] <= 0 || values[3] <= 0) {
    return Next::go_on;
  }
  session.view.left = std::clamp(values[0], 0.0, 1.0);
  session.view.top = std::clamp(values[1], 0.0, 1.0);
  session.view.right = std::clamp(session.view.left + values[2], 0.0, 1.0);
  session.view.bottom = std::clamp(session.view.top + values[3], 0.0, 1.0);
  return Next::go_on;
}

// QLT=n or codec:n. Any given quality means that nothing passes through as it is stored.
Next quality(IipSession& session, const IipCommand& command) {
  std::string_view text = command.argument;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    text.remove_prefix(colon + 1);
  }
  const auto value = parse_real(text);
  if (!value) {
    return session.fail_with(Code::bad_request, "QLT needs a number");
  }
  session.view.quality = static_cast<int>(std::clamp(*value, 0.0, 100.0));
  return Next::go_on;
}

Next convert(IipSession& session, const IipCommand& command) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  const codec::Format format = format_of(command.argument).value_or(codec::Format::jpeg);
  const bool post = session.call().request().method == "POST";
  std::string stem(set::stem_of(session.name()));
  std::ranges::replace_if(
      stem, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"' || c == '\\'; }, '_');
  return session.make(
      [view = session.view, format, post, stem = std::move(stem), most = session.call().options().max_cvt](
          const image::Picture& picture, http::Headers& extra) -> Result<engine::PixelRequest> {
        auto area = export_area(view, picture.info().width, picture.info().height, most);
        if (!area) {
          return pass(area.error());
        }
        const std::string_view extension = format == codec::Format::png    ? ".png"
                                           : format == codec::Format::webp ? ".webp"
                                                                           : ".jpg";
        extra.add("Content-Disposition", std::string(post ? "attachment" : "inline") + "; filename=\"" + stem + "_" +
                                             std::to_string(area->out_width) + "x" +
                                             std::to_string(area->out_height) + std::string(extension) + "\"");
        engine::PixelRequest request;
        request.area = *area;
        request.format = format;
        request.quality = view.quality;
        return request;
      });
}

constexpr std::array<IipSession::Entry, 8> kPictures{{
    {"JTL", jpeg_tile},
    {"PTL", png_tile},
    {"WTL", webp_tile},
    {"WID", side},
    {"HEI", side},
    {"RGN", region},
    {"QLT", quality},
    {"CVT", convert},
}};

}  // namespace

std::span<const IipSession::Entry> iip_pictures() {
  return kPictures;
}

}  // namespace microtome::protocol
