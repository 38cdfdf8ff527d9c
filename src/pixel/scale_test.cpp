// SPDX-License-Identifier: Apache-2.0
#include "pixel/scale.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "pixel/convert.hpp"

namespace microtome::pixel {
namespace {

constexpr Colour kColours[] = {Colour::grey, Colour::multi, Colour::rgb, Colour::multi};

template <class T>
constexpr Sample sample_of() {
  if constexpr (std::is_same_v<T, std::uint8_t>) {
    return Sample::u8;
  } else if constexpr (std::is_same_v<T, std::uint16_t>) {
    return Sample::u16;
  } else if constexpr (std::is_same_v<T, std::uint32_t>) {
    return Sample::u32;
  } else if constexpr (std::is_same_v<T, float>) {
    return Sample::f32;
  } else {
    return Sample::f64;
  }
}

template <class T>
Image noise(int width, int height, int channels) {
  Image image =
      Image::make(width, height, channels, channels <= 4 ? kColours[channels - 1] : Colour::multi, sample_of<T>());
  std::mt19937 random(static_cast<unsigned>(width * 31 + height));
  for (int y = 0; y < height; ++y) {
    T* row = reinterpret_cast<T*>(image.row(y));
    for (int i = 0; i < width * channels; ++i) {
      if constexpr (std::is_floating_point_v<T>) {
        row[i] = static_cast<T>(random() % 10000) / 100;
      } else {
        row[i] = static_cast<T>(random());
      }
    }
  }
  return image;
}

template <class T>
double at(const Image& image, int x, int y, int c) {
  x = std::clamp(x, 0, image.width - 1);
  y = std::clamp(y, 0, image.height - 1);
  return static_cast<double>(reinterpret_cast<const T*>(image.row(y))[x * image.channels + c]);
}

// Weights of the source pixels low..high of one axis, straight from the definition; pixels beyond the picture
// included.
std::vector<std::pair<int, double>> plain_weights(double from, double step, int i, Filter filter) {
  std::vector<std::pair<int, double>> weights;
  if (filter == Filter::box && step >= 1) {
    const double low = from + i * step;
    const double high = low + step;
    for (int p = static_cast<int>(std::floor(low)); p < high; ++p) {
      weights.emplace_back(p, (std::min(high, p + 1.0) - std::max<double>(low, p)) / step);
    }
    return weights;
  }
  const double radius = std::max(step, 1.0);
  const double centre = from + (i + 0.5) * step;
  double total = 0;
  for (int p = static_cast<int>(std::floor(centre - radius)) - 1; p <= centre + radius; ++p) {
    const double weight = std::max(0.0, 1 - std::abs(p + 0.5 - centre) / radius);
    weights.emplace_back(p, weight);
    total += weight;
  }
  for (auto& [p, weight] : weights) {
    weight /= total;
  }
  return weights;
}

// The largest difference of scale() from a plain double loop over the definition, in sample values.
template <class T>
double worst(const Image& source, const SourceRect& from, int width, int height, Filter filter) {
  const auto out = scale(source, from, width, height, filter);
  EXPECT_TRUE(out);
  if (!out || out->width != width || out->height != height || out->sample != source.sample) {
    return 1e9;
  }
  double most = 0;
  for (int y = 0; y < height; ++y) {
    const auto lines = plain_weights(from.y, from.height / height, y, filter);
    for (int x = 0; x < width; ++x) {
      const auto columns = plain_weights(from.x, from.width / width, x, filter);
      for (int c = 0; c < source.channels; ++c) {
        double sum = 0;
        for (const auto& [line, line_weight] : lines) {
          for (const auto& [column, column_weight] : columns) {
            sum += line_weight * column_weight * at<T>(source, column, line, c);
          }
        }
        most = std::max(most, std::abs(sum - at<T>(*out, x, y, c)));
      }
    }
  }
  return most;
}

struct Case {
  SourceRect from;
  int width;
  int height;
};

const Case kCases[] = {
    {{0, 0, 61, 47}, 61, 47},           // as it is
    {{0, 0, 61, 47}, 20, 13},           // smaller
    {{3.3, 4.7, 40.25, 30.5}, 17, 11},  // fractional
    {{10, 10, 20, 20}, 90, 70},         // larger
    {{0, 0, 61, 47}, 100, 10},          // wider and lower
    {{-5.5, -3, 80, 60}, 33, 20},       // beyond all edges
    {{20.2, 20.2, 0.5, 0.5}, 3, 3},     // within one pixel
    {{0, 0, 61, 47}, 1, 1},             // the mean
};

template <class T>
void check_all(double tolerance) {
  for (const int channels : {1, 2, 3, 4}) {
    const Image image = noise<T>(61, 47, channels);
    for (const Case& each : kCases) {
      for (const auto filter : {Filter::box, Filter::triangle}) {
        EXPECT_LE((worst<T>(image, each.from, each.width, each.height, filter)), tolerance)
            << channels << " channels to " << each.width << "x" << each.height;
      }
    }
  }
}

// Against the definition with colours weighted by alpha, in rows long enough for every SIMD path.
template <class T>
void check_alpha(int channels, double tolerance) {
  Image image = noise<T>(160, 40, channels);
  image.colour = channels == 2 ? Colour::grey_alpha : Colour::rgba;
  const int width = 53;
  const int height = 17;
  const auto out = scale(image, width, height);
  ASSERT_TRUE(out);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::vector<double> sums(static_cast<std::size_t>(channels), 0.0);
      for (const auto& [line, line_weight] : plain_weights(0, 40.0 / height, y, Filter::box)) {
        for (const auto& [column, column_weight] : plain_weights(0, 160.0 / width, x, Filter::box)) {
          const double alpha = at<T>(image, column, line, channels - 1);
          for (int c = 0; c < channels; ++c) {
            sums[c] +=
                line_weight * column_weight * (c == channels - 1 ? alpha : alpha * at<T>(image, column, line, c));
          }
        }
      }
      for (int c = 0; c < channels; ++c) {
        const double expected = c == channels - 1 ? sums[c] : sums[c] / sums.back();
        ASSERT_NEAR(at<T>(*out, x, y, c), expected, tolerance) << x << "," << y << "," << c;
      }
    }
  }
}

