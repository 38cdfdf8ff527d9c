// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "protocol/woolz_section.hpp"
#include "woolz/object.hpp"

namespace microtome::protocol {
namespace {

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

ComponentLabel label_of(const woolz::Member& member) {
  using woolz::PropertyType;
  ComponentLabel label;
  for (const woolz::Property& property : member.properties) {
    if (property.type == PropertyType::name) {
      label.name = property.name;
    } else if (one_of(property.name, {"colour", "color", "Colour", "Color"})) {
      label.colour = property.value;
    } else if (property.type == PropertyType::text && label.name.empty() &&
               one_of(property.name, {"name", "label", "Name", "Label"})) {
      label.name = property.value;
    } else if (property.type == PropertyType::emap && label.name.empty()) {
      const auto model = property.fields.find("modelName");
      label.name = model == property.fields.end() ? property.value : model->second;
    }
  }
  return label;
}

}  // namespace

std::vector<ComponentLabel> component_labels(const woolz::Object& object, std::string_view json) {
  std::vector<ComponentLabel> labels;
  labels.reserve(object.members().size());
  for (const woolz::Member& member : object.members()) {
    labels.push_back(label_of(member));
  }
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("components") || !parsed["components"].is_array()) {
    return labels;
  }
  for (const auto& component : parsed["components"]) {
    const auto index = component.is_object() ? component.find("index") : component.end();
    if (!component.is_object() || index == component.end() || !index->is_number_integer() ||
        index->get<std::int64_t>() < 0 || index->get<std::int64_t>() >= static_cast<std::int64_t>(labels.size())) {
      continue;
    }
    ComponentLabel& label = labels[index->get<std::size_t>()];
    for (const auto& [key, target] : {std::pair{"name", &label.name}, std::pair{"colour", &label.colour}}) {
      const auto found = component.find(key);
      if (found != component.end() && found->is_string()) {
        *target = found->get<std::string>();
      }
    }
  }
  return labels;
}

}  // namespace microtome::protocol
