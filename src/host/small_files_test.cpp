// SPDX-License-Identifier: Apache-2.0
#include "host/small_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace microtome::host {
namespace {

class SmallFilesTest : public testing::Test {
 protected:
  SmallFilesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "small-files-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~SmallFilesTest() override { std::filesystem::remove_all(folder_); }
  // A file whose time is `age` seconds ago.
  std::string put(const std::string& name, const std::string& content, int age) const {
    const std::string path = folder_ + '/' + name;
    std::ofstream(path, std::ios::trunc) << content;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const timespec times[] = {{now.tv_sec - age, 0}, {now.tv_sec - age, 0}};
    utimensat(AT_FDCWD, path.c_str(), times, 0);
    return path;
  }
  Result<SmallFiles::Found> open(const std::string& path) {
    return files_.open(path, io::File::identify(path).value_or(io::FileId{}));
  }
  static std::string text(const Result<SmallFiles::Found>& found) {
    return found && found->bytes ? std::string(found->bytes->begin(), found->bytes->end()) : "-";
  }
  std::string folder_;
  SmallFiles files_;
};

TEST_F(SmallFilesTest, ASecondRequestGetsTheSameBytes) {
  const std::string path = put("a", "hello", 60);
  const auto first = open(path);
  const auto second = open(path);
  EXPECT_EQ(text(first), "hello");
  EXPECT_EQ(first->bytes, second->bytes);
  EXPECT_EQ(first->file, second->file);
}

TEST_F(SmallFilesTest, AChangedFileIsReadAgain) {
  const std::string path = put("a", "hello", 60);
  EXPECT_EQ(text(open(path)), "hello");
  put("a", "world", 50);
  EXPECT_EQ(text(open(path)), "world");
  put("b", "other", 50);
  std::filesystem::rename(folder_ + "/b", path);
  EXPECT_EQ(text(open(path)), "other");
  std::filesystem::remove(path);
  EXPECT_FALSE(open(path));
  EXPECT_EQ(files_.size(), 0U);
}

TEST_F(SmallFilesTest, WhatWasJustWrittenOrIsLargeOrEmptyIsOnlyOpened) {
  EXPECT_EQ(text(open(put("new", "hello", 0))), "-");
  EXPECT_EQ(text(open(put("large", std::string(SmallFiles::kLargest + 1, 'x'), 60))), "-");
  EXPECT_EQ(text(open(put("empty", "", 60))), "-");
  EXPECT_EQ(files_.size(), 0U);
}

TEST_F(SmallFilesTest, NoMoreAreKeptThanThereIsPlaceFor) {
  for (std::size_t i = 0; i < SmallFiles::kMost + 5; ++i) {
    EXPECT_TRUE(open(put(std::to_string(i), "x", 60)));
  }
  EXPECT_EQ(files_.size(), SmallFiles::kMost);
  EXPECT_FALSE(open(folder_ + "/none"));
}

}  // namespace
}  // namespace microtome::host
