// SPDX-License-Identifier: Apache-2.0
// SmallFiles: small files that were served a moment ago, open and with their bytes, so that the next request for one
// costs a stat instead of opening, sending from and closing it. Loop thread only.
//
// A file is never served from here when its inode, size or time differ from what was read. One that was written
// within the last two seconds is not kept at all: it could change once more without another time.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/file.hpp"
#include "net/loop.hpp"

namespace microtome::host {

class SmallFiles {
 public:
  static constexpr std::size_t kLargest = 16 * 1024;  // bytes
  static constexpr std::size_t kMost = 64;            // files, open as long as they are kept

  struct Found {
    io::FilePtr file;
    SharedBytes bytes;  // all of it; null where only the file is there
  };
  // Opens `path`, or finds it when `now` is what it is at this moment. Fails as io::File::open() does. Never waits
  // for the disk's data.
  [[nodiscard]] Result<Found> open(const std::string& path, const io::FileId& now);
  // Lets go of what was read more than two seconds ago. To be called about once a second.
  void forget_old();
  [[nodiscard]] std::size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    Found found;
    net::Clock::time_point until;
  };
  std::unordered_map<std::string, Kept> kept_;  // by path
};

}  // namespace microtome::host
