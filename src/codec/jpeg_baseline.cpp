// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_baseline.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "codec/huffman.hpp"
#include "codec/idct.hpp"
#include "codec/jpeg_blocks.hpp"
#include "codec/jpeg_colour.hpp"
#include "codec/jpeg_headers.hpp"
#include "codec/zigzag.hpp"

namespace microtome::codec {
namespace {

constexpr int kSize = 8;  // of a block

// The scan without stuffing, in the pieces between restart markers.
struct Entropy {
  Bytes bytes;
  std::vector<std::size_t> ends;  // of the pieces in `bytes`
};

std::optional<Entropy> unstuffed(ByteView scan) {
  Entropy out;
  out.bytes.resize(scan.size() + BitReader::kBeyond);
  std::uint8_t* to = out.bytes.data();
  const std::uint8_t* from = scan.data();
  const std::uint8_t* const end = from + scan.size();
  bool open = true;
  while (open) {
    const auto left = static_cast<std::size_t>(end - from);
    const auto* mark = left > 0 ? static_cast<const std::uint8_t*>(std::memchr(from, 0xFF, left)) : nullptr;
    const std::size_t plain = mark == nullptr ? left : static_cast<std::size_t>(mark - from);
    if (plain > 0) {
      std::memcpy(to, from, plain);
    }
    to += plain;
    from += plain;
    const int after = mark == nullptr || mark + 1 == end ? -1 : mark[1];
    if (after == 0) {
      *to++ = 0xFF;
      from += 2;
    } else if (after >= 0xD0 && after <= 0xD7) {
      if (after - 0xD0 != static_cast<int>(out.ends.size() % 8)) {
        return std::nullopt;
      }
      out.ends.push_back(static_cast<std::size_t>(to - out.bytes.data()));
      from += 2;
    } else {
      open = false;
    }
  }
  out.ends.push_back(static_cast<std::size_t>(to - out.bytes.data()));
  std::memset(to, 0, BitReader::kBeyond);
  return out;
}

// The blocks of one component in one row of MCUs, and their samples.
class Band {
 public:
  Band(const BaselineComponent& component, int mcus, int group)
      : group_(static_cast<std::size_t>(group)),
        groups_((static_cast<std::size_t>(mcus) * component.across + group_ - 1) / group_),
        coefficients_(groups_ * group_ * kBlockCoefficients * component.down),
        samples_(groups_ * group_ * kBlockCoefficients) {}

  [[nodiscard]] std::int16_t* coefficients() { return coefficients_.data(); }
  [[nodiscard]] std::size_t row_step() const { return groups_ * group_ * kBlockCoefficients; }
  [[nodiscard]] std::size_t width() const { return groups_ * group_ * kSize; }

  // In zigzag order.
  void set_steps(std::span<const std::uint16_t, kBlockCoefficients> quantisation) {
    for (std::size_t k = 0; k < kBlockCoefficients; ++k) {
      steps_[kZigzag[k]] = static_cast<std::int16_t>(quantisation[k]);
    }
  }

  // Row `y` of blocks into `plane`, its first sample at (left, top); `width` x `rows` samples count, the rest is
  // padding. Empties the blocks.
  void put(std::size_t y, std::int64_t left, std::int64_t top, std::int64_t width, std::int64_t rows,
           pixel::Image& plane) {
    const std::int64_t from = std::max<std::int64_t>(0, -left);
    const std::int64_t to = std::min(width, plane.width - left);
    std::int16_t* const coefficients = coefficients_.data() + y * row_step();
    if (to <= from || rows < 1 || top + rows <= 0) {
      std::fill_n(coefficients, row_step(), std::int16_t{0});
      return;
    }
    const bool direct = from == 0 && std::cmp_less_equal(this->width(), to) && rows >= kSize && top >= 0 &&
                        top + kSize <= plane.height;
    if (direct) {
      idct_rows(coefficients, groups_, steps_, plane.row(static_cast<int>(top)) + left, plane.stride);
      return;
    }
    idct_rows(coefficients, groups_, steps_, samples_.data(), this->width());
    for (std::int64_t i = std::max<std::int64_t>(0, -top);
         i < std::min<std::int64_t>({rows, kSize, plane.height - top}); ++i) {
      std::memcpy(plane.row(static_cast<int>(top + i)) + left + from,
                  samples_.data() + static_cast<std::size_t>(i) * this->width() + from,
                  static_cast<std::size_t>(to - from));
    }
  }

 private:
  std::size_t group_;
  std::size_t groups_;
  std::vector<std::int16_t> coefficients_;
  Bytes samples_;
  alignas(16) std::array<std::int16_t, kBlockCoefficients> steps_{};
};

// Tables are made once for many tiles: those of a file are all the same.
std::shared_ptr<const HuffmanTable> table_of(ByteView body, HuffmanTable::Kind kind) {
  struct Kept {
    Bytes body;
    HuffmanTable::Kind kind = HuffmanTable::Kind::dc;
    std::shared_ptr<const HuffmanTable> table;
  };
  constexpr std::size_t kMost = 8;
  thread_local std::vector<Kept> kept;
  const auto found = std::ranges::find_if(
      kept, [&](const Kept& one) { return one.kind == kind && std::ranges::equal(one.body, body); });
  if (found != kept.end()) {
    return found->table;
  }
  auto made = HuffmanTable::make(body, kind);
  if (!made) {
    return nullptr;
  }
  if (kept.size() >= kMost) {
    kept.erase(kept.begin());
  }
  kept.push_back({Bytes(body.begin(), body.end()), kind, std::make_shared<const HuffmanTable>(*made)});
  return kept.back().table;
}

class Decoder {
 public:
  Decoder(const BaselineStream& stream, Entropy entropy)
      : stream_(stream), entropy_(std::move(entropy)), places_(block_places()), in_{entropy_.bytes.data()} {
    const int step = kSize * stream.component[0].across;
    mcus_ = (stream.width + step - 1) / step;
    for (const BaselineComponent& component : stream.component) {
      bands_.emplace_back(component, mcus_, idct_group());
    }
  }

