// SPDX-License-Identifier: Apache-2.0
#include "woolz/sidecar.hpp"

#include <sys/stat.h>

#include <array>
#include <cstring>
#include <utility>

namespace microtome::woolz {
namespace {

constexpr std::size_t kHeaderBytes = 4096;
constexpr std::array<char, 8> kMagic{'M', 'T', 'W', 'L', 'Z', 'B', '0', '2'};

// At byte 0 of every blob; docs/formats/woolz.md.
struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint64_t size = 0;  // of the whole file
  std::uint64_t directory_offset = 0;
  std::uint64_t directory_length = 0;
  std::uint64_t directory_hash = 0;
  std::uint64_t device = 0;  // FileId of the object it was made of
  std::uint64_t inode = 0;
  std::uint64_t source_size = 0;
  std::int64_t mtime_ns = 0;
};

ByteView view(const Header& header) {
  return {reinterpret_cast<const std::uint8_t*>(&header), sizeof(header)};
}

// The tree in a sidecar, when it is whole and belongs to `id`.
Result<Node> directory_of(const Blob& blob, const io::FileId& id) {
  Header header;
  if (blob.size() < kHeaderBytes) {
    return fail(Code::corrupt, "the cache of the object is broken", "too short");
  }
  std::memcpy(&header, blob.data(), sizeof(header));
  if (header.magic != kMagic || header.size != blob.size() || header.device != id.device ||
      header.inode != id.inode || header.source_size != id.size || header.mtime_ns != id.mtime_ns) {
    return fail(Code::corrupt, "the cache of the object is old", "another object or format");
  }
  if (header.directory_offset > blob.size() || header.directory_length > blob.size() - header.directory_offset) {
    return fail(Code::corrupt, "the cache of the object is broken", "directory outside");
  }
  const ByteView bytes(blob.data() + header.directory_offset, static_cast<std::size_t>(header.directory_length));
  if (fingerprint(bytes) != header.directory_hash) {
    return fail(Code::corrupt, "the cache of the object is broken", "directory hash");
  }
  return unpack_directory(bytes);
}

}  // namespace

std::uint64_t fingerprint(ByteView bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t b : bytes) {
    hash = (hash ^ b) * 0x100000001b3ULL;
  }
  return hash;
}

Result<Stored> make_sidecar(const std::string& path, const io::FileId& id, std::uint64_t memory_bytes,
                            const std::function<Result<Node>(BlobWriter&)>& make) {
  BlobWriter out({memory_bytes, path});
  const Bytes room(kHeaderBytes);
  if (auto placed = out.append(room); !placed) {
    return std::unexpected(placed.error());
  }
  auto node = make(out);
  if (!node) {
    return std::unexpected(node.error());
  }
  const Bytes directory = pack_directory(*node);
  auto placed = out.append(directory);
  if (!placed) {
    return std::unexpected(placed.error());
  }
  Header header;
  header.size = out.size();
  header.directory_offset = *placed;
  header.directory_length = directory.size();
  header.directory_hash = fingerprint(directory);
  header.device = id.device;
  header.inode = id.inode;
  header.source_size = id.size;
  header.mtime_ns = id.mtime_ns;
  if (auto patched = out.patch(0, view(header)); !patched) {
    return std::unexpected(patched.error());
  }
  auto blob = out.finish();
  if (!blob) {
    return std::unexpected(blob.error());
  }
  return Stored{std::move(*node), std::move(*blob)};
}

std::optional<Stored> load_sidecar(const std::string& path, const io::FileId& id) {
  if (path.empty()) {
    return std::nullopt;
  }
  auto file = io::File::open(path);
  if (!file || (*file)->size() < kHeaderBytes) {
    return std::nullopt;
  }
  auto blob = mapped_blob(*file, 0, (*file)->size());
  if (!blob) {
    return std::nullopt;
  }
  auto node = directory_of(**blob, id);
  if (!node) {
    return std::nullopt;
  }
  (void)::futimens((*file)->fd(), nullptr);  // used now: the quota removes what was not used for longest
  return Stored{std::move(*node), std::move(*blob)};
}

Result<BodyPtr> stored_body(const Node& node, const BlobPtr& blob, const BlobPtr& data) {
  auto domain = Domain::from(node.domain, blob);
  if (!domain) {
    return std::unexpected(domain.error());
  }
  auto body = std::make_shared<Body>(Body{std::move(*domain), nullptr, false});
  if (node.values.grey != Grey::none) {
    if (!data) {
      return fail(Code::corrupt, "the cache of the object is broken", "values in no file");
    }
    auto values = Values::from(node.values, blob, data);
    if (!values) {
      return std::unexpected(values.error());
    }
    body->values = std::move(*values);
    body->clean = node.values.clean;
  }
  return body;
}

}  // namespace microtome::woolz
