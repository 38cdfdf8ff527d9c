// SPDX-License-Identifier: Apache-2.0
#include "protocol/section_path.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "http/uri.hpp"
#include "protocol/numbers.hpp"
#include "protocol/params.hpp"
#include "set/names.hpp"

namespace microtome::protocol {
namespace {

using woolz::Mode;
using woolz::View;

constexpr std::string_view kSection = "/section/";

bool take_number(std::string_view text, double& target) {
  const auto value = parse_real(text);
  target = value.value_or(target);
  return value.has_value();
}

bool take_point(std::string_view text, woolz::Vec3& target) {
  const std::size_t first = text.find(':');
  const std::size_t second = text.find(':', first == std::string_view::npos ? first : first + 1);
  return second != std::string_view::npos && take_number(text.substr(0, first), target.x) &&
         take_number(text.substr(first + 1, second - first - 1), target.y) &&
         take_number(text.substr(second + 1), target.z);
}

bool take_mode(std::string_view text, Mode& target) {
  static constexpr std::array<std::pair<std::string_view, Mode>, 5> kModes{{{"zeta", Mode::zeta},
                                                                            {"up_is_up", Mode::up_is_up},
                                                                            {"statue", Mode::statue},
                                                                            {"zero_zeta", Mode::zero_zeta},
                                                                            {"fixed_line", Mode::fixed_line}}};
  const auto* const found = std::ranges::find(kModes, text, &std::pair<std::string_view, Mode>::first);
  if (found == kModes.end()) {
    return false;
  }
  target = found->second;
  return true;
}

bool take_one(SectionView& view, std::string_view name, std::string_view value) {
  static constexpr std::array<std::pair<std::string_view, double View::*>, 5> kNumbers{{{"yaw", &View::yaw},
                                                                                        {"pitch", &View::pitch},
                                                                                        {"roll", &View::roll},
                                                                                        {"distance", &View::distance},
                                                                                        {"scale", &View::scale}}};
  static constexpr std::array<std::pair<std::string_view, woolz::Vec3 View::*>, 3> kPoints{
      {{"fixed", &View::fixed}, {"fixed2", &View::fixed2}, {"up", &View::up}}};
  for (const auto& [known, member] : kNumbers) {
    if (name == known) {
      return take_number(value, view.*member);
    }
  }
  for (const auto& [known, member] : kPoints) {
    if (name == known) {
      const bool middle = name == "fixed" && value == "middle";
      view.middle = name == "fixed" ? middle : view.middle;
      return middle || take_point(value, view.*member);
    }
  }
  return name == "mode" && take_mode(value, view.mode);
}

std::unexpected<Error> not_here() {
  return fail(Code::not_found, "no such section or tile");
}

Result<SectionPath> parse_rest(SectionPath path, std::string_view text) {
  constexpr std::string_view kAbout = ".json";  // ours, not DeepZoom's in JSON
  std::string_view view = text;
  if (text.ends_with(kAbout)) {
    view.remove_suffix(kAbout.size());
    path.answer = SectionAnswer::about;
  } else if (const auto zoom = parse_deepzoom(text)) {
    view = zoom->id;
    path.answer = zoom->tile ? SectionAnswer::tile : SectionAnswer::deepzoom;
    path.tile = zoom->tile.value_or(path.tile);
  } else {
    const std::size_t dot = text.rfind('.');
    if (dot == std::string_view::npos) {
      return not_here();
    }
    view = text.substr(0, dot);
    const std::string_view ending = text.substr(dot + 1);
    if (const auto format = format_of(ending)) {
      path.answer = SectionAnswer::picture;
      path.tile.format = *format;
    } else {
      return not_here();
    }
  }
  auto parsed = parse_section_view(view);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  path.view = *parsed;
  return path;
}

}  // namespace

bool is_woolz_name(std::string_view name) {
  return set::is_volume_name(name);
}

Result<SectionView> parse_section_view(std::string_view text) {
  SectionView view;
  view.mode = Mode::zeta;
  std::vector<std::string_view> names;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, comma);
    const std::size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    if (equals == std::string_view::npos || std::ranges::find(names, name) != names.end() ||
        !take_one(view, name, pair.substr(equals + 1))) {
      return fail(Code::bad_request, "the view of the section is malformed");
    }
    names.push_back(name);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return view;
}

std::optional<Result<SectionPath>> parse_section(std::string_view rest) {
  const std::size_t at = rest.rfind(kSection);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  auto object = http::percent_decode(rest.substr(0, at));
  if (!object || !is_woolz_name(*object)) {
    return std::nullopt;
  }
  auto text = http::percent_decode(rest.substr(at + kSection.size()));
  if (!text) {
    return std::unexpected(text.error());
  }
  SectionPath path;
  path.object = std::move(*object);
  return parse_rest(std::move(path), *text);
}

}  // namespace microtome::protocol
