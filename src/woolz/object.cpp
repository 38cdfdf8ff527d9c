// SPDX-License-Identifier: Apache-2.0
#include "woolz/object.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "woolz/evaluate.hpp"
#include "woolz/expression.hpp"
#include "woolz/parse.hpp"
#include "woolz/reader.hpp"
#include "woolz/sidecar.hpp"
#include "woolz/transform.hpp"

namespace microtome::woolz {
namespace {

constexpr std::uint64_t kUnionBytes = 64ULL << 20;  // of one nested compound

}  // namespace

class ObjectBuilder {
 public:
  ObjectBuilder(BlobPtr blob, io::FilePtr file, const OpenOptions& options)
      : blob_(std::move(blob)), file_(std::move(file)), options_(options) {}

  Result<ObjectPtr> make(Node node, const io::FileId& id) {
    auto object = std::make_shared<Object>();
    object->id_ = id;
    budget_ = {options_.transform_bricks + id.size / 256,
               std::min(options_.transform_bytes, options_.transform_bytes / 4 + 64 * id.size)};
    object->compound_ = node.kind == Kind::compound;
    object->properties_ = node.properties;
    object->memory_ = sizeof(Object) + blob_->memory();
    auto added = node.kind == Kind::compound ? add_members(*object, node) : add(*object, node);
    if (!added) {
      return std::unexpected(added.error());
    }
    object->blobs_.push_back(blob_);
    if (source_) {
      object->blobs_.push_back(source_);
    }
    return object;
  }

 private:
  Result<void> add_members(Object& object, Node& node) {
    for (Node& inner : node.members) {
      if (node.transform) {
        inner.transform = inner.transform ? then(*inner.transform, *node.transform) : node.transform;
      }
      if (auto added = add(object, inner); !added) {
        return added;
      }
    }
    return {};
  }

  // A compound within a compound is one member: where all its objects together are. An only object keeps its values.
  Result<void> unite(Object& object, Node& node) {
    Object inner;
    if (auto added = add_members(inner, node); !added) {
      return added;
    }
    object.memory_ += inner.memory_;
    std::erase_if(inner.members_, [](const Member& m) { return m.body == nullptr || m.flat; });
    Member united;
    if (!inner.members_.empty()) {
      united = inner.members_.front();
    }
    if (inner.members_.size() > 1) {
      Expression all;
      all.operation = Operation::union_of;
      all.operands.emplace_back();
      all.operands.back().last = static_cast<std::int64_t>(inner.members_.size()) - 1;
      EvaluateLimits limits;
      limits.max_bytes = kUnionBytes;
      auto body = evaluate(inner, all, limits, CancelToken());
      if (!body) {
        return std::unexpected(body.error());
      }
      for (const Member& m : inner.members_) {
        united.box = united.box.around(m.box);
      }
      united.body = std::move(*body);
      united.statistics.reset();
      object.memory_ += memory_of(*united.body);
    }
    united.properties = std::move(node.properties);
    object.members_.push_back(std::move(united));
    return {};
  }

  Result<void> add(Object& object, Node& node) {
    if (node.kind == Kind::compound) {
      return unite(object, node);
    }
    Member member;
    member.properties = std::move(node.properties);
    if (node.kind == Kind::domain2d || node.kind == Kind::domain3d) {
      auto from = node.values.in_source ? source() : Result<BlobPtr>(blob_);
      if (!from) {
        return std::unexpected(from.error());
      }
      auto body = stored_body(node, blob_, *from);
      if (!body) {
        return std::unexpected(body.error());
      }
      member.body = std::move(*body);
      member.flat = node.kind == Kind::domain2d;
      member.box = node.domain.declared;
      member.voxel_size = node.voxel_size;
      member.statistics = node.values.statistics;
      if (node.transform) {
        auto moved = transformed(*member.body, member.box, *node.transform, budget_);
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

  // One mapping of the file serves all members.
  Result<BlobPtr> source() {
    if (!source_ && file_) {
      auto mapped = mapped_blob(file_, 0, file_->size());
      if (!mapped) {
        return mapped;
      }
      source_ = std::move(*mapped);
    }
    return source_;
  }

  BlobPtr blob_;
  BlobPtr source_;
  io::FilePtr file_;
  const OpenOptions& options_;
  TransformBudget budget_;
};

const Member* Object::base() const {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [](const Member& m) { return m.body != nullptr && !m.flat; });
  return found == members_.end() ? nullptr : &*found;
}

bool Object::intact() const {
  return std::all_of(blobs_.begin(), blobs_.end(), [](const BlobPtr& blob) { return blob->intact(); });
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
                static_cast<unsigned long long>(fingerprint(as_bytes(path))));
  return options.cache_directory + name.data();
}

Result<ObjectPtr> open_object(const io::FilePtr& file, const OpenOptions& options) {
  const std::string sidecar = sidecar_path(file->path(), options);
  std::optional<Stored> stored = load_sidecar(sidecar, file->id());
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
    auto built = make_sidecar(sidecar, file->id(), options.memory_bytes,
                              [&](BlobWriter& out) { return parse_object(reader, out, options.limits); });
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
  auto built = make_sidecar({}, id, options.memory_bytes,
                            [&](BlobWriter& out) { return parse_object(reader, out, options.limits); });
  if (!built) {
    return std::unexpected(built.error());
  }
  return ObjectBuilder(built->blob, nullptr, options).make(std::move(built->node), id);
}

}  // namespace microtome::woolz
