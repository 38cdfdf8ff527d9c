// SPDX-License-Identifier: Apache-2.0
#include "woolz/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "woolz/brick_values.hpp"

namespace microtome::woolz {
namespace {

BodyPtr domain_only(DomainPtr domain) {
  return std::make_shared<Body>(Body{std::move(domain), nullptr, false});
}

DomainPtr empty_domain() {
  return Domain::make({}, {}, {});
}

class MaskCollector {
 public:
  explicit MaskCollector(const Box& box) : box_(box), index_(static_cast<std::size_t>(brick_lattice(box).size())) {}
  void put(std::size_t brick, const Mask& mask) {
    const auto& rows = mask.rows;
    if (std::all_of(rows.begin(), rows.end(), [](std::uint16_t r) { return r == 0xffff; })) {
      index_[brick] = 1;
    } else if (std::any_of(rows.begin(), rows.end(), [](std::uint16_t r) { return r != 0; })) {
      masks_.push_back(mask);
      index_[brick] = static_cast<std::uint32_t>(masks_.size() + 1);
    }
  }
  void put_all(std::size_t brick) { index_[brick] = 1; }
  DomainPtr take() { return Domain::make(box_, std::move(index_), std::move(masks_)); }

 private:
  Box box_;
  std::vector<std::uint32_t> index_;
  std::vector<Mask> masks_;
};

// visit(number, brick in space) over all bricks of `box`.
template <class Visit>
void over_bricks(const Box& box, const Visit& visit) {
  const Lattice l = brick_lattice(box);
  const Voxel o{floor_brick(l.origin.x), floor_brick(l.origin.y), floor_brick(l.origin.z)};
  std::size_t number = 0;
  for (std::int64_t z = 0; z < l.count.z; ++z) {
    for (std::int64_t y = 0; y < l.count.y; ++y) {
      for (std::int64_t x = 0; x < l.count.x; ++x) {
        visit(number++, Voxel{o.x + x, o.y + y, o.z + z});
      }
    }
  }
}

class Evaluator {
 public:
  Evaluator(const Object& object, const EvaluateLimits& limits, const CancelToken& cancel, Work& work)
      : object_(object), limits_(limits), cancel_(cancel), work_(work) {}
  Result<BodyPtr> run(const Expression& e);

 private:
  Result<BodyPtr> compute(const Expression& e);
  Result<BodyPtr> member(std::int64_t index) const;
  Result<std::vector<BodyPtr>> operands(const Expression& e);
  Result<BodyPtr> unite(const Expression& e);
  Result<BodyPtr> occupancy(const Expression& e);
  Result<BodyPtr> pair(const Expression& e);
  Result<BodyPtr> neighbours(const Expression& e, const Body& body) const;
  Result<BodyPtr> threshold(const Expression& e, const Body& body) const;
  Result<BodyPtr> set_value(const Expression& e, const Body& body) const;
  Result<ValuesPtr> clean_values(const Body& body) const;
  [[nodiscard]] Result<void> affordable(const Box& box, std::size_t bytes_per_brick) const;

