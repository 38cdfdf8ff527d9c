// SPDX-License-Identifier: Apache-2.0
#include "apps/settings.hpp"

#include <charconv>

#include "apps/variables.hpp"

namespace microtome::apps {

Result<long long> parse_number(std::string_view what, std::string_view text, long long least, long long most) {
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    return fail(Code::bad_request, std::string(what) + ": '" + std::string(text) + "' is not a whole number from " +
                                       std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

Result<Settings> read_settings(const std::function<const char*(const char*)>& get) {
  Settings settings;
  for (const Variable& variable : variables()) {
    if (const char* value = get(variable.name)) {
      if (auto taken = variable.set(settings, variable.name, value); !taken) {
        return std::unexpected(taken.error());
      }
    }
  }
  return settings;
}

}  // namespace microtome::apps
