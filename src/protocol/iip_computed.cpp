// SPDX-License-Identifier: Apache-2.0
#include "protocol/iip_computed.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>

#include "codec/encode.hpp"
#include "engine/plan.hpp"
#include "engine/region.hpp"
#include "engine/render.hpp"
#include "protocol/iip_processed.hpp"
#include "protocol/reply.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

using engine::Engine;

constexpr int kVersion = 2;                // raise when processing changes: answers kept by clients are then stale
constexpr std::int64_t kMostTiles = 1024;  // of one TIL
constexpr std::int64_t kMostTilePixels = 25'000'000;  // of one TIL

std::string key_of(const io::FileId& id, const std::string& rest) {
  std::string key = "iip" + std::to_string(kVersion);
  for (const std::uint64_t part : {id.device, id.inode, id.size, static_cast<std::uint64_t>(id.mtime_ns), id.part}) {
    key += ":" + std::to_string(part);
  }
  return key + ":" + rest;
}

int quality_of(const Call& call, const Output& output) {
  return call.engine().quality_of(output.format, output.quality);
}

std::string text_of(const Call& call, const Output& output) {
  return std::to_string(static_cast<int>(output.format)) + "," + std::to_string(quality_of(call, output)) +
         (output.format == codec::Format::tiff ? "c" + std::to_string(static_cast<int>(output.compression)) : "") +
         ":" + output.operations.text() +
         (call.options().watermark ? "w" + std::to_string(call.options().watermark->id) : "") + "p" +
         std::to_string(call.options().max_icc) + (call.options().passthrough ? "" : "d");
}

bool as_stored(const Call& call, const Output& output) {
  return !output.quality && !output.operations.any() && call.options().passthrough && !call.options().watermark;
}

// With what the server's settings add.
Output completed(const Call& call, Output output, const std::string& key) {
  output.watermark = call.options().watermark;
  output.seed = set::Hash().add(key).value();
  output.max_icc = call.options().max_icc;
  return output;
}

// The stored profile describes stored colours; it stays only where they stay.
ByteView profile_of(const image::PictureInfo& info, const pixel::Image& image, const pixel::Operations& operations) {
  const bool mixed = operations.map != pixel::ColourMap::none || operations.light || !operations.mix.empty() ||
                     operations.colouring != pixel::Colouring::as_is;
  const bool same = (info.colour == pixel::Colour::rgb || info.colour == pixel::Colour::rgba)
                        ? image.channels >= 3
                        : info.colour == pixel::Colour::grey && image.channels == 1;
  return info.icc && same && !mixed ? ByteView(*info.icc) : ByteView();
}

Result<Bytes> encode(const image::PictureInfo& info, pixel::Image image, const Output& output, int quality,
                     const pixel::Histogram& histogram) {
  image = pixel::finish(std::move(image), output.operations, histogram);
  if (image.colour == pixel::Colour::grey_alpha && output.format == codec::Format::webp) {
    image = pixel::to_rgba(image);
  }
  const ByteView profile =
      engine::keep_profile(image, profile_of(info, image, output.operations), output.format, output.max_icc);
  if (output.watermark) {
    engine::stamp(image, *output.watermark, output.seed);
  }
  codec::EncodeOptions options = codec::options_of(output.format, quality);
  options.compression = output.compression;
  options.icc = profile;
  return codec::encode(image, output.format, options);
}

Result<Bytes> tile_bytes(const image::PicturePtr& picture, const engine::TileArea& area, const Output& output,
                         int quality, const CancelToken& cancel) {
  const auto histogram = histogram_of(*picture, output.operations, cancel);
  if (!histogram) {
    return pass(histogram.error());
  }
  const image::PicturePtr processed = processed_picture(picture, output.operations, *histogram);
  auto tile = processed->decode_tile(area.level, area.x, area.y, cancel);
  if (!tile) {
    return pass(tile.error());
  }
  return encode(
      picture->info(),
      engine::for_display(std::move(*tile), processed->info().bits, {}, output.format != codec::Format::jpeg), output,
      quality, *histogram);
}

// The picture itself where a pyramid's loss would show.
image::PicturePtr source_of(const Call& call, const image::PicturePtr& opened, const Output& output,
                            std::variant<engine::TileArea, engine::RegionArea> area) {
  engine::PixelRequest request;
  request.area = area;
  request.format = output.format;
  request.quality = output.quality;
  request.compression = output.compression;
  return call.engine().picture_for(opened, request);
}

Result<Engine::Computed> computed(Result<Bytes> bytes, codec::Format format) {
  if (!bytes) {
    return pass(bytes.error());
  }
  return Engine::Computed{std::move(*bytes), std::string(codec::media_type(format))};
}

