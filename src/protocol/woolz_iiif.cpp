// SPDX-License-Identifier: Apache-2.0
#include "protocol/woolz_iiif.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "codec/encode.hpp"
#include "engine/look.hpp"
#include "protocol/iiif.hpp"
#include "protocol/iiif_info.hpp"
#include "protocol/woolz_call.hpp"
#include "protocol/woolz_section.hpp"

namespace microtome::protocol {
namespace {

using Computed = engine::Engine::Computed;
using woolz::Frame;

constexpr std::string_view kSection = "/section/";
constexpr int kTile = 256;

// What one request needs to know; shared by all who ask the same.
struct Wanted {
  woolz::Parameters parameters;
  bool middle = false;
  IiifImage image;
  IiifVersion version = IiifVersion::three;
  std::string base;
  IiifLimits limits;
  int quality = 75;
};

// The section as IIIF sees pictures: levels as they halve.
image::PictureInfo info_of(const Frame& frame, bool colour) {
  image::PictureInfo info;
  info.width = frame.width();
  info.height = frame.height();
  info.channels = colour ? 3 : 1;
  info.colour = colour ? pixel::Colour::rgb : pixel::Colour::grey;
  info.has_tiles = true;
  for (std::int64_t step = 1;; step *= 2) {
    const std::int64_t width = (info.width + step - 1) / step;
    const std::int64_t height = (info.height + step - 1) / step;
    info.levels.push_back({width, height, kTile, kTile});
    if (std::max(width, height) <= kTile) {
      return info;
    }
  }
}

struct Placed {
  woolz::Request request;
  image::PictureInfo info;
};

Result<Placed> place(const WoolzContext& context, const Wanted& wanted) {
  auto request = placed_request(context, wanted.parameters, wanted.middle);
  if (!request) {
    return std::unexpected(request.error());
  }
  auto frame = woolz::frame_of(*context.object, request->view);
  if (!frame) {
    return std::unexpected(frame.error());
  }
  const bool colour = context.object->base()->body->grey() == woolz::Grey::rgba;
  return Placed{std::move(*request), info_of(*frame, colour)};
}

Result<Computed> describe(const WoolzContext& context, const Wanted& wanted, const ServiceOptions& options,
                          std::string media_type) {
  auto placed = place(context, wanted);
  if (!placed) {
    return std::unexpected(placed.error());
  }
  const std::string json =
      write_iiif_info(placed->info, wanted.limits, wanted.version, wanted.base, iiif_extras(options, wanted.version));
  return Computed{Bytes(json.begin(), json.end()), std::move(media_type)};
}

Result<Computed> make(const WoolzContext& context, const Wanted& wanted) {
  auto placed = place(context, wanted);
  if (!placed) {
    return std::unexpected(placed.error());
  }
  auto made = make_iiif_picture(wanted.image, wanted.version, placed->info, wanted.limits);
  if (!made) {
    return std::unexpected(made.error());
  }
  const auto& area = std::get<engine::RegionArea>(made->request.area);
  const double across = area.width / area.out_width;
  const double down = area.height / area.out_height;
  const bool alpha = wanted.image.format != codec::Format::jpeg && wanted.image.format != codec::Format::pdf;
  // Pixels stand in the middle of what they cover.
  auto pixels = section_pixels(
      context, placed->request,
      {area.x + (across - 1) / 2, area.y + (down - 1) / 2, across, area.out_width, area.out_height, down}, alpha);
  if (pixels && !made->request.look.plain()) {
    pixels = engine::apply_look(std::move(*pixels), made->request.look, {}, alpha);
  }
  if (!pixels) {
    return std::unexpected(pixels.error());
  }
  codec::EncodeOptions options;
  options.quality = wanted.quality;
  auto bytes = codec::encode(*pixels, wanted.image.format, options);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  return Computed{std::move(*bytes), std::string(codec::media_type(wanted.image.format))};
}

Result<Computed> canonical_of(const WoolzContext& context, const Wanted& wanted) {
  auto placed = place(context, wanted);
  if (!placed) {
    return std::unexpected(placed.error());
  }
  const auto made = make_iiif_picture(wanted.image, wanted.version, placed->info, wanted.limits);
  if (!made) {
    return std::unexpected(made.error());
  }
  return Computed{Bytes(made->canonical.begin(), made->canonical.end()), "text/plain"};
}

// Of a computed answer; "" when the client's conditions made one needless.
std::string text_of(const http::Body& body) {
  if (const auto* bytes = std::get_if<Bytes>(&body)) {
    return {bytes->begin(), bytes->end()};
  }
  const auto* shared = std::get_if<SharedBytes>(&body);
  return shared != nullptr && *shared ? std::string((*shared)->begin(), (*shared)->end()) : std::string();
}

void redirect(const Call& call, const std::string& base) {
  http::Response response;
  response.status = 303;
  response.headers.add("Location", base + "/info.json");
  set_caching(call, response.headers, Caching::usual);
  answer(call, std::move(response));
}

std::string key_for(const Wanted& wanted) {
  const IiifImage& i = wanted.image;
  std::string key = std::to_string(static_cast<int>(wanted.version)) + (wanted.middle ? " middle" : "");
  for (const double v : {static_cast<double>(i.region.kind), i.region.x, i.region.y, i.region.width, i.region.height,
                         static_cast<double>(i.size.kind), static_cast<double>(i.size.upscale), i.size.percent,
                         i.rotation, static_cast<double>(i.mirror), static_cast<double>(i.quality)}) {
    key += " " + std::to_string(v);
  }
  return key + " " + std::to_string(i.size.width) + " " + std::to_string(i.size.height) + " " +
         std::to_string(static_cast<int>(i.format)) + " " + std::to_string(wanted.quality) + " " +
         key_of(wanted.parameters);
}

// The canonical URI needs the frame of the section: known, like the picture, once the object is open.
void answer_image(const Call& call, const std::string& name, const Wanted& wanted, http::Headers more) {
  const std::string key = "iiif image " + key_for(wanted);
  auto picture = [call, name, key, wanted](http::Headers headers) {
    answer_computed(
        call, name, key, Caching::usual, [wanted](const WoolzContext& context) { return make(context, wanted); },
        std::move(headers));
  };
  if (wanted.version == IiifVersion::one) {
    more.add("Link", "<" + std::string(kIiifProfile1) + ">;rel=\"profile\"");
    return picture(std::move(more));
  }
  WoolzJob job;
  job.name = name;
  job.key = "canonical " + key;
  job.compute = [wanted](const WoolzContext& context) { return canonical_of(context, wanted); };
  job.failed = [call](const Error& error) { answer_error(call, error); };
  job.made = [picture = std::move(picture), base = wanted.base, version = wanted.version, more = std::move(more)](
                 const engine::Rendered& made, std::int64_t) {
    http::Headers headers = more;
    headers.add("Link", "<" + base + "/" + text_of(made.body) + ">;rel=\"canonical\", <" +
                            std::string(version == IiifVersion::two ? kIiifProfile2 : kIiifProfile3) +
                            ">;rel=\"profile\"");
    picture(std::move(headers));
  };
  run_woolz(call, std::move(job));
}

}  // namespace

bool answer_iiif_section(const Call& call, const IiifPath& path, IiifVersion version, const std::string& base,
                         const IiifLimits& limits, bool negotiated) {
  const std::size_t at = path.id.rfind(kSection);
  if (at == std::string::npos || !is_woolz_name(std::string_view(path.id).substr(0, at))) {
    return false;
  }
  const auto view = parse_section_view(std::string_view(path.id).substr(at + kSection.size()));
  if (!view || path.kind == IiifPath::Kind::faulty) {
    answer_error(call, view ? path.error : view.error());
    return true;
  }
  if (path.kind == IiifPath::Kind::base) {
    redirect(call, base);
    return true;
  }
  Wanted wanted{{}, view->middle, path.image, version, base, limits, call.options().jpeg_quality};
  wanted.parameters.request.view = *view;
  wanted.parameters.request.interpolation = woolz::Interpolation::area;
  const std::string name = path.id.substr(0, at);
  http::Headers more;
  if (path.kind == IiifPath::Kind::info) {
    const IiifVersion usual = call.options().iiif.version == 2 ? IiifVersion::two : IiifVersion::three;
    wanted.version = version == IiifVersion::either ? negotiated_iiif(call.request().headers, usual) : version;
    wanted.limits.upscaling = limits.upscaling && iiif_enlarges(version, wanted.version, usual);
    std::string type(iiif_media_type(call.request().headers, wanted.version));
    more.add("Vary", "Accept");
    // What the settings put into it is part of its key, and so of its ETag.
    std::string key = "iiif info " + base + " " + type + " " + std::to_string(limits.width) + " " +
                      std::to_string(limits.area) + (wanted.limits.upscaling ? " up " : " ") + key_for(wanted) +
                      call.options().cors + "," + call.options().copyright + "," + call.options().iiif.extra_info;
    answer_computed(
        call, name, std::move(key), Caching::revalidate,
        [call, wanted = std::move(wanted), type = std::move(type)](const WoolzContext& context) {
          return describe(context, wanted, call.options(), type);
        },
        std::move(more));
    return true;
  }
  if (negotiated) {
    more.add("Vary", "Accept");
  }
  answer_image(call, name, wanted, std::move(more));
  return true;
}

}  // namespace microtome::protocol
