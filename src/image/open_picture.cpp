// SPDX-License-Identifier: Apache-2.0
// Tells formats apart by their first bytes, never by names.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
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

bool is_tiff(std::string_view head) {
  return head.starts_with("II*\0"sv) || head.starts_with("MM\0*"sv) || head.starts_with("II+\0"sv) ||
         head.starts_with("MM\0+"sv);
}

// Pages are ours to read; what OpenSlide calls an associated picture is only its.
Result<PicturePtr> open_tiff_or_slide_part(io::FilePtr file, std::string_view part, const OpenLimits& limits) {
  const auto index = TiffIndex::open(file);
  if (!index) {
    return pass(index.error());
  }
  if (is_slide_tiff(**index)) {
    return open_slide_part(std::move(file), part, limits);
  }
  auto own = open_tiff_part(file, part, limits);
  const bool no_page = !own && own.error().code == Code::not_found && part.starts_with('@');
  if (own || no_page || (own.error().code != Code::unsupported && own.error().code != Code::not_found)) {
    return own;
  }
  auto slide = open_slide_part(std::move(file), part, limits);
  return slide ? slide : own;
}

}  // namespace

std::uint64_t PartName::id() const {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : part) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash | 1;
}

std::optional<PartName> split_part(std::string_view path) {
  constexpr std::size_t kLongest = 40;
  const std::size_t at = path.rfind(';');
  if (at == std::string_view::npos || at == 0 || at + 1 == path.size() || path.size() - at > kLongest) {
    return std::nullopt;
  }
  const std::string_view part = path.substr(at + 1);
  const auto usual = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' || c == '-'; };
  const std::string_view rest = part.starts_with('@') ? part.substr(1) : part;
  if (!std::ranges::all_of(rest, usual)) {
    return std::nullopt;
  }
  return PartName{std::string(path.substr(0, at)), std::string(part)};
}

namespace {

// "@layersN", N from 1 to 999.
std::optional<int> layers_named(std::string_view part) {
  constexpr std::string_view kName = "@layers";
  int count = 0;
  if (!part.starts_with(kName) || part.size() > kName.size() + 3) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(part.data() + kName.size(), part.data() + part.size(), count);
  return error == std::errc() && end == part.data() + part.size() && count > 0 ? std::optional(count) : std::nullopt;
}

}  // namespace

Result<PicturePtr> open_part(io::FilePtr file, std::string_view part, const OpenLimits& limits) {
  if (const auto layers = layers_named(part)) {
    OpenLimits fewer = limits;
    fewer.max_layers = limits.max_layers > 0 ? std::min(limits.max_layers, *layers) : *layers;
    return open_picture(std::move(file), fewer);
  }
  std::array<std::uint8_t, 16> bytes{};
  const std::span<std::uint8_t> begin(bytes.data(), std::min<std::uint64_t>(bytes.size(), file->size()));
  if (auto done = file->read(0, begin); !done) {
    return pass(done.error());
  }
  if (is_tiff(as_text(begin))) {
    return open_tiff_or_slide_part(std::move(file), part, limits);
  }
  if (is_slide_name(file->path(), as_text(begin)) && !part.starts_with('@')) {
    return open_slide_part(std::move(file), part, limits);
  }
  if (part.starts_with('@') || part == "0") {
    return open_picture(std::move(file), limits);
  }
  return fail(Code::not_found, "no such page", file->path());
}

Result<PicturePtr> open_picture(io::FilePtr file, const OpenLimits& limits) {
  std::array<std::uint8_t, 16> bytes{};
  const std::span<std::uint8_t> part(bytes.data(), std::min<std::uint64_t>(bytes.size(), file->size()));
  if (auto done = file->read(0, part); !done) {
    return pass(done.error());
  }
  const std::string_view head = as_text(part);
  if (is_tiff(head)) {
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
