// SPDX-License-Identifier: Apache-2.0
#include "pixel/process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

namespace microtome::pixel {
namespace {

using Pixel = std::vector<double>;
using Grid = std::vector<Pixel>;  // row by row

template <class T>
Image noise(int width, int height, int channels, Colour colour, Sample sample, double most) {
  Image image = Image::make(width, height, channels, colour, sample);
  std::mt19937 random(7);
  for (int y = 0; y < height; ++y) {
    for (int i = 0; i < width * channels; ++i) {
      const T value = static_cast<T>(std::uniform_real_distribution<double>(0, most)(random));
      std::memcpy(image.row(y) + sizeof(T) * i, &value, sizeof(T));
    }
  }
  return image;
}

Image bytes(int channels = 3, Colour colour = Colour::rgb) {
  return noise<std::uint8_t>(23, 17, channels, colour, Sample::u8, 255.99);
}

template <class T>
Grid grid(const Image& image, double low, double high) {
  Grid pixels;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      Pixel pixel;
      for (int c = 0; c < image.channels; ++c) {
        T value;
        std::memcpy(&value, image.row(y) + sizeof(T) * (x * image.channels + c), sizeof(T));
        pixel.push_back((static_cast<double>(value) - low) / (high - low));
      }
      pixels.push_back(std::move(pixel));
    }
  }
  return pixels;
}

// Every sample within one level of the double-precision reference.
void expect_near(const Image& image, const Grid& reference, double contrast = 1) {
  ASSERT_EQ(static_cast<std::size_t>(image.width) * image.height, reference.size());
  for (std::size_t i = 0; i < reference.size(); ++i) {
    ASSERT_EQ(static_cast<std::size_t>(image.channels), reference[i].size());
    for (std::size_t c = 0; c < reference[i].size(); ++c) {
      const double wanted = std::clamp(255 * contrast * reference[i][c], 0.0, 255.0);
      ASSERT_NEAR(image.data[i * reference[i].size() + c], wanted, 0.51) << "pixel " << i << " channel " << c;
    }
  }
}

Grid mapped(Grid grid, const std::function<double(double)>& change) {
  for (Pixel& pixel : grid) {
    for (double& value : pixel) {
      value = change(value);
    }
  }
  return grid;
}

Image run(const Image& source, const Operations& operations, int bits = 8) {
  return process(source, bits, operations, histogram_of(source, bits, operations));
}

TEST(Process, DoesPointOperations) {
  const Image source = bytes();
  const Grid plain = grid<std::uint8_t>(source, 0, 255);
  Operations invert;
  invert.invert = true;
  expect_near(run(source, invert), mapped(plain, [](double v) { return 1 - v; }));
  Operations gamma;
  gamma.gamma = 0.5;
  expect_near(run(source, gamma), mapped(plain, [](double v) { return std::pow(v, 0.5); }));
  Operations logarithm;
  logarithm.logarithm = true;
  expect_near(run(source, logarithm),
              mapped(plain, [](double v) { return std::log(1 + 255 * v) / std::log(256.0); }));
  Operations contrast;
  contrast.contrast = 1.5;
  expect_near(run(source, contrast), plain, 1.5);
  Operations all;
  all.gamma = 2;
  all.invert = true;
  all.contrast = 0.7;
  expect_near(run(source, all), mapped(plain, [](double v) { return 1 - v * v; }), 0.7);
}

