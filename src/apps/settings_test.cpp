// SPDX-License-Identifier: Apache-2.0
#include "apps/settings.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "apps/variables.hpp"

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

TEST(Settings, TakesEveryVariableOfIipsrv) {
  const auto settings = read({{"MAX_METADATA_CACHE_SIZE", "-1"},
                              {"TIFF_COMPRESSION", "1"},
                              {"TIFF_QUALITY", "90"},
                              {"ALLOW_UPSCALING", "0"},
                              {"INTERPOLATION", "0"},
                              {"CODEC_PASSTHROUGH", "0"},
                              {"MAX_ICC", "-1"},
                              {"WATERMARK", "/x/mark.png"},
                              {"WATERMARK_OPACITY", "0.5"},
                              {"WATERMARK_PROBABILITY", "0.25"},
                              {"URI_MAP", "iiif=>IIIF"},
                              {"IIIF_VERSION", "2"},
                              {"IIIF_DELIMITER", "_"},
                              {"IIIF_EXTRA_INFO", "\"a\":1"},
                              {"IIIF_EXTENSIONS", "1"},
                              {"COPYRIGHT", "me"},
                              {"OMP_NUM_THREADS", "3"},
                              {"MAX_LAYERS", "-1"},
                              {"KAKADU_READMODE", "1"},
                              {"MEMCACHED_SERVERS", "localhost"},
                              {"MEMCACHED_TIMEOUT", "86400"},
                              {"AVIF_CODEC", "1"},
                              {"DECODER_MODULES", "x.so"}});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->open_pictures, -1);
  EXPECT_EQ(settings->tiff_compression, 1);
  EXPECT_EQ(settings->tiff_quality, 90);
  EXPECT_FALSE(settings->upscaling);
  EXPECT_EQ(settings->interpolation, 0);
  EXPECT_FALSE(settings->passthrough);
  EXPECT_EQ(settings->max_icc, -1);
  EXPECT_EQ(settings->watermark, "/x/mark.png");
  EXPECT_EQ(settings->watermark_opacity, 0.5);
  EXPECT_EQ(settings->watermark_probability, 0.25);
  EXPECT_EQ(settings->uri_map, "iiif=>IIIF");
  EXPECT_EQ(settings->iiif_version, 2);
  EXPECT_TRUE(settings->iiif_extensions);
  EXPECT_EQ(settings->copyright, "me");
  EXPECT_EQ(settings->threads, 3);
  EXPECT_EQ(settings->max_layers, -1);
  EXPECT_EQ(settings->without_effect.size(), 5U);
}

TEST(Settings, EveryVariableHasAFlagOfItsOwn) {
  std::set<std::string> flags;
  for (const Variable& variable : variables()) {
    EXPECT_TRUE(std::string(variable.flag).starts_with("--")) << variable.name;
    EXPECT_TRUE(flags.insert(variable.flag).second) << variable.flag;
  }
}

TEST(Settings, NamesTheVariableWithABadValue) {
  for (const auto& [name, value] : std::map<std::string, std::string>{{"JPEG_QUALITY", "high"},
                                                                      {"MAX_CVT", "3000px"},
                                                                      {"PNG_QUALITY", "10"},
                                                                      {"VERBOSITY", ""},
                                                                      {"WLZ_TILE_WIDTH", "0"},
                                                                      {"COMPLEX_SELECTION", "3"},
                                                                      {"LOGLEVEL", "LOUD"},
                                                                      {"URI_MAP", "x=>FTP"},
                                                                      {"IIIF_VERSION", "4"},
                                                                      {"INTERPOLATION", "yes"},
                                                                      {"WATERMARK_OPACITY", "1.5"},
                                                                      {"WATERMARK_PROBABILITY", "nan"},
                                                                      {"TIFF_COMPRESSION", "6"},
                                                                      {"MAX_ICC", "all"},
                                                                      {"MAX_LAYERS", "half"},
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
