// SPDX-License-Identifier: Apache-2.0
// Inside of codec: what all JPEG writers (whole, strip by strip, from planes) agree upon. Pure; thread-safe.
#pragma once

#include "codec/jpeg.hpp"
#include "codec/jpeg_planes.hpp"
#include "codec/jpeg_writer.hpp"

namespace microtome::codec::jpeg {

// bad_request for sizes that no JPEG has, too_large for a profile that does not fit.
[[nodiscard]] Result<void> check_encodable(int width, int height, const JpegEncodeOptions& options);

// 1 or 3 channels; `factors` are those of 3. The fast transform is coarse where next to nothing is quantised away.
inline constexpr int kFastBelow = 96;  // quality
[[nodiscard]] Result<JpegLayout> layout(int width, int height, int channels, PlaneFactors factors,
                                        const JpegEncodeOptions& options);

}  // namespace microtome::codec::jpeg