TEST(Process, NormalisesEveryTypeByItsWindow) {
  Operations all;
  all.invert = true;
  const auto inverse = [](double v) { return 1 - v; };
  const Image deep = noise<std::uint16_t>(9, 5, 1, Colour::grey, Sample::u16, 65535.9);
  expect_near(run(deep, all, 16), mapped(grid<std::uint16_t>(deep, 0, 65535), inverse));
  const Image twelve = noise<std::uint16_t>(9, 5, 1, Colour::grey, Sample::u16, 4095.9);
  expect_near(run(twelve, all, 12), mapped(grid<std::uint16_t>(twelve, 0, 4095), inverse));
  const Image real = noise<float>(9, 5, 3, Colour::rgb, Sample::f32, 1);
  expect_near(run(real, all, 32), mapped(grid<float>(real, 0, 1), inverse));
  const Image fine = noise<double>(9, 5, 3, Colour::rgb, Sample::f64, 1);
  expect_near(run(fine, all, 64), mapped(grid<double>(fine, 0, 1), inverse));
  const Image wide = noise<std::uint32_t>(9, 5, 1, Colour::grey, Sample::u32, 4294967295.0);
  expect_near(run(wide, all, 32), mapped(grid<std::uint32_t>(wide, 0, 4294967295.0), inverse));

  Operations window;
  window.windows = {{-1, {10, 20}}, {0, {1000, 30000}}};
  expect_near(run(deep, window, 16), grid<std::uint16_t>(deep, 1000, 30000));
  window.windows.push_back({5, {0, 1}});
  expect_near(run(deep, window, 16), grid<std::uint16_t>(deep, 1000, 30000));
}

TEST(Process, MixesChannels) {
  const Image source = noise<float>(8, 6, 5, Colour::multi, Sample::f32, 1);
  Operations pick;
  pick.mix = {{1, 0, 0, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, 0, 0, 1}};
  Grid reference = grid<float>(source, 0, 1);
  for (Pixel& pixel : reference) {
    pixel = {pixel[0], pixel[2], pixel[4]};
  }
  expect_near(run(source, pick), reference);
  Operations sum;
  sum.mix = {{0.5F, 0.25F, 0.25F, 0, 0, 9, 9}};
  reference = grid<float>(source, 0, 1);
  for (Pixel& pixel : reference) {
    pixel = {0.5 * pixel[0] + 0.25 * pixel[1] + 0.25 * pixel[2]};
  }
  const Image grey = run(source, sum);
  EXPECT_EQ(grey.colour, Colour::grey);
  expect_near(grey, reference);
}

TEST(Process, Convolves) {
  const Image source = bytes();
  const Grid plain = grid<std::uint8_t>(source, 0, 255);
  for (const std::vector<float>& kernel :
       {std::vector<float>{0, -1, 0, -1, 5, -1, 0, -1, 0}, std::vector<float>{1, 2, 1, 2, 4, 2, 1, 2, 1},
        std::vector<float>{1, 0, -1, 2, 0, -2, 1, 0, -1}, std::vector<float>(25, 1.0F), std::vector<float>{3}}) {
    Operations operations;
    operations.kernel = kernel;
    const int side = 2 * operations.margin() + 1;
    double sum = 0;
    for (const float factor : kernel) {
      sum += factor;
    }
    Grid reference = plain;
    for (int y = 0; y < source.height; ++y) {
      for (int x = 0; x < source.width; ++x) {
        Pixel out(3, 0.0);
        for (int j = 0; j < side; ++j) {
          for (int i = 0; i < side; ++i) {
            const int from_x = std::clamp(x + i - side / 2, 0, source.width - 1);
            const int from_y = std::clamp(y + j - side / 2, 0, source.height - 1);
            for (std::size_t c = 0; c < 3; ++c) {
              out[c] += kernel[static_cast<std::size_t>(j * side + i)] / (sum > 0 ? sum : 1) *
                        plain[static_cast<std::size_t>(from_y * source.width + from_x)][c];
            }
          }
        }
        reference[static_cast<std::size_t>(y * source.width + x)] = out;
      }
    }
    expect_near(run(source, operations), reference);
  }
}

