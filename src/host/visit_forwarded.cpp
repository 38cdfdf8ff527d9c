// SPDX-License-Identifier: Apache-2.0
// What proxies that are trusted say about the client (extforward.*).
#include <algorithm>
#include <string>

#include "host/address.hpp"
#include "host/directives.hpp"
#include "host/forwarded.hpp"
#include "host/trusted_proxies.hpp"
#include "host/visit.hpp"
#include "http/conditional.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

bool wants(const PairsPtr& params, std::string_view name) {
  return params && std::ranges::any_of(*params, [name](const auto& each) {
           return each.first == name && as_boolean(Value({}, each.second)).value_or(false);
         });
}

// A name or address with a port perhaps: what may take the place of Host.
bool is_authority(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return http::is_alpha(c) || http::is_digit(c) || std::string_view("-._:[]").find(c) != std::string_view::npos;
  });
}

}  // namespace

bool Visit::is_trusted(std::string_view address) const {
  return is_trusted_proxy(*settings_->forwarders, address);
}

// Headers of proxies that are trusted. True when something has changed.
bool Visit::apply_forwarded() {
  if (!settings_->forwarders || !is_trusted(request_.remote_address)) {
    return false;
  }
  trusted_peer_ = true;
  static const Texts kDefault{"X-Forwarded-For", "Forwarded-For"};
  for (const std::string& name : settings_->forward_headers ? *settings_->forward_headers : kDefault) {
    if (!request_.headers.has(name)) {
      continue;
    }
    if (http::equal_no_case(name, "Forwarded")) {
      apply_forwarded_field();
      return true;
    }
    // From the right: the first address that no trusted proxy has added for another.
    const std::string list = http::joined(request_.headers, name);
    const auto parts = http::split_list(list);
    for (std::size_t i = parts.size(); i-- > 0;) {
      if (!parse_address(parts[i])) {
        break;
      }
      request_.remote_address = parts[i];
      if (!is_trusted(parts[i])) {
        break;
      }
    }
    break;
  }
  const std::string_view scheme = request_.headers.get("X-Forwarded-Proto");
  if (scheme == "http" || scheme == "https") {
    request_.scheme = scheme;
  }
  return true;
}

// From the right: each hop counts as long as the one behind it is trusted.
void Visit::apply_forwarded_field() {
  const auto hops = read_forwarded(http::joined(request_.headers, "Forwarded"));
  if (!hops) {
    return log_handling("its Forwarded header makes no sense and is not counted");
  }
  for (std::size_t i = hops->size(); i-- > 0;) {
    const ForwardedHop& hop = (*hops)[i];
    if (hop.proto == "http" || hop.proto == "https") {
      request_.scheme = hop.proto;
    }
    if (is_authority(hop.host) && wants(settings_->forward_params, "host")) {
      request_.authority = hop.host;
      request_.headers.set("Host", hop.host);
    }
    if (!hop.user.empty() && wants(settings_->forward_params, "remote_user")) {
      remote_user_ = hop.user;
    }
    if (hop.client.empty()) {
      break;
    }
    request_.remote_address = hop.client;
    if (!is_trusted(hop.client)) {
      break;
    }
  }
}

}  // namespace microtome::host
