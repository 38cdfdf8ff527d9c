// SPDX-License-Identifier: Apache-2.0
#include "woolz/object.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "io/scratch_dir.hpp"
#include "woolz/lost_pages.hpp"
#include "woolz/query.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

using synthetic::Maker;

double value(std::int64_t x, std::int64_t y, std::int64_t z) {
  return static_cast<double>((x * 7 + y * 13 + z * 29 + 1000) % 251);
}
bool inside(std::int64_t x, std::int64_t y, std::int64_t z) {
  return (x - 5) * (x - 5) + y * y * 2 + (z - 9) * (z - 9) < 300 && (x + y + z) % 7 != 0;
}

VolumeDescription description(Grey grey, bool tiled) {
  VolumeDescription d;
  d.box = {-13, -20, -8, 40, 17, 30};
  d.voxel_size = {1, 1.5, 2.25};
  d.grey = grey;
  d.background = synthetic::grey_value(grey, 9);
  d.tiled = tiled;
  return d;
}

// Every voxel of a generous box answers as the functions say.
void expect_voxels(const Body& body, double background) {
  std::uint64_t count = 0;
  for (std::int64_t z = -12; z <= 34; ++z) {
    for (std::int64_t y = -24; y <= 22; ++y) {
      for (std::int64_t x = -18; x <= 45; ++x) {
        const bool in = Box{-13, -20, -8, 40, 17, 30}.contains({x, y, z}) && inside(x, y, z);
        ASSERT_EQ(body.domain->contains({x, y, z}), in) << x << "," << y << "," << z;
        count += in ? 1 : 0;
        if (body.values && (in || body.clean)) {
          const GreyValue got = body.values->at({x, y, z});
          const double want = in ? value(x, y, z) : background;
          ASSERT_EQ(body.grey() == Grey::rgba ? static_cast<double>(got.rgba) : got.number, want)
              << x << "," << y << "," << z;
        }
      }
    }
  }
  EXPECT_EQ(body.domain->voxels(), count);
}

class ObjectFile : public testing::Test {
 protected:
  ObjectPtr open(const Bytes& bytes, const std::string& name, const OpenOptions& options) {
    auto file = io::File::open(scratch_.write(name, bytes));
    EXPECT_TRUE(file);
    auto object = open_object(*file, options);
    EXPECT_TRUE(object) << name << ": " << object.error().context;
    return object ? *object : nullptr;
  }
  io::ScratchDir scratch_;
};

TEST_F(ObjectFile, EveryGreyTypeReadsBackFromMemoryFileAndSidecar) {
  for (const Grey grey :
       {Grey::none, Grey::uint8, Grey::int16, Grey::int32, Grey::float32, Grey::float64, Grey::rgba}) {
    for (const bool tiled : {false, true}) {
      if (grey == Grey::none && tiled) {
        continue;
      }
      SCOPED_TRACE(testing::Message() << "grey " << static_cast<int>(grey) << " tiled " << tiled);
      const Bytes bytes = Maker().volume(description(grey, tiled), value, inside).bytes();
      const auto name = "v" + std::to_string(static_cast<int>(grey)) + (tiled ? "t.wlz" : ".wlz");
      OpenOptions spill;
      spill.memory_bytes = 0;
      const ObjectPtr made = open(bytes, name, spill);
      ASSERT_TRUE(std::filesystem::exists(scratch_.path(name + ".bricks")));
      const ObjectPtr again = open(bytes, name, spill);
      auto in_memory = open_object(bytes, {});
      ASSERT_TRUE(in_memory) << in_memory.error().context;
      for (const ObjectPtr& object : {made, again, *in_memory}) {
        ASSERT_NE(object, nullptr);
        const Member& member = *object->base();
        EXPECT_EQ(member.body->grey(), grey);
        EXPECT_EQ(member.voxel_size, (std::array<double, 3>{1, 1.5, 2.25}));
        expect_voxels(*member.body, 9);
      }
    }
  }
}

