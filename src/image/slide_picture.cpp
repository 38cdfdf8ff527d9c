// SPDX-License-Identifier: Apache-2.0
#include "image/slide_picture.hpp"

#include <dlfcn.h>
#include <openslide/openslide.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <charconv>
#include <cmath>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "image/grid.hpp"
#include "image/tiff_tags.hpp"
#include "image/untiled_picture.hpp"
#include "pixel/convert.hpp"

namespace microtome::image {
namespace {

constexpr std::size_t kOwnCache = 32 << 20;  // OpenSlide's, for each slide
constexpr int kSmallestTile = 64;
constexpr int kLargestTile = 1024;
constexpr std::size_t kMostText = 8 << 10;
constexpr std::size_t kMostAssociated = 64;
constexpr std::size_t kLongestPart = 32;
constexpr std::int64_t kMostSide = 1 << 20;   // of an associated picture
constexpr std::uint16_t kNdpiFormat = 65420;  // Hamamatsu's tag "format flag"

using SlidePtr = std::shared_ptr<openslide_t>;

// The library is loaded when the first slide is opened: it brings some thirty others, which a process that shows none
// should not carry, and a system may lack it.
struct Library {
  decltype(&openslide_open) open = nullptr;
  decltype(&openslide_close) close = nullptr;
  decltype(&openslide_get_error) error = nullptr;
  decltype(&openslide_get_level_count) level_count = nullptr;
  decltype(&openslide_get_level_dimensions) level_dimensions = nullptr;
  decltype(&openslide_get_level_downsample) level_downsample = nullptr;
  decltype(&openslide_read_region) read_region = nullptr;
  decltype(&openslide_get_property_value) property_value = nullptr;
  decltype(&openslide_get_associated_image_names) associated_names = nullptr;
  decltype(&openslide_get_associated_image_dimensions) associated_size = nullptr;
  decltype(&openslide_read_associated_image) read_associated = nullptr;
  bool good = false;

