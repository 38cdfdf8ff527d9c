// SPDX-License-Identifier: Apache-2.0
// Addresses of sections: "/sets/{object}/section/{view}..." where {view} is
// "yaw=20,pitch=45,distance=4,fixed=57:32:36". Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/codec.hpp"
#include "protocol/deepzoom.hpp"
#include "woolz/geometry.hpp"

namespace microtome::protocol {

// yaw, pitch, roll (degrees), distance, scale, mode (zeta, the default; up_is_up, statue, zero_zeta, fixed_line),
// fixed, fixed2, up (x:y:z); fixed=middle is the middle of the object's box. Any order. Code::bad_request else, and
// for what is not finite.
struct SectionView : woolz::View {
  bool middle = false;
};
[[nodiscard]] Result<SectionView> parse_section_view(std::string_view text);

enum class SectionAnswer : std::uint8_t {
  about,     // {view}.json
  deepzoom,  // {view}.dzi
  tile,      // {view}_files/{L}/{x}_{y}.{jpg,png,webp}
  picture,   // {view}.{jpg,png,webp}
};

struct SectionPath {
  std::string object;  // percent-decoded, as are the others
  SectionAnswer answer = SectionAnswer::about;
  SectionView view;
  DeepZoomTile tile;  // its format is that of a picture, too
};

[[nodiscard]] bool is_woolz_name(std::string_view name);  // ends in .wlz or .wlz.gz

// What comes after "/sets/"; nullopt when it is no section of a Woolz object (is_woolz_name).
[[nodiscard]] std::optional<Result<SectionPath>> parse_section(std::string_view rest);

}  // namespace microtome::protocol
