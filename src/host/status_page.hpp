// SPDX-License-Identifier: Apache-2.0
// Pages about the server: status.status-url, status.statistics-url, status.config-url. Loop thread.
#pragma once

#include <string_view>

#include "host/context.hpp"
#include "http/message.hpp"

namespace microtome::host {

// `query`: "" a page for people, "json", "auto" (key: value lines as lighttpd's), "prometheus".
[[nodiscard]] http::Response status_page(const Context& context, std::string_view query);
// "fastcgi.backend.LABEL.N.connected: 5" lines, sorted by name, as lighttpd's.
[[nodiscard]] http::Response statistics_page(const Context& context);
// The settings that hold outside of conditions, with their places.
[[nodiscard]] http::Response config_page(const Context& context);

}  // namespace microtome::host
