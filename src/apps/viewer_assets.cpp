// SPDX-License-Identifier: Apache-2.0
#include "apps/viewer_assets.hpp"

#include <memory>
#include <span>

#include "viewer/assets.hpp"

namespace microtome::apps {
namespace {

SharedBytes copy(std::span<const std::uint8_t> bytes) {
  return bytes.empty() ? nullptr : std::make_shared<const Bytes>(bytes.begin(), bytes.end());
}

}  // namespace

std::vector<protocol::Asset> viewer_assets() {
  const auto& page = viewer::page();
  return {{.path = "/",
           .media_type = std::string(page.media_type),
           .plain = copy(page.plain),
           .gzip = copy(page.gzip),
           .brotli = copy(page.brotli),
           .etag = std::string(page.etag),
           .csp = std::string(page.content_security_policy)}};
}

}  // namespace microtome::apps
