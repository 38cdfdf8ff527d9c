// SPDX-License-Identifier: Apache-2.0
#include "engine/open_pictures.hpp"

#include <future>
#include <new>
#include <utility>

namespace microtome::engine {
namespace {

constexpr std::size_t kMostFailures = 1024;

bool worth_remembering(Code code) {
  return code != Code::cancelled && code != Code::overloaded;
}

}  // namespace

OpenPictures::OpenPictures(Options options, WorkPool& pool, World world)
    : options_(options), pool_(pool), world_(std::move(world)) {}

std::int64_t OpenPictures::next_check() const {
  return world_.now_ns() + std::int64_t{options_.revalidate_ms} * 1'000'000;
}

OpenPictures::EntryPtr OpenPictures::entry_of(const std::string& path) {
  Shard& shard = shard_of(path);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(path);
  return found != shard.entries.end() ? found->second : nullptr;
}

std::optional<Result<image::PicturePtr>> OpenPictures::find(const std::string& path) {
  return lookup(path, false);
}

std::optional<Result<image::PicturePtr>> OpenPictures::lookup(const std::string& path, bool may_block) {
  const EntryPtr entry = entry_of(path);
  if (entry == nullptr) {
    if (auto error = known_failure(path)) {
      return pass(std::move(*error));
    }
    return std::nullopt;
  }
  if (!entry->used.load(std::memory_order_relaxed)) {
    entry->used.store(true, std::memory_order_relaxed);
  }
  std::int64_t check_at = entry->lease->until_ns();
  const std::int64_t now = world_.now_ns();
  // One thread looks at the file again; the others take the picture as it is meanwhile.
  if (now < check_at || !entry->lease->claim(check_at, next_check())) {
    return entry->picture;
  }
  const auto id = may_block ? std::optional(world_.identify(path)) : world_.identify_cached(path);
  if (!id) {
    entry->lease->extend(check_at);  // a worker has to
    return std::nullopt;
  }
  if (*id && **id == entry->picture->file_id()) {
    measure(entry);
    return entry->picture;
  }
  remove(entry);
  if (!*id) {
    remember_failure(path, id->error());
    return pass(id->error());
  }
  return std::nullopt;
}

void OpenPictures::open(const std::string& path, const CancelToken& cancel, std::shared_ptr<void> keep, Done done) {
  const auto [opening, first] = openings_.join(key_of(path), cancel, std::move(done));
  if (first) {
    submit(opening, path, std::move(keep));
  }
}

void OpenPictures::submit(const Opening& opening, const std::string& path, std::shared_ptr<void> keep) {
  using Dropped = Flights<image::PicturePtr>::Dropped;
  const auto job = [this, opening, path, keep = std::move(keep)](bool cancelled, const auto& self) -> void {
    if (!cancelled) {
      run(opening, path);
    } else if (openings_.drop(opening) == Dropped::wanted) {
      pool_.put_back(WorkClass::tile, opening->token(), [self](bool gone) { self(gone, self); });
    }
  };
  const auto queued = pool_.submit(WorkClass::tile, opening->token(), [job](bool gone) { job(gone, job); });
  if (!queued && openings_.begin(opening)) {
    // Not `cancelled`, so it does not fly again.
    static_cast<void>(openings_.finish(opening, pass(queued.error())));
  }
}

void OpenPictures::run(const Opening& opening, const std::string& path) {
  while (openings_.begin(opening)) {
    Result<image::PicturePtr> result = fail(Code::cancelled, "nobody waits any more");
    if (!opening->token().cancelled()) {
      const auto known = lookup(path, true);
      result = known ? *known : open_file(path);
    }
    if (!openings_.finish(opening, result)) {
      return;
    }
  }
}

Result<image::PicturePtr> OpenPictures::open_now(const std::string& path) {
  if (auto known = lookup(path, true)) {
    return std::move(*known);
  }
  auto promise = std::make_shared<std::promise<Result<image::PicturePtr>>>();
  auto future = promise->get_future();
  const auto [opening, first] = openings_.join(
      key_of(path), {}, [promise](const Result<image::PicturePtr>& result) { promise->set_value(result); });
  // Takes over an opening that is only queued: waiting for a queued job on a worker could wait for ever. One that
  // runs ends by itself. With this waiter, which is never cancelled, none is given up.
  run(opening, path);
  return future.get();
}

Result<image::PicturePtr> OpenPictures::open_file(const std::string& path) {
  Result<image::PicturePtr> result = fail(Code::internal, "the picture cannot be opened");
  try {
    result = world_.open(path);
  } catch (const std::bad_alloc&) {
    result = fail(Code::overloaded, "not enough memory", path);
  }
  if (!result) {
    failed_.add();
    if (worth_remembering(result.error().code)) {
      remember_failure(path, result.error());
    }
    return result;
  }
  opened_.add();
  insert(path, *result);
  return result;
}

LeasePtr OpenPictures::lease(const std::string& path, const image::PicturePtr& picture) {
  const EntryPtr entry = entry_of(path);
  return entry != nullptr && entry->picture == picture ? entry->lease : nullptr;
}

void OpenPictures::used(const std::string& path) {
  if (const EntryPtr entry = entry_of(path)) {
    measure(entry);
  }
}

void OpenPictures::suspect(const std::string& path) {
  if (const EntryPtr entry = entry_of(path)) {
    entry->lease->end();
  }
}

void OpenPictures::forget(const std::string& path) {
  if (const EntryPtr entry = entry_of(path)) {
    remove(entry);
  }
}

void OpenPictures::insert(const std::string& path, const image::PicturePtr& picture) {
  auto entry = std::make_shared<Entry>();
  entry->path = path;
  entry->picture = picture;
  entry->lease->extend(next_check());
  entry->bytes = picture->memory();
  std::deque<EntryPtr> gone;  // closed after the locks
  const std::lock_guard lock(ring_mutex_);
  Shard& shard = shard_of(path);
  EntryPtr before;
  {
    const std::lock_guard shard_lock(shard.mutex);
    const auto found = shard.entries.find(path);
    before = found != shard.entries.end() ? found->second : nullptr;
  }
  if (before != nullptr) {
    unlist(before);
    gone.push_back(before);
  }
  measure_all();
  make_room(entry->bytes, 1, gone);
  {
    const std::lock_guard shard_lock(shard.mutex);
    shard.entries[path] = entry;
  }
  bytes_ += entry->bytes;
  ++count_;
  ring_.push_back(entry);
}

// Readers grow as they are used; their size is taken again after work, and whenever their file is looked at.
void OpenPictures::measure(const EntryPtr& entry) {
  std::deque<EntryPtr> gone;
  const std::lock_guard lock(ring_mutex_);
  weigh(*entry);
  make_room(0, 0, gone);
}

// Before another one is opened: also those that were used without our knowing (strips, sections). It is a loop over
// some hundred numbers beside an opening that reads a file.
void OpenPictures::measure_all() {
  for (const auto& listed : ring_) {
    if (const EntryPtr entry = listed.lock()) {
      weigh(*entry);
    }
  }
}

void OpenPictures::weigh(Entry& entry) {
  if (entry.listed) {
    const std::uint64_t now = entry.picture->memory();
    bytes_ += now - entry.bytes;
    entry.bytes = now;
  }
}

void OpenPictures::remove(const EntryPtr& entry) {
  const std::lock_guard lock(ring_mutex_);
  unlist(entry);
}

// Takes an entry out of the shard and the sums. In the ring it stays as a name without a bearer.
void OpenPictures::unlist(const EntryPtr& entry) {
  if (!entry->listed) {
    return;
  }
  entry->listed = false;
  entry->lease->end();
  bytes_ -= entry->bytes;
  --count_;
  Shard& shard = shard_of(entry->path);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(entry->path);
  if (found != shard.entries.end() && found->second == entry) {
    shard.entries.erase(found);
  }
}

void OpenPictures::make_room(std::uint64_t bytes, std::size_t files, std::deque<EntryPtr>& gone) {
  if (ring_.size() > 2 * count_ + 16) {
    std::erase_if(ring_, [](const auto& entry) { return entry.expired(); });
  }
  const auto over = [&] {
    const bool alone = count_ + files <= 1;
    return count_ + files > options_.max_files || (bytes_ + bytes > options_.max_bytes && !alone);
  };
  while (!ring_.empty() && over()) {
    EntryPtr entry = ring_.front().lock();
    ring_.pop_front();
    if (entry == nullptr || !entry->listed) {
      continue;
    }
    if (entry->used.exchange(false, std::memory_order_relaxed)) {
      ring_.push_back(entry);
      continue;
    }
    unlist(entry);
    gone.push_back(std::move(entry));
  }
}

std::optional<Error> OpenPictures::known_failure(const std::string& path) {
  const std::lock_guard lock(failure_mutex_);
  const auto found = failures_.find(path);
  if (found == failures_.end() || world_.now_ns() >= found->second.until_ns) {
    return std::nullopt;
  }
  return found->second.error;
}

void OpenPictures::remember_failure(const std::string& path, const Error& error) {
  const std::lock_guard lock(failure_mutex_);
  if (failures_.insert_or_assign(path, Failure{error, next_check()}).second) {
    failure_order_.push_back(path);
  }
  while (failure_order_.size() > kMostFailures) {
    failures_.erase(failure_order_.front());
    failure_order_.pop_front();
  }
}

std::size_t OpenPictures::count() const {
  const std::lock_guard lock(ring_mutex_);
  return count_;
}

std::uint64_t OpenPictures::bytes() const {
  const std::lock_guard lock(ring_mutex_);
  return bytes_;
}

}  // namespace microtome::engine
