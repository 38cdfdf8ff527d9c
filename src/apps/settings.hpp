// SPDX-License-Identifier: Apache-2.0
// Settings: what the environment says, in the spellings of iipsrv and wlziipsrv. Values are checked: a bad one is
// Code::bad_request with a message that names the variable; nothing is silently taken as 0.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"

namespace microtome::apps {

struct Settings {        // NOLINT(clang-analyzer-optin.performance.Padding): in the order of the manual
  std::string log_file;  // LOGFILE; "" = standard error
  LogLevel log_level = LogLevel::info;          // VERBOSITY 0..10, or LOGLEVEL
  std::string access_log;                       // ACCESS_LOG; "" = none, "-" = standard error
  bool access_log_json = false;                 // ACCESS_LOG_FORMAT: combined or json
  std::uint64_t cache_bytes = 64ULL << 20;      // MAX_IMAGE_CACHE_SIZE, in units of 1,024,000 bytes
  int open_pictures = 512;                      // MAX_METADATA_CACHE_SIZE; -1 = no limit of our own
  std::string filename_pattern = "_pyr_";       // FILENAME_PATTERN
  int jpeg_quality = 75;                        // JPEG_QUALITY, 1..100
  int png_level = 1;                            // PNG_QUALITY, 0..9
  int webp_quality = 50;                        // WEBP_QUALITY, 0..100 or -1 for lossless
  int avif_quality = 50;                        // AVIF_QUALITY, the same
  int tiff_compression = 2;                     // TIFF_COMPRESSION, 0..5: none, LZW, deflate, JPEG, WebP, zstd
  int tiff_quality = 75;                        // TIFF_QUALITY, 1..100
  int max_cvt = 5000;                           // MAX_CVT, pixels; -1 = no limit
  bool upscaling = true;                        // ALLOW_UPSCALING
  int interpolation = 1;                        // INTERPOLATION of exports: 0 nearest, 1 bilinear, 2 averaged
  bool passthrough = true;                      // CODEC_PASSTHROUGH
  int max_layers = 0;                           // MAX_LAYERS; 0, -1 = all
  std::int64_t max_icc = 65536;                 // MAX_ICC, bytes; 0 = none, -1 = any
  std::string watermark;                        // WATERMARK, a picture; "" = none
  double watermark_opacity = 1;                 // WATERMARK_OPACITY, 0..1
  double watermark_probability = 1;             // WATERMARK_PROBABILITY, 0..1
  std::string filesystem_prefix;                // FILESYSTEM_PREFIX
  std::string filesystem_suffix;                // FILESYSTEM_SUFFIX
  std::string cors = "*";                       // CORS; "" = none
  std::string cache_control = "max-age=86400";  // CACHE_CONTROL
  std::string public_url;                       // BASE_URL
  std::string uri_map;                          // URI_MAP, "prefix=>PROTOCOL"
  int iiif_version = 3;                         // IIIF_VERSION, 2 or 3
  std::string iiif_delimiter;                   // IIIF_DELIMITER
  std::string iiif_extra_info;                  // IIIF_EXTRA_INFO
  bool iiif_extensions = false;                 // IIIF_EXTENSIONS
  std::string copyright;                        // COPYRIGHT
  int threads = 0;                              // OMP_NUM_THREADS; 0 = one per core
  std::size_t woolz_count = 1024;               // MAX_WLZOBJ_CACHE_COUNT: open objects and selections; 0 = keep none
  std::uint64_t woolz_bytes = 1024ULL << 20;    // MAX_WLZOBJ_CACHE_SIZE, MiB
  int woolz_tile_width = 100;                   // WLZ_TILE_WIDTH, pixels
  int woolz_tile_height = 100;                  // WLZ_TILE_HEIGHT
  int complex_selection = 2;                    // COMPLEX_SELECTION: 0 indices, 1 domain and background, 2 all
  std::string woolz_cache;                      // WLZ_CACHE_DIR: bricks of objects; "" = beside them
  std::string pyramids = "beside";              // PYRAMIDS: beside, off, or a directory
  std::uint64_t cache_quota = 20ULL << 30;      // CACHE_QUOTA, MiB: pyramids and bricks on disk; 0 = no limit
  std::uint64_t memory = 0;                     // MICROTOME_MEMORY, MiB; 0 = found out
  std::vector<std::string> without_effect;      // what was set and means nothing here
};

// `get` answers like getenv (null = unset).
[[nodiscard]] Result<Settings> read_settings(const std::function<const char*(const char*)>& get);

// A whole decimal number within [least, most]; anything else names `what` in the message.
[[nodiscard]] Result<long long> parse_number(std::string_view what, std::string_view text, long long least,
                                             long long most);

}  // namespace microtome::apps
