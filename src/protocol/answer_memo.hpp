// SPDX-License-Identifier: Apache-2.0
// AnswerMemo: answers that are stored tiles, by their address, so that the next request for one of them costs a look
// into a table instead of parsing, planning and writing headers. It holds where the bytes lie and the finished header
// fields, never pixels and never an open file; an answer is given again only while the name still stands for the file
// and the file for the picture (leases). A bounded table of sets of eight: what is newest stays. Thread-safe.
#pragma once

#include <array>
#include <atomic>
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
  AnswerMemo();
  // At most 32,768 answers, of 100 bytes each when their pictures' headers differ in the ETag only, else of about 0.6
  // kB.
  static constexpr std::size_t kSets = 4096;
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kMostAddress = 512;  // bytes; longer addresses are not kept
  static constexpr std::size_t kMostLines = 2048;
  static constexpr std::size_t kMostTag = 46;

  // The answer to a GET or HEAD without conditions, when it is known and good. `scope` tells the trees of files
  // apart.
  [[nodiscard]] std::optional<http::Response> find(const void* scope, const http::Request& request);

  // Keeps a finished answer whose body is one range of a file, or does nothing. Both leases not null.
  void keep(const void* scope, const http::Request& request, const http::Response& response, LeasePtr name,
            LeasePtr picture);

 private:
  // What the tiles of one picture have in common.
  struct Source {
    std::string lines;  // header fields without the ETag
    SharedBytes prefix;
    SharedBytes suffix;
    std::weak_ptr<const io::File> file;
    LeasePtr name;
    LeasePtr picture;
    http::Trace trace;
  };
  using SourcePtr = std::shared_ptr<const Source>;
  // An address is known by 128 bits of its hash, under a key that nobody outside knows.
  struct Hash {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
  };
  // Two cache lines, so that a hit among thousands of tiles waits for memory twice: for the set's hashes and for
  // this.
  struct alignas(64) Slot {
    std::uint64_t hash = 0;  // the high half
    SourcePtr source;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint8_t tag_size = 0;
    std::array<char, kMostTag> tag{};  // the ETag
  };
  struct alignas(64) Set {
    std::array<std::uint64_t, kWays> hashes{};  // the low halves
    std::array<Slot, kWays> slots;
    std::uint32_t next = 0;  // the slot to give up next
  };
  static constexpr std::size_t kLocks = 64;
  static constexpr std::size_t kRecent = 16;

  [[nodiscard]] Hash hash_of(const void* scope, const http::Request& request) const;
  SourcePtr shared(Source source);

  const std::uint64_t key_;
  std::once_flag made_;
  std::vector<Set> sets_;  // made when the first answer is kept
  std::atomic<bool> ready_ = false;
  std::array<std::mutex, kLocks> locks_;
  std::mutex recent_mutex_;
  std::array<SourcePtr, kRecent> recent_;
  std::size_t next_recent_ = 0;
};

}  // namespace microtome::protocol
