// SPDX-License-Identifier: Apache-2.0
// Picture: one image at several resolutions, whatever file it comes from. Readers implement it; the engine asks it
// either for stored bytes that can be passed through, or for decoded pixels.
// All const members are thread-safe. A Picture is a snapshot of one FileId: when the file changes, a new one is
// opened.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"
#include "image/row_reader.hpp"
#include "io/file.hpp"
#include "pixel/image.hpp"
#include "pixel/planes.hpp"

namespace microtome::image {

// One resolution. Level 0 is the full size; each following one is smaller.
struct Level {
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
  int tile_width = 0;  // pixels of a full tile; for an untiled source the size of the tiles we make
  int tile_height = 0;
  [[nodiscard]] std::int64_t across() const { return (width + tile_width - 1) / tile_width; }
  [[nodiscard]] std::int64_t down() const { return (height + tile_height - 1) / tile_height; }
};

// The pages of a file that holds several pictures of the same kind, and which of them shows which plane.
struct Stack {
  // A plane that lies in another file of the same folder.
  struct Elsewhere {
    std::string file;  // its name
    int page = 0;
  };
  int pages = 1;  // 0..pages-1
  int z = 1;      // planes along the depth, channels, moments; their product is pages when the file does not say
  int c = 1;
  int t = 1;
  bool alike = true;                                // all pages have one size
  std::vector<int> page;                            // by z + this->z * (c + this->c * t); -1: not in this file
  std::optional<double> z_um;                       // between two planes; micrometres
  std::vector<std::uint32_t> colours = {};          // 0xRRGGBB of each channel; empty where the file does not say all
  int bits = 0;                                     // significant ones of a sample; 0 = the file does not say
  std::map<std::size_t, Elsewhere> elsewhere = {};  // planes that are not in this file, by their index in `page`
  [[nodiscard]] std::size_t memory() const {
    constexpr std::size_t kPerPlane = 128;  // a node and a name
    return sizeof(*this) + page.capacity() * sizeof(int) + elsewhere.size() * kPerPlane;
  }
  // The page of a plane; -1 when there is none.
  [[nodiscard]] int page_of(std::int64_t at_z, std::int64_t at_c, std::int64_t at_t) const {
    const bool inside = at_z >= 0 && at_z < z && at_c >= 0 && at_c < c && at_t >= 0 && at_t < t;
    return inside ? page[static_cast<std::size_t>(at_z + z * (at_c + c * at_t))] : -1;
  }
};

struct PictureInfo {
  std::int64_t width = 0;  // pixels, of level 0
  std::int64_t height = 0;
  int channels = 3;
  int bits = 8;  // per sample, as stored; u16 samples lie in 0..2^bits-1, other whole ones use their type's range
  pixel::Sample sample = pixel::Sample::u8;
  pixel::Colour colour = pixel::Colour::rgb;
  std::vector<Level> levels;             // at least one
  std::optional<double> um_per_pixel_x;  // micrometres; unset when the file does not say
  std::optional<double> um_per_pixel_y;
  SharedBytes icc;                           // may be null
  std::map<std::string, std::string> text;   // metadata by lower-case name: description, software, date, artist...
  bool has_tiles = false;                    // random access to stored tiles; else every access decodes the whole
  bool opaque = true;                        // no alpha
  bool lossy = false;                        // the file's encoding has lost something: JPEG, lossy WebP, AVIF
  std::shared_ptr<const Stack> stack = {};   // null: the file holds one picture
  std::vector<std::string> associated = {};  // parts of the slide's file: label, macro, thumbnail
};

enum class Stored : std::uint8_t { none, jpeg, webp };

// How a tile lies in the file, when a client can take it as it is: prefix, range, suffix joined are a whole picture
// file.
struct StoredTile {
  Stored stored = Stored::none;  // none: must be decoded
  SharedBytes prefix;            // SOI, APP14, ICC, JPEG tables; may be null
  io::FileRange range;
  SharedBytes suffix;  // a missing EOI; may be null
  int width = 0;       // pixels the stored stream decodes to
  int height = 0;
  int visible_width = 0;  // pixels that lie inside the level; less at the right and bottom edge
  int visible_height = 0;
  bool empty = false;  // zero bytes stored; decode_tile gives background (white for 8-bit rgb, else 0 or transparent)
  [[nodiscard]] bool clipped() const { return visible_width < width || visible_height < height; }
};

class Picture {
 public:
  virtual ~Picture() = default;
  [[nodiscard]] virtual const PictureInfo& info() const = 0;
  // What its pixels are known by: part of every key and ETag.
  [[nodiscard]] virtual const io::FileId& id() const = 0;
  // The state of the file that it was opened from: other than id() where the pixels come from a pyramid of it.
  [[nodiscard]] virtual const io::FileId& file_id() const { return id(); }
  // The picture that this one stands in for, when its pixels are only nearly the same; else null.
  [[nodiscard]] virtual std::shared_ptr<const Picture> original() const { return nullptr; }
  // Bytes held, for the cache of open pictures. Grows with use: pages of the index, decoded levels of untiled
  // pictures (up to OpenLimits::max_kept_bytes). Cheap enough to ask after every use.
  [[nodiscard]] virtual std::size_t memory() const = 0;

