// SPDX-License-Identifier: Apache-2.0
#include "woolz/writer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "woolz/bricks.hpp"

namespace microtome::woolz {
namespace {

PlaneRuns runs_of(const PlaneData& data, const Box& box) {
  const std::int64_t width = box.width();
  PlaneRuns plane;
  std::vector<std::vector<Run>> lines(static_cast<std::size_t>(box.height()));
  std::int64_t first = box.height();
  std::int64_t last = -1;
  plane.x1 = std::numeric_limits<std::int32_t>::max();
  plane.x2 = std::numeric_limits<std::int32_t>::min();
  for (std::int64_t y = 0; y < box.height(); ++y) {
    auto& line = lines[static_cast<std::size_t>(y)];
    for (std::int64_t x = 0; x < width; ++x) {
      if (!data.inside.empty() && data.inside[static_cast<std::size_t>(y * width + x)] == 0) {
        continue;
      }
      const auto at = static_cast<std::int32_t>(box.x1 + x);
      if (!line.empty() && line.back().right == at - 1) {
        line.back().right = at;
      } else {
        line.push_back({at, at});
      }
    }
    for (const Run& run : line) {
      plane.x1 = std::min(plane.x1, run.left);
      plane.x2 = std::max(plane.x2, run.right);
      plane.voxels += static_cast<std::uint64_t>(run.right - run.left + 1);
    }
    if (!line.empty()) {
      first = std::min(first, y);
      last = y;
    }
  }
  if (last < 0) {
    return {};
  }
  plane.y1 = static_cast<std::int32_t>(box.y1 + first);
  plane.y2 = static_cast<std::int32_t>(box.y1 + last);
  const auto area =
      static_cast<std::uint64_t>(last - first + 1) * static_cast<std::uint64_t>(plane.x2 - plane.x1 + 1);
  if (plane.voxels == area) {
    plane.rectangle = true;
    plane.runs = {{plane.x1, plane.x2}};
    return plane;
  }
  plane.first.push_back(0);
  for (std::int64_t y = first; y <= last; ++y) {
    const auto& line = lines[static_cast<std::size_t>(y)];
    plane.runs.insert(plane.runs.end(), line.begin(), line.end());
    plane.first.push_back(static_cast<std::uint32_t>(plane.runs.size()));
  }
  return plane;
}

template <class T>
T value_at(const Bytes& values, std::size_t i) {
  T v;
  std::memcpy(&v, values.data() + i * sizeof(T), sizeof(T));
  return v;
}

// visit(index into the plane's values) for every voxel of the domain, in raster order.
template <class Visit>
void each_voxel(const PlaneRuns& plane, const Box& box, const Visit& visit) {
  for (std::int64_t y = plane.y1; y <= plane.y2; ++y) {
    for (const Run& run : plane.line(y)) {
      const std::int64_t from = (y - box.y1) * box.width() - box.x1;
      for (std::int64_t x = run.left; x <= run.right; ++x) {
        visit(static_cast<std::size_t>(from + x));
      }
    }
  }
}

// 1 four bytes, 2 two, 3 one: the smallest that holds every value of the plane.
template <class T>
std::uint8_t packing_of(const PlaneRuns& plane, const Box& box, const Bytes& values) {
  std::int64_t low = std::numeric_limits<std::int64_t>::max();
  std::int64_t high = std::numeric_limits<std::int64_t>::min();
  each_voxel(plane, box, [&](std::size_t i) {
    const auto v = static_cast<std::int64_t>(value_at<T>(values, i));
    low = std::min(low, v);
    high = std::max(high, v);
  });
  if (low >= 0 && high <= 255) {
    return 3;
  }
  return low >= -32768 && high <= 32767 ? 2 : 1;
}

std::uint32_t vax(float value) {
  const auto b = std::bit_cast<std::uint32_t>(value);
  return (b >> 16 & 0xff) | (((b >> 24) + 1) & 0xff) << 8 | (b & 0xff) << 16 | (b >> 8 & 0xff) << 24;
}

}  // namespace

template <class T>
void Writer::put(T value) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  pending_.insert(pending_.end(), bytes, bytes + sizeof(T));
}

void Writer::put_f32(double value) {
  put(vax(static_cast<float>(value)));
}

Result<void> Writer::flush() {
  auto sent = sink_(pending_);
  position_ += pending_.size();
  pending_.clear();
  return sent;
}

void Writer::put_background(Grey grey, const GreyValue& value) {
  switch (grey) {
    case Grey::none:
      break;
    case Grey::uint8:
    case Grey::int16:
    case Grey::int32:
      put(static_cast<std::int32_t>(value.number));
      break;
    case Grey::float32:
      put_f32(value.number);
      break;
    case Grey::float64:
      put(value.number);
      break;
    case Grey::rgba:
      put(value.rgba);
      break;
  }
}

