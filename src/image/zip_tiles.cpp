// SPDX-License-Identifier: Apache-2.0
// Zip archives: PKWARE's APPNOTE 6.3, sections 4.3 (records) and 4.5.3 (Zip64).
#include <algorithm>
#include <charconv>
#include <string_view>
#include <tuple>
#include <vector>

#include "codec/deflate.hpp"
#include "image/tile_files.hpp"

namespace microtome::image {
namespace {

constexpr std::uint64_t kMostDirectory = 128ULL << 20;  // bytes of the central directory
constexpr std::uint64_t kMostTile = 64 << 20;           // bytes, packed or not
constexpr std::uint64_t kMostDescription = 64 << 10;
constexpr std::size_t kEndRecord = 22;
constexpr std::size_t kEntry = 46;
constexpr std::size_t kLocal = 30;
constexpr std::uint32_t kWide = 0xffffffff;  // the number is in the Zip64 field

std::unexpected<Error> broken(const io::FilePtr& file, const std::string& why) {
  return fail(Code::corrupt, "the zip file is damaged", file->path() + ": " + why);
}

std::uint64_t little(ByteView bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) {
    value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
  }
  return value;
}

struct Entry {
  std::uint64_t local = 0;  // offset of its local header
  std::uint64_t packed = 0;
  std::uint64_t size = 0;
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
};

struct Tile {
  std::int32_t level = 0;
  std::int32_t x = 0;
  std::int32_t y = 0;
  Entry entry;
  [[nodiscard]] auto key() const { return std::tuple(level, x, y); }
};

// The bytes of an entry, or where they lie.
Result<TileBytes> content(const io::FilePtr& file, const Entry& entry) {
  if (entry.local > file->size() || file->size() - entry.local < kLocal || (entry.flags & 1) != 0) {
    return broken(file, "an entry is outside of it or encrypted");
  }
  const auto head = file->read(entry.local, kLocal);
  if (!head || little(*head, 0, 4) != 0x04034b50) {
    return broken(file, "no local header");
  }
  const std::uint64_t at = entry.local + kLocal + little(*head, 26, 2) + little(*head, 28, 2);
  if (at > file->size() || entry.packed > file->size() - at || entry.packed > kMostTile || entry.size > kMostTile) {
    return broken(file, "an entry is outside of it or too large");
  }
  if (entry.method == 0) {
    return TileBytes{{file, at, entry.packed}, {}};
  }
  if (entry.method != 8) {
    return fail(Code::unsupported, "this kind of zip file is not supported", file->path());
  }
  const auto packed = file->read(at, static_cast<std::size_t>(entry.packed));
  if (!packed) {
    return pass(packed.error());
  }
  auto bytes = codec::inflate(*packed, codec::Wrapper::raw, static_cast<std::size_t>(entry.size),
                              static_cast<std::size_t>(entry.size));
  if (!bytes) {
    return pass(bytes.error(), file->path());
  }
  return TileBytes{{}, std::move(*bytes)};
}

class Zip final : public TileFiles {
 public:
  Zip(io::FilePtr file, std::vector<Tile> tiles) : file_(std::move(file)), tiles_(std::move(tiles)) {}

  [[nodiscard]] Result<std::optional<TileBytes>> find(int level, std::int64_t x, std::int64_t y) const override {
    const auto at = std::ranges::lower_bound(
        tiles_, std::tuple(level, static_cast<std::int32_t>(x), static_cast<std::int32_t>(y)), {}, &Tile::key);
    if (at == tiles_.end() || at->level != level || at->x != x || at->y != y || at->entry.size == 0) {
      return std::nullopt;
    }
    auto bytes = content(file_, at->entry);
    return bytes ? Result<std::optional<TileBytes>>(std::move(*bytes)) : pass(bytes.error());
  }
  [[nodiscard]] std::size_t memory() const override { return sizeof(*this) + tiles_.capacity() * sizeof(Tile); }

 private:
  io::FilePtr file_;
  std::vector<Tile> tiles_;
};

std::optional<std::int32_t> take_number(std::string_view& text, char end) {
  std::int32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop == text.data() + text.size() || *stop != end || value < 0) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  return value;
}

