// SPDX-License-Identifier: Apache-2.0
#include "host/proxy_protocol.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <vector>

namespace microtome::host {
namespace {

using Read = Result<std::optional<ProxyHeader>>;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixed = 16;      // bytes of version 2 before the addresses
constexpr std::size_t kMostLine = 107;  // with CR LF, as the protocol says
constexpr std::uint8_t kTlvSsl = 0x20;
constexpr std::uint8_t kClientSsl = 0x01;

std::unexpected<Error> malformed() {
  return fail(Code::bad_request, "not a header of the PROXY protocol");
}

std::size_t number(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at])) << 8 |
         static_cast<std::uint8_t>(bytes[at + 1]);
}

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto* bytes = static_cast<const std::uint8_t*>(address);
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (family == AF_INET6 && std::memcmp(bytes, kMapped.data(), kMapped.size()) == 0) {
    inet_ntop(AF_INET, bytes + kMapped.size(), text.data(), text.size());
  } else {
    inet_ntop(family, bytes, text.data(), text.size());
  }
  return text.data();
}

// "TCP4": an address as it is written, in the one form that everybody writes. Empty: none.
std::string canonical(int family, std::string_view text) {
  std::array<std::uint8_t, sizeof(in6_addr)> bytes{};
  if (text.find('\0') != std::string_view::npos) {
    return "";
  }
  return inet_pton(family, std::string(text).c_str(), bytes.data()) == 1 ? text_of(family, bytes.data()) : "";
}

std::optional<int> read_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size() && text.front() != '-';
  return whole && port <= UINT16_MAX ? std::optional(port) : std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t blank = 0; blank != std::string_view::npos; line.remove_prefix(blank + 1)) {
    blank = line.find(' ');
    words.push_back(line.substr(0, blank));
    if (blank == std::string_view::npos) {
      break;
    }
  }
  return words;
}

// "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443", "PROXY UNKNOWN" and anything behind it.
Read read_line(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kMostLine).find("\r\n");
  if (end == std::string_view::npos) {
    return bytes.size() < kMostLine ? Read(std::nullopt) : malformed();
  }
  ProxyHeader header;
  header.size = end + 2;
  const auto words = words_of(bytes.substr(0, end));
  if (words.size() >= 2 && words[1] == "UNKNOWN") {
    return header;
  }
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) {
    return malformed();
  }
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  const auto port = read_port(words[4]);
  header.address = canonical(family, words[2]);
  if (header.address.empty() || canonical(family, words[3]).empty() || !port || !read_port(words[5])) {
    return malformed();
  }
  header.port = *port;
  return header;
}

// What follows the addresses: type, length and value of each. Nullopt when they do not add up.
std::optional<bool> says_secure(std::string_view values) {
  bool secure = false;
  while (!values.empty()) {
    if (values.size() < 3 || values.size() - 3 < number(values, 1)) {
      return std::nullopt;
    }
    const std::string_view value = values.substr(3, number(values, 1));
    if (static_cast<std::uint8_t>(values[0]) == kTlvSsl) {
      secure = !value.empty() && (static_cast<std::uint8_t>(value[0]) & kClientSsl) != 0;
    }
    values.remove_prefix(3 + value.size());
  }
  return secure;
}

Read read_binary(std::string_view bytes) {
  if (bytes.size() < kFixed) {
    return std::nullopt;
  }
  const auto version = static_cast<std::uint8_t>(bytes[12]);
  const auto family = static_cast<std::uint8_t>(bytes[13]);
  ProxyHeader header;
  header.size = kFixed + number(bytes, 14);
  if ((version != 0x20 && version != 0x21) || header.size > kMostProxyHeader) {
    return malformed();
  }
  if (bytes.size() < header.size) {
    return std::nullopt;
  }
  const std::string_view rest = bytes.substr(kFixed, header.size - kFixed);
  const bool v4 = family == 0x11;
  if (version == 0x20 || (!v4 && family != 0x21)) {
    return header;  // LOCAL; or a unix socket, a datagram, or nothing that is told
  }
  const std::size_t address = v4 ? sizeof(in_addr) : sizeof(in6_addr);
  const std::size_t fixed = 2 * address + 4;
  const auto secure = rest.size() < fixed ? std::nullopt : says_secure(rest.substr(fixed));
  if (!secure) {
    return malformed();
  }
  header.address = text_of(v4 ? AF_INET : AF_INET6, rest.data());
  header.port = static_cast<int>(number(rest, 2 * address));
  header.secure = *secure;
  return header;
}

}  // namespace

Read read_proxy_header(std::string_view bytes) {
  constexpr std::string_view kLine = "PROXY ";
  if (bytes.starts_with(kSignature)) {
    return read_binary(bytes);
  }
  if (bytes.starts_with(kLine)) {
    return read_line(bytes);
  }
  return kSignature.starts_with(bytes) || kLine.starts_with(bytes) ? Read(std::nullopt) : malformed();
}

}  // namespace microtome::host
