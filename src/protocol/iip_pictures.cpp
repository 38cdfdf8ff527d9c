// SPDX-License-Identifier: Apache-2.0
// JTL and its kin: one tile; TIL: many. CVT: a region as one picture, with WID, HEI, RGN and QLT before it.
#include <algorithm>
#include <array>
#include <cmath>

#include "http/text.hpp"
#include "protocol/iip.hpp"
#include "protocol/iip_export.hpp"
#include "protocol/manner.hpp"
#include "protocol/numbers.hpp"
#include "protocol/params.hpp"
#include "set/names.hpp"

namespace microtome::protocol {
namespace {

using Next = IipSession::Next;

constexpr std::int64_t kMostSide = 1'000'000;

Output output_of(const IipView& view, codec::Format format) {
  return {format, view.quality, view.operations, view.compression};
}

Next send_tile(IipSession& session, std::int64_t resolution, std::int64_t index, codec::Format format) {
  const Output output = output_of(session.view, format);
  if (output.operations.any()) {
    return session.compute([call = session.call(), resolution, index, output](const image::PicturePtr& picture,
                                                                              http::Headers&) -> Result<Computation> {
      const auto area = tile_area(picture->info(), resolution, index, output.operations);
      return area ? Result<Computation>(processed_tile(call, picture, *area, output)) : pass(area.error());
    });
  }
  return session.make([resolution, index, format, quality = session.view.quality,
                       compression = session.view.compression,
                       usual = session.call().engine().quality_of(format, {})](
                          const image::Picture& picture, http::Headers&) -> Result<engine::PixelRequest> {
    const auto area = tile_area(picture.info(), resolution, index, {});
    if (!area) {
      return pass(area.error());
    }
    engine::PixelRequest request;
    request.area = *area;
    request.format = format;
    request.quality = quality ? quality : quality_at_edge(picture.info(), *area, format, usual);
    request.deep = format == codec::Format::tiff;  // a PNG tile is for a screen
    request.compression = compression;
    return request;
  });
}

Next tile(IipSession& session, const IipCommand& command, codec::Format format) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  const auto numbers = parse_whole_numbers(command.argument, 2);
  if (numbers.size() != 2 || numbers[0] < 0 || numbers[1] < 0) {
    return session.fail_with(Code::bad_request, command.name + " needs resolution,tile");
  }
  return send_tile(session, numbers[0], numbers[1], format);
}

// JTLS=x,resolution,tile,y: SDS and JTL in one, of old.
Next tile_of_view(IipSession& session, const IipCommand& command) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  const auto numbers = parse_whole_numbers(command.argument, 4);
  if (numbers.size() != 4 || numbers[1] < 0 || numbers[2] < 0) {
    return session.fail_with(Code::bad_request, "JTLS needs x,resolution,tile,y");
  }
  session.view.horizontal = numbers[0];
  session.view.vertical = numbers[3];
  return send_tile(session, numbers[1], numbers[2], codec::Format::jpeg);
}