// Every instruction set that this build has code for and this processor can run, the plainest included.
class EveryTarget : public testing::Test {
 protected:
  template <class Check>
  static void run(Check check) {
    const auto targets = hwy::SupportedAndGeneratedTargets();
    EXPECT_FALSE(targets.empty());
    for (const auto target : targets) {
      SCOPED_TRACE(hwy::TargetName(target));
      hwy::SetSupportedTargetsForTest(target);
      check();
    }
    hwy::SetSupportedTargetsForTest(0);
  }
};

TEST_F(EveryTarget, ScalesAlike) {
  run([] {
    const Image image = noise<std::uint8_t>(201, 47, 3);
    EXPECT_LE((worst<std::uint8_t>(image, {3.3, 4.7, 190.25, 30.5}, 67, 11, Filter::box)), 0.501);
    const Image wide = noise<std::uint16_t>(201, 47, 4);
    EXPECT_LE((worst<std::uint16_t>(wide, {0, 0, 201, 47}, 67, 11, Filter::triangle)), 0.6);
    check_alpha<std::uint8_t>(2, 0.502);
    check_alpha<std::uint8_t>(4, 0.502);
  });
}

TEST_F(EveryTarget, ShrinksAlike) {
  const Image image = noise<std::uint8_t>(200, 10, 3);
  const auto first = shrink2(image);
  run([&] { EXPECT_EQ(shrink2(image)->data, first->data); });
}

TEST_F(EveryTarget, AddsAndDropsAlphaAlike) {
  Image image = noise<std::uint8_t>(205, 3, 3);
  run([&] { EXPECT_EQ(to_rgb(to_rgba(image)).data, image.data); });
}

TEST(Scale, EqualsTheDefinition8) {
  check_all<std::uint8_t>(0.501);
}
TEST(Scale, EqualsTheDefinition16) {
  check_all<std::uint16_t>(0.55);
}
TEST(Scale, EqualsTheDefinitionFloat) {
  check_all<float>(0.001);
}
TEST(Scale, EqualsTheDefinition32) {
  check_all<std::uint32_t>(2000);
}  // weights are floats: 2^32 * 2^-23
TEST(Scale, EqualsTheDefinitionDouble) {
  check_all<double>(0.0001);
}

TEST(Scale, ManyChannels) {
  const Image image = noise<std::uint8_t>(30, 30, 7);
  EXPECT_LE((worst<std::uint8_t>(image, {0, 0, 30, 30}, 11, 9, Filter::box)), 0.501);
}

TEST(Scale, OnePixelPictureFillsAll) {
  Image one = Image::make(1, 1, 3, Colour::rgb);
  one.data = {9, 99, 199};
  const auto out = scale(one, 50, 40);
  ASSERT_TRUE(out);
  for (std::size_t i = 0; i < out->data.size(); ++i) {
    ASSERT_EQ(out->data[i], one.data[i % 3]);
  }
}

TEST(Scale, SameSizeIsTheSamePicture) {
  const Image image = noise<std::uint8_t>(201, 137, 3);
  EXPECT_EQ(scale(image, 201, 137)->data, image.data);
}

TEST(Scale, HiddenColoursDoNotBleed) {
  Image image = Image::make(2, 1, 4, Colour::rgba);
  image.data = {200, 100, 50, 255, 0, 255, 0, 0};  // opaque beside clear green
  EXPECT_EQ(scale(image, 1, 1)->data, (std::vector<std::uint8_t>{200, 100, 50, 128}));
  EXPECT_EQ(shrink2(image)->data, (std::vector<std::uint8_t>{200, 100, 50, 128}));
  image.data = {1, 2, 3, 0, 4, 5, 6, 0};
  EXPECT_EQ(scale(image, 1, 1)->data, (std::vector<std::uint8_t>{0, 0, 0, 0}));
}

