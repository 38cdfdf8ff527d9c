// SPDX-License-Identifier: Apache-2.0
#include "woolz/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "woolz/brick_values.hpp"
#include "woolz/evaluator.hpp"

namespace microtome::woolz {
namespace detail {

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

}  // namespace detail

Result<BodyPtr> evaluate(const Object& object, const Expression& expression, const EvaluateLimits& limits,
                         const CancelToken& cancel) {
  Work work;
  return evaluate(object, expression, limits, cancel, work);
}

Result<BodyPtr> evaluate(const Object& object, const Expression& expression, const EvaluateLimits& limits,
                         const CancelToken& cancel, Work& work) {
  return detail::Evaluator(object, limits, cancel, work).run(expression);
}

std::size_t memory_of(const Body& body) {
  return sizeof(Body) + body.domain->memory() + (body.values ? body.values->memory() : 0);
}

}  // namespace microtome::woolz
