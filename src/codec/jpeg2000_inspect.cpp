// SPDX-License-Identifier: Apache-2.0
// Markers: ISO/IEC 15444-1 Annex A.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "codec/jpeg2000.hpp"
#include "codec/jpeg2000_boxes.hpp"

namespace microtome::codec {
namespace {

constexpr int kMostChannels = 16;
constexpr std::uint64_t kMostHeader = 4 << 20;        // bytes of jp2h or of a main header
constexpr std::uint64_t kMostTileParts = 200'000;     // looked at
constexpr std::uint64_t kMostTileBytes = 1ULL << 30;  // that OpenJPEG may allocate for the blocks of one tile
// A small file may not ask for that much.
constexpr std::uint64_t kSomeTileBytes = 256ULL << 20;
constexpr std::uint64_t kTileBytesPerByte = 4096;
constexpr std::uint64_t kTileState = 12 << 10;  // OpenJPEG's, for each tile of the codestream
constexpr std::uint64_t kBlockState = 256;      // for each code block
constexpr std::uint64_t kPrecinctState = 512;
constexpr std::size_t kMostCodings = 300;  // different ones
// OpenJPEG goes through every packet that is announced, also after the last byte. A packet takes a byte at least; our
// count of them may be four times too high.
constexpr std::uint64_t kSomePackets = 1'000'000;
constexpr std::uint64_t kPacketsPerByte = 4;

std::unexpected<Error> too_large(std::string why) {
  return fail(Code::too_large, "the JPEG 2000 picture is too large to decode", std::move(why));
}

std::int64_t ceil_div(std::int64_t value, std::int64_t by) {
  return (value + by - 1) / by;
}

struct Component {
  int bits = 8;
  bool is_signed = false;
  int dx = 1;
  int dy = 1;
};

// What COD and COC say of a tile or component.
struct Coding {
  int decompositions = 0;
  int block_width = 6;  // log2
  int block_height = 6;
  bool ht = false;
  std::array<std::uint8_t, 33> precincts{};  // width | height << 4, log2, by resolution
  friend bool operator==(const Coding&, const Coding&) = default;
};

struct Stream {
  std::uint64_t start = 0;
  std::int64_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  std::int64_t tile_x0 = 0, tile_y0 = 0, tile_width = 0, tile_height = 0;
  std::vector<Component> components;
  std::vector<Coding> codings;  // all that occur
  std::uint64_t layers = 1;     // the most of any tile
};

// Reads markers of a header up to the one that ends it.
class Headers {
 public:
  Headers(const ByteSource& source, std::uint64_t end) : source_(source), end_(end) {}

  // From SOC on.
  Result<Stream> read(std::uint64_t start) {
    stream_.start = start;
    std::array<std::uint8_t, 2> soc{};
    if (end_ - start < 4 || !source_.read(start, soc) || soc[0] != 0xff || soc[1] != 0x4f) {
      return broken_jpeg2000("no codestream");
    }
    at_ = start + 2;
    if (auto done = header(true); !done) {
      return pass(done.error());
    }
    if (stream_.components.empty() || stream_.codings.empty()) {
      return broken_jpeg2000("SIZ or COD is missing");
    }
    if (auto done = tile_parts(); !done) {
      return pass(done.error());
    }
    return std::move(stream_);
  }

 private:
  Result<void> header(bool main) {
    for (int markers = 0; markers < 100'000; ++markers) {
      std::array<std::uint8_t, 4> head{};
      if (end_ - at_ < 4 || !source_.read(at_, head) || head[0] != 0xff) {
        return broken_jpeg2000("a header is cut off");
      }
      const std::uint8_t marker = head[1];
      if (marker == (main ? 0x90 : 0x93)) {  // SOT, SOD
        return {};
      }
      const std::uint64_t length = big_endian(head, 2, 2);
      if (length < 2 || length > end_ - at_ - 2 || at_ - stream_.start > kMostHeader * (main ? 1 : 1ULL << 40)) {
        return broken_jpeg2000("a marker segment is cut off");
      }
      if (marker == 0x51 || marker == 0x52 || marker == 0x53) {
        Bytes body(length - 2);
        if (!source_.read(at_ + 4, body)) {
          return broken_jpeg2000("a marker segment cannot be read");
        }
        auto done = marker == 0x51   ? (main ? size(body) : broken_jpeg2000("SIZ in a tile"))
                    : marker == 0x52 ? tile_style(body)
                                     : component_style(body);
        if (!done) {
          return done;
        }
      }
      at_ += 2 + length;
    }
    return broken_jpeg2000("too many marker segments");
  }

