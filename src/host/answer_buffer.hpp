// SPDX-License-Identifier: Apache-2.0
// AnswerBuffer: takes an app's answer faster than its client does, so that the app is free early. What it does to its
// stream happens at the stream's commit(), which is its user's. Loop thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "host/spool.hpp"
#include "host/stream.hpp"
#include "http/message.hpp"

namespace microtome::host {

class AnswerBuffer {
 public:
  // `stream` outlives it. `keep`: ahead or whole.
  AnswerBuffer(Stream& stream, Keep keep, SpoolPlacePtr place);

  void begin(http::Response head, std::optional<std::uint64_t> length);
  // These fail with Code::io when a file cannot be written or read; fault_status() says more.
  Result<void> write(std::string_view bytes);
  Result<void> end();
  // The stream has room again.
  Result<void> drained();
  [[nodiscard]] int fault_status() const { return spool_.fault_status(); }

 private:
  Result<void> pump();

  Stream& stream_;
  Keep keep_;
  Spool spool_;
  http::Response head_;
  bool ended_ = false;
};

}  // namespace microtome::host
