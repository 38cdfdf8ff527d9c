// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_pages.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "image/ome.hpp"
#include "image/tiff_layout.hpp"
#include "image/tiff_tags.hpp"

namespace microtome::image {
namespace {

std::string description_of(const TiffIndex& index, const TiffDirectory& directory) {
  const TiffField* field = directory.find(tiff::kImageDescription);
  std::string text = field != nullptr ? std::string(as_text(index.bytes(*field, kMostDescription))) : std::string();
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

bool same_size_and_kind(const TiffDirectory& one, const TiffDirectory& other) {
  return one.width == other.width && one.height == other.height && one.bits == other.bits &&
         one.samples == other.samples && one.format == other.format && one.photometric == other.photometric;
}

class Sorter {
 public:
  explicit Sorter(const TiffIndex& index) : index_(index), levels_(choose_levels(index)), base_(*levels_.front()) {
    slide_ = description_of(index, index.pages().front()).starts_with("Aperio");
  }

  [[nodiscard]] bool is_page(const TiffDirectory& directory) const {
    if (directory.offset == base_.offset) {
      return true;
    }
    if ((directory.subfile & (tiff::kReduced | tiff::kTransparencyMask)) != 0 || is_level(directory)) {
      return false;
    }
    return same_size_and_kind(directory, base_) ||
           (!slide_ && ((directory.subfile & tiff::kPage) != 0 || (!base_.tiled && !directory.tiled)));
  }

  [[nodiscard]] bool is_level(const TiffDirectory& directory) const {
    return std::ranges::any_of(levels_,
                               [&](const TiffDirectory* level) { return level->offset == directory.offset; });
  }

  // Of Aperio's files: the description of a label or macro shot says so; the thumbnail is the strips behind the
  // first.
  [[nodiscard]] std::string associated_name(const TiffDirectory& directory, std::size_t place) const {
    if (!slide_ || is_level(directory)) {
      return {};
    }
    const std::string text = description_of(index_, directory);
    for (const char* name : {"label", "macro"}) {
      if (text.find("\n" + std::string(name) + " ") != std::string::npos) {
        return name;
      }
    }
    return place == 1 && !directory.tiled ? "thumbnail" : std::string();
  }

  [[nodiscard]] const TiffDirectory& base() const { return base_; }

 private:
  const TiffIndex& index_;
  std::vector<const TiffDirectory*> levels_;
  const TiffDirectory& base_;
  bool slide_ = false;
};

std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// "z3c1t0" in any order; what is not said is 0.
std::optional<std::array<std::int64_t, 3>> plane_named(std::string_view part) {
  std::array<std::int64_t, 3> at{};
  std::array<bool, 3> said{};
  while (!part.empty()) {
    const std::size_t axis = std::string_view("zct").find(part.front());
    part.remove_prefix(1);
    const auto value = take_number(part);
    if (axis == std::string_view::npos || !value || std::exchange(said.at(axis), true)) {
      return std::nullopt;
    }
    at.at(axis) = *value;
  }
  return at;
}

}  // namespace

TiffPages find_tiff_pages(const TiffIndex& index) {
  const Sorter sorter(index);
  std::vector<TiffDirectory> longer;
  if (index.pages().size() >= TiffIndex::kMostDirectories) {
    longer = TiffIndex::walk(index.file(), kMostPages);
  }
  const auto& chain = longer.empty() ? index.pages() : longer;
  TiffPages found;
  std::vector<int> numbers;  // of the pages, by directory
  bool alike = true;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const TiffDirectory& directory = chain[i];
    const bool page = sorter.is_page(directory);
    numbers.push_back(page ? static_cast<int>(found.pages.size()) : -1);
    if (page) {
      alike = alike && directory.width == sorter.base().width && directory.height == sorter.base().height;
      found.pages.push_back({directory.offset});
    } else if (!found.pages.empty() && (directory.subfile & tiff::kReduced) != 0) {
      found.pages.back().push_back(directory.offset);
    }
    if (!page && i < index.pages().size()) {
      std::string name = sorter.associated_name(index.pages()[i], i);
      const bool twice =
          std::ranges::find(found.associated, name, &TiffPages::Associated::name) != found.associated.end();
      if (!name.empty() && !twice) {
        found.associated.push_back({std::move(name), directory.offset});
      }
    }
  }
  if (found.pages.empty()) {
    found.pages.push_back({sorter.base().offset});
  }
  const std::string& path = index.file()->path();
  auto stack = stack_in_description(description_of(index, index.pages().front()), numbers,
                                    std::string_view(path).substr(path.rfind('/') + 1));
  if (found.pages.size() > 1 || (stack && !stack->elsewhere.empty())) {
    Stack whole = stack ? std::move(*stack) : plain_stack(static_cast<int>(found.pages.size()));
    whole.alike = alike;
    found.stack = std::make_shared<const Stack>(std::move(whole));
  }
  return found;
}

std::optional<std::size_t> page_named(const TiffPages& pages, std::string_view part) {
  const bool lenient = part.starts_with('@');
  std::string_view rest = lenient ? part.substr(1) : part;
  if (lenient && (pages.stack == nullptr || pages.pages.size() == 1)) {
    return 0;
  }
  if (const auto number = take_number(rest); number && rest.empty()) {
    return static_cast<std::size_t>(*number) < pages.pages.size() ? std::optional<std::size_t>(*number)
                                                                  : std::nullopt;
  }
  const auto plane = lenient || part.empty() ? std::nullopt : plane_named(part);
  if (!plane) {
    return std::nullopt;
  }
  const int page = pages.stack ? pages.stack->page_of((*plane)[0], (*plane)[1], (*plane)[2]) : -1;
  return page >= 0 ? std::optional<std::size_t>(page) : std::nullopt;
}

}  // namespace microtome::image
