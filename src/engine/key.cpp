// SPDX-License-Identifier: Apache-2.0
#include "engine/key.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace microtome::engine {
namespace {

// Fixed-width fields one after another: no padding, no ambiguity.
class Fields {
 public:
  Fields& add(std::uint64_t value) {
    std::memcpy(bytes_.data() + size_, &value, sizeof(value));
    size_ += sizeof(value);
    return *this;
  }
  Fields& add(double value) { return add(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value)); }  // -0 is 0
  [[nodiscard]] Key hash() const {
    const XXH128_hash_t hash = XXH3_128bits(bytes_.data(), size_);
    return {hash.high64, hash.low64};
  }

 private:
  std::array<char, 192> bytes_ = {};
  std::size_t size_ = 0;
};

enum class Kind : std::uint64_t { tile = 1, region, background };

std::uint64_t both(std::uint64_t high, std::uint64_t low) {
  return (high << 32) | (low & 0xffffffffULL);
}

}  // namespace

bool is_deep(const PixelRequest& request) {
  return request.deep && codec::holds_16_bits(request.format) && request.look.plain();
}

// 1 to 100, or -1: lossless.
namespace {
int or_lossless(std::optional<int> asked, int usual) {
  const int quality = asked.value_or(usual);
  return quality < 0 ? -1 : std::clamp(quality, 1, 100);
}
}  // namespace

int effective_quality(codec::Format format, std::optional<int> asked, const EngineOptions& options) {
  switch (format) {
    case codec::Format::jpeg:
      return std::clamp(asked.value_or(-1) >= 0 ? *asked : options.jpeg_quality, 1, 100);
    case codec::Format::webp:
      return or_lossless(asked, options.webp_quality);
    case codec::Format::avif:
      return or_lossless(asked, options.avif_quality);
    case codec::Format::tiff:
      return std::clamp(asked.value_or(-1) >= 0 ? *asked : options.tiff_quality, 1, 100);
    case codec::Format::jp2:
    case codec::Format::pdf:
      return std::clamp(asked.value_or(-1) >= 0 ? *asked : options.jpeg_quality, 1, 100);
    case codec::Format::png:
      return std::clamp(asked.value_or(-1) >= 0 ? *asked : options.png_level, 0, 9);
    default:
      return 0;
  }
}

Key key_of(const io::FileId& source, const PixelRequest& request, const EngineOptions& options) {
  Fields fields;
  const auto* tile = std::get_if<TileArea>(&request.area);
  fields.add(both(static_cast<std::uint64_t>(tile != nullptr ? Kind::tile : Kind::region), kEncoderVersion));
  fields.add(source.device).add(source.inode).add(source.size).add(static_cast<std::uint64_t>(source.mtime_ns));
  if (source.part != 0) {
    fields.add(source.part);
  }
  // A tile without a quality may be the stored one, which an explicit default quality is not. A region is always
  // encoded by us, so both spellings of its quality are one.
  const bool as_stored = tile != nullptr && !request.quality;
  const auto quality =
      static_cast<std::uint64_t>(effective_quality(request.format, request.quality, options)) & 0xffU;
  fields.add(both(static_cast<std::uint64_t>(request.format), quality | (as_stored ? 0x100U : 0U)));
  fields.add(std::uint64_t{options.background});
  fields.add(options.watermark ? options.watermark->id : 0).add(static_cast<std::uint64_t>(options.max_icc));
  fields.add(std::uint64_t{options.passthrough ? 1U : 0U});
  if (tile != nullptr) {
    fields.add(static_cast<std::uint64_t>(tile->level));
    fields.add(static_cast<std::uint64_t>(tile->x)).add(static_cast<std::uint64_t>(tile->y));
  } else {
    const auto& region = std::get<RegionArea>(request.area);
    fields.add(region.x).add(region.y).add(region.width).add(region.height);
    fields.add(both(static_cast<std::uint64_t>(region.out_width), static_cast<std::uint64_t>(region.out_height)));
    fields.add(static_cast<std::uint64_t>(region.sampling));
  }
  if (is_deep(request) || request.format == codec::Format::tiff) {
    fields.add(both(is_deep(request) ? 1 : 0, static_cast<std::uint64_t>(request.compression)));
  }
  if (!request.look.plain()) {
    fields.add(request.look.rotation);
    fields.add(both(request.look.mirror ? 1 : 0, static_cast<std::uint64_t>(request.look.tone)));
  }
  return fields.hash();
}

Key background_key(int width, int height, codec::Format format, int quality, std::uint32_t colour) {
  Fields fields;
  fields.add(both(static_cast<std::uint64_t>(Kind::background), kEncoderVersion));
  fields.add(both(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height)));
  fields.add(both(static_cast<std::uint64_t>(format), static_cast<std::uint64_t>(quality)));
  fields.add(std::uint64_t{colour});
  return fields.hash();
}

Key key_of(std::string_view text) {
  // Seeded: never equal to a hash of fields, whatever the text.
  const XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), 0x6d6963726f746f6dULL + kEncoderVersion);
  return {hash.high64, hash.low64};
}

std::string etag_of(const Key& key) {
  static constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text(28, '"');
  std::uint64_t high = key.high;
  std::uint64_t low = key.low;
  for (std::size_t i = 0; i < 26; ++i) {
    text[1 + i] = kDigits[low & 31U];
    low = (low >> 5) | (high << 59);
    high >>= 5;
  }
  return text;
}

}  // namespace microtome::engine
