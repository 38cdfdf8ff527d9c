// SPDX-License-Identifier: Apache-2.0
// Format: CompuServe's GIF 89a specification; LZW with its appendix F.
#include "codec/gif.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pixel/convert.hpp"

namespace microtome::codec {
namespace {

constexpr int kMostSide = 65535;
constexpr std::size_t kColours = 256;
constexpr std::size_t kCells = 1 << 15;  // of the histogram: 5 bits for each of red, green, blue
constexpr int kHalf = 128;

struct Rgb {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
};

struct Indexed {
  std::vector<Rgb> palette;
  std::vector<std::uint8_t> pixels;
  int transparent = -1;
};

std::size_t cell_of(const std::uint8_t* p) {
  return static_cast<std::size_t>(p[0] >> 3) << 10 | static_cast<std::size_t>(p[1] >> 3) << 5 |
         static_cast<std::size_t>(p[2] >> 3);
}

// All colours, if they are few enough. Empty otherwise.
bool index_exactly(const pixel::Image& image, std::size_t most, Indexed& out) {
  std::unordered_map<std::uint32_t, std::uint8_t> known;
  std::uint32_t last = UINT32_MAX;
  std::uint8_t last_index = 0;
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* p = image.row(y);
    for (int x = 0; x < image.width; ++x, p += image.channels) {
      const bool clear = image.channels == 4 && p[3] < kHalf;
      const std::uint32_t colour =
          clear ? UINT32_MAX - 1 : std::uint32_t{p[0]} << 16 | std::uint32_t{p[1]} << 8 | p[2];
      if (colour != last) {
        const auto found = known.find(colour);
        if (found == known.end()) {
          if (out.palette.size() == most) {
            return false;
          }
          last_index = static_cast<std::uint8_t>(out.palette.size());
          known.emplace(colour, last_index);
          out.palette.push_back(clear ? Rgb{} : Rgb{p[0], p[1], p[2]});
          out.transparent = clear ? last_index : out.transparent;
        } else {
          last_index = found->second;
        }
        last = colour;
      }
      out.pixels.push_back(last_index);
    }
  }
  return true;
}

struct Cell {
  std::array<std::uint64_t, 3> sum{};
  std::uint64_t count = 0;
};

// A box of the median cut: cells [first, last) of a list that it may sort.
struct Box {
  std::size_t first = 0;
  std::size_t last = 0;
  std::uint64_t count = 0;
  int axis = 0;   // the longest
  int span = -1;  // its length in cells
};

unsigned level_of(std::size_t cell, int axis) {
  return static_cast<unsigned>(cell >> (10 - 5 * axis)) & 31U;
}

Box box_of(std::size_t first, std::size_t last, const std::vector<std::size_t>& cells,
           const std::vector<Cell>& histogram) {
  Box box{first, last, 0, 0, -1};
  for (std::size_t i = first; i < last; ++i) {
    box.count += histogram[cells[i]].count;
  }
  for (int axis = 0; axis < 3; ++axis) {
    const auto [least, most] = std::minmax_element(
        cells.begin() + static_cast<std::ptrdiff_t>(first), cells.begin() + static_cast<std::ptrdiff_t>(last),
        [axis](std::size_t one, std::size_t other) { return level_of(one, axis) < level_of(other, axis); });
    const int span = static_cast<int>(level_of(*most, axis)) - static_cast<int>(level_of(*least, axis));
    if (span > box.span) {
      box.span = span;
      box.axis = axis;
    }
  }
  return box;
}

// Boxes with the most pixels times extent are cut first, at their median.
std::vector<Box> cut(std::vector<std::size_t>& cells, const std::vector<Cell>& histogram, std::size_t most) {
  std::vector<Box> boxes{box_of(0, cells.size(), cells, histogram)};
  while (boxes.size() < most) {
    const auto weight = [](const Box& box) { return static_cast<double>(box.count) * box.span; };
    const auto largest = std::ranges::max_element(boxes, {}, weight);
    if (largest->span <= 0) {
      break;
    }
    const Box box = *largest;
    std::sort(cells.begin() + static_cast<std::ptrdiff_t>(box.first),
              cells.begin() + static_cast<std::ptrdiff_t>(box.last),
              [axis = box.axis](std::size_t one, std::size_t other) {
                return level_of(one, axis) < level_of(other, axis);
              });
    std::size_t middle = box.first + 1;
    for (std::uint64_t seen = histogram[cells[box.first]].count;
         middle + 1 < box.last && seen + histogram[cells[middle]].count <= box.count / 2; ++middle) {
      seen += histogram[cells[middle]].count;
    }
    *largest = box_of(box.first, middle, cells, histogram);
    boxes.push_back(box_of(middle, box.last, cells, histogram));
  }
  return boxes;
}

Indexed index_nearly(const pixel::Image& image, std::size_t most) {
  std::vector<Cell> histogram(kCells);
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* p = image.row(y);
    for (int x = 0; x < image.width; ++x, p += image.channels) {
      Cell& cell = histogram[cell_of(p)];
      ++cell.count;
      for (std::size_t c = 0; c < 3; ++c) {
        cell.sum[c] += p[c];
      }
    }
  }
  std::vector<std::size_t> cells;
  for (std::size_t i = 0; i < kCells; ++i) {
    if (histogram[i].count > 0) {
      cells.push_back(i);
    }
  }
  Indexed out;
  std::vector<std::uint8_t> index(kCells);
  const bool alpha = image.channels == 4;
  for (const Box& box : cut(cells, histogram, alpha ? most - 1 : most)) {
    std::array<std::uint64_t, 3> sum{};
    for (std::size_t i = box.first; i < box.last; ++i) {
      index[cells[i]] = static_cast<std::uint8_t>(out.palette.size());
      for (std::size_t c = 0; c < 3; ++c) {
        sum[c] += histogram[cells[i]].sum[c];
      }
    }
    const auto mean = [&](std::size_t c) { return static_cast<std::uint8_t>((sum[c] + box.count / 2) / box.count); };
    out.palette.push_back({mean(0), mean(1), mean(2)});
  }
  if (alpha) {
    out.transparent = static_cast<int>(out.palette.size());
    out.palette.emplace_back();
  }
  out.pixels.reserve(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* p = image.row(y);
    for (int x = 0; x < image.width; ++x, p += image.channels) {
      const bool clear = alpha && p[3] < kHalf;
      out.pixels.push_back(clear ? static_cast<std::uint8_t>(out.transparent) : index[cell_of(p)]);
    }
  }
  return out;
}

