// SPDX-License-Identifier: Apache-2.0
#include "image/embedded.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>

#include "codec/deflate.hpp"

namespace microtome::image {
namespace {

constexpr std::size_t kMostProfile = 4 << 20;
constexpr std::size_t kMostComment = 64 << 10;

std::uint32_t big(ByteView bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | bytes[at + i];
  }
  return value;
}

bool begins(ByteView bytes, std::string_view text) {
  return bytes.size() >= text.size() && as_text(bytes.first(text.size())) == text;
}

// Cameras and editors write 150, 300 or any other number of dots per inch that means nothing; only what is finer was
// scanned or seen through a microscope.
std::optional<PixelSize> believable(std::optional<PixelSize> size) {
  constexpr double kEditors = 25400.0 / 301;
  return size && size->x < kEditors ? size : std::nullopt;
}

// Orientation out of an EXIF block: a small TIFF whose first directory has tag 274 (SHORT).
int exif_orientation(ByteView tiff) {
  if (tiff.size() < 14) {
    return 1;
  }
  const bool swapped = tiff[0] == 'I';
  const auto number = [&](std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8 | tiff[at + (swapped ? size - 1 - i : i)];
    }
    return value;
  };
  const std::size_t start = number(4, 4);
  if (start > tiff.size() - 2) {
    return 1;
  }
  const std::size_t entries = number(start, 2);
  for (std::size_t i = 0; i < entries && start + 2 + (i + 1) * 12 <= tiff.size(); ++i) {
    const std::size_t entry = start + 2 + i * 12;
    if (number(entry, 2) == 274 && number(entry + 2, 2) == 3) {
      const auto value = static_cast<int>(number(entry + 8, 2));
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

class JpegReader {
 public:
  Embedded read(ByteView file) {
    std::size_t at = 2;
    while (at + 4 <= file.size() && file[at] == 0xff) {
      const std::uint8_t marker = file[at + 1];
      if (marker == 0xff) {  // fill byte
        ++at;
        continue;
      }
      const std::size_t length = big(file, at + 2, 2);
      if (marker == 0xda || marker == 0xd9 || length < 2 || at + 2 + length > file.size()) {
        break;
      }
      take(marker, file.subspan(at + 4, length - 2));
      at += 2 + length;
    }
    join_profile();
    return std::move(found_);
  }

 private:
  void take(std::uint8_t marker, ByteView body) {
    using namespace std::string_view_literals;
    if (marker == 0xe0 && begins(body, "JFIF\0"sv) && body.size() >= 12 && (body[7] == 1 || body[7] == 2)) {
      found_.size = believable(size_from_resolution(big(body, 8, 2), big(body, 10, 2), body[7] == 2));
    } else if (marker == 0xe1 && begins(body, "Exif\0\0"sv)) {
      found_.orientation = exif_orientation(body.subspan(6));
    } else if (marker == 0xe2 && begins(body, "ICC_PROFILE\0"sv) && body.size() > 14) {
      parts_[body[12]] = body.subspan(14);
      expected_ = body[13];
    } else if (marker == 0xfe && found_.comment.empty()) {
      found_.comment = std::string(as_text(body.first(std::min(body.size(), kMostComment))));
    }
  }
  void join_profile() {
    if (parts_.empty() || parts_.size() != expected_) {
      return;
    }
    for (const auto& [number, part] : parts_) {
      found_.icc.insert(found_.icc.end(), part.begin(), part.end());
    }
  }

  Embedded found_;
  std::map<int, ByteView> parts_;  // of the profile
  std::size_t expected_ = 0;
};

}  // namespace

Embedded embedded_in_jpeg(ByteView file) {
  return JpegReader().read(file);
}

Embedded embedded_in_png(ByteView file) {
  Embedded found;
  std::size_t at = 8;
  while (file.size() >= 12 && at <= file.size() - 12) {
    const std::size_t length = big(file, at, 4);
    const std::string_view type = as_text(file.subspan(at + 4, 4));
    if (length > file.size() - at - 12 || type == "IDAT") {
      break;
    }
    const ByteView body = file.subspan(at + 8, length);
    if (type == "pHYs" && length == 9 && body[8] == 1) {
      found.size = believable(size_from_resolution(big(body, 0, 4) / 100.0, big(body, 4, 4) / 100.0, true));
    } else if (type == "iCCP") {
      const auto name_end = std::ranges::find(body, 0);
      if (body.end() - name_end > 2) {
        const ByteView packed = body.subspan(name_end - body.begin() + 2);
        if (auto profile = codec::inflate(packed, codec::Wrapper::zlib, kMostProfile); profile) {
          found.icc = std::move(*profile);
        }
      }
    }
    at += length + 12;
  }
  return found;
}

Embedded embedded_in_webp(ByteView file) {
  Embedded found;
  std::size_t at = 12;
  while (file.size() >= 8 && at <= file.size() - 8) {
    const std::size_t length = std::size_t{file[at + 4]} | std::size_t{file[at + 5]} << 8 |
                               std::size_t{file[at + 6]} << 16 | std::size_t{file[at + 7]} << 24;
    if (length > file.size() - at - 8) {
      break;
    }
    if (as_text(file.subspan(at, 4)) == "ICCP" && length <= kMostProfile) {
      const ByteView body = file.subspan(at + 8, length);
      found.icc.assign(body.begin(), body.end());
      break;
    }
    at += 8 + length + (length & 1);
  }
  return found;
}

}  // namespace microtome::image
