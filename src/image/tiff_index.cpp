// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_index.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <set>
#include <utility>

#include "image/tiff_tags.hpp"

namespace microtome::image {
std::unexpected<Error> TiffIndex::damaged(const std::string& what) const {
  return fail(Code::corrupt, "the TIFF file is damaged", file()->path() + ": " + what);
}

std::uint64_t TiffIndex::decode(const std::uint8_t* at, unsigned size) const {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) {
    value = value << 8 | at[big_endian_ ? i : size - 1 - i];
  }
  return value;
}

Result<TiffIndexPtr> TiffIndex::open(io::FilePtr file) {
  std::shared_ptr<TiffIndex> index(new TiffIndex(std::move(file)));
  auto offset = index->read_header();
  if (!offset) {
    return pass(offset.error());
  }
  std::set<std::uint64_t> seen;  // a chain that comes back to itself ends there
  for (std::uint64_t at = *offset; at != 0 && index->chain_.size() < kMostDirectories && seen.insert(at).second;) {
    std::uint64_t next = 0;
    auto directory = index->read_directory(at, &next);
    if (!directory) {
      if (index->chain_.empty()) {
        return pass(directory.error());
      }
      break;
    }
    index->chain_.push_back(std::move(*directory));
    at = next;
  }
  if (index->chain_.empty()) {
    return index->damaged("no directory");
  }
  index->read_reduced(seen);
  return index;
}

Result<TiffIndexPtr> TiffIndex::open_at(io::FilePtr file, const std::vector<std::uint64_t>& directories) {
  std::shared_ptr<TiffIndex> index(new TiffIndex(std::move(file)));
  if (auto offset = index->read_header(); !offset) {
    return pass(offset.error());
  }
  std::set<std::uint64_t> seen;
  for (const std::uint64_t at : directories) {
    std::uint64_t ignored = 0;
    if (index->chain_.size() >= kMostDirectories || !seen.insert(at).second) {
      continue;
    }
    auto directory = index->read_directory(at, &ignored);
    if (directory) {
      index->chain_.push_back(std::move(*directory));
    } else if (index->chain_.empty()) {
      return pass(directory.error());
    }
  }
  if (index->chain_.empty()) {
    return index->damaged("no directory");
  }
  index->read_reduced(seen);
  return index;
}

std::vector<TiffDirectory> TiffIndex::walk(io::FilePtr file, std::size_t most) {
  TiffIndex index(std::move(file));
  std::vector<TiffDirectory> chain;
  const auto offset = index.read_header();
  std::set<std::uint64_t> seen;
  for (std::uint64_t at = offset.value_or(0); at != 0 && chain.size() < most && seen.insert(at).second;) {
    auto directory = index.read_directory(at, &at);
    if (!directory) {
      break;
    }
    directory->fields = {};
    directory->children = {};
    chain.push_back(std::move(*directory));
  }
  return chain;
}

// The SubIFDs of the chain; and what smaller levels forget to say.
void TiffIndex::read_reduced(std::set<std::uint64_t>& seen) {
  // Writers of pyramids forget the sample format on the smaller levels: it is that of the first page then.
  const auto inherit = [first = chain_.front()](TiffDirectory& page) {
    if ((page.subfile & tiff::kReduced) != 0 && page.find(tiff::kSampleFormat) == nullptr &&
        page.bits == first.bits && page.samples == first.samples) {
      page.format = first.format;
    }
  };
  std::ranges::for_each(chain_, inherit);
  for (const TiffDirectory& page : chain_) {
    for (const std::uint64_t child : page.children) {
      if (below_.size() < kMostDirectories && seen.insert(child).second) {
        std::uint64_t ignored = 0;
        if (auto directory = read_directory(child, &ignored); directory) {
          inherit(*directory);
          below_.push_back(std::move(*directory));
        }
      }
    }
  }
}

Result<std::uint64_t> TiffIndex::read_header() {
  std::array<std::uint8_t, 16> head{};
  if (file()->size() < 8) {
    return fail(Code::unsupported, "not a picture that can be read", file()->path() + ": too short");
  }
  const std::span<std::uint8_t> part(head.data(), std::min<std::uint64_t>(head.size(), file()->size()));
  if (auto done = file()->read(0, part); !done) {
    return pass(done.error());
  }
  const bool little = head[0] == 'I' && head[1] == 'I';
  big_endian_ = head[0] == 'M' && head[1] == 'M';
  const std::uint64_t version = decode(&head[2], 2);
  if ((!little && !big_endian_) || (version != 42 && version != 43)) {
    return fail(Code::unsupported, "not a picture that can be read", file()->path() + ": no TIFF header");
  }
  big_tiff_ = version == 43;
  if (!big_tiff_) {
    return decode(&head[4], 4);
  }
  if (file()->size() < 16 || decode(&head[4], 2) != 8 || decode(&head[6], 2) != 0) {
    return damaged("odd BigTIFF header");
  }
  return decode(&head[8], 8);
}

