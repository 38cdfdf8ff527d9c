// SPDX-License-Identifier: Apache-2.0
#include "engine/stored_quality.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace microtome::engine {
namespace {

// Sum of the 64 entries of the luminance table in ITU-T T.81, table K.1, which quality 50 stands for. The group's
// libjpeg scales every entry by 5000/q % below 50 and (200 - 2q) % above; so the sum tells q well enough.
constexpr double kSumAtHalf = 3688;

std::optional<int> quality_of_sum(double sum) {
  const double percent = 100 * sum / kSumAtHalf;
  const double quality = percent > 100 ? 5000 / percent : (200 - percent) / 2;
  return static_cast<int>(std::clamp(std::round(quality), 1.0, 100.0));
}

// The body of a DQT segment: tables of one byte (precision, id) and 64 entries of one or two bytes.
std::optional<int> luminance(ByteView segment) {
  std::size_t at = 0;
  while (at < segment.size()) {
    const bool wide = (segment[at] >> 4) != 0;
    const bool first = (segment[at] & 15U) == 0;
    const std::size_t entry = wide ? 2 : 1;
    ++at;
    if (segment.size() - at < 64 * entry) {
      return std::nullopt;
    }
    if (first) {
      double sum = 0;
      for (std::size_t i = 0; i < 64; ++i) {
        sum += wide ? segment[at + 2 * i] * 256 + segment[at + 2 * i + 1] : segment[at + i];
      }
      return quality_of_sum(sum);
    }
    at += 64 * entry;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> stored_quality(ByteView head) {
  constexpr std::uint8_t kStartOfScan = 0xDA;
  constexpr std::uint8_t kQuantisation = 0xDB;
  std::size_t at = 0;
  while (head.size() - at >= 2) {
    if (head[at] != 0xFF) {
      return std::nullopt;
    }
    const std::uint8_t marker = head[at + 1];
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD9)) {  // without a body: TEM, RSTn, SOI, EOI
      continue;
    }
    if (marker == kStartOfScan || head.size() - at < 2) {
      return std::nullopt;
    }
    const std::size_t length = head[at] * 256U + head[at + 1];
    if (length < 2 || head.size() - at < length) {
      return std::nullopt;
    }
    if (marker == kQuantisation) {
      if (const auto quality = luminance(head.subspan(at + 2, length - 2))) {
        return quality;
      }
    }
    at += length;
  }
  return std::nullopt;
}

}  // namespace microtome::engine
