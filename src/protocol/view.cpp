// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "protocol/numbers.hpp"
#include "protocol/set_calls.hpp"

namespace microtome::protocol {
namespace {

constexpr double kFar = 1e9;  // full-size pixels
constexpr double kLeastSize = 1e-3;
constexpr double kGrid = 1024;  // parts of a pixel that sizes are kept to
constexpr int kUsualBox = 1024;
constexpr int kMostSide = 16384;

double snap(double value, double step) {
  return std::round(value / step) * step;
}
double fine(double value) {
  return std::round(value * kGrid) / kGrid;
}

int clamp_side(double value, int most) {
  return static_cast<int>(std::clamp(std::round(value), 1.0, static_cast<double>(most)));
}

// The whole slice inside a box, never enlarged.
engine::RegionArea whole(const ViewRequest& view, double width, double height, int most) {
  double box_width = view.out_width.value_or(view.out_height ? most : kUsualBox);
  double box_height = view.out_height.value_or(view.out_width ? most : kUsualBox);
  box_width = std::min<double>(box_width, most);
  box_height = std::min<double>(box_height, most);
  const double scale = std::min({1.0, box_width / width, box_height / height});
  engine::RegionArea area;
  area.width = width;
  area.height = height;
  area.out_width = clamp_side(width * scale, most);
  area.out_height = clamp_side(height * scale, most);
  return area;
}

}  // namespace

int longest_side(const ServiceOptions& options) {
  return options.max_cvt > 0 ? std::min(options.max_cvt, kMostSide) : kMostSide;
}

Result<ViewRequest> parse_view(const Params& params, int most) {
  ViewRequest view;
  view.slice = params.get("slice");
  const auto x = params.real("x", -kFar, kFar);
  const auto y = params.real("y", -kFar, kFar);
  const auto width = params.real("w", kLeastSize, kFar);
  const auto height = params.real("h", kLeastSize, kFar);
  const auto out_width = params.whole("W", 1, most);
  const auto out_height = params.whole("H", 1, most);
  const auto quality = params.whole("q", 1, 100);
  const auto format = params.format("format", codec::Format::jpeg);
  for (const auto* value : {&x, &y, &width, &height}) {
    if (!*value) {
      return pass(value->error());
    }
  }
  for (const auto* value : {&out_width, &out_height, &quality}) {
    if (!*value) {
      return pass(value->error());
    }
  }
  if (!format) {
    return pass(format.error());
  }
  if (view.slice.empty()) {
    return fail(Code::bad_request, "parameter slice is missing");
  }
  view.x = *x;
  view.y = *y;
  view.width = *width;
  view.height = *height;
  const auto side = [](const std::optional<std::int64_t>& value) {
    return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
  };
  view.out_width = side(*out_width);
  view.out_height = side(*out_height);
  view.quality = side(*quality);
  view.format = *format;
  return view;
}

Result<engine::RegionArea> view_area(const ViewRequest& view, std::int64_t full_width, std::int64_t full_height,
                                     int most) {
  if (full_width < 1 || full_height < 1) {
    return fail(Code::corrupt, "the slice has no pixels");
  }
  if (!view.width && !view.height) {
    return whole(view, static_cast<double>(full_width), static_cast<double>(full_height), most);
  }
  // Square pixels where the request leaves it open.
  double out_width = view.out_width.value_or(0);
  double out_height = view.out_height.value_or(0);
  double width = view.width.value_or(0);
  double height = view.height.value_or(0);
  const bool both = width > 0 && height > 0;
  if (out_width == 0 && out_height == 0) {
    const double box = std::min(kUsualBox, most);
    const double aspect = both ? width / height : 1;
    out_width = aspect >= 1 ? box : box * aspect;
    out_height = aspect >= 1 ? box / aspect : box;
  } else if (out_width == 0) {
    out_width = both ? out_height * width / height : out_height;
  } else if (out_height == 0) {
    out_height = both ? out_width * height / width : out_width;
  }
  engine::RegionArea area;
  area.out_width = clamp_side(out_width, most);
  area.out_height = clamp_side(out_height, most);
  if (width == 0) {
    width = height * area.out_width / area.out_height;
  } else if (height == 0) {
    height = width * area.out_height / area.out_width;
  }
  area.width = std::max(fine(width), 1 / kGrid);
  area.height = std::max(fine(height), 1 / kGrid);
  area.x = snap(view.x.value_or(0), area.width / area.out_width);
  area.y = snap(view.y.value_or(0), area.height / area.out_height);
  return area;
}

Version version_of(const Params& params, const set::Set& set, const set::Slice* slice) {
  if (params.get("v") != format_hex(set.version)) {
    return {};
  }
  return {Caching::immutable, slice != nullptr ? std::optional(slice->mtime_ns) : std::nullopt};
}

Version version_of(const Call& call, std::string_view id) {
  const auto params = Params::parse(call.request().query);
  if (!params || !params->has("v")) {
    return {};
  }
  for (std::size_t slash = id.rfind('/'); slash != std::string_view::npos && slash > 0;
       slash = id.rfind('/', slash - 1)) {
    const set::SetPtr set = call.site->catalogue().known(id.substr(0, slash));
    const set::Slice* slice = set ? set->find_id(id.substr(slash + 1)) : nullptr;
    if (slice != nullptr) {
      return version_of(*params, *set, slice);
    }
  }
  return {};
}

void find_picture(const Call& call, std::string_view id,
                  std::function<void(const std::string& path, const PictureReply& reply)> then) {
  PictureReply reply;
  const Version version = version_of(call, id);
  reply.caching = version.caching;
  reply.mtime_ns = version.mtime_ns;
  reply.learn = true;
  find_name(call, Names::ids_first, std::string(id), [call, reply, then = std::move(then)](const Found& found) {
    const auto path = found.views ? found.views->path(std::nullopt, std::nullopt) : Result<std::string>(found.path);
    if (!path) {
      return answer_error(call, path.error());
    }
    PictureReply named = reply;
    named.name = found.lease;
    then(*path, named);
  });
}

void answer_view(const Call& call, const std::string& set_name) {
  const int most = longest_side(call.options());
  const auto params = Params::parse(call.request().query);
  auto parsed = params ? parse_view(*params, most) : Result<ViewRequest>(pass(params.error()));
  if (!parsed) {
    return answer_error(call, parsed.error());
  }
  const auto can_show = [&](const set::Set& set) {
    const set::Slice* slice = set.find_id(parsed->slice);
    return slice != nullptr && !slice->path.empty();
  };
  find_set(
      call, set_name, can_show, [call, view = std::move(*parsed), params = *params, most](const set::SetPtr& set) {
        const set::Slice* slice = set->find_id(view.slice);
        if (slice == nullptr) {
          return answer_error(call, {Code::not_found, "no such slice", {}});
        }
        if (slice->path.empty()) {
          return answer_error(call, {Code::not_found, "slice " + std::to_string(slice->number) + " is missing", {}});
        }
        const Version version = version_of(params, *set, slice);
        PictureReply reply;
        reply.caching = version.caching;
        reply.mtime_ns = version.mtime_ns;
        reply.learn = true;
        render(
            call, slice->path,
            [view, most](const image::Picture& picture, http::Headers& extra) -> Result<engine::PixelRequest> {
              const image::PictureInfo& info = picture.info();
              auto area = view_area(view, info.width, info.height, most);
              if (!area) {
                return pass(area.error());
              }
              extra.add("Slice-Size", std::to_string(info.width) + "x" + std::to_string(info.height));
              engine::PixelRequest request;
              request.area = *area;
              request.format = view.format;
              request.quality = view.format == codec::Format::png ? std::nullopt : view.quality;
              return request;
            },
            reply);
      });
}

}  // namespace microtome::protocol
