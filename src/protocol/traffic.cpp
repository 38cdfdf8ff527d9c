// SPDX-License-Identifier: Apache-2.0
#include "protocol/traffic.hpp"

#include <algorithm>

#include "protocol/metrics_page.hpp"

namespace microtome::protocol {
namespace {

constexpr double kMicroseconds = 1e6;

template <std::size_t N>
std::size_t place_of(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  return std::min(found, N - 1);
}

double real(const Counter& counter) {
  return static_cast<double>(counter.value());
}

double seconds(const Counter& counter) {
  return real(counter) / kMicroseconds;
}

}  // namespace

void Traffic::add(const http::Served& served) {
  constexpr int kHundred = 100;
  ByProtocol& counters = protocols_[place_of(kProtocols, served.trace.protocol)];
  counters.plans[place_of(kPlans, served.trace.plan)].add();
  counters.classes[static_cast<std::size_t>(std::clamp(served.status / kHundred, 1, int{kClasses}) - 1)].add();
  const std::int64_t total = served.total_us();
  const auto bound = static_cast<std::size_t>(std::ranges::lower_bound(kBounds, total) - kBounds.begin());
  counters.latency[bound].add();
  counters.total_us.add(total);
  counters.plan_us.add(served.plan_us);
  if (served.trace.work_us != 0 || served.trace.queue_us != 0) {  // passed through: neither
    counters.queue_us.add(served.trace.queue_us);
    counters.work_us.add(served.trace.work_us);
  }
  counters.send_us.add(served.send_us);
  counters.bytes.add(static_cast<std::int64_t>(served.bytes));
  if (!served.whole) {
    counters.cut.add();
  }
}

std::string Traffic::write() const {
  static constexpr std::array<std::string_view, kClasses> kCodes{"1xx", "2xx", "3xx", "4xx", "5xx"};
  MetricsPage page;
  const auto each = [this](auto tell) {
    for (std::size_t i = 0; i < kProtocols.size(); ++i) {
      tell(kProtocols[i], protocols_[i]);
    }
  };
  page.family("http_answers_total", "counter", "Answers sent, by protocol and class of status.");
  each([&](std::string_view protocol, const ByProtocol& counters) {
    for (std::size_t i = 1; i < kClasses; ++i) {
      page.value(real(counters.classes[i]), {{"protocol", protocol}, {"code", kCodes[i]}});
    }
  });
  page.family("answers_by_plan_total", "counter", "Answers sent, by protocol and by how their picture was made.");
  each([&](std::string_view protocol, const ByProtocol& counters) {
    for (std::size_t i = 0; i < kPlans.size(); ++i) {
      if (counters.plans[i].value() > 0) {
        page.value(real(counters.plans[i]), {{"protocol", protocol}, {"plan", kPlans[i]}});
      }
    }
  });
  page.family("answer_seconds", "histogram", "From the whole request to the last byte of its answer.");
  each([&](std::string_view protocol, const ByProtocol& counters) {
    double sum = 0;
    for (std::size_t i = 0; i <= kBounds.size(); ++i) {
      sum += real(counters.latency[i]);
      const std::string bound =
          i < kBounds.size() ? fixed_text(static_cast<double>(kBounds[i]) / kMicroseconds) : "+Inf";
      page.value(sum, {{"protocol", protocol}, {"le", bound}}, "_bucket");
    }
    page.value(seconds(counters.total_us), {{"protocol", protocol}}, "_sum");
    page.value(sum, {{"protocol", protocol}}, "_count");
  });
  page.family("stage_seconds_total", "counter", "Where the time of answers went.");
  each([&](std::string_view protocol, const ByProtocol& counters) {
    page.value(seconds(counters.plan_us), {{"protocol", protocol}, {"stage", "plan"}})
        .value(seconds(counters.queue_us), {{"protocol", protocol}, {"stage", "queue"}})
        .value(seconds(counters.work_us), {{"protocol", protocol}, {"stage", "work"}})
        .value(seconds(counters.send_us), {{"protocol", protocol}, {"stage", "send"}});
  });
  page.family("sent_bytes_total", "counter", "Bytes of answers sent, without their heads.");
  each([&](std::string_view protocol, const ByProtocol& counters) {
    page.value(real(counters.bytes), {{"protocol", protocol}});
  });
  page.family("answers_cut_total", "counter", "Answers whose client left before the last byte.");
  each([&](std::string_view protocol, const ByProtocol& counters) {
    page.value(real(counters.cut), {{"protocol", protocol}});
  });
  return page.take();
}

}  // namespace microtome::protocol
