// SPDX-License-Identifier: Apache-2.0
// What `-t` and `-tt` look at, and what every start does first. Reads files; thread-safe.
#pragma once

#include <memory>
#include <string>

#include "host/config_parser.hpp"
#include "host/settings.hpp"

namespace microtome::host {

struct Loaded {
  SourceNames files;
  std::shared_ptr<Site> site;  // null after errors
  ServerSettings server;
};

// Parses `path` and checks every setting. Everything wrong or remarkable is in `diagnostics`.
[[nodiscard]] Loaded load_config(const std::string& path, const ConfigWorld& world, Diagnostics& diagnostics);

// Looks at the world outside of the configuration: programs of apps, directories of sockets, the document root.
void check_world(const Site& site, Diagnostics& diagnostics);

}  // namespace microtome::host
