// SPDX-License-Identifier: Apache-2.0
#include "protocol/woolz_section.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "codec/encode.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"
#include "io/file.hpp"
#include "protocol/json_writer.hpp"
#include "protocol/numbers.hpp"
#include "protocol/params.hpp"
#include "protocol/reply.hpp"
#include "protocol/woolz_call.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

using Computed = engine::Engine::Computed;
using woolz::Frame;
using woolz::Grey;

constexpr std::int64_t kTileSide = 256;
constexpr std::string_view kAbout = "/object.json";
constexpr std::uint64_t kMostLabelBytes = 4 << 20;

// A section that somebody asked for, with everything that decides its bytes.
struct Asked {
  SectionPath path;
  woolz::Parameters parameters;
  std::optional<std::int64_t> width;  // W, H: the box that a picture fits
  std::optional<std::int64_t> height;
  int quality = 75;

  [[nodiscard]] std::string key() const {
    return "section " + std::to_string(static_cast<int>(path.answer)) + " " + std::to_string(path.tile.level) + " " +
           std::to_string(path.tile.x) + " " + std::to_string(path.tile.y) + " " +
           std::to_string(static_cast<int>(path.tile.format)) + " " + std::to_string(width.value_or(0)) + " " +
           std::to_string(height.value_or(0)) + " " + std::to_string(quality) +
           (path.view.middle ? " middle " : " ") + key_of(parameters);
  }
};

// Number of the DeepZoom level of full size.
int top_level(const Frame& frame) {
  return std::bit_width(static_cast<std::uint64_t>(std::max(frame.width(), frame.height())) - 1);
}

Result<woolz::Interpolation> filter_of(const Params& params) {
  const std::string_view name = params.get("filter");
  if (name == "area" || !params.has("filter")) {
    return woolz::Interpolation::area;
  }
  if (name == "linear" || name == "nearest") {
    return name == "linear" ? woolz::Interpolation::linear : woolz::Interpolation::nearest;
  }
  return fail(Code::bad_request, "filter is nearest, linear or area");
}

// "0;union(1-3),255,0,0": selections from the bottom up.
Result<void> take_selections(woolz::Request& request, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    auto selector = woolz::parse_selector(text.substr(0, end));
    if (!selector) {
      return std::unexpected(selector.error());
    }
    if (request.selectors.size() >= woolz::kMaxSelectors) {
      return fail(Code::bad_request, "too many selections");
    }
    request.selectors.push_back(std::move(*selector));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

Result<Asked> asked_for(const Call& call, SectionPath path) {
  const auto params = Params::parse(call.request().query);
  if (!params) {
    return std::unexpected(params.error());
  }
  const auto width = params->whole("W", 1, 1 << 16);
  const auto height = params->whole("H", 1, 1 << 16);
  const auto quality = params->whole("q", 1, 100);
  for (const auto* value : {&width, &height, &quality}) {
    if (!*value) {
      return std::unexpected(value->error());
    }
  }
  Asked asked{std::move(path), {}, *width, *height, static_cast<int>(quality->value_or(call.options().jpeg_quality))};
  woolz::Request& request = asked.parameters.request;
  request.view = asked.path.view;
  const auto filter = filter_of(*params);
  if (!filter) {
    return std::unexpected(filter.error());
  }
  request.interpolation = *filter;
  if (auto taken = take_selections(request, params->get("select")); !taken) {
    return std::unexpected(taken.error());
  }
  if (params->has("values")) {
    auto map = woolz::parse_map(params->get("values"));
    if (!map) {
      return std::unexpected(map.error());
    }
    request.map = std::move(*map);
  }
  return asked;
}

// A pixel of a picture `step` times smaller stands in the middle of those that it covers.
woolz::Raster raster_of(double left, double top, double step, std::int64_t width, std::int64_t height) {
  const double middle = (step - 1) / 2;
  return {left + middle, top + middle, step, static_cast<int>(width), static_cast<int>(height)};
}

Result<woolz::Raster> tile_raster(const Frame& frame, const DeepZoomTile& tile) {
  const int top = top_level(frame);
  if (tile.level < 0 || tile.level > top) {
    return fail(Code::not_found, "no such tile");
  }
  const int times = top - static_cast<int>(tile.level);
  const std::int64_t width = ((frame.width() - 1) >> times) + 1;
  const std::int64_t height = ((frame.height() - 1) >> times) + 1;
  if (tile.x > (width - 1) / kTileSide || tile.y > (height - 1) / kTileSide) {
    return fail(Code::not_found, "no such tile");
  }
  const double step = std::ldexp(1.0, times);
  const std::int64_t x = tile.x * kTileSide;
  const std::int64_t y = tile.y * kTileSide;
  return raster_of(static_cast<double>(x) * step, static_cast<double>(y) * step, step, std::min(kTileSide, width - x),
                   std::min(kTileSide, height - y));
}

// The whole section, at most its own size, within W x H where they are given.
woolz::Raster picture_raster(const Frame& frame, const Asked& asked) {
  const auto wide = static_cast<double>(frame.width());
  const auto high = static_cast<double>(frame.height());
  const double step = std::max({1.0, asked.width ? wide / static_cast<double>(*asked.width) : 1.0,
                                asked.height ? high / static_cast<double>(*asked.height) : 1.0});
  const auto pixels = [step](double size) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(size / step + 1e-6));
  };
  return raster_of(0, 0, step, pixels(wide), pixels(high));
}

