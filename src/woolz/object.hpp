// SPDX-License-Identifier: Apache-2.0
// Object: an opened Woolz file, ready to be cut and asked. Its voxels lie in a sidecar (or, when small, in memory);
// tiled values stay where they are. Immutable and thread-safe; a snapshot of one FileId.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/file.hpp"
#include "woolz/bricks.hpp"
#include "woolz/limits.hpp"
#include "woolz/node.hpp"
#include "woolz/options.hpp"

namespace microtome::woolz {

// One object of the file: the only one, or a member of a compound.
struct Member {
  BodyPtr body;       // null: empty, or nothing that can be cut
  bool flat = false;  // a 2D object
  Box box;            // as the object declares it: all view geometry uses it
  std::array<double, 3> voxel_size{1, 1, 1};
  std::vector<Property> properties;
  std::optional<Statistics> statistics;  // of its values, when known without counting
};

class Object {
 public:
  [[nodiscard]] bool compound() const { return compound_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  // The member that sets background, voxel size and box of every view: the first that is a 3D domain object.
  // Null when there is none.
  [[nodiscard]] const Member* base() const;
  [[nodiscard]] const std::vector<Property>& properties() const { return properties_; }
  [[nodiscard]] const io::FileId& id() const { return id_; }
  [[nodiscard]] std::size_t memory() const { return memory_; }  // bytes of our own
  // False when a file below has been cut short since: then nothing may be read any more.
  [[nodiscard]] bool intact() const;

 private:
  friend class ObjectBuilder;
  bool compound_ = false;
  std::vector<Member> members_;
  std::vector<Property> properties_;
  io::FileId id_;
  std::size_t memory_ = 0;
  std::vector<BlobPtr> blobs_;  // where its bricks and values lie
};

using ObjectPtr = std::shared_ptr<const Object>;

// Opens `file` (plain or gzip, by its first bytes). Code::corrupt, unsupported or too_large as parse_object says.
// Blocks; the first time as long as it takes to read the whole object.
[[nodiscard]] Result<ObjectPtr> open_object(const io::FilePtr& file, const OpenOptions& options);

// The same for bytes in memory (tests, fuzzing).
[[nodiscard]] Result<ObjectPtr> open_object(ByteView bytes, const OpenOptions& options);

// Where the sidecar of the object at `path` is.
[[nodiscard]] std::string sidecar_path(const std::string& path, const OpenOptions& options);

}  // namespace microtome::woolz
