// SPDX-License-Identifier: Apache-2.0
// Digest authentication (RFC 7616) with qop=auth, MD5 or SHA-256. Pure but for random_secret(); thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace microtome::host {

enum class DigestKind { md5, sha256 };

// "MD5", "SHA-256" in any case; nullopt for others.
[[nodiscard]] std::optional<DigestKind> digest_kind(std::string_view name);
// Lower-case hexadecimal.
[[nodiscard]] std::string digest_hex(DigestKind kind, std::string_view text);

// What a client sends in Authorization.
struct DigestAnswer {
  DigestKind kind = DigestKind::md5;
  std::string user;
  std::string realm;
  std::string nonce;
  std::string uri;
  std::string response;
  std::string cnonce;
  std::string count;      // nc
  bool protects = false;  // qop=auth: cnonce and nc are there
};
// Nullopt when a part is missing, comes twice, or is of a kind that is not offered.
[[nodiscard]] std::optional<DigestAnswer> read_digest_answer(std::string_view field);

// What it has to be for someone whose H(user:realm:password) is `stored`.
[[nodiscard]] std::string digest_response(const DigestAnswer& answer, std::string_view stored,
                                          std::string_view method);

// 32 random bytes.
[[nodiscard]] std::string random_secret();
// A nonce that only the holder of `secret` can make, with its time in it.
[[nodiscard]] std::string make_nonce(std::string_view secret, std::int64_t now);
enum class Nonce { good, stale, foreign };
[[nodiscard]] Nonce check_nonce(std::string_view nonce, std::string_view secret, std::int64_t now);

// The value of WWW-Authenticate: one challenge for each kind.
[[nodiscard]] std::string digest_challenge(std::string_view realm, const std::vector<DigestKind>& kinds,
                                           std::string_view nonce, bool stale);

}  // namespace microtome::host
