// SPDX-License-Identifier: Apache-2.0
#include "apps/import/manifest.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace microtome::apps {
namespace {

using nlohmann::json;

json to_json(const ManifestEntry& e) {
  return {{"source", e.source},
          {"source_size", e.source_size},
          {"source_mtime_ns", e.source_mtime_ns},
          {"target", e.target},
          {"target_size", e.target_size},
          {"tile", e.tile},
          {"quality", e.quality},
          {"width", e.width},
          {"height", e.height},
          {"seconds", e.seconds},
          {"microtome", MICROTOME_VERSION}};
}

bool from_json(const json& line, ManifestEntry& e) {
  if (!line.is_object() || !line.contains("source") || !line["source"].is_string()) {
    return false;
  }
  try {
    e.source = line["source"];
    e.source_size = line.value("source_size", e.source_size);
    e.source_mtime_ns = line.value("source_mtime_ns", e.source_mtime_ns);
    e.target = line.value("target", "");
    e.target_size = line.value("target_size", e.target_size);
    e.tile = line.value("tile", 0);
    e.quality = line.value("quality", 0);
    e.width = line.value("width", e.width);
    e.height = line.value("height", e.height);
  } catch (const json::exception&) {
    return false;  // another type where a number should be: not our line
  }
  return true;
}

}  // namespace

Result<Manifest> Manifest::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return fail(Code::io, "cannot write the manifest", path + ": " + std::strerror(errno));
  }
  Manifest manifest(fd, path);
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const auto parsed = json::parse(line, nullptr, false);
    if (ManifestEntry entry; from_json(parsed, entry)) {
      manifest.by_source_[entry.source] = entry;
    }
  }
  return manifest;
}

Manifest::Manifest(Manifest&& other) noexcept
    : fd_(other.fd_), path_(std::move(other.path_)), by_source_(std::move(other.by_source_)) {
  other.fd_ = -1;
}

Manifest::~Manifest() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

bool Manifest::is_done(const ManifestEntry& wanted, const std::string& target_path) const {
  ManifestEntry known;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_source_.find(wanted.source);
    if (found == by_source_.end()) {
      return false;
    }
    known = found->second;
  }
  const auto target = io::File::identify(target_path);
  return target && target->size == known.target_size && known.target == wanted.target &&
         known.source_size == wanted.source_size && known.source_mtime_ns == wanted.source_mtime_ns &&
         known.tile == wanted.tile && known.quality == wanted.quality;
}

Result<void> Manifest::add(const ManifestEntry& entry) {
  // One write of one line: an appended line is whole or, after a crash, cut off at the end of the file.
  const std::string line = to_json(entry).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  const std::lock_guard lock(mutex_);
  if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size()) || fdatasync(fd_) != 0) {
    return fail(Code::io, "cannot write the manifest", path_ + ": " + std::strerror(errno));
  }
  by_source_[entry.source] = entry;
  return {};
}

}  // namespace microtome::apps
