// SPDX-License-Identifier: Apache-2.0
#include "apps/variables.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace microtome::apps {
namespace {

constexpr std::uint64_t kCacheUnit = 1'024'000;  // what iipsrv calls a megabyte
constexpr std::uint64_t kMebibyte = 1 << 20;
constexpr long long kMany = 1'000'000;

// iipsrv's VERBOSITY runs from 0 (nothing) to 10 (everything).
LogLevel level_of(long long verbosity) {
  if (verbosity <= 0) {
    return LogLevel::error;
  }
  if (verbosity <= 1) {
    return LogLevel::warning;
  }
  return verbosity <= 5 ? LogLevel::info : LogLevel::debug;
}

Result<void> verbosity(Settings& settings, std::string_view what, std::string_view text) {
  const auto number = parse_number(what, text, 0, 10);
  if (!number) {
    return std::unexpected(number.error());
  }
  settings.log_level = level_of(*number);
  return {};
}

// wlziipsrv's LOGLEVEL: the first four letters count.
Result<void> log_level(Settings& settings, std::string_view what, std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, LogLevel>, 10> kNames{{
      {"EMER", LogLevel::error},
      {"FATA", LogLevel::error},
      {"ALER", LogLevel::error},
      {"CRIT", LogLevel::error},
      {"ERRO", LogLevel::error},
      {"WARN", LogLevel::warning},
      {"NOTI", LogLevel::info},
      {"INFO", LogLevel::info},
      {"DEBU", LogLevel::debug},
      {"NOTS", LogLevel::debug},
  }};
  std::string head(name.substr(0, 4));
  std::ranges::transform(head, head.begin(), [](unsigned char c) { return std::toupper(c); });
  for (const auto& [text, level] : kNames) {
    if (head == text) {
      settings.log_level = level;
      return {};
    }
  }
  return fail(Code::bad_request, std::string(what) + ": '" + std::string(name) +
                                     "' is none of EMERG FATAL ALERT CRIT ERROR WARN NOTICE INFO DEBUG NOTSET");
}

// Texts go into headers, names of files and the log: none of these holds control characters.
Result<void> check_text(std::string_view what, std::string_view value) {
  if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return fail(Code::bad_request,
                std::string(what) + ": control characters, line ends for example, make no sense here");
  }
  return {};
}

template <auto Field>
Result<void> text(Settings& settings, std::string_view what, std::string_view value) {
  settings.*Field = std::string(value);
  return check_text(what, value);
}

// iipsrv's "megabytes", which may have decimals.
Result<void> cache_size(Settings& settings, std::string_view what, std::string_view value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || !(number >= 0) || number > kMany) {
    return fail(Code::bad_request, std::string(what) + ": '" + std::string(value) + "' is not a number from 0 to " +
                                       std::to_string(kMany));
  }
  settings.cache_bytes = static_cast<std::uint64_t>(number * static_cast<double>(kCacheUnit));
  return {};
}

Result<void> max_cvt(Settings& settings, std::string_view what, std::string_view value) {
  const auto number = parse_number(what, value, -1, kMany);
  if (!number || *number == 0) {
    return fail(Code::bad_request, std::string(what) + ": '" + std::string(value) + "' is neither -1 nor from 1 to " +
                                       std::to_string(kMany));
  }
  settings.max_cvt = static_cast<int>(*number);
  return {};
}

Result<void> public_url(Settings& settings, std::string_view what, std::string_view value) {
  if (auto plain = check_text(what, value); !plain) {
    return plain;
  }
  const bool url = value.starts_with("http://") || value.starts_with("https://");
  if (!value.empty() && (!url || value.find_first_of(" \"<>") != std::string_view::npos)) {
    return fail(Code::bad_request, std::string(what) + ": '" + std::string(value) +
                                       "' is no address that begins with http:// or https://");
  }
  settings.public_url = std::string(value);
  return {};
}

