// SPDX-License-Identifier: Apache-2.0
#include "engine/shadow_pyramids.hpp"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <limits>
#include <utility>

#include "image/pyramid_file.hpp"

namespace microtome::engine {
namespace {

constexpr std::size_t kMostJobs = 256;              // what is used beyond them comes again when it is used again
constexpr std::size_t kMostKnown = 4096;            // then all is forgotten, and tried once more
constexpr std::int64_t kRetryNs = 600'000'000'000;  // after what may go better later: a full disk, no room
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::chrono::minutes kFirstTidying{1};
constexpr std::chrono::hours kTidying{1};
constexpr const char* kFull = "the disk is nearly full";
constexpr const char* kQuota = "the quota is used up";
constexpr const char* kNowhere = "no place can be written to";
constexpr std::uint64_t kLeftFree = 256ULL << 20;  // bytes of the disk that are left to others

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Behind everything else: the processor by niceness, which is a thread's own on Linux, and the disk by class idle.
void step_back() {
  constexpr int kLowest = 19;
  constexpr int kIoOfProcess = 1;   // IOPRIO_WHO_PROCESS
  constexpr int kIoIdle = 3 << 13;  // IOPRIO_CLASS_IDLE
  const auto self = static_cast<id_t>(::syscall(SYS_gettid));
  (void)::setpriority(PRIO_PROCESS, self, kLowest);
  (void)::syscall(SYS_ioprio_set, kIoOfProcess, 0, kIoIdle);
}

}  // namespace

ShadowPyramids::ShadowPyramids(PyramidOptions options, Open open, Identify identify, Ready ready, Log log)
    : options_(std::move(options)),
      shelf_(options_),
      open_(std::move(open)),
      identify_(std::move(identify)),
      ready_(std::move(ready)),
      log_(std::move(log)),
      thread_([this] { run(); }) {}

bool ShadowPyramids::wanted(const image::PictureInfo& info) const {
  const auto pixels = static_cast<std::uint64_t>(info.width) * static_cast<std::uint64_t>(info.height);
  return pixels >= options_.min_pixels && image::can_have_pyramid(info);
}

image::PicturePtr ShadowPyramids::dress(const std::string& path, image::PicturePtr picture) const {
  if (!wanted(picture->info())) {
    return picture;
  }
  const auto file = shelf_.find(path, picture->id());
  if (!file) {
    return picture;
  }
  auto pyramid = image::open_picture(*file, {});
  auto both = pyramid ? image::with_pyramid(picture, std::move(*pyramid)) : pass(pyramid.error());
  if (!both) {  // nobody can have meant this: it is made again
    (void)::unlink((*file)->path().c_str());
    log_.warning("removed a broken pyramid of " + path + ": " + both.error().message);
    return picture;
  }
  return std::move(*both);
}

void ShadowPyramids::used(const std::string& path, const image::Picture& picture) {
  if (picture.info().has_tiles || !wanted(picture.info())) {
    return;
  }
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(path);
  if (found != known_.end() && found->second.id == picture.id() && steady_ns() < found->second.again_ns) {
    return;
  }
  if (stopping_ || jobs_.size() >= kMostJobs) {
    return;
  }
  if (known_.size() >= kMostKnown) {
    known_.clear();
  }
  known_[path] = {picture.id(), kNever};
  jobs_.push_back({path, picture.id()});
  woken_.notify_one();
}

void ShadowPyramids::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  cancel_.cancel();
  woken_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void ShadowPyramids::run() {
  step_back();
  auto tidy_at = std::chrono::steady_clock::now() + kFirstTidying;
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      woken_.wait_until(lock, tidy_at, [&] { return stopping_ || !jobs_.empty(); });
      if (stopping_) {
        return;
      }
      if (!jobs_.empty()) {
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
    }
    if (job.path.empty()) {
      (void)shelf_.make_room(0);
      tidy_at = std::chrono::steady_clock::now() + kTidying;
    } else {
      work(job);
    }
  }
}

