// SPDX-License-Identifier: Apache-2.0
// OBJ answers about Woolz objects. Numbers are printed as C's %d and %g, as clients have always read them.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <numbers>

#include "protocol/woolz_answers.hpp"

namespace microtome::protocol {
namespace {

using woolz::Frame;
using woolz::Grey;
using woolz::Vec3;

constexpr std::size_t kMostEcho = 200;
constexpr std::string_view kProtocol = "iip,1.0";
constexpr std::string_view kServer = "IIP-server:255.552255";
constexpr double kDegrees = 180 / std::numbers::pi;

__attribute__((format(printf, 1, 2))) std::string print(const char* format, ...) {
  std::array<char, 512> text{};
  va_list values;
  va_start(values, format);
  std::vsnprintf(text.data(), text.size(), format, values);
  va_end(values);
  return text.data();
}

// Of points that a client made up: what is beyond is cut off, so that every double has a whole number.
long long cut_off(double v) {
  constexpr double kMost = 1e15;
  return std::isnan(v) ? 0 : static_cast<long long>(std::clamp(v, -kMost, kMost));
}

long long whole(double v) {
  return cut_off(woolz::nearest(v));
}

// What one question needs: the request and its frame, made when first used.
class Asked {
 public:
  Asked(const WoolzContext& context, const WoolzQuestion& question) : context_(context), question_(question) {}

  Result<void> prepare() {
    auto request = context_.request(*question_.parameters);
    if (!request) {
      return std::unexpected(request.error());
    }
    request_ = std::move(*request);
    auto frame = woolz::frame_of(*context_.object, request_.view);
    if (!frame) {
      return std::unexpected(frame.error());
    }
    frame_ = *frame;
    return {};
  }

  [[nodiscard]] const WoolzContext& context() const { return context_; }
  [[nodiscard]] const WoolzQuestion& question() const { return question_; }
  [[nodiscard]] const woolz::Object& object() const { return *context_.object; }
  [[nodiscard]] const woolz::Request& request() const { return request_; }
  [[nodiscard]] const Frame& frame() const { return *frame_; }
  // Object point: PAB, else the point under PRL.
  [[nodiscard]] Vec3 point() const {
    const auto& p = *question_.parameters;
    if (p.object_point) {
      return *p.object_point;
    }
    const auto under = p.tile_point.value_or(woolz::TilePoint{});
    return context_.grid().point(frame(), under.tile, under.x, under.y);
  }

