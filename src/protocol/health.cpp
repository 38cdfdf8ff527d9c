// SPDX-License-Identifier: Apache-2.0
#include "protocol/health.hpp"

#include <chrono>
#include <cmath>

#include "protocol/json_writer.hpp"
#include "protocol/reply.hpp"

namespace microtome::protocol {

void answer_health(const Call& call) {
  const std::chrono::duration<double> up = std::chrono::steady_clock::now() - call.service->started;
  const Counters& counters = call.service->counters;
  const engine::Metrics engine = call.engine().metrics();
  JsonWriter json;
  json.begin_object();
  json.key("status").value("ok").key("version").value(MICROTOME_VERSION);
  json.key("uptime_s").value(std::round(up.count() * 10) / 10);
  json.key("requests").value(counters.requests.value());
  json.key("errors").value(counters.server_errors.value());
  json.key("refused").value(counters.client_errors.value());
  json.key("not_modified").value(counters.not_modified.value());
  json.key("passthrough").value(engine.passthrough);
  json.key("rendered")
      .value(engine.region + engine.full_decode + engine.scaled_decode + engine.dct_crop + engine.computed);
  json.key("cache_hits").value(engine.cache_hits).key("cache_misses").value(engine.cache_misses);
  json.key("cache_bytes").value(engine.cache_bytes).key("open_pictures").value(engine.open_pictures);
  json.key("queued").value(engine.queued_tiles + engine.queued_exports);
  json.key("overloaded").value(engine.overloaded).key("cancelled").value(engine.cancelled);
  json.end_object();
  answer_text(call, "application/json", json.take(), Caching::none, "");
}

}  // namespace microtome::protocol
