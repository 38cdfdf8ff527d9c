// SPDX-License-Identifier: Apache-2.0
#include "woolz/nifti.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "io/scratch_dir.hpp"
#include "woolz/object.hpp"

namespace microtome::woolz {
namespace {

template <class T>
void put(Bytes& out, std::size_t at, T value, bool swapped) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(&value);
  if (swapped) {
    std::reverse(bytes, bytes + sizeof(T));
  }
  std::memcpy(out.data() + at, bytes, sizeof(T));
}

Bytes header(std::int16_t type, bool swapped) {
  Bytes out(352);
  put<std::int32_t>(out, 0, 348, swapped);
  for (std::size_t i = 0; const std::int16_t v : {3, 5, 4, 3, 1}) {
    put<std::int16_t>(out, 40 + 2 * i++, v, swapped);
  }
  put<std::int16_t>(out, 70, type, swapped);
  for (std::size_t i = 0; const float v : {1.0F, -0.5F, 0.25F, 2.0F}) {
    put<float>(out, 76 + 4 * i++, v, swapped);
  }
  put<float>(out, 108, 352, swapped);
  std::memcpy(out.data() + 344, "n+1", 4);
  return out;
}

template <class T>
Bytes volume(std::int16_t type, bool swapped) {
  Bytes out = header(type, swapped);
  for (int i = 0; i < 60; ++i) {
    out.resize(out.size() + sizeof(T));
    put<T>(out, out.size() - sizeof(T), static_cast<T>(i % 7 * 30 - (i % 2)), swapped);
  }
  return out;
}

ObjectPtr through_woolz(const std::string& path, bool whole, Grey grey) {
  auto nifti = Nifti::open(*io::File::open(path));
  EXPECT_TRUE(nifti) << nifti.error().message;
  EXPECT_EQ(nifti->description().grey, grey);
  Bytes bytes;
  Writer writer([&](ByteView more) -> Result<void> {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  });
  auto wrote = writer.volume(nifti->description(), [&](std::int64_t z) { return nifti->plane(z, whole); });
  EXPECT_TRUE(wrote) << wrote.error().message;
  auto object = open_object(bytes, {});
  EXPECT_TRUE(object) << object.error().context;
  return *object;
}

TEST(Nifti, EveryTypeAndByteOrder) {
  io::ScratchDir dir;
  for (const bool swapped : {false, true}) {
    const std::vector<std::tuple<Bytes, Grey, bool>> cases{{volume<std::int16_t>(4, swapped), Grey::int16, true},
                                                           {volume<std::int32_t>(8, swapped), Grey::int32, true},
                                                           {volume<float>(16, swapped), Grey::float32, true},
                                                           {volume<double>(64, swapped), Grey::float64, true},
                                                           {volume<std::uint8_t>(2, swapped), Grey::uint8, false},
                                                           {volume<std::int8_t>(256, swapped), Grey::int16, false}};
    for (const auto& [bytes, grey, exact] : cases) {
      const ObjectPtr object = through_woolz(dir.write("v.nii", bytes), true, grey);
      const Member& member = *object->base();
      EXPECT_EQ(member.voxel_size, (std::array<double, 3>{0.5, 0.25, 2}));
      EXPECT_TRUE(member.body->domain->solid());
      for (int i = 0; exact && i < 60; ++i) {
        ASSERT_EQ(member.body->values->at({i % 5, i / 5 % 4, i / 20}).number, i % 7 * 30 - (i % 2)) << i;
      }
    }
  }
}

TEST(Nifti, ZeroIsOutsideAndPackedVolumesRead) {
  io::ScratchDir dir;
  const Bytes bytes = volume<std::int16_t>(4, false);
  const std::string path = dir.path("v.nii.gz");
  gzFile out = gzopen(path.c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
  const ObjectPtr object = through_woolz(path, false, Grey::int16);
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(object->base()->body->domain->contains({i % 5, i / 5 % 4, i / 20}), i % 7 * 30 - (i % 2) != 0);
  }
}

TEST(Nifti, RefusesWhatItIsNot) {
  io::ScratchDir dir;
  Bytes bytes = volume<std::int16_t>(4, false);
  const auto refused = [&](const Bytes& b) { return !Nifti::open(*io::File::open(dir.write("x.nii", b))); };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused(Bytes(bytes.begin(), bytes.begin() + 300)));
  Bytes complex = bytes;
  put<std::int16_t>(complex, 70, 32, false);
  EXPECT_TRUE(refused(complex));
  Bytes negative = bytes;
  put<std::int16_t>(negative, 44, -3, false);
  EXPECT_TRUE(refused(negative));
  Bytes lost = bytes;
  put<float>(lost, 108, -1, false);
  EXPECT_TRUE(refused(lost));
  bytes.pop_back();
  auto cut = Nifti::open(*io::File::open(dir.write("x.nii", bytes)));
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->plane(1, true));
  EXPECT_FALSE(cut->plane(2, true));
}

}  // namespace
}  // namespace microtome::woolz