  Result<void> size(ByteView body) {
    if (!stream_.components.empty() || body.size() < 36) {
      return broken_jpeg2000("SIZ is damaged");
    }
    stream_.x1 = static_cast<std::int64_t>(big_endian(body, 2, 4));
    stream_.y1 = static_cast<std::int64_t>(big_endian(body, 6, 4));
    stream_.x0 = static_cast<std::int64_t>(big_endian(body, 10, 4));
    stream_.y0 = static_cast<std::int64_t>(big_endian(body, 14, 4));
    stream_.tile_width = static_cast<std::int64_t>(big_endian(body, 18, 4));
    stream_.tile_height = static_cast<std::int64_t>(big_endian(body, 22, 4));
    stream_.tile_x0 = static_cast<std::int64_t>(big_endian(body, 26, 4));
    stream_.tile_y0 = static_cast<std::int64_t>(big_endian(body, 30, 4));
    const auto count = big_endian(body, 34, 2);
    constexpr std::int64_t kMost = 0x7fffffff;  // what OpenJPEG's areas can say
    if (stream_.x0 >= stream_.x1 || stream_.y0 >= stream_.y1 || stream_.x1 > kMost || stream_.y1 > kMost ||
        stream_.tile_width < 1 || stream_.tile_height < 1 || stream_.tile_x0 > stream_.x0 ||
        stream_.tile_y0 > stream_.y0 || stream_.tile_x0 + stream_.tile_width <= stream_.x0 ||
        stream_.tile_y0 + stream_.tile_height <= stream_.y0 || count < 1 || body.size() < 36 + 3 * count) {
      return broken_jpeg2000("SIZ makes no sense");
    }
    if (count > kMostChannels) {
      return fail(Code::unsupported, "a JPEG 2000 picture with so many channels is not supported");
    }
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint8_t depth = body[36 + 3 * i];
      Component component{(depth & 0x7f) + 1, (depth & 0x80) != 0, body[37 + 3 * i], body[38 + 3 * i]};
      if (component.bits > 31 || component.dx < 1 || component.dy < 1 ||
          ceil_div(stream_.x1, component.dx) <= ceil_div(stream_.x0, component.dx) ||
          ceil_div(stream_.y1, component.dy) <= ceil_div(stream_.y0, component.dy)) {
        return broken_jpeg2000("SIZ makes no sense");
      }
      stream_.components.push_back(component);
    }
    return {};
  }

  Result<void> tile_style(ByteView body) {
    if (body.size() < 5) {
      return broken_jpeg2000("COD is damaged");
    }
    stream_.layers = std::max(stream_.layers, big_endian(body, 2, 2));
    return style(body, 5);
  }

  Result<void> component_style(ByteView body) {
    // The index has one byte for up to 256 components.
    return body.size() < 7 ? broken_jpeg2000("COC is damaged") : style(body.subspan(1), 1);
  }

  // SPcod from `at` on, after Scod (and SGcod).
  Result<void> style(ByteView body, std::size_t at) {
    if (body.size() < at + 5) {
      return broken_jpeg2000("COD is damaged");
    }
    Coding coding;
    coding.decompositions = body[at];
    coding.block_width = (body[at + 1] & 0xf) + 2;
    coding.block_height = (body[at + 2] & 0xf) + 2;
    coding.ht = (body[at + 3] & 0x40) != 0;
    if (coding.decompositions > 32 || coding.block_width > 10 || coding.block_height > 10 ||
        coding.block_width + coding.block_height > 12) {
      return broken_jpeg2000("COD makes no sense");
    }
    coding.precincts.fill(0xff);
    if ((body[0] & 1) != 0) {
      const auto count = static_cast<std::size_t>(coding.decompositions) + 1;
      if (body.size() < at + 5 + count) {
        return broken_jpeg2000("COD is damaged");
      }
      std::copy_n(body.begin() + static_cast<std::ptrdiff_t>(at) + 5, count, coding.precincts.begin());
    }
    if (std::ranges::find(stream_.codings, coding) == stream_.codings.end()) {
      stream_.codings.push_back(coding);
    }
    return stream_.codings.size() <= kMostCodings ? Result<void>() : broken_jpeg2000("too many coding styles");
  }