TEST(Process, MapsColours) {
  Image ramp = Image::make(256, 1, 1, Colour::grey);
  for (int x = 0; x < 256; ++x) {
    ramp.row(0)[x] = static_cast<std::uint8_t>(x);
  }
  const auto at = [&](ColourMap map, int x) {
    Operations operations;
    operations.map = map;
    const Image image = run(ramp, operations);
    EXPECT_EQ(image.channels, 3);
    return std::array<int, 3>{image.row(0)[3 * x], image.row(0)[3 * x + 1], image.row(0)[3 * x + 2]};
  };
  using Colours = std::array<int, 3>;
  EXPECT_EQ(at(ColourMap::hot, 0), (Colours{0, 0, 0}));
  EXPECT_EQ(at(ColourMap::hot, 85), (Colours{255, 0, 0}));
  EXPECT_EQ(at(ColourMap::hot, 170), (Colours{255, 255, 0}));
  EXPECT_EQ(at(ColourMap::hot, 255), (Colours{255, 255, 255}));
  EXPECT_EQ(at(ColourMap::cold, 85), (Colours{0, 0, 255}));
  EXPECT_EQ(at(ColourMap::cold, 170), (Colours{0, 255, 255}));
  EXPECT_EQ(at(ColourMap::red, 99), (Colours{99, 0, 0}));
  EXPECT_EQ(at(ColourMap::green, 99), (Colours{0, 99, 0}));
  EXPECT_EQ(at(ColourMap::blue, 99), (Colours{0, 0, 99}));
  const Colours low = at(ColourMap::jet, 0);
  EXPECT_NEAR(low[2], 128, 1);
  const Colours middle = at(ColourMap::jet, 128);
  EXPECT_NEAR(middle[0], 128, 3);
  EXPECT_EQ(middle[1], 255);
  EXPECT_NEAR(middle[2], 128, 3);
  const Colours high = at(ColourMap::jet, 255);
  EXPECT_NEAR(high[0], 128, 1);
  EXPECT_EQ(high[2], 0);
}

TEST(Process, ShadesNormals) {
  Image normals = Image::make(4, 1, 3, Colour::rgb, Sample::f32);
  const float values[] = {0.5F, 0.5F, 1, 0.5F, 1, 0.5F, 1, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F};
  std::memcpy(normals.data.data(), values, sizeof values);
  Operations operations;
  operations.light = Light{0, 90};  // from the viewer
  Image lit = run(normals, operations, 32);
  EXPECT_EQ(lit.channels, 1);
  EXPECT_EQ(lit.data, (std::vector<std::uint8_t>{255, 0, 0, 0}));
  operations.light = Light{0, 0};  // from above
  EXPECT_EQ(run(normals, operations, 32).data, (std::vector<std::uint8_t>{0, 255, 0, 0}));
  operations.light = Light{90, 0};  // from the right
  EXPECT_EQ(run(normals, operations, 32).data, (std::vector<std::uint8_t>{0, 0, 255, 0}));
  operations.light = Light{90, 45};
  EXPECT_NEAR(run(normals, operations, 32).data[0], 255 * std::sqrt(0.5), 0.6);
}

TEST(Process, StretchesToTheHistogram) {
  Image source = Image::make(3, 1, 1, Colour::grey);
  source.data = {51, 102, 204};
  Operations operations;
  operations.stretch = true;
  EXPECT_EQ(run(source, operations).data, (std::vector<std::uint8_t>{0, 85, 255}));
  source.data = {9, 9, 9};
  EXPECT_EQ(run(source, operations).data, source.data) << "one value cannot be stretched";
}

TEST(Process, KeepsAlphaAndSurvivesNonsense) {
  Image source = bytes(4, Colour::rgba);
  Operations operations;
  operations.invert = true;
  const Image out = run(source, operations);
  ASSERT_EQ(out.channels, 4);
  EXPECT_EQ(out.data[3], source.data[3]);
  EXPECT_EQ(out.data[0], 255 - source.data[0]);

  Image odd = Image::make(4, 1, 1, Colour::grey, Sample::f32);
  const float values[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1, 2};
  std::memcpy(odd.data.data(), values, sizeof values);
  Operations gamma;
  gamma.gamma = 0.5;
  gamma.windows = {{0, {5, 5}}};
  EXPECT_EQ(run(odd, gamma, 32).data, (std::vector<std::uint8_t>{0, 0, 0, 0}));
  gamma.windows.clear();
  EXPECT_EQ(run(odd, gamma, 32).data, (std::vector<std::uint8_t>{0, 0, 0, 255}));
  const Image two = run(bytes(2, Colour::multi), operations);
  EXPECT_EQ(two.channels, 1);
}

