// SPDX-License-Identifier: Apache-2.0
// A mapped file that is cut short while it is read kills the process by SIGBUS: the pages behind its new end are
// lost. With survive_lost_pages(), which main functions call once, such a page of one of our mappings becomes a page
// of zeros instead; whoever reads asks Blob::intact() afterwards and throws away what was made. Without it nothing
// changes. docs/decisions/005-mapped-files.md tells why this needs state of the whole process.
#pragma once

#include <cstddef>

namespace microtome::woolz {

// Installs the handler of SIGBUS. Faults elsewhere end the process as ever.
void survive_lost_pages();

// A mapping as long as it lives; at most 8192 are watched, more go without. Thread-safe.
class WatchedMapping {
 public:
  WatchedMapping(const void* begin, std::size_t length);
  ~WatchedMapping();
  WatchedMapping(const WatchedMapping&) = delete;
  WatchedMapping& operator=(const WatchedMapping&) = delete;

 private:
  std::size_t slot_;
};

}  // namespace microtome::woolz
