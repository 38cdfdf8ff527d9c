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
#include "set/set.hpp"

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

struct ServiceOptions {
  io::RootsOptions roots;  // none: DOCUMENT_ROOT of each request is the root
  set::CatalogueOptions catalogue;
  std::string public_url;  // "" = from the request
  std::string cors = "*";  // Access-Control-Allow-Origin; "" = none
  std::string cache_control = "max-age=86400";
  int max_cvt = 5000;  // largest side of an export, pixels
  int jpeg_quality = 75;
  std::size_t max_query = 64 * 1024;  // bytes
  std::vector<Asset> assets;
};

// Throws nothing; the returned handler is thread-safe and never blocks.
[[nodiscard]] Result<http::Handler> make_service(ServiceOptions options, std::shared_ptr<engine::Engine> engine,
                                                 WorkPool& pool, Log log);

}  // namespace microtome::protocol
