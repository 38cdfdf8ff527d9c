// SPDX-License-Identifier: Apache-2.0
// The way of a region: decoded, scaled and encoded in one piece, or made while it is sent.
#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "engine/engine_impl.hpp"
#include "engine/export.hpp"

namespace microtome::engine {

std::uint64_t output_pixels(const Asked& asked) {
  if (const auto* region = std::get_if<RegionArea>(&asked.request.area)) {
    return static_cast<std::uint64_t>(region->out_width) * static_cast<std::uint64_t>(region->out_height);
  }
  const auto& area = std::get<TileArea>(asked.request.area);
  const image::Level& level = asked.picture->info().levels[static_cast<std::size_t>(area.level)];
  return static_cast<std::uint64_t>(level.tile_width) * static_cast<std::uint64_t>(level.tile_height);
}

Result<void> EngineImpl::check_output(const RegionArea& area) const {
  if (area.out_width > 0 && area.out_height > 0 &&
      static_cast<std::uint64_t>(area.out_width) * static_cast<std::uint64_t>(area.out_height) >
          options_.max_output_pixels) {
    return fail(Code::too_large, "the picture asked for is too large");
  }
  return {};
}

void EngineImpl::area(Asked asked) {
  const auto& area = std::get<RegionArea>(asked.request.area);
  const auto plan = plan_area(asked.picture->info(), area, asked.request.format);
  if (!plan) {
    refuse(asked.done, plan.error());
    return;
  }
  if (plan->region.decoded_pixels > options_.max_source_pixels) {
    refuse(asked.done, {Code::too_large, "the region holds too many pixels", {}});
    return;
  }
  const bool large = output_pixels(asked) > static_cast<std::uint64_t>(kExportPixels);
  if (large && can_export(asked.picture->info(), encoding(asked.request, asked.key))) {
    stream(std::move(asked), *plan);
    return;
  }
  Work work = work_of(asked, *plan);
  work.make = [area, region = plan->region, picture = asked.picture,
               how = encoding(asked.request, asked.key)](const CancelToken& cancel) -> Result<Computed> {
    auto bytes = render_area(*picture, area, region, how, cancel);
    if (!bytes) {
      return pass(bytes.error());
    }
    return Computed{std::move(*bytes), std::string(codec::media_type(how.format))};
  };
  deliver(std::move(work), std::move(asked.etag), asked.picture->id().mtime_ns, asked.cancel, std::move(asked.done));
}

// Made while it is sent, so neither kept nor shared. A worker makes the first piece before anybody hears of it.
void EngineImpl::stream(Asked asked, const Plan& plan) {
  const auto& area = std::get<RegionArea>(asked.request.area);
  const std::uint64_t bytes = export_memory(asked.picture->info(), area, plan.region);
  if (bytes > options_.max_memory_in_flight) {
    refuse(asked.done, {Code::too_large, "the answer would take too much memory", {}});
    return;
  }
  if (streamed_bytes_.fetch_add(bytes) + bytes > options_.max_memory_in_flight) {
    streamed_bytes_.fetch_sub(bytes);
    refuse(asked.done, {Code::overloaded, "too many exports at a time", {}});
    return;
  }
  counters_.of(plan.how).add();
  const auto self = shared_from_this();
  const std::shared_ptr<void> held(nullptr, [self, bytes](void*) { self->streamed_bytes_.fetch_sub(bytes); });
  auto made = std::make_shared<RegionExport>(asked.picture, area, plan.region, encoding(asked.request, asked.key),
                                             asked.cancel, held);
  const auto shared = std::make_shared<Asked>(std::move(asked));
  const auto since = std::chrono::steady_clock::now();
  const auto queued = pool_.submit(WorkClass::exporting, shared->cancel, [self, shared, made, since](bool cancelled) {
    if (cancelled) {
      self->refuse(shared->done, {Code::cancelled, "nobody waits any more", {}});
      return;
    }
    const auto us = [](auto span) {
      return static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(span).count());
    };
    const auto begun = std::chrono::steady_clock::now();
    if (auto prepared = made->prepare(); !prepared) {
      self->pictures_.suspect(shared->request.path);
      self->refuse(shared->done, std::move(prepared.error()));
      return;
    }
    self->used(shared->request.path, *shared->opened);
    shared->done(Rendered{std::static_pointer_cast<http::Producer>(made),
                          std::string(codec::media_type(shared->request.format)),
                          shared->etag,
                          shared->picture->id().mtime_ns,
                          {{}, "streamed", us(begun - since), us(std::chrono::steady_clock::now() - begun)}});
  });
  if (!queued) {
    refuse(shared->done, queued.error());
  }
}

Result<pixel::Image> EngineImpl::region_now(const image::Picture& picture, const RegionArea& area,
                                            const CancelToken& cancel) {
  if (auto fits = check_output(area); !fits) {
    return pass(fits.error());
  }
  const auto plan = plan_region(picture.info(), area);
  if (!plan) {
    return pass(plan.error());
  }
  const bool fits = !picture.info().has_tiles || workshop_->possible(plan->memory_bytes);
  if (plan->decoded_pixels > options_.max_source_pixels || !fits) {
    return fail(Code::too_large, "the region holds too many pixels");
  }
  return render_region(picture, area, *plan, rgb_of(options_.background), false, cancel);
}

}  // namespace microtome::engine
