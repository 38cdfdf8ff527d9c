// SPDX-License-Identifier: Apache-2.0
// Engine: turns a canonical request for pixels into a body, by the cheapest way there is.
// It never sees a URL. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/cancel.hpp"
#include "base/lease.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/work_pool.hpp"
#include "codec/codec.hpp"
#include "codec/tiff_encode.hpp"
#include "engine/pyramid_shelf.hpp"
#include "engine/watermark.hpp"
#include "http/message.hpp"
#include "image/picture.hpp"

namespace microtome::engine {

// One tile as it lies in the pyramid, cropped to the level.
struct TileArea {
  int level = 0;  // 0 = full size
  std::int64_t x = 0;
  std::int64_t y = 0;
  friend bool operator==(const TileArea&, const TileArea&) = default;
};

// How a region is scaled. bilinear and nearest: as iipsrv scales its exports, from the smallest level that is large
// enough, the region in whole pixels of it, sampled at corners; where the level would be shrunk to less than half
// they are `averaged`, because sampling would skip pixels.
enum class Sampling : std::uint8_t { averaged, bilinear, nearest };

// A rectangle of the full-size picture, scaled to width x height output pixels (area-correct when it shrinks).
struct RegionArea {
  double x = 0;  // full-size pixels; may reach beyond the picture: filled with the background
  double y = 0;
  double width = 0;
  double height = 0;
  int out_width = 0;
  int out_height = 0;
  Sampling sampling = Sampling::averaged;
  friend bool operator==(const RegionArea&, const RegionArea&) = default;
};

// What is done to the finished pixels: mirrored left to right, then turned, then without colour.
struct Look {
  enum class Tone : std::uint8_t { as_stored, grey, bitonal };  // bitonal: 0 and 255 only
  bool mirror = false;
  double rotation = 0;  // degrees clockwise, 0 <= rotation < 360
  Tone tone = Tone::as_stored;
  [[nodiscard]] bool plain() const { return !mirror && rotation == 0 && tone == Tone::as_stored; }
  friend bool operator==(const Look&, const Look&) = default;
};

// Canonical: two requests for the same bytes are equal. Protocols normalise to this.
struct PixelRequest {
  std::string path;  // a real path that the roots have allowed
  std::variant<TileArea, RegionArea> area;
  codec::Format format = codec::Format::jpeg;
  std::optional<int> quality;  // unset: the default, and a stored tile passes through; -1: lossless, where it can be
  Look look = {};              // a turned answer is larger than the area's output
  bool deep = false;           // 16-bit samples stay 16 bits where the format holds them and the look is plain
  codec::TiffCompression compression = codec::TiffCompression::deflate;  // of tiff
};

struct Rendered {
  http::Body body;
  std::string media_type;
  std::string etag;           // strong, quoted
  std::int64_t mtime_ns = 0;  // of the source
  http::Trace trace = {};
  // While it holds, the same request has this same answer (stored tiles only; else null).
  LeasePtr lease = {};
};

// Identity of the answer, known without making it.
struct Validators {
  std::string etag;
  std::int64_t mtime_ns = 0;
};

struct EngineOptions {
  std::uint64_t cache_bytes = 64ULL << 20;  // computed results
  std::uint64_t open_pictures_bytes = 64ULL << 20;
  int max_open_files = 512;
  int revalidate_ms = 500;  // a source is stat'ed at most this often
  std::uint64_t max_output_pixels = 5000ULL * 5000ULL;
  std::uint64_t max_source_pixels = 1ULL << 32;     // that one region may make us decode
  std::uint64_t max_memory_in_flight = 1ULL << 30;  // decoded pixels of running jobs
  int jpeg_quality = 75;
  int png_level = 1;                                     // 0..9
  int webp_quality = 50;                                 // -1: lossless
  int avif_quality = 50;                                 // -1: lossless
  int tiff_quality = 75;                                 // of JPEG and WebP in TIFF
  bool passthrough = true;                               // false: what is stored is always decoded and encoded anew
  std::int64_t max_icc = 65536;                          // bytes of a profile that goes into what we encode; -1 = any
  std::shared_ptr<const Watermark> watermark = nullptr;  // on everything that has 8 bits; then nothing passes through
  std::uint32_t background = 0xffffff;                   // 0xRRGGBB: empty tiles, beyond the picture, behind alpha
  image::OpenLimits open = {};
  PyramidOptions pyramids = {};  // of pictures without one
};

// What the engine has done since it was made, and holds now. A snapshot; the numbers need not fit each other exactly.
struct Metrics {
  // Answers by how they were made.
  std::int64_t passthrough = 0;
  std::int64_t dct_crop = 0;
  std::int64_t background = 0;
  std::int64_t scaled_decode = 0;
  std::int64_t full_decode = 0;
  std::int64_t region = 0;
  std::int64_t computed = 0;      // compute(): strips, sections
  std::int64_t not_modified = 0;  // If-None-Match held
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;   // answers that nobody waited for any more
  std::int64_t overloaded = 0;  // refused because a queue or the memory was full
  std::int64_t joined = 0;      // requests that waited for equal work already in flight
  // Results kept.
  std::int64_t cache_hits = 0;
  std::int64_t cache_misses = 0;
  std::int64_t cache_evictions = 0;
  std::int64_t cache_entries = 0;
  std::int64_t cache_bytes = 0;
  // Open pictures.
  std::int64_t opened = 0;  // times that a picture was opened
  std::int64_t open_failed = 0;
  std::int64_t open_pictures = 0;
  std::int64_t open_bytes = 0;
  // Work.
  std::int64_t queued_tiles = 0;
  std::int64_t queued_exports = 0;
  std::int64_t memory_in_flight = 0;  // bytes of decoded pixels, estimated
  std::int64_t work_us = 0;           // CPU time of finished work
};

class Engine {
 public:
  using Done = std::function<void(Result<Rendered>)>;
  using InfoDone = std::function<void(Result<image::PicturePtr>)>;
  // Decides, once the picture is open, what exactly to render (levels and sizes are known then). Runs on the caller's
  // thread or a worker; must be quick and must not block.
  using Resolve = std::function<Result<PixelRequest>(const image::Picture&)>;

