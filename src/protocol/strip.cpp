// SPDX-License-Identifier: Apache-2.0
#include "protocol/strip.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "codec/encode.hpp"
#include "pixel/blit.hpp"
#include "pixel/convert.hpp"
#include "protocol/numbers.hpp"
#include "protocol/set_calls.hpp"
#include "set/hash.hpp"

namespace microtome::protocol {
namespace {

constexpr std::int64_t kMostCells = 512;
constexpr std::int64_t kMostStep = 10'000;
constexpr std::int64_t kLeastCell = 8;
constexpr std::int64_t kMostCellHeight = 512;
constexpr std::int64_t kMostCellWidth = 1024;
constexpr std::int64_t kMostSide = 16'384;
constexpr std::int64_t kMostArea = 25'000'000;
constexpr double kUsualAspect = 4.0 / 3.0;
constexpr int kTries = 3;  // pictures that are opened to learn an aspect

// Everything that decides the bytes: two strips of one key are equal.
std::string strip_key(const StripPlan& plan, const StripRequest& strip, int quality) {
  set::Hash hash;
  hash.add(static_cast<std::int64_t>(plan.cell_width)).add(static_cast<std::int64_t>(plan.cell_height));
  hash.add(static_cast<std::int64_t>(plan.columns)).add(static_cast<std::int64_t>(quality));
  hash.add(static_cast<std::uint64_t>(strip.format)).add(static_cast<std::uint64_t>(plan.cells.size()));
  std::string key = "strip";
  for (const set::Slice* slice : plan.cells) {
    hash.add(slice != nullptr ? slice->stamp : 0);
    hash.add(slice != nullptr ? std::string_view(slice->path) : std::string_view());
  }
  return key + format_hex(hash.value()) + ":" + std::to_string(plan.cells.size());
}

bool is_lasting(Code code) {
  return code == Code::corrupt || code == Code::unsupported || code == Code::not_found;
}

// One slice into its cell, which stays blank when the slice cannot be shown. What may go better next time (a full
// queue, a file that changes) fails the whole strip: a blank would be kept.
Result<void> draw_cell(const Call& call, const set::Slice& slice, const StripPlan& plan, std::size_t cell,
                       pixel::Image& sheet, const CancelToken& cancel) {
  const auto picture = call.engine().open_now(slice.path);
  if (!picture) {
    if (!is_lasting(picture.error().code)) {
      return pass(picture.error());
    }
    call.site->catalogue().learn_damaged(slice.path);
    return {};
  }
  if ((*picture)->id().mtime_ns != slice.mtime_ns) {
    return fail(Code::overloaded, "a slice has just changed", slice.path);
  }
  const image::PictureInfo& info = (*picture)->info();
  learn(call, slice.path, info);
  const double scale = std::min(static_cast<double>(plan.cell_width) / static_cast<double>(info.width),
                                static_cast<double>(plan.cell_height) / static_cast<double>(info.height));
  engine::RegionArea area;
  area.width = static_cast<double>(info.width);
  area.height = static_cast<double>(info.height);
  area.out_width = std::clamp(static_cast<int>(std::lround(area.width * scale)), 1, plan.cell_width);
  area.out_height = std::clamp(static_cast<int>(std::lround(area.height * scale)), 1, plan.cell_height);
  const auto drawn = call.engine().region_now(**picture, area, cancel);
  if (!drawn) {
    return is_lasting(drawn.error().code) ? Result<void>() : pass(drawn.error());
  }
  call.engine().used(slice.path, **picture);
  const pixel::Image small = pixel::to_rgb(pixel::compose(pixel::to_u8(*drawn), {}));
  const auto column = static_cast<std::int64_t>(cell) % plan.columns;
  const auto row = static_cast<std::int64_t>(cell) / plan.columns;
  pixel::paste(sheet, small, column * plan.cell_width + (plan.cell_width - small.width) / 2,
               row * plan.cell_height + (plan.cell_height - small.height) / 2);
  return {};
}

Result<engine::Engine::Computed> draw(const Call& call, const StripPlan& plan, const StripRequest& strip, int quality,
                                      const CancelToken& cancel) {
  pixel::Image sheet =
      pixel::Image::make(plan.columns * plan.cell_width, plan.rows * plan.cell_height, 3, pixel::Colour::rgb);
  std::ranges::fill(sheet.data, std::uint8_t{0xff});
  for (std::size_t cell = 0; cell < plan.cells.size(); ++cell) {
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "nobody waits");
    }
    if (plan.cells[cell] == nullptr) {
      continue;
    }
    if (auto drawn = draw_cell(call, *plan.cells[cell], plan, cell, sheet, cancel); !drawn) {
      return pass(std::move(drawn.error()));
    }
  }
  codec::EncodeOptions options;
  options.quality = quality;
  auto bytes = codec::encode(sheet, strip.format, options);
  if (!bytes) {
    return pass(bytes.error());
  }
  return engine::Engine::Computed{std::move(*bytes), std::string(codec::media_type(strip.format))};
}

