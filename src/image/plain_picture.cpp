// SPDX-License-Identifier: Apache-2.0
#include "image/plain_picture.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "codec/avif.hpp"
#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "codec/row_decoder.hpp"
#include "codec/webp.hpp"
#include "image/embedded.hpp"
#include "image/orient.hpp"
#include "image/untiled_picture.hpp"
#include "pixel/convert.hpp"

namespace microtome::image {
namespace {

constexpr std::uint64_t kMostFile = 2ULL << 30;  // read whole to be decoded
constexpr std::size_t kHead = 256 << 10;         // read when opening; larger heads are read whole
constexpr std::uint64_t kMostPngRatio = 1040;    // deflate cannot make more out of a byte

Result<Bytes> read_all(const io::FilePtr& file) {
  if (file->size() > kMostFile) {
    return fail(Code::too_large, "the picture's file is too large", file->path());
  }
  return file->read(0, file->size());
}

Result<Bytes> read_head(const io::FilePtr& file) {
  return file->read(0, std::min<std::uint64_t>(file->size(), kHead));
}

void take(PictureInfo& info, Embedded&& embedded) {
  if (!embedded.icc.empty()) {
    info.icc = std::make_shared<const Bytes>(std::move(embedded.icc));
  }
  if (embedded.size) {
    info.um_per_pixel_x = embedded.size->x;
    info.um_per_pixel_y = embedded.size->y;
  }
  if (!embedded.comment.empty()) {
    info.text.emplace("comment", std::move(embedded.comment));
  }
}

// Pulls a file from its beginning.
codec::Pull pull_of(const io::FilePtr& file) {
  return [file, at = std::uint64_t{0}](std::span<std::uint8_t> out) mutable -> std::size_t {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), file->size() - at));
    if (count == 0 || !file->read(at, out.first(count))) {
      return 0;
    }
    at += count;
    return count;
  };
}

class DecodedRows final : public RowReader {
 public:
  DecodedRows(codec::RowDecoderPtr decoder, std::string path)
      : decoder_(std::move(decoder)), path_(std::move(path)) {}
  Result<pixel::Image> next(int rows) override {
    auto band = decoder_->next(rows);
    return band ? std::move(band) : pass(band.error(), path_);
  }

 private:
  codec::RowDecoderPtr decoder_;
  std::string path_;
};

// Nothing where the format needs the whole picture for that.
Result<RowReaderPtr> rows_from(Result<codec::RowDecoderPtr> decoder, const PictureInfo& info,
                               const io::FilePtr& file) {
  if (!decoder) {
    return decoder.error().code == Code::unsupported ? Result<RowReaderPtr>(nullptr)
                                                     : pass(decoder.error(), file->path());
  }
  if ((*decoder)->width() != info.width || (*decoder)->height() != info.height) {
    return fail(Code::io, "the picture changed while it was read", file->path());
  }
  return std::make_unique<DecodedRows>(std::move(*decoder), file->path());
}

class PlainJpeg final : public UntiledPicture {
 public:
  PlainJpeg(io::FilePtr file, PictureInfo info, const OpenLimits& limits, const codec::JpegInfo& jpeg,
            int orientation, std::shared_ptr<const codec::InkProfile> inks)
      : UntiledPicture(std::move(file), std::move(info), limits),
        progressive_(jpeg.progressive),
        inks_(std::move(inks)),
        halved_colour_(jpeg.components == 3 && jpeg.horizontal[0] == 2 * jpeg.horizontal[1]),
        orientation_(orientation) {}

  [[nodiscard]] Result<RowReaderPtr> rows(std::uint64_t max_bytes) const override {
    auto rows = !progressive_ && orientation_ == 1
                    ? rows_from(codec::decode_jpeg_rows(pull_of(file())), info(), file())
                    : Result<RowReaderPtr>(nullptr);
    if (rows && *rows == nullptr) {
      rows = UntiledPicture::rows(max_bytes);
    }
    if (rows) {
      (*rows)->halved_colour = halved_colour_;
    }
    return rows;
  }

 protected:
  Result<pixel::Image> decode_whole(int* level, const CancelToken& /*cancel*/) const override {
    *level = std::min(*level, 3);  // the DCT scales to eighths
    auto image = decode(*level, std::nullopt);
    return image ? Result<pixel::Image>(orient(std::move(*image), orientation_)) : pass(image.error());
  }

  // All rows above have to be gone through, which costs about what decoding them does.
  [[nodiscard]] std::optional<double> part_cost(int level, const pixel::Rect& rect) const override {
    if (progressive_ || orientation_ != 1 || level > 3) {
      return std::nullopt;
    }
    return static_cast<double>(rect.y + rect.height) / static_cast<double>(info().levels[level].height);
  }

