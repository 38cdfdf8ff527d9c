// SPDX-License-Identifier: Apache-2.0
#include "image/ome.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <pugixml.hpp>
#include <string>

#include "image/tiff_info.hpp"

namespace microtome::image {
namespace {

std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(const pugi::xml_node& parent, std::string_view name) {
  for (const pugi::xml_node& node : parent.children()) {
    if (local_name(node) == name) {
      return node;
    }
  }
  return {};
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> whole(const pugi::xml_node& node, const char* name) {
  return whole(std::string_view(node.attribute(name).value()));
}

std::optional<double> length(std::string_view text, double unit_um) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const double um = std::abs(value) * unit_um;  // ImageJ's spacing may be negative: the other way down
  return error == std::errc() && um > 1e-6 && um < 1e6 ? std::optional(um) : std::nullopt;
}

// The planes in the order in which they lie in the file; the first axis of `order` runs fastest.
class Counter {
 public:
  Counter(const Stack& stack, std::string_view order) : stack_(stack) {
    std::ranges::transform(order.substr(0, 3), axes_.begin(), [](char axis) {
      return axis == 'Z' ? 0 : axis == 'C' ? 1 : 2;
    });
  }
  void set(std::int64_t z, std::int64_t c, std::int64_t t) { at_ = {z, c, t}; }
  [[nodiscard]] std::size_t plane() const {
    return static_cast<std::size_t>(at_[0] + stack_.z * (at_[1] + stack_.c * at_[2]));
  }
  // False behind the last plane.
  bool next() {
    const std::array<std::int64_t, 3> sizes{stack_.z, stack_.c, stack_.t};
    for (const std::size_t axis : axes_) {
      if (++at_[axis] < sizes[axis]) {
        return true;
      }
      at_[axis] = 0;
    }
    return false;
  }

