// SPDX-License-Identifier: Apache-2.0
#include "woolz/parse.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "woolz/brick_builder.hpp"
#include "woolz/runs.hpp"
#include "woolz/transform.hpp"

namespace microtome::woolz {
namespace {

class Parser {
 public:
  Parser(Reader& reader, BlobWriter& out, const Limits& limits)
      : in_(reader), out_(out), limits_(limits), file_bytes_(reader.remaining()) {}
  // `last`: nothing but property lists follows it in the file, so that one of unknown length does no harm.
  Result<Node> object(int depth, bool last);

 private:
  using Planes = std::vector<PlaneRuns>;
  Result<void> domain2d(Node& node);
  Result<void> domain3d(Node& node);
  Result<void> compound(Node& node, int depth, bool last);
  Result<Node> transformed(int depth, bool last);  // an object and the transform before it
  Result<void> build(Node& node, const Planes& planes, std::int64_t first_plane, int dimension);
  Result<void> add_values(BrickBuilder& builder, const Planes& planes, std::int64_t first_plane);
  Result<Planes> read_planes(std::int64_t count, Box& covered, const Box& declared);
  Result<void> properties(Node& node, bool last);
  std::array<double, 16> affine();
  Result<void> fail_here(Code code, std::string context) {
    in_.fail(code, std::move(context));
    return in_.failure();
  }

  Reader& in_;
  BlobWriter& out_;
  const Limits& limits_;
  std::uint64_t file_bytes_;
  std::uint64_t bricks_ = 0;  // of all members so far
  std::uint64_t members_ = 0;
  std::uint64_t property_budget_ = limits_.max_property_bytes;
  bool lost_ = false;  // behind a property of unknown length: nothing more can be found
};

Box box_of(const PlaneRuns& plane, std::int64_t z) {
  return plane.empty() ? Box{} : Box{plane.x1, plane.y1, z, plane.x2, plane.y2, z};
}

// Builds the bricks of a domain whose values, if it has any, follow in the file.
Result<void> Parser::build(Node& node, const Planes& planes, std::int64_t first_plane, int dimension) {
  if (!detail::bricks_within(node.domain.box, bricks_, file_bytes_, limits_)) {
    return fail_here(Code::too_large, "the bounds of the object are over the limit");
  }
  BrickBuilder builder(node.domain.box, out_);
  const std::uint8_t type = in_.u8();
  if (!in_.ok()) {
    return in_.failure();
  }
  std::optional<ValuesNode> tiled;
  if (detail::is_tiled(type)) {
    auto read = detail::read_tiled(in_, type, dimension, out_, limits_);
    if (!read) {
      return std::unexpected(read.error());
    }
    tiled = *read;
  }
  if (dimension == 2 && type != 0 && !tiled) {
    auto plane = detail::read_plane_values(in_, type, planes[0].voxels, limits_);
    if (!in_.ok()) {
      return in_.failure();
    }
    if (auto added = builder.add(0, planes[0], plane.grey, std::move(plane.values), plane.background); !added) {
      return added;
    }
  } else if (dimension == 3 && type == 1) {
    if (auto added = add_values(builder, planes, first_plane); !added) {
      return added;
    }
  } else if (type == 0 || tiled) {
    for (std::size_t i = 0; i < planes.size(); ++i) {
      auto added = builder.add(first_plane + static_cast<std::int64_t>(i), planes[i], Grey::none, {}, {});
      if (!added) {
        return added;
      }
    }
  } else {
    return fail_here(Code::corrupt, "values of unknown type " + std::to_string(type));
  }
  if (auto finished = builder.finish(node.domain, node.values); !finished) {
    return finished;
  }
  if (tiled) {
    node.values = *tiled;
  }
  return {};
}

Result<void> Parser::add_values(BrickBuilder& builder, const Planes& planes, std::int64_t first_plane) {
  in_.i32();  // a background without a type; that of the last plane with values counts
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const std::uint8_t type = in_.u8();
    detail::PlaneValues plane;
    if (type != 0) {
      plane = detail::read_plane_values(in_, type, planes[i].voxels, limits_);
    }
    if (!in_.ok()) {
      return in_.failure();
    }
    if (builder.held() + plane.values.size() > limits_.max_plane_bytes) {
      return fail_here(Code::too_large, "planes are over the limit");
    }
    auto added = builder.add(first_plane + static_cast<std::int64_t>(i), planes[i], plane.grey,
                             std::move(plane.values), plane.background);
    if (!added) {
      return added;
    }
  }
  return {};
}

Result<void> Parser::domain2d(Node& node) {
  Planes planes{read_runs(in_, limits_)};
  if (!in_.ok()) {
    return in_.failure();
  }
  if (planes[0].empty()) {  // no domain: whatever its values say, there are none
    const std::uint8_t type = in_.u8();
    if (type != 0 && !detail::is_tiled(type)) {
      (void)detail::read_plane_values(in_, type, 0, limits_);
    }
    return in_.ok() ? Result<void>{} : in_.failure();
  }
  node.kind = Kind::domain2d;
  node.domain.declared = node.domain.box = box_of(planes[0], 0);
  return build(node, planes, 0, 2);
}

Result<Parser::Planes> Parser::read_planes(std::int64_t count, Box& covered, const Box& declared) {
  Planes planes;
  planes.reserve(static_cast<std::size_t>(count));
  std::uint64_t memory = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    planes.push_back(read_runs(in_, limits_));
    if (!in_.ok()) {
      return in_.failure();
    }
    covered = covered.around(box_of(planes.back(), declared.z1 + i));
    memory += planes.back().memory();
    if (memory > limits_.max_domain_bytes) {
      in_.fail(Code::too_large, "the domain is over the limit");
      return in_.failure();
    }
  }
  return planes;
}