TEST(Scale, AlphaEqualsTheDefinition) {
  for (const int channels : {2, 4}) {
    check_alpha<std::uint8_t>(channels, 0.502);
    check_alpha<std::uint16_t>(channels, 0.6);
    check_alpha<float>(channels, 0.01);
    check_alpha<double>(channels, 0.001);
  }
}

TEST(Scale, OpaqueAlphaStaysOpaque) {
  Image image = noise<std::uint8_t>(50, 40, 4);
  image.colour = Colour::rgba;
  for (std::size_t i = 3; i < image.data.size(); i += 4) {
    image.data[i] = 255;
  }
  const auto out = scale(image, 17, 13);
  Image plain = image;
  plain.colour = Colour::multi;
  const auto expected = scale(plain, 17, 13);
  for (std::size_t i = 0; i < out->data.size(); ++i) {
    ASSERT_NEAR(out->data[i], expected->data[i], 1) << "only the order of rounding differs";
    ASSERT_TRUE(i % 4 != 3 || out->data[i] == 255);
  }
}

TEST(Scale, RefusesNonsense) {
  const Image image = noise<std::uint8_t>(10, 10, 3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  for (const SourceRect& from : {SourceRect{0, 0, 0, 5},
                                 {0, 0, -1, 5},
                                 {nan, 0, 5, 5},
                                 {0, 0, infinite, 5},
                                 {0, 0, nan, 5},
                                 {-1e30, 0, 1e31, 5}}) {
    EXPECT_EQ(scale(image, from, 5, 5).error().code, Code::bad_request);
  }
  EXPECT_EQ(scale(image, 0, 5).error().code, Code::bad_request);
  EXPECT_EQ(scale(Image{}, 5, 5).error().code, Code::bad_request);
  EXPECT_EQ(scale(image, 1 << 20, 1 << 20).error().code, Code::too_large);
}

TEST(Shrink2, IsTheRoundedMean) {
  for (const int channels : {1, 3, 4}) {
    for (const auto& [width, height] : {std::pair{1, 1}, {2, 2}, {3, 5}, {64, 64}, {201, 137}, {130, 1}}) {
      const Image image = noise<std::uint8_t>(width, height, channels);
      const auto out = shrink2(image);
      ASSERT_TRUE(out);
      ASSERT_EQ(out->width, (width + 1) / 2);
      ASSERT_EQ(out->height, (height + 1) / 2);
      for (int y = 0; y < out->height; ++y) {
        for (int x = 0; x < out->width; ++x) {
          for (int c = 0; c < channels; ++c) {
            int sum = 2;
            for (const int dy : {0, 1}) {
              for (const int dx : {0, 1}) {
                sum += static_cast<int>(at<std::uint8_t>(image, 2 * x + dx, 2 * y + dy, c));
              }
            }
            ASSERT_EQ(out->row(y)[x * channels + c], sum / 4) << width << "x" << height << " at " << x << "," << y;
          }
        }
      }
    }
  }
}

TEST(Shrink2, OtherTypes) {
  const auto out = shrink2(noise<std::uint16_t>(31, 21, 3));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->width, 16);
  EXPECT_EQ(out->sample, Sample::u16);
}

TEST(Scale, CornerWeighsTwoPixelsByWhereTheUpperLeftCornerLies) {
  Image source = Image::make(4, 1, 1, Colour::grey);
  const std::array<std::uint8_t, 4> values = {0, 100, 200, 50};
  std::ranges::copy(values, source.row(0));
  const auto shrunk = scale(source, 3, 1, Filter::corner);  // corners at 0, 4/3, 8/3
  ASSERT_TRUE(shrunk);
  EXPECT_EQ(shrunk->row(0)[0], 0);
  EXPECT_EQ(shrunk->row(0)[1], 133);  // 100 + 100/3, rounded down
  EXPECT_EQ(shrunk->row(0)[2], 100);  // 200 - 2/3 * 150
  const auto enlarged = scale(source, 8, 1, Filter::corner);
  ASSERT_TRUE(enlarged);
  EXPECT_EQ(enlarged->row(0)[1], 50);
  EXPECT_EQ(enlarged->row(0)[7], 50);  // beyond the last pixel lies itself
  const auto nearest = scale(source, 3, 1, Filter::nearest);
  ASSERT_TRUE(nearest);
  EXPECT_EQ(nearest->row(0)[1], 100);
  EXPECT_EQ(nearest->row(0)[2], 200);
}

TEST(Scale, CornerKeepsWholeValues) {
  Image source = Image::make(256, 3, 1, Colour::grey);
  for (int y = 0; y < 3; ++y) {
    for (int x = 0; x < 256; ++x) {
      source.row(y)[x] = static_cast<std::uint8_t>(x);
    }
  }
  const auto same = scale(source, 256, 2, Filter::corner);
  ASSERT_TRUE(same);
  for (int x = 0; x < 256; ++x) {
    EXPECT_EQ(same->row(1)[x], x);
  }
}

}  // namespace
}  // namespace microtome::pixel
