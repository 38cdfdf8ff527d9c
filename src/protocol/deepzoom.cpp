// SPDX-License-Identifier: Apache-2.0
#include "protocol/deepzoom.hpp"

#include <algorithm>
#include <bit>

#include "http/uri.hpp"
#include "protocol/json_writer.hpp"
#include "protocol/numbers.hpp"
#include "protocol/params.hpp"
#include "protocol/reply.hpp"
#include "protocol/set_calls.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

constexpr int kMostSide = 2048;
constexpr std::string_view kFiles = "_files/";
constexpr std::string_view kNamespace = "http://schemas.microsoft.com/deepzoom/2008";

std::unexpected<Error> not_here() {
  return fail(Code::not_found, "no such DeepZoom picture or tile");
}

std::int64_t shrunk(std::int64_t size, int times) {
  return ((size - 1) >> times) + 1;
}

std::optional<DeepZoomTile> parse_tile(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::size_t bar = text.find('_', slash == std::string_view::npos ? 0 : slash);
  const std::size_t dot = text.rfind('.');
  if (slash == std::string_view::npos || bar == std::string_view::npos || dot == std::string_view::npos ||
      dot < bar) {
    return std::nullopt;
  }
  const auto level = parse_int(text.substr(0, slash));
  const auto x = parse_int(text.substr(slash + 1, bar - slash - 1));
  const auto y = parse_int(text.substr(bar + 1, dot - bar - 1));
  const auto format = format_of(text.substr(dot + 1));
  if (!level || !x || !y || !format || *level < 0 || *x < 0 || *y < 0) {
    return std::nullopt;
  }
  return DeepZoomTile{*level, *x, *y, *format};
}

std::string in_xml(const image::PictureInfo& info, int overlap) {
  return "<Image xmlns=\"" + std::string(kNamespace) + "\" TileSize=\"" + std::to_string(deepzoom_tile_side(info)) +
         "\" Overlap=\"" + std::to_string(overlap) + R"(" Format="jpg"><Size Width=")" + std::to_string(info.width) +
         "\" Height=\"" + std::to_string(info.height) + "\"/></Image>";
}

// As viewers read it: the attributes of the XML, so all of them text.
std::string in_json(const image::PictureInfo& info, int overlap) {
  JsonWriter json;
  json.begin_object().key("Image").begin_object();
  json.key("xmlns").value(kNamespace);
  json.key("Format").value("jpg");
  json.key("Overlap").value(std::to_string(overlap));
  json.key("TileSize").value(std::to_string(deepzoom_tile_side(info)));
  json.key("Size").begin_object();
  json.key("Width").value(std::to_string(info.width));
  json.key("Height").value(std::to_string(info.height));
  json.end_object().end_object().end_object();
  return json.take();
}

void describe(const Call& call, const std::string& path, Caching caching, bool json, int overlap) {
  with_picture(call, path, [=](const image::Picture& picture) {
    const image::PictureInfo& info = picture.info();
    std::string text = json ? in_json(info, overlap) : in_xml(info, overlap);
    const std::string etag = "\"" + format_hex(set::Hash().add(text).value()) + "\"";
    answer_text(call, json ? "application/json" : "application/xml", std::move(text), caching, etag,
                picture.id().mtime_ns);
  });
}

int overlap_of(std::string_view query) {
  const auto items = http::split_query(query);
  return std::ranges::any_of(items,
                             [](const http::QueryItem& item) { return item.name == "overlap" && item.value == "1"; })
             ? 1
             : 0;
}

}  // namespace

Result<DeepZoomPath> parse_deepzoom(std::string_view path) {
  for (const std::string_view ending : {".dzi", ".xml", ".js", ".json"}) {
    if (path.size() > ending.size() && path.ends_with(ending)) {
      return DeepZoomPath{path.substr(0, path.size() - ending.size()), std::nullopt, ending.starts_with(".js")};
    }
  }
  const std::size_t at = path.rfind(kFiles);
  if (at == std::string_view::npos || at == 0) {
    return not_here();
  }
  const auto tile = parse_tile(path.substr(at + kFiles.size()));
  if (!tile) {
    return not_here();
  }
  return DeepZoomPath{path.substr(0, at), tile, false};
}

int deepzoom_top_level(const image::PictureInfo& info) {
  const auto side = static_cast<std::uint64_t>(std::max<std::int64_t>({info.width, info.height, 1}));
  return std::bit_width(side - 1);
}

int deepzoom_tile_side(const image::PictureInfo& info) {
  return std::clamp(info.levels.front().tile_width, 1, kMostSide);
}

Result<engine::PixelRequest> deepzoom_request(const image::PictureInfo& info, const DeepZoomTile& tile) {
  const int top = deepzoom_top_level(info);
  if (tile.level > top) {
    return not_here();
  }
  const int times = top - static_cast<int>(tile.level);
  const std::int64_t side = deepzoom_tile_side(info);
  const std::int64_t width = shrunk(info.width, times);
  const std::int64_t height = shrunk(info.height, times);
  if (tile.x > (width - 1) / side || tile.y > (height - 1) / side) {
    return not_here();
  }
  engine::PixelRequest request;
  request.format = tile.format;
  for (std::size_t i = 0; i < info.levels.size() && tile.overlap == 0; ++i) {
    const image::Level& level = info.levels[i];
    if (level.width == width && level.height == height && level.tile_width == side && level.tile_height == side) {
      request.area = engine::TileArea{static_cast<int>(i), tile.x, tile.y};
      return request;
    }
  }
  const std::int64_t left = std::max<std::int64_t>(0, tile.x * side - tile.overlap);
  const std::int64_t top_edge = std::max<std::int64_t>(0, tile.y * side - tile.overlap);
  engine::RegionArea area;
  area.out_width = static_cast<int>(std::min((tile.x + 1) * side + tile.overlap, width) - left);
  area.out_height = static_cast<int>(std::min((tile.y + 1) * side + tile.overlap, height) - top_edge);
  const auto scale = static_cast<double>(std::int64_t{1} << times);
  area.x = static_cast<double>(left) * scale;
  area.y = static_cast<double>(top_edge) * scale;
  // The last pixel of a level that was rounded up covers what is left of the picture, not the void behind it.
  area.width = std::min(area.out_width * scale, static_cast<double>(info.width) - area.x);
  area.height = std::min(area.out_height * scale, static_cast<double>(info.height) - area.y);
  request.area = area;
  return request;
}

void answer_deepzoom(const Call& call, std::string_view path, const std::optional<Manner>& manner) {
  const auto parsed = parse_deepzoom(path);
  if (!parsed) {
    return answer_error(call, parsed.error());
  }
  const int overlap = overlap_of(call.request().query);
  auto tile = parsed->tile;
  if (tile) {
    tile->overlap = overlap;
  }
  find_picture(call, parsed->id, [=, json = parsed->json](const std::string& where, const PictureReply& reply) {
    if (!tile) {
      return describe(call, where, reply.caching, json, overlap);
    }
    render_in(
        call, manner, where,
        [tile = *tile](const image::Picture& picture, http::Headers&) {
          return deepzoom_request(picture.info(), tile);
        },
        reply);
  });
}

}  // namespace microtome::protocol
