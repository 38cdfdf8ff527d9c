// SPDX-License-Identifier: Apache-2.0
#include "woolz/query.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "woolz/brick_values.hpp"
#include "woolz/projection.hpp"

namespace microtome::woolz {
namespace {

Result<const Member*> base_of(const Object& object) {
  const Member* base = object.base();
  if (base == nullptr) {
    return fail(Code::unsupported, "the object has no sections");
  }
  return base;
}

// Failures that say something about this request's resources, not about the selection: with other resources the
// picture would be another one.
bool ends_request(Code code) {
  return code == Code::cancelled || code == Code::overloaded || code == Code::deadline || code == Code::too_large;
}

}  // namespace

Result<Frame> frame_of(const Object& object, const View& view) {
  const auto base = base_of(object);
  if (!base) {
    return std::unexpected(base.error());
  }
  return Frame::make(view, (*base)->box, (*base)->voxel_size);
}

Result<Scene> scene_of(const Object& object, const Request& request, const Select& select,
                       const CancelToken& cancel) {
  auto frame = frame_of(object, request.view);
  if (!frame) {
    return std::unexpected(frame.error());
  }
  const Member& base = *object.base();
  Scene scene{*frame, base.body->grey(), {}, {}, !request.selectors.empty(), request.map, request.interpolation};
  if (base.body->values) {
    scene.background = base.body->values->background();
  }
  if (request.selectors.empty()) {
    scene.layers.push_back({base.body, {}, {}, 0});
  } else if (!object.compound()) {  // one object: the first selector is its colour, whatever it selects
    scene.layers.push_back({base.body, request.selectors[0].tint, {}, 0});
  } else {
    for (const Selector& selector : request.selectors) {
      if (selector.expression.cost() > request.complexity) {
        continue;
      }
      auto body = select(selector.expression);
      if (!body && ends_request(body.error().code)) {
        return std::unexpected(body.error());
      }
      if (body) {
        scene.layers.push_back({std::move(*body), selector.tint, {}, 0});
      }
    }
  }
  if (request.view.projecting != Projecting::section) {
    for (Layer& layer : scene.layers) {
      auto projected = project(*layer.body, *frame, request.view, cancel);
      if (!projected) {
        return std::unexpected(projected.error());
      }
      layer.body = std::move(projected->body);
      layer.frame = projected->frame;
    }
  }
  return scene;
}

Result<void> use_pyramids(Scene& scene, const Object& object, double step, const Levels& levels) {
  const Vec3 across = scene.frame.across();
  const Vec3 down = scene.frame.down();
  const double voxels = std::min(std::hypot(across.x, across.y, across.z), std::hypot(down.x, down.y, down.z)) * step;
  const int wanted = voxels > 0 ? static_cast<int>(std::lround(std::log2(voxels))) : 0;
  if (wanted < 1) {
    return {};
  }
  for (Layer& layer : scene.layers) {
    const auto member = std::find_if(object.members().begin(), object.members().end(),
                                     [&](const Member& m) { return m.body != nullptr && m.body == layer.body; });
    if (layer.frame || !layer.body->values || member == object.members().end()) {
      continue;
    }
    auto pyramid = levels(static_cast<std::size_t>(member - object.members().begin()));
    if (!pyramid) {
      return std::unexpected(pyramid.error());
    }
    const auto level = std::min<std::size_t>(static_cast<std::size_t>(wanted), (*pyramid)->size());
    if (level > 0) {
      layer.body = (**pyramid)[level - 1];
      layer.level = static_cast<int>(level);
    }
  }
  return {};
}

std::optional<pixel::Rect> TileGrid::tile(const Frame& frame, std::int64_t number) const {
  const std::int64_t columns = across(frame);
  if (number < 0 || number >= columns * down(frame)) {
    return std::nullopt;
  }
  const std::int64_t x = number % columns * width;
  const std::int64_t y = number / columns * height;
  return pixel::Rect{x, y, std::min(width, frame.width() - x), std::min(height, frame.height() - y)};
}

Vec3 TileGrid::point(const Frame& frame, std::int64_t number, double x, double y) const {
  const std::int64_t columns = std::max<std::int64_t>(across(frame), 1);
  const std::int64_t tile = std::max<std::int64_t>(number, 0);
  const std::int64_t left = tile % columns * width;
  const std::int64_t top = tile / columns * height;
  return frame.to_object({frame.minimum().x + static_cast<double>(left) + x,
                          frame.minimum().y + static_cast<double>(top) + y, frame.distance()});
}

Voxel nearest_voxel(const Vec3& point) {
  const auto at = [](double v) {
    return static_cast<std::int64_t>(std::isnan(v) ? 0.0 : std::clamp(nearest(v), -1e15, 1e15));
  };
  return {at(point.x), at(point.y), at(point.z)};
}

Result<BodyPtr> asked_body(const Object& object, const Request& request, const Select& select) {
  if (object.compound() && !request.selectors.empty()) {
    const Expression& expression = request.selectors[0].expression;
    if (expression.cost() > request.complexity) {
      return fail(Code::bad_request, "the selection is too complex");
    }
    return select(expression);
  }
  const auto base = base_of(object);
  if (!base) {
    return std::unexpected(base.error());
  }
  return (*base)->body;
}

Result<Statistics> statistics_of(const Body& body, const CancelToken& cancel) {
  if (!body.values) {
    return fail(Code::unsupported, "the object has no values");
  }
  Statistics statistics;
  const Grey grey = body.grey();
  const BrickValues values(body);
  for_each_brick(*body.domain, [&](std::int64_t brick, const Voxel& origin) {
    if (!cancel.cancelled()) {
      values.each(origin, body.domain->copy_mask(brick),
                  [&](std::size_t, const GreyValue& value) { statistics.add(magnitude(grey, value)); });
    }
  });
  if (cancel.cancelled()) {
    return fail(Code::cancelled, "cancelled");
  }
  return statistics;
}

Result<Statistics> asked_statistics(const Object& object, const Request& request, const Select& select,
                                    const CancelToken& cancel) {
  auto body = asked_body(object, request, select);
  if (!body) {
    return std::unexpected(body.error());
  }
  for (const Member& member : object.members()) {
    if (member.body == *body && member.statistics && member.statistics->count == member.body->domain->voxels()) {
      return *member.statistics;
    }
  }
  return statistics_of(**body, cancel);
}

Result<PointValue> value_at(const Object& object, const Vec3& point) {
  const auto base = base_of(object);
  if (!base) {
    return std::unexpected(base.error());
  }
  const Body& body = *(*base)->body;
  if (!body.values) {
    return fail(Code::unsupported, "the object has no values");
  }
  const Voxel voxel = nearest_voxel(point);
  return PointValue{body.grey(), body.domain->contains(voxel) ? body.values->at(voxel) : body.values->background()};
}

std::vector<std::size_t> foreground_at(const Object& object, const Vec3& point) {
  const Voxel voxel = nearest_voxel(point);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < object.members().size(); ++i) {
    const BodyPtr& body = object.members()[i].body;
    if (body && body->domain->contains(voxel)) {
      found.push_back(i);
    }
  }
  return found;
}

}  // namespace microtome::woolz
