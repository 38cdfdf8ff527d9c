// SPDX-License-Identifier: Apache-2.0
#include "woolz/sample.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

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

// As locate() does it, for lattices whose side is no power of two.
void locate_slowly(const RowPoints& p, const Lattice& lattice, bool flat, const Box& box, std::size_t count,
                   std::int32_t* cube, std::int32_t* place) {
  const std::int64_t side = lattice.side;
  for (std::size_t i = 0; i < count; ++i) {
    const Vec3 at{nearest(p.x[i] + p.add.x), nearest(p.y[i] + p.add.y), nearest(p.z[i] + p.add.z)};
    cube[i] = -1;
    if (!(std::abs(at.x) < 1e15 && std::abs(at.y) < 1e15 && std::abs(at.z) < 1e15)) {
      continue;
    }
    const Voxel v{static_cast<std::int64_t>(at.x), static_cast<std::int64_t>(at.y), static_cast<std::int64_t>(at.z)};
    const Voxel r{v.x - lattice.origin.x, v.y - lattice.origin.y, v.z - lattice.origin.z};
    const std::int64_t deep = flat ? 1 : side;
    if (!box.contains(v) || r.x < 0 || r.y < 0 || r.z < 0 || r.x >= lattice.count.x * side ||
        r.y >= lattice.count.y * side || r.z >= lattice.count.z * deep) {
      continue;
    }
    cube[i] = static_cast<std::int32_t>(lattice.index(r.x / side, r.y / side, r.z / deep));
    place[i] = static_cast<std::int32_t>((r.z % deep * side + r.y % side) * side + r.x % side);
  }
}

}  // namespace

RowSampler::RowSampler(const Frame& frame, const Body& body, const Columns& columns)
    : body_(body),
      box_(body.domain->box()),
      width_(columns.count),
      x_(columns.count),
      y_(columns.count),
      z_(columns.count),
      domain_grid_(cube_grid(body.domain->lattice(), false, false, box_)),
      domain_(columns.count),
      values_(0) {
  // Voxel c of level k is centred between the voxels c 2^k and (c + 1) 2^k - 1.
  const double size = std::ldexp(1.0, columns.level);
  const double middle = (size - 1) / 2;
  const auto scaled = [size](const Vec3& v, double by) {
    return Vec3{v.x * by / size, v.y * by / size, v.z * by / size};
  };
  for (std::size_t i = 0; i < width_; ++i) {
    const Vec3 p = frame.row_start(columns.left + static_cast<double>(i) * columns.step);
    x_[i] = (p.x - middle) / size;
    y_[i] = (p.y - middle) / size;
    z_[i] = (p.z - middle) / size;
  }
  down_ = scaled(frame.down(), 1);
  across_ = scaled(frame.across(), columns.step);
  if (!body.values) {
    return;
  }
  masked_ = !body.clean && !body.domain->solid();
  if (!body.values->constant_value()) {
    const Lattice& lattice = body.values->lattice();
    same_lattice_ = lattice == body.domain->lattice() && !body.values->flat();
    domain_grid_.blocked = same_lattice_ && body.values->blocked();
    addresses_.resize(width_);
    if (!same_lattice_) {
      power_of_two_ = std::has_single_bit(static_cast<std::uint64_t>(lattice.side));
      values_ = Located(width_);
      values_grid_ = cube_grid(lattice, body.values->flat(), body.values->blocked(), box_);
    }
  }
}

void RowSampler::locate_in(const CubeGrid& grid, Located& out) const {
  locate(points(), grid, last_ - first_, out.cube.data() + first_, out.place.data() + first_);
}

void RowSampler::go(double y) {
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
  locate_in(domain_grid_, domain_);
}

bool RowSampler::in_domain(std::size_t column) const {
  const std::int32_t cube = domain_.cube[column];
  if (cube < 0) {
    return false;
  }
  const Domain::State state = body_.domain->state(cube);
  if (state != Domain::State::some) {
    return state == Domain::State::all;
  }
  const auto place = static_cast<std::uint32_t>(domain_.place[column]);
  const std::uint32_t voxel = domain_grid_.blocked ? in_block_order(place) : place;
  return ((body_.domain->mask(cube)[voxel >> 3] >> (voxel & 7)) & 1) != 0;
}

void RowSampler::inside(std::uint8_t* out) const {
  std::fill(out, out + first_, std::uint8_t{0});
  std::fill(out + last_, out + width_, std::uint8_t{0});
  for (std::size_t i = first_; i < last_; ++i) {
    out[i] = static_cast<std::uint8_t>(in_domain(i));
  }
}

