// SPDX-License-Identifier: Apache-2.0
// Site: one tree of files that is served: its roots, its sets, and the names that were looked up a moment ago.
// There is one for --root and FILESYSTEM_PREFIX, else one for each DOCUMENT_ROOT. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/lease.hpp"
#include "http/message.hpp"
#include "io/roots.hpp"
#include "protocol/protocol.hpp"
#include "protocol/views.hpp"
#include "set/set.hpp"

namespace microtome::protocol {

// What a name stands for: a file, or a sequence of them.
struct Found {
  std::string path;                    // empty for a sequence
  std::shared_ptr<const Views> views;  // null for a file
  LeasePtr lease;                      // while it holds, the name stands for the path; null: ask again
};

enum class Names : std::uint8_t {
  files_first,  // FIF: files, sequences, then ids of slices
  ids_first,    // DeepZoom, IIIF, Zoomify: ids of slices, files, sequences, then files without their extension
};

class Site {
 public:
  Site(io::Roots roots, const set::CatalogueOptions& options, Log log);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  [[nodiscard]] const io::Roots& roots() const { return roots_; }
  [[nodiscard]] set::Catalogue& catalogue() const { return *catalogue_; }

  // From memory, at most `rescan_ms` old; nullopt = ask find(). Never blocks.
  [[nodiscard]] std::optional<Found> remembered(Names order, std::string_view name) const;
  // Looks at the disk. `name` is percent-decoded. Code::not_found.
  [[nodiscard]] Result<Found> find(Names order, const std::string& name);

  // True for the caller that shall bring the catalogue up to date, once at a time; it calls refreshed() then.
  [[nodiscard]] bool claim_refresh();
  void refreshed() { refreshing_ = false; }

 private:
  struct Remembered {
    Found found;
    std::shared_ptr<Lease> lease;
  };
  [[nodiscard]] Result<Found> look(Names order, const std::string& name);
  [[nodiscard]] Result<Found> with_extension(const std::string& name) const;
  void forget();
  [[nodiscard]] static std::string key(Names order, std::string_view name);

  io::Roots roots_;
  set::CatalogueOptions options_;
  std::shared_ptr<set::Catalogue> catalogue_;
  std::atomic<bool> refreshing_ = false;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Remembered> names_;
};

using SitePtr = std::shared_ptr<Site>;

// The site of a request. Code::bad_request from make() when a root does not exist.
class Sites {
 public:
  static Result<std::unique_ptr<Sites>> make(const ServiceOptions& options, Log log);

  // Null: it must be made by open(), which looks at the disk.
  [[nodiscard]] SitePtr ready(const http::Request& request) const;
  [[nodiscard]] Result<SitePtr> open(const http::Request& request);

 private:
  Sites(const ServiceOptions& options, Log log);

  ServiceOptions options_;
  Log log_;
  SitePtr fixed_;  // null: DOCUMENT_ROOT decides
  mutable std::mutex mutex_;
  std::unordered_map<std::string, SitePtr> by_root_;
};

}  // namespace microtome::protocol
