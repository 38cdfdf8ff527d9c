// SPDX-License-Identifier: Apache-2.0
// From a URL to a file.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <variant>

#include "host/directory_listing.hpp"
#include "host/small_files.hpp"
#include "host/static_file.hpp"
#include "host/visit.hpp"
#include "http/status.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::host {
namespace {

std::string with_slash(std::string path) {
  if (!path.ends_with('/')) {
    path += '/';
  }
  return path;
}

std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  return colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos ? host.substr(0, colon)
                                                                                            : host;
}

bool is_directory(const std::string& path) {
  struct stat state{};
  return stat(path.c_str(), &state) == 0 && S_ISDIR(state.st_mode);
}

// A host name as part of a path.
bool safe_host(std::string_view host) {
  return !host.empty() && host.front() != '.' && host.find("..") == std::string_view::npos &&
         host.find('/') == std::string_view::npos && host.find('\0') == std::string_view::npos;
}

// evhost.path-pattern: %_ the whole name, %0 "domain.tld", %1 "tld", %2 "domain", %3 "sub" ..., %% a percent sign;
// %{3} the same as %3, %{3.1} its first letter.
std::string fill_pattern(std::string_view pattern, std::string_view host) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = host; !rest.empty();) {
    const std::size_t dot = rest.rfind('.');
    parts.push_back(dot == std::string_view::npos ? rest : rest.substr(dot + 1));
    rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(0, dot);
  }
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 >= pattern.size()) {
      out += pattern[i];
      continue;
    }
    const char next = pattern[++i];
    if (next == '%') {
      out += '%';
    } else if (next == '_') {
      out += host;
    } else if (next == '0') {
      out += parts.size() > 1 ? std::string(parts[1]) + '.' + std::string(parts[0]) : std::string(host);
    } else if (next == '{') {
      const std::size_t close = pattern.find('}', i);
      const std::string_view inside = pattern.substr(i + 1, std::min(close, pattern.size()) - i - 1);
      const bool whole = inside.size() == 1 || (inside.size() == 3 && inside[1] == '.' && inside[2] == '0');
      const bool letter = inside.size() == 3 && inside[1] == '.' && inside[2] >= '1' && inside[2] <= '9';
      if (close != std::string_view::npos && (whole || letter) && inside[0] >= '1' && inside[0] <= '9') {
        const auto number = static_cast<std::size_t>(inside[0] - '1');
        const std::string_view part = number < parts.size() ? parts[number] : std::string_view{};
        const auto which = static_cast<std::size_t>(inside.back() - '1');
        out += whole ? part : part.substr(std::min(which, part.size()), 1);
        i = close;
      }
    } else if (next >= '1' && next <= '9') {
      const auto number = static_cast<std::size_t>(next - '1');
      out += number < parts.size() ? parts[number] : std::string_view{};
    }
  }
  return with_slash(std::move(out));
}

// Methods that this server has heard of; a file takes few of them [405], and others are nothing to it [501].
bool is_known_method(std::string_view method) {
  static constexpr std::string_view kMethods[] = {
      "GET",      "HEAD",       "POST",    "OPTIONS", "PUT",  "DELETE", "PATCH",  "TRACE",
      "PROPFIND", "PROPPATCH",  "MKCOL",   "COPY",    "MOVE", "LOCK",   "UNLOCK", "REPORT",
      "SEARCH",   "MKCALENDAR", "CONNECT", "ACL",     "BIND", "QUERY",
  };
  return std::ranges::find(kMethods, method) != std::end(kMethods);
}

// True when a part of `path` behind `root` is a symbolic link.
bool has_link(const std::string& path, std::size_t root) {
  for (std::size_t end = path.find('/', root + 1);; end = path.find('/', end + 1)) {
    struct stat state{};
    const std::string part = path.substr(0, end);
    if (lstat(part.c_str(), &state) == 0 && S_ISLNK(state.st_mode)) {
      return true;
    }
    if (end == std::string::npos) {
      return false;
    }
  }
}

io::FileId id_of(const struct stat& state) {
  return {state.st_dev, state.st_ino, static_cast<std::uint64_t>(state.st_size),
          std::int64_t{state.st_mtim.tv_sec} * 1'000'000'000 + state.st_mtim.tv_nsec};
}

// Sends the bytes that are at hand where all of the file was to be sent.
void use_bytes(http::Response& response, const SmallFiles::Found& found) {
  const auto* body = std::get_if<http::FileBody>(&response.body);
  if (found.bytes && body != nullptr && !body->prefix && !body->suffix && body->ranges.size() == 1 &&
      body->ranges[0].file == found.file && body->ranges[0].length == found.bytes->size()) {
    response.body = found.bytes;
  }
}

}  // namespace

