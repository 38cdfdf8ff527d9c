// SPDX-License-Identifier: Apache-2.0
// Format: TIFF 6.0; BigTIFF as libtiff describes it; ICC.1 for tag 34675.
#include "codec/tiff_stream.hpp"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "pixel/convert.hpp"

namespace microtome::codec {
namespace {

constexpr std::uint64_t kStripBytes = 256 * 1024;
constexpr std::uint64_t kClassicEnd = 0xffff'0000;  // files that end beyond it are BigTIFF

enum Type : std::uint16_t { kShort = 3, kLong = 4, kRational = 5, kUndefined = 7, kLong8 = 16 };

struct Layout {
  int width = 0;
  int height = 0;
  int channels = 0;
  bool alpha = false;
  ByteView icc;
  double pixels_per_inch = 0;

  [[nodiscard]] std::uint64_t row_bytes() const {
    return static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(channels);
  }
  [[nodiscard]] std::uint64_t pixel_bytes() const { return row_bytes() * static_cast<std::uint64_t>(height); }
  [[nodiscard]] std::uint64_t rows_a_strip() const {
    return std::clamp<std::uint64_t>(kStripBytes / row_bytes(), 1, static_cast<std::uint64_t>(height));
  }
  [[nodiscard]] std::uint64_t strips() const {
    return (static_cast<std::uint64_t>(height) + rows_a_strip() - 1) / rows_a_strip();
  }
  [[nodiscard]] bool big() const { return pixel_bytes() + 16 * strips() + icc.size() + 4096 > kClassicEnd; }
};

// Header, directory and the values that do not fit into it.
class Head {
 public:
  explicit Head(const Layout& layout) : layout_(layout), big_(layout.big()) {}

  Bytes make() {
    const std::uint64_t strips = layout_.strips();
    add(256, kLong, {static_cast<std::uint64_t>(layout_.width)});
    add(257, kLong, {static_cast<std::uint64_t>(layout_.height)});
    add(258, kShort, std::vector<std::uint64_t>(static_cast<std::size_t>(layout_.channels), 8));
    add(259, kShort, {1});                                                // not compressed
    add(262, kShort, {layout_.channels < 3 ? 1U : 2U});                   // black is zero; RGB
    add(273, big_ ? kLong8 : kLong, std::vector<std::uint64_t>(strips));  // filled in below
    add(277, kShort, {static_cast<std::uint64_t>(layout_.channels)});
    add(278, kLong, {layout_.rows_a_strip()});
    std::vector<std::uint64_t> counts(strips, layout_.rows_a_strip() * layout_.row_bytes());
    counts.back() = layout_.pixel_bytes() - (strips - 1) * counts.front();
    add(279, big_ ? kLong8 : kLong, counts);
    if (layout_.pixels_per_inch > 0) {
      constexpr double kParts = 1000;
      const auto parts = static_cast<std::uint64_t>(std::min(layout_.pixels_per_inch * kParts, 4e9));
      add(282, kRational, {parts, static_cast<std::uint64_t>(kParts)});
      add(283, kRational, {parts, static_cast<std::uint64_t>(kParts)});
    }
    add(284, kShort, {1});  // chunky
    if (layout_.pixels_per_inch > 0) {
      add(296, kShort, {2});  // inch
    }
    if (layout_.alpha) {
      add(338, kShort, {2});  // not premultiplied
    }
    if (!layout_.icc.empty()) {
      add(34675, kUndefined, std::vector<std::uint64_t>(layout_.icc.begin(), layout_.icc.end()));
    }
    std::uint64_t at = place();
    for (Entry& entry : entries_) {
      if (entry.tag == 273) {
        for (std::uint64_t& offset : entry.values) {
          offset = at;
          at += layout_.rows_a_strip() * layout_.row_bytes();
        }
      }
    }
    return write();
  }

 private:
  struct Entry {
    std::uint16_t tag = 0;
    Type type = kShort;
    std::vector<std::uint64_t> values;
    std::uint64_t offset = 0;  // of values that do not fit into the entry; 0: they do
  };

  static std::uint64_t size_of(Type type) {
    return type == kShort ? 2 : type == kUndefined ? 1 : type == kLong8 ? 8 : 4;  // a rational is two of four
  }
  static std::uint64_t bytes_of(const Entry& entry) { return size_of(entry.type) * entry.values.size(); }
  [[nodiscard]] std::uint64_t inline_bytes() const { return big_ ? 8 : 4; }

