// SPDX-License-Identifier: Apache-2.0
#include "protocol/deepzoom.hpp"

#include <algorithm>
#include <bit>

#include "protocol/numbers.hpp"
#include "protocol/params.hpp"
#include "protocol/reply.hpp"
#include "protocol/set_calls.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

constexpr int kMostSide = 2048;
constexpr std::string_view kFiles = "_files/";

std::unexpected<Error> not_here() {
  return fail(Code::not_found, "no such DeepZoom picture or tile");
}

// Number of the level of full size: ceil(log2(side)).
int top_level(const image::PictureInfo& info) {
  const auto side = static_cast<std::uint64_t>(std::max<std::int64_t>({info.width, info.height, 1}));
  return std::bit_width(side - 1);
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

void describe(const Call& call, const std::string& path, Caching caching) {
  call.engine().open(path, call.exchange->cancel(), [call, path, caching](Result<image::PicturePtr> opened) {
    if (!opened) {
      return answer_error(call, opened.error());
    }
    const image::PictureInfo& info = (*opened)->info();
    learn(call, path, info);
    std::string xml = "<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" TileSize=\"" +
                      std::to_string(deepzoom_tile_side(info)) + "\" Overlap=\"0\" Format=\"jpg\"><Size Width=\"" +
                      std::to_string(info.width) + "\" Height=\"" + std::to_string(info.height) + "\"/></Image>";
    const std::string etag = "\"" + format_hex(set::Hash().add(xml).value()) + "\"";
    answer_text(call, "application/xml", std::move(xml), caching, etag, (*opened)->id().mtime_ns);
  });
}

}  // namespace

Result<DeepZoomPath> parse_deepzoom(std::string_view path) {
  for (const std::string_view ending : {".dzi", ".xml"}) {
    if (path.size() > ending.size() && path.ends_with(ending)) {
      return DeepZoomPath{path.substr(0, path.size() - ending.size()), std::nullopt};
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
  return DeepZoomPath{path.substr(0, at), tile};
}

int deepzoom_tile_side(const image::PictureInfo& info) {
  return std::clamp(info.levels.front().tile_width, 1, kMostSide);
}

Result<engine::PixelRequest> deepzoom_request(const image::PictureInfo& info, const DeepZoomTile& tile) {
  const int top = top_level(info);
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
  for (std::size_t i = 0; i < info.levels.size(); ++i) {
    const image::Level& level = info.levels[i];
    if (level.width == width && level.height == height && level.tile_width == side && level.tile_height == side) {
      request.area = engine::TileArea{static_cast<int>(i), tile.x, tile.y};
      return request;
    }
  }
  engine::RegionArea area;
  area.out_width = static_cast<int>(std::min(side, width - tile.x * side));
  area.out_height = static_cast<int>(std::min(side, height - tile.y * side));
  const auto scale = static_cast<double>(std::int64_t{1} << times);
  area.x = static_cast<double>(tile.x * side) * scale;
  area.y = static_cast<double>(tile.y * side) * scale;
  // The last pixel of a level that was rounded up covers what is left of the picture, not the void behind it.
  area.width = std::min(area.out_width * scale, static_cast<double>(info.width) - area.x);
  area.height = std::min(area.out_height * scale, static_cast<double>(info.height) - area.y);
  request.area = area;
  return request;
}

void answer_deepzoom(const Call& call, std::string_view path) {
  const auto parsed = parse_deepzoom(path);
  if (!parsed) {
    return answer_error(call, parsed.error());
  }
  std::string id(parsed->id);
  const Version version = version_of(call, id);
  find_name(call, Names::ids_first, std::move(id), [call, tile = parsed->tile, version](const Found& found) {
    const auto where = found.views ? found.views->path(std::nullopt, std::nullopt) : Result<std::string>(found.path);
    if (!where) {
      return answer_error(call, where.error());
    }
    if (!tile) {
      return describe(call, *where, version.caching);
    }
    PictureReply reply;
    reply.caching = version.caching;
    reply.mtime_ns = version.mtime_ns;
    reply.learn = true;
    render(
        call, *where,
        [tile = *tile](const image::Picture& picture, http::Headers&) {
          return deepzoom_request(picture.info(), tile);
        },
        reply);
  });
}

}  // namespace microtome::protocol
