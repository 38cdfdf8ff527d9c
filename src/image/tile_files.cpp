// SPDX-License-Identifier: Apache-2.0
#include "image/tile_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace microtome::image {
namespace {

constexpr std::uint64_t kMostTile = 64 << 20;  // bytes

class Folder final : public TileFiles {
 public:
  Folder(int directory, std::string name, std::string format)
      : directory_(directory), name_(std::move(name)), format_(std::move(format)) {}
  ~Folder() override {
    if (directory_ >= 0) {
      ::close(directory_);
    }
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] Result<std::optional<TileBytes>> find(int level, std::int64_t x, std::int64_t y) const override {
    const std::string path =
        name_ + "/" + std::to_string(level) + "/" + std::to_string(x) + "_" + std::to_string(y) + "." + format_;
    open_how how = {};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    const long opened = ::syscall(SYS_openat2, directory_, path.c_str(), &how, sizeof(how));
    if (opened < 0) {
      if (errno == ENOENT) {
        return std::nullopt;
      }
      return fail(Code::io, "a tile cannot be read", path + ": errno " + std::to_string(errno));
    }
    auto file = io::File::adopt(static_cast<int>(opened), path);
    if (!file) {
      return pass(file.error());
    }
    if ((*file)->size() == 0) {
      return std::nullopt;
    }
    if ((*file)->size() > kMostTile) {
      return fail(Code::too_large, "a tile is too large", path);
    }
    return TileBytes{{*file, 0, (*file)->size()}, {}};
  }
  [[nodiscard]] std::size_t memory() const override { return sizeof(*this); }

 private:
  int directory_;
  std::string name_;
  std::string format_;
};

}  // namespace

Result<Bytes> TileBytes::read() const {
  if (range.file == nullptr) {
    return unpacked;
  }
  return range.file->read(range.offset, static_cast<std::size_t>(range.length));
}

std::unique_ptr<TileFiles> tiles_beside(const io::FilePtr& dzi, const std::string& format) {
  const std::filesystem::path path(dzi->path());
  const std::filesystem::path parent = path.parent_path();
  const int directory = ::open(parent.empty() ? "." : parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  return std::make_unique<Folder>(directory, path.stem().string() + "_files", format);
}

}  // namespace microtome::image
