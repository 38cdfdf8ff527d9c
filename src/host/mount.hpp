// SPDX-License-Identifier: Apache-2.0
// The public path of a request whose front-end has stripped a part of it. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace microtome::host {

// The path that the front-end has taken off, as one of the headers `names` tells: either the prefix itself
// (X-Forwarded-Prefix, X-Script-Name, ...) or the whole public address (X-Original-URI, ...), which must end with
// `path`. Empty when none does, or when its value is no plain path.
[[nodiscard]] std::string mount_from_headers(const http::Headers& headers, const std::vector<std::string>& names,
                                             std::string_view path);

// `path` below `mount`; `path` itself when it lies there already. "/" alone becomes the mount when that names a
// program
// ("/cgi-bin/x.fcgi"), else the directory ("/app/").
[[nodiscard]] std::string public_path(std::string_view mount, std::string_view path);

// What a request is about, for sending requests of one picture to one server: the value of FIF, wlz, IIIF, DeepZoom
// or Zoomify in `query`, else `path`, without what addresses a part of the picture.
[[nodiscard]] std::string object_of(std::string_view path, std::string_view query);

}  // namespace microtome::host
