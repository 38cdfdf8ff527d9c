// SPDX-License-Identifier: Apache-2.0
// Importer: makes a tiled JPEG pyramid of each picture, several at once, each published whole or not at all. What is
// done is written to manifest.jsonl in the set's folder, so that the same command run again continues.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/import/manifest.hpp"
#include "apps/import/progress.hpp"
#include "base/result.hpp"

namespace microtome::apps {

struct ImportOptions {
  std::vector<std::string> pictures;  // files, or folders whose pictures are taken in order of their names
  std::string to;
  std::string name;
  int tile = 512;    // pixels, a multiple of 16
  int quality = 85;  // JPEG, 1..100
  int jobs = 0;      // files at once; 0 = one per core
  bool dry_run = false;
};

struct ImportSummary {
  int done = 0;
  int skipped = 0;
  int failed = 0;
};

// One picture to make: a source and where it goes.
struct ImportItem {
  std::string source;
  std::string target;
};

// Folders expanded, targets named after the sources; Code::bad_request when two sources would get the same target.
[[nodiscard]] Result<std::vector<ImportItem>> plan_import(const ImportOptions& options);

// Runs until all is done or `stop` becomes true (what is not begun is then left; nothing half-made stays).
[[nodiscard]] Result<ImportSummary> import_pictures(const ImportOptions& options,
                                                    const std::vector<ImportItem>& items, Progress& progress,
                                                    const std::atomic<bool>& stop);

}  // namespace microtome::apps