// Members of an object; one that is broken would break every info.json.
Result<void> extra_info(Settings& settings, std::string_view what, std::string_view value) {
  if (!nlohmann::json::accept("{" + std::string(value) + "}")) {
    return fail(Code::bad_request, std::string(what) + R"(: not members of JSON, as "attribution":"me")");
  }
  const bool blank = value.find_first_not_of(" \t\r\n") == std::string_view::npos;
  settings.iiif_extra_info = blank ? "" : std::string(value);
  return {};
}

template <auto Field, long long Least, long long Most, long long Unit = 1>
Result<void> whole(Settings& settings, std::string_view what, std::string_view value) {
  const auto number = parse_number(what, value, Least, Most);
  if (!number) {
    return std::unexpected(number.error());
  }
  using Type = std::remove_cvref_t<decltype(settings.*Field)>;
  settings.*Field = static_cast<Type>(*number * Unit);
  return {};
}

template <auto Field>
Result<void> share(Settings& settings, std::string_view what, std::string_view value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || !(number >= 0) || number > 1) {
    return fail(Code::bad_request, std::string(what) + ": '" + std::string(value) + "' is not a number from 0 to 1");
  }
  settings.*Field = number;
  return {};
}

Result<void> access_log_format(Settings& settings, std::string_view what, std::string_view format) {
  if (format != "json" && format != "combined") {
    return fail(Code::bad_request,
                std::string(what) + ": '" + std::string(format) + "' is neither combined nor json");
  }
  settings.access_log_json = format == "json";
  return {};
}

// "prefix=>PROTOCOL"
Result<void> uri_map(Settings& settings, std::string_view what, std::string_view map) {
  const std::size_t arrow = map.find("=>");
  std::string protocol(arrow == std::string_view::npos ? "" : map.substr(arrow + 2));
  std::ranges::transform(protocol, protocol.begin(), [](unsigned char c) { return std::tolower(c); });
  static constexpr std::array<std::string_view, 4> kProtocols{"iip", "iiif", "zoomify", "deepzoom"};
  if (!map.empty() && std::ranges::find(kProtocols, protocol) == kProtocols.end()) {
    return fail(Code::bad_request, std::string(what) + ": '" + std::string(map) +
                                       "' is not PREFIX=>IIP, PREFIX=>IIIF, PREFIX=>Zoomify or PREFIX=>DeepZoom");
  }
  settings.uri_map = std::string(map);
  return check_text(what, map);
}

Result<void> pyramids(Settings& settings, std::string_view what, std::string_view value) {
  if (value != "beside" && value != "off" && !value.starts_with('/')) {
    return fail(Code::bad_request, std::string(what) + ": '" + std::string(value) +
                                       "' is neither beside nor off nor a directory that begins with /");
  }
  settings.pyramids = std::string(value);
  while (settings.pyramids.size() > 1 && settings.pyramids.ends_with('/')) {
    settings.pyramids.pop_back();
  }
  return check_text(what, value);
}

// Understood, checked, and without a meaning here.
template <long long Least, long long Most>
Result<void> needless(Settings& settings, std::string_view what, std::string_view value) {
  if (const auto number = parse_number(what, value, Least, Most); !number) {
    return std::unexpected(number.error());
  }
  settings.without_effect.emplace_back(what);
  return {};
}
Result<void> needless_text(Settings& settings, std::string_view what, std::string_view value) {
  settings.without_effect.emplace_back(what);
  return check_text(what, value);
}

using S = Settings;