TEST_F(ObjectFile, PackedObjectsReadByThemselvesTilesToo) {
  for (const bool tiled : {false, true}) {
    const Bytes bytes = Maker().volume(description(Grey::int16, tiled), value, inside).bytes();
    const std::string path = scratch_.path(tiled ? "t.wlz.gz" : "i.wlz.gz");
    gzFile out = gzopen(path.c_str(), "wb");
    ASSERT_EQ(gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
    gzclose(out);
    auto object = open_object(*io::File::open(path), {});
    ASSERT_TRUE(object) << object.error().context;
    expect_voxels(*(*object)->base()->body, 9);
    OpenOptions small;
    small.limits.max_inflated = 5000;
    auto refused = open_object(*io::File::open(path), small);
    ASSERT_FALSE(refused);
  }
}

TEST_F(ObjectFile, ASidecarOfAnotherStateOfTheFileIsNotUsed) {
  OpenOptions options;
  options.memory_bytes = 0;
  VolumeDescription d = description(Grey::uint8, false);
  (void)open(Maker().volume(d, value, inside).bytes(), "a.wlz", options);
  d.background = {17, 0};
  std::filesystem::remove(scratch_.path("a.wlz"));
  const ObjectPtr changed = open(Maker().volume(d, value, inside).bytes(), "a.wlz", options);
  EXPECT_EQ(changed->base()->body->values->background().number, 17);
  expect_voxels(*changed->base()->body, 17);
}

TEST_F(ObjectFile, ADamagedSidecarIsMadeAnew) {
  OpenOptions options;
  options.memory_bytes = 0;
  const Bytes bytes = Maker().volume(description(Grey::uint8, false), value, inside).bytes();
  auto file = io::File::open(scratch_.write("d.wlz", bytes));
  ASSERT_TRUE(open_object(*file, options));
  const std::string sidecar = scratch_.path("d.wlz.bricks");
  const auto size = std::filesystem::file_size(sidecar);
  for (const std::uint64_t keep : {std::uint64_t{0}, std::uint64_t{100}, std::uint64_t{5000}, size - 1}) {
    std::filesystem::resize_file(sidecar, keep);
    auto object = open_object(*file, options);
    ASSERT_TRUE(object) << keep;
    expect_voxels(*(*object)->base()->body, 9);
    EXPECT_EQ(std::filesystem::file_size(sidecar), size) << keep;
  }
  {
    std::fstream out(sidecar, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(size) - 3);
    out.put('\x55');
  }
  auto object = open_object(*file, options);
  ASSERT_TRUE(object);
  expect_voxels(*(*object)->base()->body, 9);
}

TEST_F(ObjectFile, APlaceThatCannotBeWrittenIsNoFailure) {
  OpenOptions options;
  options.memory_bytes = 0;
  options.cache_directory = scratch_.path("there/is/no/such/place");
  const ObjectPtr object =
      open(Maker().volume(description(Grey::uint8, false), value, inside).bytes(), "r.wlz", options);
  expect_voxels(*object->base()->body, 9);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch_.path())) {
    EXPECT_FALSE(entry.path().string().ends_with(".bricks")) << entry.path();
  }
}

TEST_F(ObjectFile, TilesThatAreCutOffAreNoticed) {
  const Bytes bytes = Maker().volume(description(Grey::uint8, true), value, inside).bytes();
  const std::string path = scratch_.write("cut.wlz", bytes);
  auto object = open_object(*io::File::open(path), {});
  ASSERT_TRUE(object);
  EXPECT_TRUE((*object)->intact());
  std::filesystem::resize_file(path, 4096);
  EXPECT_FALSE((*object)->intact());
  // Whoever is at it just then gets zeros, not the end of the process.
  survive_lost_pages();
  auto scene = scene_of(**object, {}, {}, {});
  ASSERT_TRUE(scene);
  EXPECT_TRUE(render(*scene, pixel::Rect{0, 0, scene->frame.width(), scene->frame.height()}, false, {}));
  EXPECT_EXIT(
      {
        survive_lost_pages();
        raise(SIGBUS);
        raise(SIGBUS);
      },
      testing::KilledBySignal(SIGBUS), "");
}

