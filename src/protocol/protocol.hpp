// SPDX-License-Identifier: Apache-2.0
// Service: what every transport hands its requests to. Routes by path and by the shape of the query.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "base/work_pool.hpp"
#include "engine/engine.hpp"
#include "http/message.hpp"
#include "io/roots.hpp"
#include "protocol/traffic.hpp"
#include "set/set.hpp"
#include "woolz/options.hpp"

namespace microtome::protocol {

// One file of the viewer, embedded in the binary.
struct Asset {
  std::string path;  // "/" or "/assets/viewer.js"
  std::string media_type;
  SharedBytes plain;
  SharedBytes gzip;    // may be null
  SharedBytes brotli;  // may be null
  std::string etag;    // quoted
  std::string csp;     // Content-Security-Policy of a page; "" = everything from 'self', nothing inline
};

// Sections of Woolz objects. Names in capitals are variables of WlzIIPSrv.
struct WoolzOptions {
  woolz::StoreOptions store;              // MAX_WLZOBJ_CACHE_COUNT, MAX_WLZOBJ_CACHE_SIZE
  std::int64_t tile_width = 100;          // WLZ_TILE_WIDTH, pixels
  std::int64_t tile_height = 100;         // WLZ_TILE_HEIGHT
  int complex_selection = 2;              // COMPLEX_SELECTION: 0 only indices, 1 also domain and background, 2 all
  std::uint64_t max_pixels = 25'000'000;  // of one picture
};

// Names in capitals are variables of iipsrv.
struct IiifOptions {
  int version = 3;          // of an info.json whose address and request name none: IIIF_VERSION
  std::string delimiter;    // stands for "/" in identifiers: IIIF_DELIMITER
  std::string extra_info;   // members of info.json, as JSON without the braces: IIIF_EXTRA_INFO
  bool extensions = false;  // qualities negative, stretch, equalization, log: IIIF_EXTENSIONS
};

struct ServiceOptions {
  io::RootsOptions roots;  // none: DOCUMENT_ROOT of each request is the root
  set::CatalogueOptions catalogue;
  std::string public_url;  // "" = from the request
  std::string cors = "*";  // Access-Control-Allow-Origin; "" = none
  std::string cache_control = "max-age=86400";
  int max_cvt = 5000;  // largest side of an export, pixels
  int jpeg_quality = 75;
  engine::Sampling sampling = engine::Sampling::bilinear;                     // of exports: INTERPOLATION
  bool upscaling = true;                                                      // ALLOW_UPSCALING
  codec::TiffCompression tiff_compression = codec::TiffCompression::deflate;  // TIFF_COMPRESSION
  std::int64_t max_icc = 65536;  // bytes of a profile that goes into answers, -1 = any: MAX_ICC
  std::shared_ptr<const engine::Watermark> watermark = nullptr;
  bool passthrough = true;  // stored tiles as they lie: CODEC_PASSTHROUGH
  std::string uri_map;    // "prefix=>PROTOCOL": paths below the prefix are requests of IIP, IIIF, Zoomify or DeepZoom
  std::string copyright;  // rights of pictures that name none: COPYRIGHT
  IiifOptions iiif;
  // Started under the name of WlzIIPSrv, whose clients know errors by the body of a 200 (see stands_for_wlziipsrv).
  bool as_wlziipsrv = false;
  std::size_t max_query = 64 * 1024;  // bytes
  WoolzOptions woolz;
  std::vector<Asset> assets;
  std::shared_ptr<const Traffic> traffic;  // shown by /metrics; may be null
};

// Throws nothing; the returned handler is thread-safe and never blocks.
[[nodiscard]] Result<http::Handler> make_service(ServiceOptions options, std::shared_ptr<engine::Engine> engine,
                                                 WorkPool& pool, Log log);

}  // namespace microtome::protocol
