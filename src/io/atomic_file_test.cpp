// SPDX-License-Identifier: Apache-2.0
#include "io/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "io/scratch_dir.hpp"

namespace microtome::io {
namespace {

namespace fs = std::filesystem;

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(AtomicFile, appears_only_when_committed) {
  const ScratchDir scratch;
  const std::string path = scratch.write("a.txt", std::string_view("old"));
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write(as_bytes("new ")));
  ASSERT_TRUE(file->write(as_bytes("content")));
  EXPECT_EQ(content(path), "old");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(content(path), "new content");
  EXPECT_FALSE(fs::exists(part_name(path)));
  EXPECT_EQ(file->commit().error().code, Code::internal);
}

// As root a rename would put a plain file where /dev/null was.
TEST(AtomicFile, replaces_nothing_but_files) {
  const ScratchDir scratch;
  const std::string pipe = scratch.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(AtomicFile::create(pipe).error().code, Code::io);
  const std::string made = scratch.write("made", std::string_view("new"));
  EXPECT_EQ(publish(made, pipe).error().code, Code::io);
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_FALSE(fs::exists(part_name(pipe)));
  EXPECT_EQ(AtomicFile::create(scratch.path()).error().code, Code::io) << "a directory";
}

TEST(AtomicFile, leaves_nothing_when_dropped_or_refused) {
  const ScratchDir scratch;
  const std::string path = scratch.write("a.txt", std::string_view("old"));
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file && file->write(as_bytes("half")));
  }
  EXPECT_FALSE(fs::exists(part_name(path)));
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file && file->write(as_bytes("bad")));
  std::string seen;
  const auto refused = file->commit([&](const std::string& temporary) -> Result<void> {
    seen = content(temporary);
    return fail(Code::corrupt, "no");
  });
  EXPECT_EQ(refused.error().code, Code::corrupt);
  EXPECT_EQ(seen, "bad");
  EXPECT_FALSE(fs::exists(part_name(path)));
  EXPECT_EQ(content(path), "old");
}

TEST(AtomicFile, takes_over_what_a_crash_left_but_not_what_another_writes) {
  const ScratchDir scratch;
  const std::string path = scratch.path("a.txt");
  scratch.write("a.txt.part", std::string_view("a long leftover of a crash"));
  auto first = AtomicFile::create(path);
  ASSERT_TRUE(first && first->write(as_bytes("new")));
  EXPECT_EQ(AtomicFile::create(path).error().code, Code::overloaded);
  AtomicFile moved = std::move(*first);
  ASSERT_TRUE(moved.commit());
  EXPECT_EQ(content(path), "new");
  EXPECT_TRUE(AtomicFile::create(path));
}

TEST(AtomicFile, does_not_write_through_links) {
  const ScratchDir scratch;
  const std::string target = scratch.write("target", std::string_view("precious"));
  fs::create_symlink(target, scratch.path("a.txt.part"));
  EXPECT_FALSE(AtomicFile::create(scratch.path("a.txt")));
  EXPECT_EQ(content(target), "precious");
  EXPECT_EQ(AtomicFile::create(scratch.path("no/such/directory")).error().code, Code::io);
}

TEST(Publish, moves_what_a_library_wrote) {
  const ScratchDir scratch;
  const std::string path = scratch.path("picture.tif");
  const std::string part = scratch.write("picture.tif.part", std::string_view("pixels"));
  ASSERT_TRUE(publish(part, path));
  EXPECT_EQ(content(path), "pixels");
  EXPECT_EQ(publish(part, path).error().code, Code::io);  // it is gone
  EXPECT_EQ(content(path), "pixels");
}

}  // namespace
}  // namespace microtome::io
