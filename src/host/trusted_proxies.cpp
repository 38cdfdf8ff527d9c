// SPDX-License-Identifier: Apache-2.0
#include "host/trusted_proxies.hpp"

#include "host/address.hpp"

namespace microtome::host {

bool is_trusted_proxy(const Pairs& forwarders, std::string_view address) {
  const auto parsed = parse_address(address);
  for (const auto& [who, how] : forwarders) {
    if (how != "trust" && how != "1" && who != "all") {
      continue;
    }
    if (who == "all" || who == address) {
      return how != "disable" && how != "0";
    }
    const auto network = parse_network(who);
    if (parsed && network && network->contains(*parsed)) {
      return true;
    }
  }
  return false;
}

bool brings_proxy_header(Site& site, const Endpoint& endpoint) {
  if (!site.knows_proxy_header()) {
    return false;
  }
  ConditionInput input;
  input.socket = endpoint.socket;
  input.remote_address = endpoint.remote_address;
  const http::Headers none;
  input.headers = &none;
  const auto settings = site.settings(site.conditions().evaluate(input).active);
  return settings->proxy_header && settings->forwarders &&
         is_trusted_proxy(*settings->forwarders, endpoint.remote_address);
}

}  // namespace microtome::host
