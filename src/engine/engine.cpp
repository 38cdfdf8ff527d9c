// SPDX-License-Identifier: Apache-2.0
// The way of a request: open picture -> canonical request -> key, ETag -> plan -> stored bytes, or cache, or flight.
#include "engine/engine.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "engine/counters.hpp"
#include "engine/export.hpp"
#include "engine/key.hpp"
#include "engine/open_pictures.hpp"
#include "engine/plan.hpp"
#include "engine/render.hpp"
#include "engine/shadow_pyramids.hpp"
#include "engine/stored_quality.hpp"
#include "engine/workshop.hpp"
#include "engine/world.hpp"
#include "http/conditional.hpp"

namespace microtome::engine {
namespace {

constexpr std::uint64_t kComputeMemory = 32ULL << 20;  // what compute() is taken to hold: it cannot be known before
constexpr std::size_t kHead = 4096;                    // bytes of a tile searched for its quantisation tables

OpenPicturesOptions open_options(const EngineOptions& options) {
  return {options.open_pictures_bytes, static_cast<std::size_t>(std::max(1, options.max_open_files)),
          options.revalidate_ms};
}

// One client's request on its way.
struct Asked {
  image::PicturePtr opened;
  image::PicturePtr picture;  // the same, or what it stands in for
  PixelRequest request;       // with the path
  std::string etag;
  Key key;
  CancelToken cancel;
  Engine::Done done;
};

std::uint64_t output_pixels(const Asked& asked) {
  if (const auto* region = std::get_if<RegionArea>(&asked.request.area)) {
    return static_cast<std::uint64_t>(region->out_width) * static_cast<std::uint64_t>(region->out_height);
  }
  const auto& area = std::get<TileArea>(asked.request.area);
  const image::Level& level = asked.picture->info().levels[static_cast<std::size_t>(area.level)];
  return static_cast<std::uint64_t>(level.tile_width) * static_cast<std::uint64_t>(level.tile_height);
}

class EngineImpl final : public Engine, public std::enable_shared_from_this<EngineImpl> {
 public:
  EngineImpl(const EngineOptions& options, WorkPool& pool, Log log, World world)
      : options_(options),
        pool_(pool),
        log_(std::move(log)),
        shadows_(make_shadows(options, world)),
        pictures_(open_options(options), pool, dressed(world)),
        workshop_(std::make_shared<Workshop>(options, pool, world.now_ns)) {}
  ~EngineImpl() override {
    if (shadows_) {
      shadows_->stop();  // before the pictures it speaks to
    }
  }

  void open(const std::string& path, const CancelToken& cancel, InfoDone done) override;
  void render(const std::string& path, const Resolve& resolve, const std::string& if_none_match,
              const CancelToken& cancel, Done done) override;
  void compute(const std::string& key, std::int64_t mtime_ns, const std::string& if_none_match, WorkClass work,
               const CancelToken& cancel, Compute compute, Done done) override;
  Result<image::PicturePtr> open_now(const std::string& path) override { return pictures_.open_now(path); }
  Result<pixel::Image> region_now(const image::Picture& picture, const RegionArea& area,
                                  const CancelToken& cancel) override;
  [[nodiscard]] image::PicturePtr picture_for(const image::PicturePtr& opened,
                                              const PixelRequest& request) const override {
    auto original = opened->original();
    return original && needs_original(original->info(), request, options_) ? original : opened;
  }
  void used(const std::string& path, const image::Picture& opened) override;
  [[nodiscard]] std::uint64_t max_output_pixels() const override { return options_.max_output_pixels; }
  void gave_again() override { counters_.of(How::passthrough).add(); }
  [[nodiscard]] int quality_of(codec::Format format, std::optional<int> asked) const override {
    return effective_quality(format, asked, options_);
  }
  [[nodiscard]] Metrics metrics() const override;

 private:
  void start(const std::string& path, const image::PicturePtr& opened, const Resolve& resolve,
             const std::string& if_none_match, const CancelToken& cancel, Done done);
  void tile(Asked asked);
  void tile_stored(Asked asked, const image::StoredTile& stored, std::optional<int> quality);
  void locate(Asked asked);
  void area(Asked asked);
  void stream(Asked asked, const Plan& plan);
  [[nodiscard]] bool quality_known(const Asked& asked, const image::StoredTile& stored, bool may_block,
                                   std::optional<int>& quality) const;
  void pass_through(const Asked& asked, const image::StoredTile& stored);

  void deliver(Work work, std::string etag, std::int64_t mtime_ns, const CancelToken& cancel, Done done);
  [[nodiscard]] Work work_of(const Asked& asked, const Plan& plan);

