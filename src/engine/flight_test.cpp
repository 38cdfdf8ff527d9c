// SPDX-License-Identifier: Apache-2.0
#include "engine/flight.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace microtome::engine {
namespace {

using Numbers = Flights<int>;
constexpr Key kKey{1, 2};

TEST(Flights, OneWorksForAll) {
  Numbers flights;
  int sum = 0;
  const auto add = [&](const Result<int>& result) { sum += *result; };
  const auto [flight, first] = flights.join(kKey, {}, add);
  EXPECT_TRUE(first);
  const auto [same, second] = flights.join(kKey, {}, add);
  EXPECT_FALSE(second);
  EXPECT_EQ(flight, same);
  EXPECT_NE(flights.join({1, 3}, {}, add).first, flight) << "another key is another flight";
  EXPECT_TRUE(flights.begin(flight));
  EXPECT_FALSE(flights.begin(flight)) << "begun once";
  EXPECT_FALSE(flights.finish(flight, 21));
  EXPECT_EQ(sum, 42);
  EXPECT_TRUE(flights.join(kKey, {}, add).second) << "a new one after the end";
}

TEST(Flights, ErrorsGoToAll) {
  Numbers flights;
  std::vector<Code> codes;
  const auto note = [&](const Result<int>& result) { codes.push_back(result.error().code); };
  const auto flight = flights.join(kKey, {}, note).first;
  static_cast<void>(flights.join(kKey, {}, note));
  ASSERT_TRUE(flights.begin(flight));
  EXPECT_FALSE(flights.finish(flight, fail(Code::corrupt, "broken")));
  EXPECT_EQ(codes, (std::vector{Code::corrupt, Code::corrupt}));
}

TEST(Flights, CancelledOnlyWhenAllAre) {
  Numbers flights;
  const CancelToken one;
  const CancelToken two;
  const auto ignore = [](const Result<int>&) {};
  const auto flight = flights.join(kKey, one, ignore).first;
  static_cast<void>(flights.join(kKey, two, ignore));
  one.cancel();
  EXPECT_FALSE(flight->token().cancelled());
  two.cancel();
  EXPECT_TRUE(flight->token().cancelled());
  static_cast<void>(flights.join(kKey, {}, ignore));
  EXPECT_FALSE(flight->token().cancelled()) << "a late one still wants it";
}

TEST(Flights, ALateWaiterNeverGetsAnothersCancellation) {
  Numbers flights;
  const CancelToken gone;
  std::string told;
  const auto flight = flights.join(kKey, gone, [&](const Result<int>& r) { told += r ? 'A' : 'a'; }).first;
  ASSERT_TRUE(flights.begin(flight));
  gone.cancel();
  // The work has seen its token cancelled and gives up; before it says so somebody joins.
  EXPECT_FALSE(flights.join(kKey, {}, [&](const Result<int>& r) { told += r ? 'B' : 'b'; }).second);
  EXPECT_TRUE(flights.finish(flight, fail(Code::cancelled, "nobody")));
  EXPECT_EQ(told, "a");
  ASSERT_TRUE(flights.begin(flight)) << "queued again";
  EXPECT_FALSE(flights.finish(flight, 1));
  EXPECT_EQ(told, "aB");
}

TEST(Flights, DropsWhatNobodyWaitsFor) {
  Numbers flights;
  using Dropped = Numbers::Dropped;
  const CancelToken gone;
  Code code = Code::internal;
  const auto flight = flights.join(kKey, gone, [&](const Result<int>& r) { code = r.error().code; }).first;
  EXPECT_EQ(flights.drop(flight), Dropped::wanted);
  gone.cancel();
  EXPECT_EQ(flights.drop(flight), Dropped::yes);
  EXPECT_EQ(code, Code::cancelled);
  EXPECT_EQ(flights.drop(flight), Dropped::begun);
  const auto next = flights.join(kKey, gone, [](const Result<int>&) {});
  EXPECT_TRUE(next.second);
  ASSERT_TRUE(flights.begin(next.first));
  EXPECT_EQ(flights.drop(next.first), Dropped::begun);
}

TEST(Flights, EveryWaiterIsToldOnceUnderContention) {
  Numbers flights;
  std::atomic<int> told{0};
  std::atomic<int> wrong{0};
  std::atomic<int> worked{0};
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  std::vector<std::thread> threads;
  threads.reserve(100);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const CancelToken token;
        const bool leave = (i + t) % 3 == 0;
        const auto [flight, first] =
            flights.join({0, static_cast<std::uint64_t>(i % 8)}, token, [&, token](const Result<int>& result) {
              ++told;
              wrong += !result && !token.cancelled() ? 1 : 0;
            });
        if (leave) {
          token.cancel();
        }
        while (first && flights.begin(flight)) {
          ++worked;
          const bool gone = flight->token().cancelled();
          const Result<int> result = gone ? Result<int>(fail(Code::cancelled, "nobody")) : Result<int>(1);
          if (!flights.finish(flight, result)) {
            break;
          }
        }
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(told, kThreads * kRounds);
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(worked, kThreads * kRounds * 2);
}

}  // namespace
}  // namespace microtome::engine
