// SPDX-License-Identifier: Apache-2.0
#include "protocol/metrics.hpp"

#include <chrono>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "protocol/numbers.hpp"
#include "protocol/reply.hpp"

namespace microtome::protocol {
namespace {

struct Value {
  std::string_view label;  // the value of the family's label; "" when it has none
  double number = 0;
};

class Page {
 public:
  // One family: `label` names what tells its values apart.
  Page& family(std::string_view name, std::string_view type, std::string_view help, std::string_view label,
               std::initializer_list<Value> values) {
    const std::string full = "microtome_" + std::string(name);
    text_ += "# HELP " + full + " " + std::string(help) + "\n# TYPE " + full + " " + std::string(type) + "\n";
    for (const Value& value : values) {
      text_ += full;
      if (!label.empty()) {
        text_ += "{" + std::string(label) + "=\"" + std::string(value.label) + "\"}";
      }
      text_ += " " + format_real(value.number) + "\n";
    }
    return *this;
  }
  Page& counter(std::string_view name, std::string_view help, std::int64_t value) {
    return family(name, "counter", help, "", {{"", static_cast<double>(value)}});
  }
  Page& gauge(std::string_view name, std::string_view help, double value) {
    return family(name, "gauge", help, "", {{"", value}});
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

double real(std::int64_t number) {
  return static_cast<double>(number);
}

}  // namespace

std::string write_metrics(const ServiceNumbers& service, const engine::Metrics& engine) {
  constexpr double kMicroseconds = 1e6;
  Page page;
  page.gauge("uptime_seconds", "Time since the start.", service.uptime_seconds)
      .counter("requests_total", "Requests that came in.", service.requests)
      .family("answers_total", "counter", "Answers that were no success, by kind.", "kind",
              {{"client_error", real(service.client_errors)},
               {"server_error", real(service.server_errors)},
               {"not_modified", real(service.not_modified)}})
      .family("pictures_total", "counter", "Pictures answered, by how they were made.", "plan",
              {{"passthrough", real(engine.passthrough)},
               {"dct_crop", real(engine.dct_crop)},
               {"background", real(engine.background)},
               {"scaled_decode", real(engine.scaled_decode)},
               {"full_decode", real(engine.full_decode)},
               {"region", real(engine.region)},
               {"computed", real(engine.computed)}})
      .family("pictures_unmade_total", "counter", "Pictures asked for and not made, by reason.", "reason",
              {{"not_modified", real(engine.not_modified)},
               {"failed", real(engine.failed)},
               {"cancelled", real(engine.cancelled)},
               {"overloaded", real(engine.overloaded)}})
      .counter("pictures_joined_total", "Requests that waited for equal work in flight.", engine.joined)
      .family("cache_lookups_total", "counter", "Look-ups in the cache of results.", "result",
              {{"hit", real(engine.cache_hits)}, {"miss", real(engine.cache_misses)}})
      .counter("cache_evictions_total", "Results that had to make room.", engine.cache_evictions)
      .gauge("cache_entries", "Results kept.", real(engine.cache_entries))
      .gauge("cache_bytes", "Bytes of results kept.", real(engine.cache_bytes))
      .family("files_opened_total", "counter", "Pictures opened.", "result",
              {{"opened", real(engine.opened)}, {"failed", real(engine.open_failed)}})
      .gauge("open_pictures", "Pictures open.", real(engine.open_pictures))
      .gauge("open_pictures_bytes", "Bytes that open pictures hold.", real(engine.open_bytes))
      .family("queued_jobs", "gauge", "Work that waits for a thread.", "class",
              {{"tile", real(engine.queued_tiles)}, {"export", real(engine.queued_exports)}})
      .gauge("memory_in_flight_bytes", "Decoded pixels of running work, estimated.", real(engine.memory_in_flight))
      .family("work_seconds_total", "counter", "CPU time of finished work.", "",
              {{"", real(engine.work_us) / kMicroseconds}});
  return page.take();
}

void answer_metrics(const Call& call) {
  const std::chrono::duration<double> up = std::chrono::steady_clock::now() - call.service->started;
  const Counters& counters = call.service->counters;
  const ServiceNumbers numbers{up.count(), counters.requests.value(), counters.client_errors.value(),
                               counters.server_errors.value(), counters.not_modified.value()};
  answer_text(call, "text/plain; version=0.0.4; charset=utf-8", write_metrics(numbers, call.engine().metrics()),
              Caching::none, "");
}

}  // namespace microtome::protocol
