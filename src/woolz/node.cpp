// SPDX-License-Identifier: Apache-2.0
#include "woolz/node.hpp"

#include <type_traits>

#include "woolz/reader.hpp"

namespace microtome::woolz {
namespace {

constexpr int kMaxDepth = 64;

class Packer {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    out_.insert(out_.end(), bytes, bytes + sizeof(T));
  }
  void text(const std::string& text) {
    put(static_cast<std::int32_t>(text.size()));
    out_.insert(out_.end(), text.begin(), text.end());
  }
  void box(const Box& b) {
    for (const std::int64_t v : {b.x1, b.y1, b.z1, b.x2, b.y2, b.z2}) {
      put(v);
    }
  }
  void place(const IndexPlace& p) {
    put(p.offset);
    put(p.count);
  }
  void values(const ValuesNode& v);
  void node(const Node& n);
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

void Packer::values(const ValuesNode& v) {
  put(static_cast<std::uint8_t>(v.grey));
  if (v.grey == Grey::none) {
    return;
  }
  put(v.per_voxel);
  put(static_cast<std::uint8_t>(v.flat));
  put(static_cast<std::uint8_t>(v.blocked));
  put(v.background.number);
  put(v.background.rgba);
  put(static_cast<std::uint8_t>(v.clean));
  for (const std::int64_t x : {v.lattice.origin.x, v.lattice.origin.y, v.lattice.origin.z, v.lattice.side,
                               v.lattice.count.x, v.lattice.count.y, v.lattice.count.z}) {
    put(x);
  }
  place(v.index);
  put(static_cast<std::uint8_t>(v.in_source));
  put(v.data_offset);
  put(v.unit);
  put(v.cube_bytes);
  put(static_cast<std::uint8_t>(v.statistics.has_value()));
  if (v.statistics) {
    put(v.statistics->count);
    put(v.statistics->minimum);
    put(v.statistics->maximum);
    put(v.statistics->sum);
    put(v.statistics->sum_of_squares);
  }
}

void Packer::node(const Node& n) {
  put(static_cast<std::uint8_t>(n.kind));
  if (n.kind == Kind::domain2d || n.kind == Kind::domain3d) {
    box(n.domain.declared);
    box(n.domain.box);
    put(n.domain.voxels);
    place(n.domain.index);
    for (const double v : n.voxel_size) {
      put(v);
    }
    values(n.values);
  }
  put(static_cast<std::uint8_t>(n.transform.has_value()));
  if (n.transform) {
    for (const double v : *n.transform) {
      put(v);
    }
  }
  put(static_cast<std::int32_t>(n.properties.size()));
  for (const Property& p : n.properties) {
    put(static_cast<std::uint8_t>(p.type));
    text(p.name);
    text(p.value);
    put(static_cast<std::int32_t>(p.fields.size()));
    for (const auto& [name, value] : p.fields) {
      text(name);
      text(value);
    }
  }
  put(static_cast<std::int32_t>(n.members.size()));
  for (const Node& member : n.members) {
    node(member);
  }
}

class Unpacker {
 public:
  explicit Unpacker(Reader& reader) : in_(reader) {}
  Node node(int depth);

 private:
  std::uint64_t u64() {
    const std::uint64_t low = in_.u32();
    return low | static_cast<std::uint64_t>(in_.u32()) << 32;
  }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  Box box() {
    Box b;
    for (std::int64_t* v : {&b.x1, &b.y1, &b.z1, &b.x2, &b.y2, &b.z2}) {
      *v = i64();
    }
    return b;
  }
  IndexPlace place() {
    IndexPlace p;
    p.offset = u64();
    p.count = u64();
    return p;
  }
  std::int32_t count() {
    const std::int32_t n = in_.i32();
    if (!in_.has(n)) {
      in_.fail(Code::corrupt, "directory count");
      return 0;
    }
    return n;
  }
  ValuesNode values();
  Property property();

  Reader& in_;
};

ValuesNode Unpacker::values() {
  ValuesNode v;
  const std::uint8_t grey = in_.u8();
  if (grey == 0) {
    return v;
  }
  if (!is_grey(grey)) {
    in_.fail(Code::corrupt, "directory grey type");
    return v;
  }
  v.grey = static_cast<Grey>(grey);
  v.per_voxel = in_.i32();
  v.flat = in_.u8() != 0;
  v.blocked = in_.u8() != 0;
  v.background.number = in_.f64();
  v.background.rgba = in_.u32();
  v.clean = in_.u8() != 0;
  for (std::int64_t* x : {&v.lattice.origin.x, &v.lattice.origin.y, &v.lattice.origin.z, &v.lattice.side,
                          &v.lattice.count.x, &v.lattice.count.y, &v.lattice.count.z}) {
    *x = i64();
  }
  v.index = place();
  v.in_source = in_.u8() != 0;
  v.data_offset = u64();
  v.unit = u64();
  v.cube_bytes = u64();
  if (in_.u8() != 0) {
    Statistics s;
    s.count = u64();
    s.minimum = in_.f64();
    s.maximum = in_.f64();
    s.sum = in_.f64();
    s.sum_of_squares = in_.f64();
    v.statistics = s;
  }
  return v;
}

Property Unpacker::property() {
  Property p;
  const std::uint8_t type = in_.u8();
  if (type < static_cast<std::uint8_t>(PropertyType::simple) ||
      type > static_cast<std::uint8_t>(PropertyType::text)) {
    in_.fail(Code::corrupt, "directory property type");
    return p;
  }
  p.type = static_cast<PropertyType>(type);
  p.name = in_.text();
  p.value = in_.text();
  for (std::int32_t i = count(); i > 0 && in_.ok(); --i) {
    std::string name = in_.text();
    p.fields.emplace(std::move(name), in_.text());
  }
  return p;
}

Node Unpacker::node(int depth) {
  Node n;
  const std::uint8_t kind = in_.u8();
  if (kind > static_cast<std::uint8_t>(Kind::other) || depth > kMaxDepth) {
    in_.fail(Code::corrupt, "directory kind");
    return n;
  }
  n.kind = static_cast<Kind>(kind);
  if (n.kind == Kind::domain2d || n.kind == Kind::domain3d) {
    n.domain.declared = box();
    n.domain.box = box();
    n.domain.voxels = u64();
    n.domain.index = place();
    for (double& v : n.voxel_size) {
      v = in_.f64();
    }
    n.values = values();
  }
  if (in_.u8() != 0) {
    n.transform.emplace();
    for (double& v : *n.transform) {
      v = in_.f64();
    }
  }
  for (std::int32_t i = count(); i > 0 && in_.ok(); --i) {
    n.properties.push_back(property());
  }
  for (std::int32_t i = count(); i > 0 && in_.ok(); --i) {
    n.members.push_back(node(depth + 1));
  }
  return n;
}

}  // namespace

Bytes pack_directory(const Node& node) {
  Packer packer;
  packer.node(node);
  return packer.take();
}

Result<Node> unpack_directory(ByteView bytes) {
  const auto source = memory_source(bytes);
  Reader reader(*source);
  Node node = Unpacker(reader).node(0);
  if (!reader.ok()) {
    return reader.failure();
  }
  return node;
}

}  // namespace microtome::woolz
