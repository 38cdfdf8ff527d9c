// SPDX-License-Identifier: Apache-2.0
#include "io/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>
#include <string>

#include "io/scratch_dir.hpp"

namespace microtome::io {
namespace {

Bytes counting(std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

bool mapped_cold(int fd) {  // asks the kernel to forget the file; says whether that can be relied on here
  ::fsync(fd);
  return ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0;
}

TEST(File, reads_ranges_and_refuses_those_past_the_end) {
  const ScratchDir scratch;
  const Bytes content = counting(10'000);
  auto file = File::open(scratch.write("a.bin", content));
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->size(), 10'000U);
  auto middle = (*file)->read(300, 500);
  ASSERT_TRUE(middle);
  EXPECT_EQ(*middle, Bytes(content.begin() + 300, content.begin() + 800));
  EXPECT_TRUE((*file)->read(10'000, 0));
  EXPECT_EQ((*file)->read(9'999, 2).error().code, Code::corrupt);
  EXPECT_EQ((*file)->read(UINT64_MAX, 2).error().code, Code::corrupt);
  EXPECT_EQ((*file)->read(2, SIZE_MAX).error().code, Code::corrupt);  // and allocates nothing
  Bytes two(2);
  EXPECT_EQ((*file)->read(9'999, two).error().code, Code::corrupt);
  EXPECT_EQ((*file)->read(UINT64_MAX - 1, two).error().code, Code::corrupt);
}

TEST(File, identity_follows_the_content) {
  const ScratchDir scratch;
  const std::string path = scratch.write("a.bin", std::string_view("one"));
  const auto file = File::open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->id(), File::identify(path));
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_NE((*file)->id(), File::identify(path));
}

TEST(File, only_regular_files_open_and_nothing_blocks) {
  const ScratchDir scratch;
  EXPECT_EQ(File::open(scratch.path("none")).error().code, Code::not_found);
  EXPECT_EQ(File::open(scratch.path()).error().code, Code::not_found);
  EXPECT_EQ(File::open("/dev/null").error().code, Code::not_found);
  EXPECT_EQ(File::open(std::string("a\0b", 3)).error().code, Code::not_found);
  ASSERT_EQ(::mkfifo(scratch.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(File::open(scratch.path("pipe")).error().code, Code::not_found);  // would hang without O_NONBLOCK
  EXPECT_EQ(File::identify(scratch.path("pipe")).error().code, Code::not_found);
  const std::string below_a_file = scratch.write("file", std::string_view("x")) + "/y";
  EXPECT_EQ(File::open(below_a_file).error().code, Code::not_found);
}

TEST(File, messages_hold_no_path) {
  const ScratchDir scratch;
  const auto error = File::open(scratch.path("secret-name")).error();
  EXPECT_EQ(error.message.find("secret"), std::string::npos);
  EXPECT_NE(error.context.find("secret-name"), std::string::npos);
}

TEST(File, adopt_closes_what_it_refuses) {
  const int fd = ::open("/dev/null", O_RDONLY);
  ASSERT_GE(fd, 0);
  EXPECT_FALSE(File::adopt(fd, "null"));
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST(File, a_file_cut_short_while_open_is_an_error_and_not_a_signal) {
  const ScratchDir scratch;
  const std::string path = scratch.write("a.bin", counting(9'000));
  const auto file = File::open(path);
  ASSERT_TRUE(file);
  std::filesystem::resize_file(path, 100);
  EXPECT_EQ((*file)->read(50, 100).error().code, Code::corrupt);
  Bytes buffer(100);
  EXPECT_FALSE((*file)->read_cached(50, buffer));
  EXPECT_FALSE((*file)->resident(50, 100));
}

TEST(File, tells_what_the_page_cache_holds) {
  const ScratchDir scratch;
  const Bytes content = counting(1'000'000);
  const auto file = File::open(scratch.write("a.bin", content));
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->read(0, content.size()));
  Bytes buffer(5'000);
  if (!(*file)->read_cached(123, buffer)) {
    GTEST_SKIP() << "this file system has no RWF_NOWAIT";
  }
  EXPECT_EQ(buffer, Bytes(content.begin() + 123, content.begin() + 5'123));
  EXPECT_TRUE((*file)->resident(0, content.size()));
  EXPECT_TRUE((*file)->resident(4'095, 2));
  EXPECT_TRUE((*file)->resident(5, 0));
  EXPECT_FALSE((*file)->resident(999'999, 2));  // past the end
  EXPECT_FALSE((*file)->read_cached(998'000, buffer));

  if (mapped_cold((*file)->fd()) && !(*file)->resident(500'000, 1)) {
    EXPECT_FALSE((*file)->resident(0, content.size()));
    EXPECT_FALSE((*file)->read_cached(123, buffer));
    (*file)->will_need(0, content.size());
    ASSERT_TRUE((*file)->read(0, content.size()));
    EXPECT_TRUE((*file)->resident(0, content.size()));
  }
}

}  // namespace
}  // namespace microtome::io
