// SPDX-License-Identifier: Apache-2.0
// A volume as one Woolz object: from a NIfTI file, or from pictures that become its planes in the order of their
// names.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace microtome::apps {

struct VolumeOptions {
  std::vector<std::string> sources;  // one .nii or .nii.gz, or pictures of one size
  std::string target;                // NAME.wlz
  bool whole = false;                // voxels of value 0 belong to the object, too
  bool tiled = false;                // tiled values: served where they lie, without bricks beside the object
  bool colour = false;               // pictures keep their colours; else grey
  std::vector<double> voxel_size;    // x, y, z; empty: 1, or what the volume says
};

struct VolumeMade {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t depth = 0;
};

// Writes the target whole or not at all. `progress` is called with 0..1. libvips must be initialised when the sources
// are pictures. Code::cancelled when `stop` becomes true, Code::bad_request when pictures differ in size.
[[nodiscard]] Result<VolumeMade> import_volume(const VolumeOptions& options,
                                               const std::function<void(double)>& progress,
                                               const std::atomic<bool>& stop);

[[nodiscard]] bool is_nifti(const std::string& path);

}  // namespace microtome::apps
