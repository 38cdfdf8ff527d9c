// SPDX-License-Identifier: Apache-2.0
#include "woolz/sample.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "woolz/coordinates.hpp"

namespace microtome::woolz {
namespace {

template <class T>
T value_as(Grey grey, const GreyValue& v) {
  if constexpr (std::is_same_v<T, std::uint32_t>) {
    return grey == Grey::rgba ? v.rgba : static_cast<T>(v.number);
  } else {
    return static_cast<T>(v.number);
  }
}

// Narrows [from, to) to the columns t for which start + t * step + add may round to lo..hi; two pixels of slack cover
// all rounding, the lookup decides.
void narrow(double start, double step, double add, double lo, double hi, double& from, double& to) {
  const double low = lo - 1 - (start + add);
  const double high = hi + 1 - (start + add);
  if (std::abs(step) < 1e-9) {
    if (low > 1 || high < -1) {
      to = from;
    }
    return;
  }
  const double a = low / step;
  const double b = high / step;
  from = std::max(from, std::min(a, b) - 2);
  to = std::min(to, std::max(a, b) + 2);
}

}  // namespace

RowSampler::RowSampler(const Frame& frame, const Body& body, std::int64_t left, std::size_t width)
    : body_(body),
      box_(body.domain->box()),
      width_(width),
      domain_lookup_(body.domain->lattice(), false, box_),
      down_(frame.down()),
      across_(frame.across()),
      x_(width),
      y_(width),
      z_(width),
      ix_(width),
      iy_(width),
      iz_(width),
      in_domain_(width) {
  for (std::size_t i = 0; i < width; ++i) {
    const Vec3 p = frame.row_start(static_cast<double>(left + static_cast<std::int64_t>(i)));
    x_[i] = p.x;
    y_[i] = p.y;
    z_[i] = p.z;
  }
  if (body.values && !body.values->constant_value()) {
    same_lattice_ = body.values->lattice() == body.domain->lattice() && !body.values->flat();
    if (!same_lattice_) {
      values_lookup_ = Lookup(body.values->lattice(), body.values->flat(), box_);
      in_values_.resize(width);
    }
  }
}

void RowSampler::go(std::int64_t j) {
  const auto y = static_cast<double>(j);
  add_ = {y * down_.x, y * down_.y, y * down_.z};
  double from = 0;
  auto to = static_cast<double>(width_);
  if (box_.empty()) {
    to = from;
  } else {
    narrow(x_[0], across_.x, add_.x, static_cast<double>(box_.x1), static_cast<double>(box_.x2), from, to);
    narrow(y_[0], across_.y, add_.y, static_cast<double>(box_.y1), static_cast<double>(box_.y2), from, to);
    narrow(z_[0], across_.z, add_.z, static_cast<double>(box_.z1), static_cast<double>(box_.z2), from, to);
  }
  if (!(from < to)) {
    first_ = last_ = 0;
    return;
  }
  first_ = static_cast<std::size_t>(from);
  last_ = std::min(width_, static_cast<std::size_t>(std::ceil(to)));
  const std::size_t n = last_ - first_;
  const auto indices = [&](const std::vector<double>& start, double add, std::int64_t lo, std::int64_t extent,
                           std::vector<std::int32_t>& out) {
    voxel_indices(start.data() + first_, add, static_cast<double>(lo), static_cast<double>(extent),
                  out.data() + first_, n);
  };
  indices(x_, add_.x, box_.x1, box_.width(), ix_);
  indices(y_, add_.y, box_.y1, box_.height(), iy_);
  indices(z_, add_.z, box_.z1, box_.depth(), iz_);
  domain_lookup_.row(ix_.data() + first_, iy_.data() + first_, iz_.data() + first_, n, in_domain_.data() + first_);
}

bool RowSampler::in_domain(std::uint64_t address) const {
  if (address >= Lookup::kOutside) {
    return false;
  }
  const auto brick = static_cast<std::int64_t>(Lookup::brick(address));
  const Domain::State state = body_.domain->state(brick);
  if (state != Domain::State::some) {
    return state == Domain::State::all;
  }
  const std::uint32_t voxel = Lookup::voxel(address);
  return ((body_.domain->mask(brick)[voxel >> 3] >> (voxel & 7)) & 1) != 0;
}

void RowSampler::inside(std::uint8_t* out) {
  std::fill(out, out + first_, std::uint8_t{0});
  std::fill(out + last_, out + width_, std::uint8_t{0});
  for (std::size_t i = first_; i < last_; ++i) {
    out[i] = static_cast<std::uint8_t>(in_domain(in_domain_[i]));
  }
}

template <class T>
T RowSampler::fetch(std::uint64_t address, T background) const {
  if (address >= Lookup::kOutside) {
    return background;
  }
  const std::uint8_t* cube = body_.values->cube(static_cast<std::int64_t>(Lookup::brick(address)));
  if (cube == nullptr) {
    return background;
  }
  T value;
  std::memcpy(&value,
              cube + std::uint64_t{Lookup::voxel(address)} * sizeof(T) *
                         static_cast<std::uint64_t>(body_.values->per_voxel()),
              sizeof(T));
  return value;
}

template <class T>
void RowSampler::constant(T background, T* out) {
  const T value = value_as<T>(body_.values->grey(), *body_.values->constant_value());
  for (std::size_t i = first_; i < last_; ++i) {
    out[i] = in_domain(in_domain_[i]) ? value : background;
  }
}

template <class T>
void RowSampler::values(T background, T* out) {
  std::fill(out, out + first_, background);
  std::fill(out + last_, out + width_, background);
  if (body_.values->constant_value()) {
    constant(background, out);
    return;
  }
  const std::uint64_t* addresses = in_domain_.data();
  if (!same_lattice_) {
    values_lookup_.row(ix_.data() + first_, iy_.data() + first_, iz_.data() + first_, last_ - first_,
                       in_values_.data() + first_);
    addresses = in_values_.data();
  }
  if (body_.clean || body_.domain->solid()) {
    for (std::size_t i = first_; i < last_; ++i) {
      out[i] = fetch(addresses[i], background);
    }
    return;
  }
  for (std::size_t i = first_; i < last_; ++i) {
    out[i] = in_domain(in_domain_[i]) ? fetch(addresses[i], background) : background;
  }
}

template <class T>
void RowSampler::linear_as(double* out) {
  const T background = value_as<T>(body_.values->grey(), body_.values->background());
  std::fill(out, out + width_, static_cast<double>(background));
  const Lookup& lookup = same_lattice_ ? domain_lookup_ : values_lookup_;
  const bool constant = body_.values->constant_value().has_value();
  const bool masked = constant || !(body_.clean || body_.domain->solid());
  const T flat = constant ? value_as<T>(body_.values->grey(), *body_.values->constant_value()) : background;
  const auto index = [](double v, std::int64_t lo, std::int64_t extent) {
    return static_cast<std::int32_t>(
        std::clamp(v - static_cast<double>(lo) + 1, 0.0, static_cast<double>(extent + 1)));
  };
  for (std::size_t i = first_; i < last_; ++i) {
    const Vec3 p{x_[i] + add_.x, y_[i] + add_.y, z_[i] + add_.z};
    const Vec3 f{std::floor(p.x), std::floor(p.y), std::floor(p.z)};
    const Vec3 t{p.x - f.x, p.y - f.y, p.z - f.z};
    double sum = 0;
    for (int corner = 0; corner < 8; ++corner) {
      const bool bx = (corner & 1) != 0;
      const bool by = (corner & 2) != 0;
      const bool bz = (corner & 4) != 0;
      const double weight = (bx ? t.x : 1 - t.x) * (by ? t.y : 1 - t.y) * (bz ? t.z : 1 - t.z);
      if (weight == 0) {
        continue;
      }
      const std::int32_t x = index(f.x + (bx ? 1 : 0), box_.x1, box_.width());
      const std::int32_t y = index(f.y + (by ? 1 : 0), box_.y1, box_.height());
      const std::int32_t z = index(f.z + (bz ? 1 : 0), box_.z1, box_.depth());
      T value = background;
      if (!masked || in_domain(domain_lookup_.at(x, y, z))) {
        value = constant ? flat : fetch(lookup.at(x, y, z), background);
      }
      sum += weight * static_cast<double>(value);
    }
    out[i] = sum;
  }
}

void RowSampler::linear(double* out) {
  switch (body_.values->grey()) {
    case Grey::uint8:
      return linear_as<std::uint8_t>(out);
    case Grey::int16:
      return linear_as<std::int16_t>(out);
    case Grey::int32:
      return linear_as<std::int32_t>(out);
    case Grey::float32:
      return linear_as<float>(out);
    case Grey::float64:
      return linear_as<double>(out);
    case Grey::none:
    case Grey::rgba:
      return;
  }
}

template void RowSampler::values<std::uint8_t>(std::uint8_t, std::uint8_t*);
template void RowSampler::values<std::int16_t>(std::int16_t, std::int16_t*);
template void RowSampler::values<std::int32_t>(std::int32_t, std::int32_t*);
template void RowSampler::values<std::uint32_t>(std::uint32_t, std::uint32_t*);
template void RowSampler::values<float>(float, float*);
template void RowSampler::values<double>(double, double*);

}  // namespace microtome::woolz
