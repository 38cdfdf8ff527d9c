// SPDX-License-Identifier: Apache-2.0
#include "image/level_store.hpp"

#include <utility>

#include "pixel/scale.hpp"

namespace microtome::image {

std::vector<Level> halving_levels(std::int64_t width, std::int64_t height, int tile) {
  std::vector<Level> levels{{width, height, tile, tile}};
  while (width > tile || height > tile) {
    width = (width + 1) / 2;
    height = (height + 1) / 2;
    levels.push_back({width, height, tile, tile});
  }
  return levels;
}

LevelStore::ImagePtr LevelStore::find(int level) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(level) < kept_.size() ? kept_[level] : nullptr;
}

void LevelStore::keep(int level, ImagePtr image) const {
  const std::size_t size = image->data.size();
  const std::scoped_lock lock(mutex_);
  if (size > max_bytes_ - bytes_.load(std::memory_order_relaxed)) {
    return;
  }
  if (kept_.size() <= static_cast<std::size_t>(level)) {
    kept_.resize(level + 1);
  }
  if (!kept_[level]) {
    kept_[level] = std::move(image);
    bytes_.fetch_add(size, std::memory_order_relaxed);
  }
}

Result<LevelStore::ImagePtr> LevelStore::get(int level, const Source& source, const CancelToken& cancel) const {
  if (ImagePtr ready = find(level)) {
    return ready;
  }
  const std::scoped_lock working(working_);
  if (cancel.cancelled()) {
    return fail(Code::cancelled, "cancelled");
  }
  int at = level;
  ImagePtr image = find(at);
  while (!image && at > 0) {
    image = find(--at);
  }
  if (!image) {
    at = level;
    auto decoded = source(&at);
    if (!decoded) {
      return pass(decoded.error());
    }
    image = std::make_shared<const pixel::Image>(std::move(*decoded));
  }
  // The wanted level is kept first when there is not room for all, so the steps towards it wait.
  std::vector<std::pair<int, ImagePtr>> steps{{at, image}};
  for (; at < level; ++at) {
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    auto half = pixel::shrink2(*image);
    if (!half) {
      return pass(half.error());
    }
    image = std::make_shared<const pixel::Image>(std::move(*half));
    steps.emplace_back(at + 1, image);
  }
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    keep(step->first, step->second);
  }
  return image;
}

}  // namespace microtome::image