  // Goes from tile part to tile part. Where the stream ends early, what is missing is the decoder's affair.
  Result<void> tile_parts() {
    for (std::uint64_t parts = 0; parts < kMostTileParts; ++parts) {
      std::array<std::uint8_t, 12> sot{};
      if (end_ - at_ < sot.size() || !source_.read(at_, sot) || sot[0] != 0xff || sot[1] != 0x90) {
        return {};
      }
      const std::uint64_t start = at_;
      const std::uint64_t length = big_endian(sot, 6, 4);
      at_ += sot.size();
      if (auto done = header(false); !done) {
        return parts > 0 ? Result<void>() : done;
      }
      if (length < 14 || length >= end_ - start) {  // 0: up to the end
        return {};
      }
      at_ = start + length;
    }
    return too_large("too many tile parts");
  }

  const ByteSource& source_;
  std::uint64_t end_;
  std::uint64_t at_ = 0;
  Stream stream_;
};

// What one whole tile costs OpenJPEG, about, whatever part of it is decoded.
struct TileCost {
  double bytes = 0;
  double packets = 0;
};

TileCost tile_cost(const Stream& stream, const Coding& coding) {
  const auto width = static_cast<double>(std::min(stream.tile_width, stream.x1 - stream.x0));
  const auto height = static_cast<double>(std::min(stream.tile_height, stream.y1 - stream.y0));
  TileCost cost;
  for (const Component& component : stream.components) {
    for (int r = 0; r <= coding.decompositions; ++r) {
      const double scale = std::exp2(coding.decompositions - r);
      const double across = std::max(1.0, width / component.dx / scale);
      const double down = std::max(1.0, height / component.dy / scale);
      const int pw = coding.precincts[static_cast<std::size_t>(r)] & 0xf;
      const int ph = coding.precincts[static_cast<std::size_t>(r)] >> 4;
      const double precincts = (across / std::exp2(pw) + 1) * (down / std::exp2(ph) + 1);
      const double block_width = std::exp2(std::min(coding.block_width, std::max(0, r == 0 ? pw : pw - 1)));
      const double block_height = std::exp2(std::min(coding.block_height, std::max(0, r == 0 ? ph : ph - 1)));
      const double blocks = (across / block_width + 1) * (down / block_height + 1) + precincts;
      cost.bytes += precincts * kPrecinctState + blocks * kBlockState;
      cost.packets += precincts * static_cast<double>(stream.layers);
    }
  }
  return cost;
}

Result<void> check(const Stream& stream, std::uint64_t size) {
  const std::int64_t across = ceil_div(stream.x1 - stream.tile_x0, stream.tile_width);
  const std::int64_t down = ceil_div(stream.y1 - stream.tile_y0, stream.tile_height);
  if (across > 65535 || down > 65535 || across * down > 65535) {
    return broken_jpeg2000("too many tiles");
  }
  const auto tiles = static_cast<std::uint64_t>(across * down);
  if (tiles > size / 14 + 1) {  // of the least that a tile part takes
    return broken_jpeg2000("more tiles than the file can hold");
  }
  if (tiles * kTileState > kMostTileBytes) {
    return too_large("too many tiles");
  }
  for (const Coding& coding : stream.codings) {
    const TileCost cost = tile_cost(stream, coding);
    if (cost.bytes > static_cast<double>(std::min(kMostTileBytes, kSomeTileBytes + kTileBytesPerByte * size))) {
      return too_large("too many code blocks in a tile");
    }
    if (cost.packets * static_cast<double>(tiles) > static_cast<double>(kSomePackets + kPacketsPerByte * size)) {
      return broken_jpeg2000("more packets than the file can hold");
    }
  }
  return {};
}

// Colour of the channels as the decoder will give them.
pixel::Colour colour_of(const Jpeg2000Info& info, const Jpeg2000Boxes& boxes) {
  constexpr int kCmyk = 12;
  constexpr std::size_t kSpaceAt = 16;  // in a profile
  const bool by_profile =
      boxes.icc.size() > kSpaceAt + 4 && as_text(boxes.icc).substr(kSpaceAt, 4) == "CMYK";  // needs all four
  if ((boxes.colour_space == kCmyk || by_profile) && info.channels == 4) {
    return pixel::Colour::cmyk;
  }
  switch (info.channels) {
    case 1:
      return pixel::Colour::grey;
    case 2:
      return boxes.alpha || !boxes.has_definitions ? pixel::Colour::grey_alpha : pixel::Colour::multi;
    case 3:
      return boxes.alpha ? pixel::Colour::multi : pixel::Colour::rgb;
    case 4:
      return boxes.alpha ? pixel::Colour::rgba : pixel::Colour::multi;
    default:
      return pixel::Colour::multi;
  }
}

}  // namespace

