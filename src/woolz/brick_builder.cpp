// SPDX-License-Identifier: Apache-2.0
#include "woolz/brick_builder.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace microtome::woolz {
namespace {

template <class T>
void count_values(const Bytes& values, Statistics& statistics) {
  double sum = 0;
  double squares = 0;
  T low = std::numeric_limits<T>::max();
  T high = std::numeric_limits<T>::lowest();
  const std::size_t count = values.size() / sizeof(T);
  for (std::size_t i = 0; i < count; ++i) {
    T v;
    std::memcpy(&v, values.data() + i * sizeof(T), sizeof(T));
    const auto d = static_cast<double>(v);
    sum += d;
    squares += d * d;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  if (count > 0) {
    const bool first = statistics.count == 0;
    statistics.minimum = first ? static_cast<double>(low) : std::min(statistics.minimum, static_cast<double>(low));
    statistics.maximum = first ? static_cast<double>(high) : std::max(statistics.maximum, static_cast<double>(high));
    statistics.sum += sum;
    statistics.sum_of_squares += squares;
    statistics.count += count;
  }
}

// Bytes are summed exactly in integers: a third of the time that doubles take.
void count_bytes(const Bytes& values, Statistics& statistics) {
  std::array<std::uint64_t, 256> histogram{};
  for (const std::uint8_t v : values) {
    ++histogram[v];
  }
  for (std::size_t v = 0; v < 256; ++v) {
    if (histogram[v] == 0) {
      continue;
    }
    const auto d = static_cast<double>(v);
    const auto n = static_cast<double>(histogram[v]);
    statistics.minimum = statistics.count == 0 ? d : std::min(statistics.minimum, d);
    statistics.maximum = statistics.count == 0 ? d : std::max(statistics.maximum, d);
    statistics.sum += n * d;
    statistics.sum_of_squares += n * d * d;
    statistics.count += histogram[v];
  }
}

void count_all(Grey grey, const Bytes& values, Statistics& statistics) {
  switch (grey) {
    case Grey::none:
      break;
    case Grey::uint8:
      count_bytes(values, statistics);
      break;
    case Grey::int16:
      count_values<std::int16_t>(values, statistics);
      break;
    case Grey::int32:
      count_values<std::int32_t>(values, statistics);
      break;
    case Grey::float32:
      count_values<float>(values, statistics);
      break;
    case Grey::float64:
      count_values<double>(values, statistics);
      break;
    case Grey::rgba:
      for (std::size_t i = 0; i + 4 <= values.size(); i += 4) {
        statistics.add(magnitude(grey, load_value(grey, values.data() + i)));
      }
      break;
  }
}

void fill_background(Grey grey, const GreyValue& value, Bytes& out) {
  if (grey == Grey::uint8) {
    std::fill(out.begin(), out.end(), static_cast<std::uint8_t>(value.number));
    return;
  }
  for (std::size_t i = 0; i < out.size(); i += bytes_of(grey)) {
    store_value(grey, value, out.data() + i);
  }
}

}  // namespace

BrickBuilder::BrickBuilder(const Box& box, BlobWriter& out) : lattice_(brick_lattice(box)), sink_(box, out) {
  breaks_.resize(static_cast<std::size_t>(lattice_.count.x) + 1);
}

Result<void> BrickBuilder::add(std::int64_t z, const PlaneRuns& runs, Grey grey, Bytes values,
                               const GreyValue& background) {
  if (runs.empty()) {
    return {};
  }
  const std::int64_t slab = floor_brick(z);
  if (slab_used_ && slab != slab_z_) {
    if (auto flushed = flush(); !flushed) {
      return flushed;
    }
  }
  slab_z_ = slab;
  slab_used_ = true;
  voxels_ += runs.voxels;
  Plane& plane = slab_[static_cast<std::size_t>(z & 15)];
  plane.runs = &runs;
  if (grey == Grey::none) {
    return {};
  }
  if (grey_ != Grey::none && grey != grey_) {
    return fail(Code::corrupt, "the object is broken", "planes of different grey types");
  }
  if (grey_ == Grey::none) {
    grey_ = grey;
    brick_.resize(kBrickVoxels * bytes_of(grey));
  } else if (background != background_) {
    background_changed_ = true;
  }
  background_ = background;
  count_all(grey, values, statistics_);
  held_ += values.size();
  plane.values = std::move(values);
  if (!runs.rectangle) {
    plane.line_values.reserve(runs.first.size());
    std::uint64_t before = 0;
    for (std::int64_t y = runs.y1; y <= runs.y2; ++y) {
      plane.line_values.push_back(before);
      for (const Run& run : runs.line(y)) {
        before += static_cast<std::uint64_t>(std::int64_t{run.right} - run.left + 1);
      }
    }
  }
  return {};
}

Result<void> BrickBuilder::flush() {
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
  for (const Plane& plane : slab_) {
    if (plane.runs != nullptr) {
      first = std::min(first, floor_brick(plane.runs->y1));
      last = std::max(last, floor_brick(plane.runs->y2));
    }
  }
  for (std::int64_t by = first; by <= last; ++by) {
    if (auto done = flush_row(by); !done) {
      return done;
    }
  }
  slab_.fill({});
  slab_used_ = false;
  held_ = 0;
  return {};
}

void BrickBuilder::place_cursors(std::int64_t by) {
  const std::size_t size = bytes_of(grey_);
  for (std::size_t i = 0; i < cursors_.size(); ++i) {
    const Plane& plane = slab_[i >> 4];
    Cursor& cursor = cursors_[i];
    cursor = {};
    if (plane.runs == nullptr) {
      continue;
    }
    const std::int64_t y = by * kBrickSide + static_cast<std::int64_t>(i & 15);
    cursor.runs = plane.runs->line(y);
    if (cursor.runs.empty() || plane.values.empty()) {
      continue;
    }
    const auto line = static_cast<std::uint64_t>(y - plane.runs->y1);
    const std::uint64_t before =
        plane.runs->rectangle ? line * static_cast<std::uint64_t>(std::int64_t{plane.runs->x2} - plane.runs->x1 + 1)
                              : plane.line_values[static_cast<std::size_t>(line)];
    cursor.values = plane.values.data() + before * size;
  }
}

// Columns in which some run begins or ends; between them all columns look the same.
void BrickBuilder::mark_breaks() {
  std::fill(breaks_.begin(), breaks_.end(), std::uint8_t{0});
  const std::int64_t x0 = lattice_.origin.x;
  for (const Cursor& cursor : cursors_) {
    for (const Run& run : cursor.runs) {
      breaks_[static_cast<std::size_t>((run.left - x0) >> 4)] = 1;
      breaks_[static_cast<std::size_t>((run.right - x0) >> 4)] = 1;
    }
  }
}

// The voxels of the column that begins at x = `left`; moves the cursors past runs that end before it.
Mask BrickBuilder::column_mask(std::int64_t left) {
  Mask mask;
  const std::size_t size = bytes_of(grey_);
  for (std::size_t i = 0; i < cursors_.size(); ++i) {
    Cursor& cursor = cursors_[i];
    while (!cursor.runs.empty() && cursor.runs.front().right < left) {
      const Run& run = cursor.runs.front();
      if (cursor.values != nullptr) {
        cursor.values += static_cast<std::size_t>(std::int64_t{run.right} - run.left + 1) * size;
      }
      cursor.runs = cursor.runs.subspan(1);
    }
    std::uint32_t row = 0;
    for (const Run& run : cursor.runs) {
      if (run.left > left + 15) {
        break;
      }
      const std::int64_t from = std::max<std::int64_t>(run.left - left, 0);
      const std::int64_t to = std::min<std::int64_t>(run.right - left, 15);
      row |= (0xffffU >> (15 - (to - from))) << from;
    }
    mask.rows[i] = static_cast<std::uint16_t>(row);
  }
  return mask;
}

Result<void> BrickBuilder::store_values(std::int64_t brick, const Mask& mask, std::int64_t left) {
  const std::size_t size = bytes_of(grey_);
  fill_background(grey_, background_, brick_);
  bool any = false;
  for (std::size_t i = 0; i < cursors_.size(); ++i) {
    const Cursor& cursor = cursors_[i];
    if (mask.rows[i] == 0 || cursor.values == nullptr) {
      continue;
    }
    any = true;
    const std::uint8_t* values = cursor.values;
    std::uint8_t* row = brick_.data() + i * kBrickSide * size;
    for (const Run& run : cursor.runs) {
      if (run.left > left + 15) {
        break;
      }
      const std::int64_t from = std::max<std::int64_t>(run.left, left);
      const std::int64_t to = std::min<std::int64_t>(run.right, left + 15);
      std::memcpy(row + static_cast<std::size_t>(from - left) * size,
                  values + static_cast<std::size_t>(from - run.left) * size,
                  static_cast<std::size_t>(to - from + 1) * size);
      values += static_cast<std::size_t>(std::int64_t{run.right} - run.left + 1) * size;
    }
  }
  return any ? sink_.values(brick, grey_, brick_) : Result<void>{};
}

Result<void> BrickBuilder::flush_row(std::int64_t by) {
  place_cursors(by);
  mark_breaks();
  const bool values = std::any_of(slab_.begin(), slab_.end(), [](const Plane& p) { return !p.values.empty(); });
  std::int64_t brick =
      lattice_.index(0, by - floor_brick(lattice_.origin.y), slab_z_ - floor_brick(lattice_.origin.z));
  Mask mask;
  for (std::int64_t bx = 0; bx < lattice_.count.x; ++bx, ++brick) {
    const std::int64_t left = lattice_.origin.x + bx * kBrickSide;
    const auto at = static_cast<std::size_t>(bx);
    if (bx == 0 || breaks_[at] != 0 || breaks_[at - 1] != 0) {
      mask = column_mask(left);
      if (auto stored = sink_.mask(brick, mask); !stored) {
        return stored;
      }
    } else {
      sink_.same_mask(brick, brick - 1);
    }
    if (values && !sink_.empty(brick)) {
      if (auto stored = store_values(brick, mask, left); !stored) {
        return stored;
      }
    }
  }
  return {};
}

Result<void> BrickBuilder::finish(DomainNode& domain, ValuesNode& values) {
  if (slab_used_) {
    if (auto flushed = flush(); !flushed) {
      return flushed;
    }
  }
  domain.voxels = voxels_;
  if (grey_ != Grey::none) {
    values.grey = grey_;
    values.background = background_;
    values.clean = !background_changed_;
    values.statistics = statistics_;
  }
  return sink_.finish(domain, values);
}

}  // namespace microtome::woolz
