// SPDX-License-Identifier: Apache-2.0
// World: what the engine needs from outside: files, readers, a clock. The real one in programs, a scripted one in
// tests. All members are thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "image/picture.hpp"
#include "io/file.hpp"

namespace microtome::engine {

struct World {
  // The state of the file at a path now; may block.
  std::function<Result<io::FileId>(const std::string&)> identify;
  // The same without blocking: nullopt when the kernel would have to go to the disk, or cannot tell.
  std::function<std::optional<Result<io::FileId>>(const std::string&)> identify_cached;
  // Opens the picture; blocks.
  std::function<Result<image::PicturePtr>(const std::string&)> open;
  // Monotonic, nanoseconds.
  std::function<std::int64_t()> now_ns;
};

[[nodiscard]] World real_world(const image::OpenLimits& limits);

[[nodiscard]] std::shared_ptr<Engine> make_engine(const EngineOptions& options, WorkPool& pool, Log log, World world);

}  // namespace microtome::engine
