// SPDX-License-Identifier: Apache-2.0
#include "woolz/properties.hpp"

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

namespace microtome::woolz {
namespace {

std::string number_text(double v) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.17g", v);
  return text.data();
}

// A grey type byte and one value of it.
std::string read_grey_text(Reader& reader) {
  const std::uint8_t type = reader.u8();
  switch (type) {
    case 1:
      return std::to_string(reader.i32());
    case 2:
      return std::to_string(reader.i16());
    case 3:
      return std::to_string(reader.u8());
    case 4:
      return number_text(reader.f32());
    case 5:
      return number_text(reader.f64());
    case 7: {
      const std::uint32_t v = reader.u32();
      std::array<char, 16> text{};
      std::snprintf(text.data(), text.size(), "#%02x%02x%02x%02x", v & 255, (v >> 8) & 255, (v >> 16) & 255, v >> 24);
      return text.data();
    }
    default:
      reader.fail(Code::corrupt, "grey property of unknown type");
      return {};
  }
}

void read_emap(Reader& reader, Property& property) {
  const auto keep = [&](std::string_view name, std::string text) {
    if (!text.empty()) {
      property.fields.emplace(name, std::move(text));
    }
  };
  keep("emapType", std::to_string(reader.u8()));
  static constexpr std::array<std::pair<std::string_view, std::size_t>, 8> kFirst{{{"modelUID", 16},
                                                                                   {"anatomyUID", 16},
                                                                                   {"targetUID", 16},
                                                                                   {"targetVersion", 16},
                                                                                   {"stage", 32},
                                                                                   {"subStage", 32},
                                                                                   {"modelName", 32},
                                                                                   {"version", 16}}};
  for (const auto& [name, length] : kFirst) {
    keep(name, reader.fixed_text(length));
  }
  keep("creationTime", std::to_string(reader.i32()));
  keep("creationAuthor", reader.fixed_text(64));
  keep("creationMachine", reader.fixed_text(64));
  keep("modificationTime", std::to_string(reader.i32()));
  keep("modificationAuthor", reader.fixed_text(64));
  property.name = reader.text();
  property.value = reader.text();
}

std::string simple_bytes(Reader& reader, std::int64_t size) {
  if (size < 0 || !reader.has(size)) {
    reader.fail(Code::corrupt, "property of impossible length");
    return {};
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  reader.bytes({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

}  // namespace

std::vector<Property> read_properties(Reader& reader, bool* complete) {
  *complete = true;
  std::vector<Property> list;
  if (reader.at_end()) {
    return list;
  }
  const std::uint8_t kind = reader.u8();
  if (kind == 0) {
    return list;
  }
  if (kind == 1) {  // a single old one; its length counts itself
    list.push_back({PropertyType::simple, {}, simple_bytes(reader, std::int64_t{reader.i32()} - 4), {}});
    return list;
  }
  if (kind != 2) {
    *complete = false;
    return list;
  }
  const std::int32_t count = reader.i32();
  if (!reader.has(count)) {
    reader.fail(Code::corrupt, "more properties than bytes");
    return list;
  }
  for (std::int32_t i = 0; i < count && reader.ok(); ++i) {
    const std::uint8_t type = reader.u8();
    Property property;
    property.type = static_cast<PropertyType>(type);
    switch (type) {
      case 0:
        continue;
      case 180:
        property.value = simple_bytes(reader, reader.i32());
        break;
      case 181:
        read_emap(reader, property);
        break;
      case 182:
        property.name = reader.text();
        break;
      case 183:
        property.name = reader.text();
        property.value = read_grey_text(reader);
        break;
      case 184:
        property.name = reader.text();
        property.value = reader.text();
        break;
      default:
        *complete = false;
        return list;
    }
    if (reader.ok()) {
      list.push_back(std::move(property));
    }
  }
  return list;
}

}  // namespace microtome::woolz
