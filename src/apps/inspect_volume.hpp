// SPDX-License-Identifier: Apache-2.0
// What a Woolz object is, for `microtome inspect`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.hpp"

namespace microtome::apps {

[[nodiscard]] bool is_volume(const std::string& file);
// Reads the whole object; leaves no bricks. {"components": [{"name", "box", "voxels", ...}]}
[[nodiscard]] Result<nlohmann::ordered_json> describe_volume(const std::string& file);
void print_volume(const std::string& file, const nlohmann::ordered_json& description);

}  // namespace microtome::apps
