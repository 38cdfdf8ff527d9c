// SPDX-License-Identifier: Apache-2.0
// A picture is converted in a process of its own: foreign decoders read foreign bytes there, and one that crashes (as
// libvips 8.14 does when a source ends early while it writes a pyramid) costs one picture, not the import.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "apps/import/convert.hpp"
#include "base/result.hpp"

namespace microtome::apps {

// Starts this program again as a worker for one picture and waits for it. `progress` gets 0..1. When `stop` becomes
// true the worker is killed: Code::cancelled. Thread-safe.
[[nodiscard]] Result<Converted> convert_in_worker(const std::string& source, const std::string& target,
                                                  const ConvertOptions& options,
                                                  const std::function<void(double)>& progress,
                                                  const std::atomic<bool>& stop);

// The worker's side: converts, flushes, verifies, and tells on standard output, a line each:
// "p FRACTION", "w WARNING", then "d WIDTH HEIGHT" or "e MESSAGE". Returns the exit code.
[[nodiscard]] int run_worker(const std::string& source, const std::string& target, const ConvertOptions& options);

}  // namespace microtome::apps
