// SPDX-License-Identifier: Apache-2.0
// Writing Woolz objects: 3D domain objects with interval or tiled values, alone or as members of a compound. With
// interval values what comes out is what Woolz itself writes, byte by byte (docs/formats/woolz.md). Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "woolz/runs.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

// One plane of a volume: `values` of all voxels of the box, x fastest, in native byte order (empty when grey is
// none); `inside` one byte a voxel, 0 = not in the domain, or empty when all are in.
struct PlaneData {
  Bytes values;
  Bytes inside;
};

// Called in ascending order of z, twice for each plane: first for the domain, then for the values.
using ReadPlane = std::function<Result<PlaneData>(std::int64_t z)>;

struct VolumeDescription {
  Box box;
  std::array<double, 3> voxel_size{1, 1, 1};
  Grey grey = Grey::uint8;
  GreyValue background;
  bool tiled = false;
  std::int64_t tile_side = 16;
  std::vector<std::pair<std::string, std::string>> texts;  // text properties: name and text
};

class Writer {
 public:
  using Sink = std::function<Result<void>(ByteView)>;
  explicit Writer(Sink sink) : sink_(std::move(sink)) {}

  // A whole object. Its box is shrunk to its domain; one without any voxel becomes an empty object.
  Result<void> volume(const VolumeDescription& description, const ReadPlane& read);
  // A compound of `members` objects; then that many volumes, then end_compound().
  Result<void> begin_compound(std::int32_t members);
  Result<void> end_compound();
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  Result<void> flush();
  template <class T>
  void put(T value);
  void put_f32(double value);
  void put_background(Grey grey, const GreyValue& value);
  void put_runs(const PlaneRuns& plane);
  Result<void> put_values(const VolumeDescription& d, const std::vector<PlaneRuns>& planes, const Box& tight,
                          const ReadPlane& read);
  void put_plane(const VolumeDescription& d, const PlaneRuns& plane, const Bytes& values);
  Result<void> put_tiles(const VolumeDescription& d, const std::vector<PlaneRuns>& planes, const Box& tight,
                         const ReadPlane& read);

  Sink sink_;
  std::uint64_t position_ = 0;  // bytes handed to the sink
  Bytes pending_;
};

}  // namespace microtome::woolz
