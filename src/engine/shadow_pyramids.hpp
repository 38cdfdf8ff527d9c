// SPDX-License-Identifier: Apache-2.0
// ShadowPyramids: makes a pyramid, once and in the background, of every large picture that is used and has none, and
// opens pictures with the pyramid that was made of them. One thread of the lowest priority, one pyramid at a time.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/cancel.hpp"
#include "base/log.hpp"
#include "engine/pyramid_shelf.hpp"
#include "image/picture.hpp"

namespace microtome::engine {

class ShadowPyramids {
 public:
  using Open = std::function<Result<image::PicturePtr>(const std::string&)>;
  using Identify = std::function<Result<io::FileId>(const std::string&)>;
  using Ready = std::function<void(const std::string&)>;

  // `open` opens a picture as its file is, and `identify` says which state that is in (of pages of files, too);
  // `ready` is told when the picture at a path should be opened again. All are called on the thread of this object.
  ShadowPyramids(PyramidOptions options, Open open, Identify identify, Ready ready, Log log);
  ~ShadowPyramids() { stop(); }
  ShadowPyramids(const ShadowPyramids&) = delete;
  ShadowPyramids& operator=(const ShadowPyramids&) = delete;

  // The picture with its pyramid where there is one, else as it is. Blocks on the disk.
  [[nodiscard]] image::PicturePtr dress(const std::string& path, image::PicturePtr picture) const;

  // The picture was worked with: it gets a pyramid when it needs one. Cheap, never blocks.
  void used(const std::string& path, const image::Picture& picture);

  // Gives up what is being made and ends the thread; nothing is called afterwards.
  void stop();

 private:
  struct Job {
    std::string path;
    io::FileId id;
  };
  struct Known {  // a picture that waits or could not be done
    io::FileId id;
    std::int64_t again_ns = 0;  // not before; steady clock
  };

  [[nodiscard]] bool wanted(const image::PictureInfo& info) const;
  void run();
  void work(const Job& job);
  [[nodiscard]] Result<void> make(const Job& job, std::string& target);
  [[nodiscard]] Result<void> check_disk(const std::string& target, std::uint64_t bytes) const;
  // True when the wait was not ended by stop().
  bool wait_for_age(const io::FileId& id);
  void failed(const Job& job, const Error& error);

  const PyramidOptions options_;
  PyramidShelf shelf_;
  Open open_;
  Identify identify_;
  Ready ready_;
  Log log_;
  CancelToken cancel_;
  std::set<std::string> said_;  // what is said once, not for each picture

  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ = false;
  std::deque<Job> jobs_;
  std::unordered_map<std::string, Known> known_;
  std::thread thread_;
};

}  // namespace microtome::engine
