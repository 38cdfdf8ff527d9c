// SPDX-License-Identifier: Apache-2.0
// Compounds: within compounds, with property lists that hide what follows, with more members than anybody needs.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "io/scratch_dir.hpp"
#include "woolz/allocation_watch.hpp"
#include "woolz/object.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

using synthetic::Maker;

Bytes ball(std::int64_t middle, Grey grey = Grey::uint8) {
  VolumeDescription d;
  d.box = {middle - 9, -9, -9, middle + 9, 9, 9};
  d.grey = grey;
  d.texts = {{"name", "ball " + std::to_string(middle)}};
  return Maker()
      .volume(
          d, [](auto x, auto y, auto z) { return static_cast<double>((x + 2 * y + 3 * z + 900) % 200); },
          [middle](auto x, auto y, auto z) { return (x - middle) * (x - middle) + y * y + z * z <= 81; })
      .bytes();
}

Bytes compound(const std::vector<Bytes>& members, Bytes properties = {0}) {
  Bytes bytes{81, 0, static_cast<std::uint8_t>(members.size() & 255), static_cast<std::uint8_t>(members.size() >> 8),
              0,  0};
  for (const Bytes& member : members) {
    bytes.insert(bytes.end(), member.begin(), member.end());
  }
  bytes.insert(bytes.end(), properties.begin(), properties.end());
  return bytes;
}

// The object with its property list taken off and another in its place.
Bytes with_properties(Bytes object, const Bytes& properties) {
  const Bytes end{'n', 'a', 'm', 'e'};
  const auto at = std::find_end(object.begin(), object.end(), end.begin(), end.end());
  object.erase(at - 10, object.end());  // kind, count, type, length of the name
  object.insert(object.end(), properties.begin(), properties.end());
  return object;
}

const Bytes kName{2, 1, 0, 0, 0, 182, 2, 0, 0, 0, 'h', 'i'};
const Bytes kUnknown{2, 2, 0, 0, 0, 182, 2, 0, 0, 0, 'h', 'i', 99, 1, 2, 3};

TEST(Compound, WithinACompoundIsOneMember) {
  const Bytes inner = compound({ball(0), Bytes{127}, ball(12, Grey::int16), Bytes{0}}, kName);
  const Bytes bytes = compound({ball(0), inner, compound({Bytes{127}}), compound({ball(5)}), ball(30)});
  io::ScratchDir scratch;
  auto file = io::File::open(scratch.write("nested.wlz", bytes));
  ASSERT_TRUE(file);
  OpenOptions options;
  options.memory_bytes = 0;
  for (const char* from : {"the object", "its sidecar"}) {
    auto object = open_object(*file, options);
    ASSERT_TRUE(object) << object.error().context;
    const std::vector<Member>& m = (*object)->members();
    ASSERT_EQ(m.size(), 5U) << from;
    ASSERT_TRUE(m[0].body && m[1].body && !m[2].body && m[3].body && m[4].body) << from;
    EXPECT_FALSE(m[1].body->values) << "of several objects only the domain";
    EXPECT_TRUE(m[3].body->values) << "an only one as it is";
    EXPECT_EQ(m[1].box, (Box{-9, -9, -9, 21, 9, 9}));
    ASSERT_EQ(m[1].properties.size(), 1U);
    EXPECT_EQ(m[1].properties[0].name, "hi");
    for (std::int64_t z = -10; z <= 10; ++z) {
      for (std::int64_t y = -10; y <= 10; ++y) {
        for (std::int64_t x = -10; x <= 22; ++x) {
          const auto in = [&](std::int64_t middle) { return (x - middle) * (x - middle) + y * y + z * z <= 81; };
          ASSERT_EQ(m[1].body->domain->contains({x, y, z}), in(0) || in(12)) << x << "," << y << "," << z;
          ASSERT_EQ(m[3].body->domain->contains({x, y, z}), in(5));
        }
      }
    }
    EXPECT_EQ((*object)->base(), &m[0]);
  }
}

