// SPDX-License-Identifier: Apache-2.0
// Params: the parameters of a query "a=1&b=2", percent-decoded; names are exact, the first of equal ones counts.
// Immutable; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "codec/codec.hpp"

namespace microtome::protocol {

class Params {
 public:
  // Code::bad_request for broken percent-encoding, NUL, or more than 100 parameters.
  static Result<Params> parse(std::string_view query);

  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::string_view get(std::string_view name) const;  // "" when absent

  // Absent: nullopt. Not a number, or outside [least, most]: Code::bad_request that names the parameter.
  [[nodiscard]] Result<std::optional<std::int64_t>> whole(std::string_view name, std::int64_t least,
                                                          std::int64_t most) const;
  [[nodiscard]] Result<std::optional<double>> real(std::string_view name, double least, double most) const;
  // "jpg", "jpeg", "png", "webp"; `fallback` when absent.
  [[nodiscard]] Result<codec::Format> format(std::string_view name, codec::Format fallback) const;

 private:
  std::vector<std::pair<std::string, std::string>> list_;
};

// nullopt for an extension that is no output format of ours.
[[nodiscard]] std::optional<codec::Format> format_of(std::string_view extension);

}  // namespace microtome::protocol
