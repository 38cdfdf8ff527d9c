// SPDX-License-Identifier: Apache-2.0
// For tests: a profile of four inks that are no complements of red, green and blue, as real ones are not.
#pragma once

#include <lcms2.h>

#include <algorithm>
#include <array>

#include "base/bytes.hpp"

namespace microtome::codec::test {

// Lab of four inks, each 0..1: cyan is a dark blue-green, black is not quite black.
inline std::array<double, 3> lab_of(double c, double m, double y, double k) {
  const double light = std::max(12.0, 100 - 45 * c - 50 * m - 8 * y - 80 * k);
  const double colour = 1 - 0.9 * k;
  return {light, (-35 * c + 70 * m - 4 * y) * colour, (-45 * c - 5 * m + 85 * y) * colour};
}

inline Bytes ink_profile() {
  cmsContext context = cmsCreateContext(nullptr, nullptr);
  cmsHPROFILE profile = cmsCreateProfilePlaceholder(context);
  cmsSetProfileVersion(profile, 2.4);
  cmsSetDeviceClass(profile, cmsSigOutputClass);
  cmsSetColorSpace(profile, cmsSigCmykData);
  cmsSetPCS(profile, cmsSigLabData);
  cmsPipeline* pipeline = cmsPipelineAlloc(context, 4, 3);
  cmsStage* grid = cmsStageAllocCLut16bit(context, 5, 4, 3, nullptr);
  const auto sample = [](const cmsUInt16Number* in, cmsUInt16Number* out, void*) -> cmsInt32Number {
    const auto lab = lab_of(in[0] / 65535.0, in[1] / 65535.0, in[2] / 65535.0, in[3] / 65535.0);
    const cmsCIELab value{lab[0], lab[1], lab[2]};
    cmsFloat2LabEncodedV2(out, &value);
    return 1;
  };
  cmsStageSampleCLut16bit(grid, sample, nullptr, 0);
  cmsPipelineInsertStage(pipeline, cmsAT_END, grid);
  cmsWriteTag(profile, cmsSigAToB0Tag, pipeline);
  cmsPipelineFree(pipeline);
  cmsUInt32Number size = 0;
  cmsSaveProfileToMem(profile, nullptr, &size);
  Bytes bytes(size);
  cmsSaveProfileToMem(profile, bytes.data(), &size);
  cmsCloseProfile(profile);
  cmsDeleteContext(context);
  return bytes;
}

// What lcms, asked for one pixel without any grid between, says that the inks look like.
inline std::array<std::uint8_t, 3> seen_as(const Bytes& profile, std::array<std::uint8_t, 4> inks) {
  cmsHPROFILE from = cmsOpenProfileFromMem(profile.data(), static_cast<cmsUInt32Number>(profile.size()));
  cmsHPROFILE to = cmsCreate_sRGBProfile();
  cmsHTRANSFORM transform =
      cmsCreateTransform(from, TYPE_CMYK_8, to, TYPE_RGB_8, INTENT_PERCEPTUAL, cmsFLAGS_NOOPTIMIZE);
  std::array<std::uint8_t, 3> rgb{};
  cmsDoTransform(transform, inks.data(), rgb.data(), 1);
  cmsDeleteTransform(transform);
  cmsCloseProfile(to);
  cmsCloseProfile(from);
  return rgb;
}

}  // namespace microtome::codec::test
