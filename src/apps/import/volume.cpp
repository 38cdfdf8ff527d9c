// SPDX-License-Identifier: Apache-2.0
#include "apps/import/volume.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "apps/import/vips.hpp"
#include "io/atomic_file.hpp"
#include "io/file.hpp"
#include "woolz/nifti.hpp"
#include "woolz/writer.hpp"

namespace microtome::apps {
namespace {

using woolz::Grey;

std::unexpected<Error> unreadable(const std::string& path) {
  return fail(Code::corrupt, path + " cannot be read", vips_text());
}

struct Plane {
  std::int64_t width = 0;
  std::int64_t height = 0;
  Bytes values;  // bytes, or RGBA
};

Result<Plane> load(const std::string& path, bool colour) {
  Vips image(vips_image_new_from_file(path.c_str(), "access", VIPS_ACCESS_SEQUENTIAL, nullptr));
  const VipsInterpretation space = colour ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_B_W;
  const bool good =
      image &&
      (vips_image_hasalpha(image.get()) == FALSE ||
       replace(image, [](VipsImage* in, VipsImage** out) { return vips_flatten(in, out, nullptr); })) &&
      replace(image, [&](VipsImage* in, VipsImage** out) { return vips_colourspace(in, out, space, nullptr); }) &&
      replace(image, [](VipsImage* in, VipsImage** out) { return vips_cast_uchar(in, out, nullptr); }) &&
      (!colour || replace(image, [](VipsImage* in, VipsImage** out) { return vips_addalpha(in, out, nullptr); }));
  if (!good) {
    return unreadable(path);
  }
  std::size_t size = 0;
  void* memory = vips_image_write_to_memory(image.get(), &size);
  if (memory == nullptr) {
    return unreadable(path);
  }
  const auto* bytes = static_cast<const std::uint8_t*>(memory);
  Plane plane{vips_image_get_width(image.get()), vips_image_get_height(image.get()), Bytes(bytes, bytes + size)};
  g_free(memory);
  if (size != static_cast<std::size_t>(plane.width * plane.height) * (colour ? 4 : 1)) {
    return fail(Code::unsupported, path + " has other channels than the volume");
  }
  return plane;
}

class PictureStack {
 public:
  static Result<PictureStack> open(const VolumeOptions& options) {
    PictureStack stack(options);
    auto first = load(options.sources.front(), options.colour);
    if (!first) {
      return std::unexpected(first.error());
    }
    stack.description_.box = {
        0, 0, 0, first->width - 1, first->height - 1, static_cast<std::int64_t>(options.sources.size()) - 1};
    stack.description_.grey = options.colour ? Grey::rgba : Grey::uint8;
    return stack;
  }
  [[nodiscard]] const woolz::VolumeDescription& description() const { return description_; }

  Result<woolz::PlaneData> plane(std::int64_t z) const {
    const std::string& path = options_.sources[static_cast<std::size_t>(z)];
    auto loaded = load(path, options_.colour);
    if (!loaded) {
      return std::unexpected(loaded.error());
    }
    if (loaded->width != description_.box.width() || loaded->height != description_.box.height()) {
      return fail(Code::bad_request, path + " is not of the size of the first picture");
    }
    woolz::PlaneData plane;
    plane.values = std::move(loaded->values);
    if (!options_.whole) {
      const std::size_t size = woolz::bytes_of(description_.grey);
      for (std::size_t i = 0; i < plane.values.size(); i += size) {
        const bool lit =
            size == 1 ? plane.values[i] != 0 : (plane.values[i] | plane.values[i + 1] | plane.values[i + 2]) != 0;
        plane.inside.push_back(lit ? 1 : 0);
      }
    }
    return plane;
  }

 private:
  explicit PictureStack(const VolumeOptions& options) : options_(options) {}
  const VolumeOptions& options_;
  woolz::VolumeDescription description_;
};

Result<VolumeMade> write(const VolumeOptions& options, woolz::VolumeDescription description,
                         const woolz::ReadPlane& read, const std::function<void(double)>& progress,
                         const std::atomic<bool>& stop) {
  description.tiled = options.tiled;
  if (options.voxel_size.size() == 3) {
    std::copy(options.voxel_size.begin(), options.voxel_size.end(), description.voxel_size.begin());
  }
  auto file = io::AtomicFile::create(options.target);
  if (!file) {
    return std::unexpected(file.error());
  }
  woolz::Writer writer([&](ByteView bytes) { return file->write(bytes); });
  const auto steps = static_cast<double>(2 * description.box.depth());
  double step = 0;
  auto wrote = writer.volume(description, [&](std::int64_t z) -> Result<woolz::PlaneData> {
    if (stop) {
      return fail(Code::cancelled, "stopped");
    }
    progress(step++ / steps);
    return read(z);
  });
  if (wrote) {
    wrote = file->commit();
  }
  if (!wrote) {
    return std::unexpected(wrote.error());
  }
  progress(1);
  return VolumeMade{description.box.width(), description.box.height(), description.box.depth()};
}

}  // namespace

bool is_nifti(const std::string& path) {
  return path.ends_with(".nii") || path.ends_with(".nii.gz");
}

Result<VolumeMade> import_volume(const VolumeOptions& options, const std::function<void(double)>& progress,
                                 const std::atomic<bool>& stop) {
  if (options.sources.size() == 1 && is_nifti(options.sources[0])) {
    auto file = io::File::open(options.sources[0]);
    if (!file) {
      return std::unexpected(file.error());
    }
    auto nifti = woolz::Nifti::open(*file);
    if (!nifti) {
      return std::unexpected(nifti.error());
    }
    return write(
        options, nifti->description(), [&](std::int64_t z) { return nifti->plane(z, options.whole); }, progress,
        stop);
  }
  if (options.sources.empty()) {
    return fail(Code::bad_request, "there are no pictures");
  }
  auto stack = PictureStack::open(options);
  if (!stack) {
    return std::unexpected(stack.error());
  }
  return write(options, stack->description(), [&](std::int64_t z) { return stack->plane(z); }, progress, stop);
}

}  // namespace microtome::apps
