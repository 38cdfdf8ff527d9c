// SPDX-License-Identifier: Apache-2.0
#include "host/auth_digest.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "host/digest.hpp"
#include "host/password.hpp"
#include "host/sha256.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

constexpr std::int64_t kNonceSeconds = 600;
constexpr std::string_view kNames[] = {"MD5", "SHA-256"};

template <class Digest>
std::string hex_of(const Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

// name=value, name="value" with backslashes, separated by commas. Names in lower case; nullopt when it is something
// else.
std::optional<std::map<std::string, std::string>> read_parameters(std::string_view text) {
  std::map<std::string, std::string> all;
  for (const std::string_view each : http::split_list(text)) {
    const std::size_t equals = each.find('=');
    if (equals == std::string_view::npos) {
      return std::nullopt;
    }
    std::string name(http::trim(each.substr(0, equals)));
    std::transform(name.begin(), name.end(), name.begin(), http::to_lower);
    const std::string_view raw = http::trim(each.substr(equals + 1));
    std::string value;
    if (raw.starts_with('"')) {
      if (raw.size() < 2 || !raw.ends_with('"')) {
        return std::nullopt;
      }
      for (std::size_t i = 1; i + 1 < raw.size(); ++i) {
        i += raw[i] == '\\' && i + 2 < raw.size() ? 1 : 0;
        value += raw[i];
      }
    } else {
      value = raw;
    }
    if (!all.emplace(std::move(name), std::move(value)).second) {
      return std::nullopt;
    }
  }
  return all;
}

std::string seal(std::string_view time, std::string_view secret) {
  return digest_hex(DigestKind::sha256, std::string(secret) + ':' + std::string(time) + ':' + std::string(secret));
}

}  // namespace

std::optional<DigestKind> digest_kind(std::string_view name) {
  return http::equal_no_case(name, kNames[0])   ? std::optional(DigestKind::md5)
         : http::equal_no_case(name, kNames[1]) ? std::optional(DigestKind::sha256)
                                                : std::nullopt;
}

std::string digest_hex(DigestKind kind, std::string_view text) {
  if (kind == DigestKind::md5) {
    return hex_of(md5(text));
  }
  return hex_of(sha256(text));
}

std::optional<DigestAnswer> read_digest_answer(std::string_view field) {
  constexpr std::string_view kScheme = "Digest ";
  if (field.size() < kScheme.size() || !http::equal_no_case(field.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  auto parameters = read_parameters(field.substr(kScheme.size()));
  if (!parameters) {
    return std::nullopt;
  }
  DigestAnswer answer;
  const auto qop = parameters->find("qop");
  answer.protects = qop != parameters->end();
  const std::pair<const char*, std::string*> wanted[] = {
      {"username", &answer.user},     {"realm", &answer.realm},   {"nonce", &answer.nonce}, {"uri", &answer.uri},
      {"response", &answer.response}, {"cnonce", &answer.cnonce}, {"nc", &answer.count}};
  for (const auto& [name, out] : wanted) {
    const auto found = parameters->find(name);
    const bool missing = found == parameters->end() || found->second.empty();
    if (missing && (answer.protects || (out != &answer.cnonce && out != &answer.count))) {
      return std::nullopt;
    }
    if (!missing) {
      *out = found->second;
    }
  }
  const auto kind = digest_kind(parameters->contains("algorithm") ? (*parameters)["algorithm"] : "MD5");
  if (!kind || (answer.protects && qop->second != "auth") || answer.user.find(':') != std::string::npos) {
    return std::nullopt;
  }
  answer.kind = *kind;
  return answer;
}

std::string digest_response(const DigestAnswer& answer, std::string_view stored, std::string_view method) {
  const std::string asked = digest_hex(answer.kind, std::string(method) + ':' + answer.uri);
  return digest_hex(answer.kind, std::string(stored) + ':' + answer.nonce + ':' + answer.count + ':' + answer.cnonce +
                                     ":auth:" + asked);
}

std::string random_secret() {
  std::array<unsigned char, 32> bytes{};
  // So few bytes always come whole, once the system has started.
  (void)!getrandom(bytes.data(), bytes.size(), 0);
  return {bytes.begin(), bytes.end()};
}

std::string make_nonce(std::string_view secret, std::int64_t now) {
  const std::string time = std::to_string(now);
  return time + '-' + seal(time, secret);
}

Nonce check_nonce(std::string_view nonce, std::string_view secret, std::int64_t now) {
  const std::size_t dash = nonce.find('-');
  const std::string_view time = nonce.substr(0, dash);
  const auto made = http::parse_decimal(time);
  if (dash == std::string_view::npos || !made || !equal_secret(nonce.substr(dash + 1), seal(time, secret))) {
    return Nonce::foreign;
  }
  const std::int64_t age = now - static_cast<std::int64_t>(*made);
  return age >= 0 && age <= kNonceSeconds ? Nonce::good : Nonce::stale;
}

std::string digest_challenge(std::string_view realm, const std::vector<DigestKind>& kinds, std::string_view nonce,
                             bool stale) {
  std::string out;
  for (const DigestKind kind : kinds) {
    out += out.empty() ? "" : ", ";
    out += "Digest realm=\"" + std::string(realm) +
           "\", charset=\"UTF-8\", algorithm=" + std::string(kNames[kind == DigestKind::md5 ? 0 : 1]) + ", nonce=\"" +
           std::string(nonce) + "\", qop=\"auth\"" + (stale ? ", stale=true" : "");
  }
  return out;
}

}  // namespace microtome::host
