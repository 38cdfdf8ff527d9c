// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_layout.hpp"

#include <tiffio.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "image/tiff_tags.hpp"

namespace microtome::image {
namespace {

using pixel::Colour;
using pixel::Sample;

constexpr int kMostChannels = 16;  // what pixel::scale takes

std::unexpected<Error> cannot(const std::string& what) {
  return fail(Code::unsupported, "this kind of TIFF is not supported", what);
}

Result<Sample> sample_of(const TiffDirectory& directory) {
  const unsigned bits = directory.bits;
  const std::string what = std::to_string(bits) + " bits of sample format " + std::to_string(directory.format);
  switch (directory.format) {
    case tiff::kFloat:
      if (bits == 16 || bits == 32) {
        return Sample::f32;
      }
      return bits == 64 ? Result<Sample>(Sample::f64) : cannot(what);
    case tiff::kSigned:
      if (bits != 8 && bits != 16 && bits != 32) {
        return cannot(what);
      }
      break;
    case tiff::kUnsigned:
    case tiff::kUndefined:
      break;
    default:
      return cannot(what);
  }
  if (bits == 0 || bits > 32) {
    return cannot(what);
  }
  return bits <= 8 ? Sample::u8 : bits <= 16 ? Sample::u16 : Sample::u32;
}

void set_colours(TiffLayout& layout, int channels, Colour colour, Sample sample) {
  layout.channels = channels;
  layout.colour = colour;
  layout.sample = sample;
}

// Grey and RGB with whatever samples come after them.
void set_plain_colours(const TiffDirectory& directory, TiffLayout& layout, Sample sample) {
  const bool rgb = directory.photometric == tiff::kRgb && directory.samples >= 3;
  const int base = rgb ? 3 : 1;
  const int more = directory.samples - base;
  // Four samples without a word about the fourth: alpha, as old writers meant it.
  const bool alpha =
      more == 1 &&
      (directory.has_extra ? directory.extra == tiff::kAssociated || directory.extra == tiff::kUnassociated : rgb);
  if (more == 0) {
    set_colours(layout, base, rgb ? Colour::rgb : Colour::grey, sample);
  } else if (alpha) {
    set_colours(layout, base + 1, rgb ? Colour::rgba : Colour::grey_alpha, sample);
    layout.premultiplied = directory.has_extra && directory.extra == tiff::kAssociated;
  } else {
    set_colours(layout, directory.samples, Colour::multi, sample);
  }
}

TiffWay way_of(const TiffDirectory& directory) {
  const bool chunky = directory.planar == 1 || directory.samples == 1;
  const bool one_or_three = directory.samples == 1 || directory.samples == 3;
  const bool plain_colour = directory.photometric == tiff::kMinIsBlack ||
                            directory.photometric == tiff::kMinIsWhite || directory.photometric == tiff::kRgb ||
                            directory.photometric == tiff::kYcbcr;
  if (directory.compression == tiff::kJpeg && chunky && one_or_three && plain_colour && directory.bits == 8 &&
      directory.format != tiff::kSigned) {
    return TiffWay::jpeg;
  }
  if (directory.compression == tiff::kOldJpeg || directory.photometric == tiff::kYcbcr) {
    return TiffWay::rgba;
  }
  if (directory.compression == tiff::kWebp && chunky && directory.bits == 8 && directory.photometric == tiff::kRgb &&
      (directory.samples == 3 || directory.samples == 4)) {
    return TiffWay::webp;
  }
  const bool simple_bits = directory.bits == 8 || directory.bits == 16 || directory.bits == 32;
  const bool own_codec = directory.compression == tiff::kNone || directory.compression == tiff::kDeflate ||
                         directory.compression == tiff::kAdobeDeflate;
  if (own_codec && chunky && simple_bits && directory.fill_order == 1 &&
      (directory.predictor == 1 || directory.compression == tiff::kNone ||
       (directory.predictor == 2 && directory.bits <= 16))) {
    return TiffWay::raw;
  }
  return TiffWay::samples;
}

// The same picture only smaller: shape within the rounding of a pyramid whose sides were halved many times.
bool same_shape(const TiffDirectory& one, const TiffDirectory& other) {
  const auto w = static_cast<double>(one.width);
  const auto h = static_cast<double>(one.height);
  return std::abs(w * static_cast<double>(other.height) - h * static_cast<double>(other.width)) <= 1.5 * (w + h);
}

bool same_kind(const TiffDirectory& one, const TiffDirectory& other) {
  const auto first = layout_of(one);
  const auto second = layout_of(other);
  return first && second && first->channels == second->channels && first->sample == second->sample &&
         first->colour == second->colour;
}

bool is_candidate(const TiffDirectory& directory) {
  return directory.tiled && (directory.subfile & tiff::kTransparencyMask) == 0;
}

const TiffDirectory& choose_base(const std::vector<TiffDirectory>& pages) {
  const auto main_tiled = [](const TiffDirectory& page) {
    return is_candidate(page) && (page.subfile & tiff::kReduced) == 0;
  };
  auto start = std::ranges::find_if(pages, main_tiled);
  if (start == pages.end()) {
    start = std::ranges::find_if(pages, is_candidate);
  }
  // Not tiled, or an ordinary picture in strips with something tiled after it that is smaller (a preview).
  if (start == pages.end() ||
      (!pages.front().tiled && (pages.front().subfile & tiff::kReduced) == 0 && pages.front().width > start->width)) {
    return pages.front();
  }
  // Pyramids may also be written from small to large.
  for (auto page = start; page != pages.end(); ++page) {
    if (is_candidate(*page) && page->width > start->width && same_shape(*page, *start) && same_kind(*page, *start)) {
      start = page;
    }
  }
  return *start;
}

}  // namespace

Result<TiffLayout> layout_of(const TiffDirectory& directory) {
  TiffLayout layout;
  layout.way = way_of(directory);
  const bool with_libtiff = layout.way == TiffWay::samples || layout.way == TiffWay::rgba;
  if (with_libtiff && TIFFIsCODECConfigured(directory.compression) == 0) {
    return cannot("compression " + std::to_string(directory.compression));
  }
  if (directory.planar != 1 && directory.planar != 2) {
    return cannot("planar configuration " + std::to_string(directory.planar));
  }
  if (layout.way == TiffWay::rgba) {
    set_colours(layout, 3, Colour::rgb, Sample::u8);
    return layout;
  }
  auto sample = sample_of(directory);
  if (!sample) {
    return pass(sample.error());
  }
  switch (directory.photometric) {
    case tiff::kMinIsWhite:
    case tiff::kMinIsBlack:
    case tiff::kMask:
    case tiff::kRgb:
      set_plain_colours(directory, layout, *sample);
      break;
    case tiff::kPalette:
      if (directory.bits > 16 || directory.format == tiff::kFloat) {
        return cannot("palette of " + std::to_string(directory.bits) + " bits");
      }
      set_colours(layout, 3, Colour::rgb, Sample::u8);
      break;
    case tiff::kCmyk:
      if (directory.samples < 4) {
        return cannot("CMYK of " + std::to_string(directory.samples) + " samples");
      }
      set_colours(layout, 3, Colour::rgb, Sample::u8);
      break;
    case tiff::kCieLab:
      if (directory.samples < 3) {
        return cannot("Lab of " + std::to_string(directory.samples) + " samples");
      }
      set_colours(layout, 3, Colour::rgb, Sample::u8);
      break;
    case tiff::kYcbcr:  // as JPEG
      set_colours(layout, directory.samples, directory.samples == 3 ? Colour::rgb : Colour::grey, Sample::u8);
      break;
    default:
      return cannot("photometric interpretation " + std::to_string(directory.photometric));
  }
  if (directory.samples > kMostChannels) {
    return cannot(std::to_string(directory.samples) + " samples per pixel");
  }
  return layout;
}

std::vector<const TiffDirectory*> choose_levels(const TiffIndex& index) {
  const TiffDirectory& base = choose_base(index.pages());
  std::vector<const TiffDirectory*> levels{&base};
  if (!base.tiled) {
    return levels;
  }
  std::vector<const TiffDirectory*> others;
  // A page's own SubIFDs before the chain: where both have a size, the first is kept.
  for (const TiffDirectory& child : index.reduced()) {
    if (std::ranges::find(base.children, child.offset) != base.children.end()) {
      others.push_back(&child);
    }
  }
  for (const TiffDirectory& page : index.pages()) {
    // A page of a stack (bit 1 without bit 0) is another picture, however small.
    if ((page.subfile & (tiff::kReduced | tiff::kPage)) != tiff::kPage) {
      others.push_back(&page);
    }
  }
  std::erase_if(others, [&](const TiffDirectory* other) {
    return !is_candidate(*other) || other->width >= base.width || other->height > base.height ||
           !same_shape(base, *other) || !same_kind(base, *other);
  });
  for (const TiffDirectory* other : others) {
    const auto place = std::ranges::lower_bound(levels, other->width, std::ranges::greater{}, &TiffDirectory::width);
    if (place == levels.end() || (*place)->width != other->width) {
      levels.insert(place, other);
    }
  }
  return levels;
}

}  // namespace microtome::image
