// SPDX-License-Identifier: Apache-2.0
#include "protocol/manner.hpp"

#include <cmath>
#include <utility>

#include "engine/plan.hpp"
#include "protocol/iip_computed.hpp"

namespace microtome::protocol {
namespace {

// What IIIF asks of the finished picture, after what the commands asked.
Result<void> add_look(const engine::Look& look, pixel::Operations& operations) {
  constexpr double kQuarter = 90;
  if (std::fmod(look.rotation, kQuarter) != 0) {
    return fail(Code::unsupported, "processed pictures are turned by quarters only");
  }
  if (look.mirror) {  // a mirror after a turn is the same mirror before the opposite turn
    operations.mirror = !operations.mirror;
    operations.quarters = (4 - operations.quarters) & 3;
  }
  operations.quarters = (operations.quarters + static_cast<int>(look.rotation / kQuarter)) & 3;
  if (look.tone == engine::Look::Tone::grey && operations.colouring == pixel::Colouring::as_is) {
    operations.colouring = pixel::Colouring::grey;
  } else if (look.tone == engine::Look::Tone::bitonal) {
    operations.colouring = pixel::Colouring::binary;
  }
  return {};
}

Result<Computation> processed(const Call& call, const image::PicturePtr& picture, engine::PixelRequest request,
                              const Manner& manner) {
  request = engine::canonical(picture->info(), std::move(request));
  Output output{request.format, manner.quality, manner.operations};
  if (auto added = add_look(request.look, output.operations); !added) {
    return pass(added.error());
  }
  if (const auto* tile = std::get_if<engine::TileArea>(&request.area)) {
    return processed_tile(call, picture, *tile, output);
  }
  return processed_region(call, picture, std::get<engine::RegionArea>(request.area), output);
}

}  // namespace

std::optional<int> quality_at_edge(const image::PictureInfo& info, const engine::TileArea& area, codec::Format format,
                                   int usual) {
  const image::Level& level = info.levels[static_cast<std::size_t>(area.level)];
  const bool cut = (area.x + 1) * level.tile_width > level.width || (area.y + 1) * level.tile_height > level.height;
  return cut && format == codec::Format::jpeg ? std::optional(usual) : std::nullopt;
}

void render_in(const Call& call, const std::optional<Manner>& manner, const std::string& path, Choose choose,
               PictureReply reply) {
  if (!manner) {
    return render(call, path, std::move(choose), reply);
  }
  if (manner->operations.any()) {
    return answer_computed(call, path,
                           [call, choose = std::move(choose), manner = *manner](
                               const image::PicturePtr& picture, http::Headers& extra) -> Result<Computation> {
                             auto request = choose(*picture, extra);
                             return request ? processed(call, picture, std::move(*request), manner)
                                            : pass(request.error());
                           });
  }
  const int usual = call.engine().quality_of(codec::Format::jpeg, {});
  render(
      call, path,
      [choose = std::move(choose), quality = manner->quality, usual](
          const image::Picture& picture, http::Headers& extra) -> Result<engine::PixelRequest> {
        auto request = choose(picture, extra);
        if (!request) {
          return request;
        }
        *request = engine::canonical(picture.info(), std::move(*request));
        request->quality = quality;
        if (const auto* tile = std::get_if<engine::TileArea>(&request->area); tile != nullptr && !quality) {
          request->quality = quality_at_edge(picture.info(), *tile, request->format, usual);
        }
        return request;
      },
      reply);
}

}  // namespace microtome::protocol