  void refuse(const Done& done, Error error);
  std::unique_ptr<ShadowPyramids> make_shadows(const EngineOptions& options, const World& world);
  [[nodiscard]] World dressed(World world) const;
  [[nodiscard]] Encoding encoding(const PixelRequest& request, const Key& key) const {
    return {request.format,
            effective_quality(request.format, request.quality, options_),
            rgb_of(options_.background),
            request.look,
            is_deep(request),
            request.compression,
            options_.max_icc,
            options_.watermark,
            key.low};
  }
  Result<void> check_output(const RegionArea& area) const;

  EngineOptions options_;
  WorkPool& pool_;
  Log log_;
  std::unique_ptr<ShadowPyramids> shadows_;  // null: none are made
  OpenPictures pictures_;
  std::shared_ptr<Workshop> workshop_;
  Counters counters_;
  std::atomic<std::uint64_t> streamed_bytes_ = 0;  // that running exports hold
};

std::unique_ptr<ShadowPyramids> EngineImpl::make_shadows(const EngineOptions& options, const World& world) {
  if (!options.pyramids.on) {
    return nullptr;
  }
  return std::make_unique<ShadowPyramids>(
      options.pyramids, world.open, world.identify, [this](const std::string& path) { pictures_.forget(path); },
      log_);
}

World EngineImpl::dressed(World world) const {
  if (shadows_) {
    world.open = [open = std::move(world.open), shadows = shadows_.get()](const std::string& path) {
      auto picture = open(path);
      return picture ? Result<image::PicturePtr>(shadows->dress(path, std::move(*picture))) : picture;
    };
  }
  return world;
}

void EngineImpl::used(const std::string& path, const image::Picture& opened) {
  pictures_.used(path);
  if (shadows_) {
    shadows_->used(path, opened);
  }
}

void EngineImpl::refuse(const Done& done, Error error) {
  switch (error.code) {
    case Code::cancelled:
      counters_.cancelled.add();
      break;
    case Code::overloaded:
      counters_.overloaded.add();
      break;
    default:
      counters_.failed.add();
  }
  done(pass(std::move(error)));
}

void EngineImpl::open(const std::string& path, const CancelToken& cancel, InfoDone done) {
  if (const auto found = pictures_.find(path)) {
    done(*found);
    return;
  }
  pictures_.open(path, cancel, shared_from_this(),
                 [done = std::move(done)](const Result<image::PicturePtr>& opened) { done(opened); });
}

void EngineImpl::render(const std::string& path, const Resolve& resolve, const std::string& if_none_match,
                        const CancelToken& cancel, Done done) {
  if (auto found = pictures_.find(path)) {
    if (!*found) {
      refuse(done, found->error());
      return;
    }
    start(path, **found, resolve, if_none_match, cancel, std::move(done));
    return;
  }
  const auto self = shared_from_this();
  pictures_.open(path, cancel, self,
                 [self, path, resolve, if_none_match, cancel, done = std::move(done)](const auto& opened) {
                   if (!opened) {
                     self->refuse(done, opened.error());
                   } else {
                     self->start(path, *opened, resolve, if_none_match, cancel, done);
                   }
                 });
}

Result<void> EngineImpl::check_output(const RegionArea& area) const {
  if (area.out_width > 0 && area.out_height > 0 &&
      static_cast<std::uint64_t>(area.out_width) * static_cast<std::uint64_t>(area.out_height) >
          options_.max_output_pixels) {
    return fail(Code::too_large, "the picture asked for is too large");
  }
  return {};
}

void EngineImpl::start(const std::string& path, const image::PicturePtr& opened, const Resolve& resolve,
                       const std::string& if_none_match, const CancelToken& cancel, Done done) {
  auto resolved = resolve(*opened);
  if (!resolved) {
    refuse(done, std::move(resolved.error()));
    return;
  }
  if (auto writable = check_format(resolved->format); !writable) {
    refuse(done, std::move(writable.error()));
    return;
  }
  PixelRequest request = canonical(opened->info(), std::move(*resolved));
  if (request.path != path) {
    request.path = path;
  }
  request.deep = request.deep && !options_.watermark;
  image::PicturePtr picture = picture_for(opened, request);
  Result<void> valid;
  if (const auto* tile = std::get_if<TileArea>(&request.area)) {
    valid = check_tile(picture->info(), *tile);
  } else {
    const auto& region = std::get<RegionArea>(request.area);
    valid = check_output(region);
    if (valid && !if_none_match.empty()) {
      const auto plan = plan_region(picture->info(), region);
      valid = plan ? Result<void>() : pass(plan.error());
    }
  }
  if (!valid) {
    refuse(done, std::move(valid.error()));
    return;
  }
  const Key key = key_of(picture->id(), request, options_);
  std::string etag = etag_of(key);
  if (!if_none_match.empty() && http::list_matches(if_none_match, etag)) {
    counters_.not_modified.add();
    done(Rendered{{}, std::string(codec::media_type(request.format)), std::move(etag), picture->id().mtime_ns, {}});
    return;
  }
  const bool is_tile = std::holds_alternative<TileArea>(request.area);
  Asked asked{opened, picture, std::move(request), std::move(etag), key, cancel, std::move(done)};
  if (is_tile) {
    tile(std::move(asked));
  } else {
    area(std::move(asked));
  }
}

// Known: nobody asked, it does not matter, or it was read.
bool EngineImpl::quality_known(const Asked& asked, const image::StoredTile& stored, bool may_block,
                               std::optional<int>& quality) const {
  if (!asked.request.quality || stored.stored != image::Stored::jpeg || asked.request.format != codec::Format::jpeg) {
    return true;
  }
  quality = stored.prefix ? stored_quality(*stored.prefix) : std::nullopt;
  if (quality || !stored.range.file) {
    return true;
  }
  // The tables are in the tile itself, whose SOI may be in the prefix.
  Bytes head(std::min<std::uint64_t>(kHead, stored.range.length));
  const bool read = may_block ? stored.range.file->read(stored.range.offset, head).has_value()
                              : stored.range.file->read_cached(stored.range.offset, head);
  if (read) {
    quality = stored_quality(head);
  }
  return read || may_block;
}

void EngineImpl::tile(Asked asked) {
  const auto& area = std::get<TileArea>(asked.request.area);
  const auto stored = asked.picture->stored_tile(area.level, area.x, area.y, false);
  if (!stored) {
    pictures_.suspect(asked.request.path);
    refuse(asked.done, stored.error());
    return;
  }
  std::optional<int> quality;
  if (*stored && quality_known(asked, **stored, false, quality)) {
    tile_stored(std::move(asked), **stored, quality);
    return;
  }
  locate(std::move(asked));
}

// Where the tile lies is not in memory: a worker finds out. Not shared between equal requests: it is one short read,
// and the page cache answers the next one.
void EngineImpl::locate(Asked asked) {
  const auto shared = std::make_shared<Asked>(std::move(asked));
  const auto self = shared_from_this();
  const auto queued = pool_.submit(WorkClass::tile, shared->cancel, [self, shared](bool cancelled) {
    if (cancelled) {
      self->refuse(shared->done, {Code::cancelled, "nobody waits any more", {}});
      return;
    }
    const auto& area = std::get<TileArea>(shared->request.area);
    const auto stored = shared->picture->stored_tile(area.level, area.x, area.y, true);
    if (!stored || !*stored) {
      self->pictures_.suspect(shared->request.path);
      self->refuse(shared->done,
                   stored ? Error{Code::io, "the picture cannot be read", "no answer on a worker"} : stored.error());
      return;
    }
    std::optional<int> quality;
    static_cast<void>(self->quality_known(*shared, **stored, true, quality));
    self->tile_stored(std::move(*shared), **stored, quality);
  });
  if (!queued) {
    refuse(shared->done, queued.error());
  }
}

void EngineImpl::pass_through(const Asked& asked, const image::StoredTile& stored) {
  counters_.of(How::passthrough).add();
  http::FileBody body{stored.prefix, {}, stored.suffix};
  body.ranges.push_back(stored.range);
  asked.done(Rendered{std::move(body),
                      std::string(codec::media_type(asked.request.format)),
                      asked.etag,
                      asked.picture->id().mtime_ns,
                      {{}, name_of(How::passthrough), 0, 0},
                      pictures_.lease(asked.request.path, asked.picture)});
}

void EngineImpl::tile_stored(Asked asked, const image::StoredTile& stored, std::optional<int> quality) {
  const auto& area = std::get<TileArea>(asked.request.area);
  const image::PictureInfo& info = asked.picture->info();
  const bool as_it_lies = asked.request.look.plain() && options_.passthrough &&
                          !options_.watermark;  // else its pixels are needed, whatever is stored
  const Plan plan = plan_tile(info, area, asked.request.format, asked.request.quality,
                              as_it_lies ? stored : image::StoredTile(), quality);
  if (plan.how == How::passthrough) {
    pass_through(asked, stored);
    return;
  }
  Work work = work_of(asked, plan);
  const std::string media_type(codec::media_type(asked.request.format));
  const auto answer = [media_type](Result<Bytes> bytes) -> Result<Computed> {
    return bytes ? Result<Computed>(Computed{std::move(*bytes), media_type}) : pass(bytes.error());
  };
  const Encoding how = encoding(asked.request, asked.key);
  if (plan.how == How::background) {
    const image::Level& level = info.levels[static_cast<std::size_t>(area.level)];
    const auto width =
        static_cast<int>(std::min<std::int64_t>(level.tile_width, level.width - area.x * level.tile_width));
    const auto height =
        static_cast<int>(std::min<std::int64_t>(level.tile_height, level.height - area.y * level.tile_height));
    work.key = background_key(width, height, how.format, how.quality, options_.background);
    work.make = [=](const CancelToken&) { return answer(render_background(width, height, how)); };
  } else if (plan.how == How::dct_crop) {
    work.memory_bytes += stored.range.length;
    work.make = [=, picture = asked.picture](const CancelToken& cancel) {
      return answer(render_crop(*picture, area, stored, how, cancel));
    };
  } else {
    work.make = [=, picture = asked.picture](const CancelToken& cancel) {
      return answer(render_tile(*picture, area, how, cancel));
    };
  }
  deliver(std::move(work), std::move(asked.etag), asked.picture->id().mtime_ns, asked.cancel, std::move(asked.done));
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

void EngineImpl::compute(const std::string& key, std::int64_t mtime_ns, const std::string& if_none_match,
                         WorkClass work_class, const CancelToken& cancel, Compute compute, Done done) {
  Work work;
  work.plan = "computed";
  work.key = key_of(key);
  std::string etag = etag_of(work.key);
  if (!if_none_match.empty() && http::list_matches(if_none_match, etag)) {
    counters_.not_modified.add();
    done(Rendered{{}, {}, std::move(etag), mtime_ns, {}});
    return;
  }
  work.work = work_class;
  work.memory_bytes = std::min(kComputeMemory, options_.max_memory_in_flight);
  work.make = std::move(compute);
  counters_.computed.add();
  deliver(std::move(work), std::move(etag), mtime_ns, cancel, std::move(done));
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

void EngineImpl::deliver(Work work, std::string etag, std::int64_t mtime_ns, const CancelToken& cancel, Done done) {
  if (const AnswerPtr kept = workshop_->kept(work.key)) {
    done(Rendered{kept->bytes, kept->media_type, std::move(etag), mtime_ns, {{}, "cached", 0, 0}});
    return;
  }
  const std::string_view plan = work.plan;
  workshop_->deliver(
      std::make_shared<const Work>(std::move(work)), cancel,
      [self = shared_from_this(), etag = std::move(etag), mtime_ns, plan, asked = std::chrono::steady_clock::now(),
       done = std::move(done)](const Result<AnswerPtr>& answer) {
        if (!answer) {
          self->refuse(done, answer.error());
          return;
        }
        const auto waited =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - asked).count();
        const std::int64_t work_us = std::min<std::int64_t>((*answer)->work_us, waited);
        const http::Trace trace{{}, plan, waited - work_us, work_us};
        done(Rendered{(*answer)->bytes, (*answer)->media_type, etag, mtime_ns, trace});
      });
}

Work EngineImpl::work_of(const Asked& asked, const Plan& plan) {
  counters_.of(plan.how).add();
  Work work;
  work.key = asked.key;
  work.plan = name_of(plan.how);
  work.work = plan.work;
  work.memory_bytes = plan.memory_bytes;
  if (!asked.request.look.plain()) {
    constexpr std::uint64_t kTurned = 3;  // the picture beside itself, up to twice as large when turned
    work.memory_bytes += kTurned * 4 * output_pixels(asked);
  }
  if (!asked.picture->info().has_tiles) {
    // Decoded whole, which the reader's own limits have allowed: it may then run alone, but is not refused.
    work.memory_bytes = std::min(work.memory_bytes, options_.max_memory_in_flight);
  }
  work.made = [self = shared_from_this(), path = asked.request.path, opened = asked.opened](const Error* error) {
    if (error == nullptr) {
      self->used(path, *opened);
    } else if (Failures::lasting(error->code)) {
      self->pictures_.suspect(path);
      self->log_.warning("cannot render " + path + ": " + error->message + ": " + error->context);
    }
  };
  return work;
}

Metrics EngineImpl::metrics() const {
  Metrics metrics = counters_.snapshot();
  workshop_->add_to(metrics);
  metrics.opened = pictures_.opened();
  metrics.open_failed = pictures_.failed();
  metrics.open_pictures = static_cast<std::int64_t>(pictures_.count());
  metrics.open_bytes = static_cast<std::int64_t>(pictures_.bytes());
  metrics.queued_tiles = static_cast<std::int64_t>(pool_.queued(WorkClass::tile));
  metrics.queued_exports = static_cast<std::int64_t>(pool_.queued(WorkClass::exporting));
  return metrics;
}

}  // namespace

std::shared_ptr<Engine> make_engine(const EngineOptions& options, WorkPool& pool, Log log, World world) {
  return std::make_shared<EngineImpl>(options, pool, std::move(log), std::move(world));
}

}  // namespace microtome::engine