constexpr std::array kVariables{
    Variable{"LOGFILE", "--log-file", "log here instead of standard error; syslog: there", text<&S::log_file>},
    Variable{"VERBOSITY", "--verbosity", "0 errors, 1 warnings, 2 to 5 information, 6 to 10 everything", verbosity},
    Variable{"LOGLEVEL", "--log-level", "the same by name: ERROR, WARN, INFO, DEBUG", log_level},
    Variable{"ACCESS_LOG", "--access-log", "a line for each answer here, - for standard error", text<&S::access_log>},
    Variable{"ACCESS_LOG_FORMAT", "--access-log-format", "combined or json", access_log_format},
    Variable{"MAX_IMAGE_CACHE_SIZE", "--max-image-cache-size", "memory for computed pictures, in 1,024,000 bytes",
             cache_size},
    Variable{"MAX_METADATA_CACHE_SIZE", "--max-metadata-cache-size",
             "pictures kept open, -1 = as many as files may be", whole<&S::open_pictures, -1, kMany>},
    Variable{"MAX_IMAGE_METADATA_CACHE_SIZE", "--max-image-metadata-cache-size", "another name of the same",
             whole<&S::open_pictures, -1, kMany>},
    Variable{"FILENAME_PATTERN", "--filename-pattern", "between name and number in sequences",
             text<&S::filename_pattern>},
    Variable{"FILESYSTEM_PREFIX", "--filesystem-prefix", "put in front of names in requests, as text",
             text<&S::filesystem_prefix>},
    Variable{"FILESYSTEM_SUFFIX", "--filesystem-suffix", "put behind them", text<&S::filesystem_suffix>},
    Variable{"JPEG_QUALITY", "--jpeg-quality", "of JPEG we encode, 1 to 100", whole<&S::jpeg_quality, 1, 100>},
    Variable{"PNG_QUALITY", "--png-quality", "level of compression, 0 to 9", whole<&S::png_level, 0, 9>},
    Variable{"WEBP_QUALITY", "--webp-quality", "0 to 100, -1 = lossless", whole<&S::webp_quality, -1, 100>},
    Variable{"AVIF_QUALITY", "--avif-quality", "0 to 100, -1 = lossless", whole<&S::avif_quality, -1, 100>},
    Variable{"AVIF_CODEC", "--avif-codec", "without effect: the library chooses", needless<0, 3>},
    Variable{"TIFF_COMPRESSION", "--tiff-compression", "0 none, 1 LZW, 2 deflate, 3 JPEG, 4 WebP, 5 zstd",
             whole<&S::tiff_compression, 0, 5>},
    Variable{"TIFF_QUALITY", "--tiff-quality", "of JPEG and WebP in TIFF, 1 to 100", whole<&S::tiff_quality, 1, 100>},
    Variable{"MAX_CVT", "--max-cvt", "longest side of an export in pixels, -1 = no limit", max_cvt},
    Variable{"ALLOW_UPSCALING", "--allow-upscaling", "exports larger than what is stored: 1 yes, 0 no",
             whole<&S::upscaling, 0, 1>},
    Variable{"INTERPOLATION", "--interpolation", "of exports: 0 nearest, 1 bilinear, 2 averaged",
             whole<&S::interpolation, 0, 2>},
    Variable{"CODEC_PASSTHROUGH", "--codec-passthrough", "send stored tiles as they lie: 1 yes, 0 no",
             whole<&S::passthrough, 0, 1>},
    Variable{"MAX_ICC", "--max-icc", "largest colour profile that goes into answers, bytes; 0 none, -1 any",
             whole<&S::max_icc, -1, 1LL << 30>},
    Variable{"EMBED_ICC", "--embed-icc", "0 = no colour profiles in answers",
             [](S& settings, std::string_view what, std::string_view value) -> Result<void> {
               const auto number = parse_number(what, value, 0, 1);
               if (!number) {
                 return std::unexpected(number.error());
               }
               settings.max_icc = *number == 0 ? 0 : settings.max_icc == 0 ? -1 : settings.max_icc;
               return {};
             }},
    Variable{"WATERMARK", "--watermark", "a picture that is put onto answers", text<&S::watermark>},
    Variable{"WATERMARK_OPACITY", "--watermark-opacity", "0 to 1", share<&S::watermark_opacity>},
    Variable{"WATERMARK_PROBABILITY", "--watermark-probability", "share of answers that get it, 0 to 1",
             share<&S::watermark_probability>},
    Variable{"CORS", "--cors", "Access-Control-Allow-Origin, empty for none", text<&S::cors>},
    Variable{"CACHE_CONTROL", "--cache-control", "Cache-Control of pictures", text<&S::cache_control>},
    Variable{"BASE_URL", "--public-url", "address under which the world sees us", public_url},
    Variable{"URI_MAP", "--uri-map", "PREFIX=>IIP, IIIF, Zoomify or DeepZoom: paths that are such requests", uri_map},
    Variable{"IIIF_VERSION", "--iiif-version", "of addresses that name none: 2 or 3", whole<&S::iiif_version, 2, 3>},
    Variable{"IIIF_DELIMITER", "--iiif-delimiter", "stands for / in identifiers", text<&S::iiif_delimiter>},
    Variable{"IIIF_EXTRA_INFO", "--iiif-extra-info", "members that info.json gets, as JSON without the braces",
             extra_info},
    Variable{"IIIF_EXTENSIONS", "--iiif-extensions", "qualities negative, stretch, equalization, log: 1 yes, 0 no",
             whole<&S::iiif_extensions, 0, 1>},
    Variable{"COPYRIGHT", "--copyright", "rights of pictures that name none", text<&S::copyright>},
    Variable{"OMP_NUM_THREADS", "--omp-num-threads", "threads that decode, scale and encode",
             whole<&S::threads, 1, 256>},
    Variable{"MAX_LAYERS", "--max-layers", "quality layers of JPEG 2000 that are decoded, 0 and -1 = all",
             whole<&S::max_layers, -1, 999>},
    Variable{"KAKADU_READMODE", "--kakadu-readmode", "without effect", needless<0, 2>},
    Variable{"DECODER_MODULES", "--decoder-modules", "without effect", needless_text},
    Variable{"DECODER_MODULE", "--decoder-module", "without effect", needless_text},
    Variable{"MEMCACHED_SERVERS", "--memcached-servers", "without effect: answers are kept in memory", needless_text},
    Variable{"MEMCACHED_TIMEOUT", "--memcached-timeout", "without effect", needless<0, 1LL << 40>},
    Variable{"MAX_WLZOBJ_CACHE_COUNT", "--woolz-count", "open Woolz objects and selections",
             whole<&S::woolz_count, 0, kMany>},
    Variable{"MAX_WLZOBJ_CACHE_SIZE", "--woolz-memory", "memory for Woolz objects, MiB",
             whole<&S::woolz_bytes, 0, kMany, kMebibyte>},
    Variable{"WLZ_TILE_WIDTH", "--woolz-tile-width", "of tiles of Woolz sections, pixels",
             whole<&S::woolz_tile_width, 8, 8192>},
    Variable{"WLZ_TILE_HEIGHT", "--woolz-tile-height", "", whole<&S::woolz_tile_height, 8, 8192>},
    Variable{"MAX_VIEW_STRUCT_CACHE_COUNT", "--view-struct-count", "without effect", needless<0, kMany>},
    Variable{"MAX_VIEW_STRUCT_CACHE_SIZE", "--view-struct-memory", "without effect", needless<0, kMany>},
    Variable{"COMPLEX_SELECTION", "--complex-selection", "0 only indices, 1 also domain and background, 2 all",
             whole<&S::complex_selection, 0, 2>},
    Variable{"WLZ_CACHE_DIR", "--woolz-cache", "directory for bricks of Woolz objects, instead of beside them",
             text<&S::woolz_cache>},
    Variable{"PYRAMIDS", "--pyramids",
             "where pyramids of large pictures without one are kept: beside (in set.cache), a directory, or off",
             pyramids},
    Variable{"CACHE_QUOTA", "--cache-quota", "room on disk for pyramids and bricks, MiB; 0 = no limit",
             whole<&S::cache_quota, 0, kMany * 1000, kMebibyte>},
    Variable{"MICROTOME_MEMORY", "--memory", "MiB that the tile server may take, at most; default: found out",
             whole<&S::memory, 16, kMany * 1000, kMebibyte>},
};

}  // namespace

std::span<const Variable> variables() {
  return kVariables;
}

}  // namespace microtome::apps
