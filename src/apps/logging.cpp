// SPDX-License-Identifier: Apache-2.0
#include "apps/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

namespace microtome::apps {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::debug:
      break;
  }
  return spdlog::level::debug;
}

}  // namespace

struct Logging::State {
  std::string file;
  LogLevel level;
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;

  void open() {
    spdlog::sink_ptr sink;
    if (file == "syslog") {
      sink = std::make_shared<spdlog::sinks::syslog_sink_mt>("microtome", LOG_PID, LOG_DAEMON, false);
    } else if (!file.empty()) {
      try {
        sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
      } catch (const spdlog::spdlog_ex& error) {
        std::fprintf(stderr, "microtome: LOGFILE: %s; logging to standard error\n", error.what());
      }
    }
    if (!sink) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    }
    auto made = std::make_shared<spdlog::logger>("microtome", std::move(sink));
    made->set_level(level_of(level));
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z [%P] %l: %v");
    made->flush_on(spdlog::level::debug);
    const std::lock_guard lock(mutex);
    logger = std::move(made);
  }
};

Logging::Logging(std::string file, LogLevel level) : state_(std::make_shared<State>()) {
  state_->file = std::move(file);
  state_->level = level;
  state_->open();
}

Logging::~Logging() = default;

Log Logging::log() const {
  return Log(
      [state = state_](LogLevel level, std::string_view text) {
        std::shared_ptr<spdlog::logger> logger;
        {
          const std::lock_guard lock(state->mutex);
          logger = state->logger;
        }
        logger->log(level_of(level), text);
      },
      state_->level);
}

void Logging::reopen() {
  state_->open();
}

}  // namespace microtome::apps
