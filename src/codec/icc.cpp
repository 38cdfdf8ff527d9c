// SPDX-License-Identifier: Apache-2.0
#include "codec/icc.hpp"

#include <lcms2.h>

#include <memory>

namespace microtome::codec {
namespace {

using Context = std::unique_ptr<std::remove_pointer_t<cmsContext>, decltype(&cmsDeleteContext)>;
using Profile = std::unique_ptr<void, decltype(&cmsCloseProfile)>;
using Transform = std::unique_ptr<void, decltype(&cmsDeleteTransform)>;

constexpr std::size_t kMostProfile = 16U << 20;  // bytes

}  // namespace

bool to_srgb(pixel::Image& image, ByteView bytes) {
  const bool grey = image.colour == pixel::Colour::grey || image.colour == pixel::Colour::grey_alpha;
  const bool rgb = image.colour == pixel::Colour::rgb || image.colour == pixel::Colour::rgba;
  if ((!grey && !rgb) || image.sample != pixel::Sample::u8 || bytes.empty() || bytes.size() > kMostProfile) {
    return false;
  }
  const Context context(cmsCreateContext(nullptr, nullptr), cmsDeleteContext);
  if (!context) {
    return false;
  }
  const Profile from(
      cmsOpenProfileFromMemTHR(context.get(), bytes.data(), static_cast<cmsUInt32Number>(bytes.size())),
      cmsCloseProfile);
  if (!from || cmsGetColorSpace(from.get()) != (grey ? cmsSigGrayData : cmsSigRgbData)) {
    return false;
  }
  const Profile srgb(cmsCreate_sRGBProfileTHR(context.get()), cmsCloseProfile);
  Profile to(nullptr, cmsCloseProfile);
  if (grey) {  // a grey that lies on the curve of sRGB
    cmsToneCurve* const curve =
        srgb ? static_cast<cmsToneCurve*>(cmsReadTag(srgb.get(), cmsSigGreenTRCTag)) : nullptr;
    to.reset(curve != nullptr ? cmsCreateGrayProfileTHR(context.get(), cmsD50_xyY(), curve) : nullptr);
  }
  const cmsHPROFILE target = grey ? to.get() : srgb.get();
  if (target == nullptr) {
    return false;
  }
  const bool alpha = image.colour == pixel::Colour::rgba || image.colour == pixel::Colour::grey_alpha;
  const cmsUInt32Number format =
      (grey ? COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) : COLORSPACE_SH(PT_RGB) | CHANNELS_SH(3)) | BYTES_SH(1) |
      EXTRA_SH(alpha ? 1U : 0U);
  const Transform transform(cmsCreateTransformTHR(context.get(), from.get(), format, target, format,
                                                  INTENT_PERCEPTUAL, alpha ? cmsFLAGS_COPY_ALPHA : 0U),
                            cmsDeleteTransform);
  if (!transform) {
    return false;
  }
  for (int y = 0; y < image.height; ++y) {
    cmsDoTransform(transform.get(), image.row(y), image.row(y), static_cast<cmsUInt32Number>(image.width));
  }
  return true;
}

}  // namespace microtome::codec
