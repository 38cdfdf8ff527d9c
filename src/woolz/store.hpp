// SPDX-License-Identifier: Apache-2.0
// Store: open objects and computed selections, found again by path and state of the file; the least recently used go
// when there are too many or they are too large. Thread-safe. Objects are opened once, however many ask at the time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/cancel.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "woolz/evaluate.hpp"
#include "woolz/object.hpp"
#include "woolz/options.hpp"
#include "woolz/pyramid.hpp"

namespace microtome::woolz {

class Store {
 public:
  explicit Store(StoreOptions options = {}, Log log = {}) : options_(std::move(options)), log_(std::move(log)) {}

  // State of the file at `path` as it was at most revalidate_ms ago; nullopt: ask identify(). Never blocks.
  [[nodiscard]] std::optional<io::FileId> known(const std::string& path) const;
  // Looks at the disk. Code::not_found.
  [[nodiscard]] Result<io::FileId> identify(const std::string& path);

  // The object at `path`, as it is now. Blocks while it is read; Code::io when the file below has been cut short.
  [[nodiscard]] Result<ObjectPtr> open(const std::string& path);
  // What a selection of an object is. Blocks while it is computed; what that costs comes off `work`.
  [[nodiscard]] Result<BodyPtr> select(const std::string& path, const ObjectPtr& object, const Expression& expression,
                                       const CancelToken& cancel, Work& work);

  // The pyramid of a member. Blocks while it is made.
  [[nodiscard]] Result<PyramidPtr> pyramid(const std::string& path, const ObjectPtr& object, std::size_t member,
                                           const CancelToken& cancel);

  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  // An object, a selection or a pyramid.
  struct Item {
    std::string key;
    ObjectPtr object;
    BodyPtr body;
    PyramidPtr pyramid;
    std::uint64_t bytes = 0;
  };
  using Items = std::list<Item>;
  struct Seen {
    io::FileId id;
    std::chrono::steady_clock::time_point until;
  };

  [[nodiscard]] std::optional<Item> find(const std::string& key);
  void keep(Item item);
  // Held while something of this key is being made.
  [[nodiscard]] std::shared_ptr<std::mutex> gate(const std::string& key);
  void leave(const std::string& key, const std::shared_ptr<std::mutex>& gate);

  StoreOptions options_;
  Log log_;
  mutable std::mutex mutex_;
  Items items_;  // most recently used first
  std::unordered_map<std::string, Items::iterator> by_key_;
  std::uint64_t bytes_ = 0;
  std::unordered_map<std::string, std::shared_ptr<std::mutex>> gates_;
  std::unordered_map<std::string, Seen> seen_;
};

// Part of every cache key and ETag.
[[nodiscard]] std::string text_of(const io::FileId& id);

}  // namespace microtome::woolz
