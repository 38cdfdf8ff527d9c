// SPDX-License-Identifier: Apache-2.0
// The way of a tile: as it lies in the file, cropped, background, or made anew.
#include <algorithm>
#include <memory>
#include <utility>

#include "engine/engine_impl.hpp"
#include "engine/stored_quality.hpp"

namespace microtome::engine {
namespace {

constexpr std::size_t kHead = 4096;  // bytes of a tile searched for its quantisation tables

}  // namespace

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

}  // namespace microtome::engine