// Codes of growing width, lowest bits first, in blocks of at most 255 bytes.
class Lzw {
 public:
  Lzw(Bytes& out, int bits) : out_(out), bits_(bits), codes_(kSlots), keys_(kSlots) {
    out_.push_back(static_cast<std::uint8_t>(bits));
    clear();
  }

  void run(const std::vector<std::uint8_t>& pixels) {
    std::uint32_t prefix = pixels.front();
    for (std::size_t i = 1; i < pixels.size(); ++i) {
      const std::uint32_t key = (prefix << 8 | pixels[i]) + 1;  // 0 marks a free slot
      std::size_t slot = key * 2654435761U >> (32 - kSlotBits);
      while (keys_[slot] != 0 && keys_[slot] != key) {
        slot = (slot + 1) % kSlots;
      }
      if (keys_[slot] == key) {
        prefix = codes_[slot];
        continue;
      }
      put(prefix);
      if (next_ == kMostCodes) {
        clear();
      } else {
        width_ += next_ == 1U << width_ ? 1 : 0;
        keys_[slot] = key;
        codes_[slot] = static_cast<std::uint16_t>(next_++);
      }
      prefix = pixels[i];
    }
    put(prefix);
    width_ += next_ == 1U << width_ && width_ < kMostWidth ? 1 : 0;
    put((1U << bits_) + 1);
    if (held_ > 0) {
      byte(static_cast<std::uint8_t>(bits_held_));
    }
    flush();
    out_.push_back(0);
  }