TEST(Finish, ThresholdsBetweenTwoHeaps) {
  Histogram histogram{};
  histogram[40] = histogram[42] = 100;
  histogram[200] = histogram[202] = 50;
  const int threshold = otsu_threshold(histogram);
  EXPECT_GT(threshold, 42);
  EXPECT_LE(threshold, 200);
  EXPECT_EQ(otsu_threshold({}), 128);
  Image source = Image::make(4, 1, 1, Colour::grey);
  source.data = {40, 42, 200, 202};
  Operations binary;
  binary.colouring = Colouring::binary;
  EXPECT_EQ(finish(source, binary, histogram).data, (std::vector<std::uint8_t>{0, 0, 255, 255}));
}

TEST(Finish, EqualisesAndGreys) {
  Image source = Image::make(4, 1, 1, Colour::grey);
  source.data = {10, 20, 30, 40};
  Operations operations;
  operations.equalise = true;
  EXPECT_EQ(finish(source, operations, histogram_of(source, 8, operations)).data,
            (std::vector<std::uint8_t>{0, 85, 170, 255}));
  Operations grey;
  grey.colouring = Colouring::grey;
  Image colour = Image::make(1, 1, 4, Colour::rgba);
  colour.data = {200, 100, 50, 7};
  const Image out = finish(colour, grey, {});
  ASSERT_EQ(out.colour, Colour::grey_alpha);
  EXPECT_NEAR(out.data[0], 0.299 * 200 + 0.587 * 100 + 0.114 * 50, 1);
  EXPECT_EQ(out.data[1], 7);
}

TEST(Turn, MovesEveryPixel) {
  Image source = Image::make(3, 2, 1, Colour::grey);
  source.data = {1, 2, 3, 4, 5, 6};
  using Data = std::vector<std::uint8_t>;
  EXPECT_EQ(turn(source, false, 1).data, (Data{4, 1, 5, 2, 6, 3}));
  EXPECT_EQ(turn(source, false, 2).data, (Data{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(turn(source, false, 3).data, (Data{3, 6, 2, 5, 1, 4}));
  EXPECT_EQ(turn(source, true, 0).data, (Data{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(turn(source, true, 2).data, (Data{4, 5, 6, 1, 2, 3})) << "upside down";
  EXPECT_EQ(turn(source, true, 1).data, (Data{6, 3, 5, 2, 4, 1})) << "mirrored first";
  EXPECT_EQ(turn(turn(noise<std::uint16_t>(5, 3, 3, Colour::rgb, Sample::u16, 65535), false, 1), false, 3).data,
            noise<std::uint16_t>(5, 3, 3, Colour::rgb, Sample::u16, 65535).data);
}

TEST(Operations, TellThemselvesApart) {
  const Operations plain;
  EXPECT_FALSE(plain.any());
  std::vector<Operations> all(12);
  all[1].invert = true;
  all[2].gamma = 2;
  all[3].contrast = 2;
  all[4].mix = {{1, 0}};
  all[5].mix = {{1}, {0}};
  all[6].kernel = {1};
  all[7].windows = {{0, {0, 1}}};
  all[8].mirror = true;
  all[9].quarters = 2;
  all[10].equalise = true;
  all[11].stretch = true;
  for (std::size_t i = 1; i < all.size(); ++i) {
    EXPECT_TRUE(all[i].any()) << i;
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NE(all[i].text(), all[j].text()) << i << " " << j;
    }
  }
}

}  // namespace
}  // namespace microtome::pixel
