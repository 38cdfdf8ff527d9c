// SPDX-License-Identifier: Apache-2.0
#include "host/digest.hpp"

#include <md5.h>
#include <sha1.h>
#include <sha2.h>

#include <cstddef>

namespace microtome::host {
namespace {

template <typename Context, std::size_t kSize, typename Begin, typename Update, typename Final>
std::array<std::uint8_t, kSize> sum(std::string_view text, Begin begin, Update update, Final final) {
  std::array<std::uint8_t, kSize> out;
  Context context;
  begin(&context);
  update(&context, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  final(out.data(), &context);
  return out;
}

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::array<std::uint8_t, 16> md5(std::string_view text) {
  return sum<MD5_CTX, 16>(text, MD5Init, MD5Update, MD5Final);
}

std::array<std::uint8_t, 20> sha1(std::string_view text) {
  return sum<SHA1_CTX, 20>(text, SHA1Init, SHA1Update, SHA1Final);
}

std::array<std::uint8_t, 32> sha256(std::string_view text) {
  return sum<SHA2_CTX, 32>(text, SHA256Init, SHA256Update, SHA256Final);
}

std::string base64(std::string_view bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<std::uint8_t>(c);
    for (count += 8; count >= 6;) {
      count -= 6;
      out += kDigits[(bits >> count) & 63];
    }
  }
  if (count > 0) {
    out += kDigits[(bits << (6 - count)) & 63];
  }
  while (out.size() % 4 != 0) {
    out += '=';
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  while (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) {
      return std::nullopt;
    }
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count);
    }
  }
  return out;
}

}  // namespace microtome::host