void Visit::redirect_to_directory() {
  http::Response response;
  response.status = 301;
  response.headers.add("Location",
                       http::encode_path(url_) + '/' + (request_.query.empty() ? "" : '?' + request_.query));
  answer(std::move(response));
}

void Visit::document_root() {
  root_ = settings_->document_root;
  const std::string_view name = without_port(host_);
  if (!settings_->simple_vhost_root.empty()) {
    const auto path = [this](std::string_view host) {
      return with_slash(settings_->simple_vhost_root) + std::string(host) + '/' + settings_->simple_vhost_docroot;
    };
    std::string found = safe_host(name) ? path(name) : std::string{};
    if (found.empty() || !is_directory(found)) {
      found = path(settings_->simple_vhost_default);
    }
    if (is_directory(found)) {
      root_ = found;
    }
  } else if (!settings_->evhost_pattern.empty() && safe_host(name)) {
    std::string found = fill_pattern(settings_->evhost_pattern, name);
    if (is_directory(found)) {
      root_ = std::move(found);
    }
  }
  while (root_.size() > 1 && root_.ends_with('/')) {
    root_.pop_back();
  }
}

// False: answered.
bool Visit::map_to_file() {
  document_root();
  std::string path = url_;
  if (settings_->lower_case_files) {
    std::transform(path.begin(), path.end(), path.begin(), http::to_lower);
  }
  bool of_user = false;
  if (user_directory(of_user)) {
    return false;
  }
  if (of_user) {
    return true;
  }
  file_path_ = (root_ == "/" ? "" : root_) + path;
  if (settings_->aliases) {
    for (const auto& [prefix, directory] : *settings_->aliases) {
      if (!path.starts_with(prefix)) {
        continue;
      }
      // "/a" => "/b/" must not let "/a../x" out of /b.
      const std::string rest = path.substr(prefix.size());
      if (!prefix.ends_with('/') && directory.ends_with('/') &&
          (rest == ".." || rest.starts_with("../") || rest == "." || rest.starts_with("./"))) {
        error(403);
        return false;
      }
      file_path_ = directory + rest;
      root_ = directory;
      while (root_.size() > 1 && root_.ends_with('/')) {
        root_.pop_back();
      }
      break;
    }
  }
  return true;
}

// What is at file_path_.
bool Visit::stat_file() {
  struct stat state{};
  if (stat(file_path_.c_str(), &state) != 0) {
    found_ = errno == EACCES ? Found::forbidden : Found::nothing;
    return found_ == Found::forbidden;
  }
  if (S_ISREG(state.st_mode)) {
    found_ = Found::file;
    file_id_ = id_of(state);
    // "/file/" is the file with path info "/".
    if (file_path_.ends_with('/')) {
      found_ = Found::nothing;
      return false;
    }
  } else {
    found_ = S_ISDIR(state.st_mode) ? Found::directory : Found::forbidden;
  }
  return true;
}

bool Visit::index_file() {
  if (!settings_->index_files) {
    return false;
  }
  for (const std::string& name : *settings_->index_files) {
    const std::string path = name.starts_with('/') ? root_ + name : file_path_ + name;
    struct stat state{};
    if (stat(path.c_str(), &state) == 0 && S_ISREG(state.st_mode)) {
      if (!name.starts_with('/')) {
        url_ += name;
      } else {
        url_ = name;
      }
      file_path_ = path;
      file_id_ = id_of(state);
      found_ = Found::file;
      return true;
    }
  }
  return false;
}

// "/a.php/b/c": the file "/a.php" and path info "/b/c".
bool Visit::split_path_info() {
  const std::string path = file_path_;
  const std::string url = url_;
  std::size_t end = path.size();
  while (true) {
    end = path.rfind('/', end - 1);
    const std::size_t cut = path.size() - end;
    if (end == std::string::npos || end <= root_.size() || cut > url.size()) {
      return false;
    }
    struct stat state{};
    const std::string shorter = path.substr(0, end);
    if (stat(shorter.c_str(), &state) == 0) {
      if (!S_ISREG(state.st_mode)) {
        return false;
      }
      file_path_ = shorter;
      path_info_ = url.substr(url.size() - cut);
      url_ = url.substr(0, url.size() - cut);
      found_ = Found::file;
      return true;
    }
  }
}

