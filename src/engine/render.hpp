// SPDX-License-Identifier: Apache-2.0
// The work behind each kind of plan: from a picture to encoded bytes. On workers only; pure but for reading the
// picture.
#pragma once

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/plan.hpp"
#include "image/picture.hpp"

namespace microtome::engine {

struct Encoding {
  codec::Format format = codec::Format::jpeg;
  int quality = 75;  // see effective_quality()
  pixel::Rgb8 background;
  Look look = {};
  bool deep = false;
  codec::TiffCompression compression = codec::TiffCompression::deflate;
  std::int64_t max_icc = -1;  // bytes; -1 = any
  std::shared_ptr<const Watermark> watermark = nullptr;
  std::uint64_t seed = 0;  // where the watermark lies
};

// The profile that goes along with the picture: `profile`, if the format can carry it and it has at most `most` bytes
// (-1: any); else the picture's colours become those of sRGB and there is none. Deep pictures are left as they are.
[[nodiscard]] ByteView keep_profile(pixel::Image& image, ByteView profile, codec::Format format, std::int64_t most);

// True when we can write it; else Code::unsupported.
[[nodiscard]] Result<void> check_format(codec::Format format);

[[nodiscard]] bool keeps_alpha(codec::Format format);

// The picture's profile, which describes the stored colours: it fits only while grey is still grey and colour still
// colour, else empty.
[[nodiscard]] ByteView profile_for(const image::PictureInfo& info, pixel::Colour shown);

// A stored JPEG tile cut to its visible part without decoding; decoded where the stream cannot be cut so.
[[nodiscard]] Result<Bytes> render_crop(const image::Picture& picture, const TileArea& area,
                                        const image::StoredTile& stored, const Encoding& encoding,
                                        const CancelToken& cancel);
[[nodiscard]] Result<Bytes> render_tile(const image::Picture& picture, const TileArea& area, const Encoding& encoding,
                                        const CancelToken& cancel);
[[nodiscard]] Result<Bytes> render_area(const image::Picture& picture, const RegionArea& area, const RegionPlan& plan,
                                        const Encoding& encoding, const CancelToken& cancel);
[[nodiscard]] Result<Bytes> render_background(int width, int height, const Encoding& encoding);

}  // namespace microtome::engine
