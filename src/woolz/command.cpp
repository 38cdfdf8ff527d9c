// SPDX-License-Identifier: Apache-2.0
#include "woolz/command.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "woolz/plane_fit.hpp"

namespace microtome::woolz {
namespace {

constexpr std::size_t kMaxItems = 4096;

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

std::string_view skip_spaces(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

// The number at the front of `text`, taken off with the spaces around it; nullopt when there is none. Infinities and
// NaN are no numbers.
std::optional<double> take_number(std::string_view& text) {
  while (text.starts_with(' ') || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) {
    return std::nullopt;
  }
  text = skip_spaces(text.substr(static_cast<std::size_t>(end - text.data())));
  return value;
}

void set_number(double& target, std::string_view text) {
  if (const auto value = take_number(text)) {
    target = *value;
  }
}

// Numbers between commas; nullopt unless there are exactly N.
template <std::size_t N>
std::optional<std::array<double, N>> numbers(std::string_view text) {
  std::array<double, N> out{};
  for (std::size_t i = 0; i < N; ++i) {
    const auto value = take_number(text);
    if (!value || (i + 1 < N ? !text.starts_with(',') : !text.empty())) {
      return std::nullopt;
    }
    out[i] = *value;
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
  }
  return out;
}

void set_point(Vec3& target, std::string_view text) {
  if (const auto p = numbers<3>(text)) {
    target = {(*p)[0], (*p)[1], (*p)[2]};
  }
}

Mode mode_of(std::string_view argument) {
  static constexpr std::array<std::pair<std::string_view, Mode>, 5> kModes{{{"STATUE", Mode::statue},
                                                                            {"UP_IS_UP", Mode::up_is_up},
                                                                            {"FIXED_LINE", Mode::fixed_line},
                                                                            {"ZERO_ZETA", Mode::zero_zeta},
                                                                            {"ZETA", Mode::zeta}}};
  const std::string name = upper(argument);
  const auto* const found =
      std::find_if(kModes.begin(), kModes.end(), [&](const auto& entry) { return entry.first == name; });
  return found == kModes.end() ? Mode::up_is_up : found->second;
}

std::optional<Projecting> projecting_of(std::string_view argument) {
  static constexpr std::array<std::pair<std::string_view, Projecting>, 4> kNames{{{"SECT", Projecting::section},
                                                                                  {"PRJN", Projecting::shadow},
                                                                                  {"PRJD", Projecting::thickness},
                                                                                  {"PRJV", Projecting::density}}};
  const std::string name = upper(argument);
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& entry) { return entry.first == name; });
  return found == kNames.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Fitting> parse_fitting(std::string_view text, const Vec3& fixed) {
  Fitting fitting;
  fitting.fixed = fixed;
  text = skip_spaces(text);
  while (!text.empty()) {
    if (fitting.items.size() == kMaxItems) {
      return std::nullopt;
    }
    if (text.starts_with('(')) {
      const std::size_t end = text.find(')');
      const auto p = numbers<3>(text.substr(1, end == std::string_view::npos ? end : end - 1));
      if (!p || end == std::string_view::npos) {
        return std::nullopt;
      }
      fitting.items.emplace_back(Vec3{(*p)[0], (*p)[1], (*p)[2]});
      text = skip_spaces(text.substr(end + 1));
    } else {
      const auto index = take_number(text);
      if (!index || *index < 0 || *index > 1e9) {
        return std::nullopt;
      }
      fitting.items.emplace_back(static_cast<std::int64_t>(*index));
    }
    if (!text.empty() && !text.starts_with(',')) {
      return std::nullopt;
    }
    text = skip_spaces(text.substr(std::min<std::size_t>(1, text.size())));
  }
  return fitting;
}

void set_angle(double& target, std::string_view argument, double most) {
  set_number(target, argument);
  target = std::clamp(target, 0.0, most);
}

bool take_view(Parameters& p, const std::string& name, std::string_view argument) {
  View& view = p.request.view;
  if (name == "DST") {
    set_number(view.distance, argument);
    if (p.fitting) {
      p.fitting->distance = false;
    }
  } else if (name == "PIT") {
    set_angle(view.pitch, argument, 180);
    if (p.fitting) {
      p.fitting->pitch = false;
    }
  } else if (name == "YAW") {
    set_angle(view.yaw, argument, 360);
    if (p.fitting) {
      p.fitting->yaw = false;
    }
  } else if (name == "ROL") {
    set_angle(view.roll, argument, 360);
  } else if (name == "MOD") {
    view.mode = mode_of(argument);
  } else if (name == "FXP") {
    set_point(view.fixed, argument);
  } else if (name == "FXT") {
    set_point(view.fixed2, argument);
  } else if (name == "UPV") {
    set_point(view.up, argument);
  } else if (name == "SCL") {
    if (const auto scale = take_number(argument); scale && *scale > 0) {
      view.scale = *scale;
    }
  } else if (name == "RMD") {
    view.projecting = projecting_of(argument).value_or(view.projecting);
  } else if (name == "DPT") {
    set_number(view.depth, argument);
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<bool> take_parameter(Parameters& p, std::string_view name, std::string_view argument) {
  const std::string command = upper(name);
  argument = skip_spaces(argument);
  argument = argument.substr(0, argument.find_last_not_of(' ') + 1);
  if (take_view(p, command, argument)) {
    return true;
  }
  if (command == "FPL") {
    p.fitting = parse_fitting(argument, p.request.view.fixed);
    return p.fitting ? Result<bool>(true) : fail(Code::bad_request, "FPL is malformed");
  }
  if (command == "PRL") {
    if (const auto point = numbers<3>(argument); point && std::abs((*point)[0]) < 1e15) {
      p.tile_point = TilePoint{static_cast<std::int64_t>((*point)[0]), (*point)[1], (*point)[2]};
    }
    return true;
  }
  if (command == "PAB") {
    if (const auto point = numbers<3>(argument)) {
      p.object_point = Vec3{(*point)[0], (*point)[1], (*point)[2]};
    }
    return true;
  }
  if (command == "ITP") {  // ours alone: no old client sends a value that could mean nothing
    const std::string how = upper(argument);
    if (how != "NEAREST" && how != "LINEAR" && how != "AREA") {
      return fail(Code::bad_request, "ITP is nearest, linear or area");
    }
    p.request.interpolation = how == "LINEAR" ? Interpolation::linear
                              : how == "AREA" ? Interpolation::area
                                              : Interpolation::nearest;
    return true;
  }
  if (command == "SEL") {
    auto selector = parse_selector(argument);
    if (!selector) {
      return std::unexpected(selector.error());
    }
    if (p.request.selectors.size() >= kMaxSelectors) {
      return fail(Code::bad_request, "too many selections");
    }
    p.request.selectors.push_back(std::move(*selector));
    return true;
  }
  if (command == "MAP") {
    auto map = parse_map(argument);
    if (!map) {
      return std::unexpected(map.error());
    }
    p.request.map = std::move(*map);
    return true;
  }
  return false;
}

Result<Request> Parameters::resolved(const Object& object) const {
  Request out = request;
  if (!fitting) {
    return out;
  }
  std::vector<Vec3> points;
  for (const auto& item : fitting->items) {
    if (const auto* point = std::get_if<Vec3>(&item)) {
      points.push_back(*point);
      continue;
    }
    const auto index = static_cast<std::size_t>(std::get<std::int64_t>(item));
    if (index < object.members().size() && object.members()[index].body) {
      if (const auto centre = centroid(*object.members()[index].body->domain)) {
        points.push_back(*centre);
      }
    }
  }
  const auto fit = fit_plane(points, fitting->fixed);
  if (!fit) {
    return fail(Code::bad_request, "FPL needs three points");
  }
  out.view.pitch = fitting->pitch ? fit->pitch : out.view.pitch;
  out.view.yaw = fitting->yaw ? fit->yaw : out.view.yaw;
  out.view.distance = fitting->distance ? fit->distance : out.view.distance;
  return out;
}

}  // namespace microtome::woolz
