// SPDX-License-Identifier: Apache-2.0
#include "host/mount.hpp"

#include <algorithm>
#include <array>

#include "http/text.hpp"

namespace microtome::host {
namespace {

bool plain_path(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || http::is_digit(c) ||
           std::string_view("._~/%-").find(c) != std::string_view::npos;
  };
  return text.starts_with('/') && text.size() <= 1024 && std::ranges::all_of(text, plain) &&
         text.find("//") == std::string_view::npos && text.find("..") == std::string_view::npos;
}

std::string_view without_slash(std::string_view path) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

bool is_whole_address(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kNames{"X-Original-URI",  "X-Original-URL",
                                                          "X-Rewrite-URL",   "X-Envoy-Original-Path",
                                                          "X-Replaced-Path", "X-Forwarded-Uri"};
  return std::ranges::any_of(kNames, [&](auto each) { return http::equal_no_case(each, name); });
}

}  // namespace

std::string mount_from_headers(const http::Headers& headers, const std::vector<std::string>& names,
                               std::string_view path) {
  for (const std::string& name : names) {
    std::string_view value = headers.get(name);
    value = value.substr(0, value.find('?'));
    if (!plain_path(value)) {
      continue;
    }
    if (!is_whole_address(name)) {
      return std::string(without_slash(value));
    }
    if (path == "/") {
      return std::string(without_slash(value));
    }
    if (value.ends_with(path)) {
      return std::string(value.substr(0, value.size() - path.size()));
    }
  }
  return {};
}

std::string public_path(std::string_view mount, std::string_view path) {
  mount = without_slash(mount);
  const bool below = path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/');
  if (mount.empty() || below) {
    return std::string(path);
  }
  const bool program = mount.substr(mount.rfind('/') + 1).find('.') != std::string_view::npos;
  return path == "/" && program ? std::string(mount) : std::string(mount) + std::string(path);
}

std::string object_of(std::string_view path, std::string_view query) {
  static constexpr std::array<std::string_view, 5> kKeys{"fif", "wlz", "iiif", "deepzoom", "zoomify"};
  std::string_view object = path;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos &&
        std::ranges::any_of(kKeys, [&](auto key) { return http::equal_no_case(key, part.substr(0, equals)); })) {
      object = part.substr(equals + 1);
      break;
    }
  }
  for (const std::string_view end : {"_files/", ".dzi", "/TileGroup", "/ImageProperties.xml", "/info.json"}) {
    if (const std::size_t at = object.find(end); at != std::string_view::npos) {
      return std::string(object.substr(0, at));
    }
  }
  // IIIF: /region/size/rotation/quality.format
  if (object.ends_with(".jpg") || object.ends_with(".png") || object.ends_with(".webp")) {
    std::string_view shorter = object;
    for (int i = 0; i < 4; ++i) {
      const std::size_t slash = shorter.rfind('/');
      if (slash == std::string_view::npos) {
        return std::string(object);
      }
      shorter = shorter.substr(0, slash);
    }
    const std::string_view parts = object.substr(shorter.size());
    const bool iiif =
        parts.find("/default.") != std::string_view::npos || parts.find("/native.") != std::string_view::npos ||
        parts.find("/color.") != std::string_view::npos || parts.find("/gray.") != std::string_view::npos ||
        parts.find("/bitonal.") != std::string_view::npos;
    return std::string(iiif ? shorter : object);
  }
  return std::string(object);
}

}  // namespace microtome::host
