// SPDX-License-Identifier: Apache-2.0
#include "image/deepzoom_picture.hpp"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "codec/icc.hpp"
#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "codec/webp.hpp"
#include "image/embedded.hpp"
#include "image/grid.hpp"
#include "image/tile_files.hpp"
#include "pixel/blit.hpp"
#include "pixel/convert.hpp"

namespace microtome::image {
namespace {

constexpr std::uint64_t kMostDescription = 64 << 10;  // bytes
constexpr std::int64_t kMostSide = 1LL << 30;
constexpr int kLargestTile = 8192;
constexpr std::uint64_t kMostTilePixels = 1ULL << 26;

std::unexpected<Error> broken(const io::FilePtr& file, const std::string& why) {
  return fail(Code::corrupt, "the DeepZoom picture is damaged", file->path() + ": " + why);
}

// The value of an attribute of this name, wherever it is.
std::string_view attribute(std::string_view xml, std::string_view name) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  for (std::size_t at = xml.find(name); at != std::string_view::npos; at = xml.find(name, at + 1)) {
    if (at == 0 || !blank(xml[at - 1])) {
      continue;
    }
    std::size_t next = at + name.size();
    const auto skip_blanks = [&] {
      while (next < xml.size() && blank(xml[next])) {
        ++next;
      }
    };
    skip_blanks();
    if (next >= xml.size() || xml[next] != '=') {
      continue;
    }
    ++next;
    skip_blanks();
    if (next >= xml.size() || (xml[next] != '"' && xml[next] != '\'')) {
      continue;
    }
    const std::size_t end = xml.find(xml[next], next + 1);
    return end == std::string_view::npos ? std::string_view() : xml.substr(next + 1, end - next - 1);
  }
  return {};
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

Result<pixel::Image> decode(ByteView bytes, const codec::InkProfile* inks) {
  const std::string_view head = as_text(bytes);
  if (head.starts_with("\xff\xd8")) {
    codec::JpegDecodeOptions options;
    options.max_pixels = kMostTilePixels;
    options.inks = inks;
    return codec::decode_jpeg(bytes, options);
  }
  auto image = head.starts_with("\x89PNG") ? codec::decode_png(bytes, kMostTilePixels)
                                           : codec::decode_webp(bytes, kMostTilePixels);
  return image && image->sample != pixel::Sample::u8 ? Result<pixel::Image>(pixel::to_u8(*image)) : std::move(image);
}

// What a JPEG tile of four inks says of them; null when it is none, or says nothing.
std::shared_ptr<const codec::InkProfile> inks_of(ByteView bytes) {
  const auto jpeg = codec::inspect_jpeg(bytes);
  return jpeg && jpeg->components == 4 ? codec::InkProfile::make(embedded_in_jpeg(bytes).icc) : nullptr;
}

class DeepZoomPicture final : public Picture {
 public:
  DeepZoomPicture(io::FilePtr file, const DziDescription& dzi, std::unique_ptr<TileFiles> tiles)
      : file_(std::move(file)), dzi_(dzi), tiles_(std::move(tiles)) {
    info_.width = dzi_.width;
    info_.height = dzi_.height;
    info_.has_tiles = true;
    most_ = std::bit_width(static_cast<std::uint64_t>(std::max(dzi_.width, dzi_.height) - 1));
    for (std::int64_t width = dzi_.width, height = dzi_.height;;) {
      info_.levels.push_back({width, height, dzi_.tile, dzi_.tile});
      if (width <= dzi_.tile && height <= dzi_.tile) {
        break;
      }
      width = (width + 1) / 2;
      height = (height + 1) / 2;
    }
  }

  // What the tiles hold is known when one was looked at: the smallest level.
  Result<void> look() {
    const auto last = static_cast<int>(info_.levels.size()) - 1;
    const auto tile = tiles_->find(most_ - last, 0, 0);
    if (!tile) {
      return pass(tile.error());
    }
    if (!*tile) {
      return broken(file_, "there are no tiles");
    }
    const auto bytes = (*tile)->read();
    if (bytes) {
      inks_ = inks_of(*bytes);
    }
    const auto image = bytes ? decode(*bytes, inks_.get()) : pass(bytes.error());
    if (!image) {
      return pass(image.error(), file_->path());
    }
    info_.channels = image->channels == 2 ? 4 : image->channels;
    info_.colour = info_.channels == 1   ? pixel::Colour::grey
                   : info_.channels == 3 ? pixel::Colour::rgb
                                         : pixel::Colour::rgba;
    info_.opaque = !pixel::has_alpha(info_.colour);
    return {};
  }

