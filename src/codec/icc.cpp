// SPDX-License-Identifier: Apache-2.0
#include "codec/icc.hpp"

#include <lcms2.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

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

struct InkProfile::Transforms {
  struct One {
    std::once_flag once;
    Context context{nullptr, cmsDeleteContext};
    Transform transform{nullptr, cmsDeleteTransform};
  };
  std::array<One, 4> all;  // 8 bits, 8 inverted, 16, 16 inverted
  std::atomic<std::size_t> made = 0;
};

std::shared_ptr<const InkProfile> InkProfile::make(ByteView profile) {
  return profile.empty() || profile.size() > kMostProfile ? nullptr : std::make_shared<const InkProfile>(profile);
}

InkProfile::InkProfile(ByteView profile)
    : bytes_(profile.begin(), profile.end()), transforms_(std::make_unique<Transforms>()) {}

InkProfile::~InkProfile() = default;

std::size_t InkProfile::memory() const {
  constexpr std::size_t kGrid = 17 * 17 * 17 * 17 * 3 * 2;  // what lcms works out beforehand, for each transform
  return sizeof(*this) + bytes_.capacity() + transforms_->made * kGrid;
}

bool InkProfile::to_rgb(const pixel::Image& inks, bool inverted, pixel::Image& rgb) const {
  constexpr std::array<cmsUInt32Number, 4> kFormats = {TYPE_CMYK_8, TYPE_CMYK_8_REV, TYPE_CMYK_16, TYPE_CMYK_16_REV};
  const bool wide = inks.sample == pixel::Sample::u16;
  if (inks.channels != 4 || (!wide && inks.sample != pixel::Sample::u8)) {
    return false;
  }
  const std::size_t which = (wide ? 2U : 0U) + (inverted ? 1U : 0U);
  Transforms::One& one = transforms_->all.at(which);
  std::call_once(one.once, [&] {
    one.context.reset(cmsCreateContext(nullptr, nullptr));
    if (!one.context) {
      return;
    }
    const Profile from(
        cmsOpenProfileFromMemTHR(one.context.get(), bytes_.data(), static_cast<cmsUInt32Number>(bytes_.size())),
        cmsCloseProfile);
    const Profile srgb(cmsCreate_sRGBProfileTHR(one.context.get()), cmsCloseProfile);
    if (!from || !srgb || cmsGetColorSpace(from.get()) != cmsSigCmykData) {
      return;
    }
    // Without lcms' memory of the last pixel, which threads must not share.
    one.transform.reset(cmsCreateTransformTHR(one.context.get(), from.get(), kFormats.at(which), srgb.get(),
                                              TYPE_RGB_8, INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE));
    transforms_->made += one.transform ? 1 : 0;
  });
  if (!one.transform) {
    return false;
  }
  rgb = pixel::Image::make(inks.width, inks.height, 3, pixel::Colour::rgb);
  for (int y = 0; y < inks.height; ++y) {
    cmsDoTransform(one.transform.get(), inks.row(y), rgb.row(y), static_cast<cmsUInt32Number>(inks.width));
  }
  return true;
}

}  // namespace microtome::codec
