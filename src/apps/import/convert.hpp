// SPDX-License-Identifier: Apache-2.0
// One picture through libvips: any picture it reads becomes a tiled JPEG pyramid in a BigTIFF.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.hpp"

namespace microtome::apps {

struct ConvertOptions {
  int tile = 512;
  int quality = 85;
};

struct Converted {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

// Writes `target` (a temporary name) streaming, with bounded memory. `progress` is called with 0..1. When `stop`
// becomes true the work is given up with Code::cancelled. 16-bit samples keep their upper 8 bits, float ones are
// stretched from minimum to maximum, alpha is laid over white, other colour spaces become sRGB. libvips must be
// initialised.
[[nodiscard]] Result<Converted> convert(const std::string& source, const std::string& target,
                                        const ConvertOptions& options, const std::function<void(double)>& progress,
                                        const std::atomic<bool>& stop);

// Opens what was written with our own reader: the size is right, all levels are there, sample tiles of every level
// decode and look like the source (mean over a grid within a few levels).
[[nodiscard]] Result<void> verify(const std::string& source, const std::string& written, const Converted& converted,
                                  const ConvertOptions& options);

}  // namespace microtome::apps
