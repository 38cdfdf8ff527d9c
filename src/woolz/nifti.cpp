// SPDX-License-Identifier: Apache-2.0
#include "woolz/nifti.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "woolz/bricks.hpp"

namespace microtome::woolz {
namespace {

constexpr std::size_t kHeader = 348;

struct Type {
  std::int16_t code;
  std::size_t bytes;
  Grey grey;
};
constexpr std::array<Type, 9> kTypes{{{2, 1, Grey::uint8},
                                      {4, 2, Grey::int16},
                                      {8, 4, Grey::int32},
                                      {16, 4, Grey::float32},
                                      {64, 8, Grey::float64},
                                      {128, 3, Grey::rgba},
                                      {256, 1, Grey::int16},
                                      {512, 2, Grey::int32},
                                      {768, 4, Grey::float64}}};

template <class T>
T swap_bytes(T value) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(&value);
  std::reverse(bytes, bytes + sizeof(T));
  return value;
}

template <class T>
T field(const std::array<std::uint8_t, kHeader>& header, std::size_t at, bool swapped) {
  T value;
  std::memcpy(&value, header.data() + at, sizeof(T));
  return swapped ? swap_bytes(value) : value;
}

template <class From, class To>
Bytes widened(const Bytes& raw) {
  Bytes out(raw.size() / sizeof(From) * sizeof(To));
  for (std::size_t i = 0; i < raw.size() / sizeof(From); ++i) {
    From v;
    std::memcpy(&v, raw.data() + i * sizeof(From), sizeof(From));
    const To wide = static_cast<To>(v);  // NOLINT(bugprone-signed-char-misuse): numbers, which keep their signs
    std::memcpy(out.data() + i * sizeof(To), &wide, sizeof(To));
  }
  return out;
}

Bytes with_alpha(const Bytes& raw) {
  Bytes out;
  out.reserve(raw.size() / 3 * 4);
  for (std::size_t i = 0; i + 3 <= raw.size(); i += 3) {
    out.insert(out.end(), raw.begin() + static_cast<std::ptrdiff_t>(i),
               raw.begin() + static_cast<std::ptrdiff_t>(i) + 3);
    out.push_back(255);
  }
  return out;
}

}  // namespace

Result<void> Nifti::rewind() {
  source_ = file_source(file_);
  std::array<std::uint8_t, 2> head{};
  if (file_->size() >= head.size()) {
    if (auto got = file_->read(0, head); !got) {
      return got;
    }
  }
  if (head[0] == 0x1f && head[1] == 0x8b) {
    source_ = gzip_source(std::move(source_), limits_.max_inflated);
  }
  reader_ = std::make_unique<Reader>(*source_);
  next_ = 0;
  return {};
}

Result<Nifti> Nifti::open(io::FilePtr file, const Limits& limits) {
  Nifti nifti;
  nifti.file_ = std::move(file);
  nifti.limits_ = limits;
  if (auto begun = nifti.rewind(); !begun) {
    return std::unexpected(begun.error());
  }
  std::array<std::uint8_t, kHeader> header{};
  if (!nifti.reader_->bytes(header)) {
    return nifti.reader_->failure();
  }
  const auto size = field<std::int32_t>(header, 0, false);
  nifti.swapped_ = size != static_cast<std::int32_t>(kHeader);
  if ((nifti.swapped_ && swap_bytes(size) != static_cast<std::int32_t>(kHeader)) ||
      std::memcmp(header.data() + 344, "n+1", 4) != 0) {
    return fail(Code::corrupt, "this is no NIfTI-1 volume in one file");
  }
  const bool swapped = nifti.swapped_;
  VolumeDescription& d = nifti.description_;
  std::array<std::int64_t, 3> sides{};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto rank = field<std::int16_t>(header, 40, swapped);
    sides[i] =
        static_cast<std::int16_t>(i) < rank ? field<std::int16_t>(header, 42 + 2 * i, swapped) : std::int16_t{1};
    const double pixel = std::abs(static_cast<double>(field<float>(header, 80 + 4 * i, swapped)));
    d.voxel_size[i] = std::isfinite(pixel) && pixel > 0 ? pixel : 1;
    if (sides[i] < 1) {
      return fail(Code::corrupt, "a volume without an extent");
    }
  }
  d.box = {0, 0, 0, sides[0] - 1, sides[1] - 1, sides[2] - 1};
  nifti.type_ = field<std::int16_t>(header, 70, swapped);
  const auto* const type =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& t) { return t.code == nifti.type_; });
  if (type == kTypes.end()) {
    return fail(Code::unsupported, "voxels of this type are no image");
  }
  d.grey = type->grey;
  d.background = {0, d.grey == Grey::rgba ? 0xff000000U : 0U};
  nifti.stored_ = type->bytes;
  const auto offset = static_cast<double>(field<float>(header, 108, swapped));
  if (!(offset >= kHeader && offset < 1e9)) {
    return fail(Code::corrupt, "voxels begin at no place");
  }
  nifti.data_ = static_cast<std::uint64_t>(offset);
  return nifti;
}

Result<PlaneData> Nifti::plane(std::int64_t z, bool whole) {
  const Box& box = description_.box;
  if (z < 0 || z > box.z2) {
    return fail(Code::internal, "no such plane");
  }
  if (z < next_) {
    if (auto begun = rewind(); !begun) {
      return std::unexpected(begun.error());
    }
  }
  const std::uint64_t bytes = static_cast<std::uint64_t>(box.width() * box.height()) * stored_;
  if (bytes > limits_.max_plane_bytes) {
    return fail(Code::too_large, "a plane of the volume is too large");
  }
  reader_->skip_to(data_ + static_cast<std::uint64_t>(z) * bytes);
  if (!reader_->has(static_cast<std::int64_t>(bytes))) {
    reader_->fail(Code::corrupt, "the volume is truncated");
    return reader_->failure();
  }
  Bytes raw(static_cast<std::size_t>(bytes));
  if (!reader_->bytes(raw)) {
    return reader_->failure();
  }
  next_ = z + 1;
  PlaneData plane;
  convert(std::move(raw), plane);
  if (!whole) {
    const std::size_t size = bytes_of(description_.grey);
    plane.inside.resize(plane.values.size() / size);
    for (std::size_t i = 0; i < plane.inside.size(); ++i) {
      const GreyValue v = load_value(description_.grey, plane.values.data() + i * size);
      plane.inside[i] = description_.grey == Grey::rgba ? (v.rgba & 0xffffff) != 0 : v.number != 0;
    }
  }
  return plane;
}

void Nifti::convert(Bytes raw, PlaneData& plane) const {
  if (swapped_ && type_ != 128) {
    for (std::size_t i = 0; i < raw.size(); i += stored_) {
      std::reverse(raw.begin() + static_cast<std::ptrdiff_t>(i),
                   raw.begin() + static_cast<std::ptrdiff_t>(i + stored_));
    }
  }
  switch (type_) {
    case 128:
      plane.values = with_alpha(raw);
      break;
    case 256:
      plane.values = widened<std::int8_t, std::int16_t>(raw);
      break;
    case 512:
      plane.values = widened<std::uint16_t, std::int32_t>(raw);
      break;
    case 768:
      plane.values = widened<std::uint32_t, double>(raw);
      break;
    default:
      plane.values = std::move(raw);
      break;
  }
}

}  // namespace microtome::woolz
