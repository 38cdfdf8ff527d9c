// SPDX-License-Identifier: Apache-2.0
#include "apps/server_command.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include "apps/access_log.hpp"
#include "apps/fitting.hpp"
#include "apps/logging.hpp"
#include "apps/viewer_assets.hpp"
#include "image/picture.hpp"
#include "pixel/convert.hpp"
#include "woolz/lost_pages.hpp"

namespace microtome::apps {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) {
    sigaddset(&set, signal);
  }
  return set;
}

// Waits for signals: HUP reopens the log; the first of the others drains, a second one ends at once.
// Returns on the first signal after `done` is set.
void watch_signals(net::Server& server, Logging& logging, AccessLog* access, const Log& log,
                   const std::atomic<bool>& done) {
  const sigset_t set = stop_signals();
  bool stopping = false;
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) {
      continue;
    }
    if (done) {
      return;
    }
    if (signal == SIGHUP) {
      logging.reopen();
      if (access != nullptr) {
        access->reopen();
      }
      log.info("log reopened");
      continue;
    }
    if (stopping) {
      std::_Exit(1);
    }
    stopping = true;
    log.info("stopping: finishing what runs");
    server.stop();
  }
}

// The watermark as rgba of 8 bits.
Result<std::shared_ptr<const engine::Watermark>> read_watermark(const Settings& settings) {
  if (settings.watermark.empty()) {
    return nullptr;
  }
  const auto wrong = [&](const Error& error) {
    return fail(Code::bad_request, "WATERMARK: " + settings.watermark + " cannot be read", error.message);
  };
  auto file = io::File::open(settings.watermark);
  if (!file) {
    return wrong(file.error());
  }
  const auto picture = image::open_picture(*file, {});
  if (!picture) {
    return wrong(picture.error());
  }
  const image::PictureInfo& info = (*picture)->info();
  constexpr std::int64_t kMostSide = 4096;
  if (info.width > kMostSide || info.height > kMostSide) {
    return fail(Code::bad_request, "WATERMARK: more than 4096 pixels wide or high");
  }
  int reduction = 1;
  const auto pixels = (*picture)->decode_region(0, {0, 0, info.width, info.height}, &reduction, {});
  if (!pixels) {
    return wrong(pixels.error());
  }
  auto mark = std::make_shared<engine::Watermark>();
  mark->image = pixel::to_rgba(pixel::to_u8(*pixels));
  mark->opacity = settings.watermark_opacity;
  mark->probability = settings.watermark_probability;
  const io::FileId& id = (*picture)->id();
  mark->id = (id.inode * 31 + static_cast<std::uint64_t>(id.mtime_ns)) * 31 + id.size +
             static_cast<std::uint64_t>(mark->opacity * 1e6) * 1'000'003 +
             static_cast<std::uint64_t>(mark->probability * 1e6);
  return mark;
}

engine::Sampling sampling_of(int interpolation) {
  return interpolation == 0   ? engine::Sampling::nearest
         : interpolation == 1 ? engine::Sampling::bilinear
                              : engine::Sampling::averaged;
}

engine::EngineOptions engine_options(const Settings& settings) {
  engine::EngineOptions options;
  constexpr int kAllFiles = 1 << 20;
  options.max_open_files = settings.open_pictures < 0 ? kAllFiles : std::max(1, settings.open_pictures);
  options.tiff_quality = settings.tiff_quality;
  options.passthrough = settings.passthrough;
  options.max_icc = settings.max_icc;
  options.open.max_layers = settings.max_layers;
  options.cache_bytes = settings.cache_bytes;
  options.jpeg_quality = settings.jpeg_quality;
  options.png_level = settings.png_level;
  options.webp_quality = settings.webp_quality;
  options.avif_quality = settings.avif_quality;
  if (settings.max_cvt > 0) {
    options.max_output_pixels = static_cast<std::uint64_t>(settings.max_cvt) * settings.max_cvt;
  } else {
    constexpr std::uint64_t kMostSide = 16384;  // what protocols take "no limit" for
    options.max_output_pixels = kMostSide * kMostSide;
  }
  return options;
}

// Where files that can be made again go when a folder of pictures cannot be written to.
std::string user_cache() {
  const char* cache = std::getenv("XDG_CACHE_HOME");  // NOLINT(concurrency-mt-unsafe): nobody changes it
  if (cache != nullptr && *cache == '/') {
    return std::string(cache) + "/microtome";
  }
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe)
  return home != nullptr && *home == '/' ? std::string(home) + "/.cache/microtome" : "";
}

engine::PyramidOptions pyramid_options(const ServerPlan& plan) {
  const Settings& settings = plan.settings;
  engine::PyramidOptions options;
  options.on = plan.make_pyramids && settings.pyramids != "off";
  if (settings.pyramids != "beside" && settings.pyramids != "off") {
    options.directory = settings.pyramids;
  } else {
    options.fallback = user_cache();
  }
  options.quota_bytes = settings.cache_quota;
  options.roots = plan.roots;
  const std::string& prefix = settings.filesystem_prefix;
  std::error_code ignored;
  if (prefix.starts_with('/') && prefix.size() > 1 && std::filesystem::is_directory(prefix, ignored)) {
    options.roots.push_back(prefix.ends_with('/') ? prefix.substr(0, prefix.size() - 1) : prefix);
  }
  if (!settings.woolz_cache.empty()) {
    options.folders.push_back(settings.woolz_cache);
  }
  return options;
}