// All addresses of a row first, and the processor told of them: most of the time goes into waiting for memory, and
// this way it waits for many values at once.
template <class T>
void RowSampler::fetch(const Located& located, T background, T* out) {
  const Values& values = *body_.values;
  const std::int32_t* places = located.place.data();
  const std::int32_t* cube_of = located.cube.data();
  const std::uint8_t** addresses = addresses_.data();
  const auto step = sizeof(T) * static_cast<std::size_t>(values.per_voxel());
  const Values::Cubes cubes = values.cubes();
  const auto* nothing = reinterpret_cast<const std::uint8_t*>(&background);
  const std::size_t last = last_;
  for (std::size_t i = first_; i < last; ++i) {
    const std::int32_t cube = cube_of[i];
    const std::uint8_t* start = cube < 0 ? nullptr : cubes.at(cube);
    const std::uint8_t* at = start == nullptr ? nothing : start + static_cast<std::size_t>(places[i]) * step;
    __builtin_prefetch(at);
    addresses[i] = at;
  }
  for (std::size_t i = first_; i < last; ++i) {
    std::memcpy(out + i, addresses[i], sizeof(T));
  }
}

void RowSampler::locate_values() {
  const Values& values = *body_.values;
  if (power_of_two_) {
    locate_in(values_grid_, values_);
  } else {
    locate_slowly(points(), values.lattice(), values.flat(), box_, last_ - first_, values_.cube.data() + first_,
                  values_.place.data() + first_);
  }
}

template <class T>
void RowSampler::values(T background, T* out) {
  std::fill(out, out + first_, background);
  std::fill(out + last_, out + width_, background);
  const Values& values = *body_.values;
  if (values.constant_value()) {
    std::fill(out + first_, out + last_, value_as<T>(values.grey(), *values.constant_value()));
  } else if (same_lattice_) {
    fetch(domain_, background, out);
  } else {
    locate_values();
    fetch(values_, background, out);
  }
  if (masked_ || values.constant_value()) {
    for (std::size_t i = first_; i < last_; ++i) {
      out[i] = in_domain(i) ? out[i] : background;
    }
  }
}

template <class T>
void RowSampler::linear_as(double* out) {
  const Values& values = *body_.values;
  const T background = value_as<T>(values.grey(), values.background());
  std::fill(out, out + width_, static_cast<double>(background));
  const bool constant = values.constant_value().has_value();
  const bool masked = masked_ || constant;
  const T flat = constant ? value_as<T>(values.grey(), *values.constant_value()) : background;
  const auto index = [](double v, std::int64_t lo, std::int64_t extent) {
    return static_cast<std::int32_t>(
        std::clamp(v - static_cast<double>(lo) + 1, 0.0, static_cast<double>(extent + 1)));
  };
  const auto in_domain_at = [&](std::uint64_t address) {
    if (address >= Lookup::kOutside) {
      return false;
    }
    const auto brick = static_cast<std::int64_t>(Lookup::brick(address));
    const Domain::State state = body_.domain->state(brick);
    const std::uint32_t voxel = Lookup::voxel(address);
    return state == Domain::State::all ||
           (state == Domain::State::some && ((body_.domain->mask(brick)[voxel >> 3] >> (voxel & 7)) & 1) != 0);
  };
  const auto fetch_at = [&](std::uint64_t address) {
    const std::uint8_t* at =
        address >= Lookup::kOutside ? nullptr : values.cube(static_cast<std::int64_t>(Lookup::brick(address)));
    T value = background;
    if (at != nullptr) {
      std::memcpy(
          &value,
          at + std::uint64_t{Lookup::voxel(address)} * sizeof(T) * static_cast<std::uint64_t>(values.per_voxel()),
          sizeof(T));
    }
    return value;
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
      if (!masked || in_domain_at(domain_lookup_.at(x, y, z))) {
        value = constant ? flat : fetch_at(values_lookup_.at(x, y, z));
      }
      sum += weight * static_cast<double>(value);
    }
    out[i] = sum;
  }
}

void RowSampler::linear(double* out) {
  if (domain_lookup_.empty()) {
    domain_lookup_ = Lookup(body_.domain->lattice(), false, false, box_);
    if (!body_.values->constant_value()) {
      values_lookup_ = Lookup(body_.values->lattice(), body_.values->flat(), body_.values->blocked(), box_);
    }
  }
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
