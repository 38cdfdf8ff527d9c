// SPDX-License-Identifier: Apache-2.0
// For tests and benchmarks: TIFF bytes laid out by hand, for what no writer writes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"

namespace microtome::image::test {

// A TIFF laid out by hand. Add data and directories, then take bytes(); everything is appended in the order of calls.
class Layout {
 public:
  explicit Layout(bool big_endian = false, bool big_tiff = false) : big_endian_(big_endian), big_tiff_(big_tiff) {
    bytes_ = big_endian ? Bytes{'M', 'M'} : Bytes{'I', 'I'};
    put(big_tiff ? 43 : 42, 2);
    if (big_tiff) {
      put(8, 2);
      put(0, 2);
    }
    link_ = bytes_.size();
    put(0, word());
  }
  struct Field {
    std::uint16_t tag;
    std::uint16_t type;  // 1, 2, 3, 4, 16
    std::vector<std::uint64_t> values;
    std::uint64_t count = 0;  // 0: that of values
    std::int64_t at = -1;     // claims that the values lie here
  };
  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  std::uint64_t add(const Bytes& data) {
    const std::uint64_t at = bytes_.size();
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    return at;
  }
  // Appends the directory and hangs it onto the chain; gives its offset.
  std::uint64_t add_directory(const std::vector<Field>& fields, bool in_chain = true) {
    std::vector<std::uint64_t> places;
    for (const Field& field : fields) {
      places.push_back(bytes_.size());
      if (field.values.size() * size_of(field.type) > word()) {
        for (const std::uint64_t value : field.values) {
          put(value, size_of(field.type));
        }
      }
    }
    const std::uint64_t start = bytes_.size();
    put(fields.size(), big_tiff_ ? 8 : 2);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const Field& field = fields[i];
      put(field.tag, 2);
      put(field.type, 2);
      put(field.count != 0 ? field.count : field.values.size(), word());
      if (field.at >= 0) {
        put(static_cast<std::uint64_t>(field.at), word());
      } else if (field.values.size() * size_of(field.type) > word()) {
        put(places[i], word());
      } else {
        const std::size_t end = bytes_.size() + word();
        for (const std::uint64_t value : field.values) {
          put(value, size_of(field.type));
        }
        bytes_.resize(end);
      }
    }
    if (in_chain) {
      set(link_, start);
      link_ = bytes_.size();
    }
    put(0, word());
    return start;
  }
  // Makes the last directory of the chain point to `offset`.
  void link_to(std::uint64_t offset) { set(link_, offset); }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  static std::size_t size_of(std::uint16_t type) {
    return type <= 2 || type == 7 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 8;
  }
  [[nodiscard]] std::size_t word() const { return big_tiff_ ? 8 : 4; }
  void put(std::uint64_t value, std::size_t size) {
    bytes_.resize(bytes_.size() + size);
    write_at(bytes_.size() - size, value, size);
  }
  void set(std::uint64_t at, std::uint64_t value) { write_at(at, value, word()); }
  void write_at(std::uint64_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t shift = big_endian_ ? size - 1 - i : i;
      bytes_[at + i] = static_cast<std::uint8_t>(value >> (8 * shift));
    }
  }
  bool big_endian_;
  bool big_tiff_;
  std::uint64_t link_ = 0;
  Bytes bytes_;
};

// Fields of a grey 8-bit picture whose tiles all lie at `offset`.
inline std::vector<Layout::Field> tiled(std::uint64_t width, std::uint64_t height, std::uint64_t tile,
                                        std::uint64_t offset, std::uint64_t length) {
  const std::size_t tiles = ((width + tile - 1) / tile) * ((height + tile - 1) / tile);
  return {{256, 4, {width}},
          {257, 4, {height}},
          {258, 3, {8}},
          {259, 3, {1}},
          {262, 3, {1}},
          {277, 3, {1}},
          {322, 3, {tile}},
          {323, 3, {tile}},
          {324, 4, std::vector<std::uint64_t>(tiles, offset)},
          {325, 4, std::vector<std::uint64_t>(tiles, length)}};
}

inline Layout::Field& field(std::vector<Layout::Field>& fields, std::uint16_t tag) {
  return *std::ranges::find(fields, tag, &Layout::Field::tag);
}

}  // namespace microtome::image::test
