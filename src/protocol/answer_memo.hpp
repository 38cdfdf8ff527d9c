// SPDX-License-Identifier: Apache-2.0
// AnswerMemo: answers that are stored tiles, by their address, so that the next request for one of them costs a look
// into a table instead of parsing, planning and writing headers. It holds where the bytes lie and the finished header
// fields, never pixels and never an open file; an answer is given again only while the name still stands for the file
// and the file for the picture (leases). A bounded table of sets of eight: what is newest stays. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/lease.hpp"
#include "http/message.hpp"

namespace microtome::protocol {

class AnswerMemo {
 public:
  // At most 32,768 answers of about 0.6 kB.
  static constexpr std::size_t kSets = 4096;
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kMostAddress = 512;  // bytes; longer addresses are not kept
  static constexpr std::size_t kMostLines = 2048;

  // The answer to a GET or HEAD without conditions, when it is known and good. `scope` tells the trees of files
  // apart.
  [[nodiscard]] std::optional<http::Response> find(const void* scope, const http::Request& request);

  // Keeps a finished answer whose body is one range of a file, or does nothing. Both leases not null.
  void keep(const void* scope, const http::Request& request, const http::Response& response, LeasePtr name,
            LeasePtr picture);

 private:
  struct Entry {
    std::string address;
    std::shared_ptr<const std::string> lines;
    SharedBytes prefix;
    SharedBytes suffix;
    std::weak_ptr<const io::File> file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    LeasePtr name;
    LeasePtr picture;
    http::Trace trace;
  };
  struct Slot {
    std::size_t hash = 0;
    std::shared_ptr<const Entry> entry;
  };
  using Set = std::array<Slot, kWays>;
  static constexpr std::size_t kLocks = 64;

  [[nodiscard]] std::shared_ptr<const Entry> look(std::size_t hash, const std::string& address);

  std::once_flag made_;
  std::vector<Set> sets_;  // made when the first answer is kept
  std::atomic<bool> ready_ = false;
  std::array<std::mutex, kLocks> locks_;
};

}  // namespace microtome::protocol