  Library() {
    void* handle = ::dlopen("libopenslide.so.0", RTLD_NOW | RTLD_LOCAL);  // never closed: GLib cannot be unloaded
    if (handle == nullptr) {
      return;
    }
    const auto find = [handle](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
      return function != nullptr;
    };
    good = find(open, "openslide_open") && find(close, "openslide_close") && find(error, "openslide_get_error") &&
           find(level_count, "openslide_get_level_count") &&
           find(level_dimensions, "openslide_get_level_dimensions") &&
           find(level_downsample, "openslide_get_level_downsample") && find(read_region, "openslide_read_region") &&
           find(property_value, "openslide_get_property_value") &&
           find(associated_names, "openslide_get_associated_image_names") &&
           find(associated_size, "openslide_get_associated_image_dimensions") &&
           find(read_associated, "openslide_read_associated_image");
  }
};

const Library& library() {
  static const Library kLibrary;
  return kLibrary;
}

std::unexpected<Error> broken(const io::FilePtr& file, const char* why) {
  return fail(Code::corrupt, "the slide is damaged", file->path() + ": " + (why != nullptr ? why : "OpenSlide"));
}

Result<SlidePtr> open_handle(const io::FilePtr& file) {
  if (!library().good) {
    return fail(Code::unsupported, "slides of this kind need OpenSlide, which is not installed", file->path());
  }
  openslide_t* raw = library().open(file->path().c_str());
  if (raw == nullptr) {
    return fail(Code::unsupported, "this kind of slide is not supported", file->path());
  }
  SlidePtr slide(raw, library().close);
  if (const char* error = library().error(raw)) {
    return broken(file, error);
  }
  return slide;
}

std::string property(openslide_t* slide, const std::string& name) {
  const char* value = library().property_value(slide, name.c_str());
  return value != nullptr ? std::string(value).substr(0, kMostText) : std::string();
}

std::optional<double> number(openslide_t* slide, const std::string& name) {
  const std::string text = property(slide, name);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value > 0 && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// Premultiplied ARGB over the background.
pixel::Image to_rgb(const std::vector<std::uint32_t>& argb, std::int64_t width, std::int64_t height,
                    pixel::Rgb8 background) {
  pixel::Image image = pixel::Image::make(static_cast<int>(width), static_cast<int>(height), 3, pixel::Colour::rgb);
  std::uint8_t* to = image.data.data();
  for (const std::uint32_t value : argb) {
    const std::uint32_t clear = 255 - (value >> 24);
    const auto over = [clear](std::uint32_t colour, std::uint8_t below) {
      return static_cast<std::uint8_t>(std::min<std::uint32_t>(255, (colour & 255) + clear * below / 255));
    };
    *to++ = over(value >> 16, background.red);
    *to++ = over(value >> 8, background.green);
    *to++ = over(value, background.blue);
  }
  return image;
}

// Label, macro shot, thumbnail: small, read whole.
class AssociatedPicture final : public UntiledPicture {
 public:
  AssociatedPicture(io::FilePtr file, PictureInfo info, const OpenLimits& limits, std::string name)
      : UntiledPicture(std::move(file), std::move(info), limits), name_(std::move(name)) {}

 protected:
  Result<pixel::Image> decode_whole(int* level, const CancelToken& /*cancel*/) const override {
    *level = 0;
    const auto slide = open_handle(file());
    if (!slide) {
      return pass(slide.error());
    }
    std::vector<std::uint32_t> argb(static_cast<std::size_t>(info().width * info().height));
    std::int64_t width = 0;
    std::int64_t height = 0;
    library().associated_size(slide->get(), name_.c_str(), &width, &height);
    if (width != info().width || height != info().height) {
      return broken(file(), "an associated picture changed its size");
    }
    library().read_associated(slide->get(), name_.c_str(), argb.data());
    if (const char* error = library().error(slide->get())) {
      return broken(file(), error);
    }
    return to_rgb(argb, width, height, {255, 255, 255});
  }
  [[nodiscard]] std::optional<double> part_cost(int /*level*/, const pixel::Rect& /*rect*/) const override {
    return std::nullopt;
  }
  Result<pixel::Image> decode_part(int /*level*/, const pixel::Rect& /*rect*/,
                                   const CancelToken& /*cancel*/) const override {
    return fail(Code::internal, "never asked for");
  }
  [[nodiscard]] std::size_t own_memory() const override { return sizeof(*this); }

 private:
  std::string name_;
};

class SlidePicture final : public RegionPicture {
 public:
  SlidePicture(io::FilePtr file, SlidePtr slide, PictureInfo info, std::vector<double> scales, pixel::Rgb8 background)
      : file_(std::move(file)),
        info_(std::move(info)),
        scales_(std::move(scales)),
        background_(background),
        slide_(std::move(slide)) {}

  [[nodiscard]] const PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return file_->id(); }
  [[nodiscard]] std::size_t memory() const override { return sizeof(*this) + std::min(kOwnCache, read_.load()); }

  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const override {
    *reduction = 1;
    if (auto inside = check_region(info_, level, rect); !inside) {
      return pass(inside.error());
    }
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    const auto slide = handle();
    if (!slide) {
      return pass(slide.error());
    }
    std::vector<std::uint32_t> argb(static_cast<std::size_t>(rect.width * rect.height));
    const double scale = scales_[static_cast<std::size_t>(level)];  // places are counted at the full size
    library().read_region(slide->get(), argb.data(), std::llround(static_cast<double>(rect.x) * scale),
                          std::llround(static_cast<double>(rect.y) * scale), level, rect.width, rect.height);
    if (const char* error = library().error(slide->get())) {
      auto failed = broken(file_, error);
      forget(*slide);  // after an error a handle answers nothing any more
      return failed;
    }
    read_ += argb.size() * 4;
    return to_rgb(argb, rect.width, rect.height, background_);
  }

 private:
  [[nodiscard]] Result<SlidePtr> handle() const {
    const std::scoped_lock lock(mutex_);
    if (slide_ == nullptr) {
      auto opened = open_handle(file_);
      if (!opened) {
        return opened;
      }
      slide_ = std::move(*opened);
    }
    return slide_;
  }

  void forget(const SlidePtr& slide) const {
    const std::scoped_lock lock(mutex_);
    if (slide_ == slide) {
      slide_ = nullptr;
    }
  }

  io::FilePtr file_;
  PictureInfo info_;
  std::vector<double> scales_;  // by level
  pixel::Rgb8 background_;
  mutable std::mutex mutex_;
  mutable SlidePtr slide_;  // null after an error
  mutable std::atomic<std::size_t> read_ = 0;
};

pixel::Rgb8 background_of(openslide_t* slide) {
  const std::string text = property(slide, OPENSLIDE_PROPERTY_NAME_BACKGROUND_COLOR);
  std::uint32_t colour = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), colour, 16);
  if (error != std::errc() || text.size() != 6) {
    return {};
  }
  return {static_cast<std::uint8_t>(colour >> 16), static_cast<std::uint8_t>(colour >> 8),
          static_cast<std::uint8_t>(colour)};
}

int tile_side(openslide_t* slide, int level, const char* side, int otherwise) {
  const auto given = number(slide, "openslide.level[" + std::to_string(level) + "].tile-" + side);
  return given && *given >= kSmallestTile && *given <= kLargestTile ? static_cast<int>(*given) : otherwise;
}

// Names of associated pictures as addresses spell them: small letters, '_' for what is neither letter nor digit.
std::string part_of(std::string_view name) {
  std::string part(name.substr(0, kLongestPart));
  std::ranges::transform(part, part.begin(), [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return std::isalnum(code) != 0 && code < 0x80 ? static_cast<char>(std::tolower(code)) : '_';
  });
  return part;
}