TEST_F(ObjectFile, CompoundsHaveHolesAndEitherCode) {
  const VolumeDescription d = description(Grey::uint8, false);
  Maker maker;
  maker.compound(4);
  maker.volume(d, value, inside);
  const std::uint8_t null = 0;
  const std::uint8_t empty = 127;
  maker.raw({&null, 1});
  maker.raw({&empty, 1});
  maker.volume(d, value, [](auto, auto, auto) { return true; });
  maker.end_compound();
  const ObjectPtr object = open(maker.bytes(), "c.wlz", {});
  ASSERT_EQ(object->members().size(), 4U);
  EXPECT_TRUE(object->compound());
  expect_voxels(*object->members()[0].body, 9);
  EXPECT_EQ(object->members()[1].body, nullptr);
  EXPECT_EQ(object->members()[2].body, nullptr);
  EXPECT_TRUE(object->members()[3].body->domain->solid());
  const ObjectPtr old = open(synthetic::sample("comp_arr1.wlz"), "arr1.wlz", {});
  EXPECT_TRUE(old->compound());
  EXPECT_GE(old->members().size(), 2U);
}

TEST_F(ObjectFile, StatisticsAreThoseOfWoolz) {
  const auto check = [&](const std::string& name, double count, double sum, double squares) {
    const ObjectPtr object = open(synthetic::sample(name), name, {});
    auto s = asked_statistics(*object, {}, {}, {});
    ASSERT_TRUE(s) << name;
    EXPECT_EQ(static_cast<double>(s->count), count);
    EXPECT_NEAR(s->sum, sum, std::abs(sum) * 5e-6);
    EXPECT_NEAR(s->sum_of_squares, squares, squares * 5e-6);
    auto counted = statistics_of(*object->base()->body, {});
    ASSERT_TRUE(counted);
    EXPECT_EQ(counted->count, s->count);
    EXPECT_EQ(counted->minimum, s->minimum);
    EXPECT_EQ(counted->maximum, s->maximum);
    EXPECT_NEAR(counted->sum, s->sum, std::abs(sum) * 1e-9);
  };
  check("g3_ubyte.wlz", 219440, 2.49747e+07, 3.47135e+09);
  check("g3_tiled_ubyte.wlz", 219440, 2.49747e+07, 3.47135e+09);
  check("g3_rgba.wlz", 219440, 4.63978e+07, 1.05553e+10);
}

TEST_F(ObjectFile, PropertiesAreKept) {
  const ObjectPtr object = open(synthetic::sample("props.wlz"), "props.wlz", {});
  EXPECT_FALSE(object->properties().empty());
  VolumeDescription d = description(Grey::uint8, false);
  d.texts = {{"colour", "#ff8000"}, {"label", "hippocampus"}};
  const ObjectPtr own = open(Maker().volume(d, value, inside).bytes(), "own.wlz", {});
  ASSERT_EQ(own->properties().size(), 2U);
  EXPECT_EQ(own->properties()[1], (Property{PropertyType::text, "label", "hippocampus", {}}));
}

TEST_F(ObjectFile, TransformedObjectsLieWhereTheTransformPutsThem) {
  const Bytes inner = Maker().volume(description(Grey::uint8, false), value, inside).bytes();
  Bytes bytes{3, 5};
  const std::array<double, 16> m{1, 0, 0, 7, 0, 1, 0, -20, 0, 0, 1, 33, 0, 0, 0, 1};
  const auto* raw = reinterpret_cast<const std::uint8_t*>(m.data());
  bytes.insert(bytes.end(), raw, raw + sizeof(m));
  bytes.insert(bytes.end(), inner.begin(), inner.end());
  bytes.push_back(0);
  auto object = open_object(bytes, {});
  ASSERT_TRUE(object) << object.error().context;
  const Member& member = *(*object)->base();
  for (std::int64_t z = 20; z <= 70; ++z) {
    for (std::int64_t y = -50; y <= 10; ++y) {
      for (std::int64_t x = -10; x <= 50; ++x) {
        const bool in =
            inside(x - 7, y + 20, z - 33) && Box{-13, -20, -8, 40, 17, 30}.contains({x - 7, y + 20, z - 33});
        ASSERT_EQ(member.body->domain->contains({x, y, z}), in);
        if (in) {
          ASSERT_EQ(member.body->values->at({x, y, z}).number, value(x - 7, y + 20, z - 33));
        }
      }
    }
  }
  const ObjectPtr real = open(synthetic::sample("trans.wlz"), "trans.wlz", {});
  EXPECT_NE(real->base(), nullptr);
}

