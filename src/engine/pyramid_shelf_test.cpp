// SPDX-License-Identifier: Apache-2.0
#include "engine/pyramid_shelf.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "io/scratch_dir.hpp"

namespace microtome::engine {
namespace {

class Shelf : public testing::Test {
 protected:
  // A file of `bytes` that was last used so many hours ago.
  std::string file(const std::string& name, std::size_t bytes, int hours, const std::string& head = {}) const {
    const std::string path = scratch_.write(name, head + std::string(bytes - head.size(), 'x'));
    const std::array<timespec, 2> times = {timespec{::time(nullptr) - hours * 3600L, 0},
                                           timespec{::time(nullptr) - hours * 3600L, 0}};
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
    return path;
  }
  PyramidOptions options(std::uint64_t quota) const {
    PyramidOptions options;
    options.on = true;
    options.quota_bytes = quota;
    options.roots = {scratch_.path()};
    return options;
  }
  static bool there(const std::string& path) { return std::filesystem::exists(path); }

  io::ScratchDir scratch_;
};

TEST_F(Shelf, RemovesWhatWasNotUsedForLongest) {
  const auto oldest = file("a/set.cache/x.pyramid.tif", 1000, 30);
  const auto bricks = file("b/deep/v.wlz.bricks", 1000, 20, "MTWLZB02");
  const auto newer = file("b/set.cache/y.pyramid.tif", 1000, 10);
  const auto in_use = file("set.cache/z.pyramid.tif", 1000, 0);
  const auto not_ours = file("b/mine.bricks", 1000, 90);
  const auto picture = file("b/mine.pyramid.tif", 1000, 90);  // not in a set.cache
  PyramidShelf shelf(options(4000));
  EXPECT_TRUE(shelf.make_room(0));
  EXPECT_TRUE(there(oldest));
  EXPECT_TRUE(shelf.make_room(1500));
  EXPECT_FALSE(there(oldest));
  EXPECT_FALSE(there(bricks));
  EXPECT_TRUE(there(newer));
  EXPECT_FALSE(shelf.make_room(3500));  // would take one that is in use
  EXPECT_FALSE(there(newer));
  EXPECT_TRUE(there(in_use) && there(not_ours) && there(picture));
}

TEST_F(Shelf, RemovesWhatKilledWritersLeft) {
  const auto left = file("set.cache/x.pyramid.tif.part", 10, 0);
  const auto other = file("set.cache/x.part", 10, 0);
  PyramidShelf shelf(options(0));
  EXPECT_TRUE(shelf.make_room(0));
  EXPECT_FALSE(there(left));
  EXPECT_TRUE(there(other));
}

TEST_F(Shelf, NamesOneStateOfAPicture) {
  const auto picture = file("a.jpg", 100, 1);
  const PyramidShelf shelf(options(0));
  auto id = io::File::identify(picture);
  ASSERT_TRUE(id);
  const auto place = shelf.place(picture, *id);
  ASSERT_TRUE(place);
  EXPECT_EQ(std::filesystem::path(*place).parent_path(), scratch_.path("set.cache"));
  EXPECT_FALSE(shelf.find(picture, *id));
  scratch_.write("set.cache/" + std::filesystem::path(*place).filename().string(), "pyramid");
  EXPECT_TRUE(shelf.find(picture, *id));
  for (std::uint64_t* field : {&id->inode, &id->size}) {
    ++*field;
    EXPECT_FALSE(shelf.find(picture, *id));
    --*field;
  }
  ++id->mtime_ns;
  EXPECT_FALSE(shelf.find(picture, *id));
  // The pyramid of the new state takes the old one's place; those of other pictures stay.
  const auto next = shelf.place(picture, *id);
  ASSERT_TRUE(next);
  scratch_.write("set.cache/" + std::filesystem::path(*next).filename().string(), "new");
  const auto neighbour = scratch_.write("set.cache/a.jpg2.0123456789abcdef.pyramid.tif", "other");
  PyramidShelf::drop_stale(*next);
  EXPECT_TRUE(there(*next) && there(neighbour));
  EXPECT_FALSE(there(*place));
}

TEST_F(Shelf, GoesElsewhereWhereItMust) {
  const auto picture = scratch_.write("in/a.jpg", "picture");
  scratch_.write("in/set.cache", "in the way");
  const auto id = io::File::identify(picture);
  PyramidOptions elsewhere = options(0);
  EXPECT_FALSE(PyramidShelf(elsewhere).place(picture, *id));
  elsewhere.fallback = scratch_.path("cache");
  const auto fallen = PyramidShelf(elsewhere).place(picture, *id);
  ASSERT_TRUE(fallen);
  EXPECT_TRUE(fallen->starts_with(scratch_.path("cache/a.jpg.")));
  elsewhere.directory = scratch_.path("chosen/deep");
  const auto chosen = PyramidShelf(elsewhere).place(picture, *id);
  ASSERT_TRUE(chosen);
  EXPECT_TRUE(chosen->starts_with(scratch_.path("chosen/deep/a.jpg.")));
}

}  // namespace
}  // namespace microtome::engine
