// SPDX-License-Identifier: Apache-2.0
#include "woolz/bit_volume.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "woolz/geometry.hpp"

namespace microtome::woolz {
namespace {

using Row = std::vector<std::uint64_t>;

// One line of the structuring element.
struct Line {
  std::int64_t dy = 0;
  std::int64_t dz = 0;
  std::int64_t half = 0;
};

std::vector<Line> ball(std::int64_t radius) {
  std::vector<Line> lines;
  for (std::int64_t dz = -radius; dz <= radius; ++dz) {
    const double square = std::max(1.0, static_cast<double>(radius * radius - dz * dz));
    const auto tall = static_cast<std::int64_t>(nearest(std::sqrt(square)));
    for (std::int64_t dy = -tall; dy <= tall; ++dy) {
      const double left = square - static_cast<double>(dy * dy);
      lines.push_back({dy, dz, left < 0.5 ? 0 : static_cast<std::int64_t>(std::sqrt(left))});
    }
  }
  // By width, so that each row is widened once per width.
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.half < b.half; });
  return lines;
}

void or_shifted_up(Row& out, const Row& in, std::int64_t by) {
  const auto words = static_cast<std::size_t>(by / 64);
  const auto bits = static_cast<unsigned>(by % 64);
  for (std::size_t i = out.size(); i-- > words;) {
    std::uint64_t v = in[i - words] << bits;
    if (bits != 0 && i > words) {
      v |= in[i - words - 1] >> (64 - bits);
    }
    out[i] |= v;
  }
}

void or_shifted_down(Row& out, const Row& in, std::int64_t by) {
  const auto words = static_cast<std::size_t>(by / 64);
  const auto bits = static_cast<unsigned>(by % 64);
  for (std::size_t i = 0; i + words < out.size(); ++i) {
    std::uint64_t v = in[i + words] >> bits;
    if (bits != 0 && i + words + 1 < in.size()) {
      v |= in[i + words + 1] << (64 - bits);
    }
    out[i] |= v;
  }
}

// Widens every run of `row`, which has been widened by `have`, to `want` on both sides.
void widen(Row& row, std::int64_t have, std::int64_t want) {
  while (have < want) {
    const std::int64_t step = std::min(want - have, 2 * have + 1);  // as far as leaves no gap
    const Row before = row;
    or_shifted_up(row, before, step);
    or_shifted_down(row, before, step);
    have += step;
  }
}

bool any(std::span<const std::uint64_t> row) {
  return std::any_of(row.begin(), row.end(), [](std::uint64_t w) { return w != 0; });
}

std::uint64_t reversed(std::uint64_t v) {
  v = __builtin_bswap64(v);
  v = (v >> 4 & 0x0f0f0f0f0f0f0f0fULL) | (v & 0x0f0f0f0f0f0f0f0fULL) << 4;
  v = (v >> 2 & 0x3333333333333333ULL) | (v & 0x3333333333333333ULL) << 2;
  return (v >> 1 & 0x5555555555555555ULL) | (v & 0x5555555555555555ULL) << 1;
}

// Grows `seeds` along the runs of `open` that they touch. Adding a seed to a run of ones carries through the run and
// clears it from the seed on.
void flood_row(std::span<const std::uint64_t> open, std::span<std::uint64_t> seeds) {
  const auto through = [](std::uint64_t run, std::uint64_t seed) { return seed | (run & ~(run + seed)); };
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    seeds[i] = through(open[i], seeds[i] | (carry & open[i]));
    carry = seeds[i] >> 63;
  }
  carry = 0;
  for (std::size_t i = seeds.size(); i-- > 0;) {
    seeds[i] = reversed(through(reversed(open[i]), reversed(seeds[i] | (carry << 63 & open[i]))));
    carry = seeds[i] & 1;
  }
}

}  // namespace

Result<BitVolume> BitVolume::from(const Domain& domain, std::int64_t margin, const BitLimits& limits) {
  const Lattice& inner = domain.lattice();
  const std::int64_t more = (margin + kBrickSide - 1) / kBrickSide;
  BitVolume volume;
  volume.lattice_ = inner;
  volume.lattice_.origin = {inner.origin.x - more * kBrickSide, inner.origin.y - more * kBrickSide,
                            inner.origin.z - more * kBrickSide};
  volume.lattice_.count = {inner.count.x + 2 * more, inner.count.y + 2 * more, inner.count.z + 2 * more};
  const Voxel& n = volume.lattice_.count;
  const double voxels = static_cast<double>(n.x) * static_cast<double>(n.y) * static_cast<double>(n.z) * 4096;
  if (voxels > static_cast<double>(limits.max_voxels)) {
    return fail(Code::too_large, "the selection is too large to compute");
  }
  volume.words_ = (n.x + 3) / 4;
  volume.height_ = n.y * kBrickSide;
  volume.depth_ = n.z * kBrickSide;
  volume.bits_.resize(static_cast<std::size_t>(volume.words_ * volume.height_ * volume.depth_));
  auto* bytes = reinterpret_cast<std::uint8_t*>(volume.bits_.data());
  std::int64_t brick = 0;
  for (std::int64_t bz = 0; bz < inner.count.z; ++bz) {
    for (std::int64_t by = 0; by < inner.count.y; ++by) {
      for (std::int64_t bx = 0; bx < inner.count.x; ++bx, ++brick) {
        if (domain.state(brick) == Domain::State::none) {
          continue;
        }
        const Mask mask = domain.copy_mask(brick);
        for (std::int64_t i = 0; i < 256; ++i) {
          const std::int64_t z = (bz + more) * kBrickSide + i / 16;
          const std::int64_t y = (by + more) * kBrickSide + i % 16;
          std::memcpy(bytes + (z * volume.height_ + y) * volume.words_ * 8 + (bx + more) * 2,
                      &mask.rows[static_cast<std::size_t>(i)], 2);
        }
      }
    }
  }
  return volume;
}

