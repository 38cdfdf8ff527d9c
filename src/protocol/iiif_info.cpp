// SPDX-License-Identifier: Apache-2.0
#include "protocol/iiif_info.hpp"

#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "codec/encode.hpp"
#include "protocol/json_writer.hpp"

namespace microtome::protocol {
namespace {

constexpr std::string_view kProtocol = "http://iiif.io/api/image";
constexpr std::string_view kPhysdimContext = "http://iiif.io/api/annex/services/physdim/1/context.json";
constexpr std::string_view kPhysdimProfile = "http://iiif.io/api/annex/services/physdim";

void write_list(JsonWriter& json, std::string_view key, std::initializer_list<std::string_view> names) {
  json.key(key).begin_array();
  for (const std::string_view name : names) {
    json.value(name);
  }
  json.end_array();
}

// Those beyond jpg and png, which every server of level 2 has; all of them with `every`.
void write_formats(JsonWriter& json, std::string_view key, bool every) {
  json.key(key).begin_array();
  if (every) {
    json.value("jpg").value("png");
  }
  for (const codec::Format format : {codec::Format::webp, codec::Format::tiff, codec::Format::gif,
                                     codec::Format::avif, codec::Format::jp2, codec::Format::pdf}) {
    if (codec::can_encode(format)) {
      json.value(iiif_extension(format));
    }
  }
  json.end_array();
}

void write_limits(JsonWriter& json, const IiifLimits& limits) {
  json.key("maxWidth").value(limits.width);
  json.key("maxHeight").value(limits.height);
  json.key("maxArea").value(limits.area);
}

void write_sizes(JsonWriter& json, const image::PictureInfo& info, const IiifLimits& limits) {
  json.key("sizes").begin_array();
  for (auto level = info.levels.rbegin(); level != info.levels.rend(); ++level) {
    if (level->width <= limits.width && level->height <= limits.height &&
        level->height <= limits.area / level->width) {
      json.begin_object();
      json.key("width").value(level->width);
      json.key("height").value(level->height);
      json.end_object();
    }
  }
  json.end_array();
}

// One entry for each size of tiles; nearly always one.
void write_tiles(JsonWriter& json, const image::PictureInfo& info, const IiifLimits& limits, IiifVersion version) {
  json.key("tiles").begin_array();
  for (std::size_t first = 0; first < info.levels.size(); ++first) {
    const image::Level& model = info.levels[first];
    const auto same = [&](std::size_t other) {
      return info.levels[other].tile_width == model.tile_width && info.levels[other].tile_height == model.tile_height;
    };
    bool seen = false;
    for (std::size_t i = 0; i < first; ++i) {
      seen = seen || (same(i) && iiif_scale_factor(info, i) > 0);
    }
    if (seen || iiif_scale_factor(info, first) == 0 || model.tile_width > limits.width ||
        model.tile_height > limits.height || model.tile_height > limits.area / model.tile_width) {
      continue;
    }
    json.begin_object();
    json.key("width").value(std::int64_t{model.tile_width});
    // It may be left out when it is the width, but OpenLayers 10 stretches tiles of 3.0 without it.
    if (version == IiifVersion::three || model.tile_height != model.tile_width) {
      json.key("height").value(std::int64_t{model.tile_height});
    }
    json.key("scaleFactors").begin_array();
    for (std::size_t i = first; i < info.levels.size(); ++i) {
      if (const std::int64_t factor = iiif_scale_factor(info, i); factor > 0 && same(i)) {
        json.value(factor);
      }
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

// The only way in which IIIF says how large a pixel is. "" when the picture does not say it.
// In 3.0 each service has an id and a type.
std::string physical_size(const image::PictureInfo& info, bool two, std::string_view id) {
  if (!info.um_per_pixel_x || !(*info.um_per_pixel_x > 0)) {
    return {};
  }
  constexpr double kMicrometresPerMillimetre = 1000;
  JsonWriter json;
  json.begin_object();
  json.key("@context").value(kPhysdimContext);
  if (!two) {
    json.key("id").value(std::string(id) + "#physdim").key("type").value("Service");
  }
  json.key("profile").value(kPhysdimProfile);
  json.key("physicalScale").value(*info.um_per_pixel_x / kMicrometresPerMillimetre);
  json.key("physicalUnits").value("mm");
  json.end_object();
  return json.take();
}

// Ours and the operator's under one key: a list in 3.0, and where there are several.
std::string service_member(std::string ours, const std::vector<std::string>& others, bool list) {
  std::string all = std::move(ours);
  std::size_t count = all.empty() ? 0 : 1;
  for (const std::string& other : others) {
    all += (count > 0 ? "," : "") + other;
    ++count;
  }
  if (count == 0) {
    return {};
  }
  return R"("service":)" + (list || count > 1 ? "[" + all + "]" : all);
}

void add_member(std::string& json, const std::string& member) {
  if (!member.empty()) {
    json.insert(json.rfind('}'), "," + member);
  }
}

void write_supported(JsonWriter& json, const IiifLimits& limits, bool cors) {
  static constexpr std::array<std::string_view, 18> kFeatures{"baseUriRedirect",
                                                              "canonicalLinkHeader",
                                                              "cors",
                                                              "jsonldMediaType",
                                                              "mirroring",
                                                              "profileLinkHeader",
                                                              "regionByPct",
                                                              "regionByPx",
                                                              "regionSquare",
                                                              "rotationArbitrary",
                                                              "rotationBy90s",
                                                              "sizeAboveFull",
                                                              "sizeByConfinedWh",
                                                              "sizeByDistortedWh",
                                                              "sizeByH",
                                                              "sizeByPct",
                                                              "sizeByW",
                                                              "sizeByWh"};
  json.key("supports").begin_array();
  for (const std::string_view feature : kFeatures) {
    if ((feature != "cors" || cors) && (feature != "sizeAboveFull" || limits.upscaling)) {
      json.value(feature);
    }
  }
  json.end_array();
}

void write_two(JsonWriter& json, const IiifLimits& limits, bool cors) {
  json.key("profile").begin_array().value(kIiifProfile2).begin_object();
  write_formats(json, "formats", true);
  write_list(json, "qualities", {"default", "color", "gray", "bitonal"});
  write_supported(json, limits, cors);
  write_limits(json, limits);
  json.end_object().end_array();
}

// 1.1 knows one size of tiles, and neither limits nor sizes.
std::string write_one(const image::PictureInfo& info, std::string_view id) {
  JsonWriter json;
  json.begin_object();
  json.key("@context").value(kIiifContext1).key("@id").value(id);
  json.key("width").value(info.width).key("height").value(info.height);
  const image::Level& full = info.levels.front();
  json.key("scale_factors").begin_array();
  for (std::size_t i = 0; i < info.levels.size(); ++i) {
    const image::Level& level = info.levels[i];
    const std::int64_t factor = iiif_scale_factor(info, i);
    if (factor > 0 && level.tile_width == full.tile_width && level.tile_height == full.tile_height) {
      json.value(factor);
    }
  }
  json.end_array();
  json.key("tile_width")
      .value(std::int64_t{full.tile_width})
      .key("tile_height")
      .value(std::int64_t{full.tile_height});
  write_formats(json, "formats", true);
  write_list(json, "qualities", {"native", "color", "grey", "bitonal"});
  json.key("profile").value(kIiifProfile1);
  json.end_object();
  return json.take();
}

void write_three(JsonWriter& json, const IiifLimits& limits) {
  json.key("profile").value("level2");
  write_limits(json, limits);
}

// 3.0, or 2.1 with `two`.
std::string write_later(const image::PictureInfo& info, const IiifLimits& limits, bool two, std::string_view id,
                        bool cors) {
  JsonWriter json;
  constexpr std::size_t kUsual = 1536;
  json.reserve(kUsual);
  json.begin_object();
  json.key("@context").value(two ? kIiifContext2 : kIiifContext3);
  json.key(two ? "@id" : "id").value(id);
  if (!two) {
    json.key("type").value("ImageService3");
  }
  json.key("protocol").value(kProtocol);
  if (two) {
    write_two(json, limits, cors);
  } else {
    write_three(json, limits);
  }
  json.key("width").value(info.width);
  json.key("height").value(info.height);
  write_sizes(json, info, limits);
  write_tiles(json, info, limits, two ? IiifVersion::two : IiifVersion::three);
  if (!two) {
    if (info.opaque) {
      write_list(json, "preferredFormats", {"jpg"});  // what passes through as it is stored
    }
    write_formats(json, "extraFormats", false);
    write_list(json, "extraQualities", {"color", "gray", "bitonal"});
    json.key("extraFeatures").begin_array();
    json.value("canonicalLinkHeader").value("mirroring").value("profileLinkHeader").value("rotationArbitrary");
    if (limits.upscaling) {
      json.value("sizeUpscaling");
    }
    json.end_array();
  }
  json.end_object();
  return json.take();
}

}  // namespace

bool iiif_enlarges(IiifVersion asked, IiifVersion described, IiifVersion usual) {
  return asked != IiifVersion::either || described != IiifVersion::two || usual == IiifVersion::two;
}

std::string write_iiif_info(const image::PictureInfo& info, const IiifLimits& limits, IiifVersion version,
                            std::string_view id, const IiifExtras& extras) {
  const bool two = version == IiifVersion::two;
  const bool one = version == IiifVersion::one;
  std::string json = one ? write_one(info, id) : write_later(info, limits, two, id, extras.cors);
  add_member(json, extras.members);
  add_member(json, service_member(one ? std::string() : physical_size(info, two, id), extras.services, !one && !two));
  return json;
}

IiifExtras iiif_extras(const ServiceOptions& options, IiifVersion version) {
  using Json = nlohmann::ordered_json;
  IiifExtras extras;
  extras.cors = !options.cors.empty();
  auto members = Json::parse("{" + options.iiif.extra_info + "}", nullptr, false);
  if (!members.is_object()) {
    members = Json::object();  // a start with it is refused
  }
  if (const auto service = members.find("service"); service != members.end()) {
    const Json found = service->is_array() ? *service : Json::array({*service});
    for (const Json& each : found) {
      extras.services.push_back(each.dump());
    }
    members.erase("service");
  }
  const std::string& rights = options.copyright;
  const bool is_uri = rights.starts_with("http://") || rights.starts_with("https://");
  if (!rights.empty() && version != IiifVersion::one && (is_uri || version == IiifVersion::two)) {
    const std::string key = !is_uri ? "attribution" : version == IiifVersion::two ? "license" : "rights";
    if (!members.contains(key)) {
      JsonWriter member;  // which knows what to do with what is not UTF-8
      member.begin_object().key(key).value(rights).end_object();
      extras.members = member.text().substr(1, member.text().size() - 2);
    }
  }
  if (!members.empty()) {
    const std::string text = members.dump();
    extras.members += (extras.members.empty() ? "" : ",") + text.substr(1, text.size() - 2);
  }
  return extras;
}

}  // namespace microtome::protocol
