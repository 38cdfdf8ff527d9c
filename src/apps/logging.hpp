// SPDX-License-Identifier: Apache-2.0
// Logging: where main functions send what libraries log. A file is opened for appending and reopened on demand (HUP
// after rotation). Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "base/log.hpp"

namespace microtome::apps {

class Logging {
 public:
  // `file` empty: standard error. A file that cannot be opened is said on standard error, which is then used.
  Logging(std::string file, LogLevel level);
  ~Logging();
  Logging(const Logging&) = delete;
  Logging& operator=(const Logging&) = delete;

  [[nodiscard]] Log log() const;  // stays valid after this object has gone
  void reopen();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace microtome::apps
