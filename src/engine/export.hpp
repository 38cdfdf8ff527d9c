// SPDX-License-Identifier: Apache-2.0
// RegionExport: a region that is encoded while it is sent, with memory for a few bands of it. prepare() makes the
// first piece, so that what cannot be made is an error before anything is sent. Calls on workers, one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/cancel.hpp"
#include "codec/strip_writer.hpp"
#include "engine/region.hpp"
#include "engine/render.hpp"
#include "http/message.hpp"

namespace microtome::engine {

// Whether answers like this can be encoded strip by strip.
[[nodiscard]] bool can_export(const image::PictureInfo& info, const Encoding& encoding);

// Bytes held at a time, estimated.
[[nodiscard]] std::uint64_t export_memory(const image::PictureInfo& info, const RegionArea& area,
                                          const RegionPlan& plan);

class RegionExport final : public http::Producer {
 public:
  // `held` is let go with the export.
  RegionExport(image::PicturePtr picture, const RegionArea& area, const RegionPlan& plan, const Encoding& encoding,
               CancelToken cancel, std::shared_ptr<void> held);

  [[nodiscard]] Result<void> prepare();
  Result<bool> pull(Bytes& out) override;
  // Known after prepare(), where the format allows it.
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return length_; }

 private:
  Result<bool> make(Bytes& out);

  image::PicturePtr picture_;
  RegionArea area_;
  Encoding encoding_;
  CancelToken cancel_;
  std::shared_ptr<void> held_;
  RegionStream rows_;
  pixel::Image waiting_;  // rows that are not written yet
  int written_ = 0;       // of them
  std::unique_ptr<codec::StripWriter> writer_;
  std::optional<std::uint64_t> length_;
  Bytes first_;
  bool more_ = true;
};

}  // namespace microtome::engine
