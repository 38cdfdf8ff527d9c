// SPDX-License-Identifier: Apache-2.0
#include "protocol/metrics.hpp"

#include <gtest/gtest.h>

#include "protocol/testing.hpp"
#include "protocol/traffic.hpp"

namespace microtome::protocol {
namespace {

TEST(Metrics, AreInTheTextFormatOfPrometheus) {
  engine::Metrics engine;
  engine.passthrough = 7;
  engine.cache_bytes = 4096;
  engine.work_us = 2'500'000;
  const std::string page = write_metrics({1.5, 10, 2, 1, 3, 4, 5, 6}, engine);
  for (const char* line :
       {"# TYPE microtome_requests_total counter\nmicrotome_requests_total 10\n",
        "microtome_refused_total{kind=\"client_error\"} 2\n", "microtome_pictures_total{plan=\"passthrough\"} 7\n",
        "microtome_cache_bytes 4096\n", "microtome_work_seconds_total 2.5\n", "microtome_uptime_seconds 1.5\n",
        "microtome_woolz_kept 5\n", "microtome_woolz_bytes 6\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line;
  }
}

TEST(Metrics, CountTrafficByProtocolPlanAndTime) {
  Traffic traffic;
  http::Served served;
  served.status = 200;
  served.whole = true;
  served.bytes = 1000;
  served.trace = {"iiif", "region", 300, 4000};
  served.plan_us = 100;
  served.send_us = 100;
  traffic.add(served);
  served.trace = {"iiif", "passthrough", 0, 0};
  served.plan_us = 50;
  served.send_us = 50;
  traffic.add(served);
  served.trace = {"not known", "", 0, 0};
  served.status = 499;
  served.whole = false;
  traffic.add(served);
  const std::string page = traffic.write();
  for (const char* line : {"microtome_http_answers_total{protocol=\"iiif\",code=\"2xx\"} 2\n",
                           "microtome_http_answers_total{protocol=\"other\",code=\"4xx\"} 1\n",
                           "microtome_answers_by_plan_total{protocol=\"iiif\",plan=\"region\"} 1\n",
                           "microtome_answers_by_plan_total{protocol=\"iiif\",plan=\"passthrough\"} 1\n",
                           "microtome_answer_seconds_bucket{protocol=\"iiif\",le=\"0.0001\"} 1\n",
                           "microtome_answer_seconds_bucket{protocol=\"iiif\",le=\"0.0025\"} 1\n",
                           "microtome_answer_seconds_bucket{protocol=\"iiif\",le=\"0.005\"} 2\n",
                           "microtome_answer_seconds_bucket{protocol=\"iiif\",le=\"+Inf\"} 2\n",
                           "microtome_answer_seconds_count{protocol=\"iiif\"} 2\n",
                           "microtome_answer_seconds_sum{protocol=\"iiif\"} 0.0046\n",
                           "microtome_stage_seconds_total{protocol=\"iiif\",stage=\"work\"} 0.004\n",
                           "microtome_sent_bytes_total{protocol=\"iiif\"} 2000\n",
                           "microtome_answers_cut_total{protocol=\"other\"} 1\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
  }
}

class MetricsService : public ServiceTest {};

TEST_F(MetricsService, CountsWhatItServes) {
  dir.write("p.tif", "700x500 128");
  EXPECT_EQ(status("/iiif/3/p.tif/full/100,/0/default.jpg"), 200);
  EXPECT_EQ(status("/iiif/3/none/info.json"), 404);
  const http::Response page = get("/metrics");
  EXPECT_EQ(page.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const std::string text = body_of(page);
  EXPECT_NE(text.find("microtome_requests_total 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("microtome_refused_total{kind=\"client_error\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("microtome_cache_lookups_total{result=\"miss\"} 1\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace microtome::protocol
