// SPDX-License-Identifier: Apache-2.0
// Operations on one set that look at its voxels: neighbours (dilation, erosion, fill) and values.
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "woolz/bit_volume.hpp"
#include "woolz/brick_values.hpp"
#include "woolz/evaluator.hpp"

namespace microtome::woolz::detail {

Result<BodyPtr> Evaluator::neighbours(const Expression& e, const Body& body) const {
  if (e.operation != Operation::fill && (e.number < 0 || e.number > static_cast<double>(limits_.max_radius))) {
    return fail(Code::too_large, "the radius is too large");
  }
  if (body.domain->voxels() == 0) {
    return domain_only(body.domain);
  }
  const auto radius = static_cast<std::int64_t>(e.number);
  auto bits = BitVolume::from(*body.domain, e.operation == Operation::fill ? 1 : radius + 1, limits_.bits);
  if (!bits) {
    return std::unexpected(bits.error());
  }
  Result<void> done;
  if (e.operation == Operation::fill) {
    if (!work_.take(bits->words() * 64)) {  // the outside goes through every voxel
      return fail(Code::too_large, "the selection takes too long to compute");
    }
    bits->fill_holes();
  } else if (e.operation == Operation::dilation) {
    done = bits->dilate(radius, work_, cancel_);
  } else {
    done = bits->erode(radius, work_, cancel_);
  }
  if (!done) {
    return std::unexpected(done.error());
  }
  return domain_only(bits->to_domain());
}

Result<BodyPtr> Evaluator::threshold(const Expression& e, const Body& body) const {
  if (!body.values) {
    return fail(Code::bad_request, "threshold needs values");
  }
  const Grey grey = body.grey();
  const bool whole = grey != Grey::float32 && grey != Grey::float64;
  const double t = whole ? std::trunc(e.number) : e.number;
  const auto keep = [&](double v) {
    switch (e.relation) {
      case Relation::less:
        return v < t;
      case Relation::less_equal:
        return v < t + 1;
      case Relation::equal:
        return v >= t && v < t + 1;
      case Relation::greater_equal:
        return v >= t;
      case Relation::greater:
        return v >= t + 1;
    }
    return false;
  };
  if (auto good = affordable(body.domain->box(), kMaskBytes); !good) {
    return std::unexpected(good.error());
  }
  MaskCollector out(body.domain->box());
  const BrickValues values(body);
  for_each_brick(*body.domain, [&](std::int64_t number, const Voxel& origin) {
    if (cancel_.cancelled()) {
      return;
    }
    Mask kept;
    values.each(origin, body.domain->copy_mask(number), [&](std::size_t voxel, const GreyValue& value) {
      if (keep(magnitude(grey, value))) {
        kept.rows[voxel >> 4] = static_cast<std::uint16_t>(kept.rows[voxel >> 4] | 1U << (voxel & 15));
      }
    });
    out.put(static_cast<std::size_t>(number), kept);
  });
  if (cancel_.cancelled()) {
    return fail(Code::cancelled, "cancelled");
  }
  return std::make_shared<Body>(Body{out.take(), body.values, false});
}

Result<BodyPtr> Evaluator::set_value(const Expression& e, const Body& body) const {
  GreyValue value{std::trunc(e.number), 0};
  if (e.operation == Operation::set_value) {
    const bool byte = value.number >= 0 && value.number <= 255;
    value.number = std::clamp(value.number, -2147483648.0, 2147483647.0);
    return std::make_shared<Body>(
        Body{body.domain, Values::constant(byte ? Grey::uint8 : Grey::int32, value, {}), false});
  }
  if (!body.values) {
    return fail(Code::bad_request, "background needs values");
  }
  Grey grey = body.grey();
  switch (grey) {  // the whole object takes the value, as it always did
    case Grey::uint8:
      value.number = std::clamp(value.number, 0.0, 255.0);
      break;
    case Grey::int16:
      value.number = std::clamp(value.number, -32768.0, 32767.0);
      break;
    case Grey::float32:
    case Grey::float64:
      value.number = e.number;
      break;
    case Grey::rgba: {
      const auto v = static_cast<std::uint32_t>(std::clamp(value.number, 0.0, 255.0));
      value.rgba = v | v << 8 | v << 16 | 0xff000000U;
      break;
    }
    default:
      value.number = std::clamp(value.number, -2147483648.0, 2147483647.0);
      break;
  }
  return std::make_shared<Body>(Body{body.domain, Values::constant(grey, value, value), true});
}

// Values that hold the background wherever the body's own domain does not reach.
Result<ValuesPtr> Evaluator::clean_values(const Body& body) const {
  if (body.clean || (body.domain->solid() && !body.values->constant_value())) {
    return body.values;
  }
  const Grey grey = body.grey();
  const std::size_t brick_bytes = kBrickVoxels * bytes_of(grey);
  const Lattice& lattice = body.domain->lattice();
  std::vector<std::uint32_t> index(static_cast<std::size_t>(lattice.size()));
  std::size_t used = 0;
  for_each_brick(*body.domain, [&](std::int64_t, const Voxel&) { ++used; });
  if (used * brick_bytes > limits_.max_bytes) {
    return fail(Code::too_large, "the selection is too large to compute");
  }
  Bytes data;
  data.reserve(used * brick_bytes);
  Bytes background(brick_bytes);
  for (std::size_t i = 0; i < kBrickVoxels; ++i) {
    store_value(grey, body.values->background(), background.data() + i * bytes_of(grey));
  }
  const BrickValues values(body);
  for_each_brick(*body.domain, [&](std::int64_t number, const Voxel& origin) {
    const std::size_t at = data.size();
    data.insert(data.end(), background.begin(), background.end());
    values.each(origin, body.domain->copy_mask(number), [&](std::size_t voxel, const GreyValue& value) {
      store_value(grey, value, data.data() + at + voxel * bytes_of(grey));
    });
    index[static_cast<std::size_t>(number)] = static_cast<std::uint32_t>(data.size() / brick_bytes);
  });
  return Values::make(grey, body.values->background(), lattice, std::move(index), std::move(data), brick_bytes);
}

}  // namespace microtome::woolz::detail
