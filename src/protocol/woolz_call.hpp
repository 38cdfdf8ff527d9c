// SPDX-License-Identifier: Apache-2.0
// From the name of a Woolz object to an answer about it: finds the file, knows its state, computes once for all who
// ask the same, keeps what was computed. Thread-safe.
#pragma once

#include <functional>
#include <string>

#include "protocol/call.hpp"
#include "protocol/woolz_answers.hpp"

namespace microtome::protocol {

struct WoolzJob {
  std::string name;  // as the client gave it
  std::string key;   // everything that decides the bytes, but for the object and its state
  std::function<Result<engine::Engine::Computed>(const WoolzContext&)> compute;  // on a worker
  std::function<void(Error)> failed;
  std::function<void(engine::Rendered, std::int64_t mtime_ns)> made;
};

// Objects that are no images, broken or too deep are Code::not_found to `failed`.
void run_woolz(const Call& call, WoolzJob job);

// A key for parameters, to the last digit of every number.
[[nodiscard]] std::string key_of(const woolz::Parameters& parameters);

}  // namespace microtome::protocol
