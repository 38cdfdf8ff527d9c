// SPDX-License-Identifier: Apache-2.0
// Sections of Woolz objects as ordinary pictures: DeepZoom tiles, pictures of any size, and what there is to know of
// a view and of an object. docs/formats/urls.md has the addresses.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/call.hpp"
#include "protocol/reply.hpp"
#include "protocol/section_path.hpp"
#include "protocol/woolz_call.hpp"
#include "woolz/object.hpp"

namespace microtome::protocol {

// Answers when `rest`, what comes after "/sets/", is about a Woolz object; false otherwise.
bool answer_section(const Call& call, std::string_view rest);

// The request that parameters and the fixed point make; `middle`: of the object's box.
[[nodiscard]] Result<woolz::Request> placed_request(const WoolzContext& context, const woolz::Parameters& parameters,
                                                    bool middle);
// Pixels of a section, from the object's pyramid where the request asks for that. Code::too_large over the limit.
[[nodiscard]] Result<pixel::Image> section_pixels(const WoolzContext& context, const woolz::Request& request,
                                                  const woolz::Raster& raster, bool alpha);
// run_woolz() for what is no Woolz protocol: errors are short text, answers have ETags. `more` headers come first.
void answer_computed(const Call& call, const std::string& name, std::string key, Caching caching,
                     std::function<Result<engine::Engine::Computed>(const WoolzContext&)> compute,
                     http::Headers more = {});

// Name and colour of a component, "" where nobody has said them.
struct ComponentLabel {
  std::string name;
  std::string colour;  // "#rrggbb" or what the object says
};
// From the properties of each member and, before them, from `json`, the text of NAME.wlz.json:
//   {"components": [{"index": 1, "name": "heart", "colour": "#ff0000"}]}
// Text that is no such JSON says nothing.
[[nodiscard]] std::vector<ComponentLabel> component_labels(const woolz::Object& object, std::string_view json);

}  // namespace microtome::protocol
