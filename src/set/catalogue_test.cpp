// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <thread>

#include "io/scratch_dir.hpp"
#include "set/set.hpp"

namespace microtome::set {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class CatalogueTest : public testing::Test {
 protected:
  std::shared_ptr<Catalogue> open(int rescan_ms = 0) {
    auto roots = io::Roots::make({.directories = {dir.path()}, .prefix = {}, .suffix = {}});
    EXPECT_TRUE(roots);
    CatalogueOptions options;
    options.rescan_ms = rescan_ms;
    return make_catalogue(*roots, options, Log([this](LogLevel, std::string_view line) {
      const std::scoped_lock lock(mutex);
      lines.emplace_back(line);
    }));
  }
  static std::vector<std::string> names(Catalogue& catalogue) {
    std::vector<std::string> all;
    for (const SetPtr& set : catalogue.sets()) {
      all.push_back(set->name);
    }
    return all;
  }
  // "4 9? 14!": ? missing, ! damaged.
  static std::string shown(const Set& set) {
    std::string text;
    for (const Slice& slice : set.slices) {
      text += (text.empty() ? "" : " ") + std::to_string(slice.number);
      text += slice.status == Status::missing ? "?" : slice.status == Status::damaged ? "!" : "";
    }
    return text;
  }

  io::ScratchDir dir;
  std::mutex mutex;
  std::vector<std::string> lines;
};

TEST_F(CatalogueTest, ListsFoldersOfPictures) {
  dir.write("GLTa/s001.png", "x");
  dir.write("eyes/left/1.tif", "x");
  dir.write("eyes/right/1.tif", "x");
  dir.write("empty/readme.txt", "x");
  dir.write(".hidden/1.tif", "x");
  dir.write("GLTa/set.cache/1.tif", "x");
  dir.write("GLTa/s002.png.part", "x");
  dir.write("zoom.dzi", "x");
  dir.write("zoom_files/0/0_0.jpg", "x");
  auto catalogue = open();
  EXPECT_THAT(names(*catalogue), ElementsAre("eyes/left", "eyes/right", "GLTa"));
  const auto set = catalogue->find("eyes/left");
  ASSERT_TRUE(set);
  ASSERT_EQ((*set)->slices.size(), 1U);
  EXPECT_EQ((*set)->slices[0].id, "eyes/left/1");
  EXPECT_EQ((*set)->slices[0].path, dir.path("eyes/left/1.tif"));
  EXPECT_EQ(catalogue->find("empty").error().code, Code::not_found);
}

TEST_F(CatalogueTest, NamesPicturesOfTheRootAfterIt) {
  dir.write("b.png", "x");
  dir.write("a.jpg", "x");
  auto catalogue = open();
  const std::string root = std::filesystem::path(dir.path()).filename();
  ASSERT_THAT(names(*catalogue), ElementsAre(root));
  EXPECT_EQ(catalogue->resolve(root + "/1").value(), dir.path("a.jpg"));
  EXPECT_EQ(catalogue->resolve(root + "/b").value(), dir.path("b.png"));
  EXPECT_EQ(catalogue->resolve(root + "/b.png").value(), dir.path("b.png"));
  EXPECT_EQ(catalogue->resolve("b.png").value(), dir.path("b.png"));
}

TEST_F(CatalogueTest, ShowsTheGapsOfTheRealSections) {
  for (const int number : {4,   14,  24,  34,  39,  44,  49,  54,  59,  64,  69,  74,  79,  84,  89,  94,  99, 104,
                           109, 114, 119, 124, 129, 134, 139, 144, 154, 159, 164, 169, 174, 179, 184, 189, 199}) {
    char name[64];
    std::snprintf(name, sizeof name, "GLTa/641_2002_%d_NM01_s%03d.png", number == 104 ? 2567 : 2568, number);
    dir.write(name, "x");
  }
  const auto set = open()->find("GLTa").value();
  EXPECT_EQ(set->step, 5);
  EXPECT_EQ(std::ranges::count(set->slices, Status::missing, &Slice::status), 5);
  EXPECT_TRUE(shown(*set).starts_with("4 9? 14 19? 24 29? 34 39 44"));
  EXPECT_TRUE(shown(*set).ends_with("144 149? 154 159 164 169 174 179 184 189 194? 199"));
  EXPECT_EQ(set->find(9)->name, "9");
  EXPECT_EQ(set->find(104)->name, "641_2002_2567_NM01_s104");
}

TEST_F(CatalogueTest, SeesWhatComesGoesAndChanges) {
  dir.write("a/s1.png", "x");
  dir.write("a/s2.png", "x");
  auto catalogue = open();
  const SetPtr first = catalogue->find("a").value();
  EXPECT_EQ(shown(*first), "1 2");
  EXPECT_EQ(catalogue->find("a").value(), first) << "unchanged: the same snapshot";
  dir.write("a/s4.png", "x");
  const SetPtr second = catalogue->find("a").value();
  EXPECT_EQ(shown(*second), "1 2 3? 4");
  EXPECT_NE(second->version, first->version);
  std::filesystem::remove(dir.path("a/s4.png"));
  EXPECT_EQ(shown(*catalogue->find("a").value()), "1 2");
  EXPECT_EQ(catalogue->find("a").value()->version, first->version);
  dir.write("a/s1.png", "longer");
  EXPECT_NE(catalogue->find("a").value()->version, first->version);
  dir.write("b/deep/x.png", "x");
  EXPECT_THAT(names(*catalogue), ElementsAre("a", "b/deep"));
  std::filesystem::remove_all(dir.path("a"));
  EXPECT_THAT(names(*catalogue), ElementsAre("b/deep"));
  EXPECT_EQ(catalogue->known("a"), nullptr);
}

TEST_F(CatalogueTest, AnswersFromMemoryWhileFresh) {
  dir.write("a/s1.png", "x");
  auto catalogue = open(60'000);
  EXPECT_FALSE(catalogue->fresh());
  EXPECT_EQ(catalogue->known("a"), nullptr);
  EXPECT_EQ(shown(*catalogue->find("a").value()), "1");
  EXPECT_TRUE(catalogue->fresh());
  dir.write("a/s2.png", "x");
  EXPECT_EQ(shown(*catalogue->find("a").value()), "1") << "asks the disk once a minute here";
}

TEST_F(CatalogueTest, KnowsEmptyFilesAsDamagedUntilTheyAreFilled) {
  dir.write("a/s1.png", "x");
  dir.write("a/s2.png", "");
  auto catalogue = open();
  EXPECT_EQ(shown(*catalogue->find("a").value()), "1 2!");
  dir.write("a/s2.png", "now it is there");
  EXPECT_EQ(shown(*catalogue->find("a").value()), "1 2");
}

TEST_F(CatalogueTest, LearnsSizesWithoutChangingTheVersion) {
  const std::string one = dir.write("a/s1.png", "x");
  const std::string two = dir.write("a/s2.png", "x");
  const std::string young = dir.write("a/s3.png", "x");
  std::filesystem::last_write_time(two, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  auto catalogue = open(60'000);
  const SetPtr before = catalogue->find("a").value();
  catalogue->learn(one, 4000, 3000, 0.499);
  catalogue->learn_damaged(two);
  catalogue->learn_damaged(young);
  catalogue->learn(dir.path("a/other.png"), 1, 1, {});
  catalogue->learn("nonsense", 1, 1, {});
  const SetPtr after = catalogue->find("a").value();
  EXPECT_EQ(after->slices[0].width, 4000);
  EXPECT_EQ(after->slices[0].height, 3000);
  EXPECT_EQ(after->pixel_size_um, 0.499);
  EXPECT_EQ(shown(*after), "1 2! 3");
  EXPECT_EQ(after->version, before->version);
  catalogue->learn(two, 4000, 3000, {});
  EXPECT_EQ(shown(*catalogue->find("a").value()), "1 2 3");
}

TEST_F(CatalogueTest, ForgetsWhatItLearntWhenTheFileChanges) {
  const std::string one = dir.write("a/s1.png", "x");
  auto catalogue = open();
  (void)catalogue->find("a");
  catalogue->learn(one, 4000, 3000, {});
  EXPECT_EQ(catalogue->find("a").value()->slices[0].width, 4000);
  dir.write("a/s1.png", "another picture");
  EXPECT_EQ(catalogue->find("a").value()->slices[0].width, 0);
}

TEST_F(CatalogueTest, DoesWhatSetTomlSays) {
  dir.write("a/s1.png", "x");
  dir.write("a/s2.png", "x");
  dir.write("a/set.toml", R"(name = "S2897L"
pixel_size_um = 0.6
spacing_um = 5.0
[[slice]]
number = 2
transform = [1, 0, 3, 0, 1, 4]
name = "two"
[[slice]]
number = 9
file = "s1.png"
z_um = 44
[[slice]]
number = 3
status = "missing"
)");
  auto catalogue = open();
  const SetPtr set = catalogue->find("S2897L").value();
  EXPECT_EQ(shown(*set), "2 3? 4? 5? 6? 7? 8? 9");
  EXPECT_EQ(set->pixel_size_um, 0.6);
  EXPECT_EQ(set->slices[0].name, "two");
  EXPECT_EQ(set->slices[0].z_um, 10.0);
  EXPECT_EQ(set->slices[0].transform, (Affine{1, 0, 3, 0, 1, 4}));
  EXPECT_EQ(set->slices.back().path, dir.path("a/s1.png"));
  EXPECT_EQ(set->slices.back().z_um, 44.0);
  EXPECT_TRUE(set->warnings.empty());
  EXPECT_EQ(catalogue->known("a"), set) << "the folder's name still works";
}

TEST_F(CatalogueTest, PlacesGapsBetweenTheirNeighbours) {
  for (const char* name : {"a/s4.png", "a/s14.png", "a/s19.png", "a/s24.png", "a/s29.png", "a/s34.png"}) {
    dir.write(name, "x");
  }
  dir.write("a/set.toml", R"(spacing_um = 50
[[slice]]
number = 4
file = "s4.png"
z_um = 2490
[[slice]]
number = 14
file = "s14.png"
z_um = 2990
)");
  const SetPtr set = open()->find("a").value();
  ASSERT_EQ(shown(*set), "4 9? 14 19 24 29 34");
  EXPECT_EQ(set->slices[1].z_um, 2740.0) << "halfway, as its number is";
  EXPECT_EQ(set->slices[3].z_um, 950.0) << "nothing said beyond it: number x spacing";
}

TEST_F(CatalogueTest, ServesFromTheNamesWhenSetTomlIsBroken) {
  dir.write("a/s1.png", "x");
  dir.write("a/set.toml", "name = \"S\"\nname = = 3\n");
  auto catalogue = open();
  const SetPtr set = catalogue->find("a").value();
  EXPECT_EQ(shown(*set), "1");
  EXPECT_THAT(set->warnings, ElementsAre(HasSubstr("set.toml:2: ")));
  EXPECT_THAT(lines, ElementsAre(HasSubstr(dir.path("a/set.toml:2: "))));
  (void)catalogue->find("a");
  EXPECT_EQ(lines.size(), 1U) << "said once, not at every scan";
  dir.write("a/set.toml", "name = \"Mended\"\n");
  EXPECT_TRUE(catalogue->find("Mended").has_value());
}

TEST_F(CatalogueTest, TakesFilesOfOtherFoldersThatSetTomlNames) {
  dir.write("eye/slices/41.svs", "x");
  dir.write("eye/slices/42.svs", "x");
  dir.write("eye/set.toml", R"([[slice]]
number = 41
file = "slices/41.svs"
[[slice]]
number = 42
file = "slices/42.svs"
[[slice]]
number = 43
file = "slices/nothing.svs"
[[slice]]
number = 44
file = "/etc/hostname"
)");
  auto catalogue = open();
  EXPECT_THAT(names(*catalogue), ElementsAre("eye")) << "eye/slices belongs to it";
  const SetPtr set = catalogue->find("eye").value();
  EXPECT_EQ(shown(*set), "41 42 43? 44?");
  EXPECT_EQ(set->slices[0].path, dir.path("eye/slices/41.svs"));
  EXPECT_THAT(set->warnings, ElementsAre("set.toml:7: file not found", "set.toml:10: file not found"));
}

TEST_F(CatalogueTest, GivesEveryNumberOnce) {
  dir.write("a/s1.png", "x");
  dir.write("a/s2.png", "x");
  dir.write("a/s3.png", "x");
  dir.write("a/set.toml", "[[slice]]\nnumber = 2\nfile = \"s1.png\"\n[[slice]]\nnumber = 2\n[[slice]]\nnumber=2\n");
  const SetPtr set = open()->find("a").value();
  EXPECT_EQ(shown(*set), "2 3 4");
  EXPECT_EQ(set->find(2)->path, dir.path("a/s1.png"));
  EXPECT_EQ(set->find(4)->path, dir.path("a/s2.png")) << "nothing is lost";
  EXPECT_EQ(set->warnings.size(), 2U);
}

TEST_F(CatalogueTest, MakesNamesUnique) {
  dir.write("a/1.png", "x");
  dir.write("b/1.png", "x");
  dir.write("b/set.toml", "name = \"a\"\n");
  auto catalogue = open();
  const auto all = names(*catalogue);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all, Contains("a"));
  EXPECT_NE(all[0], all[1]);
}

TEST_F(CatalogueTest, StaysBelowTheRoots) {
  io::ScratchDir outside;
  outside.write("secret/1.png", "x");
  dir.write("a/1.png", "x");
  std::filesystem::create_directory_symlink(outside.path("secret"), dir.path("link"));
  std::filesystem::create_symlink(outside.path("secret/1.png"), dir.path("a/2.png"));
  std::filesystem::create_directory_symlink(dir.path(), dir.path("loop"));
  std::filesystem::create_symlink(dir.path("a/1.png"), dir.path("a/3.png"));
  auto catalogue = open();
  EXPECT_THAT(names(*catalogue), ElementsAre("a"));
  EXPECT_EQ(shown(*catalogue->find("a").value()), "1 3");
  for (const std::string& id : {std::string("../1"), std::string("a/../../x"), outside.path("secret/1.png"),
                                std::string("a/2.png"), std::string("a"), std::string(), std::string("a/99"),
                                std::string("a\0b", 3), std::string("/"), std::string("//")}) {
    const auto path = catalogue->resolve(id);
    ASSERT_FALSE(path) << id;
    EXPECT_EQ(path.error().code, Code::not_found) << id;
    EXPECT_THAT(path.error().message, testing::Not(HasSubstr("/"))) << "no path of the server for clients";
  }
}

TEST_F(CatalogueTest, HoldsFiveThousandSlices) {
  std::filesystem::create_directory(dir.path("big"));
  for (int i = 1; i <= 5003; ++i) {
    if (i != 17 && i != 18 && i != 2500) {
      dir.write("big/S2897L_pyr_" + std::to_string(10000 + i).substr(1) + ".tif", "x");
    }
  }
  auto catalogue = open();
  const SetPtr set = catalogue->find("big").value();
  EXPECT_EQ(set->slices.size(), 5003U);
  EXPECT_EQ(std::ranges::count(set->slices, Status::missing, &Slice::status), 3);
  EXPECT_EQ(catalogue->find("big").value(), set);
}

TEST_F(CatalogueTest, IsSafeToAskFromManyThreads) {
  for (int i = 0; i < 50; ++i) {
    dir.write("a/s" + std::to_string(i) + ".png", "x");
  }
  auto catalogue = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        catalogue->learn(dir.path("a/s" + std::to_string(i) + ".png"), 10 + t, 10, {});
        EXPECT_EQ(catalogue->find("a").value()->slices.size(), 50U);
        EXPECT_TRUE(catalogue->resolve("a/" + std::to_string(i)).has_value());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace microtome::set
