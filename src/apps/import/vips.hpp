// SPDX-License-Identifier: Apache-2.0
// Inside of the importer: images of libvips, owned.
#pragma once

#include <vips/vips.h>

#include <memory>
#include <string>

namespace microtome::apps {

struct Unref {
  void operator()(VipsImage* image) const { g_object_unref(image); }
};
using Vips = std::unique_ptr<VipsImage, Unref>;

// Applies one libvips operation that fills in `out`. False: vips_text() says why.
template <class Operation>
bool replace(Vips& image, Operation operation) {
  VipsImage* out = nullptr;
  if (operation(image.get(), &out) != 0) {
    return false;
  }
  image.reset(out);
  return true;
}

// What libvips says of the last failure, on one line. It keeps one text per process; with several files at once it
// may hold lines of more than one.
inline std::string vips_text() {
  char* copy = vips_error_buffer_copy();
  std::string text = copy;
  g_free(copy);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  for (char& c : text) {
    c = c == '\n' ? ';' : c;
  }
  return text;
}

}  // namespace microtome::apps