Result<void> Parser::domain3d(Node& node) {
  const std::uint8_t type = in_.u8();
  if (type == 0) {
    const std::uint8_t values = in_.u8();
    return values <= 1 || !in_.ok() ? Result<void>{} : fail_here(Code::corrupt, "values without a domain");
  }
  if (type > 2) {
    return fail_here(Code::unsupported, "a plane domain of type " + std::to_string(type) + " is no image");
  }
  Box box;
  for (std::int64_t* v : {&box.z1, &box.z2, &box.y1, &box.y2, &box.x1, &box.x2}) {
    *v = in_.i32();
  }
  for (double& size : node.voxel_size) {
    size = in_.f32();
  }
  const std::int64_t count = box.depth();
  if (!in_.ok()) {
    return in_.failure();
  }
  if (box.empty() || !in_.has(count, 5)) {  // each plane has at least a position and a type
    return fail_here(Code::corrupt, "more planes than bytes");
  }
  for (const double size : node.voxel_size) {
    if (!std::isfinite(size) || size <= 0) {
      return fail_here(Code::corrupt, "a voxel without a size");
    }
  }
  for (std::int64_t i = 0; i < count; ++i) {
    in_.u32();  // obsolete plane positions
  }
  Box covered;
  auto planes = read_planes(count, covered, box);
  if (!planes) {
    return std::unexpected(planes.error());
  }
  node.kind = Kind::domain3d;
  node.domain.declared = box;
  node.domain.box = covered.around(box);
  return build(node, *planes, box.z1, 3);
}

Result<void> Parser::compound(Node& node, int depth, bool last) {
  const std::uint8_t member_type = in_.u8();
  const std::int32_t count = in_.i32();
  if (!in_.has(count) || member_type > 200) {
    return fail_here(Code::corrupt, "more members than bytes");
  }
  members_ += static_cast<std::uint64_t>(count);
  if (members_ > limits_.max_members) {
    return fail_here(Code::too_large, "more members than the limit");
  }
  node.kind = Kind::compound;
  for (std::int32_t i = 0; i < count; ++i) {
    auto member = object(depth + 1, last && i + 1 == count);
    if (!member) {
      return std::unexpected(member.error());
    }
    node.members.push_back(std::move(*member));
  }
  return {};
}

std::array<double, 16> Parser::affine() {
  std::array<double, 16> m{};
  const std::uint8_t type = in_.u8();
  if (type == 0 || type > 8) {
    in_.fail(type == 0 ? Code::corrupt : Code::unsupported, "transform of type " + std::to_string(type));
    return m;
  }
  for (double& v : m) {
    v = in_.f64();
    if (!std::isfinite(v)) {
      in_.fail(Code::corrupt, "transform that is not finite");
    }
  }
  if (type <= 4) {  // 2D: rows and columns x, y, then the translation in column 2
    m = {m[0], m[1], 0, m[2], m[4], m[5], 0, m[6], 0, 0, 1, 0, 0, 0, 0, 1};
  }
  return m;
}

Result<void> Parser::properties(Node& node, bool last) {
  if (lost_) {
    return {};
  }
  int unknown = 0;
  node.properties = read_properties(in_, property_budget_, &unknown);
  if (!in_.ok()) {
    return in_.failure();
  }
  if (unknown != 0 && !last) {
    in_.adopt({Code::unsupported, "a property of unknown type hides the members behind it",
               "property of type " + std::to_string(unknown) + " before byte " + std::to_string(in_.position())});
    return in_.failure();
  }
  lost_ = unknown != 0;
  return {};
}

Result<Node> Parser::transformed(int depth, bool last) {
  const auto transform = affine();
  auto node = in_.ok() ? object(depth + 1, last) : Result<Node>(in_.failure());
  if (!node) {
    return node;
  }
  node->transform = node->transform ? then(*node->transform, transform) : transform;
  const auto inner_properties = std::exchange(node->properties, {});
  const auto read = properties(*node, last);
  node->properties.insert(node->properties.end(), inner_properties.begin(), inner_properties.end());
  if (!read) {
    return std::unexpected(read.error());
  }
  return node;
}

Result<Node> Parser::object(int depth, bool last) {
  const std::uint8_t type = in_.u8();
  if (!in_.ok()) {
    return in_.failure();
  }
  Node node;
  if (type == 0 || type == 127) {
    return node;
  }
  if (depth > limits_.max_depth) {
    in_.fail(Code::too_large, "objects are nested too deeply");
    return in_.failure();
  }
  Result<void> read;
  switch (type) {
    case 1:
      read = domain2d(node);
      break;
    case 2:
      read = domain3d(node);
      break;
    case 3:
      return transformed(depth, last);
    case 63:
      node.kind = Kind::transform;
      node.transform = affine();
      if (!in_.ok()) {
        return in_.failure();
      }
      return node;
    case 80:
    case 81:
      read = compound(node, depth, last);
      break;
    case 110:
      node.kind = Kind::other;
      break;
    default:
      in_.fail(type < 180 ? Code::unsupported : Code::corrupt, "an object of type " + std::to_string(type));
      return in_.failure();
  }
  if (read) {
    read = properties(node, last);
  }
  if (!read) {
    return std::unexpected(read.error());
  }
  return node;
}

}  // namespace

Result<Node> parse_object(Reader& reader, BlobWriter& out, const Limits& limits) {
  return Parser(reader, out, limits).object(0, true);
}

}  // namespace microtome::woolz
