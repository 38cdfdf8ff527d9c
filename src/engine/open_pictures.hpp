// SPDX-License-Identifier: Apache-2.0
// OpenPictures: pictures that are open, by path, within a number of files and bytes. A path is looked at again (stat)
// at most every `revalidate_ms`; a picture whose file has changed or gone is dropped. What could not be opened is
// remembered as long, so that a broken file costs nothing when it is asked for again and again. Finding one takes one
// short lock of a shard. Pictures dropped here live on while somebody uses them. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/lease.hpp"
#include "base/metrics.hpp"
#include "base/work_pool.hpp"
#include "engine/flight.hpp"
#include "engine/world.hpp"

namespace microtome::engine {

struct OpenPicturesOptions {
  std::uint64_t max_bytes = 64ULL << 20;  // of picture->memory(); one picture larger than that is kept alone
  std::size_t max_files = 512;
  int revalidate_ms = 500;
};

// Must outlive the jobs that it has put into the pool: `keep` of open() sees to that.
class OpenPictures {
 public:
  using Options = OpenPicturesOptions;
  using Done = Flights<image::PicturePtr>::Done;

  OpenPictures(Options options, WorkPool& pool, World world);
  OpenPictures(const OpenPictures&) = delete;
  OpenPictures& operator=(const OpenPictures&) = delete;

  // The picture, or why it cannot be opened, when that is known and fresh. Never blocks.
  [[nodiscard]] std::optional<Result<image::PicturePtr>> find(const std::string& path);

  // Opens on a worker; equal calls share one opening. `keep` is held until the job is done.
  void open(const std::string& path, const CancelToken& cancel, std::shared_ptr<void> keep, Done done);

  // Finds or opens on this thread; waits when another thread is opening the same just now.
  [[nodiscard]] Result<image::PicturePtr> open_now(const std::string& path);

  // Holds while find() would give this very picture at once; null when it would not.
  [[nodiscard]] LeasePtr lease(const std::string& path, const image::PicturePtr& picture);

  // The picture was worked with: readers keep what they decoded, so its size is taken again.
  void used(const std::string& path);

  // Reading failed: look at the file again before the picture is used next.
  void suspect(const std::string& path);

  // The picture would be opened as another one now: it is, when it is used next.
  void forget(const std::string& path);

  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::int64_t opened() const { return opened_.value(); }
  [[nodiscard]] std::int64_t failed() const { return failed_.value(); }

 private:
  using Opening = Flights<image::PicturePtr>::FlightPtr;
  struct Entry {
    std::string path;
    image::PicturePtr picture;
    std::shared_ptr<Lease> lease = std::make_shared<Lease>();  // until the file is looked at again
    std::atomic<bool> used{false};                             // since the clock hand last came by
    bool listed = true;                                        // guarded by ring_mutex_
    std::uint64_t bytes = 0;                                   // as charged; guarded by ring_mutex_
  };
  using EntryPtr = std::shared_ptr<Entry>;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, EntryPtr> entries;
  };
  struct Failure {
    Error error;
    std::int64_t until_ns;
  };

  Shard& shard_of(const std::string& path) { return shards_[std::hash<std::string>{}(path) / 64 % shards_.size()]; }
  EntryPtr entry_of(const std::string& path);
  std::optional<Result<image::PicturePtr>> lookup(const std::string& path, bool may_block);
  std::optional<Error> known_failure(const std::string& path);
  void remember_failure(const std::string& path, const Error& error);
  Result<image::PicturePtr> open_file(const std::string& path);
  void run(const Opening& opening, const std::string& path);
  void submit(const Opening& opening, const std::string& path, std::shared_ptr<void> keep);
  void insert(const std::string& path, const image::PicturePtr& picture);
  void measure(const EntryPtr& entry);
  void measure_all();
  void weigh(Entry& entry);
  void remove(const EntryPtr& entry);
  void make_room(std::uint64_t bytes, std::size_t files, std::deque<EntryPtr>& gone);
  void unlist(const EntryPtr& entry);
  [[nodiscard]] std::int64_t next_check() const;

  Options options_;
  WorkPool& pool_;
  World world_;
  std::array<Shard, 16> shards_;
  Flights<image::PicturePtr> openings_;

  // The clock (second chance) over all entries; the shards own them. Locked before a shard, never after.
  mutable std::mutex ring_mutex_;
  std::deque<std::weak_ptr<Entry>> ring_;
  std::size_t count_ = 0;
  std::uint64_t bytes_ = 0;

  std::mutex failure_mutex_;
  std::unordered_map<std::string, Failure> failures_;
  std::deque<std::string> failure_order_;

  Counter opened_;
  Counter failed_;
};

}  // namespace microtome::engine
