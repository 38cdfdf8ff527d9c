// SPDX-License-Identifier: Apache-2.0
// Pictures of sections: JTL, PTL, WTL (one tile), TIL (several as a stream), CVT (the whole, or a part of it).
#include <algorithm>
#include <cmath>

#include "codec/encode.hpp"
#include "protocol/woolz_answers.hpp"

namespace microtome::protocol {
namespace {

using Computed = engine::Engine::Computed;

constexpr std::int64_t kLeastPart = 8;  // pixels of a part of a section
constexpr std::int64_t kMostTiles = 4096;

void append(Bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

// Every byte times `contrast`, the alpha channel too, as it always was.
void stretch(pixel::Image& image, double contrast) {
  if (contrast == 1) {
    return;
  }
  for (std::uint8_t& v : image.data) {
    v = static_cast<std::uint8_t>(std::min(255.0, v * contrast));
  }
}

// RGN in display pixels: cut down in single precision, at least 8 wide, within the section.
pixel::Rect part_of(const woolz::Frame& frame, const std::array<double, 4>& region) {
  const auto pixels = [](std::int64_t size, double share) {
    return static_cast<std::int64_t>(static_cast<float>(static_cast<double>(size) * share));
  };
  pixel::Rect r;
  r.x = std::min(pixels(frame.width(), region[0]), frame.width() - 1);
  r.y = std::min(pixels(frame.height(), region[1]), frame.height() - 1);
  r.width = std::min(std::max(pixels(frame.width(), region[2]), kLeastPart), frame.width() - r.x);
  r.height = std::min(std::max(pixels(frame.height(), region[3]), kLeastPart), frame.height() - r.y);
  return r;
}

class PictureMaker {
 public:
  PictureMaker(const WoolzContext& context, const WoolzPicture& picture, int quality)
      : context_(context), picture_(picture), quality_(picture.quality.value_or(quality)) {}

  Result<Computed> run() {
    auto request = context_.request(*picture_.parameters);
    if (!request) {
      return std::unexpected(request.error());
    }
    auto frame = woolz::frame_of(*context_.object, request->view);  // before anything is selected or projected
    if (!frame) {
      return std::unexpected(frame.error());
    }
    if (picture_.output != WoolzOutput::whole && !context_.grid().tile(*frame, picture_.first)) {
      return fail(Code::not_found, "no such tile");
    }
    auto scene = woolz::scene_of(*context_.object, *request, context_.select(), context_.cancel);
    if (!scene) {
      return std::unexpected(scene.error());
    }
    if (request->interpolation == woolz::Interpolation::area) {
      if (auto used = woolz::use_pyramids(*scene, *context_.object, 1, context_.levels()); !used) {
        return std::unexpected(used.error());
      }
    }
    switch (picture_.output) {
      case WoolzOutput::tiles:
        return stream(*scene);
      case WoolzOutput::whole:
        return one(*scene, part_of(*frame, picture_.region), picture_.contrast);
      case WoolzOutput::tile:
      case WoolzOutput::none:
        break;
    }
    return one(*scene, *context_.grid().tile(*frame, picture_.first), 1);
  }

 private:
  Result<Computed> one(const woolz::Scene& scene, const pixel::Rect& rect, double contrast) {
    if (static_cast<double>(rect.width) * static_cast<double>(rect.height) >
        static_cast<double>(context_.options.max_pixels)) {
      return fail(Code::too_large, "the section is too large");
    }
    auto image = woolz::render(scene, rect, picture_.format != codec::Format::jpeg, context_.cancel);
    if (!image) {
      return std::unexpected(image.error());
    }
    stretch(*image, contrast);
    codec::EncodeOptions options;
    options.quality = quality_;
    auto bytes = codec::encode(*image, picture_.format, options);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    return Computed{std::move(*bytes), std::string(codec::media_type(picture_.format))};
  }

  // The rectangle of tiles that first and last span, column by column.
  Result<Computed> stream(const woolz::Scene& scene) {
    const woolz::TileGrid grid = context_.grid();
    const std::int64_t across = grid.across(scene.frame);
    if (!grid.tile(scene.frame, picture_.first) || !grid.tile(scene.frame, picture_.last)) {
      return fail(Code::not_found, "no such tile");
    }
    const auto [left, right] = std::minmax({picture_.first % across, picture_.last % across});
    const auto [top, bottom] = std::minmax({picture_.first / across, picture_.last / across});
    const std::int64_t tiles = (right - left + 1) * (bottom - top + 1);
    if (tiles > kMostTiles || static_cast<std::uint64_t>(tiles * grid.width * grid.height) >
                                  std::max<std::uint64_t>(context_.options.max_pixels,
                                                          static_cast<std::uint64_t>(grid.width * grid.height))) {
      return fail(Code::too_large, "too many tiles");
    }
    Computed out;
    out.media_type = "application/vnd.netfpx";
    for (std::int64_t x = left; x <= right; ++x) {
      for (std::int64_t y = top; y <= bottom; ++y) {
        const std::int64_t number = y * across + x;
        auto tile = one(scene, *grid.tile(scene.frame, number), 1);
        if (!tile) {
          return tile;
        }
        append(out.bytes, "Tile," + std::to_string(picture_.resolution) + "," + std::to_string(number) + ",0/" +
                              std::to_string(tile->bytes.size() + 8) + ":");
        for (const std::uint8_t b : {2, 0, 0, 0, 0, 0x11, 0, 0}) {
          out.bytes.push_back(b);
        }
        out.bytes.insert(out.bytes.end(), tile->bytes.begin(), tile->bytes.end());
      }
    }
    return out;
  }

  const WoolzContext& context_;
  const WoolzPicture& picture_;
  int quality_;
};

}  // namespace

Result<Computed> make_picture(const WoolzContext& context, const WoolzPicture& picture, int default_quality) {
  return PictureMaker(context, picture, default_quality).run();
}

}  // namespace microtome::protocol
