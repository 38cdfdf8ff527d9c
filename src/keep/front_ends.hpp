// SPDX-License-Identifier: Apache-2.0
// The lines to paste into a front-end, so that it hands requests to a site. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace microtome::keep {

struct FrontEnd {
  std::string_view name;
  std::string_view what;
  // How sure: "tested" (our tests run the real program with these lines), "written from its documentation", or
  // "general knowledge, not checked".
  std::string_view sure;
};
[[nodiscard]] const std::vector<FrontEnd>& front_ends();

struct FrontEndPlace {
  std::string address = "127.0.0.1:8080";  // host:port or unix:/path
  std::string mount = "/";                 // public path, beginning with /
  std::string program = "/home/me/microtome/bin/microtome";
  std::string pictures = "/home/me/pictures";
};
// The lines, with comments that say what is known; empty for a name that is not known.
[[nodiscard]] std::string front_end_lines(std::string_view name, const FrontEndPlace& place);

}  // namespace microtome::keep
