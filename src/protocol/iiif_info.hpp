// SPDX-License-Identifier: Apache-2.0
// info.json of the IIIF Image API 3.0, 2.1 and 1.1 (section 5): nothing is announced that does not work. Pure;
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/picture.hpp"
#include "protocol/iiif_picture.hpp"
#include "protocol/protocol.hpp"

namespace microtome::protocol {

inline constexpr std::string_view kIiifContext1 = "http://library.stanford.edu/iiif/image-api/1.1/context.json";
inline constexpr std::string_view kIiifProfile1 =
    "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level2";
inline constexpr std::string_view kIiifContext2 = "http://iiif.io/api/image/2/context.json";
inline constexpr std::string_view kIiifContext3 = "http://iiif.io/api/image/3/context.json";
inline constexpr std::string_view kIiifProfile2 = "http://iiif.io/api/image/2/level2.json";
inline constexpr std::string_view kIiifProfile3 = "http://iiif.io/api/image/3/level2.json";

// What the operator's settings make of every info.json.
struct IiifExtras {
  std::string members;                // JSON without the braces; "" = none
  std::vector<std::string> services;  // JSON, one object each; they stand beside ours
  bool cors = true;                   // is announced
};

// COPYRIGHT, IIIF_EXTRA_INFO and CORS. Rights are a URI in 3.0; in 2.1 other texts are an attribution; members that
// IIIF_EXTRA_INFO names itself win.
[[nodiscard]] IiifExtras iiif_extras(const ServiceOptions& options, IiifVersion version);

// `sizes` are those of the stored levels, smallest first, as far as the limits allow them; `tiles` are the stored
// tiles. `id` is the absolute base URI. Version one gives 1.1, two 2.1, the others 3.0.
[[nodiscard]] std::string write_iiif_info(const image::PictureInfo& info, const IiifLimits& limits,
                                          IiifVersion version, std::string_view id, const IiifExtras& extras = {});

// Whether pictures are enlarged without a mark by the rules of their address, when an info.json of `described` was
// got there: an address `asked` without a version keeps the rules of `usual`, whatever Accept chose.
[[nodiscard]] bool iiif_enlarges(IiifVersion asked, IiifVersion described, IiifVersion usual);

}  // namespace microtome::protocol
