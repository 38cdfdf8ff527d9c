// SPDX-License-Identifier: Apache-2.0
#include "protocol/metrics.hpp"

#include <chrono>

#include "protocol/metrics_page.hpp"
#include "protocol/reply.hpp"
#include "woolz/store.hpp"

namespace microtome::protocol {
namespace {

double real(std::int64_t number) {
  return static_cast<double>(number);
}

void write_service(MetricsPage& page, const ServiceNumbers& service) {
  page.family("uptime_seconds", "gauge", "Time since the start.").value(service.uptime_seconds);
  page.family("requests_total", "counter", "Requests that came in.").value(real(service.requests));
  page.family("refused_total", "counter", "Answers that were no success, by kind.")
      .value(real(service.client_errors), {{"kind", "client_error"}})
      .value(real(service.server_errors), {{"kind", "server_error"}})
      .value(real(service.not_modified), {{"kind", "not_modified"}});
}

void write_engine(MetricsPage& page, const engine::Metrics& engine) {
  page.family("pictures_total", "counter", "Pictures asked of the engine, by how they are made.")
      .value(real(engine.passthrough), {{"plan", "passthrough"}})
      .value(real(engine.dct_crop), {{"plan", "dct_crop"}})
      .value(real(engine.background), {{"plan", "background"}})
      .value(real(engine.scaled_decode), {{"plan", "scaled_decode"}})
      .value(real(engine.full_decode), {{"plan", "full_decode"}})
      .value(real(engine.region), {{"plan", "region"}})
      .value(real(engine.computed), {{"plan", "computed"}});
  page.family("pictures_unmade_total", "counter", "Pictures asked for and not made, by reason.")
      .value(real(engine.not_modified), {{"reason", "not_modified"}})
      .value(real(engine.failed), {{"reason", "failed"}})
      .value(real(engine.cancelled), {{"reason", "cancelled"}})
      .value(real(engine.overloaded), {{"reason", "overloaded"}});
  page.family("pictures_joined_total", "counter", "Requests that waited for equal work in flight.")
      .value(real(engine.joined));
  page.family("files_opened_total", "counter", "Pictures opened.")
      .value(real(engine.opened), {{"result", "opened"}})
      .value(real(engine.open_failed), {{"result", "failed"}});
  page.family("open_pictures", "gauge", "Pictures open.").value(real(engine.open_pictures));
  page.family("open_pictures_bytes", "gauge", "Bytes that open pictures hold.").value(real(engine.open_bytes));
}

void write_cache(MetricsPage& page, const engine::Metrics& engine) {
  page.family("cache_lookups_total", "counter", "Look-ups in the cache of results.")
      .value(real(engine.cache_hits), {{"result", "hit"}})
      .value(real(engine.cache_misses), {{"result", "miss"}});
  page.family("cache_evictions_total", "counter", "Results that had to make room.")
      .value(real(engine.cache_evictions));
  page.family("cache_entries", "gauge", "Results kept.").value(real(engine.cache_entries));
  page.family("cache_bytes", "gauge", "Bytes of results kept.").value(real(engine.cache_bytes));
}

void write_pool(MetricsPage& page, const engine::Metrics& engine, int threads) {
  constexpr double kMicroseconds = 1e6;
  page.family("pool_threads", "gauge", "Threads that decode, scale and encode.").value(threads);
  page.family("queued_jobs", "gauge", "Work that waits for a thread.")
      .value(real(engine.queued_tiles), {{"class", "tile"}})
      .value(real(engine.queued_exports), {{"class", "export"}});
  page.family("memory_in_flight_bytes", "gauge", "Decoded pixels of running work, estimated.")
      .value(real(engine.memory_in_flight));
  page.family("work_seconds_total", "counter", "CPU time of finished work.")
      .value(real(engine.work_us) / kMicroseconds);
}

void write_woolz(MetricsPage& page, const ServiceNumbers& service) {
  page.family("woolz_kept", "gauge", "Woolz objects, selections and pyramids kept.")
      .value(static_cast<double>(service.woolz_kept));
  page.family("woolz_bytes", "gauge", "Bytes of memory that they hold.")
      .value(static_cast<double>(service.woolz_bytes));
}

}  // namespace

std::string write_metrics(const ServiceNumbers& service, const engine::Metrics& engine) {
  MetricsPage page;
  write_service(page, service);
  write_engine(page, engine);
  write_cache(page, engine);
  write_pool(page, engine, service.threads);
  write_woolz(page, service);
  return page.take();
}

void answer_metrics(const Call& call) {
  const std::chrono::duration<double> up = std::chrono::steady_clock::now() - call.service->started;
  const Counters& counters = call.service->counters;
  const ServiceNumbers numbers{up.count(),
                               counters.requests.value(),
                               counters.client_errors.value(),
                               counters.server_errors.value(),
                               counters.not_modified.value(),
                               call.service->pool.threads(),
                               call.service->woolz->count(),
                               call.service->woolz->bytes()};
  std::string page = write_metrics(numbers, call.engine().metrics());
  if (call.options().traffic) {
    page += call.options().traffic->write();
  }
  answer_text(call, "text/plain; version=0.0.4; charset=utf-8", std::move(page), Caching::none, "");
}

}  // namespace microtome::protocol