void answer_drawn(const Call& call, const set::SetPtr& set, const StripRequest& strip, const Params& params,
                  double aspect) {
  auto plan = plan_strip(strip, *set, aspect);
  if (!plan) {
    return answer_error(call, plan.error());
  }
  const int quality = strip.quality.value_or(call.options().jpeg_quality);
  const Version version = version_of(params, *set, nullptr);
  const std::string cell = std::to_string(plan->cell_width) + "x" + std::to_string(plan->cell_height);
  const std::string key = strip_key(*plan, strip, quality);
  call.engine().compute(
      key, set->mtime_ns, std::string(call.request().headers.get("If-None-Match")), WorkClass::tile,
      call.exchange->cancel(),
      [call, set, plan = std::move(*plan), strip, quality](const CancelToken& cancel) {
        return draw(call, plan, strip, quality, cancel);
      },
      [call, version, cell, mtime = set->mtime_ns](Result<engine::Rendered> rendered) {
        if (!rendered) {
          return answer_error(call, rendered.error());
        }
        http::Response response;
        response.headers.add("Content-Type", rendered->media_type);
        response.headers.add("Strip-Cell", cell);
        set_caching(call, response.headers, version.caching);
        response.body = std::move(rendered->body);
        response.trace = rendered->trace;
        answer_conditional(call, std::move(response), rendered->etag, mtime);
      });
}

// Opens pictures until one tells its size. Blocks.
double learn_aspect(const Call& call, const set::Set& set) {
  int tries = 0;
  for (const set::Slice& slice : set.slices) {
    if (slice.path.empty() || slice.status != set::Status::ok) {
      continue;
    }
    if (const auto picture = call.engine().open_now(slice.path)) {
      const image::PictureInfo& info = (*picture)->info();
      learn(call, slice.path, info);
      return static_cast<double>(info.width) / static_cast<double>(std::max<std::int64_t>(info.height, 1));
    }
    if (++tries >= kTries) {
      break;
    }
  }
  return kUsualAspect;
}

}  // namespace

const set::Slice* first_readable(const set::Set& set) {
  const auto at = std::ranges::find_if(
      set.slices, [](const set::Slice& slice) { return !slice.path.empty() && slice.status == set::Status::ok; });
  return at != set.slices.end() ? &*at : nullptr;
}

Result<StripRequest> parse_strip(const Params& params) {
  StripRequest strip;
  const auto from = params.whole("from", INT64_MIN, INT64_MAX);
  const auto count = params.whole("count", 1, kMostCells);
  const auto step = params.whole("step", 1, kMostStep);
  const auto height = params.whole("height", kLeastCell, kMostCellHeight);
  const auto width = params.whole("width", kLeastCell, kMostCellWidth);
  const auto columns = params.whole("columns", 1, kMostCells);
  const auto quality = params.whole("q", 1, 100);
  const auto format = params.format("format", codec::Format::jpeg);
  for (const auto* value : {&from, &count, &step, &height, &width, &columns, &quality}) {
    if (!*value) {
      return pass(value->error());
    }
  }
  if (!format) {
    return pass(format.error());
  }
  strip.from = *from;
  strip.count = static_cast<int>(count->value_or(strip.count));
  strip.step = static_cast<int>(step->value_or(strip.step));
  strip.height = static_cast<int>(height->value_or(strip.height));
  if (*width) {
    strip.width = static_cast<int>(**width);
  }
  strip.columns = static_cast<int>(columns->value_or(0));
  if (*quality) {
    strip.quality = static_cast<int>(**quality);
  }
  strip.format = *format;
  return strip;
}

Result<StripPlan> plan_strip(const StripRequest& strip, const set::Set& set, double aspect) {
  StripPlan plan;
  plan.cell_height = strip.height;
  const double wished = std::round(strip.height * aspect);
  plan.cell_width = strip.width.value_or(static_cast<int>(std::clamp<double>(wished, kLeastCell, kMostCellWidth)));
  plan.columns = strip.columns > 0 ? std::min(strip.columns, strip.count) : strip.count;
  plan.rows = (strip.count + plan.columns - 1) / plan.columns;
  const std::int64_t width = static_cast<std::int64_t>(plan.columns) * plan.cell_width;
  const std::int64_t height = static_cast<std::int64_t>(plan.rows) * plan.cell_height;
  if (width > kMostSide || height > kMostSide || width * height > kMostArea) {
    return fail(Code::bad_request, "the strip is too large; use columns, or fewer or smaller cells");
  }
  auto first = set.slices.begin();
  if (strip.from) {
    first = std::ranges::lower_bound(set.slices, *strip.from, {}, &set::Slice::number);
  }
  const auto begin = static_cast<std::size_t>(first - set.slices.begin());
  for (int i = 0; i < strip.count; ++i) {
    const std::size_t at = begin + static_cast<std::size_t>(i) * static_cast<std::size_t>(strip.step);
    const set::Slice* slice = at < set.slices.size() ? &set.slices[at] : nullptr;
    const bool shown = slice != nullptr && !slice->path.empty() && slice->status == set::Status::ok;
    plan.cells.push_back(shown ? slice : nullptr);
  }
  return plan;
}

void answer_strip(const Call& call, const std::string& set_name) {
  const auto params = Params::parse(call.request().query);
  auto parsed = params ? parse_strip(*params) : Result<StripRequest>(pass(params.error()));
  if (!parsed) {
    return answer_error(call, parsed.error());
  }
  const auto always = [](const set::Set&) { return true; };
  find_set(call, set_name, always, [call, strip = *parsed, params = *params](const set::SetPtr& set) {
    const set::Slice* first = first_readable(*set);
    if (strip.width || first == nullptr || first->width > 0) {
      const bool known = first != nullptr && first->height > 0;
      const double aspect =
          known ? static_cast<double>(first->width) / static_cast<double>(first->height) : kUsualAspect;
      return answer_drawn(call, set, strip, params, aspect);
    }
    on_worker(call, [call, set, strip, params] { answer_drawn(call, set, strip, params, learn_aspect(call, *set)); });
  });
}

}  // namespace microtome::protocol