bool ShadowPyramids::wait_for_age(const io::FileId& id) {
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const std::int64_t least = std::int64_t{options_.min_age_ms} * 1'000'000;
  const std::int64_t wait = std::clamp<std::int64_t>(id.mtime_ns + least - now, 0, least);
  std::unique_lock lock(mutex_);
  return !woken_.wait_for(lock, std::chrono::nanoseconds(wait), [&] { return stopping_; });
}

void ShadowPyramids::work(const Job& job) {
  const auto begun = std::chrono::steady_clock::now();
  std::string target;
  Result<void> made = fail(Code::internal, "a pyramid could not be made");
  try {
    made = make(job, target);
  } catch (const std::exception& error) {
    made = fail(Code::overloaded, "not enough memory", error.what());
  }
  if (!made) {
    if (!cancel_.cancelled()) {
      failed(job, made.error());
    }
    return;
  }
  if (!target.empty()) {
    const auto file = io::File::identify(target);
    const std::uint64_t bytes = file ? file->size : 0;
    shelf_.add(target, bytes);
    PyramidShelf::drop_stale(target);
    const auto took = std::chrono::steady_clock::now() - begun;
    log_.info("made a pyramid of " + job.path + ": " + std::to_string(bytes >> 10) + " KiB in " +
              std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) + " ms");
  }
  {
    const std::lock_guard lock(mutex_);
    known_.erase(job.path);
  }
  ready_(job.path);
}

// `target` stays empty when another process has made it.
Result<void> ShadowPyramids::make(const Job& job, std::string& target) {
  const auto unchanged = [&](const std::string&) -> Result<void> {
    const auto id = identify_(job.path);
    return id && *id == job.id ? Result<void>() : fail(Code::io, "the picture has changed meanwhile");
  };
  if (!wait_for_age(job.id)) {
    return fail(Code::cancelled, "stopping");
  }
  if (auto same = unchanged({}); !same) {
    return same;
  }
  if (shelf_.find(job.path, job.id)) {
    return {};
  }
  const auto picture = open_(job.path);
  if (!picture) {
    return pass(picture.error());
  }
  if ((*picture)->id() != job.id) {
    return fail(Code::io, "the picture has changed meanwhile");
  }
  auto place = shelf_.place(job.path, job.id);
  if (!place) {
    return fail(Code::io, kNowhere, place.error().context);
  }
  const std::uint64_t most = image::pyramid_bytes((*picture)->info());
  if (auto free = check_disk(*place, most); !free) {
    return free;
  }
  if (!shelf_.make_room(most)) {
    return fail(Code::too_large, kQuota, *place);
  }
  if (auto written = image::write_pyramid(**picture, *place, options_.max_held_bytes, unchanged, cancel_); !written) {
    return written;
  }
  target = std::move(*place);
  return {};
}

Result<void> ShadowPyramids::check_disk(const std::string& target, std::uint64_t bytes) const {
  struct statvfs disk{};
  const std::string folder = std::filesystem::path(target).parent_path().string();
  if (::statvfs(folder.c_str(), &disk) == 0 &&
      static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize < bytes + kLeftFree) {
    return fail(Code::io, kFull, folder);
  }
  return {};
}

void ShadowPyramids::failed(const Job& job, const Error& error) {
  // Broken pictures stay broken until they change; another process that writes the same file will be done soon.
  const bool lasting = error.code == Code::corrupt || error.code == Code::unsupported;
  {
    const std::lock_guard lock(mutex_);
    known_[job.path] = {job.id, lasting ? kNever : steady_ns() + kRetryNs};
  }
  const bool of_the_place = error.message == kNowhere || error.message == kFull || error.message == kQuota;
  if (of_the_place && !said_.insert(error.message).second) {
    return;
  }
  log_.warning("no pyramid of " + job.path + ": " + error.message +
               (error.context.empty() ? "" : " (" + error.context + ")") +
               (of_the_place ? "; such pictures are decoded whole for their views (said once)" : ""));
}

}  // namespace microtome::engine
