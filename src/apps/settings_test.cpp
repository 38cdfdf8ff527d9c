// SPDX-License-Identifier: Apache-2.0
#include "apps/settings.hpp"

#include <gtest/gtest.h>

#include <map>

namespace microtome::apps {
namespace {

Result<Settings> read(const std::map<std::string, std::string>& variables) {
  return read_settings([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Settings, TakesTheVariablesOf2017) {
  const auto settings = read({{"LOGFILE", "/x/iipsrv.log"},
                              {"VERBOSITY", "5"},
                              {"MAX_IMAGE_CACHE_SIZE", "10"},
                              {"FILENAME_PATTERN", "_pyr_"},
                              {"JPEG_QUALITY", "50"},
                              {"MAX_CVT", "3000"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->log_file, "/x/iipsrv.log");
  EXPECT_EQ(settings->log_level, LogLevel::info);
  EXPECT_EQ(settings->cache_bytes, 10'240'000U);
  EXPECT_EQ(settings->jpeg_quality, 50);
  EXPECT_EQ(settings->max_cvt, 3000);
}

TEST(Settings, TakesTheVariablesOfWoolz) {
  const auto settings = read({{"MAX_WLZOBJ_CACHE_COUNT", "7"},
                              {"MAX_WLZOBJ_CACHE_SIZE", "16"},
                              {"WLZ_TILE_WIDTH", "1025"},
                              {"WLZ_TILE_HEIGHT", "512"},
                              {"COMPLEX_SELECTION", "1"},
                              {"WLZ_CACHE_DIR", "/x/bricks"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->woolz_count, 7U);
  EXPECT_EQ(settings->woolz_bytes, 16U << 20);
  EXPECT_EQ(settings->woolz_tile_width, 1025);
  EXPECT_EQ(settings->woolz_tile_height, 512);
  EXPECT_EQ(settings->complex_selection, 1);
  EXPECT_EQ(settings->woolz_cache, "/x/bricks");
}

TEST(Settings, NamesTheVariableWithABadValue) {
  for (const auto& [name, value] : std::map<std::string, std::string>{{"JPEG_QUALITY", "high"},
                                                                      {"MAX_CVT", "3000px"},
                                                                      {"PNG_QUALITY", "10"},
                                                                      {"VERBOSITY", ""},
                                                                      {"WLZ_TILE_WIDTH", "0"},
                                                                      {"COMPLEX_SELECTION", "3"},
                                                                      {"LOGLEVEL", "LOUD"},
                                                                      {"MAX_IMAGE_CACHE_SIZE", "-1"}}) {
    const auto settings = read({{name, value}});
    ASSERT_FALSE(settings) << name;
    EXPECT_NE(settings.error().message.find(name), std::string::npos) << settings.error().message;
  }
}

TEST(Settings, KnowsTheOldServersLogLevels) {
  EXPECT_EQ(read({{"LOGLEVEL", "warning"}})->log_level, LogLevel::warning);
  EXPECT_EQ(read({{"LOGLEVEL", "DEBUG"}})->log_level, LogLevel::debug);
}

}  // namespace
}  // namespace microtome::apps
