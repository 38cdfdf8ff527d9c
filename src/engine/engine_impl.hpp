// SPDX-License-Identifier: Apache-2.0
// The engine's own class, whose functions lie in three files: the way of every request (engine.cpp), of tiles
// (engine_tiles.cpp) and of regions (engine_areas.cpp). Only they include this.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/counters.hpp"
#include "engine/engine.hpp"
#include "engine/key.hpp"
#include "engine/open_pictures.hpp"
#include "engine/plan.hpp"
#include "engine/render.hpp"
#include "engine/shadow_pyramids.hpp"
#include "engine/workshop.hpp"
#include "engine/world.hpp"

namespace microtome::engine {

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

// Of what is asked for.
[[nodiscard]] std::uint64_t output_pixels(const Asked& asked);

class EngineImpl final : public Engine, public std::enable_shared_from_this<EngineImpl> {
 public:
  EngineImpl(const EngineOptions& options, WorkPool& pool, Log log, World world);
  ~EngineImpl() override;

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

}  // namespace microtome::engine
