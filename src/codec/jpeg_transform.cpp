// SPDX-License-Identifier: Apache-2.0
// Work on DCT coefficients: no loss, and cheaper than decoding and encoding.
#include <turbojpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_segments.hpp"

namespace microtome::codec {
namespace {

using jpeg::run_guarded;

// Coefficients in, coefficients out: the target is the same picture with fewer MCUs of it written.
void copy_corner(jpeg_decompress_struct& in, jpeg_compress_struct& out, int width, int height, ByteView icc) {
  jvirt_barray_ptr* coefficients = jpeg_read_coefficients(&in);
  jpeg_copy_critical_parameters(&in, &out);
  out.image_width = static_cast<JDIMENSION>(width);
  out.image_height = static_cast<JDIMENSION>(height);
  jpeg_write_coefficients(&out, coefficients);
  if (!icc.empty()) {
    jpeg_write_icc_profile(&out, icc.data(), static_cast<unsigned>(icc.size()));
  } else {
    for (jpeg_saved_marker_ptr marker = in.marker_list; marker != nullptr; marker = marker->next) {
      if (marker->data_length < 12 || std::memcmp(marker->data, "ICC_PROFILE", 12) != 0) {
        continue;
      }
      jpeg_write_marker(&out, marker->marker, marker->data, marker->data_length);
    }
  }
  jpeg_finish_compress(&out);
  jpeg_finish_decompress(&in);
}

Result<void> check_crop(const jpeg_decompress_struct& in, int width, int height, const JpegCropOptions& options) {
  if (width < 1 || height < 1 || std::cmp_greater(width, in.image_width) ||
      std::cmp_greater(height, in.image_height)) {
    return fail(Code::bad_request, "crop larger than the picture");
  }
  if (static_cast<std::uint64_t>(in.image_width) * in.image_height > options.max_pixels) {
    return fail(Code::too_large, "JPEG with too many pixels");
  }
  if (in.num_components != 1 && in.num_components != 3) {
    return fail(Code::unsupported, "JPEG of this many components");
  }
  if (options.icc.size() > kMostJpegProfile) {
    return fail(Code::too_large, "colour profile too large for JPEG");
  }
  return {};
}

int turbo_operation(JpegTransform transform) {
  switch (transform) {
    case JpegTransform::none:
      return TJXOP_NONE;
    case JpegTransform::mirror:
      return TJXOP_HFLIP;
    case JpegTransform::flip:
      return TJXOP_VFLIP;
    case JpegTransform::rotate90:
      return TJXOP_ROT90;
    case JpegTransform::rotate180:
      return TJXOP_ROT180;
    case JpegTransform::rotate270:
      return TJXOP_ROT270;
    case JpegTransform::transpose:
      return TJXOP_TRANSPOSE;
    case JpegTransform::transverse:
      return TJXOP_TRANSVERSE;
  }
  return TJXOP_NONE;
}

// Rotating moves the last column or row to the front, where a part of an MCU cannot be.
bool fits_transform(const JpegInfo& info, const JpegTransformOptions& options) {
  // A picture that becomes grey still moves in the MCUs of the colour one.
  const bool whole_columns = info.width % info.mcu_width == 0;
  const bool whole_rows = info.height % info.mcu_height == 0;
  switch (options.transform) {
    case JpegTransform::none:
    case JpegTransform::transpose:
      return true;
    case JpegTransform::mirror:
    case JpegTransform::rotate270:
      return whole_columns;
    case JpegTransform::flip:
    case JpegTransform::rotate90:
      return whole_rows;
    case JpegTransform::rotate180:
    case JpegTransform::transverse:
      return whole_columns && whole_rows;
  }
  return false;
}

}  // namespace

Result<Bytes> crop_jpeg(ByteView stream, int width, int height, const JpegCropOptions& options) {
  auto pieces = jpeg::assemble(stream, options.tables);
  if (!pieces) {
    return pass(pieces.error());
  }
  jpeg::Decompressor decoder;
  if (auto open = decoder.open(std::move(*pieces), false, true); !open) {
    return pass(open.error());
  }
  auto& in = decoder.handle;
  if (auto fit = check_crop(in, width, height, options); !fit) {
    return pass(fit.error());
  }
  if (in.num_components == 3 && options.rgb_coded) {
    in.jpeg_color_space = *options.rgb_coded ? JCS_RGB : JCS_YCbCr;
  }
  jpeg::Compressor encoder;
  if (auto open = encoder.open(std::min(stream.size(), std::size_t{1} << 20) + options.icc.size() + 1024); !open) {
    return pass(open.error());
  }
  // Both handles jump to the reading one's trap, so that one guard covers the pair.
  encoder.handle.err = &decoder.trap.manager;
  const bool done = run_guarded(decoder.trap, [&] { copy_corner(in, encoder.handle, width, height, options.icc); });
  encoder.handle.err = &encoder.trap.manager;
  if (!done) {
    return std::unexpected(decoder.trap.error());
  }
  return encoder.take();
}

Result<Bytes> transform_jpeg(ByteView stream, const JpegTransformOptions& options) {
  const auto info = inspect_jpeg(stream, options.tables);
  if (!info) {
    return pass(info.error());
  }
  if (static_cast<std::uint64_t>(info->width) * info->height > options.max_pixels) {
    return fail(Code::too_large, "JPEG with too many pixels");
  }
  if (!fits_transform(*info, options)) {
    return fail(Code::unsupported, "JPEG of a size that cannot be turned without loss");
  }
  if (options.grey && options.rgb_coded.value_or(info->looks_rgb())) {
    return fail(Code::unsupported, "JPEG coded as RGB has no grey part");
  }
  auto whole = build_prefix(*info, {options.tables, {}, options.rgb_coded});
  if (!whole) {
    return pass(whole.error());
  }
  const ByteView body = info->has_soi ? stream.subspan(2) : stream;
  whole->insert(whole->end(), body.begin(), body.end());
  if (!info->has_eoi) {
    whole->insert(whole->end(), {0xFF, 0xD9});
  }
  const std::unique_ptr<void, int (*)(tjhandle)> handle(tjInitTransform(), tjDestroy);
  if (!handle) {
    return fail(Code::internal, "no JPEG transformer");
  }
  tjtransform transform{};
  transform.op = turbo_operation(options.transform);
  transform.options = TJXOPT_PERFECT | (options.grey ? TJXOPT_GRAY : 0);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  const int outcome =
      tjTransform(handle.get(), whole->data(), whole->size(), 1, &out, &size, &transform, TJFLAG_LIMITSCANS);
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(out, tjFree);
  if (outcome != 0) {
    // After a mere warning the decoder may still read it, and it knows which warnings matter.
    const std::string reason = tjGetErrorStr2(handle.get());
    const bool decodable = tjGetErrorCode(handle.get()) == TJERR_WARNING || reason.contains("subsampling");
    return fail(decodable ? Code::unsupported : Code::corrupt, decodable ? "JPEG must be decoded" : "broken JPEG",
                reason);
  }
  return Bytes(out, out + size);
}

}  // namespace microtome::codec
