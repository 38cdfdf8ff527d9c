// SPDX-License-Identifier: Apache-2.0
#include "woolz/projection.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "woolz/brick_builder.hpp"
#include "woolz/sample.hpp"

namespace microtome::woolz {
namespace {

constexpr double kUnitSum = 256;  // a sum of this much is one level

struct Steps {
  double first = 0;
  double step = 1;
  std::int64_t count = 0;
};

// Distances to look at. Planes of voxels are hit exactly where the view is along an axis.
Steps steps_of(const Frame& frame, const View& view) {
  const Vec3 a = frame.to_object({0, 0, 0});
  const Vec3 b = frame.to_object({0, 0, 1});
  const double voxels = std::hypot(b.x - a.x, b.y - a.y, b.z - a.z);  // one unit of distance
  Steps s;
  s.step = voxels > 0 ? 1 / voxels : 1;
  const double low = frame.minimum().z;
  const double high = frame.maximum().z;
  if (view.depth > 0) {
    const double half = std::floor(view.depth / s.step + 1e-9);
    // Only what meets the object at all.
    const double from = std::max(-half, std::floor((low - view.distance) / s.step) - 1);
    const double to = std::min(half, std::ceil((high - view.distance) / s.step) + 1);
    s.first = view.distance + from * s.step;
    s.count = to < from ? 0 : static_cast<std::int64_t>(to - from) + 1;
  } else {
    s.first = low;
    s.count = static_cast<std::int64_t>((high - low) / s.step + 1e-9) + 1;
  }
  return s;
}

// Sums over the whole section, in voxels (thickness), in 255 - value (density), or any (shadow).
class Sums {
 public:
  Sums(const Body& body, const Frame& frame, Projecting projecting)
      : body_(body),
        frame_(frame),
        projecting_(projecting),
        width_(static_cast<std::size_t>(frame.width())),
        height_(static_cast<std::size_t>(frame.height())),
        sums_(width_ * height_),
        inside_(width_),
        values_(width_) {}

  void add(double distance) {
    const Frame plane = frame_.at(distance);
    RowSampler sampler(plane, body_, {static_cast<double>(frame_.left()), 1, width_, 0});
    for (std::size_t y = 0; y < height_; ++y) {
      sampler.go(static_cast<double>(frame_.top()) + static_cast<double>(y));
      sampler.inside(inside_.data());
      float* row = sums_.data() + y * width_;
      if (projecting_ != Projecting::density) {
        for (std::size_t x = sampler.first(); x < sampler.last(); ++x) {
          row[x] += static_cast<float>(inside_[x]);
        }
        continue;
      }
      sampler.values<std::uint8_t>(0, values_.data());
      for (std::size_t x = sampler.first(); x < sampler.last(); ++x) {
        row[x] += inside_[x] != 0 ? static_cast<float>(255 - values_[x]) : 0.0F;
      }
    }
  }

  // The level of each pixel; 0 is not part of the picture.
  [[nodiscard]] std::vector<std::int32_t> levels() const {
    std::vector<std::int32_t> out(sums_.size());
    std::transform(sums_.begin(), sums_.end(), out.begin(), [&](float sum) {
      return projecting_ == Projecting::shadow ? (sum > 0 ? 1 : 0) : static_cast<std::int32_t>(sum / kUnitSum);
    });
    return out;
  }