  bool prepare() {
    for (std::size_t c = 0; c < 3; ++c) {
      const BaselineComponent& component = stream_.component[c];
      const auto& quantisation = stream_.quantisation[component.quantisation];
      BlockComponent& blocks = blocks_[c];
      blocks.dc = table_of(stream_.dc[component.dc], HuffmanTable::Kind::dc);
      blocks.ac = table_of(stream_.ac[component.ac], HuffmanTable::Kind::ac);
      if (!quantisation || blocks.dc == nullptr || blocks.ac == nullptr) {
        return false;
      }
      bands_[c].set_steps(*quantisation);
      blocks.across = static_cast<std::size_t>(component.across);
      blocks.down = static_cast<std::size_t>(component.down);
      blocks.coefficients = bands_[c].coefficients();
      blocks.row_step = bands_[c].row_step();
    }
    return true;
  }

  bool decode(pixel::Planes& target, std::int64_t x, std::int64_t y) {
    const int step = kSize * stream_.component[0].down;
    for (int top = 0; top < stream_.height && y + top < target.height(); top += step) {
      if (!row_of_mcus()) {
        return false;
      }
      for (std::size_t c = 0; c < 3; ++c) {
        const BaselineComponent& component = stream_.component[c];
        const int across = c == 0 ? 1 : target.across;
        const int down = c == 0 ? 1 : target.down;
        const std::int64_t width = (stream_.width + across - 1) / across;
        const std::int64_t height = (stream_.height + down - 1) / down;
        for (int row = 0; row < component.down; ++row) {
          const std::int64_t first = top / down + row * kSize;
          bands_[c].put(static_cast<std::size_t>(row), x / across, y / down + first, width, height - first,
                        target.plane[c]);
        }
      }
    }
    return true;
  }

 private:
  bool row_of_mcus() {
    for (int mcu = 0; mcu < mcus_;) {
      if (stream_.restart > 0 && since_restart_ == stream_.restart && !restart()) {
        return false;
      }
      const int count = stream_.restart > 0 ? std::min(mcus_ - mcu, stream_.restart - since_restart_) : mcus_ - mcu;
      if (!decode_mcus(in_, blocks_, places_, static_cast<std::size_t>(mcu), static_cast<std::size_t>(count),
                       entropy_.bytes.data() + entropy_.ends[piece_])) {
        return false;
      }
      mcu += count;
      since_restart_ += count;
    }
    return true;
  }

  bool restart() {
    if (piece_ + 1 >= entropy_.ends.size()) {
      return false;
    }
    in_ = BitReader{entropy_.bytes.data() + entropy_.ends[piece_]};
    ++piece_;
    since_restart_ = 0;
    for (BlockComponent& component : blocks_) {
      component.last = 0;
    }
    return true;
  }

  const BaselineStream& stream_;
  Entropy entropy_;
  std::array<std::uint16_t, kBlockPlaces> places_;
  BitReader in_;
  std::size_t piece_ = 0;
  int since_restart_ = 0;
  int mcus_ = 0;
  std::array<BlockComponent, 3> blocks_;
  std::vector<Band> bands_;
};

bool decode_stream(const BaselineStream& stream, pixel::Planes& target, std::int64_t x, std::int64_t y) {
  auto entropy = unstuffed(stream.scan);
  if (!entropy) {
    return false;
  }
  Decoder decoder(stream, std::move(*entropy));
  return decoder.prepare() && decoder.decode(target, x, y);
}

}  // namespace

bool decode_baseline_planes(ByteView stream, ByteView tables, int width, int height, pixel::Planes& target,
                            std::int64_t x, std::int64_t y) {
  const auto read = read_baseline(stream, tables);
  return read && read->width == width && read->height == height && read->component[0].across == target.across &&
         read->component[0].down == target.down && decode_stream(*read, target, x, y);
}

bool decode_baseline_rgb(ByteView stream, const JpegDecodeOptions& options, pixel::Image& target,
                         const pixel::Rect& place) {
  constexpr std::int64_t kMostPixels = 4 << 20;  // more would take as much memory again for its planes
  const auto read = read_baseline(stream, options.tables);
  if (!read || read->width != place.width || read->height != place.height ||
      place.width * place.height > kMostPixels ||
      static_cast<std::uint64_t>(place.width * place.height) > options.max_pixels ||
      !can_turn_planes(read->width, read->component[0].across, read->component[0].down)) {
    return false;
  }
  if (!options.rgb_coded) {
    const auto info = inspect_jpeg(stream, options.tables);
    if (!info || info->looks_rgb()) {
      return false;
    }
  } else if (*options.rgb_coded) {
    return false;
  }
  auto planes = pixel::Planes::make(read->width, read->height, read->component[0].across, read->component[0].down);
  if (!decode_stream(*read, planes, 0, 0)) {
    return false;
  }
  planes_to_rgb(planes, target, place);
  return true;
}

}  // namespace microtome::codec