bool Visit::rewrite_if_not_file() {
  bool changed = false;
  return rewrite_by(settings_->rewrite_repeat_if_not_file, true, changed) ||
         rewrite_by(settings_->rewrite_if_not_file, false, changed) || (changed && run());
}

bool Visit::find_file() {
  if (!map_to_file()) {
    return true;
  }
  path_info_.clear();
  stat_file();
  if (found_ != Found::file && (settings_->rewrite_if_not_file.list || settings_->rewrite_repeat_if_not_file.list)) {
    const int before = rewrites_;
    if (rewrite_if_not_file()) {
      return true;
    }
    if (rewrites_ != before) {
      return false;
    }
  }
  if (found_ == Found::nothing) {
    split_path_info();
  }
  if (found_ == Found::directory && !url_.ends_with('/')) {
    redirect_to_directory();
    return true;
  }
  if (found_ == Found::directory) {
    index_file();
  }
  if (found_ != Found::nothing && !settings_->follow_symlinks && has_link(file_path_, root_.size())) {
    log_handling("a symbolic link is on the way to " + file_path_);
    error(403);
    return true;
  }
  log_handling("file " + file_path_ +
               (found_ == Found::nothing     ? " is not there"
                : found_ == Found::directory ? " is a directory"
                                             : ""));
  if (found_ == Found::nothing) {
    if (settings_->log_not_found) {
      context_->log.warning("file not found: " + file_path_ + " (" + original_target_ + ')');
    }
    return false;
  }
  return (found_ == Found::file && (access() || upstream_by_file())) || serve_file();
}

// By the file's extended attribute where that is asked for, else by its name.
std::string Visit::type_of(const io::File& file) const {
  if (settings_->type_from_attribute) {
    std::array<char, 256> value{};
    const ssize_t size = fgetxattr(file.fd(), settings_->type_attribute.c_str(), value.data(), value.size());
    const std::string_view type(value.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (!type.empty() && http::is_field_value(type)) {
      return std::string(type);
    }
  }
  const std::string_view path = file.path();
  return std::string(settings_->mime_types ? settings_->mime_types->find(path.substr(path.rfind('/') + 1))
                                           : std::string_view{});
}

bool Visit::serve_file() {
  if (found_ == Found::directory && settings_->listing && (request_.method == "GET" || request_.method == "HEAD")) {
    auto page = list_directory(file_path_, url_, *settings_, tag());
    page ? answer(std::move(*page)) : error(403);
    return true;
  }
  if (found_ != Found::file) {
    error(403);
    return true;
  }
  if (request_.method == "OPTIONS") {
    http::Response response;
    response.headers.add("Allow", "OPTIONS, GET, HEAD, POST");
    answer(std::move(response));
    return true;
  }
  if (request_.method != "GET" && request_.method != "HEAD" && request_.method != "POST") {
    is_known_method(request_.method) ? answer(http::method_not_allowed("OPTIONS, GET, HEAD, POST")) : error(501);
    return true;
  }
  const bool excluded = settings_->exclude_extensions &&
                        std::any_of(settings_->exclude_extensions->begin(), settings_->exclude_extensions->end(),
                                    [this](const std::string& end) { return file_path_.ends_with(end); });
  if (excluded) {
    error(403);
    return true;
  }
  if (!path_info_.empty() && !settings_->path_info) {
    error(403);
    return true;
  }
  auto found = context_->small_files.open(file_path_, file_id_);
  if (!found) {
    error(found.error().code == Code::not_found ? 404 : 403);
    return true;
  }
  std::string type = type_of(*found->file);
  if (type.empty()) {
    type = "application/octet-stream";
  }
  http::Response response;
  answer_with(response, found->file, type);
  use_bytes(response, *found);
  answer_or_page(std::move(response));
  return true;
}

void Visit::answer_or_page(http::Response response) {
  if (response.status >= 400) {
    http::Response page = error_page(response.status);
    response.headers.set("Content-Type", std::string(page.headers.get("Content-Type")));
    response.body = std::move(page.body);
  }
  answer(std::move(response));
}

}  // namespace microtome::host
