// SPDX-License-Identifier: Apache-2.0
#include "woolz/object.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "woolz/parse.hpp"
#include "woolz/reader.hpp"
#include "woolz/transform.hpp"

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

// FNV-1a, 64 bit.
std::uint64_t hash_of(ByteView bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t b : bytes) {
    hash = (hash ^ b) * 0x100000001b3ULL;
  }
  return hash;
}

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
  if (hash_of(bytes) != header.directory_hash) {
    return fail(Code::corrupt, "the cache of the object is broken", "directory hash");
  }
  return unpack_directory(bytes);
}

struct Stored {
  Node node;
  BlobPtr blob;
};

Result<Stored> build(Reader& reader, const io::FileId& id, const std::string& sidecar, const OpenOptions& options) {
  BlobWriter out({options.memory_bytes, sidecar});
  const Bytes room(kHeaderBytes);
  if (auto placed = out.append(room); !placed) {
    return std::unexpected(placed.error());
  }
  auto node = parse_object(reader, out, options.limits);
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
  header.directory_hash = hash_of(directory);
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

std::optional<Stored> load(const std::string& sidecar, const io::FileId& id) {
  auto file = io::File::open(sidecar);
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
  return Stored{std::move(*node), std::move(*blob)};
}

}  // namespace

class ObjectBuilder {
 public:
  ObjectBuilder(BlobPtr blob, io::FilePtr file, const OpenOptions& options)
      : blob_(std::move(blob)), file_(std::move(file)), options_(options) {}

  Result<ObjectPtr> make(Node node, const io::FileId& id) {
    auto object = std::make_shared<Object>();
    object->id_ = id;
    object->compound_ = node.kind == Kind::compound;
    object->properties_ = node.properties;
    object->memory_ = sizeof(Object) + blob_->memory();
    if (node.kind == Kind::compound) {
      for (Node& inner : node.members) {
        if (node.transform && !inner.transform) {
          inner.transform = node.transform;
        }
        if (auto added = add(*object, inner); !added) {
          return std::unexpected(added.error());
        }
      }
    } else if (auto added = add(*object, node); !added) {
      return std::unexpected(added.error());
    }
    return object;
  }

 private:
  Result<void> add(Object& object, Node& node) {
    Member member;
    member.properties = std::move(node.properties);
    if (node.kind == Kind::domain2d || node.kind == Kind::domain3d) {
      auto body = body_of(node);
      if (!body) {
        return std::unexpected(body.error());
      }
      member.body = std::move(*body);
      member.flat = node.kind == Kind::domain2d;
      member.box = node.domain.declared;
      member.voxel_size = node.voxel_size;
      member.statistics = node.values.statistics;
      if (node.transform) {
        auto moved = transformed(*member.body, member.box, *node.transform, options_.transform_bytes);
        if (!moved) {
          return std::unexpected(moved.error());
        }
        member.box = moved->box;
        member.body = std::move(moved->body);
        member.statistics.reset();
        object.memory_ += member.body->domain->memory() + (member.body->values ? member.body->values->memory() : 0);
      }
    }
    object.members_.push_back(std::move(member));
    return {};
  }

  Result<BodyPtr> body_of(const Node& node) {
    auto domain = Domain::from(node.domain, blob_);
    if (!domain) {
      return std::unexpected(domain.error());
    }
    auto body = std::make_shared<Body>();
    body->domain = std::move(*domain);
    if (node.values.grey != Grey::none) {
      BlobPtr data = blob_;
      if (node.values.in_source) {
        if (!file_) {
          return fail(Code::corrupt, "the cache of the object is broken", "values in no file");
        }
        auto mapped = mapped_blob(file_, 0, file_->size());
        if (!mapped) {
          return std::unexpected(mapped.error());
        }
        data = std::move(*mapped);
      }
      auto values = Values::from(node.values, blob_, data);
      if (!values) {
        return std::unexpected(values.error());
      }
      body->values = std::move(*values);
      body->clean = node.values.clean;
    }
    return body;
  }

  BlobPtr blob_;
  io::FilePtr file_;
  const OpenOptions& options_;
};

const Member* Object::base() const {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [](const Member& m) { return m.body != nullptr && !m.flat; });
  return found == members_.end() ? nullptr : &*found;
}

bool Object::intact() const {
  return std::all_of(members_.begin(), members_.end(), [](const Member& m) {
    return m.body == nullptr || m.body->values == nullptr || m.body->values->intact();
  });
}

std::string sidecar_path(const std::string& path, const OpenOptions& options) {
  if (!options.keep_sidecar) {
    return {};
  }
  if (options.cache_directory.empty()) {
    return path + ".bricks";
  }
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/%016llx.bricks",
                static_cast<unsigned long long>(hash_of(as_bytes(path))));
  return options.cache_directory + name.data();
}

Result<ObjectPtr> open_object(const io::FilePtr& file, const OpenOptions& options) {
  const std::string sidecar = sidecar_path(file->path(), options);
  std::optional<Stored> stored = sidecar.empty() ? std::nullopt : load(sidecar, file->id());
  if (!stored) {
    std::array<std::uint8_t, 2> head{};
    if (file->size() >= head.size()) {
      if (auto got = file->read(0, head); !got) {
        return std::unexpected(got.error());
      }
    }
    auto source = file_source(file);
    if (head[0] == 0x1f && head[1] == 0x8b) {
      source = gzip_source(std::move(source), options.limits.max_inflated);
    }
    Reader reader(*source);
    auto built = build(reader, file->id(), sidecar, options);
    if (!built) {
      return pass(built.error(), file->path());
    }
    stored = std::move(*built);
  }
  return ObjectBuilder(stored->blob, file, options).make(std::move(stored->node), file->id());
}

Result<ObjectPtr> open_object(ByteView bytes, const OpenOptions& options) {
  auto source = memory_source(bytes);
  if (bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) {
    source = gzip_source(std::move(source), options.limits.max_inflated);
  }
  Reader reader(*source);
  io::FileId id;
  id.size = bytes.size();
  auto built = build(reader, id, {}, options);
  if (!built) {
    return std::unexpected(built.error());
  }
  return ObjectBuilder(built->blob, nullptr, options).make(std::move(built->node), id);
}

}  // namespace microtome::woolz
