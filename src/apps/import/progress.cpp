// SPDX-License-Identifier: Apache-2.0
#include "apps/import/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace microtome::apps {
namespace {

constexpr int kBarWidth = 40;
constexpr std::chrono::milliseconds kRedraw{100};

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void Progress::event(const std::string& source, const char* state, const std::string& more) {
  if (style_ == ProgressStyle::json) {
    std::printf("{\"source\":%s,\"state\":\"%s\",\"ended\":%d,\"total\":%d%s}\n", quoted(source).c_str(), state,
                ended_, total_, more.c_str());
    std::fflush(stdout);
  }
}

void Progress::working(const std::string& source, double fraction) {
  const std::lock_guard lock(mutex_);
  running_[source] = fraction;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_draw_ < kRedraw) {
    return;
  }
  last_draw_ = now;
  event(source, "working", ",\"fraction\":" + std::to_string(fraction));
  draw();
}

void Progress::done(const std::string& source, const std::string& target, std::int64_t width, std::int64_t height,
                    double seconds) {
  const std::lock_guard lock(mutex_);
  running_.erase(source);
  ++ended_;
  event(source, "done",
        ",\"target\":" + quoted(target) + ",\"width\":" + std::to_string(width) +
            ",\"height\":" + std::to_string(height) + ",\"seconds\":" + std::to_string(seconds));
  if (style_ == ProgressStyle::lines) {
    std::printf("%d/%d %s: %lld x %lld, %.1f s\n", ended_, total_, source.c_str(), static_cast<long long>(width),
                static_cast<long long>(height), seconds);
    std::fflush(stdout);
  }
  draw();
}

void Progress::skipped(const std::string& source) {
  const std::lock_guard lock(mutex_);
  ++ended_;
  event(source, "skipped", "");
  draw();
}

void Progress::failed(const std::string& source, const std::string& why) {
  const std::lock_guard lock(mutex_);
  running_.erase(source);
  ++ended_;
  event(source, "failed", ",\"error\":" + quoted(why));
  std::fprintf(stderr, "%smicrotome: %s: %s\n", style_ == ProgressStyle::bar ? "\r\033[K" : "", source.c_str(),
               why.c_str());
  draw();
}

void Progress::draw() {
  if (style_ != ProgressStyle::bar || total_ == 0) {
    return;
  }
  double whole = ended_;
  for (const auto& [source, fraction] : running_) {
    whole += fraction;
  }
  const double fraction = std::clamp(whole / total_, 0.0, 1.0);
  const int filled = static_cast<int>(fraction * kBarWidth);
  const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::string left;
  if (fraction > 0.02 && fraction < 1) {
    left = ", " + std::to_string(static_cast<long>(spent / fraction - spent)) + " s left";
  }
  std::fprintf(stderr, "\r\033[K[%s%s] %d/%d%s", std::string(filled, '#').c_str(),
               std::string(kBarWidth - filled, ' ').c_str(), ended_, total_, left.c_str());
  std::fflush(stderr);
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  if (style_ == ProgressStyle::bar) {
    draw();
    std::fputc('\n', stderr);
  }
}

}  // namespace microtome::apps
