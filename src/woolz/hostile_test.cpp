// SPDX-License-Identifier: Apache-2.0
// Objects that lie: an error each, and no allocation that their own bytes do not justify.
#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>

#include "woolz/allocation_watch.hpp"
#include "woolz/object.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

class Raw {
 public:
  Raw& u8(int v) {
    bytes_.push_back(static_cast<std::uint8_t>(v));
    return *this;
  }
  Raw& i32(std::initializer_list<std::int64_t> values) {
    for (const std::int64_t v : values) {
      const auto word = static_cast<std::int32_t>(v);
      const auto* p = reinterpret_cast<const std::uint8_t*>(&word);
      bytes_.insert(bytes_.end(), p, p + 4);
    }
    return *this;
  }
  Raw& f64(double v) {
    const auto* p = reinterpret_cast<const std::uint8_t*>(&v);
    bytes_.insert(bytes_.end(), p, p + sizeof v);
    return *this;
  }
  Raw& all(const Bytes& more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  Raw& ones(int count) {  // 1.0 as it is stored
    for (int i = 0; i < count; ++i) {
      u8(0x80).u8(0x40).u8(0).u8(0);
    }
    return *this;
  }
  Raw& zeros(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  operator const Bytes&() const { return bytes_; }  // NOLINT(google-explicit-constructor)

 private:
  Bytes bytes_;
};

void expect_refused(const char* what, const Bytes& bytes) {
  OpenOptions options;
  options.keep_sidecar = false;
  forget_allocations();
  const auto object = open_object(bytes, options);
  EXPECT_FALSE(object) << what;
  EXPECT_LE(largest_allocation(), 16U << 20) << what;
  if (!object) {
    EXPECT_FALSE(object.error().message.empty()) << what;
  }
}

TEST(Hostile, LengthsAndCountsThatTheBytesDoNotHave) {
  const std::int64_t huge = 2147483647;
  expect_refused("nothing", {});
  expect_refused("unknown type", Raw().u8(99));
  expect_refused("a polygon", Raw().u8(10).zeros(100));
  expect_refused("lines", Raw().u8(1).u8(1).i32({0, huge, 0, 10}));
  expect_refused("lines across zero", Raw().u8(1).u8(1).i32({-huge, huge, -huge, huge}).zeros(64));
  expect_refused("inverted", Raw().u8(1).u8(1).i32({10, 0, 0, 10}).zeros(64));
  expect_refused("intervals", Raw().u8(1).u8(1).i32({0, 1, 0, 10, huge, huge}).zeros(64));
  expect_refused("negative intervals", Raw().u8(1).u8(1).i32({0, 0, 0, 10, -1}).zeros(64));
  expect_refused("interval outside", Raw().u8(1).u8(1).i32({0, 0, 0, 10, 1, 5, 11}).zeros(64));
  expect_refused("interval reversed", Raw().u8(1).u8(1).i32({0, 0, 0, 10, 1, 5, 4}).zeros(64));
  expect_refused("values of a rectangle", Raw().u8(1).u8(2).i32({0, 60000, 0, 60000}).u8(3).u8(3).i32({0}).zeros(99));
  expect_refused("a flat rectangle", Raw().u8(1).u8(2).i32({0, 1000000, 0, 1000000}).u8(0).u8(0));
  expect_refused("planes", Raw().u8(2).u8(1).i32({0, huge, 0, 1, 0, 1}).ones(3).zeros(64));
  expect_refused("planes beyond 32 bits", Raw().u8(2).u8(1).i32({-huge - 1, huge, 0, 1, 0, 1}).ones(3).zeros(64));
  expect_refused("a wide empty box", Raw().u8(2).u8(1).i32({0, 0, 0, 500000, 0, 500000}).ones(3).zeros(64));
  expect_refused("members", Raw().u8(81).u8(0).i32({huge}).zeros(64));
  expect_refused("negative members", Raw().u8(81).u8(0).i32({-1}).zeros(64));
  expect_refused("voxels without size", Raw().u8(2).u8(1).i32({0, 0, 0, 1, 0, 1}).i32({0, 0, 0}).zeros(64));
  expect_refused("property", Raw().u8(110).u8(2).i32({1}).u8(184).i32({huge}).zeros(64));
  expect_refused("properties", Raw().u8(110).u8(2).i32({huge}).zeros(64));
  expect_refused("simple property", Raw().u8(110).u8(1).i32({-7}).zeros(64));
}

TEST(Hostile, TilesThatDoNotFit) {
  const auto tiles = [](std::int64_t width, std::int64_t count, std::int64_t nx, std::int64_t size = 0) {
    return Raw()
        .u8(2)
        .u8(1)
        .i32({0, 0, 0, 1, 0, 1})
        .ones(3)
        .zeros(4)
        .u8(2)
        .i32({0, 1, 0, 1})
        .u8(73)
        .u8(3)
        .i32({0, 1, 0, 1, 0, 0})
        .u8(3)
        .u8(0)
        .i32({size == 0 ? width * width * width : size, width, count, nx, 1, 1, 0, 4096, 0})
        .zeros(9000);
  };
  OpenOptions options;
  EXPECT_TRUE(open_object(static_cast<const Bytes&>(tiles(16, 1, 1)), options));
  expect_refused("tiles", tiles(16, 2147483647, 1));
  expect_refused("more tiles than there are", tiles(16, 3, 1));
  expect_refused("negative tiles", tiles(16, -1, 1));
  expect_refused("index", tiles(16, 1, 2147483647));
  expect_refused("no index", tiles(16, 1, 0));
  expect_refused("width", tiles(0, 1, 1));
  expect_refused("wide", tiles(1 << 20, 1, 1, 1));
  expect_refused("size", tiles(16, 1, 1, 4095));
}

TEST(Hostile, ObjectsWithinObjectsWithoutEnd) {
  Raw nested;
  for (int i = 0; i < 100000; ++i) {
    nested.u8(81).u8(0).i32({1});
  }
  expect_refused("nesting", nested);
}

// A small file with a transform cannot ask for much: what is over the limit is refused before anything is made.
TEST(Hostile, TransformsThatMakeMuchOfLittle) {
  const auto transform = [](std::initializer_list<double> diagonal) {
    Raw raw;
    raw.u8(3).u8(5);
    int i = 0;
    for (const double scale : diagonal) {
      for (int column = 0; column < 4; ++column) {
        raw.f64(column == i ? scale : 0);
      }
      ++i;
    }
    return raw;
  };
  const auto plate = [](std::int64_t side, std::int64_t depth) {  // a box without values
    Raw raw;
    raw.u8(2).u8(1).i32({0, depth - 1, 0, side - 1, 0, side - 1}).ones(3).zeros(static_cast<std::size_t>(4 * depth));
    for (std::int64_t z = 0; z < depth; ++z) {
      raw.u8(2).i32({0, side - 1, 0, side - 1});
    }
    return raw.u8(0).u8(0);
  };
  const auto whole = [](Raw head, const Bytes& inner) -> Bytes { return head.all(inner).u8(0); };
  const Bytes small = plate(30, 30);
  EXPECT_TRUE(open_object(whole(transform({1, 1, 1, 1}), small), OpenOptions{}));
  EXPECT_TRUE(open_object(whole(transform({4, 4, 4, 1}), small), OpenOptions{}));
  expect_refused("a scale of 10", whole(transform({10, 10, 10, 1}), small));
  expect_refused("a scale of 1000", whole(transform({1000, 1000, 1000, 1}), small));
  expect_refused("a long box", whole(transform({1e6, 1e6, 1, 1}), small));
  expect_refused("a large box as it is", whole(transform({1, 1, 1, 1}), plate(1000, 200)));
  expect_refused("flat", whole(transform({1e-5, 1e-5, 1e-5, 1}), small));
  expect_refused("beyond all numbers", whole(transform({1e300, 1, 1, 1}), small));
  // Many members share one budget; each of them alone would do.
  Raw many;
  many.u8(81).u8(0).i32({400});
  for (int i = 0; i < 400; ++i) {
    many.all(whole(transform({4, 4, 4, 1}), small));
  }
  expect_refused("many members", many.u8(0));
}

// Every object cut at every byte is refused, but for cuts at or after the property list, which may be missing.
TEST(Hostile, TruncatedAtEveryByte) {
  VolumeDescription d;
  d.box = {-3, -2, 0, 12, 6, 3};
  d.background = {5, 0};
  const auto value = [](auto x, auto y, auto z) { return static_cast<double>((x + 3) * 9 + y + z); };
  const auto inside = [](auto x, auto y, auto z) { return (x + y + z) % 5 != 0; };
  for (const Grey grey : {Grey::uint8, Grey::int32, Grey::float64, Grey::rgba}) {
    d.grey = grey;
    for (const bool tiled : {false, true}) {
      d.tiled = tiled;
      d.tile_side = 4;
      const Bytes bytes = synthetic::Maker().volume(d, value, inside).bytes();
      ASSERT_TRUE(open_object(bytes, {}));
      for (std::size_t length = 0; length + 1 < bytes.size(); ++length) {
        const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        expect_refused("cut", cut);
      }
      EXPECT_TRUE(open_object(ByteView(bytes).first(bytes.size() - 1), {})) << "the property list may be missing";
    }
  }
}

Bytes around(const Raw& head, const Bytes& inner) {
  Bytes bytes = head;
  bytes.insert(bytes.end(), inner.begin(), inner.end());
  bytes.push_back(0);
  return bytes;
}

// What objects may stand in: a transform, a compound, a compound in a compound that has a hole beside it.
std::vector<Bytes> nested(const Bytes& inner) {
  Raw transform;
  transform.u8(3).u8(5);
  for (int i = 0; i < 16; ++i) {
    transform.zeros(6).u8(i % 5 == 0 ? 0xf0 : 0).u8(i % 5 == 0 ? 0x3f : 0);  // 1.0 on the diagonal
  }
  Bytes members = around(Raw().u8(80).u8(2).i32({1}), inner);
  members.push_back(127);
  return {inner, around(transform, inner), around(Raw().u8(81).u8(0).i32({1}), inner),
          around(Raw().u8(81).u8(0).i32({2}), members), around(transform, around(transform, inner))};
}

// A square of 5 x 3 pixels in tiles of 2 x 2, each pixel with several values where there are any `shape`.
Bytes flat_tiles(std::initializer_list<std::int64_t> shape) {
  Raw raw;
  raw.u8(1).u8(2).i32({0, 2, 0, 4}).u8(shape.size() > 0 ? 173 : 73).u8(2).i32({0, 4, 0, 2, 0, 0}).u8(3).u8(7);
  std::size_t values = 1;
  if (shape.size() > 0) {
    raw.i32({static_cast<std::int64_t>(shape.size())}).i32(shape);
    for (const std::int64_t n : shape) {
      values *= static_cast<std::size_t>(n);
    }
  }
  raw.i32({4, 2, 5, 3, 2, 0, 1, 2, 3, 4, -1});
  const std::size_t offset = static_cast<const Bytes&>(raw).size() + 8;
  raw.i32({static_cast<std::int64_t>(offset), 0}).zeros(5 * 4 * values).u8(0);
  return raw;
}

TEST(Hostile, ObjectsWithinObjectsTruncatedOrChangedAtEveryByte) {
  OpenOptions options;
  options.keep_sidecar = false;
  options.transform_bytes = 1U << 20;
  VolumeDescription d;
  d.box = {0, 0, 0, 4, 3, 1};
  d.texts = {{"name", "a"}};
  const auto value = [](auto x, auto y, auto z) { return static_cast<double>(x + y + z); };
  const Bytes volume = synthetic::Maker().volume(d, value, [](auto x, auto y, auto) { return x != y; }).bytes();
  std::vector<Bytes> all = nested(volume);
  all.push_back(flat_tiles({}));
  all.push_back(flat_tiles({3}));
  all.push_back(flat_tiles({2, 2}));
  for (std::size_t which = 0; which < all.size(); ++which) {
    const Bytes& whole = all[which];
    const auto object = open_object(whole, options);
    ASSERT_TRUE(object) << which << ": " << object.error().context;
    for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      forget_allocations();
      const auto opened = open_object(cut, options);
      // The lists of properties may be missing at the very end: of the outermost object, and of those in it.
      EXPECT_TRUE(!opened || length + 48 > whole.size()) << which << " cut at " << length;
      ASSERT_LE(largest_allocation(), 16U << 20) << which << " cut at " << length;
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
      for (const int change : {0x01, 0x80, 0xff}) {
        Bytes changed = whole;
        changed[i] = static_cast<std::uint8_t>(changed[i] ^ change);
        forget_allocations();
        (void)open_object(changed, options);
        ASSERT_LE(largest_allocation(), 64U << 20) << which << " changed at " << i;
      }
    }
  }
}

TEST(Hostile, BytesThatChange) {
  VolumeDescription d;
  d.box = {0, 0, 0, 9, 9, 2};
  d.texts = {{"a", "b"}};
  Bytes bytes = synthetic::Maker()
                    .compound(2)
                    .volume(
                        d, [](auto x, auto, auto) { return static_cast<double>(x); },
                        [](auto x, auto y, auto) { return x != y; })
                    .volume(d, [](auto, auto y, auto) { return static_cast<double>(y); })
                    .end_compound()
                    .bytes();
  OpenOptions options;
  options.keep_sidecar = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xff}) {
      bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ change);
      forget_allocations();
      (void)open_object(bytes, options);  // an error or another object, but never more than that
      ASSERT_LE(largest_allocation(), 64U << 20) << i;
      bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ change);
    }
  }
}

}  // namespace
}  // namespace microtome::woolz
