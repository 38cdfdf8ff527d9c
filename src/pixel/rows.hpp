// SPDX-License-Identifier: Apache-2.0
// Inside of pixel: SIMD kernels (Highway, chosen for the processor at run time). Thread-safe. The caller has made
// sure that sizes and types fit; nothing is checked here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pixel/image.hpp"

namespace microtome::pixel::rows {

void rgb_to_rgba(const Image& source, Image& out);  // opaque
void rgba_to_rgb(const Image& source, Image& out);

// out[i] = sum over t of weights[t] * rows[t][i], for i < count. With `alpha_of` 2 or 4 (channels a pixel, the last
// of them alpha; count is whole pixels) colours are multiplied by their alpha on the way; 0: no alpha.
void blend_rows(std::span<const std::uint8_t* const> rows, const float* weights, std::size_t count, int alpha_of,
                float* out);
void blend_rows(std::span<const std::uint16_t* const> rows, const float* weights, std::size_t count, int alpha_of,
                float* out);
void blend_rows(std::span<const float* const> rows, const float* weights, std::size_t count, int alpha_of,
                float* out);

// Colours divided by their alpha again, 0 where it is 0.
void divide_by_alpha(float* pixels, std::size_t count, int alpha_of);

// The horizontal half of a scaling: output pixel i is the sum of weights[starts[i] + t] * pixel(firsts[i] + t).
struct Taps {
  std::span<const std::int32_t> firsts;   // source pixel of the first tap
  std::span<const std::uint32_t> starts;  // where its weights begin; one more entry than firsts
  std::span<const float> weights;
  // The same sample by sample, for where no tap is infinite (what is multiplied by 0 must be finite). Empty: none.
  std::span<const std::int32_t> samples;  // firsts * channels + channel
  // columns[t * samples.size() + i] is the t-th weight of sample i, 0 where its pixel has fewer.
  std::span<const float> columns;
};
constexpr std::size_t kGatherRoom = 128;
// `in` has `channels` (1..4) floats a pixel; `in` has kGatherRoom more floats behind its last pixel, all of them
// finite if there are `columns`, `out` has room for 4 more.
void gather_taps(const Taps& taps, const float* in, int channels, float* out);

// Less `down`, rounded and clamped.
void floats_to_u8(const float* in, std::size_t count, float down, std::uint8_t* out);
void floats_to_u16(const float* in, std::size_t count, float down, std::uint16_t* out);

// Rounded mean of 2x2 pixels; `width` output pixels of 1, 3 or 4 channels, all of which have both columns.
void shrink2_row(const std::uint8_t* upper, const std::uint8_t* lower, int channels, int width, std::uint8_t* out);

}  // namespace microtome::pixel::rows
