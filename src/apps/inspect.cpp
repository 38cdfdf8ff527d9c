// SPDX-License-Identifier: Apache-2.0
#include "apps/inspect.hpp"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/inspect_volume.hpp"
#include "apps/open_picture.hpp"

namespace microtome::apps {
namespace {

constexpr std::array<const char*, 7> kColours{"grey", "grey+alpha", "rgb", "rgb+alpha", "cmyk", "lab", "multi"};
constexpr std::array<const char*, 5> kSamples{"u8", "u16", "u32", "f32", "f64"};
constexpr std::array<const char*, 3> kStored{"decoded", "jpeg as stored", "webp as stored"};

nlohmann::ordered_json describe(const image::Picture& picture) {
  const auto& info = picture.info();
  nlohmann::ordered_json out;
  out["width"] = info.width;
  out["height"] = info.height;
  out["channels"] = info.channels;
  out["bits"] = info.bits;
  out["sample"] = kSamples.at(static_cast<std::size_t>(info.sample));
  out["colour"] = kColours.at(static_cast<std::size_t>(info.colour));
  out["um_per_pixel"] = info.um_per_pixel_x ? nlohmann::ordered_json(*info.um_per_pixel_x) : nullptr;
  out["icc_bytes"] = info.icc ? info.icc->size() : 0;
  for (std::size_t i = 0; i < info.levels.size(); ++i) {
    const auto& level = info.levels[i];
    const auto tile = picture.stored_tile(static_cast<int>(i), 0, 0, true);
    const bool known = tile && tile->has_value();
    out["levels"].push_back({{"width", level.width},
                             {"height", level.height},
                             {"tile", {level.tile_width, level.tile_height}},
                             {"tiles", level.across() * level.down()},
                             {"served", kStored.at(known ? static_cast<std::size_t>((*tile)->stored) : 0)}});
  }
  if (info.stack) {
    out["pages"] = info.stack->pages;
    out["planes"] = {{"z", info.stack->z}, {"c", info.stack->c}, {"t", info.stack->t}};
    out["um_between_planes"] = info.stack->z_um ? nlohmann::ordered_json(*info.stack->z_um) : nullptr;
  }
  if (!info.associated.empty()) {
    out["parts"] = info.associated;
  }
  out["text"] = info.text;
  return out;
}

void print_for_people(const std::string& file, const nlohmann::ordered_json& d) {
  std::printf("%s: %lld x %lld, %s, %d bits, ", file.c_str(), d["width"].get<long long>(),
              d["height"].get<long long>(), d["colour"].get<std::string>().c_str(), d["bits"].get<int>());
  if (d["um_per_pixel"].is_null()) {
    std::printf("pixel size unknown\n");
  } else {
    std::printf("%.4g um per pixel\n", d["um_per_pixel"].get<double>());
  }
  for (const auto& level : d["levels"]) {
    std::printf("  %8lld x %-8lld %5d x %-5d tiles, %lld of them, %s\n", level["width"].get<long long>(),
                level["height"].get<long long>(), level["tile"][0].get<int>(), level["tile"][1].get<int>(),
                level["tiles"].get<long long>(), level["served"].get<std::string>().c_str());
  }
  if (d.contains("pages")) {
    std::printf("  %d pages (%s;0 ...): z %d, c %d, t %d\n", d["pages"].get<int>(), file.c_str(),
                d["planes"]["z"].get<int>(), d["planes"]["c"].get<int>(), d["planes"]["t"].get<int>());
  }
  if (d.contains("parts")) {
    for (const auto& part : d["parts"]) {
      std::printf("  part: %s;%s\n", file.c_str(), part.get<std::string>().c_str());
    }
  }
  for (const auto& [name, value] : d["text"].items()) {
    std::printf("  %s: %.200s\n", name.c_str(), value.get<std::string>().c_str());
  }
}

bool inspect_volume(const std::string& name, bool json) {
  auto description = describe_volume(name);
  if (!description) {
    std::fprintf(stderr, "microtome: %s: %s\n", name.c_str(), description.error().message.c_str());
    return false;
  }
  if (json) {
    (*description)["file"] = name;
    std::puts(description->dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
  } else {
    print_volume(name, *description);
  }
  return true;
}

}  // namespace

int inspect(const InspectOptions& options) {
  int failed = 0;
  for (const auto& name : options.files) {
    if (is_volume(name)) {
      failed = inspect_volume(name, options.json) ? failed : 1;
      continue;
    }
    const auto picture = open_picture(name);
    if (!picture) {
      std::fprintf(stderr, "microtome: %s: %s\n", name.c_str(), picture.error().message.c_str());
      failed = 1;
      continue;
    }
    auto description = describe(**picture);
    if (options.json) {
      description["file"] = name;
      std::puts(description.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
    } else {
      print_for_people(name, description);
    }
  }
  return failed;
}

}  // namespace microtome::apps
