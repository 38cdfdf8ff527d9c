// SPDX-License-Identifier: Apache-2.0
#include "host/rate.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace microtome::host {
namespace {

using namespace std::chrono_literals;

// Bytes sent within `seconds` by who takes all there is, and waits as told.
std::size_t sent_within(Rate& rate, Rate::Clock::time_point begin, std::chrono::seconds seconds) {
  std::size_t sent = 0;
  for (auto now = begin; now < begin + seconds;) {
    if (const std::size_t some = rate.allowed(now); some > 0) {
      sent += some;
      rate.spend(some);
    }
    now += std::max<Rate::Clock::duration>(rate.wait(), 1ms);
  }
  return sent;
}

TEST(Rate, WhatIsSentFollowsTheRate) {
  const Rate::Clock::time_point begin{};
  for (const std::size_t rate : {1024UL, 20UL * 1024, 1024UL * 1024, 100UL * 1024 * 1024}) {
    Rate limited(rate, begin);
    const std::size_t sent = sent_within(limited, begin, 10s);
    EXPECT_LE(sent, rate * 10 + rate / 2) << rate;
    EXPECT_GE(sent, rate * 9) << rate;
  }
}

TEST(Rate, IdleTimeIsKeptForAMomentOnly) {
  const Rate::Clock::time_point begin{};
  Rate rate(1024UL * 1024, begin);
  rate.spend(rate.allowed(begin));
  EXPECT_EQ(rate.allowed(begin), 0U);
  EXPECT_LE(rate.allowed(begin + 1h), 256U * 1024);
}

TEST(Rate, WhoSendsMoreWaitsLonger) {
  const Rate::Clock::time_point begin{};
  Rate rate(100'000, begin);
  rate.spend(rate.allowed(begin) + 100'000);
  EXPECT_GE(rate.wait(), 1s);
  EXPECT_EQ(rate.allowed(begin + 999ms), 0U);
  EXPECT_GT(rate.allowed(begin + rate.wait() + 1s), 0U);
}

TEST(Rate, AByteASecond) {
  const Rate::Clock::time_point begin{};
  Rate rate(1, begin);
  EXPECT_EQ(rate.allowed(begin), 1U);
  rate.spend(1);
  EXPECT_EQ(rate.allowed(begin), 0U);
  EXPECT_EQ(rate.allowed(begin + 1s), 1U);
}

}  // namespace
}  // namespace microtome::host