  [[nodiscard]] const PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return file_->id(); }
  [[nodiscard]] std::size_t memory() const override {
    return sizeof(*this) + tiles_->memory() + (inks_ ? inks_->memory() : 0);
  }

  [[nodiscard]] Result<std::optional<StoredTile>> stored_tile(int level, std::int64_t x, std::int64_t y,
                                                              bool may_block) const override {
    if (auto good = check_tile(info_, level, x, y); !good) {
      return pass(good.error());
    }
    StoredTile tile;
    const pixel::Rect area = area_of(level, x, y);
    tile.width = tile.visible_width = static_cast<int>(area.width);
    tile.height = tile.visible_height = static_cast<int>(area.height);
    if (dzi_.overlap > 0 && info_.levels[static_cast<std::size_t>(level)].across() *
                                    info_.levels[static_cast<std::size_t>(level)].down() >
                                1) {
      return tile;  // cut out of what is stored
    }
    if (!may_block) {
      return std::nullopt;
    }
    auto bytes = tiles_->find(most_ - level, x, y);
    if (!bytes) {
      return pass(bytes.error());
    }
    if (!*bytes) {
      tile.empty = true;
      return tile;
    }
    tile.stored = kind_of(**bytes, area);
    if (tile.stored != Stored::none) {
      tile.range = (*bytes)->range;
    }
    return tile;
  }

  [[nodiscard]] Result<pixel::Image> decode_tile(int level, std::int64_t x, std::int64_t y,
                                                 const CancelToken& cancel) const override {
    if (auto good = check_tile(info_, level, x, y); !good) {
      return pass(good.error());
    }
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    const pixel::Rect area = area_of(level, x, y);
    const auto tile = tiles_->find(most_ - level, x, y);
    if (!tile) {
      return pass(tile.error());
    }
    if (!*tile) {
      pixel::Image blank = pixel::Image::make(static_cast<int>(area.width), static_cast<int>(area.height),
                                              info_.channels, info_.colour);
      if (info_.opaque) {
        std::ranges::fill(blank.data, 255);
      }
      return blank;
    }
    const auto bytes = (*tile)->read();
    if (!bytes) {
      return pass(bytes.error());
    }
    auto image = decode(*bytes, inks_.get());
    if (!image) {
      return pass(image.error(), file_->path());
    }
    return cut(std::move(*image), level, x, y, area);
  }

  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const override {
    *reduction = 1;
    if (auto inside = check_region(info_, level, rect); !inside) {
      return pass(inside.error());
    }
    pixel::Image out =
        pixel::Image::make(static_cast<int>(rect.width), static_cast<int>(rect.height), info_.channels, info_.colour);
    for (std::int64_t y = rect.y / dzi_.tile; y * dzi_.tile < rect.y + rect.height; ++y) {
      for (std::int64_t x = rect.x / dzi_.tile; x * dzi_.tile < rect.x + rect.width; ++x) {
        const auto tile = decode_tile(level, x, y, cancel);
        if (!tile) {
          return pass(tile.error());
        }
        pixel::paste(out, *tile, x * dzi_.tile - rect.x, y * dzi_.tile - rect.y);
      }
    }
    return out;
  }

 private:
  [[nodiscard]] pixel::Rect area_of(int level, std::int64_t x, std::int64_t y) const {
    const Level& size = info_.levels[static_cast<std::size_t>(level)];
    return pixel::intersect({x * dzi_.tile, y * dzi_.tile, dzi_.tile, dzi_.tile}, {0, 0, size.width, size.height});
  }

  // As it can go to a client: only what is whole and of the right size.
  [[nodiscard]] static Stored kind_of(const TileBytes& tile, const pixel::Rect& area) {
    if (tile.range.file == nullptr) {
      return Stored::none;
    }
    constexpr std::uint64_t kHead = 64 << 10;
    const auto head =
        tile.range.file->read(tile.range.offset, static_cast<std::size_t>(std::min(kHead, tile.range.length)));
    if (!head) {
      return Stored::none;
    }
    if (const auto jpeg = codec::inspect_jpeg(*head)) {
      const bool plain = jpeg->precision == 8 && (jpeg->components == 1 || jpeg->components == 3) &&
                         !jpeg->lossless && !jpeg->arithmetic && jpeg->tables_in_stream;
      return plain && jpeg->width == area.width && jpeg->height == area.height ? Stored::jpeg : Stored::none;
    }
    if (const auto webp = codec::inspect_webp(*head)) {
      return !webp->animated && webp->width == area.width && webp->height == area.height ? Stored::webp
                                                                                         : Stored::none;
    }
    return Stored::none;
  }