 private:
  static constexpr unsigned kMostWidth = 12;
  static constexpr unsigned kMostCodes = 1U << kMostWidth;
  static constexpr unsigned kSlotBits = 13;
  static constexpr std::size_t kSlots = 1U << kSlotBits;
  static constexpr std::size_t kBlock = 255;

  void clear() {
    if (width_ > 0) {
      put(1U << bits_);
      std::ranges::fill(keys_, 0U);
    } else {
      width_ = static_cast<unsigned>(bits_) + 1;
      put(1U << bits_);
    }
    width_ = static_cast<unsigned>(bits_) + 1;
    next_ = (1U << bits_) + 2;
  }
  void put(std::uint32_t code) {
    bits_held_ |= std::uint64_t{code} << held_;
    held_ += width_;
    while (held_ >= 8) {
      byte(static_cast<std::uint8_t>(bits_held_));
      bits_held_ >>= 8;
      held_ -= 8;
    }
  }
  void byte(std::uint8_t value) {
    block_.push_back(value);
    if (block_.size() == kBlock) {
      flush();
    }
  }
  void flush() {
    if (!block_.empty()) {
      out_.push_back(static_cast<std::uint8_t>(block_.size()));
      out_.insert(out_.end(), block_.begin(), block_.end());
      block_.clear();
    }
  }

  Bytes& out_;
  int bits_;
  unsigned width_ = 0;
  unsigned next_ = 0;
  std::uint64_t bits_held_ = 0;
  unsigned held_ = 0;
  Bytes block_;
  std::vector<std::uint16_t> codes_;
  std::vector<std::uint32_t> keys_;
};

void put16(Bytes& out, int value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}

Bytes write(const pixel::Image& image, const Indexed& indexed) {
  int bits = 2;
  while ((1U << bits) < indexed.palette.size()) {
    ++bits;
  }
  constexpr std::string_view kSignature = "GIF89a";
  Bytes out(kSignature.begin(), kSignature.end());
  put16(out, image.width);
  put16(out, image.height);
  out.push_back(static_cast<std::uint8_t>(0xf0 | (bits - 1)));  // a global table, 8 bits a channel
  put16(out, 0);                                                // background index, square pixels
  for (std::size_t i = 0; i < (1U << bits); ++i) {
    const Rgb colour = i < indexed.palette.size() ? indexed.palette[i] : Rgb{};
    out.insert(out.end(), {colour.red, colour.green, colour.blue});
  }
  if (indexed.transparent >= 0) {
    out.insert(out.end(), {0x21, 0xf9, 4, 1, 0, 0, static_cast<std::uint8_t>(indexed.transparent), 0});
  }
  out.push_back(0x2c);
  put16(out, 0);
  put16(out, 0);
  put16(out, image.width);
  put16(out, image.height);
  out.push_back(0);
  Lzw(out, bits).run(indexed.pixels);
  out.push_back(0x3b);
  return out;
}

}  // namespace

Result<Bytes> encode_gif(const pixel::Image& image) {
  if (image.width < 1 || image.height < 1) {
    return fail(Code::bad_request, "an empty picture");
  }
  if (image.width > kMostSide || image.height > kMostSide) {
    return fail(Code::too_large, "GIF takes at most 65535 pixels a side");
  }
  pixel::Image shown = image.sample == pixel::Sample::u8 ? image : pixel::to_u8(image);
  shown = pixel::has_alpha(shown.colour) ? pixel::to_rgba(shown) : pixel::to_rgb(shown);
  Indexed indexed;
  indexed.pixels.reserve(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
  if (!index_exactly(shown, kColours, indexed)) {
    indexed = index_nearly(shown, kColours);
  }
  return write(shown, indexed);
}

}  // namespace microtome::codec
