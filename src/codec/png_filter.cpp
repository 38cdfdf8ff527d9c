// SPDX-License-Identifier: Apache-2.0
#include "codec/png_filter.hpp"

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

namespace microtome::codec {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// out[i] = row[i] - before[i]
void subtract(const std::uint8_t* row, const std::uint8_t* before, std::size_t count, std::uint8_t* out) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Sub(hn::LoadU(d, row + i), hn::LoadU(d, before + i)), d, out + i);
  }
  for (; i < count; ++i) {
    out[i] = static_cast<std::uint8_t>(row[i] - before[i]);
  }
}

// Sum of the bytes' distances from 0 as signed numbers: what small values cost, the usual guess for the best filter.
std::uint64_t cost(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t sum = 0;
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<std::uint8_t> d;
  const hn::Repartition<std::uint64_t, decltype(d)> wide;
  const std::size_t lanes = hn::Lanes(d);
  auto sums = hn::Zero(wide);
  for (; i + lanes <= count; i += lanes) {
    const auto value = hn::LoadU(d, bytes + i);
    sums = hn::Add(sums, hn::SumsOf8(hn::Min(value, hn::Sub(hn::Zero(d), value))));
  }
  sum = hn::GetLane(hn::SumOfLanes(wide, sums));
#endif
  for (; i < count; ++i) {
    sum += std::min<unsigned>(bytes[i], 256U - bytes[i]);
  }
  return sum;
}

void swap_to_big_endian(const std::uint8_t* in, std::size_t count, std::uint8_t* out) {
  for (std::size_t i = 0; i + 1 < count; i += 2) {
    std::uint16_t value = 0;
    std::memcpy(&value, in + i, 2);
    out[i] = static_cast<std::uint8_t>(value >> 8);
    out[i + 1] = static_cast<std::uint8_t>(value);
  }
}

}  // namespace

PngRowFilter::PngRowFilter(int width, int channels, bool wide, PngFilter filter)
    : pixel_bytes_(static_cast<std::size_t>(channels) * (wide ? 2 : 1)),
      row_bytes_(pixel_bytes_ * static_cast<std::size_t>(width)),
      wide_(wide),
      filter_(filter),
      keeps_above_(filter == PngFilter::up || filter == PngFilter::adaptive),
      above_(keeps_above_ ? row_bytes_ : 0),
      swapped_(wide ? row_bytes_ : 0) {}

void PngRowFilter::apply(const std::uint8_t* row, std::uint8_t* out) {
  if (wide_) {
    swap_to_big_endian(row, row_bytes_, swapped_.data());
    row = swapped_.data();
  }
  write(filter_ == PngFilter::adaptive ? choose(row, out) : filter_, row, out);
  if (keeps_above_) {
    std::memcpy(above_.data(), row, row_bytes_);
    has_above_ = true;
  }
}

void PngRowFilter::write(PngFilter filter, const std::uint8_t* row, std::uint8_t* out) const {
  if (filter == PngFilter::sub) {
    out[0] = 1;
    const std::size_t first = std::min(pixel_bytes_, row_bytes_);
    std::memcpy(out + 1, row, first);
    subtract(row + first, row, row_bytes_ - first, out + 1 + first);
  } else if (filter == PngFilter::up && has_above_) {
    out[0] = 2;
    subtract(row, above_.data(), row_bytes_, out + 1);
  } else {
    out[0] = 0;
    std::memcpy(out + 1, row, row_bytes_);
  }
}

PngFilter PngRowFilter::choose(const std::uint8_t* row, std::uint8_t* scratch) const {
  PngFilter best = PngFilter::none;
  std::uint64_t least = cost(row, row_bytes_);
  for (const PngFilter filter : {PngFilter::sub, PngFilter::up}) {
    if (filter == PngFilter::up && !has_above_) {
      continue;
    }
    write(filter, row, scratch);
    const std::uint64_t sum = cost(scratch + 1, row_bytes_);
    if (sum < least) {
      least = sum;
      best = filter;
    }
  }
  return best;
}

}  // namespace microtome::codec