// Where the central directory lies: the record at the end, or Zip64's.
Result<std::pair<std::uint64_t, std::uint64_t>> find_directory(const io::FilePtr& file) {
  const std::uint64_t tail = std::min<std::uint64_t>(file->size(), kEndRecord + 0xffff);
  if (tail < kEndRecord) {
    return broken(file, "too short");
  }
  const auto bytes = file->read(file->size() - tail, static_cast<std::size_t>(tail));
  if (!bytes) {
    return pass(bytes.error());
  }
  for (std::size_t at = bytes->size() - kEndRecord + 1; at-- > 0;) {
    if (little(*bytes, at, 4) != 0x06054b50) {
      continue;
    }
    std::uint64_t size = little(*bytes, at + 12, 4);
    std::uint64_t offset = little(*bytes, at + 16, 4);
    if ((size == kWide || offset == kWide || little(*bytes, at + 10, 2) == 0xffff) && at >= 20 &&
        little(*bytes, at - 20, 4) == 0x07064b50) {
      const std::uint64_t record = little(*bytes, at - 12, 8);
      if (record > file->size() || file->size() - record < 56) {
        return broken(file, "Zip64");
      }
      const auto wide = file->read(record, 56);
      if (!wide || little(*wide, 0, 4) != 0x06064b50) {
        return broken(file, "Zip64");
      }
      size = little(*wide, 40, 8);
      offset = little(*wide, 48, 8);
    }
    if (offset > file->size() || size > file->size() - offset || size > kMostDirectory) {
      return broken(file, "the directory is outside of it");
    }
    return std::pair(offset, size);
  }
  return broken(file, "no directory");
}

// Numbers that did not fit their fields.
void take_wide(ByteView extra, Entry& entry) {
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const std::uint64_t length = little(extra, at + 2, 2);
    if (length > extra.size() - at - 4) {
      return;
    }
    if (little(extra, at, 2) == 1) {
      ByteView values = extra.subspan(at + 4, length);
      for (std::uint64_t* value : {&entry.size, &entry.packed, &entry.local}) {
        if (*value == kWide && values.size() >= 8) {
          *value = little(values, 0, 8);
          values = values.subspan(8);
        }
      }
      return;
    }
    at += 4 + length;
  }
}

struct Directory {
  std::optional<Entry> dzi;
  std::string base;  // name of the .dzi without its ending
  std::vector<std::pair<std::string_view, Entry>> all;
};

Result<Directory> read_entries(const io::FilePtr& file, ByteView bytes) {
  Directory directory;
  for (std::size_t at = 0; bytes.size() - at >= kEntry;) {
    if (little(bytes, at, 4) != 0x02014b50) {
      return broken(file, "the directory");
    }
    Entry entry;
    entry.flags = static_cast<std::uint16_t>(little(bytes, at + 8, 2));
    entry.method = static_cast<std::uint16_t>(little(bytes, at + 10, 2));
    entry.packed = little(bytes, at + 20, 4);
    entry.size = little(bytes, at + 24, 4);
    entry.local = little(bytes, at + 42, 4);
    const std::size_t name = little(bytes, at + 28, 2);
    const std::size_t extra = little(bytes, at + 30, 2);
    const std::size_t comment = little(bytes, at + 32, 2);
    if (name + extra + comment > bytes.size() - at - kEntry) {
      return broken(file, "the directory");
    }
    take_wide(bytes.subspan(at + kEntry + name, extra), entry);
    const std::string_view text = as_text(bytes.subspan(at + kEntry, name));
    if (text.ends_with(".dzi") && !directory.dzi) {
      directory.dzi = entry;
      directory.base = std::string(text.substr(0, text.size() - 4));
    } else {
      directory.all.emplace_back(text, entry);
    }
    at += kEntry + name + extra + comment;
  }
  return directory;
}

std::vector<Tile> tiles_of(const Directory& directory) {
  std::vector<Tile> tiles;
  const std::string folder = directory.base + "_files/";
  for (const auto& [name, entry] : directory.all) {
    if (!name.starts_with(folder)) {
      continue;
    }
    std::string_view rest = name.substr(folder.size());
    const auto level = take_number(rest, '/');
    const auto x = level ? take_number(rest, '_') : std::nullopt;
    const auto y = x ? take_number(rest, '.') : std::nullopt;
    if (y) {
      tiles.push_back({*level, *x, *y, entry});
    }
  }
  std::ranges::sort(tiles, {}, &Tile::key);
  return tiles;
}

}  // namespace

Result<ZippedPyramid> open_zip(const io::FilePtr& file) {
  const auto place = find_directory(file);
  if (!place) {
    return pass(place.error());
  }
  const auto bytes = file->read(place->first, static_cast<std::size_t>(place->second));
  if (!bytes) {
    return pass(bytes.error());
  }
  const auto directory = read_entries(file, *bytes);
  if (!directory) {
    return pass(directory.error());
  }
  if (!directory->dzi) {
    return fail(Code::unsupported, "a zip file without a DeepZoom picture", file->path());
  }
  if (directory->dzi->size > kMostDescription || directory->dzi->packed > kMostDescription) {
    return broken(file, "the .dzi is too large");
  }
  const auto dzi = content(file, *directory->dzi);
  const auto text = dzi ? dzi->read() : pass(dzi.error());
  if (!text) {
    return pass(text.error());
  }
  return ZippedPyramid{std::string(as_text(*text)), std::make_unique<Zip>(file, tiles_of(*directory))};
}

}  // namespace microtome::image
