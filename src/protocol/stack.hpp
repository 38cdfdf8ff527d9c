// SPDX-License-Identifier: Apache-2.0
// The JSON documents of sets, and a cache of the compressed ones.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "set/set.hpp"

namespace microtome::protocol {

// Pure. docs/formats/urls.md describes both.
[[nodiscard]] std::string sets_json(const std::vector<set::SetPtr>& sets, const std::vector<std::string>& volumes);
[[nodiscard]] std::string stack_json(const set::Set& set);

struct StackDocument {
  set::SetPtr set;   // what it was made from: another snapshot is another document
  std::string etag;  // without quotes
  SharedBytes gzip;
};

// The documents asked for last, at most `most` of them. Thread-safe.
class StackCache {
 public:
  explicit StackCache(std::size_t most = 16) : most_(most) {}
  [[nodiscard]] std::shared_ptr<const StackDocument> find(const set::SetPtr& set);
  void put(std::shared_ptr<const StackDocument> document);

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::list<std::shared_ptr<const StackDocument>> documents_;  // the last used first
};

}  // namespace microtome::protocol