  // Where tile (x, y) of `level` lies. With `may_block` false it answers only from memory and the page cache:
  // nullopt = ask again on a worker. Code::not_found outside the level.
  [[nodiscard]] virtual Result<std::optional<StoredTile>> stored_tile(int level, std::int64_t x, std::int64_t y,
                                                                      bool may_block) const = 0;
  // Decoded tile, cropped to the level; pixels as info().colour and sample say.
  [[nodiscard]] virtual Result<pixel::Image> decode_tile(int level, std::int64_t x, std::int64_t y,
                                                         const CancelToken& cancel) const = 0;
  // Decoded rectangle of a level, clipped by the caller to the level. At reduction r in {1,2,4,8} a reader may decode
  // at 1/r scale (JPEG DCT scaling, JPEG 2000 reduction) when `reduction` allows; the result's size is then
  // ceil(width/r) x ceil(height/r). Readers that cannot scale return r = 1; `*reduction` tells what was done.
  // Tiled pictures reduce when rect.x, rect.y and the tile's sides are multiples of r: align the rectangle to 8.
  [[nodiscard]] virtual Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                           const CancelToken& cancel) const = 0;
  // The same at full scale as YCbCr, colour at its stored resolution; rect.x and rect.y even. nullopt: this picture
  // is not stored so.
  [[nodiscard]] virtual Result<std::optional<pixel::Planes>> decode_planes(int /*level*/, const pixel::Rect& /*rect*/,
                                                                           const CancelToken& /*cancel*/) const {
    return std::nullopt;
  }
  // All rows of level 0 in turn, decoded once. `max_bytes`: what may be held where a format gives its rows only
  // together (Code::too_large beyond it). Code::unsupported: for pictures that have tiles.
  [[nodiscard]] virtual Result<RowReaderPtr> rows(std::uint64_t /*max_bytes*/) const {
    return fail(Code::unsupported, "the picture has no rows");
  }
};

using PicturePtr = std::shared_ptr<const Picture>;

struct OpenLimits {
  std::uint64_t max_decoded_pixels = 512ULL << 20;  // of an untiled picture that must be decoded whole
  int default_tile = 256;                           // side of tiles made from untiled pictures
  std::size_t max_kept_bytes = 64ULL << 20;  // decoded pixels that one untiled picture keeps; memory() counts them
  int max_layers = 0;                        // quality layers of JPEG 2000 that are decoded; 0 = all
};

// "NAME;PART": one picture of a file that holds several.
struct PartName {
  std::string file;
  std::string part;                        // page number, plane (z3, z3c1t0), or label, macro, thumbnail...
  [[nodiscard]] std::uint64_t id() const;  // for io::FileId::part; never 0
};
// nullopt when what follows the last ';' cannot be the name of a part. Pure.
[[nodiscard]] std::optional<PartName> split_part(std::string_view path);

// Opens one part of a file. Code::not_found when the file has no such part. The part "@N" is page N of a stack, and
// the whole of a file that is none; "@layersN" is JPEG 2000 by its first N quality layers, and the whole of another
// file. The file's id() should say which part it is opened for.
[[nodiscard]] Result<PicturePtr> open_part(io::FilePtr file, std::string_view part, const OpenLimits& limits);

// Opens any picture we read. Page-lazy: reads headers and directories only, never all offsets of a pyramid.
// Code::unsupported when the format is unknown, Code::corrupt when it is broken. Blocks on the disk.
[[nodiscard]] Result<PicturePtr> open_picture(io::FilePtr file, const OpenLimits& limits);

}  // namespace microtome::image
