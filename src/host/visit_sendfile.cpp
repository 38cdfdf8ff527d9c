// SPDX-License-Identifier: Apache-2.0
// Files that an app names instead of sending them: X-Sendfile, X-Sendfile2 and X-Accel-Redirect.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "host/visit.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::host {
namespace {

// The path without links; "" when nothing is there.
std::string real_path(const std::string& path) {
  char* real = path.empty() ? nullptr : realpath(path.c_str(), nullptr);
  std::string resolved = real != nullptr ? real : "";
  free(real);  // NOLINT(cppcoreguidelines-no-malloc): realpath allocates so
  return resolved;
}

bool is_number(std::string_view text, std::uint64_t& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc{} && end == text.data() + text.size();
}

// "0-99" or "100-" of a file of `size` bytes; false when it is neither.
bool read_span(std::string_view text, std::uint64_t size, io::FileRange& range) {
  const std::size_t dash = text.find('-');
  std::uint64_t last = size - 1;
  if (dash == std::string_view::npos || !is_number(text.substr(0, dash), range.offset) ||
      (dash + 1 < text.size() && !is_number(text.substr(dash + 1), last)) || range.offset > last ||
      range.offset >= size) {
    return false;
  }
  range.length = std::min(last, size - 1) - range.offset + 1;
  return true;
}

}  // namespace

// The file at `path` when it lies below a directory that the app may send from. Else the status to answer.
std::expected<io::FilePtr, int> Visit::file_for_app(const std::string& path) const {
  std::vector<std::string> roots = app_->send_file_roots;
  if (roots.empty()) {
    roots.push_back(settings_->document_root);
  }
  const std::string resolved = real_path(path);
  const bool allowed = !resolved.empty() && std::ranges::any_of(roots, [&resolved](const std::string& root) {
    std::string front = real_path(root);
    front += front.empty() || front.ends_with('/') ? "" : "/";
    return !front.empty() && resolved.starts_with(front);
  });
  if (!allowed) {
    context_->log.warning("X-Sendfile of " + path +
                          (resolved.empty() ? ": no such file" : ": not below an allowed directory"));
    return std::unexpected(resolved.empty() ? 404 : 403);
  }
  auto file = io::File::open(resolved);
  return file ? std::expected<io::FilePtr, int>(std::move(*file)) : std::unexpected(404);
}

// X-Sendfile2: pieces of files, one behind the other.
void Visit::send_named_parts(const CgiHead& head) {
  http::Response response;
  response.status = head.status;
  response.headers = head.headers;
  http::FileBody body;
  for (const std::string_view part : http::split_list(head.send_file)) {
    const std::size_t blank = std::min(part.find(' '), part.size());
    const auto path = http::percent_decode(part.substr(0, blank));
    auto file = file_for_app(path ? *path : std::string{});
    if (!file) {
      return error(file.error());
    }
    if (!response.headers.has("Content-Type")) {
      response.headers.add("Content-Type", type_of(**file));
    }
    const std::uint64_t size = (*file)->size();
    io::FileRange range{std::move(*file), 0, size};
    if (blank < part.size() && !read_span(http::trim(part.substr(blank)), size, range)) {
      context_->log.warning("X-Sendfile2 names a part that is not there: " + std::string(part));
      return error(502);
    }
    if (range.length > 0) {
      body.ranges.push_back(std::move(range));
    }
  }
  response.body = std::move(body);
  answer(std::move(response));
}

bool Visit::send_named_file(const CgiHead& head) {
  if (head.send_file_parts) {
    send_named_parts(head);
    return true;
  }
  std::string path = head.send_file;
  if (head.send_file_by_url) {
    auto decoded = http::percent_decode(path.substr(0, path.find('?')));
    path = decoded ? root_ + *decoded : std::string{};
  } else if (auto decoded = http::percent_decode(path); decoded) {
    path = *decoded;
  }
  auto file = file_for_app(path);
  if (!file) {
    error(file.error());
    return true;
  }
  http::Response response;
  response.status = head.status;
  response.headers = head.headers;
  const std::string type = type_of(**file);
  answer_with(response, std::move(*file), type);
  answer_or_page(std::move(response));
  return true;
}

}  // namespace microtome::host
