// SPDX-License-Identifier: Apache-2.0
// Slides of scanners by OpenSlide: those whose files our own TIFF reader does not take (MIRAX, Hamamatsu, Leica,
// Ventana, Philips, Sakura, Trestle; Aperio with JPEG 2000 tiles). OpenSlide opens files by name and reads others
// beside them, so that a slide's index file can name any file this process may read; it is asked only for files that
// look like slides.
#pragma once

#include "base/bytes.hpp"
#include "image/picture.hpp"
#include "image/tiff_index.hpp"

namespace microtome::image {

// True for a TIFF that OpenSlide reads right and our own reader does not: NDPI, and pictures put together of several
// scanned areas or overlapping tiles (SCN, BIF, Trestle, Philips).
[[nodiscard]] bool is_slide_tiff(const TiffIndex& index);

// True for the first bytes and the name of a slide that is no TIFF: .mrxs, .vms, .vmu, .svslide.
[[nodiscard]] bool is_slide_name(std::string_view path, std::string_view head);

// Any slide that OpenSlide knows; Code::unsupported when it does not. Blocks.
[[nodiscard]] Result<PicturePtr> open_slide(io::FilePtr file, const OpenLimits& limits);

// As open_part: the label, macro shot, thumbnail... of a slide; "0" and "@N" are the slide itself.
[[nodiscard]] Result<PicturePtr> open_slide_part(io::FilePtr file, std::string_view part, const OpenLimits& limits);

}  // namespace microtome::image
