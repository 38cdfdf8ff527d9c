// SPDX-License-Identifier: Apache-2.0
// Which proxies are believed (extforward.*). Loop thread only, as Site is.
#pragma once

#include <string_view>

#include "host/settings.hpp"
#include "host/stream.hpp"

namespace microtome::host {

// Whether extforward.forwarder names `address` ("" for a unix socket: only "all" does).
[[nodiscard]] bool is_trusted_proxy(const Pairs& forwarders, std::string_view address);

// Whether a connection begins with a header of the PROXY protocol (extforward.hap-PROXY), by the blocks that hold for
// its address and who it comes from.
[[nodiscard]] bool brings_proxy_header(Site& site, const Endpoint& endpoint);

}  // namespace microtome::host
