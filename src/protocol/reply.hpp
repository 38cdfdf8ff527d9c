// SPDX-License-Identifier: Apache-2.0
// Answers: what every response has in common (CORS, caching, validators, errors in short plain text). Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/lease.hpp"
#include "engine/engine.hpp"
#include "http/message.hpp"
#include "protocol/call.hpp"

namespace microtome::protocol {

enum class Caching : std::uint8_t {
  usual,       // the operator's Cache-Control
  revalidate,  // no-cache: ask again with the ETag
  immutable,   // the URL names the version
  none,        // no-store
};

// Answers, with CORS headers. The only way out.
void answer(const Call& call, http::Response response);

// The error with its context; how loud depends on whose fault it is. Also for answers that are no errors in HTTP.
void log_error(const Call& call, const Error& error);

// Status and message of the error; its context goes to the log.
void answer_error(const Call& call, const Error& error);

// A text made now: 200 or 304. `etag` quoted.
void answer_text(const Call& call, std::string media_type, std::string body, Caching caching, std::string etag,
                 std::optional<std::int64_t> mtime_ns = std::nullopt);

// 304 when the request's conditions hold, else `response`.
void answer_conditional(const Call& call, http::Response response, std::string_view etag,
                        std::optional<std::int64_t> mtime_ns);

void set_caching(const Call& call, http::Headers& headers, Caching caching);

struct PictureReply {
  Caching caching = Caching::usual;
  // `immutable` holds only when the file is the one that the URL's version means.
  std::optional<std::int64_t> mtime_ns;
  bool learn = false;               // tell the catalogue the picture's size, or that it cannot be read
  bool undecodable_is_404 = false;  // tiles whose coding is not supported: as the old servers answered
  // Of the name that led to the picture. Set when nothing of the request but its method, its address and its
  // conditions decides about the answer: it may then be given again without any of the work.
  LeasePtr name;
};

// Says what to render once the picture is open; may add headers to the answer (called again: they are replaced).
using Choose = std::function<Result<engine::PixelRequest>(const image::Picture&, http::Headers& extra)>;

// Renders and answers. Conditions are checked before any pixel is touched.
void render(const Call& call, const std::string& path, Choose choose, PictureReply reply);

// The picture could not be opened. What is damaged or of no kind that we read is 404, and with `learn` the catalogue
// hears of it.
void answer_unopened(const Call& call, const std::string& path, Error error, bool learn = true);

// Opens the picture, tells the catalogue what it says of itself, and goes on; else answers.
void with_picture(const Call& call, const std::string& path, std::function<void(const image::Picture&)> then);

// Tells the catalogue what an open picture says of itself.
void learn(const Call& call, const std::string& path, const image::PictureInfo& info);

// If-Modified-Since alone decides and holds. A date in the future is no date: it cannot come from us.
[[nodiscard]] bool unmodified_since(const http::Request& request, std::int64_t mtime_ns);

}  // namespace microtome::protocol
