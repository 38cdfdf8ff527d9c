// SPDX-License-Identifier: Apache-2.0
// NIfTI-1 volumes (.nii, .nii.gz; https://nifti.nimh.nih.gov/nifti-1) as planes for the Woolz writer. Voxels keep
// their order and their stored values (scl_slope is not applied); of a series the first volume counts. Not
// thread-safe.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "io/file.hpp"
#include "woolz/limits.hpp"
#include "woolz/reader.hpp"
#include "woolz/writer.hpp"

namespace microtome::woolz {

class Nifti {
 public:
  // Reads the header. Code::corrupt, Code::unsupported for complex numbers and other types that are no image.
  static Result<Nifti> open(io::FilePtr file, const Limits& limits = {});

  // Box from 0, voxel sizes, grey type: unsigned bytes, 16-bit and 32-bit integers, float, double and RGB stay;
  // signed bytes become SHORT, unsigned 16-bit INT, unsigned 32-bit DOUBLE.
  [[nodiscard]] const VolumeDescription& description() const { return description_; }

  // Plane `z`; cheap in ascending order, begins anew otherwise. `whole` false: voxels of value 0 are outside.
  Result<PlaneData> plane(std::int64_t z, bool whole);

 private:
  Nifti() = default;
  Result<void> rewind();
  void convert(Bytes raw, PlaneData& plane) const;

  io::FilePtr file_;
  Limits limits_;
  VolumeDescription description_;
  std::int16_t type_ = 0;
  bool swapped_ = false;    // other byte order
  std::size_t stored_ = 0;  // bytes of a voxel in the file
  std::uint64_t data_ = 0;  // offset of the voxels
  std::unique_ptr<Source> source_;
  std::unique_ptr<Reader> reader_;
  std::int64_t next_ = 0;
};

}  // namespace microtome::woolz