TEST(Compound, ATransformAroundItMovesWhatIsNested) {
  Bytes moved{3, 5};
  const std::array<double, 16> shift{1, 0, 0, 7, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const auto* raw = reinterpret_cast<const std::uint8_t*>(shift.data());
  moved.insert(moved.end(), raw, raw + sizeof shift);
  const Bytes inner = compound({ball(0), compound({ball(0), ball(12)})});
  moved.insert(moved.end(), inner.begin(), inner.end());
  moved.push_back(0);
  auto object = open_object(moved, {});
  ASSERT_TRUE(object) << object.error().context;
  const Body& body = *(*object)->members()[1].body;
  EXPECT_TRUE(body.domain->contains({7 + 21, 0, 0}));
  EXPECT_TRUE(body.domain->contains({7 - 9, 0, 0}));
  EXPECT_FALSE(body.domain->contains({7 + 22, 0, 0}));
  EXPECT_FALSE(body.domain->contains({-9, 0, 0}));
}

TEST(Compound, APropertyOfUnknownTypeHidesOnlyWhatIsBehindIt) {
  const Bytes unknown = with_properties(ball(5), kUnknown);
  const auto alone = open_object(unknown, {});
  ASSERT_TRUE(alone) << alone.error().context;
  ASSERT_EQ((*alone)->members()[0].properties.size(), 1U);
  EXPECT_EQ((*alone)->members()[0].properties[0].name, "hi");
  // Behind the last member there are only properties.
  const auto last = open_object(compound({ball(0), compound({ball(2), unknown})}, kName), {});
  ASSERT_TRUE(last) << last.error().context;
  EXPECT_EQ((*last)->members().size(), 2U);
  EXPECT_TRUE((*last)->members()[1].body);
  const auto first = open_object(compound({unknown, ball(0)}), {});
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, Code::unsupported);
  EXPECT_EQ(first.error().message, "a property of unknown type hides the members behind it");
  EXPECT_NE(first.error().context.find("property of type 99"), std::string::npos) << first.error().context;
}

TEST(Compound, PropertiesAndMembersHaveLimits) {
  OpenOptions options;
  options.limits.max_property_bytes = 4096;
  Bytes text{2, 1, 0, 0, 0, 182, 0x10, 0x27, 0, 0};  // 10,000 bytes: passed over
  text.resize(text.size() + 10000, 'x');
  const auto long_text = open_object(compound({with_properties(ball(0), text), ball(30)}), options);
  ASSERT_TRUE(long_text) << long_text.error().context;
  EXPECT_TRUE((*long_text)->members()[0].properties[0].name.empty());
  EXPECT_EQ((*long_text)->members()[1].properties[0].value, "ball 30");
  Bytes many{2, 100, 0, 0, 0};
  for (int i = 0; i < 100; ++i) {
    many.insert(many.end(), {182, 0, 0, 0, 0});
  }
  EXPECT_EQ(open_object(with_properties(ball(0), many), options).error().code, Code::too_large);
  Bytes holes{81, 0, 0, 0, 2, 0};  // 131,072 members
  holes.resize(holes.size() + (2 << 16) + 1, 127);
  forget_allocations();
  EXPECT_EQ(open_object(holes, {}).error().code, Code::too_large);
  EXPECT_LE(largest_allocation(), 1U << 20);
}

// A box costs an index, however little the file says of it; all members share what the file's bytes justify.
TEST(Compound, MembersShareTheLimitOfBricks) {
  OpenOptions options;
  options.limits.max_bricks = 10;
  EXPECT_TRUE(open_object(compound({ball(0)}), options));
  options.limits.max_bricks = 0;
  VolumeDescription d;
  d.box = {0, 0, 0, 319, 319, 319};
  d.grey = Grey::none;
  const Bytes box = Maker().volume(d, {}, {}).bytes();  // 8000 bricks, about 6900 bytes
  EXPECT_EQ(open_object(compound({box}), options).error().code, Code::too_large);
  options.limits.max_bricks = 17000;
  EXPECT_TRUE(open_object(compound({box, box}), options));
  EXPECT_EQ(open_object(compound({box, box, box}), options).error().code, Code::too_large);
}

}  // namespace
}  // namespace microtome::woolz