Result<Computed> make(const WoolzContext& context, const Asked& asked) {
  auto request = placed_request(context, asked.parameters, asked.path.view.middle);
  auto frame =
      request ? woolz::frame_of(*context.object, request->view) : Result<Frame>(std::unexpected(request.error()));
  if (!frame) {
    return std::unexpected(frame.error());
  }
  auto raster = asked.path.answer == SectionAnswer::tile ? tile_raster(*frame, asked.path.tile)
                                                         : Result<woolz::Raster>(picture_raster(*frame, asked));
  if (!raster) {
    return std::unexpected(raster.error());
  }
  auto image = section_pixels(context, *request, *raster, asked.path.tile.format != codec::Format::jpeg);
  if (!image) {
    return std::unexpected(image.error());
  }
  codec::EncodeOptions options;
  options.quality = asked.quality;
  auto bytes = codec::encode(*image, asked.path.tile.format, options);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  return Computed{std::move(*bytes), std::string(codec::media_type(asked.path.tile.format))};
}

Computed text_of(std::string text, std::string media_type) {
  return {Bytes(text.begin(), text.end()), std::move(media_type)};
}

JsonWriter& numbers(JsonWriter& json, std::string_view key, std::initializer_list<double> values) {
  json.key(key).begin_array();
  for (const double v : values) {
    json.value(v + 0.0);  // no -0
  }
  return json.end_array();
}

Result<Computed> describe(const WoolzContext& context, const Asked& asked) {
  auto request = placed_request(context, asked.parameters, asked.path.view.middle);
  auto frame =
      request ? woolz::frame_of(*context.object, request->view) : Result<Frame>(std::unexpected(request.error()));
  if (!frame) {
    return std::unexpected(frame.error());
  }
  if (asked.path.answer == SectionAnswer::deepzoom) {
    return text_of("<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" TileSize=\"" +
                       std::to_string(kTileSide) + "\" Overlap=\"0\" Format=\"jpg\"><Size Width=\"" +
                       std::to_string(frame->width()) + "\" Height=\"" + std::to_string(frame->height()) +
                       "\"/></Image>",
                   "application/xml");
  }
  JsonWriter json;
  json.begin_object();
  json.key("width").value(frame->width()).key("height").value(frame->height());
  json.key("tile").value(kTileSide).key("levels").value(std::int64_t{top_level(*frame)} + 1);
  json.key("left").value(frame->left()).key("top").value(frame->top());
  json.key("roll").value(frame->zeta() * 180 / std::numbers::pi);
  numbers(json, "distance", {frame->minimum().z, frame->maximum().z});
  const woolz::Vec3 corner =
      frame->to_object({static_cast<double>(frame->left()), static_cast<double>(frame->top()), frame->distance()});
  const woolz::Vec3 across = frame->across();
  const woolz::Vec3 down = frame->down();
  numbers(json, "corner", {corner.x, corner.y, corner.z});  // voxel under the first pixel, and the steps to the next
  numbers(json, "across", {across.x, across.y, across.z});
  numbers(json, "down", {down.x, down.y, down.z});
  return text_of(json.end_object().take(), "application/json");
}

std::string_view name_of(Grey grey) {
  switch (grey) {
    case Grey::none:
      return "none";
    case Grey::int32:
      return "int";
    case Grey::int16:
      return "short";
    case Grey::uint8:
      return "ubyte";
    case Grey::float32:
      return "float";
    case Grey::float64:
      return "double";
    case Grey::rgba:
      return "rgba";
  }
  return "none";
}

