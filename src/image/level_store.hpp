// SPDX-License-Identifier: Apache-2.0
// LevelStore: the decoded levels of a picture that cannot be decoded in parts, made on demand and kept up to a limit.
// Each level is half of the one before (rounded up). Thread-safe: one thread decodes, others that want
// the same picture wait for it (on workers only).
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "image/picture.hpp"
#include "pixel/image.hpp"

namespace microtome::image {

// Full size, then halves until one tile of `tile` pixels a side holds all.
[[nodiscard]] std::vector<Level> halving_levels(std::int64_t width, std::int64_t height, int tile);

class LevelStore {
 public:
  using ImagePtr = std::shared_ptr<const pixel::Image>;
  // Decodes the whole picture at `*level` or a finer one, as cheap as it can; says which in `*level`.
  using Source = std::function<Result<pixel::Image>(int* level)>;

  explicit LevelStore(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // The level if it is in memory, else null.
  [[nodiscard]] ImagePtr find(int level) const;
  // From memory, from a finer level, or by `source`. Keeps what fits.
  Result<ImagePtr> get(int level, const Source& source, const CancelToken& cancel) const;

  [[nodiscard]] std::size_t memory() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t max_bytes() const { return max_bytes_; }

 private:
  void keep(int level, ImagePtr image) const;

  const std::size_t max_bytes_;
  mutable std::mutex working_;  // held while decoding
  mutable std::mutex mutex_;    // held for moments
  mutable std::vector<ImagePtr> kept_;
  mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace microtome::image
