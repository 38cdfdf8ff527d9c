// SPDX-License-Identifier: Apache-2.0
// Inside of codec: what both JPEG writers, whole and strip by strip, tell libjpeg.
#pragma once

#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"

namespace microtome::codec::jpeg {

// Inside run_guarded() only. 1 or 3 channels.
void set_parameters(jpeg_compress_struct& handle, int width, int height, int channels,
                    const JpegEncodeOptions& options);

}  // namespace microtome::codec::jpeg
