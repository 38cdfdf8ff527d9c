// SPDX-License-Identifier: Apache-2.0
// GIF 89a writer: pictures of up to 256 colours exactly, others by the 256 that a median cut over their histogram
// gives (5 bits a channel, no dithering). Alpha below one half becomes the transparent index. Pure, thread-safe.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

// Any colour; more than 8 bits are brought to 8. Code::too_large for sides above 65535.
[[nodiscard]] Result<Bytes> encode_gif(const pixel::Image& image);

}  // namespace microtome::codec
