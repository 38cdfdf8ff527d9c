// SPDX-License-Identifier: Apache-2.0
// TiffLibrary: libtiff for what our own reader leaves to it. A small pool of handles onto one file, each used by one
// thread at a time; reads through io::File, never by descriptor position; messages stay in the handle; allocations
// out of broken headers are limited. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.hpp"
#include "image/tiff_index.hpp"
#include "io/file.hpp"
#include "pixel/image.hpp"

namespace microtome::image {

class TiffLibrary {
 public:
  explicit TiffLibrary(io::FilePtr file);
  ~TiffLibrary();
  TiffLibrary(const TiffLibrary&) = delete;
  TiffLibrary& operator=(const TiffLibrary&) = delete;

  // Decompressed samples of the block in column x, row y of blocks: block_bytes() of tiff_samples.hpp, native order.
  // `height`: rows wanted (strips: fewer in the last). Code::corrupt when libtiff cannot decode it.
  Result<Bytes> samples(const TiffDirectory& directory, std::int64_t x, std::int64_t y, int height) const;

  // The same block as 8-bit RGB, whatever it is stored as; block_width x height.
  Result<pixel::Image> rgb(const TiffDirectory& directory, std::int64_t x, std::int64_t y, int height) const;

  [[nodiscard]] std::size_t memory() const;

 private:
  class Handle;
  Result<std::unique_ptr<Handle>> borrow(const TiffDirectory& directory) const;
  void give_back(std::unique_ptr<Handle> handle) const;

  io::FilePtr file_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Handle>> idle_;
};

}  // namespace microtome::image
