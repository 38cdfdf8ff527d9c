// SPDX-License-Identifier: Apache-2.0
#include "woolz/properties.hpp"

#include <array>
#include <cstdio>
#include <optional>
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

constexpr std::uint64_t kProperty = 256;  // bytes that one takes without its texts
constexpr std::uint64_t kEmap = 2048;

// Bytes of a length that the file gives.
class Texts {
 public:
  Texts(Reader& reader, std::uint64_t& budget) : in_(reader), budget_(budget) {}

  bool charge(std::uint64_t bytes) {
    if (bytes > budget_) {
      in_.fail(Code::too_large, "more properties than the limit");
      return false;
    }
    budget_ -= bytes;
    return true;
  }
  std::string bytes(std::int64_t size) {
    if (size < 0 || !in_.has(size)) {
      in_.fail(Code::corrupt, "property of impossible length");
      return {};
    }
    const auto length = static_cast<std::uint64_t>(size);
    if (length > budget_) {
      in_.skip_to(in_.position() + length);
      return {};
    }
    budget_ -= length;
    std::string text(static_cast<std::size_t>(length), '\0');
    in_.bytes({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    return text;
  }
  std::string text() { return bytes(in_.i32()); }

 private:
  Reader& in_;
  std::uint64_t& budget_;
};

void read_emap(Reader& reader, Texts& texts, Property& property) {
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
  property.name = texts.text();
  property.value = texts.text();
}

// nullopt for a type that is not known.
std::optional<Property> read_property(Reader& reader, Texts& texts, std::uint8_t type) {
  Property property;
  switch (type) {
    case 180:
      property.type = PropertyType::simple;
      property.value = texts.text();
      return property;
    case 181:
      property.type = PropertyType::emap;
      read_emap(reader, texts, property);
      return property;
    case 182:
      property.type = PropertyType::name;
      property.name = texts.text();
      return property;
    case 183:
      property.type = PropertyType::grey;
      property.name = texts.text();
      property.value = read_grey_text(reader);
      return property;
    case 184:
      property.type = PropertyType::text;
      property.name = texts.text();
      property.value = texts.text();
      return property;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::vector<Property> read_properties(Reader& reader, std::uint64_t& budget, int* unknown) {
  *unknown = 0;
  Texts texts(reader, budget);
  std::vector<Property> list;
  if (reader.at_end()) {
    return list;
  }
  const std::uint8_t kind = reader.u8();
  if (kind == 0) {
    return list;
  }
  if (kind == 1) {  // a single old one; its length counts itself
    list.push_back({PropertyType::simple, {}, texts.bytes(std::int64_t{reader.i32()} - 4), {}});
    return list;
  }
  if (kind != 2) {
    *unknown = kind;
    return list;
  }
  const std::int32_t count = reader.i32();
  if (!reader.has(count)) {
    reader.fail(Code::corrupt, "more properties than bytes");
    return list;
  }
  for (std::int32_t i = 0; i < count && reader.ok(); ++i) {
    const std::uint8_t type = reader.u8();
    if (type != 0 && !texts.charge(type == 181 ? kEmap : kProperty)) {
      break;
    }
    if (type == 0) {
      continue;
    }
    auto property = read_property(reader, texts, type);
    if (!property) {
      *unknown = type;
      return list;
    }
    if (reader.ok()) {
      list.push_back(std::move(*property));
    }
  }
  return list;
}

}  // namespace microtome::woolz
