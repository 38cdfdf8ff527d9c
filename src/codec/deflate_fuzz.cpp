// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the wrapper; the two ways of inflating must agree and keep the limit.
#include <cstdlib>

#include "codec/deflate.hpp"

using namespace microtome;         // NOLINT
using namespace microtome::codec;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) {
    return 0;
  }
  constexpr std::size_t kLimit = 1 << 16;
  const auto wrapper = static_cast<Wrapper>(data[0] % 3);
  const ByteView packed(data + 1, size - 1);
  const auto out = inflate(packed, wrapper, kLimit, data[0]);
  if (out && out->size() > kLimit) {
    std::abort();
  }
  Bytes room(kLimit);
  const auto direct = inflate_into(packed, wrapper, room);
  if (wrapper != Wrapper::gzip && out && (!direct || *direct != out->size())) {
    std::abort();
  }
  return 0;
}