  Result<pixel::Image> decode_part(int level, const pixel::Rect& rect, const CancelToken& /*cancel*/) const override {
    return decode(level, rect);
  }

  [[nodiscard]] std::size_t own_memory() const override { return inks_ ? inks_->memory() : 0; }

 private:
  Result<pixel::Image> decode(int level, std::optional<pixel::Rect> region) const {
    auto bytes = read_all(file());
    if (!bytes) {
      return pass(bytes.error());
    }
    codec::JpegDecodeOptions options;
    options.scale_denominator = 1 << level;
    options.max_pixels = limits().max_decoded_pixels;
    options.region = region;
    options.inks = inks_.get();
    auto image = codec::decode_jpeg(*bytes, options);
    return image ? std::move(image) : pass(image.error(), file()->path());
  }

  bool progressive_;
  std::shared_ptr<const codec::InkProfile> inks_;  // null: no inks, or nothing said about them
  bool halved_colour_;
  int orientation_;
};

// A format that is always decoded whole.
class WholeFile final : public UntiledPicture {
 public:
  using Decode = Result<pixel::Image> (*)(ByteView, std::uint64_t);
  using DecodeRows = Result<codec::RowDecoderPtr> (*)(codec::Pull);
  WholeFile(io::FilePtr file, PictureInfo info, const OpenLimits& limits, Decode decode,
            DecodeRows decode_rows = nullptr)
      : UntiledPicture(std::move(file), std::move(info), limits), decode_(decode), decode_rows_(decode_rows) {}

  [[nodiscard]] Result<RowReaderPtr> rows(std::uint64_t max_bytes) const override {
    if (decode_rows_ != nullptr) {
      auto rows = rows_from(decode_rows_(pull_of(file())), info(), file());
      if (!rows || *rows != nullptr) {
        return rows;
      }
    }
    return UntiledPicture::rows(max_bytes);
  }

 protected:
  Result<pixel::Image> decode_whole(int* level, const CancelToken& /*cancel*/) const override {
    *level = 0;
    auto bytes = read_all(file());
    if (!bytes) {
      return pass(bytes.error());
    }
    auto image = decode_(*bytes, limits().max_decoded_pixels);
    if (!image) {
      return pass(image.error(), file()->path());
    }
    // The file may have been replaced since it was opened; the levels would not fit any more.
    if (image->width != info().width || image->height != info().height || image->channels != info().channels ||
        image->sample != info().sample) {
      return fail(Code::io, "the picture changed while it was read", file()->path());
    }
    return image;
  }
  [[nodiscard]] std::optional<double> part_cost(int /*level*/, const pixel::Rect& /*rect*/) const override {
    return std::nullopt;
  }
  Result<pixel::Image> decode_part(int /*level*/, const pixel::Rect& /*rect*/,
                                   const CancelToken& /*cancel*/) const override {
    return fail(Code::internal, "this format has no parts");
  }
  [[nodiscard]] std::size_t own_memory() const override { return 0; }

 private:
  Decode decode_;
  DecodeRows decode_rows_;
};

void set_colours(PictureInfo& info, int channels) {
  constexpr std::array kColours = {pixel::Colour::grey, pixel::Colour::grey_alpha, pixel::Colour::rgb,
                                   pixel::Colour::rgba};
  info.channels = channels;
  info.colour = kColours[std::clamp(channels, 1, 4) - 1];
  info.opaque = !pixel::has_alpha(info.colour);
}

Result<void> check(const io::FilePtr& file, const PictureInfo& info, const OpenLimits& limits) {
  auto small = check_decoded(limits, info.width, info.height, info.channels, info.sample);
  return small ? small : pass(small.error(), file->path());
}

}  // namespace