void Writer::put_runs(const PlaneRuns& plane) {
  if (plane.empty()) {
    put(std::uint8_t{0});
    return;
  }
  put(static_cast<std::uint8_t>(plane.rectangle ? 2 : 1));
  put(plane.y1);
  put(plane.y2);
  put(plane.x1);
  put(plane.x2);
  if (plane.rectangle) {
    return;
  }
  for (std::int64_t y = plane.y1; y <= plane.y2; ++y) {
    put(static_cast<std::int32_t>(plane.line(y).size()));
  }
  for (const Run& run : plane.runs) {
    put(run.left - plane.x1);
    put(run.right - plane.x1);
  }
}

void Writer::put_plane(const VolumeDescription& d, const PlaneRuns& plane, const Bytes& values) {
  put(static_cast<std::uint8_t>(d.grey));
  auto packing = static_cast<std::uint8_t>(d.grey);
  if (d.grey == Grey::int32) {
    packing = packing_of<std::int32_t>(plane, d.box, values);
  } else if (d.grey == Grey::int16) {
    packing = packing_of<std::int16_t>(plane, d.box, values);
  }
  put(packing);
  put_background(d.grey, d.background);
  const std::size_t size = bytes_of(d.grey);
  each_voxel(plane, d.box, [&](std::size_t i) {
    if (d.grey == Grey::float32) {
      put(vax(value_at<float>(values, i)));
    } else if (d.grey == Grey::int32 || d.grey == Grey::int16) {  // little-endian: the low bytes come first
      const std::size_t kept = packing == 1 ? 4 : packing == 2 ? 2 : 1;
      const std::uint8_t* p = values.data() + i * size;
      pending_.insert(pending_.end(), p, p + kept);
    } else {
      const std::uint8_t* p = values.data() + i * size;
      pending_.insert(pending_.end(), p, p + size);
    }
  });
}

Result<void> Writer::put_values(const VolumeDescription& d, const std::vector<PlaneRuns>& planes, const Box& tight,
                                const ReadPlane& read) {
  put(std::uint8_t{1});
  // The first four bytes of the background as it is in memory.
  Bytes raw(8);
  store_value(d.grey, d.background, raw.data());
  pending_.insert(pending_.end(), raw.begin(), raw.begin() + 4);
  for (std::int64_t z = tight.z1; z <= tight.z2; ++z) {
    const PlaneRuns& plane = planes[static_cast<std::size_t>(z - d.box.z1)];
    if (plane.empty()) {
      put(std::uint8_t{0});
      continue;
    }
    auto data = read(z);
    if (!data) {
      return std::unexpected(data.error());
    }
    put_plane(d, plane, data->values);
    if (auto flushed = flush(); !flushed) {
      return flushed;
    }
  }
  return {};
}

