// SPDX-License-Identifier: Apache-2.0
// DeepZoom=, Zoomify= and IIIF= as commands of an IIP query: the commands before them say in which manner the picture
// is made. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "pixel/process.hpp"
#include "protocol/call.hpp"
#include "protocol/reply.hpp"

namespace microtome::protocol {

struct Manner {
  std::optional<int> quality = {};  // QLT
  pixel::Operations operations = {};
};

// Tiles that the level's edge cuts are made anew in the usual quality, as iipsrv makes them, so that a viewer gets
// the pixels that it had from there. Unset for all others: they may be sent as they are stored.
[[nodiscard]] std::optional<int> quality_at_edge(const image::PictureInfo& info, const engine::TileArea& area,
                                                 codec::Format format, int usual);

// render(), and processed where there is a manner that says so. Without a manner: render().
void render_in(const Call& call, const std::optional<Manner>& manner, const std::string& path, Choose choose,
               PictureReply reply);

}  // namespace microtome::protocol
