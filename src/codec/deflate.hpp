// SPDX-License-Identifier: Apache-2.0
// Whole buffers of zlib, gzip and raw deflate by libdeflate. Pure and thread-safe.
// Inflating: corrupt for broken data, too_large when more than the limit would come out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace microtome::codec {

enum class Wrapper : std::uint8_t { raw, zlib, gzip };

// `expected` is a guess of the size (0: none), `limit` the most that may come out.
Result<Bytes> inflate(ByteView data, Wrapper wrapper, std::size_t limit, std::size_t expected = 0);

// Into a buffer of the right size or larger: how many bytes came out. For TIFF tiles and strips.
Result<std::size_t> inflate_into(ByteView data, Wrapper wrapper, std::span<std::uint8_t> out);

// level 0..12. internal only when memory runs out.
Result<Bytes> deflate(ByteView data, Wrapper wrapper, int level = 6);

std::uint32_t crc32(ByteView data, std::uint32_t seed = 0);

}  // namespace microtome::codec