  const Object& object_;
  const EvaluateLimits& limits_;
  const CancelToken& cancel_;
  Work& work_;
};

Result<void> Evaluator::affordable(const Box& box, std::size_t bytes_per_brick) const {
  const Voxel n = brick_lattice(box).count;
  const double bricks = static_cast<double>(n.x) * static_cast<double>(n.y) * static_cast<double>(n.z);
  if (bricks * static_cast<double>(bytes_per_brick) > static_cast<double>(limits_.max_bytes)) {
    return fail(Code::too_large, "the selection is too large to compute");
  }
  return {};
}

Result<BodyPtr> Evaluator::member(std::int64_t index) const {
  if (index < 0 || static_cast<std::size_t>(index) >= object_.members().size()) {
    return fail(Code::bad_request, "there is no such component");
  }
  const BodyPtr& body = object_.members()[static_cast<std::size_t>(index)].body;
  return body ? body : domain_only(empty_domain());
}

Result<std::vector<BodyPtr>> Evaluator::operands(const Expression& e) {
  std::vector<BodyPtr> bodies;
  const auto add = [&](Result<BodyPtr> body) -> Result<void> {
    if (!body) {
      return std::unexpected(body.error());
    }
    bodies.push_back(std::move(*body));
    return {};
  };
  for (const Expression& operand : e.operands) {
    if (operand.operation != Operation::index) {
      if (auto added = add(run(operand)); !added) {
        return std::unexpected(added.error());
      }
      continue;
    }
    for (std::int64_t i = operand.first; i <= operand.last; ++i) {  // ends at the first that does not exist
      if (auto added = add(member(i)); !added) {
        return std::unexpected(added.error());
      }
    }
  }
  return bodies;
}

Result<BodyPtr> Evaluator::unite(const Expression& e) {
  auto bodies = operands(e);
  if (!bodies) {
    return std::unexpected(bodies.error());
  }
  Box box;
  for (const BodyPtr& body : *bodies) {
    box = box.around(body->domain->box());
  }
  if (auto good = affordable(box, kMaskBytes); !good) {
    return std::unexpected(good.error());
  }
  MaskCollector out(box);
  over_bricks(box, [&](std::size_t number, const Voxel& brick) {
    Mask mask;
    for (const BodyPtr& body : *bodies) {
      switch (body->domain->state(brick)) {
        case Domain::State::none:
          break;
        case Domain::State::all:
          out.put_all(number);
          return;
        case Domain::State::some: {
          const Mask more = body->domain->copy_mask(brick);
          for (std::size_t i = 0; i < mask.rows.size(); ++i) {
            mask.rows[i] = static_cast<std::uint16_t>(mask.rows[i] | more.rows[i]);
          }
          break;
        }
      }
    }
    out.put(number, mask);
  });
  return domain_only(out.take());
}

Result<BodyPtr> Evaluator::occupancy(const Expression& e) {
  Expression listed = e;
  if (listed.operands.empty()) {
    listed.operands.emplace_back().last = static_cast<std::int64_t>(object_.members().size()) - 1;
  }
  auto bodies = operands(listed);
  if (!bodies) {
    return std::unexpected(bodies.error());
  }
  auto all = unite(listed);
  if (!all) {
    return all;
  }
  const DomainPtr domain = (*all)->domain;
  if (auto good = affordable(domain->box(), kBrickVoxels); !good) {
    return std::unexpected(good.error());
  }
  std::vector<std::uint32_t> index(static_cast<std::size_t>(domain->lattice().size()));
  Bytes data;
  for_each_brick(*domain, [&](std::int64_t number, const Voxel& origin) {
    const Voxel brick{floor_brick(origin.x), floor_brick(origin.y), floor_brick(origin.z)};
    const std::size_t at = data.size();
    data.resize(at + kBrickVoxels);
    for (const BodyPtr& body : *bodies) {
      const Mask mask = body->domain->copy_mask(brick);
      for (std::size_t i = 0; i < kBrickVoxels; ++i) {
        data[at + i] = static_cast<std::uint8_t>(data[at + i] + (mask.get(i) && data[at + i] < 255 ? 1 : 0));
      }
    }
    index[static_cast<std::size_t>(number)] = static_cast<std::uint32_t>(data.size() / kBrickVoxels);
  });
  auto values = Values::make(Grey::uint8, {}, domain->lattice(), std::move(index), std::move(data), kBrickVoxels);
  return std::make_shared<Body>(Body{domain, std::move(values), true});
}

Result<BodyPtr> Evaluator::pair(const Expression& e) {
  auto a = run(e.operands[0]);
  if (!a) {
    return a;
  }
  auto b = run(e.operands[1]);
  if (!b) {
    return b;
  }
  if (e.operation == Operation::transfer) {
    if (!(*b)->values) {
      return fail(Code::bad_request, "transfer needs values");
    }
    auto values = clean_values(**b);
    if (!values) {
      return std::unexpected(values.error());
    }
    return std::make_shared<Body>(Body{(*a)->domain, std::move(*values), false});
  }
  const bool difference = e.operation == Operation::difference;
  const Domain& first = *(*a)->domain;
  const Domain& second = *(*b)->domain;
  const Box box = difference ? first.box() : first.box().common(second.box());
  if (auto good = affordable(box, kMaskBytes); !good) {
    return std::unexpected(good.error());
  }
  MaskCollector out(box);
  over_bricks(box, [&](std::size_t number, const Voxel& brick) {
    if (first.state(brick) == Domain::State::none) {
      return;
    }
    Mask mask = first.copy_mask(brick);
    const Mask other = second.copy_mask(brick);
    for (std::size_t i = 0; i < mask.rows.size(); ++i) {
      mask.rows[i] = static_cast<std::uint16_t>(mask.rows[i] & (difference ? ~other.rows[i] : other.rows[i]));
    }
    out.put(number, mask);
  });
  if (difference) {
    return std::make_shared<Body>(Body{out.take(), (*a)->values, false});
  }
  return domain_only(out.take());
}

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

Result<BodyPtr> Evaluator::run(const Expression& e) {
  if (cancel_.cancelled()) {
    return fail(Code::cancelled, "cancelled");
  }
  auto body = compute(e);
  if (!body || e.operation == Operation::index) {
    return body;
  }
  // Dilations and erosions have taken what they cost. Of the others one alone costs little, however large it is.
  const bool by_voxel = e.operation == Operation::threshold || e.operation == Operation::set_value ||
                        e.operation == Operation::background || e.operation == Operation::occupancy;
  const auto bricks = static_cast<std::uint64_t>((*body)->domain->lattice().size());
  if (!work_.take(bricks * (by_voxel ? kBrickVoxels : kBrickVoxels / 64))) {
    return fail(Code::too_large, "the selection takes too long to compute");
  }
  return body;
}

Result<BodyPtr> Evaluator::compute(const Expression& e) {
  switch (e.operation) {
    case Operation::index:
      return member(e.first);
    case Operation::union_of:
      return unite(e);
    case Operation::occupancy:
      return occupancy(e);
    case Operation::difference:
    case Operation::intersection:
    case Operation::transfer:
      return pair(e);
    default:
      break;
  }
  auto body = run(e.operands[0]);
  if (!body) {
    return body;
  }
  switch (e.operation) {
    case Operation::domain:
      return domain_only((*body)->domain);
    case Operation::threshold:
      return threshold(e, **body);
    case Operation::background:
    case Operation::set_value:
      return set_value(e, **body);
    default:
      return neighbours(e, **body);
  }
}

}  // namespace

Result<BodyPtr> evaluate(const Object& object, const Expression& expression, const EvaluateLimits& limits,
                         const CancelToken& cancel) {
  Work work;
  return evaluate(object, expression, limits, cancel, work);
}

Result<BodyPtr> evaluate(const Object& object, const Expression& expression, const EvaluateLimits& limits,
                         const CancelToken& cancel, Work& work) {
  return Evaluator(object, limits, cancel, work).run(expression);
}

std::size_t memory_of(const Body& body) {
  return sizeof(Body) + body.domain->memory() + (body.values ? body.values->memory() : 0);
}

}  // namespace microtome::woolz
