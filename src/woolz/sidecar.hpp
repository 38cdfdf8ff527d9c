// SPDX-License-Identifier: Apache-2.0
// Sidecars: bricks and the tree they belong to as a file, valid for one state of the object they were made of
// (docs/formats/woolz.md). Small ones stay in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/file.hpp"
#include "woolz/blob.hpp"
#include "woolz/bricks.hpp"
#include "woolz/node.hpp"

namespace microtome::woolz {

struct Stored {
  Node node;
  BlobPtr blob;
};

// The sidecar at `path`, when it is whole and was made of the object of `id`; "" has none.
[[nodiscard]] std::optional<Stored> load_sidecar(const std::string& path, const io::FileId& id);

// Lets `make` write bricks and keeps them with its tree: up to `memory_bytes` in memory, more at `path` (or, where
// that cannot be written or is "", in a file without a name).
[[nodiscard]] Result<Stored> make_sidecar(const std::string& path, const io::FileId& id, std::uint64_t memory_bytes,
                                          const std::function<Result<Node>(BlobWriter&)>& make);

// The body of a domain node; `data` holds its values.
[[nodiscard]] Result<BodyPtr> stored_body(const Node& node, const BlobPtr& blob, const BlobPtr& data);

// FNV-1a, 64 bit.
[[nodiscard]] std::uint64_t fingerprint(ByteView bytes);

}  // namespace microtome::woolz