  // Takes the overlap off and brings all tiles to the same colours.
  [[nodiscard]] Result<pixel::Image> cut(pixel::Image image, int level, std::int64_t x, std::int64_t y,
                                         const pixel::Rect& area) const {
    const Level& size = info_.levels[static_cast<std::size_t>(level)];
    const std::int64_t left = x > 0 ? dzi_.overlap : 0;
    const std::int64_t top = y > 0 ? dzi_.overlap : 0;
    const std::int64_t right = std::min<std::int64_t>(size.width, area.x + area.width + dzi_.overlap);
    const std::int64_t bottom = std::min<std::int64_t>(size.height, area.y + area.height + dzi_.overlap);
    if (image.width != right - area.x + left || image.height != bottom - area.y + top) {
      return broken(file_, "a tile of another size");
    }
    if (left > 0 || top > 0 || image.width != area.width || image.height != area.height) {
      image = pixel::crop(image, {left, top, area.width, area.height});
    }
    if (image.colour == info_.colour) {
      return image;
    }
    return info_.channels == 1   ? pixel::to_grey(image)
           : info_.channels == 3 ? pixel::to_rgb(image)
                                 : pixel::to_rgba(image);
  }

  io::FilePtr file_;
  DziDescription dzi_;
  std::unique_ptr<TileFiles> tiles_;
  PictureInfo info_;
  std::shared_ptr<const codec::InkProfile> inks_;  // of the smallest level's tile, for all; null: complements
  int most_ = 0;                                   // DeepZoom's level of the full size
};

Result<PicturePtr> make(io::FilePtr file, std::string_view xml,
                        const std::function<std::unique_ptr<TileFiles>(const DziDescription&)>& tiles) {
  const auto dzi = parse_dzi(xml);
  if (!dzi) {
    return broken(file, "its description");
  }
  auto picture = std::make_shared<DeepZoomPicture>(std::move(file), *dzi, tiles(*dzi));
  if (auto good = picture->look(); !good) {
    return pass(good.error());
  }
  return picture;
}

}  // namespace

std::optional<DziDescription> parse_dzi(std::string_view xml) {
  const auto tile = whole(attribute(xml, "TileSize"));
  const auto overlap = whole(attribute(xml, "Overlap"));
  const auto width = whole(attribute(xml, "Width"));
  const auto height = whole(attribute(xml, "Height"));
  std::string format(attribute(xml, "Format"));
  std::ranges::transform(format, format.begin(),
                         [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  const bool known = format == "jpg" || format == "jpeg" || format == "png" || format == "webp";
  if (xml.find("<Image") == std::string_view::npos || !tile || *tile < 1 || *tile > kLargestTile || !overlap ||
      *overlap < 0 || *overlap > *tile || !width || !height || *width < 1 || *height < 1 || *width > kMostSide ||
      *height > kMostSide || !known) {
    return std::nullopt;
  }
  return DziDescription{*width, *height, static_cast<int>(*tile), static_cast<int>(*overlap), std::move(format)};
}

Result<PicturePtr> open_dzi(io::FilePtr file, const OpenLimits& /*limits*/) {
  if (file->size() > kMostDescription) {
    return broken(file, "its description is too long");
  }
  const auto xml = file->read(0, static_cast<std::size_t>(file->size()));
  if (!xml) {
    return pass(xml.error());
  }
  return make(file, as_text(*xml), [&](const DziDescription& dzi) { return tiles_beside(file, dzi.format); });
}

Result<PicturePtr> open_zipped_dzi(io::FilePtr file, const OpenLimits& /*limits*/) {
  auto zip = open_zip(file);
  if (!zip) {
    return pass(zip.error());
  }
  return make(file, zip->dzi, [&](const DziDescription&) { return std::move(zip->tiles); });
}

}  // namespace microtome::image
