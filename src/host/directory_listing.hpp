// SPDX-License-Identifier: Apache-2.0
// The page that lists a directory (dir-listing.*). Reads the directory; loop thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "host/settings.hpp"
#include "http/message.hpp"

namespace microtome::host {

// `url` is decoded and ends with "/". At most 10000 entries are shown.
[[nodiscard]] Result<http::Response> list_directory(const std::string& path, std::string_view url,
                                                    const RequestSettings& settings, std::string_view footer);

// Text for HTML: & < > " ' replaced.
[[nodiscard]] std::string escape_html(std::string_view text);

}  // namespace microtome::host