Result<PicturePtr> open_jpeg(io::FilePtr file, const OpenLimits& limits) {
  auto head = read_head(file);
  if (!head) {
    return pass(head.error());
  }
  auto jpeg = codec::inspect_jpeg(*head);
  if ((!jpeg || jpeg->scan_offset == 0) && head->size() < file->size()) {
    head = read_all(file);
    if (!head) {
      return pass(head.error());
    }
    jpeg = codec::inspect_jpeg(*head);
  }
  if (!jpeg) {
    return pass(jpeg.error(), file->path());
  }
  if (jpeg->precision != 8 || jpeg->lossless || jpeg->components == 2) {
    return fail(Code::unsupported, "this kind of JPEG is not supported", file->path());
  }
  Embedded embedded = embedded_in_jpeg(*head);
  const bool swap = swaps_sides(embedded.orientation);
  const int orientation = embedded.orientation;
  PictureInfo info;
  info.width = swap ? jpeg->height : jpeg->width;
  info.height = swap ? jpeg->width : jpeg->height;
  set_colours(info, jpeg->components == 1 ? 1 : 3);
  info.lossy = true;
  take(info, std::move(embedded));
  std::shared_ptr<const codec::InkProfile> inks;
  if (jpeg->components == 4) {
    inks = info.icc ? codec::InkProfile::make(*info.icc) : nullptr;
    info.icc = nullptr;  // of the inks, which decoding turns into RGB
  }
  if (auto small = check(file, info, limits); !small) {
    return pass(small.error());
  }
  return std::make_shared<PlainJpeg>(std::move(file), std::move(info), limits, *jpeg, orientation, std::move(inks));
}

Result<PicturePtr> open_png(io::FilePtr file, const OpenLimits& limits) {
  auto head = read_head(file);
  if (!head) {
    return pass(head.error());
  }
  auto png = codec::inspect_png(*head);
  if (!png && head->size() < file->size()) {
    head = read_all(file);
    if (!head) {
      return pass(head.error());
    }
    png = codec::inspect_png(*head);
  }
  if (!png) {
    return pass(png.error(), file->path());
  }
  PictureInfo info;
  info.width = png->width;
  info.height = png->height;
  info.bits = png->bits;
  info.sample = png->bits == 16 ? pixel::Sample::u16 : pixel::Sample::u8;
  set_colours(info, png->channels);
  take(info, embedded_in_png(*head));
  if (auto small = check(file, info, limits); !small) {
    return pass(small.error());
  }
  // A palette of one bit is the least that a stored pixel takes.
  if (static_cast<std::uint64_t>(info.width) * info.height / 8 / kMostPngRatio > file->size()) {
    return fail(Code::corrupt, "the PNG file is damaged", file->path() + ": too short for its size");
  }
  return std::make_shared<WholeFile>(std::move(file), std::move(info), limits, &codec::decode_png,
                                     &codec::decode_png_rows);
}

Result<PicturePtr> open_webp(io::FilePtr file, const OpenLimits& limits) {
  auto head = read_head(file);
  if (!head) {
    return pass(head.error());
  }
  const auto webp = codec::inspect_webp(*head);
  if (!webp) {
    return pass(webp.error(), file->path());
  }
  if (webp->animated) {
    return fail(Code::unsupported, "animated WebP is not supported", file->path());
  }
  PictureInfo info;
  info.width = webp->width;
  info.height = webp->height;
  set_colours(info, webp->alpha ? 4 : 3);
  info.lossy = !webp->lossless;
  take(info, embedded_in_webp(*head));
  if (auto small = check(file, info, limits); !small) {
    return pass(small.error());
  }
  return std::make_shared<WholeFile>(std::move(file), std::move(info), limits, &codec::decode_webp);
}

namespace {

Result<pixel::Image> decode_turned_avif(ByteView bytes, std::uint64_t max_pixels) {
  const auto avif = codec::inspect_avif(bytes);
  if (!avif) {
    return pass(avif.error());
  }
  auto image = codec::decode_avif(bytes, max_pixels);
  return image ? Result<pixel::Image>(orient(std::move(*image), avif->orientation)) : image;
}

}  // namespace

Result<PicturePtr> open_avif(io::FilePtr file, const OpenLimits& limits) {
  const auto bytes = read_all(file);  // the boxes may lie behind the pixels
  if (!bytes) {
    return pass(bytes.error());
  }
  auto avif = codec::inspect_avif(*bytes);
  if (!avif) {
    return pass(avif.error(), file->path());
  }
  const bool swap = swaps_sides(avif->orientation);
  PictureInfo info;
  info.width = swap ? avif->height : avif->width;
  info.height = swap ? avif->width : avif->height;
  info.bits = avif->bits;
  info.sample = avif->bits > 8 ? pixel::Sample::u16 : pixel::Sample::u8;
  set_colours(info, avif->alpha ? 4 : avif->grey ? 1 : 3);
  info.lossy = true;
  if (!avif->icc.empty()) {
    info.icc = std::make_shared<const Bytes>(std::move(avif->icc));
  }
  if (auto small = check(file, info, limits); !small) {
    return pass(small.error());
  }
  return std::make_shared<WholeFile>(std::move(file), std::move(info), limits, &decode_turned_avif);
}

}  // namespace microtome::image
