// SPDX-License-Identifier: Apache-2.0
#include "apps/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace microtome::apps {
namespace {

constexpr std::uint64_t kCacheUnit = 1'024'000;  // what iipsrv calls a megabyte
constexpr std::uint64_t kMebibyte = 1 << 20;

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

// wlziipsrv's LOGLEVEL: the first four letters count.
Result<LogLevel> level_named(std::string_view name) {
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
      return level;
    }
  }
  return fail(Code::bad_request, "LOGLEVEL: '" + std::string(name) +
                                     "' is none of EMERG FATAL ALERT CRIT ERROR WARN NOTICE INFO DEBUG NOTSET");
}

// Reads one number into `target` when the variable is set.
Result<void> take(const std::function<const char*(const char*)>& get, const char* name, long long least,
                  long long most, const std::function<void(long long)>& store) {
  const char* value = get(name);
  if (value == nullptr) {
    return {};
  }
  const auto number = parse_number(name, value, least, most);
  if (!number) {
    return std::unexpected(number.error());
  }
  store(*number);
  return {};
}

}  // namespace

Result<long long> parse_number(std::string_view what, std::string_view text, long long least, long long most) {
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    return fail(Code::bad_request, std::string(what) + ": '" + std::string(text) + "' is not a whole number from " +
                                       std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

Result<Settings> read_settings(const std::function<const char*(const char*)>& get) {
  Settings settings;
  const auto text = [&](const char* name, std::string& target) {
    if (const char* value = get(name)) {
      target = value;
    }
  };
  text("LOGFILE", settings.log_file);
  text("ACCESS_LOG", settings.access_log);
  text("FILENAME_PATTERN", settings.filename_pattern);
  text("FILESYSTEM_PREFIX", settings.filesystem_prefix);
  text("FILESYSTEM_SUFFIX", settings.filesystem_suffix);
  text("CORS", settings.cors);
  text("CACHE_CONTROL", settings.cache_control);
  text("BASE_URL", settings.public_url);
  text("WLZ_CACHE_DIR", settings.woolz_cache);

  struct Number {
    const char* name;
    long long least;
    long long most;
    std::function<void(long long)> store;
  };
  const std::array<Number, 12> numbers{{
      {"VERBOSITY", 0, 10, [&](long long v) { settings.log_level = level_of(v); }},
      {"MAX_IMAGE_CACHE_SIZE", 0, 1'000'000, [&](long long v) { settings.cache_bytes = v * kCacheUnit; }},
      {"JPEG_QUALITY", 1, 100, [&](long long v) { settings.jpeg_quality = static_cast<int>(v); }},
      {"PNG_QUALITY", 0, 9, [&](long long v) { settings.png_level = static_cast<int>(v); }},
      {"WEBP_QUALITY", -1, 100, [&](long long v) { settings.webp_quality = static_cast<int>(v); }},
      {"AVIF_QUALITY", -1, 100, [&](long long v) { settings.avif_quality = static_cast<int>(v); }},
      {"MAX_CVT", -1, 1'000'000, [&](long long v) { settings.max_cvt = static_cast<int>(v); }},
      {"MAX_WLZOBJ_CACHE_COUNT", 0, 1'000'000,
       [&](long long v) { settings.woolz_count = static_cast<std::size_t>(v); }},
      {"MAX_WLZOBJ_CACHE_SIZE", 0, 1'000'000, [&](long long v) { settings.woolz_bytes = v * kMebibyte; }},
      {"WLZ_TILE_WIDTH", 8, 8192, [&](long long v) { settings.woolz_tile_width = static_cast<int>(v); }},
      {"WLZ_TILE_HEIGHT", 8, 8192, [&](long long v) { settings.woolz_tile_height = static_cast<int>(v); }},
      {"COMPLEX_SELECTION", 0, 2, [&](long long v) { settings.complex_selection = static_cast<int>(v); }},
  }};
  for (const auto& number : numbers) {
    if (auto taken = take(get, number.name, number.least, number.most, number.store); !taken) {
      return std::unexpected(taken.error());
    }
  }
  if (const char* value = get("ACCESS_LOG_FORMAT")) {
    const std::string_view format = value;
    if (format != "json" && format != "combined") {
      return fail(Code::bad_request, "ACCESS_LOG_FORMAT: '" + std::string(format) + "' is neither combined nor json");
    }
    settings.access_log_json = format == "json";
  }
  if (const char* value = get("LOGLEVEL")) {
    const auto level = level_named(value);
    if (!level) {
      return std::unexpected(level.error());
    }
    settings.log_level = *level;
  }
  return settings;
}

}  // namespace microtome::apps
