// SPDX-License-Identifier: Apache-2.0
// Tells formats apart by their first bytes, never by names.
#include <algorithm>
#include <array>
#include <string_view>

#include "image/deepzoom_picture.hpp"
#include "image/jpeg2000_picture.hpp"
#include "image/picture.hpp"
#include "image/plain_picture.hpp"
#include "image/slide_picture.hpp"
#include "image/tiff_index.hpp"
#include "image/tiff_picture.hpp"

namespace microtome::image {
namespace {

using namespace std::string_view_literals;

std::string_view known_but_not_read(std::string_view head) {
  if (head.size() >= 12 && head.substr(4, 4) == "ftyp"sv) {
    return "HEIF pictures are not supported";
  }
  if (head.starts_with("GIF8"sv)) {
    return "GIF pictures are not supported";
  }
  return "not a picture that can be read";
}

// Slides that only look like ordinary pyramids go to OpenSlide, and so does what our own reader cannot decode.
Result<PicturePtr> open_any_tiff(io::FilePtr file, const OpenLimits& limits) {
  const auto index = TiffIndex::open(file);
  if (!index) {
    return pass(index.error());
  }
  if (is_slide_tiff(**index)) {
    if (auto slide = open_slide(file, limits)) {
      return slide;
    }
  }
  auto own = open_tiff(file, limits);
  if (own || own.error().code != Code::unsupported) {
    return own;
  }
  auto slide = open_slide(std::move(file), limits);
  return slide ? slide : own;
}

}  // namespace

Result<PicturePtr> open_picture(io::FilePtr file, const OpenLimits& limits) {
  std::array<std::uint8_t, 16> bytes{};
  const std::span<std::uint8_t> part(bytes.data(), std::min<std::uint64_t>(bytes.size(), file->size()));
  if (auto done = file->read(0, part); !done) {
    return pass(done.error());
  }
  const std::string_view head = as_text(part);
  if (head.starts_with("II*\0"sv) || head.starts_with("MM\0*"sv) || head.starts_with("II+\0"sv) ||
      head.starts_with("MM\0+"sv)) {
    return open_any_tiff(std::move(file), limits);
  }
  if (is_slide_name(file->path(), head)) {  // before JPEG: a .mrxs is one, of the label
    return open_slide(std::move(file), limits);
  }
  if (head.starts_with("\xff\xd8\xff"sv)) {
    return open_jpeg(std::move(file), limits);
  }
  if (head.starts_with("\x89PNG\r\n\x1a\n"sv)) {
    return open_png(std::move(file), limits);
  }
  if (head.size() >= 12 && head.starts_with("RIFF"sv) && head.substr(8, 4) == "WEBP"sv) {
    return open_webp(std::move(file), limits);
  }
  if (head.size() >= 12 && (head.substr(4, 8) == "ftypavif"sv || head.substr(4, 8) == "ftypavis"sv)) {
    return open_avif(std::move(file), limits);
  }
  if (head.starts_with("\0\0\0\x0cjP  "sv) || head.starts_with("\xff\x4f\xff\x51"sv)) {
    return open_jpeg2000(std::move(file), limits);
  }
  if (head.starts_with("PK\x03\x04"sv)) {
    return open_zipped_dzi(std::move(file), limits);
  }
  if (file->path().ends_with(".dzi") && (head.starts_with("<"sv) || head.starts_with("\xef\xbb\xbf<"sv))) {
    return open_dzi(std::move(file), limits);
  }
  return fail(Code::unsupported, std::string(known_but_not_read(head)), file->path());
}

}  // namespace microtome::image
