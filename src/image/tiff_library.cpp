// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_library.hpp"

#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "image/tiff_samples.hpp"

namespace microtome::image {
namespace {

constexpr std::size_t kMostIdle = 2;
constexpr std::size_t kHandleMemory = 32 << 10;  // estimate of an idle handle, its codec's state included
constexpr tmsize_t kMostAllocation = 512 << 20;  // bytes in one piece

struct Source {
  io::FilePtr file;
  std::uint64_t position = 0;
  std::string message;  // the first error
};

tmsize_t read_some(thandle_t handle, void* out, tmsize_t size) {
  auto& source = *static_cast<Source*>(handle);
  if (size <= 0 || source.position >= source.file->size()) {
    return 0;
  }
  const std::uint64_t part = std::min<std::uint64_t>(size, source.file->size() - source.position);
  if (!source.file->read(source.position, {static_cast<std::uint8_t*>(out), part})) {
    return 0;
  }
  source.position += part;
  return static_cast<tmsize_t>(part);
}

tmsize_t write_nothing(thandle_t, void*, tmsize_t) {
  return 0;
}

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  auto& source = *static_cast<Source*>(handle);
  const std::uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? source.position : source.file->size();
  source.position = base + offset;  // wraps as a negative offset should
  return source.position;
}

int close_nothing(thandle_t) {
  return 0;
}
toff_t size_of(thandle_t handle) {
  return static_cast<Source*>(handle)->file->size();
}

int keep_first(TIFF*, void* user, const char* module, const char* format, va_list arguments) {
  auto& source = *static_cast<Source*>(user);
  if (source.message.empty()) {
    std::array<char, 200> text{};
    (void)std::vsnprintf(text.data(), text.size(), format, arguments);
    source.message = (module != nullptr ? std::string(module) + ": " : std::string()) + text.data();
  }
  return 1;  // handled: nothing goes to stderr
}

int ignore(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

}  // namespace

class TiffLibrary::Handle {
 public:
  static std::unique_ptr<Handle> open(io::FilePtr file) {
    auto handle = std::make_unique<Handle>();
    handle->source_.file = std::move(file);
    const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                               TIFFOpenOptionsFree);
    if (!options) {
      return nullptr;
    }
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMostAllocation);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_first, &handle->source_);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore, nullptr);
    // m: no mmap. C: strips as they are. h: header only, the directory is chosen by offset. DO: arrays of offsets on
    // demand instead of whole.
    handle->tiff_ = TIFFClientOpenExt("picture", "rmChDO", &handle->source_, read_some, write_nothing, seek,
                                      close_nothing, size_of, nullptr, nullptr, options.get());
    return handle->tiff_ != nullptr ? std::move(handle) : nullptr;
  }
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (tiff_ != nullptr) {
      TIFFClose(tiff_);
    }
  }

  [[nodiscard]] TIFF* get() const { return tiff_; }
  [[nodiscard]] const std::string& message() const { return source_.message; }

  // Makes `directory` the current one. False when libtiff reads it differently from us: then its buffers would have
  // other sizes than ours.
  bool select(const TiffDirectory& directory) {
    source_.message.clear();
    if (current_ == directory.offset) {
      return true;
    }
    current_ = 0;
    if (TIFFSetSubDirectory(tiff_, directory.offset) == 0) {
      return false;
    }
    const auto number = [&](std::uint32_t tag) {
      std::uint32_t value = 0;
      TIFFGetFieldDefaulted(tiff_, tag, &value);
      return static_cast<std::int64_t>(value);
    };
    const auto small = [&](std::uint32_t tag) {
      std::uint16_t value = 0;
      TIFFGetFieldDefaulted(tiff_, tag, &value);
      return value;
    };
    bool same = number(TIFFTAG_IMAGEWIDTH) == directory.width && number(TIFFTAG_IMAGELENGTH) == directory.height &&
                (TIFFIsTiled(tiff_) != 0) == directory.tiled && small(TIFFTAG_SAMPLESPERPIXEL) == directory.samples &&
                small(TIFFTAG_BITSPERSAMPLE) == directory.bits &&
                (directory.samples == 1 || small(TIFFTAG_PLANARCONFIG) == directory.planar);
    if (directory.tiled) {
      same = same && number(TIFFTAG_TILEWIDTH) == directory.block_width &&
             number(TIFFTAG_TILELENGTH) == directory.block_height;
    } else {
      same = same && std::min(number(TIFFTAG_ROWSPERSTRIP), directory.height) == directory.block_height;
    }
    if (same) {
      current_ = directory.offset;
    } else {
      source_.message = "libtiff reads another geometry";
    }
    return same;
  }

 private:
  Source source_;
  TIFF* tiff_ = nullptr;
  std::uint64_t current_ = 0;
};

