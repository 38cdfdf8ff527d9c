// SPDX-License-Identifier: Apache-2.0
// Settings that are more than a word, read once when the configuration is loaded. Part of settings.
#pragma once

#include "host/settings.hpp"

namespace microtome::host {

// What a setting's list says, by the kind of its directive; the other members are null.
struct Part {
  PairsPtr pairs;
  TextsPtr texts;
  MimePtr mime;
  std::shared_ptr<const RewriteRules> rules;
  RoutesPtr routes;
  ExpiriesPtr expiries;
  AuthRulesPtr auth_rules;
  std::shared_ptr<const ProxyHeaders> proxy_headers;
  std::shared_ptr<Rate> rate;
};

// check_directives() has passed the setting; reports what is wrong beyond that.
[[nodiscard]] Part read_part(const Setting& setting, Diagnostics& diagnostics);

// Seconds of "access plus 1 hours 30 minutes"; nullopt when it is no such text.
[[nodiscard]] std::optional<Expiry> read_expiry(std::string_view key, std::string_view text);

}  // namespace microtome::host
