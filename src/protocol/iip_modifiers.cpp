// SPDX-License-Identifier: Apache-2.0
// Modifiers: what is to be done to the pixels of the pictures that come after them. A word that is no value of a
// modifier means "off" where iipsrv took it so; what should be a number and is none is an error.
#include <algorithm>
#include <array>
#include <cmath>

#include "http/text.hpp"
#include "protocol/iip.hpp"
#include "protocol/numbers.hpp"

namespace microtome::protocol {
namespace {

using Next = IipSession::Next;

constexpr double kLargest = 1e30;    // of any number
constexpr double kMostFactor = 1e6;  // CNT, GAM
constexpr std::size_t kMostWindows = 64;

std::string lower(std::string_view text) {
  std::string word(http::trim(text));
  std::ranges::transform(word, word.begin(), http::to_lower);
  return word;
}

Next wrong(IipSession& session, const std::string& what) {
  return session.fail_with(Code::bad_request, what);
}

// ROT=angle or !angle: quarters only; other angles are ignored.
Next turn(IipSession& session, const IipCommand& command) {
  std::string_view text = http::trim(command.argument);
  const bool mirror = text.starts_with('!');
  const auto angle = parse_real(mirror ? text.substr(1) : text);
  if (!angle || std::abs(*angle) > kMostFactor) {
    return wrong(session, "ROT needs an angle in degrees");
  }
  pixel::Operations& operations = session.view.operations;
  operations.mirror = mirror;
  operations.quarters = 0;
  if (std::fmod(*angle, 90) == 0) {
    operations.quarters = static_cast<int>(static_cast<std::int64_t>(*angle / 90) & 3);
  }
  return Next::go_on;
}

// CNT=factor, st(retch) or eq(ualization)
Next contrast(IipSession& session, const IipCommand& command) {
  pixel::Operations& operations = session.view.operations;
  const std::string word = lower(command.argument);
  if (word == "st" || word == "stretch") {
    operations.stretch = true;
    return Next::go_on;
  }
  static constexpr std::array<std::string_view, 5> kEqual{"eq", "equalization", "equalisation", "equalize",
                                                          "equalise"};
  if (std::ranges::find(kEqual, word) != kEqual.end()) {
    operations.equalise = true;
    return Next::go_on;
  }
  const auto factor = parse_real(word);
  if (!factor || *factor < 0 || *factor > kMostFactor) {
    return wrong(session, "CNT needs a factor, st or eq");
  }
  operations.contrast = *factor;
  return Next::go_on;
}

// GAM=exponent or log(arithm)
Next gamma(IipSession& session, const IipCommand& command) {
  pixel::Operations& operations = session.view.operations;
  const std::string word = lower(command.argument);
  if (word == "log" || word == "logarithm") {
    operations.logarithm = true;
    return Next::go_on;
  }
  const auto exponent = parse_real(word);
  if (!exponent || *exponent <= 0 || *exponent > kMostFactor) {
    return wrong(session, "GAM needs an exponent above 0, or log");
  }
  operations.gamma = *exponent;
  return Next::go_on;
}

Next invert(IipSession& session, const IipCommand&) {
  session.view.operations.invert = true;
  return Next::go_on;
}

Next colour_map(IipSession& session, const IipCommand& command) {
  using pixel::ColourMap;
  static constexpr std::array<std::pair<std::string_view, ColourMap>, 6> kMaps{{{"hot", ColourMap::hot},
                                                                                {"cold", ColourMap::cold},
                                                                                {"jet", ColourMap::jet},
                                                                                {"blue", ColourMap::blue},
                                                                                {"green", ColourMap::green},
                                                                                {"red", ColourMap::red}}};
  const std::string word = lower(command.argument);
  const auto at = std::ranges::find(kMaps, word, [](const auto& map) { return map.first; });
  session.view.operations.map = at != kMaps.end() ? at->second : ColourMap::none;
  return Next::go_on;
}

// SHD=azimuth,elevation
Next shade(IipSession& session, const IipCommand& command) {
  const auto angles = parse_real_numbers(command.argument, 2);
  if (angles.size() != 2 || std::abs(angles[0]) > kMostFactor || std::abs(angles[1]) > kMostFactor) {
    return wrong(session, "SHD needs two angles in degrees");
  }
  session.view.operations.light = pixel::Light{angles[0], angles[1]};
  return Next::go_on;
}

// What lies between "[" and "]", or all when there are none of them.
std::string_view inside(std::string_view text) {
  text = http::trim(text);
  if (text.starts_with('[')) {
    text.remove_prefix(1);
  }
  if (text.ends_with(']')) {
    text.remove_suffix(1);
  }
  return text;
}

bool small(const std::vector<double>& numbers) {
  return std::ranges::all_of(numbers, [](double number) { return std::abs(number) <= kLargest; });
}

// CTW=[a,b,..;d,e,..]: rows are output channels, columns input channels.
Next mix(IipSession& session, const IipCommand& command) {
  std::vector<std::vector<float>> rows;
  std::string_view text = inside(command.argument);
  while (rows.size() <= pixel::kMostMixed) {
    const std::size_t end = text.find(';');
    const auto numbers = parse_real_numbers(text.substr(0, end), pixel::kMostMixed);
    if (numbers.empty() || !small(numbers)) {
      return wrong(session, "CTW needs rows of numbers");
    }
    rows.emplace_back(numbers.begin(), numbers.end());
    if (end == std::string_view::npos) {
      break;
    }
    text.remove_prefix(end + 1);
    if (http::trim(text).empty()) {
      break;  // "[1,0,0;]": nothing comes after it
    }
  }
  if (rows.size() > pixel::kMostMixed) {
    return wrong(session, "CTW has too many rows");
  }
  session.view.operations.mix = std::move(rows);
  return Next::go_on;
}

struct NamedKernel {
  std::string_view name;
  std::array<float, 9> factors;
};
constexpr std::array<NamedKernel, 7> kKernels{{
    {"sobel", {1, 0, -1, 2, 0, -2, 1, 0, -1}},
    {"prewitt", {1, 0, -1, 1, 0, -1, 1, 0, -1}},
    {"scharr", {3, 0, -3, 10, 0, -10, 3, 0, -3}},
    {"laplace", {0, 1, 0, 1, -4, 1, 0, 1, 0}},
    {"gaussian", {1, 2, 1, 2, 4, 2, 1, 2, 1}},
    {"sharpen", {0, -1, 0, -1, 5, -1, 0, -1, 0}},
    {"emboss", {-2, -1, 0, -1, 1, 1, 0, 1, 2}},
}};

// CNV=name or the factors of a square kernel with an odd side.
Next convolve(IipSession& session, const IipCommand& command) {
  const std::string word = lower(command.argument);
  if (const auto at = std::ranges::find(kKernels, word, &NamedKernel::name); at != kKernels.end()) {
    session.view.operations.kernel.assign(at->factors.begin(), at->factors.end());
    return Next::go_on;
  }
  constexpr std::size_t kMost = static_cast<std::size_t>(pixel::kLargestKernel) * pixel::kLargestKernel;
  const auto factors = parse_real_numbers(inside(command.argument), kMost);
  if ((factors.size() != 1 && factors.size() != 9 && factors.size() != kMost) || !small(factors)) {
    return wrong(session, "CNV needs the name of a kernel, or 9 or 25 numbers");
  }
  session.view.operations.kernel.assign(factors.begin(), factors.end());
  return Next::go_on;
}

Next colouring(IipSession& session, const IipCommand& command) {
  const std::string word = lower(command.argument);
  session.view.operations.colouring = word == "grey" || word == "gray" ? pixel::Colouring::grey
                                      : word == "binary"               ? pixel::Colouring::binary
                                                                       : pixel::Colouring::as_is;
  return Next::go_on;
}

// MINMAX=channel:least,most; "-" for all channels.
Next window(IipSession& session, const IipCommand& command) {
  const std::string_view text = http::trim(command.argument);
  const std::size_t colon = text.find(':');
  const std::string_view name = http::trim(text.substr(0, colon));
  const auto channel = name == "-" ? std::optional<std::int64_t>(-1) : parse_int(name);
  const auto ends =
      colon == std::string_view::npos ? std::vector<double>() : parse_real_numbers(text.substr(colon + 1), 2);
  if (!channel || (*channel < 0 && name != "-") || *channel >= pixel::kMostProcessed || ends.size() != 2 ||
      !small(ends)) {
    return wrong(session, "MINMAX needs channel:least,most");
  }
  auto& windows = session.view.operations.windows;
  if (windows.size() >= kMostWindows) {
    return wrong(session, "too many MINMAX");
  }
  windows.push_back({static_cast<int>(*channel), {ends[0], ends[1]}});
  return Next::go_on;
}

constexpr std::array<IipSession::Entry, 10> kModifiers{{
    {"ROT", turn},
    {"CNT", contrast},
    {"GAM", gamma},
    {"INV", invert},
    {"CMP", colour_map},
    {"SHD", shade},
    {"CTW", mix},
    {"CNV", convolve},
    {"COL", colouring},
    {"MINMAX", window},
}};

}  // namespace

std::span<const IipSession::Entry> iip_modifiers() {
  return kModifiers;
}

}  // namespace microtome::protocol
