// SPDX-License-Identifier: Apache-2.0
#include "engine/export.hpp"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "pixel/blit.hpp"

namespace microtome::engine {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr int kRowsAtOnce = 16;
constexpr std::size_t kLargeBand = 4 << 20;

// Bands of a wide picture come and go on several threads, and the C library keeps what each of them has freed: of
// 10,000 pixels a row, twice as much as is ever held (bench/server/iiif.mjs).
void give_back() {
  malloc_trim(0);
}

bool lossless(codec::TiffCompression compression) {
  return compression != codec::TiffCompression::jpeg && compression != codec::TiffCompression::webp;
}

}  // namespace

bool can_export(const image::PictureInfo& info, const Encoding& encoding) {
  // Not what needs the whole picture: a watermark, and not what the writers of strips do not do.
  const bool fits =
      !info.icc || encoding.max_icc < 0 || static_cast<std::int64_t>(info.icc->size()) <= encoding.max_icc;
  if (encoding.watermark || !fits || (encoding.format == codec::Format::png && encoding.quality != 1)) {
    return false;
  }
  return info.has_tiles && encoding.look.plain() && !encoding.deep && codec::can_stream(encoding.format) &&
         (encoding.format != codec::Format::tiff || lossless(encoding.compression));
}

std::uint64_t export_memory(const image::PictureInfo& info, const RegionArea& area, const RegionPlan& plan) {
  constexpr std::uint64_t kBands = 4;  // two of the source, and its tiles; rows that wait
  const auto pixel_bytes =
      static_cast<std::uint64_t>(info.channels) * static_cast<std::uint64_t>(pixel::bytes_of(info.sample));
  const std::int64_t width = std::max<std::int64_t>(plan.decode.width / plan.reduction, area.out_width);
  const std::int64_t rows = std::max<std::int64_t>(plan.band_rows, 256);
  return kBands * pixel_bytes * static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(rows);
}

RegionExport::RegionExport(image::PicturePtr picture, const RegionArea& area, const RegionPlan& plan,
                           const Encoding& encoding, CancelToken cancel, std::shared_ptr<void> held)
    : picture_(std::move(picture)),
      area_(area),
      encoding_(encoding),
      cancel_(std::move(cancel)),
      held_(std::move(held)),
      rows_(*picture_, area, plan, encoding.background, keeps_alpha(encoding.format)) {}

Result<void> RegionExport::prepare() {
  auto more = make(first_);
  if (!more) {
    return pass(more.error());
  }
  more_ = *more;
  return {};
}

Result<bool> RegionExport::pull(Bytes& out) {
  if (!first_.empty()) {
    out.insert(out.end(), first_.begin(), first_.end());
    Bytes().swap(first_);
    return more_;
  }
  return make(out);
}

// The next piece; false when it was the last.
Result<bool> RegionExport::make(Bytes& out) {
  for (std::size_t made = 0; made < kPiece;) {
    if (waiting_.height == written_) {
      const bool large = waiting_.data.size() >= kLargeBand;
      waiting_ = {};  // before the next rows need its memory
      if (large) {
        give_back();
      }
      auto rows = rows_.next(cancel_);
      if (!rows) {
        return pass(rows.error());
      }
      waiting_ = *rows ? std::move(**rows) : pixel::Image();
      written_ = 0;
    }
    if (!writer_) {
      codec::EncodeOptions options = codec::options_of(encoding_.format, encoding_.quality);
      options.background = encoding_.background;
      options.icc = profile_for(picture_->info(), waiting_.colour);
      auto writer =
          codec::make_strip_writer(encoding_.format, area_.out_width, area_.out_height, waiting_.colour, options);
      if (!writer) {
        return pass(writer.error());
      }
      writer_ = std::move(*writer);
      length_ = codec::stream_length(encoding_.format, area_.out_width, area_.out_height, waiting_.colour, options);
    }
    const bool last = waiting_.height == 0;
    Result<void> done;
    if (last) {
      done = writer_->finish();
    } else {
      const int count = std::min(kRowsAtOnce, waiting_.height - written_);
      done = writer_->add(
          waiting_.height <= kRowsAtOnce ? waiting_ : pixel::crop(waiting_, {0, written_, waiting_.width, count}));
      written_ += count;
    }
    if (!done) {
      return pass(done.error());
    }
    const Bytes piece = writer_->take();
    out.insert(out.end(), piece.begin(), piece.end());
    made += piece.size();
    if (last) {
      return false;
    }
  }
  return true;
}

}  // namespace microtome::engine