  void add(std::uint16_t tag, Type type, std::vector<std::uint64_t> values) {
    entries_.push_back({tag, type, std::move(values), 0});
  }

  // Where each value goes; where the pixels begin.
  std::uint64_t place() {
    std::uint64_t at = big_ ? 16 + 8 + 20 * entries_.size() + 8 : 8 + 2 + 12 * entries_.size() + 4;
    for (Entry& entry : entries_) {
      if (bytes_of(entry) > inline_bytes()) {
        at = (at + 7) / 8 * 8;
        entry.offset = at;
        at += bytes_of(entry);
      }
    }
    return (at + 15) / 16 * 16;
  }

  void put(std::uint64_t value, std::uint64_t bytes) {
    for (std::uint64_t i = 0; i < bytes; ++i) {
      out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }
  void put_values(const Entry& entry) {
    for (const std::uint64_t value : entry.values) {
      put(value, size_of(entry.type));
    }
  }

  Bytes write() {
    put(0x4949, 2);
    if (big_) {
      put(43, 2);
      put(8, 2);
      put(0, 2);
      put(16, 8);
      put(entries_.size(), 8);
    } else {
      put(42, 2);
      put(8, 4);
      put(entries_.size(), 2);
    }
    for (const Entry& entry : entries_) {
      put(entry.tag, 2);
      put(entry.type, 2);
      put(entry.values.size() / (entry.type == kRational ? 2 : 1), inline_bytes());
      if (entry.offset != 0) {
        put(entry.offset, inline_bytes());
      } else {
        const std::size_t end = out_.size() + inline_bytes();
        put_values(entry);
        out_.resize(end);
      }
    }
    put(0, inline_bytes());
    for (const Entry& entry : entries_) {
      if (entry.offset != 0) {
        out_.resize(entry.offset);
        put_values(entry);
      }
    }
    out_.resize((out_.size() + 15) / 16 * 16);
    return std::move(out_);
  }

  const Layout& layout_;
  bool big_;
  std::vector<Entry> entries_;
  Bytes out_;
};

class TiffStrips final : public StripWriter {
 public:
  TiffStrips(const Layout& layout, Bytes head)
      : width_(layout.width), channels_(layout.channels), left_(layout.height), out_(std::move(head)) {}

  Result<void> add(const pixel::Image& strip) override {
    if (strip.width != width_ || strip.channels != channels_ || strip.sample != pixel::Sample::u8 ||
        strip.height > left_) {
      return fail(Code::bad_request, "a strip that does not belong to this picture");
    }
    left_ -= strip.height;
    for (int y = 0; y < strip.height; ++y) {
      const std::uint8_t* row = strip.row(y);
      out_.insert(out_.end(), row, row + static_cast<std::ptrdiff_t>(width_) * channels_);
    }
    return {};
  }
  Result<void> finish() override { return left_ == 0 ? Result<void>() : fail(Code::bad_request, "rows are missing"); }
  Bytes take() override { return std::exchange(out_, {}); }

 private:
  int width_;
  int channels_;
  int left_;
  Bytes out_;
};

Layout layout_of(int width, int height, pixel::Colour colour, const EncodeOptions& options) {
  const bool alpha = pixel::has_alpha(colour);
  const bool grey = colour == pixel::Colour::grey || colour == pixel::Colour::grey_alpha;
  return {width, height, (grey ? 1 : 3) + (alpha ? 1 : 0), alpha, options.icc, options.pixels_per_inch};
}

}  // namespace

std::uint64_t tiff_stream_length(int width, int height, pixel::Colour colour, const EncodeOptions& options) {
  const Layout layout = layout_of(width, height, colour, options);
  return Head(layout).make().size() + layout.pixel_bytes();
}

Result<std::unique_ptr<StripWriter>> make_tiff_strips(int width, int height, pixel::Colour colour,
                                                      const EncodeOptions& options) {
  const bool known = colour == pixel::Colour::grey || colour == pixel::Colour::grey_alpha ||
                     colour == pixel::Colour::rgb || colour == pixel::Colour::rgba;
  if (width < 1 || height < 1 || !known) {
    return fail(Code::bad_request, "a picture that TIFF does not take");
  }
  const Layout layout = layout_of(width, height, colour, options);
  return std::make_unique<TiffStrips>(layout, Head(layout).make());
}

}  // namespace microtome::codec
