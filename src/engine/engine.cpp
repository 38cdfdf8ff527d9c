// SPDX-License-Identifier: Apache-2.0
// The way of a request: open picture -> canonical request -> key, ETag -> plan -> stored bytes, or cache, or flight.
#include "engine/engine.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/engine_impl.hpp"
#include "http/conditional.hpp"

namespace microtome::engine {
namespace {

constexpr std::uint64_t kComputeMemory = 32ULL << 20;  // what compute() is taken to hold: it cannot be known before

OpenPicturesOptions open_options(const EngineOptions& options) {
  return {options.open_pictures_bytes, static_cast<std::size_t>(std::max(1, options.max_open_files)),
          options.revalidate_ms};
}

}  // namespace

EngineImpl::EngineImpl(const EngineOptions& options, WorkPool& pool, Log log, World world)
    : options_(options),
      pool_(pool),
      log_(std::move(log)),
      shadows_(make_shadows(options, world)),
      pictures_(open_options(options), pool, dressed(world)),
      workshop_(std::make_shared<Workshop>(options, pool, world.now_ns)) {}

EngineImpl::~EngineImpl() {
  if (shadows_) {
    shadows_->stop();  // before the pictures it speaks to
  }
}

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

std::shared_ptr<Engine> make_engine(const EngineOptions& options, WorkPool& pool, Log log, World world) {
  return std::make_shared<EngineImpl>(options, pool, std::move(log), std::move(world));
}

}  // namespace microtome::engine
