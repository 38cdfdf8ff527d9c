// SPDX-License-Identifier: Apache-2.0
#include "apps/inspect_volume.hpp"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "io/file.hpp"
#include "protocol/woolz_section.hpp"
#include "set/names.hpp"
#include "woolz/query.hpp"

namespace microtome::apps {
namespace {

constexpr std::array<const char*, 7> kValues{"none", "ubyte", "short", "int", "float", "double", "rgba"};

const char* name_of(woolz::Grey grey) {
  using woolz::Grey;
  constexpr std::array<Grey, 7> kGreys{Grey::none,    Grey::uint8,   Grey::int16, Grey::int32,
                                       Grey::float32, Grey::float64, Grey::rgba};
  for (std::size_t i = 0; i < kGreys.size(); ++i) {
    if (kGreys.at(i) == grey) {
      return kValues.at(i);
    }
  }
  return "none";
}

nlohmann::ordered_json describe(const woolz::Member& member, const protocol::ComponentLabel& label) {
  nlohmann::ordered_json out;
  out["name"] = label.name;
  out["colour"] = label.colour;
  if (!member.body) {
    out["empty"] = true;
    return out;
  }
  const woolz::Box& b = member.box;
  out["dimensions"] = member.flat ? 2 : 3;
  out["box"] = {b.x1, b.y1, b.z1, b.x2, b.y2, b.z2};
  out["voxel_size"] = member.voxel_size;
  out["voxels"] = member.body->domain->voxels();
  out["values"] = name_of(member.body->grey());
  if (member.body->values) {
    const auto counted =
        member.statistics ? Result<woolz::Statistics>(*member.statistics) : woolz::statistics_of(*member.body, {});
    if (counted && counted->count > 0) {
      out["minimum"] = counted->minimum;
      out["maximum"] = counted->maximum;
      out["mean"] = counted->sum / static_cast<double>(counted->count);
    }
  }
  return out;
}

}  // namespace

bool is_volume(const std::string& file) {
  return set::is_volume_name(file.substr(file.rfind('/') + 1));
}

Result<nlohmann::ordered_json> describe_volume(const std::string& file) {
  auto opened = io::File::open(file);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  woolz::OpenOptions options;
  options.keep_sidecar = false;
  auto object = woolz::open_object(*opened, options);
  if (!object) {
    return std::unexpected(object.error());
  }
  const auto labels = protocol::component_labels(**object, {});
  nlohmann::ordered_json out;
  out["compound"] = (*object)->compound();
  out["components"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    out["components"].push_back(describe((*object)->members()[i], labels[i]));
  }
  return out;
}

void print_volume(const std::string& file, const nlohmann::ordered_json& description) {
  const auto& components = description["components"];
  std::printf("%s: Woolz, %s\n", file.c_str(),
              description["compound"].get<bool>() ? (std::to_string(components.size()) + " components").c_str()
                                                  : "one object");
  int index = 0;
  for (const auto& c : components) {
    std::printf("  %d %s", index++, c["name"].get<std::string>().c_str());
    if (c.contains("empty")) {
      std::printf(" nothing that can be cut\n");
      continue;
    }
    const auto box = c["box"].get<std::array<std::int64_t, 6>>();
    const auto size = c["voxel_size"].get<std::array<double, 3>>();
    std::printf(" x %lld..%lld, y %lld..%lld, z %lld..%lld, voxels of %g x %g x %g, %llu of them, values: %s",
                static_cast<long long>(box[0]), static_cast<long long>(box[3]), static_cast<long long>(box[1]),
                static_cast<long long>(box[4]), static_cast<long long>(box[2]), static_cast<long long>(box[5]),
                size[0], size[1], size[2], c["voxels"].get<unsigned long long>(),
                c["values"].get<std::string>().c_str());
    if (c.contains("mean")) {
      std::printf(", %g to %g, mean %g", c["minimum"].get<double>(), c["maximum"].get<double>(),
                  c["mean"].get<double>());
    }
    std::printf("\n");
  }
}

}  // namespace microtome::apps
