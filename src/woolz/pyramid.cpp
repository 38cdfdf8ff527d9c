// SPDX-License-Identifier: Apache-2.0
#include "woolz/pyramid.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "woolz/brick_sink.hpp"
#include "woolz/brick_values.hpp"
#include "woolz/sidecar.hpp"

namespace microtome::woolz {
namespace {

constexpr int kMostLevels = 20;

Box half(const Box& b) {
  return {b.x1 >> 1, b.y1 >> 1, b.z1 >> 1, b.x2 >> 1, b.y2 >> 1, b.z2 >> 1};
}

// Sums and counts of the voxels under each voxel of a brick one level down.
class Gather {
 public:
  Gather(const Body& body) : body_(body), values_(body), channels_(body.grey() == Grey::rgba ? 4 : 1) {}

  // The brick at `brick` (coordinates of bricks, one level down). False when nothing is there.
  bool run(const Voxel& brick) {
    counts_.fill(0);
    sums_.fill({});
    bool any = false;
    for (int corner = 0; corner < 8; ++corner) {
      const Voxel offset{corner & 1, corner >> 1 & 1, corner >> 2};
      const Voxel from{brick.x * 2 + offset.x, brick.y * 2 + offset.y, brick.z * 2 + offset.z};
      if (body_.domain->state(from) == Domain::State::none) {
        continue;
      }
      any = true;
      const auto base = static_cast<std::size_t>(offset.z * 8 * 256 + offset.y * 8 * 16 + offset.x * 8);
      values_.each({from.x * kBrickSide, from.y * kBrickSide, from.z * kBrickSide}, body_.domain->copy_mask(from),
                   [&](std::size_t voxel, const GreyValue& value) {
                     const std::size_t to = base + (voxel >> 9) * 256 + (voxel >> 5 & 7) * 16 + (voxel >> 1 & 7);
                     ++counts_[to];
                     add(sums_[to], value);
                   });
    }
    return any;
  }

  [[nodiscard]] Mask mask() const {
    Mask mask;
    for (std::size_t i = 0; i < kBrickVoxels; ++i) {
      if (counts_[i] >= 4) {
        mask.rows[i >> 4] = static_cast<std::uint16_t>(mask.rows[i >> 4] | 1U << (i & 15));
      }
    }
    return mask;
  }

  void store(Bytes& out) const {
    const Grey grey = body_.grey();
    const std::size_t size = bytes_of(grey);
    const bool whole = grey == Grey::uint8 || grey == Grey::int16 || grey == Grey::int32;
    for (std::size_t i = 0; i < kBrickVoxels; ++i) {
      GreyValue value = body_.values->background();
      if (counts_[i] >= 4) {
        const auto n = static_cast<double>(counts_[i]);
        value.number = whole ? std::round(sums_[i][0] / n) : sums_[i][0] / n;
        value.rgba = 0;
        for (std::size_t c = 0; c < channels_; ++c) {
          value.rgba |= static_cast<std::uint32_t>(std::lround(channels_ == 4 ? sums_[i][c] / n : 0)) << (8 * c);
        }
      }
      store_value(grey, value, out.data() + i * size);
    }
  }

 private:
  void add(std::array<double, 4>& sum, const GreyValue& value) const {
    if (channels_ == 1) {
      sum[0] += value.number;
      return;
    }
    for (std::size_t c = 0; c < 4; ++c) {
      sum[c] += static_cast<double>(value.rgba >> (8 * c) & 255);
    }
  }

  const Body& body_;
  BrickValues values_;
  std::size_t channels_;
  std::array<std::uint8_t, kBrickVoxels> counts_{};
  std::array<std::array<double, 4>, kBrickVoxels> sums_{};
};

}  // namespace

Result<Node> halved(const Body& body, BlobWriter& out, const CancelToken& cancel) {
  Node node;
  node.kind = Kind::domain3d;
  node.domain.declared = half(body.domain->box());
  BrickSink sink(node.domain.declared, out);
  node.values.grey = body.grey();
  node.values.background = body.values->background();
  node.values.clean = true;
  const auto gather = std::make_unique<Gather>(body);  // large for a stack
  Bytes values(kBrickVoxels * bytes_of(body.grey()));
  const Lattice& lattice = sink.lattice();
  std::int64_t brick = 0;
  for (std::int64_t z = 0; z < lattice.count.z; ++z) {
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    for (std::int64_t y = 0; y < lattice.count.y; ++y) {
      for (std::int64_t x = 0; x < lattice.count.x; ++x, ++brick) {
        if (!gather->run({floor_brick(lattice.origin.x) + x, floor_brick(lattice.origin.y) + y,
                          floor_brick(lattice.origin.z) + z})) {
          continue;
        }
        const Mask mask = gather->mask();
        for (const std::uint16_t row : mask.rows) {
          node.domain.voxels += static_cast<std::uint64_t>(std::popcount(row));
        }
        auto stored = sink.mask(brick, mask);
        if (stored && !sink.empty(brick)) {
          gather->store(values);
          stored = sink.values(brick, body.grey(), values);
        }
        if (!stored) {
          return std::unexpected(stored.error());
        }
      }
    }
  }
  if (auto finished = sink.finish(node.domain, node.values); !finished) {
    return std::unexpected(finished.error());
  }
  if (node.values.index.count == 0) {
    node.values = {};
  }
  return node;
}

Result<PyramidPtr> pyramid_of(const BodyPtr& body, const io::FileId& id, const std::string& sidecar,
                              const OpenOptions& options, const CancelToken& cancel) {
  auto pyramid = std::make_shared<Pyramid>();
  BodyPtr from = body;
  while (from->values && static_cast<int>(pyramid->size()) < kMostLevels) {
    const Voxel n = from->domain->lattice().count;
    if (n.x <= 1 && n.y <= 1 && n.z <= 1) {
      break;
    }
    const std::string path = sidecar.empty() ? sidecar : sidecar + "." + std::to_string(pyramid->size() + 1);
    auto stored = load_sidecar(path, id);
    if (!stored) {
      auto made =
          make_sidecar(path, id, options.memory_bytes, [&](BlobWriter& out) { return halved(*from, out, cancel); });
      if (!made) {
        return std::unexpected(made.error());
      }
      stored = std::move(*made);
    }
    auto level = stored_body(stored->node, stored->blob, stored->blob);
    if (!level) {
      return std::unexpected(level.error());
    }
    if (!(*level)->values) {
      break;  // so little is left that no voxel is half full
    }
    pyramid->push_back(*level);
    from = std::move(*level);
  }
  return pyramid;
}

}  // namespace microtome::woolz
