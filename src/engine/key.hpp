// SPDX-License-Identifier: Apache-2.0
// Keys: 128 bits that name an answer before it is made. Equal keys mean equal bytes: a key covers the state of the
// source (device, inode, size, mtime), the canonical request and everything that decides how it is encoded. The
// strong ETag is the key in text. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "io/file.hpp"

namespace microtome::engine {

// Raise it whenever the same request gives other bytes than before (new encoder settings, another filter, a mended
// bug), so that no client keeps an old answer.
inline constexpr std::uint32_t kEncoderVersion = 3;

struct Key {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const Key&, const Key&) = default;
};

struct KeyHash {
  std::size_t operator()(const Key& key) const { return static_cast<std::size_t>(key.low); }
};

// Of a request that is canonical and whose numbers are finite. `options` gives the qualities taken where none is
// asked.
[[nodiscard]] Key key_of(const io::FileId& source, const PixelRequest& request, const EngineOptions& options);

// Of a constant tile: the same for every picture.
[[nodiscard]] Key background_key(int width, int height, codec::Format format, int quality, std::uint32_t colour);

// Of any text (compute()).
[[nodiscard]] Key key_of(std::string_view text);

// Quoted, 26 characters of base 32 within.
[[nodiscard]] std::string etag_of(const Key& key);

// 16 bits are asked for and can be had.
[[nodiscard]] bool is_deep(const PixelRequest& request);

// The quality that an encoder is given: what was asked, else the default of the format, clamped to what the format
// has: 1..100; WebP and AVIF also -1, lossless; PNG its level of compression, 0..9. 0 where the format has none.
[[nodiscard]] int effective_quality(codec::Format format, std::optional<int> asked, const EngineOptions& options);

}  // namespace microtome::engine
