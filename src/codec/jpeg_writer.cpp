// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_writer.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_segments.hpp"
#include "codec/jpeg_ycc.hpp"
#include "codec/zigzag.hpp"

namespace microtome::codec {
namespace {

constexpr std::size_t kBlock = 8;

// T.81 annex K.3.3, as libjpeg has them.
struct StandardTables {
  struct Table {
    std::uint8_t place;  // in the stream: class and number
    Bytes body;
    std::unique_ptr<HuffmanCodes> codes;
  };
  std::vector<Table> tables;  // DC and AC of Y, DC and AC of Cb and Cr

  StandardTables() {
    jpeg::Compressor encoder;
    auto& handle = encoder.handle;
    const bool made = encoder.open(0).has_value() && jpeg::run_guarded(encoder.trap, [&] {
                        handle.input_components = 3;
                        handle.in_color_space = JCS_YCbCr;
                        jpeg_set_defaults(&handle);
                      });
    if (!made) {  // for want of memory; the next one tries again
      throw std::bad_alloc();
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const JHUFF_TBL& table = i % 2 == 0 ? *handle.dc_huff_tbl_ptrs[i / 2] : *handle.ac_huff_tbl_ptrs[i / 2];
      Bytes body(table.bits + 1, table.bits + 17);
      std::size_t symbols = 0;
      for (const std::uint8_t count : body) {
        symbols += count;
      }
      body.insert(body.end(), table.huffval, table.huffval + symbols);
      auto codes = std::make_unique<HuffmanCodes>(body);
      tables.push_back({static_cast<std::uint8_t>(i % 2 * 16 + i / 2), std::move(body), std::move(codes)});
    }
  }
};

const StandardTables& standard() {
  static const StandardTables tables;
  return tables;
}

void write_header(Bytes& out, const JpegLayout& layout, ByteView icc, std::string_view comment) {
  const auto channels = static_cast<std::size_t>(layout.channels);
  using namespace std::string_view_literals;
  out.insert(out.end(), {0xFF, 0xD8});
  JpegSegmentWriter(out, 0xE0)
      .bytes(as_bytes("JFIF\0\1\1"sv))
      .byte(layout.density_unit)
      .word(layout.density)
      .word(layout.density)
      .word(0);  // no thumbnail
  append_jpeg_profile(out, icc);
  if (!comment.empty()) {
    JpegSegmentWriter(out, 0xFE).bytes(as_bytes(comment));
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(2, channels); ++i) {
    JpegSegmentWriter table(out, 0xDB);
    table.byte(i);
    for (const std::uint8_t place : kZigzag) {
      table.byte(layout.steps[i][place]);
    }
  }
  {
    JpegSegmentWriter frame(out, 0xC0);
    frame.byte(8)
        .word(static_cast<std::size_t>(layout.height))
        .word(static_cast<std::size_t>(layout.width))
        .byte(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      frame.byte(c + 1).byte(c == 0 ? static_cast<std::size_t>(layout.across * 16 + layout.down) : 0x11);
      frame.byte(c == 0 ? 0 : 1);
    }
  }
  const std::span<const StandardTables::Table> tables = standard().tables;
  for (const auto& table : tables.first(channels == 1 ? 2 : 4)) {
    JpegSegmentWriter(out, 0xC4).byte(table.place).bytes(table.body);
  }
  JpegSegmentWriter scan(out, 0xDA);
  scan.byte(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    scan.byte(c + 1).byte(c == 0 ? 0x00 : 0x11);
  }
  scan.byte(0).byte(63).byte(0);
}

std::size_t blocks_of(int size, int factor) {
  return (static_cast<std::size_t>(size) + kBlock * factor - 1) / (kBlock * factor);
}

}  // namespace

JpegWriter::JpegWriter(const JpegLayout& layout, ByteView icc, std::string_view comment)
    : layout_(layout),
      mcus_(blocks_of(layout.width, layout.across)),
      group_(static_cast<std::size_t>(fdct_group())),
      quantisers_{Quantiser(layout.steps[0], layout.dct), Quantiser(layout.steps[1], layout.dct)},
      components_(static_cast<std::size_t>(layout.channels)),
      left_(layout.height) {
  write_header(out_, layout, icc, comment);
  std::size_t blocks = 0;
  for (std::size_t c = 0; c < components_.size(); ++c) {
    WrittenComponent& component = components_[c];
    component.dc = standard().tables[c == 0 ? 0 : 2].codes.get();
    component.ac = standard().tables[c == 0 ? 1 : 3].codes.get();
    component.across = static_cast<std::size_t>(c == 0 ? layout.across : 1);
    component.down = static_cast<std::size_t>(c == 0 ? layout.down : 1);
    component.width = blocks_of(layout.width, c == 0 ? 1 : layout.across);
    component.row_step = (component.width + group_ - 1) / group_ * group_;
    coefficients_[c].resize(component.row_step * component.down * kBlock * kBlock);
    nonzero_[c].resize(component.row_step * component.down);
    component.coefficients = coefficients_[c].data();
    component.nonzero = nonzero_[c].data();
    blocks += mcus_ * component.across * component.down;
  }
  bits_.resize((blocks + 1) * kMostBlockBytes);
  writer_.at = bits_.data();
}

// The rows of blocks of an MCU from row `first` of the plane on.
void JpegWriter::transform(const pixel::Image& plane, int first, std::size_t component) {
  WrittenComponent& to = components_[component];
  const Quantiser& quantiser = quantisers_[component == 0 ? 0 : 1];
  const auto width = static_cast<std::size_t>(plane.width);
  const std::size_t in_group = kBlock * group_;
  const std::size_t whole = std::min(width, to.row_step * kBlock) / in_group;
  const std::size_t groups = to.row_step / group_;
  to.height = 0;
  for (std::size_t row = 0; row < to.down && first < plane.height; ++row, first += static_cast<int>(kBlock)) {
    ++to.height;
    std::array<const std::uint8_t*, kBlock> rows{};
    for (std::size_t i = 0; i < kBlock; ++i) {
      rows[i] = plane.row(std::min(first + static_cast<int>(i), plane.height - 1));
    }
    std::int16_t* const coefficients = coefficients_[component].data() + row * to.row_step * kBlock * kBlock;
    std::uint64_t* const nonzero = nonzero_[component].data() + row * to.row_step;
    fdct_rows(rows, whole, quantiser, coefficients, nonzero);
    if (whole == groups) {
      continue;
    }
    // The last group is not whole: its last samples are repeated.
    std::array<std::uint8_t, kBlock * 32> end;
    const std::size_t left = std::min(width - whole * in_group, in_group);
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::uint8_t* const from = rows[i] + whole * in_group;
      std::memcpy(end.data() + i * 32, from, left);
      std::memset(end.data() + i * 32 + left, from[left - 1], in_group - left);
      rows[i] = end.data() + i * 32;
    }
    fdct_rows(rows, 1, quantiser, coefficients + whole * group_ * kBlock * kBlock, nonzero + whole * group_);
  }
}