std::int64_t Jpeg2000Info::width_at(int reduction) const {
  const std::int64_t one = 1LL << reduction;
  return ceil_div(left + width, one) - ceil_div(left, one);
}

std::int64_t Jpeg2000Info::height_at(int reduction) const {
  const std::int64_t one = 1LL << reduction;
  return ceil_div(top + height, one) - ceil_div(top, one);
}

Result<Jpeg2000Info> inspect_jpeg2000(const ByteSource& source) {
  std::array<std::uint8_t, 12> head{};
  if (source.size < head.size() || !source.read(0, head)) {
    return broken_jpeg2000("too short");
  }
  Jpeg2000Info info;
  Jpeg2000Boxes boxes;
  boxes.end = source.size;
  info.jp2 = head[0] != 0xff;
  if (info.jp2) {
    auto read = read_jpeg2000_boxes(source);
    if (!read) {
      return pass(read.error());
    }
    boxes = std::move(*read);
  }
  const auto stream = Headers(source, boxes.end).read(boxes.codestream);
  if (!stream) {
    return pass(stream.error());
  }
  if (auto good = check(*stream, source.size); !good) {
    return pass(good.error());
  }
  constexpr int kSycc = 18;
  constexpr int kEycc = 24;
  info.grid = {stream->x0, stream->y0, stream->x1 - stream->x0, stream->y1 - stream->y0};
  info.step_x = info.step_y = 255;
  for (const Component& component : stream->components) {
    info.step_x = std::min(info.step_x, component.dx);
    info.step_y = std::min(info.step_y, component.dy);
    info.most_step_x = std::max(info.most_step_x, component.dx);
    info.most_step_y = std::max(info.most_step_y, component.dy);
  }
  info.left = ceil_div(stream->x0, info.step_x);
  info.top = ceil_div(stream->y0, info.step_y);
  info.width = ceil_div(stream->x1, info.step_x) - info.left;
  info.height = ceil_div(stream->y1, info.step_y) - info.top;
  info.tile_width = std::min(ceil_div(stream->tile_width, info.step_x), info.width);
  info.tile_height = std::min(ceil_div(stream->tile_height, info.step_y), info.height);
  int decompositions = 32;
  for (const Coding& coding : stream->codings) {
    decompositions = std::min(decompositions, coding.decompositions);
    info.ht = info.ht || coding.ht;
  }
  // A level must have at least one pixel of every component.
  info.resolutions = 1;
  while (info.resolutions <= decompositions && info.width_at(info.resolutions) > 0 &&
         info.height_at(info.resolutions) > 0 && (info.width >> info.resolutions) > 0 &&
         (info.height >> info.resolutions) > 0) {
    ++info.resolutions;
  }
  info.palette = boxes.palette_columns > 0 && stream->components.size() == 1;
  info.channels =
      info.palette ? std::min(boxes.palette_columns, kMostChannels) : static_cast<int>(stream->components.size());
  info.bits = 1;
  for (const Component& component : stream->components) {
    info.bits = std::max(info.bits, component.bits);
  }
  info.bits = std::clamp(info.palette ? boxes.palette_bits : info.bits, 1, 16);
  info.sycc = info.channels >= 3 && (boxes.colour_space == kSycc || boxes.colour_space == kEycc);
  info.colour = colour_of(info, boxes);
  info.icc = std::move(boxes.icc);
  info.um_per_pixel_x = boxes.um_x;
  info.um_per_pixel_y = boxes.um_y;
  return info;
}

}  // namespace microtome::codec
