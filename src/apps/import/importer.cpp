// SPDX-License-Identifier: Apache-2.0
#include "apps/import/importer.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "apps/import/worker.hpp"
#include "io/atomic_file.hpp"

namespace microtome::apps {
namespace fs = std::filesystem;
namespace {

constexpr const char* kManifest = "manifest.jsonl";

bool looks_like_a_picture(const fs::path& path) {
  static const std::set<std::string> kExtensions{".tif", ".tiff", ".svs",  ".ndpi", ".scn",  ".mrxs", ".vms", ".vmu",
                                                 ".bif", ".jpg",  ".jpeg", ".png",  ".webp", ".jp2",  ".j2k", ".jpx",
                                                 ".jpf", ".jxl",  ".avif", ".heic", ".ppm",  ".pgm",  ".pbm", ".pnm",
                                                 ".gif", ".bmp",  ".fits", ".exr",  ".hdr",  ".nii"};
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return kExtensions.contains(extension) && !path.filename().string().starts_with('.');
}

// Digits compare as numbers, so that texture-9 comes before texture-10.
bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0;
  std::size_t j = 0;
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto run = [&](const std::string& s, std::size_t& k) {
        while (k < s.size() && s[k] == '0') {
          ++k;
        }
        const std::size_t first = k;
        while (k < s.size() && digit(s[k])) {
          ++k;
        }
        return s.substr(first, k - first);
      };
      const std::string x = run(a, i);
      const std::string y = run(b, j);
      if (x != y) {
        return x.size() != y.size() ? x.size() < y.size() : x < y;
      }
      continue;
    }
    if (a[i] != b[j]) {
      return a[i] < b[j];
    }
    ++i;
    ++j;
  }
  return a.size() - i < b.size() - j;
}

Result<std::vector<std::string>> expand(const std::vector<std::string>& given) {
  std::vector<std::string> files;
  for (const auto& name : given) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {
      files.push_back(name);
      continue;
    }
    std::vector<std::string> inside;
    for (const auto& entry : fs::directory_iterator(name, error)) {
      if (entry.is_regular_file(error) && looks_like_a_picture(entry.path())) {
        inside.push_back(entry.path().string());
      }
    }
    if (error) {
      return fail(Code::io, name + ": " + error.message());
    }
    std::ranges::sort(inside, natural_less);
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

// The set's name, unless there is a set.toml already: that one belongs to the user.
Result<void> write_set_toml(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / "set.toml";
  std::error_code error;
  if (fs::exists(path, error)) {
    return {};
  }
  auto file = io::AtomicFile::create(path.string());
  if (!file) {
    return std::unexpected(file.error());
  }
  const std::string text = "name = " + toml_string(name) + "\n";
  if (auto written = file->write(as_bytes(text)); !written) {
    return written;
  }
  return file->commit();
}

class Run {
 public:
  Run(const ImportOptions& options, Manifest& manifest, Progress& progress, const std::atomic<bool>& stop)
      : options_(options), manifest_(manifest), progress_(progress), stop_(stop) {}

  void work(const std::vector<ImportItem>& items) {
    for (;;) {
      const std::size_t i = next_++;
      if (i >= items.size() || stop_) {
        return;
      }
      if (auto made = one(items[i]); !made && made.error().code != Code::cancelled) {
        ++failed;
        progress_.failed(items[i].source, made.error().context.empty()
                                              ? made.error().message
                                              : made.error().message + ": " + made.error().context);
      }
    }
  }

  std::atomic<int> done = 0;
  std::atomic<int> skipped = 0;
  std::atomic<int> failed = 0;

 private:
  Result<void> one(const ImportItem& item) {
    const auto source = io::File::identify(item.source);
    if (!source) {
      return fail(source.error().code, "no such file");
    }
    ManifestEntry entry{.source = fs::absolute(item.source).lexically_normal().string(),
                        .source_size = source->size,
                        .source_mtime_ns = source->mtime_ns,
                        .target = fs::path(item.target).filename().string(),
                        .tile = options_.tile,
                        .quality = options_.quality};
    if (manifest_.is_done(entry, item.target)) {
      ++skipped;
      progress_.skipped(item.source);
      return {};
    }
    const auto start = std::chrono::steady_clock::now();
    const ConvertOptions how{options_.tile, options_.quality};
    const std::string part = io::part_name(item.target);
    const auto converted = convert_in_worker(
        item.source, part, how, [&](double fraction) { progress_.working(item.source, fraction); }, stop_);
    if (!converted) {
      std::error_code ignored;
      fs::remove(part, ignored);
      return std::unexpected(converted.error());
    }
    if (auto published = io::publish(part, item.target); !published) {
      return published;
    }
    const auto target = io::File::identify(item.target);
    entry.target_size = target ? target->size : 0;
    entry.width = converted->width;
    entry.height = converted->height;
    entry.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++done;
    progress_.done(item.source, item.target, entry.width, entry.height, entry.seconds);
    return manifest_.add(entry);
  }

  const ImportOptions& options_;
  Manifest& manifest_;
  Progress& progress_;
  const std::atomic<bool>& stop_;
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace

Result<std::vector<ImportItem>> plan_import(const ImportOptions& options) {
  const auto sources = expand(options.pictures);
  if (!sources) {
    return std::unexpected(sources.error());
  }
  const fs::path folder = fs::path(options.to) / options.name;
  std::vector<ImportItem> items;
  std::map<std::string, std::string> by_target;
  for (const auto& source : *sources) {
    const std::string target = (folder / (fs::path(source).stem().string() + ".tif")).string();
    const auto [known, fresh] = by_target.emplace(target, source);
    if (!fresh) {
      std::string message = source;
      message.append(" and ").append(known->second).append(" would both become ").append(target);
      return fail(Code::bad_request, std::move(message));
    }
    std::error_code error;
    if (fs::equivalent(source, target, error)) {
      return fail(Code::bad_request,
                  source + " would be overwritten by its own import; choose another --to or --name");
    }
    items.push_back({source, target});
  }
  return items;
}

Result<ImportSummary> import_pictures(const ImportOptions& options, const std::vector<ImportItem>& items,
                                      Progress& progress, const std::atomic<bool>& stop) {
  const fs::path folder = fs::path(options.to) / options.name;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return fail(Code::io, "cannot make the folder " + folder.string(), error.message());
  }
  auto manifest = Manifest::open((folder / kManifest).string());
  if (!manifest) {
    return std::unexpected(manifest.error());
  }
  if (auto written = write_set_toml(folder, options.name); !written) {
    return std::unexpected(written.error());
  }
  Run run(options, *manifest, progress, stop);
  const int cores = std::max(1U, std::thread::hardware_concurrency());
  const int jobs = std::clamp(options.jobs > 0 ? options.jobs : cores, 1, std::max<int>(1, items.size()));
  std::vector<std::jthread> threads;
  threads.reserve(jobs);
  for (int i = 0; i < jobs; ++i) {
    threads.emplace_back([&] { run.work(items); });
  }
  threads.clear();  // joins
  progress.finish();
  return ImportSummary{run.done, run.skipped, run.failed};
}

}  // namespace microtome::apps
