// SPDX-License-Identifier: Apache-2.0
#include "host/password.hpp"

#include <crypt.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "host/digest.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

template <class Digest>
std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The MD5 scheme of Apache's htpasswd: 1000 rounds over password and salt, in an order of its own.
std::string apr1(std::string_view password, std::string_view salt) {
  salt = salt.substr(0, 8);
  const std::string secret(password);
  const std::string grain(salt);
  const std::string inner(bytes_of(md5(secret + grain + secret)));
  std::string start = secret + "$apr1$" + grain;
  for (std::size_t left = secret.size(); left > 0; left -= std::min<std::size_t>(16, left)) {
    start += inner.substr(0, std::min<std::size_t>(16, left));
  }
  for (std::size_t bits = secret.size(); bits != 0; bits >>= 1) {
    start += (bits & 1) != 0 ? '\0' : secret[0];
  }
  std::string digest(bytes_of(md5(start)));
  for (int round = 0; round < 1000; ++round) {
    std::string text = round % 2 != 0 ? secret : digest;
    text += round % 3 != 0 ? grain : "";
    text += round % 7 != 0 ? secret : "";
    text += round % 2 != 0 ? digest : secret;
    digest = bytes_of(md5(text));
  }
  static constexpr char kDigits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  static constexpr int kOrder[5][3] = {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};
  std::string out = "$apr1$" + grain + '$';
  const auto digits = [&](std::uint32_t value, int count) {
    for (; count > 0; --count, value >>= 6) {
      out += kDigits[value & 63];
    }
  };
  const auto byte = [&](int at) {
    return static_cast<std::uint32_t>(static_cast<std::uint8_t>(digest[static_cast<std::size_t>(at)]));
  };
  for (const auto& group : kOrder) {
    digits(byte(group[0]) << 16 | byte(group[1]) << 8 | byte(group[2]), 4);
  }
  digits(byte(11), 2);
  return out;
}

}  // namespace

std::optional<Credentials> basic_credentials(std::string_view field) {
  if (field.size() < 6 || !http::equal_no_case(field.substr(0, 6), "Basic ")) {
    return std::nullopt;
  }
  const auto text = base64_decode(http::trim(field.substr(6)));
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos || text->find('\0') != std::string::npos) {
    return std::nullopt;
  }
  return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

Result<std::optional<std::string>> stored_password(const std::string& file, std::string_view user) {
  std::ifstream stream(file);
  if (!stream) {
    return fail(Code::io, "internal error", "cannot read the user file " + file + ": " + std::strerror(errno));
  }
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with('#') || colon == std::string::npos || std::string_view(line).substr(0, colon) != user) {
      continue;
    }
    std::string stored = line.substr(colon + 1);
    while (stored.ends_with('\r') || stored.ends_with(' ')) {
      stored.pop_back();
    }
    return std::optional(stored.substr(0, stored.starts_with("{SHA}") ? std::string::npos : stored.find(':')));
  }
  return std::optional<std::string>();
}

Result<std::string> stored_htdigest(const std::string& file, std::string_view user, std::string_view realm,
                                    std::size_t size) {
  std::ifstream stream(file);
  if (!stream) {
    return fail(Code::io, "internal error", "cannot read the user file " + file + ": " + std::strerror(errno));
  }
  const std::string front = std::string(user) + ':' + std::string(realm) + ':';
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(front)) {
      continue;
    }
    std::string hash = line.substr(front.size(), size);
    const std::string_view rest = std::string_view(line).substr(std::min(front.size() + size, line.size()));
    std::transform(hash.begin(), hash.end(), hash.begin(), http::to_lower);
    const bool ends = rest.empty() || rest.front() == '\r' || rest.front() == ' ' || rest.front() == ':';
    if (hash.size() == size && ends && hash.find_first_not_of("0123456789abcdef") == std::string::npos) {
      return hash;
    }
  }
  return std::string{};
}

bool is_in_group(const std::string& file, std::string_view group, std::string_view user) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || http::trim(std::string_view(line).substr(0, colon)) != group) {
      continue;
    }
    std::istringstream names(line.substr(colon + 1));
    for (std::string name; names >> name;) {
      if (name == user) {
        return true;
      }
    }
  }
  return false;
}

bool equal_secret(std::string_view a, std::string_view b) {
  unsigned different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different |= static_cast<unsigned>(a[i] ^ (b.empty() ? '\0' : b[i % b.size()]));
  }
  return different == 0;
}

bool password_matches(std::string_view password, const std::string& stored) {
  if (stored.starts_with("$apr1$")) {
    const std::size_t end = stored.find('$', 6);
    return end != std::string::npos &&
           equal_secret(stored, apr1(password, std::string_view(stored).substr(6, end - 6)));
  }
  if (stored.starts_with("{SHA}")) {
    return equal_secret(stored.substr(5), base64(bytes_of(sha1(password))));
  }
  const auto room = std::make_unique<crypt_data>();
  const char* made = crypt_r(std::string(password).c_str(), stored.c_str(), room.get());
  return made != nullptr && made[0] != '*' && equal_secret(stored, made);
}

}  // namespace microtome::host
