// SPDX-License-Identifier: Apache-2.0
// PDF 1.4: one page that shows one JPEG. Pure, thread-safe.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace microtome::codec {

// `jpeg` of one or three components. A pixel is 1/72 inch, or as `pixels_per_inch` says when it is not 0; pages end
// at the format's 14,400 units, whatever that makes of a pixel. Code::unsupported for four components.
[[nodiscard]] Result<Bytes> write_pdf(ByteView jpeg, double pixels_per_inch = 0);

}  // namespace microtome::codec
