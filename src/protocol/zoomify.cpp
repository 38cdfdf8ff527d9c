// SPDX-License-Identifier: Apache-2.0
#include "protocol/zoomify.hpp"

#include <algorithm>
#include <utility>

#include "http/text.hpp"
#include "http/uri.hpp"
#include "protocol/deepzoom.hpp"
#include "protocol/numbers.hpp"
#include "protocol/params.hpp"
#include "protocol/reply.hpp"
#include "protocol/set_calls.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

std::unexpected<Error> not_here() {
  return fail(Code::not_found, "no such Zoomify picture or tile");
}

std::int64_t tiles_across(std::int64_t size, int side) {
  return (size - 1) / side + 1;
}

std::optional<std::int64_t> whole(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, http::is_digit) ? parse_int(text) : std::nullopt;
}

std::optional<ZoomifyTile> parse_tile(std::string_view text) {
  const std::size_t first = text.find('-');
  const std::size_t second = first == std::string_view::npos ? first : text.find('-', first + 1);
  const std::size_t dot = text.rfind('.');
  if (second == std::string_view::npos || dot == std::string_view::npos || dot < second) {
    return std::nullopt;
  }
  const auto tier = whole(text.substr(0, first));
  const auto x = whole(text.substr(first + 1, second - first - 1));
  const auto y = whole(text.substr(second + 1, dot - second - 1));
  const auto format = format_of(text.substr(dot + 1));
  if (!tier || !x || !y || !format) {
    return std::nullopt;
  }
  return ZoomifyTile{*tier, *x, *y, *format};
}

// The tiers are those of DeepZoom that do not fit a tile, and the next smaller one.
Result<engine::PixelRequest> request_of(const image::PictureInfo& info, const ZoomifyTile& tile, bool truncated) {
  const int tiers = zoomify_tiers(info, deepzoom_tile_side(info), truncated).count;
  if (tile.tier >= tiers) {
    return not_here();
  }
  DeepZoomTile same;
  same.level = deepzoom_top_level(info) - (tiers - 1 - tile.tier);
  same.x = tile.x;
  same.y = tile.y;
  same.format = tile.format;
  return deepzoom_request(info, same);
}

void describe(const Call& call, const std::string& path, Caching caching, bool truncated) {
  with_picture(call, path, [=](const image::Picture& picture) {
    const image::PictureInfo& info = picture.info();
    const int side = deepzoom_tile_side(info);
    std::string xml = "<IMAGE_PROPERTIES WIDTH=\"" + std::to_string(info.width) + "\" HEIGHT=\"" +
                      std::to_string(info.height) + "\" NUMTILES=\"" +
                      std::to_string(zoomify_tiers(info, side, truncated).tiles) +
                      R"(" NUMIMAGES="1" VERSION="1.8" TILESIZE=")" + std::to_string(side) + "\"/>";
    const std::string etag = "\"" + format_hex(set::Hash().add(xml).value()) + "\"";
    answer_text(call, "application/xml", std::move(xml), caching, etag, picture.id().mtime_ns);
  });
}

bool wants_truncated(std::string_view query) {
  const auto items = http::split_query(query);
  return std::ranges::any_of(
      items, [](const http::QueryItem& item) { return item.name == "tiers" && item.value == "truncated"; });
}

}  // namespace

Result<ZoomifyPath> parse_zoomify(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) {
    return not_here();
  }
  const std::string_view last = path.substr(slash + 1);
  const std::string_view before = path.substr(0, slash);
  if (last == "ImageProperties.xml") {
    return ZoomifyPath{before, std::nullopt};
  }
  // Clients number the groups in different ways: the number says nothing.
  constexpr std::string_view kGroup = "TileGroup";
  const std::size_t group = before.rfind('/');
  const auto tile = parse_tile(last);
  if (group == std::string_view::npos || group == 0 || !before.substr(group + 1).starts_with(kGroup) ||
      !whole(before.substr(group + 1 + kGroup.size())) || !tile) {
    return not_here();
  }
  return ZoomifyPath{before.substr(0, group), tile};
}

ZoomifyTiers zoomify_tiers(const image::PictureInfo& info, int side, bool truncated) {
  ZoomifyTiers tiers;
  std::int64_t width = info.width;
  std::int64_t height = info.height;
  const std::int64_t up = truncated ? 0 : 1;
  while (true) {
    ++tiers.count;
    tiers.tiles += tiles_across(width, side) * tiles_across(height, side);
    if (width <= side && height <= side) {
      return tiers;
    }
    width = std::max<std::int64_t>(1, (width + up) / 2);
    height = std::max<std::int64_t>(1, (height + up) / 2);
  }
}

void answer_zoomify(const Call& call, std::string_view path, const std::optional<Manner>& manner) {
  const auto parsed = parse_zoomify(path);
  if (!parsed) {
    return answer_error(call, parsed.error());
  }
  const bool truncated = wants_truncated(call.request().query);
  find_picture(call, parsed->id, [=, tile = parsed->tile](const std::string& where, const PictureReply& reply) {
    if (!tile) {
      return describe(call, where, reply.caching, truncated);
    }
    render_in(
        call, manner, where,
        [tile = *tile, truncated](const image::Picture& picture, http::Headers&) {
          return request_of(picture.info(), tile, truncated);
        },
        reply);
  });
}

}  // namespace microtome::protocol
