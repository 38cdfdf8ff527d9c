// SPDX-License-Identifier: Apache-2.0
// Inside of codec: what all JPEG writers (whole, strip by strip, from planes) tell libjpeg.
#pragma once

#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"

namespace microtome::codec::jpeg {

// bad_request for sizes that no JPEG has, too_large for a profile that does not fit.
[[nodiscard]] Result<void> check_encodable(int width, int height, const JpegEncodeOptions& options);

// Inside run_guarded() only. 1 or 3 channels.
void set_parameters(jpeg_compress_struct& handle, int width, int height, int channels,
                    const JpegEncodeOptions& options);

// Inside run_guarded() only: begins the stream, with the profile.
void start_stream(jpeg_compress_struct& handle, ByteView icc);

// A writer fails by our fault or for want of memory, never by the picture's.
[[nodiscard]] Error writing_error(const ErrorTrap& trap);

}  // namespace microtome::codec::jpeg