  virtual ~Engine() = default;

  // Opens (or finds) the picture at `path` and calls `done` inline when it is in memory and fresh, else on a worker.
  virtual void open(const std::string& path, const CancelToken& cancel, InfoDone done) = 0;

  // Renders. `done` runs inline on the calling loop thread for passthrough and cache hits, else on a worker.
  // When `if_none_match` names the answer's ETag, done gets a Rendered with an empty body (the caller sends 304).
  virtual void render(const std::string& path, const Resolve& resolve, const std::string& if_none_match,
                      const CancelToken& cancel, Done done) = 0;

  // Any other computed answer (strips, sections...): single flight by `key`, cached by cost under it.
  struct Computed {
    Bytes bytes;
    std::string media_type;
  };
  using Compute = std::function<Result<Computed>(const CancelToken&)>;
  virtual void compute(const std::string& key, std::int64_t mtime_ns, const std::string& if_none_match,
                       WorkClass work, const CancelToken& cancel, Compute compute, Done done) = 0;

  // The picture that an answer to `request` should be made of: `opened`, or what it stands in for where its pyramid's
  // loss would show (pyramids of pictures without one). render() chooses by itself; computations ask.
  [[nodiscard]] virtual image::PicturePtr picture_for(const image::PicturePtr& opened,
                                                      const PixelRequest& request) const = 0;

  // A computation was made of the picture at `path`, as it was opened: it is weighed again, and gets a pyramid when
  // it is large and has none. Never blocks.
  virtual void used(const std::string& path, const image::Picture& opened) = 0;

  // For computations on a worker: the open picture, and a scaled region of it decoded (blocking).
  virtual Result<image::PicturePtr> open_now(const std::string& path) = 0;
  virtual Result<pixel::Image> region_now(const image::Picture& picture, const RegionArea& area,
                                          const CancelToken& cancel) = 0;

  // The quality that an answer gets when `asked` was asked for: see effective_quality().
  [[nodiscard]] virtual int quality_of(codec::Format format, std::optional<int> asked) const = 0;

  // What a picture may have at most: for protocols that announce it.
  [[nodiscard]] virtual std::uint64_t max_output_pixels() const { return EngineOptions().max_output_pixels; }

  // A stored tile was given out again without asking us: counts it.
  virtual void gave_again() {}

  [[nodiscard]] virtual Metrics metrics() const { return {}; }
};

[[nodiscard]] std::shared_ptr<Engine> make_engine(const EngineOptions& options, WorkPool& pool, Log log);

}  // namespace microtome::engine
