// SPDX-License-Identifier: Apache-2.0
// microtome import: run by `microtome import`, a program of its own so that libvips stays out of the server.
#include <unistd.h>
#include <vips/vips.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "apps/import/importer.hpp"
#include "apps/import/volume.hpp"
#include "apps/import/worker.hpp"

namespace {

std::atomic<bool> g_stop = false;  // set by signals only
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) {
  g_stop = true;
}

int complain(const microtome::Error& error) {
  std::fprintf(stderr, "microtome: %s%s%s\n", error.message.c_str(), error.context.empty() ? "" : ": ",
               error.context.c_str());
  return error.code == microtome::Code::bad_request ? 2 : 1;
}

int import(const microtome::apps::ImportOptions& options, microtome::apps::ProgressStyle style) {
  const auto items = microtome::apps::plan_import(options);
  if (!items) {
    return complain(items.error());
  }
  if (options.dry_run) {
    for (const auto& item : *items) {
      std::printf("%s -> %s\n", item.source.c_str(), item.target.c_str());
    }
    return 0;
  }
  microtome::apps::Progress progress(style, static_cast<int>(items->size()));
  const auto summary = microtome::apps::import_pictures(options, *items, progress, g_stop);
  if (!summary) {
    return complain(summary.error());
  }
  if (style == microtome::apps::ProgressStyle::json) {
    std::printf("{\"state\":\"finished\",\"done\":%d,\"skipped\":%d,\"failed\":%d,\"stopped\":%s}\n", summary->done,
                summary->skipped, summary->failed, g_stop ? "true" : "false");
  } else {
    std::printf("%d made, %d were there already, %d failed%s\n", summary->done, summary->skipped, summary->failed,
                g_stop ? "; stopped, run again to continue" : "");
  }
  return summary->failed > 0 || g_stop ? 1 : 0;
}

// A volume into one Woolz object.
int volume(const microtome::apps::ImportOptions& options, microtome::apps::VolumeOptions volume, bool lines) {
  const bool nifti = options.pictures.size() == 1 && microtome::apps::is_nifti(options.pictures[0]);
  volume.target = options.to;
  if (nifti) {
    volume.sources = options.pictures;
  } else {
    const auto items = microtome::apps::plan_import(options);
    if (!items) {
      return complain(items.error());
    }
    for (const auto& item : *items) {
      volume.sources.push_back(item.source);
    }
    if (VIPS_INIT("microtome-import") != 0) {
      std::fprintf(stderr, "microtome: libvips cannot start: %s\n", vips_error_buffer());
      return 1;
    }
  }
  int shown = -1;
  const auto made = microtome::apps::import_volume(
      volume,
      [&](double part) {
        const int percent = static_cast<int>(part * 100);
        if (!lines && percent != shown) {
          shown = percent;
          std::fprintf(stderr, "\r%3d %%%s", percent, percent == 100 ? "\n" : "");
        }
      },
      g_stop);
  if (!nifti) {
    vips_shutdown();
  }
  if (!made) {
    return complain(made.error());
  }
  std::printf("%s: %lld x %lld x %lld voxels\n", volume.target.c_str(), static_cast<long long>(made->width),
              static_cast<long long>(made->height), static_cast<long long>(made->depth));
  return 0;
}

}  // namespace

// --worker SOURCE TARGET TILE QUALITY: one picture, see worker.hpp.
int worker(char** argv) {
  if (VIPS_INIT("microtome-import") != 0) {
    std::printf("e libvips cannot start: %s\n", vips_error_buffer());
    return 1;
  }
  const int code = microtome::apps::run_worker(
      argv[2], argv[3], {.tile = std::atoi(argv[4]), .quality = std::atoi(argv[5])});  // NOLINT(cert-err34-c)
  vips_shutdown();
  return code;
}

int main(int argc, char** argv) {
  if (argc == 6 && std::string_view(argv[1]) == "--worker") {
    return worker(argv);
  }
  CLI::App app(
      "microtome import: makes tiled JPEG pyramids of any pictures and puts them into a set; or, with --to NAME.wlz, "
      "one "
      "Woolz object of a NIfTI volume or of pictures that are its planes.");
  microtome::apps::ImportOptions options;
  microtome::apps::VolumeOptions object;
  std::string progress;
  app.add_option("PICTURES", options.pictures, "files or folders")->required();
  app.add_option("--to", options.to, "folder in which the set's folder is made, or NAME.wlz")->required();
  app.add_option("--name", options.name, "name of the set");
  app.add_option("--tile", options.tile, "side of a tile in pixels, a multiple of 16")
      ->capture_default_str()
      ->check(CLI::Range(64, 4096));
  app.add_option("--quality", options.quality, "JPEG quality")->capture_default_str()->check(CLI::Range(1, 100));
  app.add_option("--jobs", options.jobs, "pictures at once (0: one per core)")->check(CLI::Range(0, 256));
  app.add_option("--progress", progress, "bar, lines or json")->check(CLI::IsMember({"bar", "lines", "json"}));
  app.add_flag("--whole", object.whole, "Woolz: voxels of value 0 belong to the object, too");
  app.add_flag("--tiled", object.tiled, "Woolz: tiled values, served where they lie");
  app.add_flag("--colour", object.colour, "Woolz: pictures keep their colours");
  app.add_option("--voxel-size", object.voxel_size, "Woolz: x y z")->expected(3)->check(CLI::PositiveNumber);
  app.add_flag("--dry-run", options.dry_run, "say what would be made");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.tile % 16 != 0) {
    std::fprintf(stderr, "microtome: --tile: %d is not a multiple of 16\n", options.tile);
    return 2;
  }
  const bool woolz = options.to.ends_with(".wlz");
  if (!woolz &&
      (options.name.empty() || options.name.find('/') != std::string::npos || options.name.starts_with('.'))) {
    std::fprintf(stderr, "microtome: --name: '%s' cannot name a folder\n", options.name.c_str());
    return 2;
  }
  using microtome::apps::ProgressStyle;
  auto style = isatty(STDERR_FILENO) != 0 ? ProgressStyle::bar : ProgressStyle::lines;
  if (!progress.empty()) {
    style = progress == "json" ? ProgressStyle::json : progress == "bar" ? ProgressStyle::bar : ProgressStyle::lines;
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action{};
    action.sa_handler = on_signal;
    sigaction(signal, &action, nullptr);
  }
  return woolz ? volume(options, object, style != ProgressStyle::bar) : import(options, style);
}
