// SPDX-License-Identifier: Apache-2.0
// For tests: a service over the objects of tests/golden/wlz.
#pragma once

#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "protocol/testing.hpp"

namespace microtome::protocol {

inline std::string golden(const std::string& name) {
  return std::string(MICROTOME_FIXTURES) + "/../golden/wlz/" + name;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string gunzip(const std::string& path) {
  std::string out;
  gzFile file = gzopen(path.c_str(), "rb");
  std::string piece(1 << 16, '\0');
  int got = 0;
  while (file != nullptr && (got = gzread(file, piece.data(), static_cast<unsigned>(piece.size()))) > 0) {
    out.append(piece, 0, static_cast<std::size_t>(got));
  }
  gzclose(file);
  return out;
}

class WoolzTest : public ServiceTest {
 protected:
  void SetUp() override {
    for (const auto& entry : std::filesystem::directory_iterator(golden("samples"))) {
      (void)dir.write(entry.path().stem().string(), gunzip(entry.path().string()));
    }
    std::filesystem::copy_file(golden("samples/g3_ubyte.wlz.gz"), dir.path("g3_ubyte.wlz.gz"));
    options.woolz.store.open.keep_sidecar = false;
  }
};

}  // namespace microtome::protocol