void describe(openslide_t* slide, PictureInfo& info) {
  info.um_per_pixel_x = number(slide, OPENSLIDE_PROPERTY_NAME_MPP_X);
  info.um_per_pixel_y = number(slide, OPENSLIDE_PROPERTY_NAME_MPP_Y);
  const auto take = [&](const char* name, const char* from) {
    if (std::string text = property(slide, from); !text.empty()) {
      info.text.emplace(name, std::move(text));
    }
  };
  take("description", OPENSLIDE_PROPERTY_NAME_COMMENT);
  take("vendor", OPENSLIDE_PROPERTY_NAME_VENDOR);
  take("objective_power", OPENSLIDE_PROPERTY_NAME_OBJECTIVE_POWER);
  std::string associated;
  for (const char* const* name = library().associated_names(slide); name != nullptr && *name != nullptr; ++name) {
    associated += (associated.empty() ? "" : ", ") + std::string(*name).substr(0, 100);
    if (info.associated.size() < kMostAssociated) {
      info.associated.push_back(part_of(*name));
    }
  }
  if (!associated.empty()) {
    info.text.emplace("associated", associated.substr(0, kMostText));
  }
}

}  // namespace

bool is_slide_tiff(const TiffIndex& index) {
  if (index.pages().empty()) {
    return false;
  }
  const TiffDirectory& first = index.pages().front();
  if (first.find(kNdpiFormat) != nullptr) {
    return true;
  }
  const auto text = [&](std::uint16_t tag) {
    const TiffField* field = first.find(tag);
    return field != nullptr ? std::string(as_text(index.bytes(*field, kMostText, true))) : std::string();
  };
  const std::string description = text(tiff::kImageDescription);
  const std::string software = text(tiff::kSoftware);
  const std::string xmp = text(tiff::kXmp);
  return description.find("http://www.leica-microsystems.com/scn/") != std::string::npos ||
         xmp.find("<iScan") != std::string::npos || software.starts_with("Philips") ||
         software.starts_with("MedScan");
}

bool is_slide_name(std::string_view path, std::string_view head) {
  const auto ends = [&](std::string_view ending) {
    return path.size() > ending.size() &&
           std::ranges::equal(path.substr(path.size() - ending.size()), ending, {},
                              [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  };
  return ends(".mrxs") || (head.starts_with("[") && (ends(".vms") || ends(".vmu"))) ||
         (head.starts_with("SQLite format 3") && ends(".svslide"));
}

Result<PicturePtr> open_slide(io::FilePtr file, const OpenLimits& limits) {
  auto slide = open_handle(file);
  if (!slide) {
    return pass(slide.error());
  }
  PictureInfo info;
  std::vector<double> scales;
  const int tile = std::max(1, limits.default_tile);
  const int count = std::min(library().level_count(slide->get()), 64);
  for (int i = 0; i < count; ++i) {
    Level level;
    library().level_dimensions(slide->get(), i, &level.width, &level.height);
    const double scale = library().level_downsample(slide->get(), i);
    constexpr std::int64_t kMost = 1LL << 31;
    if (level.width < 1 || level.height < 1 || level.width > kMost || level.height > kMost || !(scale >= 1) ||
        (i > 0 && level.width >= info.levels.back().width)) {
      break;  // what is there is used as far as it makes sense
    }
    level.tile_width = tile_side(slide->get(), i, "width", tile);
    level.tile_height = tile_side(slide->get(), i, "height", tile);
    info.levels.push_back(level);
    scales.push_back(scale);
  }
  if (info.levels.empty()) {
    return broken(file, "no levels");
  }
  info.width = info.levels.front().width;
  info.height = info.levels.front().height;
  info.has_tiles = true;
  describe(slide->get(), info);
  const pixel::Rgb8 background = background_of(slide->get());
  return std::make_shared<SlidePicture>(std::move(file), std::move(*slide), std::move(info), std::move(scales),
                                        background);
}

Result<PicturePtr> open_slide_part(io::FilePtr file, std::string_view part, const OpenLimits& limits) {
  if (part.starts_with('@') || part == "0") {
    return open_slide(std::move(file), limits);
  }
  const auto slide = open_handle(file);
  if (!slide) {
    return pass(slide.error());
  }
  for (const char* const* name = library().associated_names(slide->get()); name != nullptr && *name != nullptr;
       ++name) {
    if (part_of(*name) != part) {
      continue;
    }
    PictureInfo info;
    library().associated_size(slide->get(), *name, &info.width, &info.height);
    if (info.width < 1 || info.height < 1 || info.width > kMostSide || info.height > kMostSide) {
      return broken(file, "size of an associated picture");
    }
    if (auto small = check_decoded(limits, info.width, info.height, 4, info.sample); !small) {
      return pass(small.error(), file->path());
    }
    return std::make_shared<AssociatedPicture>(std::move(file), std::move(info), limits, *name);
  }
  return fail(Code::not_found, "no such page", file->path());
}

}  // namespace microtome::image
