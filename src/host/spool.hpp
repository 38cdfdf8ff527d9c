// SPDX-License-Identifier: Apache-2.0
// Spool: keeps a body until somebody takes it: its first bytes in memory, the rest in files without names, which
// vanish with the spool, or with us. Loop thread only (what is written goes to the page cache).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/message.hpp"

namespace microtome::host {

// How much of a body is kept between a client and an app (server.stream-request-body, server.stream-response-body).
enum class Keep {
  little,  // as much as keeps both busy: who is slow makes the other wait
  ahead,   // it passes at once; what the slow one does not take yet is kept
  whole    // nothing passes before all is here
};

// Where files are made (server.upload-dirs, server.upload-temp-file-size).
struct SpoolPlace {
  std::vector<std::string> directories{"/var/tmp"};  // the next one is taken where one is full
  std::uint64_t file_size = 1 << 20;                 // bytes of a spool's first file; each further is twice as large
};
using SpoolPlacePtr = std::shared_ptr<const SpoolPlace>;

class Spool {
 public:
  // `place` null: the defaults. `in_memory`: bytes that are kept without a file.
  explicit Spool(SpoolPlacePtr place = nullptr, std::size_t in_memory = 64 * 1024);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Code::io when it cannot be kept; fault_status() says more.
  Result<void> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t left() const { return size_ - taken_; }  // not taken yet
  // The next bytes from the front, at most `most`; empty at the end.
  [[nodiscard]] Result<std::string> take(std::size_t most);
  void rewind() { taken_ = 0; }
  // Lets go of what was taken, as far as it fills files: no rewind() after it.
  void forget_taken();
  void clear();
  // All of it, to be sent; the spool is empty afterwards.
  [[nodiscard]] Result<http::Body> as_body();
  // After a failure: 507 when the disk is full, else 500.
  [[nodiscard]] int fault_status() const { return fault_status_; }

 private:
  struct Part {
    int fd;
    std::uint64_t begin;  // in the body
    std::uint64_t size;
    std::uint64_t most;
  };
  [[nodiscard]] Result<void> open_part();
  [[nodiscard]] Error fault(int error);

  SpoolPlacePtr place_;
  std::size_t in_memory_;
  std::string memory_;  // the first bytes
  std::vector<Part> parts_;
  std::size_t directory_ = 0;
  std::uint64_t next_size_;
  std::uint64_t size_ = 0;
  std::uint64_t taken_ = 0;
  int fault_status_ = 500;
};

}  // namespace microtome::host