// TIL=resolution,first[-last]
Next tiles(IipSession& session, const IipCommand& command) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  std::string text = command.argument;
  const std::size_t dash = text.find('-');
  const bool range = dash != std::string::npos;
  if (range) {
    text[dash] = ',';
  }
  const auto numbers = parse_whole_numbers(text, 3);
  if (numbers.size() != (range ? 3U : 2U) || std::ranges::any_of(numbers, [](auto value) { return value < 0; })) {
    return session.fail_with(Code::bad_request, "TIL needs resolution,first-last");
  }
  return session.compute([call = session.call(), numbers, output = output_of(session.view, codec::Format::jpeg)](
                             const image::PicturePtr& picture, http::Headers&) {
    return tile_stream(call, picture, numbers[0], numbers[1], numbers.back(), output);
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

Next avif_tile(IipSession& session, const IipCommand& command) {
  return tile(session, command, codec::Format::avif);
}
Next tiff_tile(IipSession& session, const IipCommand& command) {
  return tile(session, command, codec::Format::tiff);
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

// QLT=n or codec:n or (for TIFF) codec. Any given quality means that nothing passes through as it is stored.
Next quality(IipSession& session, const IipCommand& command) {
  static constexpr std::array<std::string_view, 9> kCodecs{"none", "lzw",  "deflate", "jpeg", "jpg",
                                                           "webp", "zstd", "png",     "avif"};
  const std::string_view text = command.argument;
  const std::size_t colon = text.find(':');
  const auto value = parse_real(http::trim(colon == std::string_view::npos ? text : text.substr(colon + 1)));
  std::string name(http::trim(text.substr(0, colon)));
  std::ranges::transform(name, name.begin(), http::to_lower);
  const bool named = std::ranges::find(kCodecs, name) != kCodecs.end();
  const bool alone = colon == std::string_view::npos;
  if ((alone && !value && !named) || (!alone && (!value || !named))) {
    return session.fail_with(Code::bad_request, "QLT needs a number, codec:number or a codec");
  }
  session.view.compression = codec::tiff_compression_of(name).value_or(session.call().options().tiff_compression);
  session.view.quality.reset();
  if (value) {
    session.view.quality = *value < 0 ? -1 : static_cast<int>(std::min(*value, 100.0));
  }
  return Next::go_on;
}

codec::Format export_format(std::string_view asked) {
  std::string name(http::trim(asked));
  std::ranges::transform(name, name.begin(), http::to_lower);
  return format_of(name).value_or(codec::Format::jpeg);
}

std::string disposition(const std::string& stem, bool post, codec::Format format, int width, int height) {
  return std::string(post ? "attachment" : "inline") + "; filename=\"" + stem + "_" + std::to_string(width) + "x" +
         std::to_string(height) + "." + std::string(codec::extension_of(format)) + "\"";
}

Next convert(IipSession& session, const IipCommand& command) {
  if (!session.has_file()) {
    return session.fault("1 3", "");
  }
  const Output output = output_of(session.view, export_format(command.argument));
  if (auto writable = check_output(output); !writable) {
    return session.fail_with(writable.error().code, writable.error().message);
  }
  const bool post = session.call().request().method == "POST";
  std::string stem(set::stem_of(session.name()));
  std::ranges::replace_if(
      stem, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"' || c == '\\'; }, '_');
  const int most = session.call().options().max_cvt;
  const engine::Sampling sampling = session.call().options().sampling;
  const bool upscaling = session.call().options().upscaling;
  if (output.operations.any()) {
    return session.compute(
        [call = session.call(), view = session.view, output, post, stem = std::move(stem), most, sampling, upscaling](
            const image::PicturePtr& picture, http::Headers& extra) -> Result<Computation> {
          auto area = export_area(view, picture->info().width, picture->info().height, most, upscaling);
          if (!area) {
            return pass(area.error());
          }
          area->sampling = sampling;
          const bool turned = output.operations.turns();
          extra.add("Content-Disposition",
                    disposition(stem, post, output.format, turned ? area->out_height : area->out_width,
                                turned ? area->out_width : area->out_height));
          return processed_region(call, picture, *area, output);
        });
  }
  return session.make(
      [view = session.view, format = output.format, post, stem = std::move(stem), most, sampling, upscaling](
          const image::Picture& picture, http::Headers& extra) -> Result<engine::PixelRequest> {
        auto area = export_area(view, picture.info().width, picture.info().height, most, upscaling);
        if (!area) {
          return pass(area.error());
        }
        area->sampling = sampling;
        extra.add("Content-Disposition", disposition(stem, post, format, area->out_width, area->out_height));
        engine::PixelRequest request;
        request.area = *area;
        request.format = format;
        request.quality = view.quality;
        request.deep = true;
        request.compression = view.compression;
        return request;
      });
}

constexpr std::array<IipSession::Entry, 12> kPictures{{
    {"JTL", jpeg_tile},
    {"PTL", png_tile},
    {"WTL", webp_tile},
    {"ATL", avif_tile},
    {"TTL", tiff_tile},
    {"JTLS", tile_of_view},
    {"TIL", tiles},
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