void append(Bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

void append(Bytes& out, const SharedBytes& bytes) {
  if (bytes) {
    out.insert(out.end(), bytes->begin(), bytes->end());
  }
}

// The stored stream when it is what was asked for; empty when the tile must be made.
Result<Bytes> stored_bytes(const image::Picture& picture, const engine::TileArea& area) {
  const auto stored = picture.stored_tile(area.level, area.x, area.y, true);
  if (!stored) {
    return pass(stored.error());
  }
  Bytes bytes;
  if (!*stored || (*stored)->stored != image::Stored::jpeg || (*stored)->clipped()) {
    return bytes;
  }
  const auto middle =
      (*stored)->range.file->read((*stored)->range.offset, static_cast<std::size_t>((*stored)->range.length));
  if (!middle) {
    return pass(middle.error());
  }
  append(bytes, (*stored)->prefix);
  bytes.insert(bytes.end(), middle->begin(), middle->end());
  append(bytes, (*stored)->suffix);
  return bytes;
}

Result<Bytes> stream_bytes(const image::PicturePtr& picture, std::int64_t resolution,
                           const std::vector<std::pair<std::int64_t, engine::TileArea>>& tiles, const Output& output,
                           int quality, bool as_stored, const CancelToken& cancel) {
  constexpr std::array<std::uint8_t, 8> kJpeg = {2, 0, 0, 0, 0, 0x11, 0, 0};  // compression type and subtype
  Bytes out;
  for (const auto& [index, area] : tiles) {
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "nobody waits any more");
    }
    auto tile = as_stored ? stored_bytes(*picture, area) : Result<Bytes>(Bytes());
    if (tile && tile->empty()) {
      tile = tile_bytes(picture, area, output, quality, cancel);
    }
    if (!tile) {
      return pass(tile.error());
    }
    append(out, "Tile," + std::to_string(resolution) + "," + std::to_string(index) + ",0/" +
                    std::to_string(tile->size() + kJpeg.size()) + ":");
    out.insert(out.end(), kJpeg.begin(), kJpeg.end());
    out.insert(out.end(), tile->begin(), tile->end());
    append(out, "\r\n");
  }
  return out;
}

// An answer on its way; what the callbacks share.
struct Answering {
  Call call;
  std::string path;
  ChooseComputation choose;
  http::Headers extra;
  std::int64_t mtime_ns = 0;

  void failed(Error error, bool opening) {
    if (error.code == Code::corrupt || (opening && error.code == Code::unsupported)) {
      if (opening) {
        call.site->catalogue().learn_damaged(path);
      }
      error.code = Code::not_found;
    }
    answer_error(call, error);
  }

  void done(Result<engine::Rendered> rendered) {
    if (!rendered) {
      return failed(std::move(rendered.error()), false);
    }
    http::Response response;
    if (!rendered->media_type.empty()) {
      response.headers.add("Content-Type", std::move(rendered->media_type));
    }
    set_caching(call, response.headers, Caching::usual);
    for (const http::Header& header : extra.all()) {
      response.headers.add(header.name, header.value);
    }
    response.body = std::move(rendered->body);
    response.trace = rendered->trace;
    answer_conditional(call, std::move(response), rendered->etag, mtime_ns);
  }
};

void start(const std::shared_ptr<Answering>& answering, const image::PicturePtr& picture) {
  const Call& call = answering->call;
  answering->mtime_ns = picture->id().mtime_ns;
  learn(call, answering->path, picture->info());
  if (unmodified_since(call.request(), answering->mtime_ns)) {
    http::Response response;
    set_caching(call, response.headers, Caching::usual);
    return answer_conditional(call, std::move(response), {}, answering->mtime_ns);
  }
  auto computation = answering->choose(picture, answering->extra);
  if (!computation) {
    return answer_error(call, computation.error());
  }
  auto make = [engine = call.service->engine, path = answering->path, opened = picture,
               make = std::move(computation->make)](const CancelToken& cancel) {
    auto made = make(cancel);
    if (made) {
      engine->used(path, *opened);
    }
    return made;
  };
  call.engine().compute(key_of(computation->picture->id(), computation->key), answering->mtime_ns,
                        std::string(call.request().headers.get("If-None-Match")), computation->work,
                        call.exchange->cancel(), std::move(make),
                        [answering](Result<engine::Rendered> rendered) { answering->done(std::move(rendered)); });
}

}  // namespace

void answer_computed(const Call& call, const std::string& path, ChooseComputation choose) {
  auto answering = std::make_shared<Answering>(Answering{call, path, std::move(choose), {}});
  call.engine().open(path, call.exchange->cancel(), [answering](Result<image::PicturePtr> opened) {
    if (!opened) {
      return answering->failed(std::move(opened.error()), true);
    }
    start(answering, *opened);
  });
}

Result<void> check_output(const Output& output) {
  if (!codec::can_encode(output.format)) {
    return fail(Code::unsupported, "this picture format cannot be written");
  }
  return {};
}

