// SPDX-License-Identifier: Apache-2.0
// Property lists: what an object says about itself (names, colours, texts).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "woolz/reader.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

enum class PropertyType : std::uint8_t { simple = 180, emap = 181, name = 182, grey = 183, text = 184 };

struct Property {
  PropertyType type = PropertyType::text;
  std::string name;                           // NAME, GREY, TEXT; file name of EMAP
  std::string value;                          // TEXT's text, GREY's number as text, SIMPLE's bytes, EMAP's comment
  std::map<std::string, std::string> fields;  // EMAP: its fixed fields that are not empty, by their names
  friend bool operator==(const Property&, const Property&) = default;
};

// Reads a list with its leading type byte. The end of the file in place of a list is no failure. Types that nobody
// knows have no length: reading stops there with the type in `*unknown` (else 0), and what has been read is kept.
// Takes what the properties hold in memory off `budget`: texts that do not fit are passed over, Code::too_large when
// there are too many properties.
[[nodiscard]] std::vector<Property> read_properties(Reader& reader, std::uint64_t& budget, int* unknown);

}  // namespace microtome::woolz