// Decoded tiles are blocks of some 100 kB to a few MB that come and go with each picture. By default the C library
// maps and unmaps each of them, and a quarter of a view's time went into page faults (bench/server/views.mjs).
void keep_freed_memory() {
  constexpr int kLargestKept = 32 << 20;  // bytes; larger blocks are still mapped by themselves
  constexpr int kMostUnused = 32 << 20;   // at the top of a heap, before it is given back
  mallopt(M_MMAP_THRESHOLD, kLargestKept);
  mallopt(M_TRIM_THRESHOLD, kMostUnused);
}

}  // namespace

Result<http::Handler> make_handler(const ServerPlan& plan, WorkPool& pool, const Log& log,
                                   std::shared_ptr<const protocol::Traffic> traffic) {
  const auto& settings = plan.settings;
  protocol::ServiceOptions options;
  options.roots.directories = plan.roots;
  options.roots.prefix = settings.filesystem_prefix;
  options.roots.suffix = settings.filesystem_suffix;
  options.catalogue.filename_pattern = settings.filename_pattern;
  options.public_url = settings.public_url;
  options.cors = settings.cors;
  options.cache_control = settings.cache_control;
  options.max_cvt = settings.max_cvt;
  options.jpeg_quality = settings.jpeg_quality;
  options.sampling = sampling_of(settings.interpolation);
  options.upscaling = settings.upscaling;
  options.tiff_compression = static_cast<codec::TiffCompression>(settings.tiff_compression);
  options.max_icc = settings.max_icc;
  options.passthrough = settings.passthrough;
  options.uri_map = settings.uri_map;
  options.copyright = settings.copyright;
  options.iiif.version = settings.iiif_version;
  options.iiif.delimiter = settings.iiif_delimiter;
  options.iiif.extra_info = settings.iiif_extra_info;
  options.iiif.extensions = settings.iiif_extensions;
  for (const std::string& name : settings.without_effect) {
    log.warning(name + " has no effect here");
  }
  auto watermark = read_watermark(settings);
  if (!watermark) {
    return std::unexpected(watermark.error());
  }
  options.watermark = *watermark;
  engine::EngineOptions for_engine = fitted(engine_options(settings), settings.memory, log);
  for_engine.watermark = *watermark;
  for_engine.pyramids = pyramid_options(plan);
  options.woolz.store.max_count = settings.woolz_count;
  options.woolz.store.max_bytes = settings.woolz_bytes;
  options.woolz.store.open.cache_directory = settings.woolz_cache;
  options.woolz.tile_width = settings.woolz_tile_width;
  options.woolz.tile_height = settings.woolz_tile_height;
  options.woolz.complex_selection = settings.complex_selection;
  options.as_wlziipsrv = plan.as_wlziipsrv;
  options.assets = viewer_assets();
  options.traffic = std::move(traffic);
  const bool by_prefix = plan.roots.empty() && !settings.filesystem_prefix.empty();
  auto service = protocol::make_service(std::move(options), engine::make_engine(for_engine, pool, log), pool, log);
  if (!service && by_prefix) {
    return fail(service.error().code, "FILESYSTEM_PREFIX: " + service.error().message, service.error().context);
  }
  return service;
}

void block_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(bugprone-signal-handler,cert-err33-c)
}

int run_server(const ServerPlan& plan) {
  keep_freed_memory();
  Logging logging(plan.settings.log_file, plan.settings.log_level);
  const Log log = logging.log();
  const auto complain = [&](const Error& error) {
    log.error(error.message + (error.context.empty() ? "" : ": " + error.context));
    std::fprintf(stderr, "microtome: %s%s%s\n", error.message.c_str(), error.context.empty() ? "" : ": ",
                 error.context.c_str());
    return 1;
  };
  woolz::survive_lost_pages();
  WorkPool pool({.threads = fitted_threads(plan.threads, plan.settings.memory)});
  std::unique_ptr<AccessLog> access;
  if (!plan.settings.access_log.empty()) {
    auto opened = AccessLog::open(plan.settings.access_log,
                                  plan.settings.access_log_json ? AccessFormat::json : AccessFormat::combined);
    if (!opened) {
      return complain(opened.error());
    }
    access = std::move(*opened);
  }
  const auto traffic = std::make_shared<protocol::Traffic>();
  auto handler = make_handler(plan, pool, log, traffic);
  if (!handler) {
    return complain(handler.error());
  }
  net::ServerOptions options = plan.server;
  options.keep_asked = access != nullptr;
  options.served = [traffic, log = access.get()](const http::Served& served) {
    traffic->add(served);
    if (log != nullptr) {
      log->write(served);
    }
  };
  auto server = net::make_server(options, std::move(*handler), pool, log);
  if (!server) {
    return complain(server.error());
  }
  for (const auto& address : (*server)->addresses()) {
    if (plan.ready_line) {
      std::printf("listening on %s\n", address.c_str());
    }
    log.info("listening on " + address);
  }
  std::fflush(stdout);
  std::atomic<bool> done = false;
  std::thread watcher([&] { watch_signals(**server, logging, access.get(), log, done); });
  (*server)->run();
  done = true;
  pthread_kill(watcher.native_handle(), SIGHUP);  // wakes the watcher, which is in sigwait
  watcher.join();
  log.info("stopped");
  return 0;
}

}  // namespace microtome::apps
