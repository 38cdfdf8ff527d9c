// SPDX-License-Identifier: Apache-2.0
#include "host/start_pages.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <string_view>

namespace microtome::host {
namespace {

// Kilobytes of files that are mapped into this process and in memory.
long mapped_from_files() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == "RssFile:") {
      long kilobytes = 0;
      status >> kilobytes;
      return kilobytes;
    }
  }
  return -1;
}

struct Shape {
  virtual ~Shape() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
};
struct Square : Shape {
  [[nodiscard]] std::string_view name() const override { return "square"; }
};

TEST(StartPages, CodeConstantsAndVariablesAreThereAfterwards) {
  static const char* const words[] = {"one", "two"};  // relocated when the program is loaded
  static int variable = 1;
  variable = 2;
  const std::unique_ptr<Shape> shape = std::make_unique<Square>();
  const std::string text(100000, 'x');
  give_back_start_pages();
  give_back_start_pages();
  EXPECT_EQ(std::string_view(words[1]), "two");
  EXPECT_EQ(variable, 2);
  EXPECT_EQ(shape->name(), "square");
  EXPECT_EQ(text.find_first_not_of('x'), std::string::npos);
}

TEST(StartPages, LessIsMapped) {
  const long before = mapped_from_files();
  ASSERT_GT(before, 0);
  give_back_start_pages();
  EXPECT_LT(mapped_from_files(), before);
}

}  // namespace
}  // namespace microtome::host