void JpegWriter::append_stuffed(const std::uint8_t* end) {
  const std::uint8_t* from = bits_.data();
  while (from < end) {
    const auto left = static_cast<std::size_t>(end - from);
    const auto* mark = static_cast<const std::uint8_t*>(std::memchr(from, 0xFF, left));
    const std::uint8_t* const to = mark == nullptr ? end : mark + 1;
    out_.insert(out_.end(), from, to);
    if (mark != nullptr) {
      out_.push_back(0);
    }
    from = to;
  }
}

void JpegWriter::add(const pixel::Planes& planes, int first) {
  for (std::size_t c = 0; c < components_.size(); ++c) {
    transform(planes.plane[c], c == 0 ? first : first / layout_.down, c);
  }
  write_mcus(writer_, components_, mcus_, group_);
  append_stuffed(writer_.at);
  writer_.at = bits_.data();
}

void JpegWriter::add(const pixel::Image& rows) {
  if (band_.width() == 0) {
    const int height = static_cast<int>(kBlock) * layout_.down;
    const auto colour = static_cast<int>(components_.back().width * kBlock);
    band_ = pixel::Planes::make(layout_.width, height, layout_.across, layout_.down);
    for (std::size_t c = 1; c < components_.size() && layout_.across == 2; ++c) {
      band_.plane[c] = pixel::Image::unfilled(colour, height / layout_.down, 1, pixel::Colour::grey);
    }
    for (Bytes& row : whole_) {
      row.resize(layout_.across == 2 ? 2 * static_cast<std::size_t>(colour) : 0);
    }
  }
  for (int y = 0; y < rows.height; ++y) {
    add_row(rows.row(y));
  }
}

void JpegWriter::add_row(const std::uint8_t* samples) {
  const auto width = static_cast<std::size_t>(layout_.width);
  std::uint8_t* const luma = band_.plane[0].row(rows_);
  const bool last = left_ == 1;
  if (layout_.channels == 1) {
    std::memcpy(luma, samples, width);
  } else if (layout_.across == 1) {
    rgb_to_ycc(samples, width, luma, band_.plane[1].row(rows_), band_.plane[2].row(rows_));
  } else {
    const auto odd = static_cast<std::size_t>(rows_ % 2);
    rgb_to_ycc(samples, width, luma, whole_[odd].data(), whole_[2 + odd].data());
    for (Bytes* row : {&whole_[odd], &whole_[2 + odd]}) {
      std::fill(row->begin() + layout_.width, row->end(), (*row)[width - 1]);
    }
    for (std::size_t c = 1; c < 3 && (odd == 1 || last); ++c) {
      const std::uint8_t* const above = whole_[2 * c - 2].data();
      halve_rows(above, whole_[2 * c - 2 + odd].data(), static_cast<std::size_t>(band_.plane[c].width),
                 band_.plane[c].row(rows_ / 2));
    }
  }
  ++rows_;
  --left_;
  if (last || rows_ == static_cast<int>(kBlock) * layout_.down) {
    for (std::size_t c = 0; c < components_.size(); ++c) {
      band_.plane[c].height = c == 0 ? rows_ : (rows_ + layout_.down - 1) / layout_.down;
    }
    add(band_, 0);
    rows_ = 0;
  }
}

void JpegWriter::finish() {
  if (writer_.count > 0) {  // filled up with ones
    bits_[0] = static_cast<std::uint8_t>(writer_.window >> 56 | 0xFFU >> writer_.count);
    append_stuffed(bits_.data() + 1);
  }
  out_.insert(out_.end(), {0xFF, 0xD9});
}

Bytes JpegWriter::take() {
  return std::exchange(out_, {});
}

}  // namespace microtome::codec
