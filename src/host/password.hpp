// SPDX-License-Identifier: Apache-2.0
// Passwords of basic authentication against files of users. Pure but for reading the file; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace microtome::host {

struct Credentials {
  std::string user;
  std::string password;
};
// Of an Authorization field "Basic base64(user:password)".
[[nodiscard]] std::optional<Credentials> basic_credentials(std::string_view field);

// The second field of the user's line "user:..." in a file; nullopt when there is none. Code::io when it cannot be
// read.
[[nodiscard]] Result<std::optional<std::string>> stored_password(const std::string& file, std::string_view user);

// The third field of a line "user:realm:hash" of that user and realm, when it has `size` hexadecimal digits; "" when
// there is none. Code::io when the file cannot be read.
[[nodiscard]] Result<std::string> stored_htdigest(const std::string& file, std::string_view user,
                                                  std::string_view realm, std::size_t size);

// Whether a file of lines "group: user user" names the user there. False also when it cannot be read.
[[nodiscard]] bool is_in_group(const std::string& file, std::string_view group, std::string_view user);

// Whether `password` is what `stored` was made of: $apr1$, {SHA}, and all that crypt(3) knows ($2y$, $5$, $6$, $1$,
// DES). May take tens of milliseconds.
[[nodiscard]] bool password_matches(std::string_view password, const std::string& stored);

// Compares in a time that does not tell where the first difference is.
[[nodiscard]] bool equal_secret(std::string_view a, std::string_view b);

}  // namespace microtome::host
