// SPDX-License-Identifier: Apache-2.0
#include "protocol/site.hpp"

#include <algorithm>

#include "image/picture.hpp"
#include "io/descriptors.hpp"
#include "io/file.hpp"
#include "set/names.hpp"

namespace microtome::protocol {
namespace {

constexpr std::size_t kMostNames = 8192;
constexpr std::size_t kMostSites = 64;

}  // namespace

Site::Site(io::Roots roots, const set::CatalogueOptions& options, Log log)
    : roots_(roots), options_(options), catalogue_(set::make_catalogue(std::move(roots), options, std::move(log))) {}

Site::~Site() {
  forget();
}

// With the mutex held, or by the last owner. Nothing that was built on these names may be used after this: another
// site could come to lie where this one was.
void Site::forget() {
  for (const auto& [name, remembered] : names_) {
    remembered.lease->end();
  }
  names_.clear();
}

std::string Site::key(Names order, std::string_view name) {
  std::string text(1, order == Names::files_first ? 'f' : 'i');
  text += name;
  return text;
}

std::optional<Found> Site::remembered(Names order, std::string_view name) const {
  const std::string wanted = key(order, name);
  const std::int64_t now = Lease::now_ns();
  const std::scoped_lock lock(mutex_);
  const auto at = names_.find(wanted);
  return at != names_.end() && at->second.lease->holds(now) ? std::optional(at->second.found) : std::nullopt;
}

Result<Found> Site::find(Names order, const std::string& name) {
  const std::int64_t until = Lease::now_ns() + std::int64_t{std::max(options_.rescan_ms, 1)} * 1'000'000;
  auto found = look(order, name);
  const std::scoped_lock lock(mutex_);
  const auto before = names_.find(key(order, name));
  if (before != names_.end()) {
    const bool same =
        found && !found->views && !before->second.found.views && found->path == before->second.found.path;
    if (same) {
      before->second.lease->extend(until);  // whoever built on it may go on
      return before->second.found;
    }
    before->second.lease->end();
    names_.erase(before);
  }
  if (!found) {
    return found;
  }
  if (names_.size() >= kMostNames) {
    forget();
  }
  auto lease = std::make_shared<Lease>(until);
  if (!found->views) {
    found->lease = lease;
  }
  names_[key(order, name)] = {*found, std::move(lease)};
  return found;
}

Result<Found> Site::look(Names order, const std::string& name) {
  const auto as_file = [&](Result<std::string> path) -> Result<Found> {
    if (!path) {
      return pass(path.error());
    }
    const auto part = image::split_part(*path);
    if (!io::File::identify(*path) && (!part || !io::File::identify(part->file))) {
      return fail(Code::not_found, "no such picture", "not a regular file: " + *path);
    }
    return Found{std::move(*path), nullptr, nullptr};
  };
  // In the roots, or in a set: a file, else the part of one.
  const auto below_roots = [&]() -> Result<std::string> {
    auto whole = roots_.resolve(name);
    const auto part = whole ? std::nullopt : image::split_part(name);
    if (!part || part->part.starts_with('@')) {
      return whole;
    }
    auto file = roots_.resolve(part->file);
    return file ? *file + ";" + part->part : whole;
  };
  Result<Found> first = order == Names::ids_first ? as_file(catalogue_->resolve(name)) : as_file(below_roots());
  if (first) {
    return first;
  }
  if (auto views = find_views(roots_, name, options_.filename_pattern)) {
    return Found{{}, std::make_shared<const Views>(std::move(*views)), nullptr};
  }
  if (order == Names::files_first) {
    if (Result<Found> slice = as_file(catalogue_->resolve(name))) {
      return slice;
    }
  } else if (Result<Found> longer = with_extension(name)) {
    return longer;
  }
  if (io::no_file_can_be_opened()) {
    return fail(Code::overloaded, "too many open files", name);  // it may be in a folder that could not be read
  }
  return first;  // its context says which setting would allow the name
}

// An identifier may leave out the extension of its file.
Result<Found> Site::with_extension(const std::string& name) const {
  if (!name.empty() && name.back() != '/' && !set::is_picture_name(set::base_name(name))) {
    for (const std::string_view extension : set::picture_extensions()) {
      auto path = roots_.resolve(name + "." + std::string(extension));
      if (path && io::File::identify(*path)) {
        return Found{std::move(*path), nullptr, nullptr};
      }
    }
  }
  return fail(Code::not_found, "no such picture", name);
}

bool Site::claim_refresh() {
  return !catalogue_->fresh() && !refreshing_.exchange(true);
}

Sites::Sites(const ServiceOptions& options, Log log) : log_(std::move(log)) {
  options_.roots = options.roots;
  options_.catalogue = options.catalogue;
}

Result<std::unique_ptr<Sites>> Sites::make(const ServiceOptions& options, Log log) {
  std::unique_ptr<Sites> sites(new Sites(options, std::move(log)));
  if (!options.roots.directories.empty() || !options.roots.prefix.empty()) {
    auto roots = io::Roots::make(options.roots);
    if (!roots) {
      return pass(roots.error());
    }
    sites->fixed_ = std::make_shared<Site>(std::move(*roots), options.catalogue, sites->log_);
  }
  return sites;
}

SitePtr Sites::ready(const http::Request& request) const {
  if (fixed_) {
    return fixed_;
  }
  const std::scoped_lock lock(mutex_);
  const auto at = by_root_.find(request.document_root);
  return at != by_root_.end() ? at->second : nullptr;
}

Result<SitePtr> Sites::open(const http::Request& request) {
  if (SitePtr site = ready(request)) {
    return site;
  }
  io::RootsOptions wanted = options_.roots;
  if (!request.document_root.empty()) {
    wanted.directories = {request.document_root};
  }
  auto roots = io::Roots::make(wanted);
  if (!roots) {
    // The page and the state of the server do not need it; every picture is then 404.
    log_.warning("DOCUMENT_ROOT: " + roots.error().message + ": " + roots.error().context);
    wanted.directories.clear();
    roots = io::Roots::make(wanted);
    if (!roots) {
      return pass(roots.error());
    }
  }
  const std::scoped_lock lock(mutex_);
  if (by_root_.size() >= kMostSites) {
    by_root_.clear();
  }
  auto [at, fresh] = by_root_.try_emplace(request.document_root);
  if (fresh) {
    at->second = std::make_shared<Site>(std::move(*roots), options_.catalogue, log_);
  }
  return at->second;
}

}  // namespace microtome::protocol
