// SPDX-License-Identifier: Apache-2.0
// Node: what reading an object leaves behind: its tree, with the places of bricks in a blob instead of voxels.
// The directory is the same tree as bytes, in a sidecar (docs/formats/woolz.md).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "woolz/properties.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

enum class Kind : std::uint8_t {
  empty,     // empty object, NULL member, an object without a domain
  domain2d,  // kept as one plane at z = 0
  domain3d,
  compound,
  transform,  // only a transform
  other,      // only properties
};

// `count` little-endian u32 at `offset` of the blob.
struct IndexPlace {
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
};

struct DomainNode {
  Box declared;  // what the object says; all view geometry uses it
  Box box;       // what it covers at most, inside the brick lattice
  std::uint64_t voxels = 0;
  IndexPlace index;  // by brick of brick_lattice(box): 0 nothing, 1 all, else 2 + offset of the mask / 512
};

struct ValuesNode {
  Grey grey = Grey::none;
  std::int32_t per_voxel = 1;
  GreyValue background;
  bool clean = false;  // voxels outside the domain hold the background
  Lattice lattice;
  bool flat = false;       // cubes are one voxel thick (tiles of a 2D object)
  bool blocked = false;    // values of a cube stand in block order (coordinates.hpp), else x fastest
  IndexPlace index;        // by cube of the lattice: 0 nothing, else 1 + number of the unit where its values begin
  bool in_source = false;  // data lies in the object's file, else in the blob
  std::uint64_t data_offset = 0;
  std::uint64_t unit = 0;        // bytes
  std::uint64_t cube_bytes = 0;  // of one cube's values
  std::optional<Statistics> statistics;
};

struct Node {
  Kind kind = Kind::empty;
  DomainNode domain;
  std::array<double, 3> voxel_size{1, 1, 1};
  ValuesNode values;
  std::vector<Property> properties;
  std::vector<Node> members;
  std::optional<std::array<double, 16>> transform;  // row-major on columns (x, y, z, 1); not yet applied
};

inline constexpr std::uint64_t kUnit = kMaskBytes;  // bytes; our own bricks begin at multiples of it

[[nodiscard]] Bytes pack_directory(const Node& node);
[[nodiscard]] Result<Node> unpack_directory(ByteView bytes);

}  // namespace microtome::woolz
