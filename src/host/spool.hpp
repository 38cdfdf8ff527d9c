// SPDX-License-Identifier: Apache-2.0
// Spool: keeps a request body whose length is not known until it is whole: in memory, and beyond 256 KiB in a file
// without a name. Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace microtome::host {

class Spool {
 public:
  Spool() = default;
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  Result<void> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // The next bytes from the front, at most `most`; empty at the end.
  [[nodiscard]] Result<std::string> take(std::size_t most);
  void rewind() { taken_ = 0; }

 private:
  std::string memory_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace microtome::host
