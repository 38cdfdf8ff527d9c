// SPDX-License-Identifier: Apache-2.0
// For tests and benchmarks only: Woolz objects from functions, and the files of tests/golden/wlz.
#pragma once

#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "base/bytes.hpp"
#include "woolz/bricks.hpp"
#include "woolz/object.hpp"
#include "woolz/writer.hpp"

namespace microtome::woolz::synthetic {

using ValueOf =
    std::function<double(std::int64_t, std::int64_t, std::int64_t)>;  // for RGBA: the four bytes as a number
using IsInside = std::function<bool(std::int64_t, std::int64_t, std::int64_t)>;

inline GreyValue grey_value(Grey grey, double v) {
  return grey == Grey::rgba ? GreyValue{0, static_cast<std::uint32_t>(v)} : GreyValue{v, 0};
}

inline ReadPlane planes(const VolumeDescription& d, const ValueOf& value, const IsInside& inside) {
  return [=](std::int64_t z) -> Result<PlaneData> {
    PlaneData data;
    const std::size_t size = bytes_of(d.grey);
    data.values.resize(static_cast<std::size_t>(d.box.width() * d.box.height()) * size);
    std::size_t i = 0;
    for (std::int64_t y = d.box.y1; y <= d.box.y2; ++y) {
      for (std::int64_t x = d.box.x1; x <= d.box.x2; ++x, ++i) {
        if (size > 0) {
          store_value(d.grey, grey_value(d.grey, value(x, y, z)), data.values.data() + i * size);
        }
        if (inside) {
          data.inside.push_back(inside(x, y, z) ? 1 : 0);
        }
      }
    }
    return data;
  };
}

class Maker {
 public:
  Maker()
      : writer_([this](ByteView bytes) -> Result<void> {
          bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
          return {};
        }) {}
  Maker& compound(std::int32_t members) {
    must(writer_.begin_compound(members));
    return *this;
  }
  Maker& volume(const VolumeDescription& d, const ValueOf& value, const IsInside& inside = {}) {
    must(writer_.volume(d, planes(d, value, inside)));
    return *this;
  }
  Maker& end_compound() {
    must(writer_.end_compound());
    return *this;
  }
  Maker& raw(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  static void must(const Result<void>& done) {
    if (!done) {
      std::abort();
    }
  }
  Bytes bytes_;
  Writer writer_;
};

inline Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Unpacks a file of the fixtures; empty when there is none.
inline Bytes gunzip(const std::string& path) {
  Bytes out;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    return out;
  }
  Bytes piece(1 << 16);
  int got = 0;
  while ((got = gzread(file, piece.data(), static_cast<unsigned>(piece.size()))) > 0) {
    out.insert(out.end(), piece.begin(), piece.begin() + got);
  }
  gzclose(file);
  return out;
}

inline std::string golden(const std::string& name) {
  return std::string(MICROTOME_FIXTURES) + "/../golden/wlz/" + name;
}
inline Bytes sample(const std::string& name) {
  return gunzip(golden("samples/" + name + ".gz"));
}

}  // namespace microtome::woolz::synthetic
