// SPDX-License-Identifier: Apache-2.0
#include "host/small_files.hpp"

#include <chrono>
#include <ctime>
#include <memory>
#include <utility>

namespace microtome::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kKeep = 2s;
constexpr std::int64_t kSettled = 2'000'000'000;  // nanoseconds since it was written

bool settled(const io::FileId& id) {
  timespec time{};
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec - id.mtime_ns > kSettled;
}

}  // namespace

Result<SmallFiles::Found> SmallFiles::open(const std::string& path, const io::FileId& id) {
  const auto now = net::Loop::now();
  const auto kept = kept_.find(path);
  if (kept != kept_.end()) {
    if (now < kept->second.until && id == kept->second.found.file->id()) {
      return kept->second.found;
    }
    kept_.erase(kept);
  }
  auto file = io::File::open(path);
  if (!file) {
    return pass(file.error());
  }
  Found found{std::move(*file), nullptr};
  const std::uint64_t size = found.file->size();
  if (size == 0 || size > kLargest || kept_.size() >= kMost || !settled(found.file->id())) {
    return found;
  }
  Bytes bytes(static_cast<std::size_t>(size));
  if (found.file->read_cached(0, bytes)) {
    found.bytes = std::make_shared<const Bytes>(std::move(bytes));
    kept_.emplace(path, Kept{found, now + kKeep});
  }
  return found;
}

void SmallFiles::forget_old() {
  const auto now = net::Loop::now();
  std::erase_if(kept_, [now](const auto& each) { return now >= each.second.until; });
}

}  // namespace microtome::host