Result<engine::TileArea> tile_area(const image::PictureInfo& info, std::int64_t resolution, std::int64_t index,
                                   const pixel::Operations& operations) {
  const auto count = static_cast<std::int64_t>(info.levels.size());
  if (resolution >= count) {
    return fail(Code::not_found, "no such resolution");
  }
  const auto level = static_cast<std::size_t>(count - 1 - resolution);  // resolution 0 is the smallest
  const std::int64_t across = info.levels[level].across();
  const std::int64_t down = info.levels[level].down();
  if (index / across >= down) {
    return fail(Code::not_found, "no such tile");
  }
  engine::TileArea area{static_cast<int>(level), index % across, index / across};
  if (operations.quarters == 2) {
    area.x = operations.mirror ? area.x : across - 1 - area.x;
    area.y = down - 1 - area.y;
  }
  return area;
}

Computation processed_tile(const Call& call, const image::PicturePtr& opened, const engine::TileArea& area,
                           const Output& output) {
  Computation computation;
  const image::PicturePtr picture = source_of(call, opened, output, area);
  computation.picture = picture;
  computation.key = "tile," + std::to_string(area.level) + "," + std::to_string(area.x) + "," +
                    std::to_string(area.y) + "," + text_of(call, output);
  computation.make = [picture, area, output = completed(call, output, computation.key),
                      quality = quality_of(call, output)](const CancelToken& cancel) {
    return computed(tile_bytes(picture, area, output, quality, cancel), output.format);
  };
  return computation;
}

Computation processed_region(const Call& call, const image::PicturePtr& opened, const engine::RegionArea& area,
                             const Output& output) {
  Computation computation;
  const image::PicturePtr picture = source_of(call, opened, output, area);
  computation.picture = picture;
  computation.key = "area";
  for (const double number : {area.x, area.y, area.width, area.height}) {
    computation.key += "," + std::to_string(std::bit_cast<std::uint64_t>(number));
  }
  computation.key += "," + std::to_string(area.out_width) + "x" + std::to_string(area.out_height) + "," +
                     std::to_string(static_cast<int>(area.sampling)) + "," + text_of(call, output);
  if (std::int64_t{area.out_width} * area.out_height > engine::kExportPixels) {
    computation.work = WorkClass::exporting;
  }
  computation.make = [engine = call.service->engine, picture, area, output = completed(call, output, computation.key),
                      quality = quality_of(call, output)](const CancelToken& cancel) -> Result<Engine::Computed> {
    const auto histogram = histogram_of(*picture, output.operations, cancel);
    if (!histogram) {
      return pass(histogram.error());
    }
    const image::PicturePtr processed = processed_picture(picture, output.operations, *histogram);
    auto image = engine->region_now(*processed, area, cancel);
    if (!image) {
      return pass(image.error());
    }
    return computed(encode(picture->info(), std::move(*image), output, quality, *histogram), output.format);
  };
  return computation;
}

Result<Computation> tile_stream(const Call& call, const image::PicturePtr& opened, std::int64_t resolution,
                                std::int64_t first, std::int64_t last, const Output& output) {
  const image::PictureInfo& info = opened->info();
  const auto one = tile_area(info, resolution, first, {});
  const auto other = tile_area(info, resolution, last, {});
  if (!one || !other) {
    return pass(!one ? one.error() : other.error());
  }
  const image::Level& level = info.levels[static_cast<std::size_t>(one->level)];
  const auto [x0, x1] = std::minmax(one->x, other->x);
  const auto [y0, y1] = std::minmax(one->y, other->y);
  const std::int64_t count = (x1 - x0 + 1) * (y1 - y0 + 1);
  if (count > kMostTiles || count * level.tile_width * level.tile_height > kMostTilePixels) {
    return fail(Code::too_large, "too many tiles in one request");
  }
  std::vector<std::pair<std::int64_t, engine::TileArea>> tiles;
  for (std::int64_t x = x0; x <= x1; ++x) {
    for (std::int64_t y = y0; y <= y1; ++y) {
      const std::int64_t index = y * level.across() + x;
      tiles.emplace_back(index, *tile_area(info, resolution, index, output.operations));
    }
  }
  Computation computation;
  const image::PicturePtr picture = source_of(call, opened, output, *one);
  computation.picture = picture;
  computation.key = "til," + std::to_string(resolution) + "," + std::to_string(first) + "-" + std::to_string(last) +
                    (output.quality ? "," : "s,") + text_of(call, output);
  computation.make = [picture, resolution, tiles = std::move(tiles),
                      output = completed(call, output, computation.key), as_stored = as_stored(call, output),
                      quality = quality_of(call, output)](const CancelToken& cancel) -> Result<Engine::Computed> {
    auto bytes = stream_bytes(picture, resolution, tiles, output, quality, as_stored, cancel);
    if (!bytes) {
      return pass(bytes.error());
    }
    return Engine::Computed{std::move(*bytes), "application/vnd.netfpx"};
  };
  return computation;
}

}  // namespace microtome::protocol
