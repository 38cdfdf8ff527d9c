// SPDX-License-Identifier: Apache-2.0
#include "set/stack_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "image/merged_picture.hpp"
#include "io/file.hpp"
#include "set/hash.hpp"
#include "set/names.hpp"

namespace microtome::set {
namespace {

bool ends_with(std::string_view name, std::string_view ending) {
  constexpr int kToLower = 'a' - 'A';
  return name.size() > ending.size() &&
         std::ranges::equal(name.substr(name.size() - ending.size()), ending, [](char one, char other) {
           return (one >= 'A' && one <= 'Z' ? one + kToLower : one) == other;
         });
}

// Which axis the slices run along.
enum class Along : std::uint8_t { depth, moments, channels };

class StackBuilder {
 public:
  StackBuilder(const Folder& folder, const FolderFile& file, const Locate& locate)
      : folder_(folder), file_(file), pages_(*file.pages), stack_(*file.pages->stack), locate_(locate) {
    along_ = stack_.z > 1                                               ? Along::depth
             : stack_.t > 1 || stack_.c == 1 || !stack_.colours.empty() ? Along::moments
                                                                        : Along::channels;
    // Channels that lie in other files are opened each by itself.
    merged_ = stack_.c > 1 && stack_.colours.size() > 1 && stack_.colours.size() <= image::kMostMerged &&
              stack_.elsewhere.empty();
  }

  Set build(std::string name) {
    set_.name = std::move(name);
    set_.title = stem_of(file_.name);
    set_.directory = folder_.path();
    set_.pixel_size_um = pages_.um_per_pixel;
    set_.mtime_ns = file_.mtime_ns;
    if (along_ == Along::depth) {
      set_.spacing_um = stack_.z_um;
    }
    const int channels = along_ == Along::channels ? stack_.c : 1;
    for (int t = 0; t < stack_.t; ++t) {
      for (int z = 0; z < stack_.z; ++z) {
        for (int c = 0; c < channels; ++c) {
          add(z, c, t);
        }
      }
    }
    set_.slices.shrink_to_fit();
    stamp();
    return std::move(set_);
  }

 private:
  void add(int z, int c, int t) {
    Slice slice;
    slice.number = static_cast<std::int64_t>(set_.slices.size());
    slice.id = set_.name + "/" + std::to_string(slice.number);
    slice.name = name_of(z, c, t);
    if (along_ == Along::depth && stack_.t == 1 && stack_.z_um) {
      slice.z_um = z * *stack_.z_um;
    }
    find(z, c, t, slice);
    if (slice.path.empty()) {
      slice.status = Status::missing;
    } else {
      slice.width = pages_.width;
      slice.height = pages_.height;
    }
    set_.slices.push_back(std::move(slice));
  }

  [[nodiscard]] std::string name_of(int z, int c, int t) const {
    switch (along_) {
      case Along::channels:
        return "c" + std::to_string(c);
      case Along::moments:
        return "t" + std::to_string(t);
      case Along::depth:
        break;
    }
    return "z" + std::to_string(z) + (stack_.t > 1 ? " t" + std::to_string(t) : "");
  }

  // Where the plane's pixels are; no path when nobody has them.
  void find(int z, int c, int t, Slice& slice) {
    const std::int64_t plane_number = z + std::int64_t{stack_.z} * (c + std::int64_t{stack_.c} * t);
    const auto plane = static_cast<std::size_t>(plane_number);
    std::string part;
    if (merged_ || stack_.page[plane] >= 0) {
      part =
          "z" + std::to_string(z) + (c > 0 ? "c" + std::to_string(c) : "") + (t > 0 ? "t" + std::to_string(t) : "");
      part += merged_ ? image::kMerged : std::string_view();
      slice.path = folder_.path() + "/" + file_.name + ";" + part;
      slice.stamp = file_.stamp();
      slice.mtime_ns = file_.mtime_ns;
    } else if (const auto other = stack_.elsewhere.find(plane); other != stack_.elsewhere.end()) {
      const auto located = locate_(other->second.file);
      if (!located) {
        return;
      }
      part = std::to_string(other->second.page);
      slice.path = located->path + ";" + part;
      slice.stamp = located->file.stamp();
      slice.mtime_ns = located->file.mtime_ns;
      set_.mtime_ns = std::max(set_.mtime_ns, slice.mtime_ns);
    }
    slice.stamp = Hash().add(slice.stamp).add(part).value();
  }

  void stamp() {
    Hash hash;
    hash.add(set_.name).add(set_.pixel_size_um.value_or(0)).add(set_.spacing_um.value_or(0));
    for (const Slice& slice : set_.slices) {
      hash.add(slice.name).add(slice.path).add(slice.stamp);
    }
    set_.version = hash.value();
  }

  const Folder& folder_;
  const FolderFile& file_;
  const StackFile& pages_;
  const image::Stack& stack_;
  const Locate& locate_;
  Along along_ = Along::depth;
  bool merged_ = false;
  Set set_;
};

}  // namespace

bool may_hold_pages(std::string_view name, bool& says_so) {
  constexpr std::array<std::string_view, 5> kOme = {".ome.tif", ".ome.tiff", ".ome.btf", ".ome.tf2", ".ome.tf8"};
  constexpr std::array<std::string_view, 3> kTiff = {".tif", ".tiff", ".btf"};
  const auto is = [&](std::string_view ending) { return ends_with(name, ending); };
  says_so = std::ranges::any_of(kOme, is);
  return says_so || std::ranges::any_of(kTiff, is);
}

Result<std::shared_ptr<const StackFile>> look_into(const std::string& path) {
  auto file = io::File::open(path);
  if (!file) {
    return pass(file.error());
  }
  const auto picture = image::open_picture(std::move(*file), {});
  if (!picture) {
    return pass(picture.error());
  }
  const image::PictureInfo& info = (*picture)->info();
  if (!info.stack || !info.stack->alike) {
    return nullptr;
  }
  const auto um = info.um_per_pixel_x;
  return std::make_shared<const StackFile>(
      StackFile{info.stack, info.width, info.height, um && *um > 0 && *um < 1e6 ? um : std::nullopt});
}

Set build_stack_set(const Folder& folder, const FolderFile& file, std::string name, const Locate& locate) {
  return StackBuilder(folder, file, locate).build(std::move(name));
}

}  // namespace microtome::set
