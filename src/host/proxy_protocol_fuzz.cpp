// SPDX-License-Identifier: Apache-2.0
// What connections begin with that should begin with a header of the PROXY protocol: never a crash, never more than
// is there, and the same whether it comes at once or in pieces.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/address.hpp"
#include "host/proxy_protocol.hpp"

using namespace microtome::host;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto read = read_proxy_header(bytes);
  if (!read || !*read) {
    return 0;
  }
  const ProxyHeader& header = **read;
  if (header.size > size || header.size > kMostProxyHeader ||
      (!header.address.empty() && !parse_address(header.address))) {
    std::abort();
  }
  for (std::size_t part = 0; part < header.size; ++part) {
    const auto some = read_proxy_header(bytes.substr(0, part));
    if (!some || *some) {
      std::abort();
    }
  }
  return 0;
}
