// SPDX-License-Identifier: Apache-2.0
// Any text as what follows "/iiif/3/", "/iiif/2/", "/iiif/" and "/zoomify/". What parses must make a request within
// the limits, and its canonical form must parse to the same request.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/iiif_info.hpp"
#include "protocol/iiif_picture.hpp"
#include "protocol/iiif_request.hpp"
#include "protocol/public_base.hpp"
#include "protocol/zoomify.hpp"

namespace {

using namespace microtome;            // NOLINT(google-build-using-namespace)
using namespace microtome::protocol;  // NOLINT(google-build-using-namespace)

void demand(bool holds) {
  if (!holds) {
    std::abort();
  }
}

image::PictureInfo odd_picture() {
  image::PictureInfo info;
  info.width = 4099;
  info.height = 257;
  info.levels = {{4099, 257, 256, 256}, {2049, 128, 256, 256}, {1025, 65, 240, 240}, {512, 32, 256, 256}};
  return info;
}

void check(std::string_view text, IiifVersion version) {
  const IiifLimits limits{5000, 4000, 8'000'000};
  const auto parsed = parse_iiif(text, version);
  if (!parsed) {
    demand(!parsed.error().message.empty());
    return;
  }
  demand(!parsed->id.empty());
  const image::PictureInfo info = odd_picture();
  demand(write_iiif_info(info, limits, version, safe_path(parsed->raw_id)).size() < 3 * text.size() + 4096);
  if (parsed->kind != IiifPath::Kind::image) {
    return;
  }
  const auto made = make_iiif_picture(parsed->image, version, info, limits);
  if (!made) {
    demand(made.error().code == Code::bad_request);
    return;
  }
  const auto& area = std::get<engine::RegionArea>(made->request.area);
  demand(area.out_width >= 1 && area.out_width <= limits.width && area.out_height >= 1 &&
         area.out_height <= limits.height && std::int64_t{area.out_width} * area.out_height <= limits.area);
  demand(area.x >= 0 && area.y >= 0 && area.width >= 1 && area.height >= 1 && area.x + area.width <= 4099 &&
         area.y + area.height <= 257);
  demand(made->request.look.rotation >= 0 && made->request.look.rotation < 360);
  const auto again = parse_iiif_image(made->canonical, version);
  demand(again.has_value());
  demand(make_iiif_picture(*again, version, info, limits).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);  // NOLINT(*-reinterpret-cast)
  check(text, IiifVersion::three);
  check(text, IiifVersion::two);
  check(text, IiifVersion::either);
  check(text, IiifVersion::one);
  if (const auto zoomify = parse_zoomify(text)) {
    demand(!zoomify->id.empty());
  }
  return 0;
}
