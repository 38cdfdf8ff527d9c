// SPDX-License-Identifier: Apache-2.0
// StripWriter: encodes a picture strip by strip, for pictures that are larger than memory should be: add() from top
// to bottom until all rows are there, then finish(); take() whenever there is something to send. One thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/codec.hpp"
#include "codec/encode.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

class StripWriter {
 public:
  virtual ~StripWriter() = default;
  // A strip of the whole width and the colour that make_strip_writer() was told; Code::bad_request otherwise.
  virtual Result<void> add(const pixel::Image& strip) = 0;
  // Code::bad_request while rows are missing.
  virtual Result<void> finish() = 0;
  // What has been written since the last take().
  [[nodiscard]] virtual Bytes take() = 0;
};

// jpeg, png, tiff (which is not compressed then: where its strips lie has to be known before they are made).
[[nodiscard]] bool can_stream(Format format);

// Length of the whole stream, where it is known before.
[[nodiscard]] std::optional<std::uint64_t> stream_length(Format format, int width, int height, pixel::Colour colour,
                                                         const EncodeOptions& options);

// 8 bits; grey or rgb, and for png and tiff with alpha. Code::unsupported for other formats, Code::bad_request for
// other colours and for sizes that the format does not take. `options` is not looked at afterwards.
[[nodiscard]] Result<std::unique_ptr<StripWriter>> make_strip_writer(Format format, int width, int height,
                                                                     pixel::Colour colour,
                                                                     const EncodeOptions& options);

}  // namespace microtome::codec