Result<std::optional<std::uint64_t>> TiffIndex::element(const TiffField& field, std::uint64_t index,
                                                        bool may_block) const {
  const unsigned size = tiff::bytes_of_type(field.type);
  if (size == 0 || index >= field.count) {
    return damaged("a block without an entry");
  }
  std::array<std::uint8_t, 8> value{};
  auto got = pages_.copy(field.offset + index * size, {value.data(), size}, may_block);
  if (!got) {
    return pass(got.error());
  }
  if (!*got) {
    return std::nullopt;
  }
  return decode(value.data(), size);
}

Result<std::optional<TiffBlock>> TiffIndex::block(const TiffDirectory& directory, std::uint64_t index,
                                                  bool may_block) const {
  if (directory.counts.count == 0) {
    return damaged("no lengths of blocks");
  }
  auto offset = element(directory.offsets, index, may_block);
  if (!offset || !*offset) {
    return offset ? Result<std::optional<TiffBlock>>(std::nullopt) : pass(offset.error());
  }
  auto length = element(directory.counts, index, may_block);
  if (!length || !*length) {
    return length ? Result<std::optional<TiffBlock>>(std::nullopt) : pass(length.error());
  }
  TiffBlock block{**offset, **length};
  if (block.offset == 0 || block.length == 0) {
    return TiffBlock{};  // sparse
  }
  if (block.length > file()->size() || block.offset > file()->size() - block.length) {
    return damaged("block " + std::to_string(index) + " lies outside of the file");
  }
  return block;
}

std::vector<std::uint64_t> TiffIndex::integers(const TiffField& field, std::size_t most) const {
  return integers(field, most, {});
}

std::vector<std::uint64_t> TiffIndex::integers(const TiffField& field, std::size_t most, const Window& window) const {
  const unsigned size = tiff::bytes_of_type(field.type);
  if (field.type == 2 || field.type == 5 || (field.type >= 10 && field.type <= 12)) {
    return {};
  }
  const std::size_t count = std::min<std::uint64_t>(field.count, most);
  Bytes read;
  const std::uint8_t* at = nullptr;
  if (field.offset >= window.offset && field.offset - window.offset + count * size <= window.bytes.size()) {
    at = window.bytes.data() + (field.offset - window.offset);
  } else if (auto bytes = file()->read(field.offset, count * size); bytes) {
    read = std::move(*bytes);
    at = read.data();
  }
  std::vector<std::uint64_t> values;
  if (at != nullptr) {
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      values.push_back(decode(at + i * size, size));
    }
  }
  return values;
}

std::optional<double> TiffIndex::number(const TiffField& field) const {
  const unsigned size = tiff::bytes_of_type(field.type);
  auto bytes = file()->read(field.offset, size);
  if (!bytes) {
    return std::nullopt;
  }
  const std::uint64_t raw = decode(bytes->data(), size);
  switch (field.type) {
    case 5: {
      const auto above = static_cast<double>(decode(bytes->data(), 4));
      const auto below = static_cast<double>(decode(bytes->data() + 4, 4));
      return below == 0 ? std::nullopt : std::optional(above / below);
    }
    case 11:
      return std::bit_cast<float>(static_cast<std::uint32_t>(raw));
    case 12:
      return std::bit_cast<double>(raw);
    default:
      return static_cast<double>(raw);
  }
}

Bytes TiffIndex::bytes(const TiffField& field, std::size_t most, bool cut) const {
  const std::uint64_t size = field.count * tiff::bytes_of_type(field.type);
  if (size > most && !cut) {
    return {};
  }
  auto bytes = file()->read(field.offset, std::min<std::uint64_t>(size, most));
  return bytes ? std::move(*bytes) : Bytes{};
}

std::size_t TiffIndex::memory() const {
  std::size_t bytes = sizeof(*this) - sizeof(FilePages) + pages_.memory();
  for (const auto* list : {&chain_, &below_}) {
    for (const TiffDirectory& directory : *list) {
      bytes += sizeof(directory) + directory.fields.capacity() * sizeof(TiffField) +
               directory.children.capacity() * sizeof(std::uint64_t);
    }
  }
  return bytes;
}

}  // namespace microtome::image
