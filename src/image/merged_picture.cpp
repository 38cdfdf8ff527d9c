// SPDX-License-Identifier: Apache-2.0
#include "image/merged_picture.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "image/grid.hpp"

namespace microtome::image {
namespace {

// 255 where the sample is the largest that the bits hold.
int value_of(const pixel::Image& image, int x, int y, int bits) {
  if (image.sample == pixel::Sample::u8) {
    return image.row(y)[x];
  }
  std::uint16_t value = 0;
  std::memcpy(&value, image.row(y) + sizeof(value) * static_cast<std::size_t>(x), sizeof(value));
  return std::min(value >> (std::clamp(bits, 8, 16) - 8), 255);
}

bool same_levels(const PictureInfo& one, const PictureInfo& other) {
  return one.channels == 1 && one.colour == pixel::Colour::grey && one.sample == other.sample &&
         std::ranges::equal(one.levels, other.levels, [](const Level& a, const Level& b) {
           return a.width == b.width && a.height == b.height && a.tile_width == b.tile_width &&
                  a.tile_height == b.tile_height;
         });
}

// 0xRRGGBB times a channel's value, added to what is there.
void add(pixel::Image& sum, const pixel::Image& channel, std::uint32_t colour, int bits) {
  std::array<std::array<std::uint8_t, 256>, 3> part{};  // by the channel's value
  for (std::size_t i = 0; i < part.size(); ++i) {
    const std::uint32_t most = colour >> (16 - 8 * i) & 0xff;
    for (std::uint32_t value = 0; value < part[i].size(); ++value) {
      part[i][value] = static_cast<std::uint8_t>((value * most + 127) / 255);
    }
  }
  for (int y = 0; y < sum.height; ++y) {
    std::uint8_t* to = sum.row(y);
    for (int x = 0; x < sum.width; ++x) {
      const auto value = static_cast<std::size_t>(value_of(channel, x, y, bits));
      for (std::size_t i = 0; i < part.size(); ++i, ++to) {
        *to = static_cast<std::uint8_t>(std::min(*to + part[i][value], 255));
      }
    }
  }
}

pixel::Image black(std::int64_t width, std::int64_t height) {
  pixel::Image image = pixel::Image::make(static_cast<int>(width), static_cast<int>(height), 3, pixel::Colour::rgb);
  std::ranges::fill(image.data, std::uint8_t{0});
  return image;
}

class MergedRows final : public RowReader {
 public:
  MergedRows(std::vector<RowReaderPtr> channels, std::vector<std::uint32_t> colours, int bits)
      : channels_(std::move(channels)), colours_(std::move(colours)), bits_(bits) {}
  Result<pixel::Image> next(int rows) override {
    pixel::Image sum;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      const auto band = channels_[i]->next(rows);
      if (!band) {
        return band;
      }
      if (i == 0 && band->height > 0) {
        sum = black(band->width, band->height);
      }
      if (band->width != sum.width || band->height != sum.height) {
        return fail(Code::unsupported, "channels of this kind cannot be merged by rows");
      }
      add(sum, *band, colours_[i], bits_);
    }
    return sum;
  }

 private:
  std::vector<RowReaderPtr> channels_;
  std::vector<std::uint32_t> colours_;
  int bits_;
};

class MergedPicture final : public RegionPicture {
 public:
  MergedPicture(std::vector<PicturePtr> channels, std::vector<std::uint32_t> colours)
      : channels_(std::move(channels)), colours_(std::move(colours)), info_(channels_.front()->info()) {
    bits_ = info_.bits;
    info_.channels = 3;
    info_.colour = pixel::Colour::rgb;
    info_.sample = pixel::Sample::u8;
    info_.bits = 8;
    info_.icc = nullptr;
    info_.lossy = std::ranges::any_of(channels_, [](const PicturePtr& channel) { return channel->info().lossy; });
  }
  [[nodiscard]] const PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return channels_.front()->id(); }
  [[nodiscard]] std::size_t memory() const override {
    std::size_t bytes = sizeof(*this);
    for (const PicturePtr& channel : channels_) {
      bytes += channel->memory();
    }
    return bytes;
  }
  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const override {
    *reduction = 1;  // each channel would choose its own
    if (auto inside = check_region(info_, level, rect); !inside) {
      return pass(inside.error());
    }
    pixel::Image sum = black(rect.width, rect.height);
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      int one = 1;
      const auto channel = channels_[i]->decode_region(level, rect, &one, cancel);
      if (!channel) {
        return channel;
      }
      add(sum, *channel, colours_[i], bits_);
    }
    return sum;
  }
  [[nodiscard]] Result<RowReaderPtr> rows(std::uint64_t max_bytes) const override {
    std::vector<RowReaderPtr> rows;
    for (const PicturePtr& channel : channels_) {
      auto one = channel->rows(max_bytes / channels_.size());
      if (!one) {
        return one;
      }
      rows.push_back(std::move(*one));
    }
    return std::make_unique<MergedRows>(std::move(rows), colours_, bits_);
  }

 private:
  std::vector<PicturePtr> channels_;
  std::vector<std::uint32_t> colours_;
  PictureInfo info_;
  int bits_ = 8;
};

}  // namespace

Result<PicturePtr> merge_channels(std::vector<PicturePtr> channels, const std::vector<std::uint32_t>& colours) {
  const auto whole = [](const PictureInfo& info) {
    return info.sample == pixel::Sample::u8 || info.sample == pixel::Sample::u16;
  };
  if (channels.empty() || channels.size() > kMostMerged || channels.size() != colours.size() ||
      !whole(channels.front()->info()) || !std::ranges::all_of(channels, [&](const PicturePtr& channel) {
        return same_levels(channel->info(), channels.front()->info());
      })) {
    return fail(Code::not_found, "channels of this kind cannot be merged");
  }
  return std::make_shared<MergedPicture>(std::move(channels), colours);
}

}  // namespace microtome::image