// NAME.wlz.json beside the object; "" when there is none.
std::string labels_beside(const std::string& path) {
  const auto file = io::File::open(path + ".json");
  if (!file || (*file)->size() > kMostLabelBytes) {
    return {};
  }
  const auto bytes = (*file)->read(0, static_cast<std::size_t>((*file)->size()));
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

void describe_member(JsonWriter& json, std::size_t index, const woolz::Member& member, const ComponentLabel& label) {
  json.begin_object().key("index").value(static_cast<std::int64_t>(index));
  json.key("name").value(label.name).key("colour").value(label.colour);
  if (member.body) {
    const woolz::Box& b = member.box;
    numbers(json, "box",
            {static_cast<double>(b.x1), static_cast<double>(b.y1), static_cast<double>(b.z1),
             static_cast<double>(b.x2), static_cast<double>(b.y2), static_cast<double>(b.z2)});
    numbers(json, "voxel_size", {member.voxel_size[0], member.voxel_size[1], member.voxel_size[2]});
    json.key("voxels").value(static_cast<std::int64_t>(member.body->domain->voxels()));
    json.key("values").value(name_of(member.body->grey()));
    if (member.statistics) {
      json.key("minimum").value(member.statistics->minimum).key("maximum").value(member.statistics->maximum);
    }
  }
  json.end_object();
}

Result<Computed> describe_object(const WoolzContext& context) {
  if (context.object->base() == nullptr) {
    return fail(Code::unsupported, "the object has no sections");
  }
  const auto labels = component_labels(*context.object, labels_beside(context.path));
  JsonWriter json;
  json.begin_object().key("compound").value(std::int64_t{context.object->compound() ? 1 : 0});
  json.key("base").value(context.object->base() - context.object->members().data());
  json.key("components").begin_array();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    describe_member(json, i, context.object->members()[i], labels[i]);
  }
  return text_of(json.end_array().end_object().take(), "application/json");
}

}  // namespace

Result<woolz::Request> placed_request(const WoolzContext& context, const woolz::Parameters& parameters, bool middle) {
  auto request = context.request(parameters);
  const woolz::Member* base = context.object->base();
  if (request && middle && base != nullptr) {
    const auto between = [](std::int64_t low, std::int64_t high) { return static_cast<double>(low + high) / 2; };
    const woolz::Box& b = base->box;
    request->view.fixed = {between(b.x1, b.x2), between(b.y1, b.y2), between(b.z1, b.z2)};
  }
  return request;
}

Result<pixel::Image> section_pixels(const WoolzContext& context, const woolz::Request& request,
                                    const woolz::Raster& raster, bool alpha) {
  if (static_cast<double>(raster.width) * raster.height > static_cast<double>(context.options.max_pixels)) {
    return fail(Code::too_large, "the picture is too large");
  }
  auto scene = woolz::scene_of(*context.object, request, context.select(), context.cancel);
  if (!scene) {
    return std::unexpected(scene.error());
  }
  if (request.interpolation == woolz::Interpolation::area) {
    auto used = woolz::use_pyramids(*scene, *context.object, raster.step, context.levels());
    if (!used) {
      return std::unexpected(used.error());
    }
  }
  return woolz::render_raster(*scene, raster, alpha, context.cancel);
}

void answer_computed(const Call& call, const std::string& name, std::string key, Caching caching,
                     std::function<Result<Computed>(const WoolzContext&)> compute, http::Headers more) {
  run_woolz(call,
            {name, std::move(key), std::move(compute), [call](const Error& error) { answer_error(call, error); },
             [call, caching, more = std::move(more)](engine::Rendered made, std::int64_t mtime_ns) {
               http::Response response;
               response.headers = more;
               response.headers.add("Content-Type", std::move(made.media_type));
               set_caching(call, response.headers, caching);
               response.body = std::move(made.body);
               answer_conditional(call, std::move(response), made.etag, mtime_ns);
             }});
}

bool answer_section(const Call& call, std::string_view rest) {
  if (rest.ends_with(kAbout)) {
    auto name = http::percent_decode(rest.substr(0, rest.size() - kAbout.size()));
    if (!name || !is_woolz_name(*name)) {
      return false;
    }
    // Labels beside the object may change without it: nothing of this is kept for long.
    on_worker(call, [call, name = *name] {
      const auto found = call.site->find(Names::files_first, name);
      const std::string labels =
          found ? format_hex(set::Hash().add(labels_beside(found->path)).value()) : std::string();
      answer_computed(call, name, "object " + labels, Caching::revalidate, describe_object);
    });
    return true;
  }
  auto path = parse_section(rest);
  if (!path) {
    return false;
  }
  auto asked = *path ? asked_for(call, std::move(**path)) : Result<Asked>(std::unexpected(path->error()));
  if (!asked) {
    answer_error(call, asked.error());
    return true;
  }
  const bool pixels = asked->path.answer == SectionAnswer::tile || asked->path.answer == SectionAnswer::picture;
  const std::string name = asked->path.object;
  std::string key = asked->key();
  answer_computed(call, name, std::move(key), Caching::usual,
                  [asked = std::move(*asked), pixels](const WoolzContext& context) {
                    return pixels ? make(context, asked) : describe(context, asked);
                  });
  return true;
}

}  // namespace microtome::protocol
