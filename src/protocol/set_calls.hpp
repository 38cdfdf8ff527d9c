// SPDX-License-Identifier: Apache-2.0
// Sets over HTTP: the list, one stack, a view of one slice, a strip of many. docs/formats/urls.md has the parameters.
// All functions answer, now or later.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "protocol/call.hpp"
#include "protocol/params.hpp"
#include "protocol/reply.hpp"

namespace microtome::protocol {

void answer_sets(const Call& call);                                // GET /sets
void answer_stack(const Call& call, const std::string& set_name);  // GET /sets/{set}/stack.json
void answer_view(const Call& call, const std::string& set_name);   // GET /sets/{set}/view
void answer_strip(const Call& call, const std::string& set_name);  // GET /sets/{set}/strip

// How long the answer to a URL about the slice `id` may be kept: forever when it carries the set's version.
struct Version {
  Caching caching = Caching::usual;
  std::optional<std::int64_t> mtime_ns;  // of the file that the version means
};
[[nodiscard]] Version version_of(const Call& call, std::string_view id);
[[nodiscard]] Version version_of(const Params& params, const set::Set& set, const set::Slice* slice);

// Pictures by the ids of DeepZoom and Zoomify: a slice, a file, or the first of a sequence. `then` gets its path and
// how the answer is to be given; names that stand for nothing are answered here.
void find_picture(const Call& call, std::string_view id,
                  std::function<void(const std::string& path, const PictureReply& reply)> then);

// What `view` asks for, before the slice's size is known. Pure.
struct ViewRequest {
  std::string slice;
  std::optional<double> x, y, width, height;  // full-size pixels
  std::optional<int> out_width, out_height;
  codec::Format format = codec::Format::jpeg;
  std::optional<int> quality;
};
// `most`: longest side of an answer. Code::bad_request.
[[nodiscard]] Result<ViewRequest> parse_view(const Params& params, int most);
// Fits, snaps and bounds it, as docs/formats/urls.md says.
[[nodiscard]] Result<engine::RegionArea> view_area(const ViewRequest& view, std::int64_t width, std::int64_t height,
                                                   int most);

// Longest side that clients may ask for: max_cvt, or 16384 when that is without limit.
[[nodiscard]] int longest_side(const ServiceOptions& options);

}  // namespace microtome::protocol
