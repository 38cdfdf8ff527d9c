// SPDX-License-Identifier: Apache-2.0
#include "keep/crontab.hpp"

#include <gtest/gtest.h>

#include <string>

#include "keep/text.hpp"

namespace microtome::keep {
namespace {

const std::string kForeign = "# mine\nMAILTO=me@example.org\n*/10 * * * * ~/apps/other/start\n";

TEST(Crontab, AtBootAndEveryMinuteMarked) {
  EXPECT_EQ(crontab_lines("eyes-1a2b", "/bin/microtome up --tick '/home/100% me'"),
            "@reboot /bin/microtome up --tick '/home/100\\% me' >/dev/null 2>&1 # microtome eyes-1a2b\n"
            "* * * * * /bin/microtome up --tick '/home/100\\% me' >/dev/null 2>&1 # microtome eyes-1a2b\n");
}

TEST(Crontab, AddedOnceAndTakenAwayLeavingTheRest) {
  const std::string lines = crontab_lines("a", "up");
  const std::string added = with_lines(kForeign, "a", lines);
  EXPECT_EQ(added, kForeign + lines);
  EXPECT_EQ(with_lines(added, "a", lines), added);
  EXPECT_EQ(without_lines(added, "a"), kForeign);
}

TEST(Crontab, AnotherCommandReplacesTheOldLines) {
  const std::string old = with_lines(kForeign, "a", crontab_lines("a", "/old/microtome up"));
  EXPECT_EQ(with_lines(old, "a", crontab_lines("a", "/new/microtome up")),
            kForeign + crontab_lines("a", "/new/microtome up"));
}

TEST(Crontab, ALineThatWasDoubledIsRepaired) {
  const std::string lines = crontab_lines("a", "up");
  EXPECT_EQ(with_lines(lines + kForeign + lines, "a", lines), kForeign + lines);
}

TEST(Crontab, OnlyTheOwnMarkCounts) {
  const std::string other = crontab_lines("a-2", "up") + crontab_lines("b-a", "up");
  EXPECT_EQ(without_lines(other, "a"), other);
  EXPECT_EQ(without_lines("x # microtome a y\n", "a"), "x # microtome a y\n");
  EXPECT_EQ(without_lines("x # microtome a \nkept", "a"), "kept");
}

TEST(Crontab, AnUnfinishedLastLineIsFinished) {
  EXPECT_EQ(with_lines("x", "a", "l # microtome a\n"), "x\nl # microtome a\n");
}

TEST(Text, ShellWords) {
  EXPECT_EQ(shell_word("/home/me/a-b_c.conf"), "/home/me/a-b_c.conf");
  EXPECT_EQ(shell_word("it's here"), "'it'\\''s here'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(Text, Durations) {
  EXPECT_EQ(duration_text(1.5), "1 second");
  EXPECT_EQ(duration_text(119), "119 seconds");
  EXPECT_EQ(duration_text(7199), "119 minutes");
  EXPECT_EQ(duration_text(200000), "2 days");
}

}  // namespace
}  // namespace microtome::keep