TiffLibrary::TiffLibrary(io::FilePtr file) : file_(std::move(file)) {}
TiffLibrary::~TiffLibrary() = default;

namespace {
std::unexpected<Error> damaged(const io::FilePtr& file, const std::string& why) {
  return fail(Code::corrupt, "the TIFF file is damaged", file->path() + ": " + (why.empty() ? "libtiff" : why));
}
}  // namespace

Result<std::unique_ptr<TiffLibrary::Handle>> TiffLibrary::borrow(const TiffDirectory& directory) const {
  std::unique_ptr<Handle> handle;
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      handle = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!handle) {
    handle = Handle::open(file_);
  }
  if (!handle) {
    return damaged(file_, "libtiff cannot open it");
  }
  if (!handle->select(directory)) {
    return damaged(file_, handle->message());
  }
  return handle;
}

void TiffLibrary::give_back(std::unique_ptr<Handle> handle) const {
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < kMostIdle) {
    idle_.push_back(std::move(handle));
  }
}

Result<Bytes> TiffLibrary::samples(const TiffDirectory& directory, std::int64_t x, std::int64_t y, int height) const {
  auto handle = borrow(directory);
  if (!handle) {
    return pass(handle.error());
  }
  const std::size_t plane_bytes = row_bytes(directory, directory.block_width) * static_cast<std::size_t>(height);
  const std::int64_t planes = directory.planar == 2 ? directory.samples : 1;
  Bytes bytes(plane_bytes * planes);
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    const std::int64_t index = (plane * directory.down() + y) * directory.across() + x;
    std::uint8_t* out = bytes.data() + plane * plane_bytes;
    const auto size = static_cast<tmsize_t>(plane_bytes);
    const auto number = static_cast<std::uint32_t>(index);
    const tmsize_t got = directory.tiled ? TIFFReadEncodedTile((*handle)->get(), number, out, size)
                                         : TIFFReadEncodedStrip((*handle)->get(), number, out, size);
    if (got != size) {
      return damaged(file_, (*handle)->message());  // and the handle goes, its state is doubtful
    }
  }
  give_back(std::move(*handle));
  return bytes;
}

Result<pixel::Image> TiffLibrary::rgb(const TiffDirectory& directory, std::int64_t x, std::int64_t y,
                                      int height) const {
  auto handle = borrow(directory);
  if (!handle) {
    return pass(handle.error());
  }
  TIFF* tiff = (*handle)->get();
  std::array<char, 1024> why{};
  if (TIFFRGBAImageOK(tiff, why.data()) == 0) {
    return fail(Code::unsupported, "this kind of TIFF is not supported", file_->path() + ": " + why.data());
  }
  const auto width = static_cast<std::size_t>(directory.block_width);
  // libtiff fills whole blocks, the last strip as well, from the bottom up.
  std::vector<std::uint32_t> raster(width *
                                    static_cast<std::size_t>(directory.tiled ? directory.block_height : height));
  const auto left = static_cast<std::uint32_t>(x * directory.block_width);
  const auto top = static_cast<std::uint32_t>(y * directory.block_height);
  const int done = directory.tiled ? TIFFReadRGBATileExt(tiff, left, top, raster.data(), 1)
                                   : TIFFReadRGBAStripExt(tiff, top, raster.data(), 1);
  if (done == 0) {
    return damaged(file_, (*handle)->message());
  }
  pixel::Image image = pixel::Image::make(static_cast<int>(width), height, 3, pixel::Colour::rgb);
  const std::size_t rows = raster.size() / width;
  for (int row = 0; row < height; ++row) {
    const std::uint32_t* source = raster.data() + (rows - 1 - row) * width;
    std::uint8_t* out = image.row(row);
    for (std::size_t column = 0; column < width; ++column) {
      *out++ = TIFFGetR(source[column]);
      *out++ = TIFFGetG(source[column]);
      *out++ = TIFFGetB(source[column]);
    }
  }
  give_back(std::move(*handle));
  return image;
}

std::size_t TiffLibrary::memory() const {
  const std::scoped_lock lock(mutex_);
  return sizeof(*this) + idle_.size() * kHandleMemory;
}

}  // namespace microtome::image