 private:
  const WoolzContext& context_;
  const WoolzQuestion& question_;
  woolz::Request request_;
  std::optional<Frame> frame_;
};

using Line = Result<std::string>;

Line max_size(const Asked& a) {
  return print("Max-size:%lld %lld", static_cast<long long>(a.frame().width()),
               static_cast<long long>(a.frame().height()));
}

Line tile_size(const Asked& a) {
  return print("Tile-size:%lld %lld", static_cast<long long>(a.context().options.tile_width),
               static_cast<long long>(a.context().options.tile_height));
}

std::string colour_space(const Asked& a, bool sized) {
  const auto& request = a.request();
  const bool colour = !request.selectors.empty() || (request.map && request.map->colour()) ||
                      a.object().base()->body->grey() == Grey::rgba;
  // Before any question about its size the old server knew of no resolution, and said so.
  return std::string("Colorspace,0-") + (sized ? "0" : "-1") + (colour ? ",0:0 0 3 3 0 1 2" : ",0:0 0 1 1 0");
}

Line colours(const Asked& a) {
  return colour_space(a, a.question().sized);
}

Line basic_info(const Asked& a) {
  return std::string(kServer) + "\r\n" + *max_size(a) + "\r\nResolution-number:1\r\n" + colour_space(a, true);
}

Line bounding_box(const Asked& a) {
  const woolz::Box& b = a.object().base()->box;
  return print("Wlz-3d-bounding-box:%lld %lld %lld %lld %lld %lld", static_cast<long long>(b.z1),
               static_cast<long long>(b.z2), static_cast<long long>(b.y1), static_cast<long long>(b.y2),
               static_cast<long long>(b.x1), static_cast<long long>(b.x2));
}

Line distance_range(const Asked& a) {
  return print("Wlz-distance-range:%g %g", a.frame().minimum().z, a.frame().maximum().z);
}

Line sectioning_angles(const Asked& a) {
  const woolz::View& v = a.request().view;
  return print("Wlz-sectioning-angles:%g %g %g %g", v.pitch, v.yaw, a.frame().zeta() * kDegrees, v.distance);
}

Line transformed_box(const Asked& a) {
  const Vec3& lo = a.frame().minimum();
  const Vec3& hi = a.frame().maximum();
  return print("Wlz-transformed-3d-bounding-box:%lld %lld %lld %lld %lld %lld", whole(lo.z), whole(hi.z), whole(lo.y),
               whole(hi.y), whole(lo.x), whole(hi.x));
}

Line voxel_size(const Asked& a) {
  const auto& v = a.object().base()->voxel_size;
  return print("Wlz-true-voxel-size:%g %g %g", v[0], v[1], v[2]);
}

Line volume(const Asked& a) {
  auto body = woolz::asked_body(a.object(), a.request(), a.context().select());
  if (!body) {
    return std::unexpected(body.error());
  }
  return print("Wlz-volume:%llu", static_cast<unsigned long long>((*body)->domain->voxels()));
}

const char* name_of(Grey grey) {
  switch (grey) {
    case Grey::none:
      break;
    case Grey::int32:
      return "WLZ_GREY_INT";
    case Grey::int16:
      return "WLZ_GREY_SHORT";
    case Grey::uint8:
      return "WLZ_GREY_UBYTE";
    case Grey::float32:
      return "WLZ_GREY_FLOAT";
    case Grey::float64:
      return "WLZ_GREY_DOUBLE";
    case Grey::rgba:
      return "WLZ_GREY_RGBA";
  }
  return "WLZ_GREY_ERROR";
}

Line grey_stats(const Asked& a) {
  const woolz::Select select = a.context().select();
  auto body = woolz::asked_body(a.object(), a.request(), select);
  if (!body) {
    return std::unexpected(body.error());
  }
  auto s = woolz::asked_statistics(a.object(), a.request(), select, a.context().cancel);
  if (!s) {
    return std::unexpected(s.error());
  }
  const auto n = static_cast<double>(s->count);
  const double mean = n > 0 ? s->sum / n : 0;
  const double deviation = n > 1 ? std::sqrt(std::max(0.0, (s->sum_of_squares - s->sum * s->sum / n) / (n - 1))) : 0;
  return print("Wlz-grey-stats:%llu %s %g %g %g %g %g %g", static_cast<unsigned long long>(s->count),
               name_of((*body)->grey()), s->minimum, s->maximum, s->sum, s->sum_of_squares, mean, deviation);
}

Line grey_value(const Asked& a) {
  auto at = woolz::value_at(a.object(), a.point());
  if (!at) {
    return std::unexpected(at.error());
  }
  switch (at->grey) {
    case Grey::uint8:
    case Grey::int16:
    case Grey::int32:
      return print("Wlz-grey-value:%lld", static_cast<long long>(at->value.number));
    case Grey::rgba:
      return print("Wlz-colour-value:%u %u %u", at->value.rgba & 255, at->value.rgba >> 8 & 255,
                   at->value.rgba >> 16 & 255);
    default:
      return fail(Code::unsupported, "values that are no integers have no grey value");
  }
}

Line components(const Asked& a) {
  return print("Wlz-n-components:%zu", a.object().compound() ? a.object().members().size() : std::size_t{1});
}

Line foreground(const Asked& a) {
  std::string line = "Wlz-foreground-objects:";
  for (const std::size_t member : woolz::foreground_at(a.object(), a.point())) {
    line += " " + std::to_string(member);
  }
  return line;
}

Line coordinate(const Asked& a) {
  const auto under = a.question().parameters->tile_point.value_or(woolz::TilePoint{});
  const Vec3 p = a.context().grid().point(a.frame(), under.tile, under.x, under.y);
  return print("Wlz-coordinate-3d:%g %g %g", p.x, p.y, p.z);
}

Line transformed_coordinate(const Asked& a) {
  const Vec3 p = a.frame().to_section(a.point());
  return print("Wlz-transformed-coordinate-3d:%lld %lld %g", cut_off(std::round(p.x - a.frame().minimum().x)),
               cut_off(std::round(p.y - a.frame().minimum().y)), p.z - a.frame().distance());
}

// Questions that the old server answered alike for every object.
std::string constant_line(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kLines{
      {{"iip-server", kServer},
       {"iip-opt-comm",
        "IIP-opt-comm: CVT CNT QLT JTL JTLS WID HEI RGN SHD WLZ DST FPL FXP MAP MOD PAB PIT PRL ROL SEL SCL UPV YAW"},
       {"iip-opt-obj",
        "IIP-opt-obj: Horizontal-views Vertical-views Tile-size Wlz-3d-bounding-box Wlz-coordinate-3d "
        "Wlz-distance-range Wlz-foreground-objects Wlz-grey-stats Wlz-grey-value Wlz-n-components "
        "Wlz-sectioning-angles Wlz-transformed-3d-bounding-box Wlz-transformed-coordinate-3d Wlz-true-voxel-size "
        "Wlz-volume"},
       {"resolution-number", "Resolution-number:1"},
       {"horizontal-views", "Horizontal-views:0"},
       {"vertical-views", "Vertical-views:90"},
       {"copyright", "copyright/17:copyright unknown"},
       {"subject", "subject/15:subject unknown"},
       {"author", "author/14:author unknown"},
       {"create-dtm", "create-dtm/18:create-dtm unknown"},
       {"app-name", "app-name/16:app-name unknown"},
       {"summary-info",
        "copyright/17:copyright unknown\r\nsubject/15:subject unknown\r\nauthor/14:author unknown\r\n"
        "create-dtm/18:create-dtm unknown\r\napp-name/16:app-name unknown"}}};
  const auto* const found = std::ranges::find(kLines, name, &std::pair<std::string_view, std::string_view>::first);
  return found == kLines.end() ? std::string() : std::string(found->second);
}

using Answer = Line (*)(const Asked&);
Answer answer_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Answer>, 15> kAnswers{
      {{"max-size", max_size},
       {"tile-size", tile_size},
       {"basic-info", basic_info},
       {"wlz-3d-bounding-box", bounding_box},
       {"wlz-distance-range", distance_range},
       {"wlz-sectioning-angles", sectioning_angles},
       {"wlz-transformed-3d-bounding-box", transformed_box},
       {"wlz-true-voxel-size", voxel_size},
       {"wlz-volume", volume},
       {"wlz-grey-stats", grey_stats},
       {"wlz-grey-value", grey_value},
       {"wlz-n-components", components},
       {"wlz-foreground-objects", foreground},
       {"wlz-coordinate-3d", coordinate},
       {"wlz-transformed-coordinate-3d", transformed_coordinate}}};
  const auto* const found = std::ranges::find(kAnswers, name, &std::pair<std::string_view, Answer>::first);
  if (found != kAnswers.end()) {
    return found->second;
  }
  return name.find("colorspace") != std::string_view::npos ? colours : nullptr;
}

// Known names that have nothing to say.
bool is_silent(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kNames{"title",      "keywords",  "comment",      "last-author",
                                                          "rev-number", "edit-time", "last-printed", "last-save-dtm"};
  return std::ranges::find(kNames, name) != kNames.end();
}

}  // namespace