DomainPtr BitVolume::to_domain() const {
  const Voxel& n = lattice_.count;
  std::vector<std::uint32_t> index(static_cast<std::size_t>(lattice_.size()));
  std::vector<Mask> masks;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(bits_.data());
  std::size_t brick = 0;
  for (std::int64_t bz = 0; bz < n.z; ++bz) {
    for (std::int64_t by = 0; by < n.y; ++by) {
      for (std::int64_t bx = 0; bx < n.x; ++bx, ++brick) {
        Mask mask;
        std::uint16_t some = 0;
        std::uint16_t all = 0xffff;
        for (std::int64_t i = 0; i < 256; ++i) {
          std::uint16_t& bits = mask.rows[static_cast<std::size_t>(i)];
          const std::int64_t line = (bz * kBrickSide + i / 16) * height_ + by * kBrickSide + i % 16;
          std::memcpy(&bits, bytes + line * words_ * 8 + bx * 2, 2);
          some |= bits;
          all &= bits;
        }
        if (all == 0xffff) {
          index[brick] = 1;
        } else if (some != 0) {
          masks.push_back(mask);
          index[brick] = static_cast<std::uint32_t>(masks.size() + 1);
        }
      }
    }
  }
  const Voxel& o = lattice_.origin;
  const Box box{o.x, o.y, o.z, o.x + n.x * kBrickSide - 1, o.y + n.y * kBrickSide - 1, o.z + n.z * kBrickSide - 1};
  return Domain::make(box, std::move(index), std::move(masks));
}

void BitVolume::complement() {
  for (std::uint64_t& word : bits_) {
    word = ~word;
  }
}

Result<void> BitVolume::dilate(std::int64_t radius, Work& work, const CancelToken& cancel) {
  const std::vector<Line> lines = ball(radius);
  std::uint64_t used = 0;
  for (std::int64_t z = 0; z < depth_; ++z) {
    for (std::int64_t y = 0; y < height_; ++y) {
      used += any(row(y, z)) ? 1 : 0;
    }
  }
  constexpr std::uint64_t kLine = 10;  // what a line costs beside its words
  if (!work.take(used * lines.size() * (static_cast<std::uint64_t>(words_) + kLine) + bits_.size())) {
    return fail(Code::too_large, "the selection takes too long to compute");
  }
  const BitVolume before = *this;
  for (std::int64_t z = 0; z < depth_; ++z) {
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    for (std::int64_t y = 0; y < height_; ++y) {
      const auto source = before.row(y, z);
      if (!any(source)) {
        continue;
      }
      Row wide(source.begin(), source.end());
      std::int64_t have = 0;
      for (const Line& line : lines) {
        const std::int64_t ty = y + line.dy;
        const std::int64_t tz = z + line.dz;
        if (ty < 0 || ty >= height_ || tz < 0 || tz >= depth_) {
          continue;
        }
        widen(wide, have, line.half);
        have = std::max(have, line.half);
        const auto target = row(ty, tz);
        for (std::size_t i = 0; i < target.size(); ++i) {
          target[i] |= wide[i];
        }
      }
    }
  }
  return {};
}

// What remains when everything that the complement's dilation reaches is taken away.
Result<void> BitVolume::erode(std::int64_t radius, Work& work, const CancelToken& cancel) {
  complement();
  auto grown = dilate(radius, work, cancel);
  complement();
  return grown;
}

void BitVolume::fill_holes() {
  BitVolume outside = *this;
  std::fill(outside.bits_.begin(), outside.bits_.end(), 0);
  complement();  // now the open space
  std::vector<std::pair<std::int64_t, std::int64_t>> waiting;
  const auto seed = [&](std::int64_t y, std::int64_t z, std::span<const std::uint64_t> from) {
    if (y < 0 || y >= height_ || z < 0 || z >= depth_) {
      return;
    }
    const auto open = row(y, z);
    const auto reached = outside.row(y, z);
    bool grew = false;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const std::uint64_t fresh = from[i] & open[i] & ~reached[i];
      grew = grew || fresh != 0;
      reached[i] |= fresh;
    }
    if (grew) {
      flood_row(open, reached);
      waiting.emplace_back(y, z);
    }
  };
  const Row everything(static_cast<std::size_t>(words_), ~0ULL);
  seed(0, 0, everything);  // the margin is open all around, so one corner reaches all of the outside
  while (!waiting.empty()) {
    const auto [y, z] = waiting.back();
    waiting.pop_back();
    const Row from(outside.row(y, z).begin(), outside.row(y, z).end());
    seed(y - 1, z, from);
    seed(y + 1, z, from);
    seed(y, z - 1, from);
    seed(y, z + 1, from);
  }
  for (std::size_t i = 0; i < bits_.size(); ++i) {
    bits_[i] = ~outside.bits_[i];
  }
}

}  // namespace microtome::woolz
