// SPDX-License-Identifier: Apache-2.0
#include "host/directory_listing.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include "host/regex.hpp"
#include "http/uri.hpp"
#include "io/file.hpp"

namespace microtome::host {
namespace {

constexpr std::size_t kMaxEntries = 10'000;

struct Item {
  std::string name;
  bool directory = false;
  std::int64_t size = 0;
  std::time_t changed = 0;
};

std::string size_text(std::int64_t size) {
  static constexpr const char* kUnits[] = {"B", "K", "M", "G", "T", "P"};
  double value = static_cast<double>(size);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f%s" : "%.1f%s", value, kUnits[unit]);
  return text.data();
}

std::string time_text(std::time_t time) {
  std::array<char, 32> text{};
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return text.data();
}

bool wanted(const std::string& name, const RequestSettings& settings, const std::vector<RegexPtr>& excluded) {
  if (name == "." || name == ".." || (settings.listing_hide_dotfiles && name.starts_with('.'))) {
    return false;
  }
  if ((settings.listing_hide_header && name == settings.listing_header) ||
      (settings.listing_hide_readme && name == settings.listing_readme)) {
    return false;
  }
  return std::none_of(excluded.begin(), excluded.end(),
                      [&](const RegexPtr& pattern) { return pattern && pattern->match(name, nullptr); });
}

Result<std::vector<Item>> read_items(const std::string& path, const RequestSettings& settings) {
  std::vector<RegexPtr> excluded;
  if (settings.listing_exclude) {
    for (const std::string& pattern : *settings.listing_exclude) {
      Regex::Fault fault;
      excluded.push_back(Regex::compile(pattern, fault));
    }
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (!directory) {
    return fail(Code::forbidden, "forbidden", path + ": " + std::strerror(errno));
  }
  std::vector<Item> items;
  while (const dirent* entry = readdir(directory.get())) {
    struct stat state{};
    if (!wanted(entry->d_name, settings, excluded) ||
        fstatat(dirfd(directory.get()), entry->d_name, &state, 0) != 0) {
      continue;
    }
    items.push_back({entry->d_name, S_ISDIR(state.st_mode), state.st_size, state.st_mtime});
    if (items.size() >= kMaxEntries) {
      break;
    }
  }
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.directory != b.directory ? a.directory : a.name < b.name; });
  return items;
}

void add_row(std::string& page, const Item& item, const RequestSettings& settings) {
  const std::string slash = item.directory ? "/" : "";
  std::string type = "Directory";
  if (!item.directory) {
    type = settings.mime_types ? settings.mime_types->find(item.name) : std::string_view{};
    if (type.empty()) {
      type = "application/octet-stream";
    }
  }
  page += "<tr><td class=\"n\"><a href=\"" + http::percent_encode(item.name) + slash + "\">" +
          escape_html(item.name) + "</a>" + slash + "</td><td class=\"m\">" + time_text(item.changed) +
          "</td><td class=\"s\">" + (item.directory ? "- &nbsp;" : size_text(item.size)) + "</td><td class=\"t\">" +
          escape_html(type) + "</td></tr>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

namespace {

// A file of the directory as part of the page; "" when it is not there.
std::string inserted(const std::string& path, const std::string& name, bool encode, std::string_view place) {
  constexpr std::uint64_t kMost = 64 * 1024;
  if (name.empty() || name.find('/') != std::string::npos) {
    return {};
  }
  const auto file = io::File::open(path + (path.ends_with('/') ? "" : "/") + name);
  if (!file || (*file)->size() > kMost) {
    return {};
  }
  const auto bytes = (*file)->read(0, static_cast<std::size_t>((*file)->size()));
  if (!bytes) {
    return {};
  }
  const std::string_view text = as_text(*bytes);
  return encode ? "<pre class=\"" + std::string(place) + "\">" + escape_html(text) + "</pre>\n" : std::string(text);
}

}  // namespace

Result<http::Response> list_directory(const std::string& path, std::string_view url, const RequestSettings& settings,
                                      std::string_view footer) {
  auto items = read_items(path, settings);
  if (!items) {
    return pass(items.error());
  }
  const std::string title = "Index of " + escape_html(url);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"" +
                     escape_html(settings.listing_encoding) + "\"><title>" + title + "</title>\n";
  page += settings.listing_css.empty()
              ? "<style>body{font-family:sans-serif;margin:1em 2em}td{padding:.1em 1em .1em 0}.s{text-align:right}"
                ".m,.s{font-family:monospace}</style>\n"
              : "<link rel=\"stylesheet\" href=\"" + escape_html(settings.listing_css) + "\">\n";
  page += "</head><body>" + inserted(path, settings.listing_header, settings.listing_encode_header, "header") +
          "<h1>" + title +
          "</h1>\n<table><thead><tr><th class=\"n\">Name</th><th class=\"m\">Last changed (UTC)</th>"
          "<th class=\"s\">Size</th><th class=\"t\">Type</th></tr></thead><tbody>\n";
  if (url != "/") {
    page += "<tr><td class=\"n\"><a href=\"../\">..</a>/</td><td></td><td></td><td>Directory</td></tr>\n";
  }
  for (const Item& item : *items) {
    add_row(page, item, settings);
  }
  const std::string_view last = settings.listing_footer.empty() ? footer : std::string_view(settings.listing_footer);
  page += "</tbody></table>\n" + inserted(path, settings.listing_readme, settings.listing_encode_readme, "readme") +
          "<footer>" + escape_html(last) + "</footer></body></html>\n";
  http::Response response;
  response.headers.add("Content-Type", "text/html; charset=" + settings.listing_encoding);
  response.body = std::move(page);
  return response;
}

}  // namespace microtome::host