Result<void> Writer::put_tiles(const VolumeDescription& d, const std::vector<PlaneRuns>& planes, const Box& tight,
                               const ReadPlane& read) {
  const std::int64_t side = d.tile_side;
  const auto across = [side](std::int64_t extent) { return (extent + side - 1) / side; };
  const Voxel n{across(tight.width()), across(tight.height()), across(tight.depth())};
  std::vector<std::uint32_t> index(static_cast<std::size_t>(n.x * n.y * n.z), 0xffffffffU);
  for (std::int64_t z = tight.z1; z <= tight.z2; ++z) {
    const PlaneRuns& plane = planes[static_cast<std::size_t>(z - d.box.z1)];
    for (std::int64_t y = plane.y1; y <= plane.y2; ++y) {
      const std::int64_t row = ((z - tight.z1) / side * n.y + (y - tight.y1) / side) * n.x;
      for (const Run& run : plane.line(y)) {
        for (std::int64_t t = (run.left - tight.x1) / side; t <= (run.right - tight.x1) / side; ++t) {
          index[static_cast<std::size_t>(row + t)] = 0;
        }
      }
    }
  }
  std::int32_t tiles = 0;
  for (std::uint32_t& entry : index) {
    entry = entry == 0 ? static_cast<std::uint32_t>(tiles++) : entry;
  }
  put(static_cast<std::uint8_t>(70 + static_cast<int>(d.grey)));
  put(std::uint8_t{3});
  for (const std::int64_t v : {tight.x1, tight.x2, tight.y1, tight.y2, tight.z1, tight.z2}) {
    put(static_cast<std::int32_t>(v));
  }
  put(static_cast<std::uint8_t>(d.grey));
  if (d.grey == Grey::uint8) {
    put(static_cast<std::uint8_t>(d.background.number));
  } else if (d.grey == Grey::int16) {
    put(static_cast<std::int16_t>(d.background.number));
  } else {
    put_background(d.grey, d.background);
  }
  for (const std::int64_t v : {side * side * side, side, static_cast<std::int64_t>(tiles), n.x, n.y, n.z}) {
    put(static_cast<std::int32_t>(v));
  }
  for (const std::uint32_t entry : index) {
    put(entry);
  }
  const std::uint64_t unit = static_cast<std::uint64_t>(side * side * side);
  const std::uint64_t here = position_ + pending_.size() + 8;
  const std::uint64_t offset = (here + unit - 1) / unit * unit;
  put(static_cast<std::uint32_t>(offset));
  put(static_cast<std::uint32_t>(offset >> 32));
  pending_.resize(pending_.size() + (offset - here));
  const std::size_t size = bytes_of(d.grey);
  Bytes slab;
  for (std::int64_t bz = 0; bz < n.z; ++bz) {
    const auto begin = index.begin() + bz * n.x * n.y;
    const auto used = static_cast<std::size_t>(
        std::count_if(begin, begin + n.x * n.y, [](std::uint32_t e) { return e != 0xffffffffU; }));
    if (used == 0) {
      continue;
    }
    const std::uint32_t first = *std::find_if(begin, begin + n.x * n.y, [](std::uint32_t e) { return e != ~0U; });
    slab.resize(used * unit * size);
    for (std::size_t i = 0; i < slab.size(); i += size) {
      store_value(d.grey, d.background, slab.data() + i);
    }
    for (std::int64_t z = bz * side; z < std::min((bz + 1) * side, tight.depth()); ++z) {
      const PlaneRuns& plane = planes[static_cast<std::size_t>(z + tight.z1 - d.box.z1)];
      if (plane.empty()) {
        continue;
      }
      auto data = read(z + tight.z1);
      if (!data) {
        return std::unexpected(data.error());
      }
      each_voxel(plane, d.box, [&](std::size_t i) {
        const std::int64_t x = static_cast<std::int64_t>(i) % d.box.width() + d.box.x1 - tight.x1;
        const std::int64_t y = static_cast<std::int64_t>(i) / d.box.width() + d.box.y1 - tight.y1;
        const std::uint32_t tile = begin[y / side * n.x + x / side] - first;
        const auto inside = static_cast<std::size_t>((z % side * side + y % side) * side + x % side);
        std::memcpy(slab.data() + (tile * unit + inside) * size, data->values.data() + i * size, size);
      });
    }
    pending_.insert(pending_.end(), slab.begin(), slab.end());
    if (auto flushed = flush(); !flushed) {
      return flushed;
    }
  }
  return {};
}

Result<void> Writer::volume(const VolumeDescription& d, const ReadPlane& read) {
  std::vector<PlaneRuns> planes;
  Box tight;
  for (std::int64_t z = d.box.z1; z <= d.box.z2; ++z) {
    auto data = read(z);
    if (!data) {
      return std::unexpected(data.error());
    }
    const auto voxels = static_cast<std::size_t>(d.box.width() * d.box.height());
    if ((d.grey != Grey::none && data->values.size() != voxels * bytes_of(d.grey)) ||
        (!data->inside.empty() && data->inside.size() != voxels)) {
      return fail(Code::internal, "a plane of the volume has another size");
    }
    planes.push_back(runs_of(*data, d.box));
    const PlaneRuns& p = planes.back();
    if (!p.empty()) {
      tight = tight.around({p.x1, p.y1, z, p.x2, p.y2, z});
    }
  }
  if (tight.empty()) {
    put(std::uint8_t{127});
    return flush();
  }
  put(std::uint8_t{2});
  put(std::uint8_t{1});
  for (const std::int64_t v : {tight.z1, tight.z2, tight.y1, tight.y2, tight.x1, tight.x2}) {
    put(static_cast<std::int32_t>(v));
  }
  for (const double size : d.voxel_size) {
    put_f32(size);
  }
  for (std::int64_t z = tight.z1; z <= tight.z2; ++z) {
    put_f32(0);
  }
  for (std::int64_t z = tight.z1; z <= tight.z2; ++z) {
    put_runs(planes[static_cast<std::size_t>(z - d.box.z1)]);
  }
  Result<void> done;
  if (d.grey == Grey::none) {
    put(std::uint8_t{0});
  } else {
    done = d.tiled ? put_tiles(d, planes, tight, read) : put_values(d, planes, tight, read);
  }
  if (!done) {
    return done;
  }
  put(static_cast<std::uint8_t>(d.texts.empty() ? 0 : 2));
  if (!d.texts.empty()) {
    put(static_cast<std::int32_t>(d.texts.size()));
    for (const auto& [name, text] : d.texts) {
      put(std::uint8_t{184});
      for (const std::string& part : {name, text}) {
        put(static_cast<std::int32_t>(part.size()));
        pending_.insert(pending_.end(), part.begin(), part.end());
      }
    }
  }
  return flush();
}

Result<void> Writer::begin_compound(std::int32_t members) {
  put(std::uint8_t{81});
  put(std::uint8_t{0});
  put(members);
  return flush();
}

Result<void> Writer::end_compound() {
  put(std::uint8_t{0});
  return flush();
}

}  // namespace microtome::woolz