 private:
  const Stack& stack_;
  std::array<std::size_t, 3> axes_{};
  std::array<std::int64_t, 3> at_{};
};

bool is_order(std::string_view order) {
  std::string sorted(order);
  std::ranges::sort(sorted);
  return sorted == "CTZ";
}

int page_at(const std::vector<int>& pages, std::int64_t directory) {
  return directory < static_cast<std::int64_t>(pages.size()) ? pages[static_cast<std::size_t>(directory)] : -1;
}

// The name of another file of the set that this block is of; "" when it is of this one.
std::string_view other_file(const pugi::xml_node& data, std::string_view own_uuid, std::string_view file_name) {
  const pugi::xml_node uuid = child(data, "UUID");
  const std::string_view text = uuid.child_value();
  const std::string_view name = uuid.attribute("FileName").value();
  const bool here = (!text.empty() && text == own_uuid) || name == file_name;
  return here ? std::string_view() : name;
}

// Files lie beside each other: a name that leads out of the folder is none.
bool is_file_name(std::string_view name) {
  constexpr std::size_t kLongest = 255;
  return name.size() <= kLongest && name.front() != '.' && name.find('/') == std::string_view::npos &&
         name.find('\\') == std::string_view::npos;
}

struct Source {
  const std::vector<int>& pages;
  std::string_view order;
  std::string_view own_uuid;
  std::string_view file_name;
};

// One TiffData: planes from FirstZ.. on are the directories from IFD on. False when it is broken.
bool place(const pugi::xml_node& data, const Source& source, Stack& stack) {
  const auto number = [&](const char* name) {
    return data.attribute(name) ? whole(data, name) : std::optional<std::int64_t>(0);
  };
  const auto directory = number("IFD");
  const auto z = number("FirstZ");
  const auto c = number("FirstC");
  const auto t = number("FirstT");
  if (!directory || !z || !c || !t || *z >= stack.z || *c >= stack.c || *t >= stack.t) {
    return false;
  }
  const auto all = static_cast<std::int64_t>(stack.page.size());
  const auto usual = data.attribute("IFD") ? 1 : all;
  const auto count = data.attribute("PlaneCount") ? whole(data, "PlaneCount") : std::optional(usual);
  if (!count || *directory > static_cast<std::int64_t>(kMostPages)) {
    return false;
  }
  const std::string_view other = other_file(data, source.own_uuid, source.file_name);
  Counter counter(stack, source.order);
  counter.set(*z, *c, *t);
  for (std::int64_t i = 0; i < std::min(*count, all); ++i) {
    stack.page[counter.plane()] = other.empty() ? page_at(source.pages, *directory + i) : -1;
    if (!other.empty() && is_file_name(other)) {
      stack.elsewhere[counter.plane()] = {std::string(other), static_cast<int>(*directory + i)};
    }
    if (!counter.next()) {
      break;
    }
  }
  return true;
}

// Channels as pages: a page of RGB is one, whatever SizeC counts.
std::optional<std::int64_t> channels_of(const pugi::xml_node& pixels) {
  auto channels = whole(pixels, "SizeC");
  const pugi::xml_node first = child(pixels, "Channel");
  const auto samples = first ? whole(first, "SamplesPerPixel") : std::nullopt;
  if (channels && samples && *samples > 1 && *channels % *samples == 0) {
    channels = *channels / *samples;
  }
  return channels;
}

// Red, green, blue, alpha in one signed number. Channels without one have no colour that anybody chose.
std::vector<std::uint32_t> colours_of(const pugi::xml_node& pixels, int channels) {
  std::vector<std::uint32_t> colours;
  for (const pugi::xml_node& channel : pixels.children()) {
    if (local_name(channel) != "Channel") {
      continue;
    }
    const std::string_view text = channel.attribute("Color").value();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto samples = channel.attribute("SamplesPerPixel") ? whole(channel, "SamplesPerPixel") : 1;
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || samples != 1) {
      return {};
    }
    colours.push_back(static_cast<std::uint32_t>(value) >> 8);
  }
  return colours.size() == static_cast<std::size_t>(channels) ? colours : std::vector<std::uint32_t>();
}

bool set_sizes(Stack& stack, std::optional<std::int64_t> z, std::optional<std::int64_t> c,
               std::optional<std::int64_t> t) {
  constexpr auto kMost = static_cast<std::int64_t>(kMostPages);
  const auto fits = [](const auto& size) { return size && *size >= 1 && *size <= kMost; };
  if (!fits(z) || !fits(c) || !fits(t) || *z * *c > kMost || *z * *c * *t > kMost) {
    return false;
  }
  stack.z = static_cast<int>(*z);
  stack.c = static_cast<int>(*c);
  stack.t = static_cast<int>(*t);
  stack.page.assign(static_cast<std::size_t>(*z * *c * *t), -1);
  return true;
}

std::optional<Stack> stack_in_ome(std::string_view text, const std::vector<int>& pages, std::string_view file_name) {
  pugi::xml_document document;  // neither parsing nor freeing it recurses
  if (!document.load_buffer(text.data(), text.size(), pugi::parse_minimal | pugi::parse_escapes)) {
    return std::nullopt;
  }
  const pugi::xml_node ome = child(document, "OME");
  const pugi::xml_node pixels = child(child(ome, "Image"), "Pixels");
  const std::string_view order = pixels.attribute("DimensionOrder").value();
  Stack stack;
  if (!pixels || order.size() != 5 || !order.starts_with("XY") || !is_order(order.substr(2)) ||
      !set_sizes(stack, whole(pixels, "SizeZ"), channels_of(pixels), whole(pixels, "SizeT"))) {
    return std::nullopt;
  }
  const Source source{pages, order.substr(2), ome.attribute("UUID").value(), file_name};
  std::size_t blocks = 0;
  for (const pugi::xml_node& data : pixels.children()) {
    if (local_name(data) == "TiffData" && (++blocks > kMostPages || !place(data, source, stack))) {
      return std::nullopt;
    }
  }
  if (std::ranges::all_of(stack.page, [](int page) { return page < 0; })) {
    return std::nullopt;  // no TiffData, or none that makes sense
  }
  stack.colours = colours_of(pixels, stack.c);
  stack.bits = static_cast<int>(std::min<std::int64_t>(whole(pixels, "SignificantBits").value_or(0), 32));
  const pugi::xml_attribute unit = pixels.attribute("PhysicalSizeZUnit");
  stack.z_um = length(pixels.attribute("PhysicalSizeZ").value(), unit ? um_of_unit(unit.value()) : 1);
  return stack;
}

std::string_view line_after(std::string_view text, std::string_view name) {
  std::size_t at = text.find("\n" + std::string(name) + "=");
  if (at == std::string_view::npos) {
    return {};
  }
  at += name.size() + 2;
  const std::string_view value = text.substr(at, text.find('\n', at) - at);
  return value.ends_with('\r') ? value.substr(0, value.size() - 1) : value;
}

// ImageJ: channels run fastest, then slices, then frames.
std::optional<Stack> stack_in_imagej(std::string_view text, const std::vector<int>& pages) {
  const auto size = [&](std::string_view name) {
    const std::string_view value = line_after(text, name);
    return value.empty() ? std::optional<std::int64_t>(1) : whole(value);
  };
  const auto count = static_cast<std::int64_t>(pages.size());
  const auto c = size("channels");
  const auto t = size("frames");
  const auto z = line_after(text, "slices").empty() && c == 1 && t == 1 ? std::optional(count) : size("slices");
  Stack stack;
  if (!set_sizes(stack, z, c, t) || static_cast<std::int64_t>(stack.page.size()) != count) {
    return std::nullopt;
  }
  Counter counter(stack, "CZT");
  for (std::int64_t i = 0; i < count; ++i, counter.next()) {
    stack.page[counter.plane()] = page_at(pages, i);
  }
  stack.z_um = length(line_after(text, "spacing"), um_of_unit(line_after(text, "unit")));
  return stack;
}

}  // namespace

std::optional<Stack> stack_in_description(std::string_view description, const std::vector<int>& pages,
                                          std::string_view file_name) {
  std::optional<Stack> stack;
  if (description.starts_with("ImageJ=")) {
    stack = stack_in_imagej(description, pages);
  } else if (description.size() <= kMostDescription && (description.find("<OME") != std::string_view::npos ||
                                                        description.find(":OME") != std::string_view::npos)) {
    stack = stack_in_ome(description, pages, file_name);
  }
  if (stack) {
    stack->pages = static_cast<int>(std::ranges::count_if(pages, [](int page) { return page >= 0; }));
  }
  return stack;
}

Stack plain_stack(int pages) {
  Stack stack;
  stack.pages = pages;
  stack.z = pages;
  stack.page.resize(static_cast<std::size_t>(pages));
  std::iota(stack.page.begin(), stack.page.end(), 0);
  return stack;
}

}  // namespace microtome::image
