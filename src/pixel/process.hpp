// SPDX-License-Identifier: Apache-2.0
// Pixel processing of the Internet Imaging Protocol: windows, shading, mixing of channels, gamma, colour maps,
// convolution, contrast, grey, black and white, equalising, turning.
// Two halves, so that scaling can lie between them: process() works on samples as they are stored, in floats, and
// gives 8 bits; finish() works on 8 bits. Floats are held for one row (with a kernel: for as many rows as it has), so
// memory does not grow with the picture. Pure and thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pixel/convert.hpp"
#include "pixel/image.hpp"

namespace microtome::pixel {

inline constexpr int kMostMixed = 16;       // rows and columns of a channel matrix
inline constexpr int kLargestKernel = 5;    // side
inline constexpr int kMostProcessed = 256;  // channels whose windows can be set

enum class ColourMap : std::uint8_t { none, hot, cold, jet, blue, green, red };
enum class Colouring : std::uint8_t { as_is, grey, binary };

struct Light {
  double azimuth = 0;    // degrees, clockwise from above
  double elevation = 0;  // degrees that the light falls downwards: 90 = from the viewer
};

struct ChannelWindow {
  int channel = -1;  // -1: all
  Window window;
};

// What is to be done, in the order in which it is done. Everything finite; whoever fills it in checks that.
struct Operations {
  std::vector<ChannelWindow> windows;   // the last one that names a channel counts
  bool stretch = false;                 // the window is where the histogram begins and ends
  std::optional<Light> light;           // the picture is a map of normals; gives one channel
  std::vector<std::vector<float>> mix;  // output channels of factors of input channels (missing ones are 0)
  double gamma = 1;
  bool logarithm = false;  // ln(1 + 255 v) / ln 256
  bool invert = false;
  ColourMap map = ColourMap::none;  // of the first channel
  std::vector<float> kernel;        // side * side, row by row; divided by its sum when that is positive
  double contrast = 1;              // factor
  Colouring colouring = Colouring::as_is;
  bool equalise = false;
  bool mirror = false;  // left to right, before turning
  int quarters = 0;     // clockwise, 0..3

  [[nodiscard]] bool processes() const;  // process() has something to do
  [[nodiscard]] bool finishes() const;   // finish() has
  [[nodiscard]] bool any() const { return processes() || finishes(); }
  [[nodiscard]] bool needs_histogram() const { return stretch || equalise || colouring == Colouring::binary; }
  [[nodiscard]] int margin() const;  // pixels around an area that process() looks at
  [[nodiscard]] bool turns() const { return quarters % 2 == 1; }
  // Equal operations have equal texts, different ones different texts: for keys.
  [[nodiscard]] std::string text() const;
};

// How often the mean of a pixel's colour channels lies in each 256th of the window.
using Histogram = std::array<std::uint64_t, 256>;

// `bits`: significant bits of u16 samples. Windows of the operations apply, nothing else of them.
[[nodiscard]] Histogram histogram_of(const Image& source, int bits, const Operations& operations);

// Otsu's threshold (IEEE Trans. SMC 9:62, 1979): the first bin that is white. 128 for an empty histogram.
[[nodiscard]] int otsu_threshold(const Histogram& histogram);

// 8 bits, grey or rgb, with alpha where the source has it (alpha is not processed). Lab and CMYK become sRGB first;
// of other channels the first three are kept at the end, of two the first. Beyond the edge its pixels are repeated.
// `histogram` is looked at when the operations need one.
[[nodiscard]] Image process(const Image& source, int bits, const Operations& operations, const Histogram& histogram);

// Channels and colour of process() for such a source.
[[nodiscard]] Colour processed_colour(Colour colour, int channels, const Operations& operations);

// u8 only; other pictures are returned as they are. Grey and binary are one channel (and alpha).
[[nodiscard]] Image finish(Image source, const Operations& operations, const Histogram& histogram);

// Mirrored left to right, then turned clockwise by quarters. Any type.
[[nodiscard]] Image turn(const Image& source, bool mirror, int quarters);

}  // namespace microtome::pixel