Bytes with_transform(const std::array<double, 16>& m, const Bytes& inner) {
  Bytes bytes{3, 5};
  const auto* raw = reinterpret_cast<const std::uint8_t*>(m.data());
  bytes.insert(bytes.end(), raw, raw + sizeof(m));
  bytes.insert(bytes.end(), inner.begin(), inner.end());
  bytes.push_back(0);
  return bytes;
}

// A shift within a turn, each around an object or around a compound of them: first the inner one, then the outer.
TEST_F(ObjectFile, TransformsWithinTransformsAreOneAfterTheOther) {
  const std::array<double, 16> shift{1, 0, 0, 7, 0, 1, 0, -20, 0, 0, 1, 33, 0, 0, 0, 1};
  const std::array<double, 16> turn{0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const Bytes plain = Maker().volume(description(Grey::uint8, false), value, inside).bytes();
  const Bytes shifted = with_transform(shift, plain);
  const Bytes compound = Maker().compound(2).raw(shifted).raw(plain).end_compound().bytes();
  const auto check = [](const Member& member, std::int64_t dx, std::int64_t dy, std::int64_t dz) {
    ASSERT_NE(member.body, nullptr);
    std::uint64_t count = 0;
    for (std::int64_t z = -8; z <= 30; ++z) {
      for (std::int64_t y = -20; y <= 17; ++y) {
        for (std::int64_t x = -13; x <= 40; ++x) {
          const Voxel to{-(y + dy), x + dx, z + dz};
          ASSERT_EQ(member.body->domain->contains(to), inside(x, y, z)) << x << "," << y << "," << z;
          if (inside(x, y, z)) {
            ++count;
            ASSERT_EQ(member.body->values->at(to).number, value(x, y, z));
          }
        }
      }
    }
    EXPECT_EQ(member.body->domain->voxels(), count);
  };
  auto object = open_object(with_transform(turn, shifted), {});
  ASSERT_TRUE(object) << object.error().context;
  check(*(*object)->base(), 7, -20, 33);
  object = open_object(with_transform(turn, compound), {});
  ASSERT_TRUE(object) << object.error().context;
  ASSERT_EQ((*object)->members().size(), 2U);
  check((*object)->members()[0], 7, -20, 33);
  check((*object)->members()[1], 0, 0, 0);
}

TEST_F(ObjectFile, EverySampleOpensAndTheirSidecarsSayTheSame) {
  for (const auto& entry : std::filesystem::directory_iterator(synthetic::golden("samples"))) {
    const Bytes bytes = synthetic::gunzip(entry.path().string());
    const std::string name = entry.path().stem().string();
    OpenOptions options;
    options.memory_bytes = 0;
    const ObjectPtr first = open(bytes, name, options);
    const ObjectPtr second = open(bytes, name, options);
    ASSERT_TRUE(first && second);
    ASSERT_EQ(first->members().size(), second->members().size()) << name;
    EXPECT_EQ(first->properties(), second->properties()) << name;
    for (std::size_t i = 0; i < first->members().size(); ++i) {
      const Member& a = first->members()[i];
      const Member& b = second->members()[i];
      EXPECT_EQ(a.box, b.box) << name;
      ASSERT_EQ(a.body == nullptr, b.body == nullptr) << name;
      if (a.body) {
        EXPECT_EQ(a.body->domain->voxels(), b.body->domain->voxels()) << name;
        EXPECT_EQ(a.body->grey(), b.body->grey()) << name;
      }
    }
  }
}

}  // namespace
}  // namespace microtome::woolz