std::string error_line(std::string_view fault) {
  std::string text(fault.substr(0, kMostEcho));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return "Error/" + std::to_string(text.size()) + ":" + text + "\r\n";
}

woolz::Select WoolzContext::select() const {
  return [this](const woolz::Expression& expression) { return store.select(path, object, expression, cancel, work); };
}

woolz::Levels WoolzContext::levels() const {
  return [this](std::size_t member) { return store.pyramid(path, object, member, cancel); };
}

Result<woolz::Request> WoolzContext::request(const woolz::Parameters& parameters) const {
  auto request = parameters.resolved(*object);
  if (request) {
    request->complexity = options.complex_selection;
  }
  return request;
}

std::string fault_of(const WoolzProgram& program, std::string_view query) {
  if (!program.fault.empty()) {
    return program.fault;
  }
  bool answered = false;
  for (const WoolzQuestion& question : program.questions) {
    if (question.name == kProtocol || !constant_line(question.name).empty() || answer_of(question.name) != nullptr) {
      answered = true;
    } else if (!is_silent(question.name)) {
      return "3 2 " + question.name;
    }
  }
  return answered ? std::string() : "2 1 " + std::string(query);
}

Result<std::string> answer_questions(const WoolzContext& context, const WoolzProgram& program) {
  std::string head;  // the line of the protocol comes first, empty when nobody asked
  std::string lines;
  for (const WoolzQuestion& question : program.questions) {
    if (question.name == kProtocol) {
      head = "IIP:1.0";
      continue;
    }
    Line line = constant_line(question.name);
    if (const Answer answer = line->empty() ? answer_of(question.name) : nullptr) {
      Asked asked(context, question);
      if (auto ready = asked.prepare(); !ready) {
        return std::unexpected(ready.error());
      }
      line = answer(asked);
    }
    if (!line) {
      return line;
    }
    lines += line->empty() ? "" : *line + "\r\n";
  }
  return head + "\r\n" + lines;
}

}  // namespace microtome::protocol