 private:
  const Body& body_;
  const Frame& frame_;
  Projecting projecting_;
  std::size_t width_;
  std::size_t height_;
  std::vector<float> sums_;
  std::vector<std::uint8_t> inside_;
  std::vector<std::uint8_t> values_;
};

// Pixels above 0 as runs; their levels, spread over 0..255, as values unless it is a shadow.
PlaneRuns runs_of(const std::vector<std::int32_t>& levels, const Frame& frame, bool shadow, Bytes& values) {
  PlaneRuns plane;
  plane.y1 = static_cast<std::int32_t>(frame.top());
  plane.y2 = static_cast<std::int32_t>(frame.top() + frame.height() - 1);
  plane.x1 = static_cast<std::int32_t>(frame.left());
  plane.x2 = static_cast<std::int32_t>(frame.left() + frame.width() - 1);
  std::int32_t low = std::numeric_limits<std::int32_t>::max();
  std::int32_t high = 0;
  for (const std::int32_t level : levels) {
    low = level > 0 ? std::min(low, level) : low;
    high = std::max(high, level);
  }
  const double scale = high > low ? 255.0 / (high - low) : 0;
  const std::int64_t width = frame.width();
  plane.first.push_back(0);
  for (std::int64_t y = 0; y < frame.height(); ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int32_t level = levels[static_cast<std::size_t>(y * width + x)];
      if (level == 0) {
        continue;
      }
      const auto at = static_cast<std::int32_t>(frame.left() + x);
      if (plane.runs.size() > plane.first.back() && plane.runs.back().right == at - 1) {
        plane.runs.back().right = at;
      } else {
        plane.runs.push_back({at, at});
      }
      ++plane.voxels;
      if (!shadow) {
        values.push_back(static_cast<std::uint8_t>(std::floor((level - low) * scale + 0.5)));
      }
    }
    plane.first.push_back(static_cast<std::uint32_t>(plane.runs.size()));
  }
  return plane;
}

// An object that is the plane z = 0.
Result<BodyPtr> flat_body(const std::vector<std::int32_t>& levels, const Frame& frame, bool shadow) {
  Bytes values;
  const PlaneRuns plane = runs_of(levels, frame, shadow, values);
  BlobWriter out({1ULL << 30, {}});
  if (auto room = out.append(Bytes(4096)); !room) {  // entries 0 and 1 of an index mean something else
    return std::unexpected(room.error());
  }
  BrickBuilder builder({plane.x1, plane.y1, 0, plane.x2, plane.y2, 0}, out);
  DomainNode domain_node;
  ValuesNode values_node;
  auto added = builder.add(0, plane, shadow ? Grey::none : Grey::uint8, std::move(values), {});
  if (added) {
    added = builder.finish(domain_node, values_node);
  }
  auto blob = added ? out.finish() : Result<BlobPtr>(std::unexpected(added.error()));
  if (!blob) {
    return std::unexpected(blob.error());
  }
  auto domain = Domain::from(domain_node, *blob);
  if (!domain) {
    return std::unexpected(domain.error());
  }
  auto body = std::make_shared<Body>(Body{std::move(*domain), nullptr, true});
  if (values_node.grey != Grey::none) {
    auto made = Values::from(values_node, *blob, *blob);
    if (!made) {
      return std::unexpected(made.error());
    }
    body->values = std::move(*made);
  }
  return body;
}

}  // namespace

Result<Projected> project(const Body& body, const Frame& frame, const View& view, const CancelToken& cancel,
                          const ProjectLimits& limits) {
  const Steps steps = steps_of(frame, view);
  const double pixels = static_cast<double>(frame.width()) * static_cast<double>(frame.height());
  if (pixels > static_cast<double>(limits.max_pixels) ||
      pixels * static_cast<double>(steps.count) > limits.max_samples) {
    return fail(Code::too_large, "the projection is too large");
  }
  Sums sums(body, frame, view.projecting);
  const bool possible = view.projecting != Projecting::density || body.grey() == Grey::uint8;
  for (std::int64_t i = 0; possible && i < steps.count; ++i) {
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    sums.add(steps.first + static_cast<double>(i) * steps.step);
  }
  auto flat = flat_body(sums.levels(), frame, view.projecting == Projecting::shadow);
  if (!flat) {
    return std::unexpected(flat.error());
  }
  View straight;
  straight.mode = Mode::zeta;
  auto looking = Frame::make(
      straight, {frame.left(), frame.top(), 0, frame.left() + frame.width() - 1, frame.top() + frame.height() - 1, 0},
      {1, 1, 1});
  if (!looking) {
    return std::unexpected(looking.error());
  }
  return Projected{std::move(*flat), *looking};
}

}  // namespace microtome::woolz
