// SPDX-License-Identifier: Apache-2.0
#include "protocol/reply.hpp"

#include <chrono>

#include "http/conditional.hpp"
#include "http/date.hpp"
#include "http/range.hpp"
#include "http/status.hpp"
#include "protocol/answer_memo.hpp"

namespace microtome::protocol {
namespace {

constexpr std::string_view kExposed = "Content-Length, Content-Range, ETag, Link, Slice-Size, Strip-Cell";
constexpr int kClientError = 400;
constexpr int kServerError = 500;
constexpr int kGone = 499;
constexpr std::int64_t kComplaintPause = 1'000'000'000;

void count(const Call& call, int status) {
  Counters& counters = call.service->counters;
  if (status >= kServerError) {
    counters.server_errors.add();
  } else if (status >= kClientError && status != kGone) {
    counters.client_errors.add();
  } else if (status == 304) {
    counters.not_modified.add();
  }
}

void add_last_modified(http::Headers& headers, std::int64_t mtime_ns) {
  headers.add("Last-Modified", http::format_date(http::seconds_of(mtime_ns)));
}

// What every answer has.
void finish(const Call& call, http::Response& response) {
  if (!call.options().cors.empty()) {
    response.headers.set("Access-Control-Allow-Origin", call.options().cors);
    response.headers.set("Access-Control-Expose-Headers", std::string(kExposed));
  }
  if (!response.headers.get("Content-Type").starts_with("image/")) {
    response.headers.set("X-Content-Type-Options", "nosniff");
  }
  if (call.request().headers.has("Range")) {
    http::apply_range(call.request(), response);
  }
  count(call, response.status);
  response.trace.protocol = call.protocol;
}

struct Rendering {
  Call call;
  std::string path;
  Choose choose;
  PictureReply reply;
  http::Headers extra;
  bool opened = false;
  bool unmodified = false;
  std::int64_t mtime_ns = 0;

  Result<engine::PixelRequest> resolve(const image::Picture& picture) {
    opened = true;
    mtime_ns = picture.id().mtime_ns;
    if (reply.learn) {
      learn(call, path, picture.info());
    }
    if (unmodified_since(call.request(), mtime_ns)) {
      unmodified = true;
      return fail(Code::cancelled, "not modified");
    }
    extra = {};
    return choose(picture, extra);
  }

  void done(Result<engine::Rendered> rendered) {
    if (unmodified) {
      http::Headers headers;
      set_caching(call, headers, caching());
      add_last_modified(headers, mtime_ns);
      return answer(call, http::not_modified(headers));
    }
    if (!rendered) {
      return failed(std::move(rendered.error()));
    }
    mtime_ns = rendered->mtime_ns;
    http::Response response;
    response.headers.add("Content-Type", std::move(rendered->media_type));
    set_caching(call, response.headers, caching());
    response.headers.add("ETag", std::move(rendered->etag));
    add_last_modified(response.headers, mtime_ns);
    for (const http::Header& header : extra.all()) {
      response.headers.add(header.name, header.value);
    }
    if (std::holds_alternative<std::monostate>(rendered->body)) {
      return answer(call, http::not_modified(response.headers));
    }
    response.body = std::move(rendered->body);
    response.trace = rendered->trace;
    finish(call, response);
    if (reply.name && rendered->lease) {
      call.service->memo->keep(call.site.get(), call.request(), response, reply.name, rendered->lease);
    }
    call.exchange->respond(std::move(response));
  }

  void failed(Error error) {
    if (!opened) {
      return answer_unopened(call, path, std::move(error), reply.learn);
    }
    if (error.code == Code::unsupported && reply.undecodable_is_404) {
      error.code = Code::corrupt;
    }
    answer_error(call, error);
  }

  [[nodiscard]] Caching caching() const {
    const bool other = reply.caching == Caching::immutable && reply.mtime_ns && *reply.mtime_ns != mtime_ns;
    return other ? Caching::revalidate : reply.caching;
  }
};

}  // namespace

void set_caching(const Call& call, http::Headers& headers, Caching caching) {
  switch (caching) {
    case Caching::usual:
      if (!call.options().cache_control.empty()) {
        headers.set("Cache-Control", call.options().cache_control);
      }
      break;
    case Caching::revalidate:
      headers.set("Cache-Control", "no-cache");
      break;
    case Caching::immutable:
      headers.set("Cache-Control", "public, max-age=31536000, immutable");
      break;
    case Caching::none:
      headers.set("Cache-Control", "no-store");
      break;
  }
}

void log_error(const Call& call, const Error& error) {
  if (error.code == Code::cancelled) {
    return;
  }
  LogLevel level = LogLevel::debug;
  if (error.code == Code::io || error.code == Code::internal) {
    level = LogLevel::warning;
  } else if (error.code == Code::corrupt || (error.code == Code::not_found && !error.context.empty())) {
    // It names the damaged file, or the setting that would allow one, which people look for; but strangers who try
    // names, and viewers that want all tiles of such a file, must not fill the log.
    const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
    std::int64_t last = call.service->complained_ns.load();
    const bool due = last == 0 || now - last > kComplaintPause;
    level =
        due && call.service->complained_ns.compare_exchange_strong(last, now) ? LogLevel::warning : LogLevel::info;
  }
  if (call.service->log.wants(level)) {
    call.service->log.write(
        level, call.request().path + ": " + error.message + (error.context.empty() ? "" : ": " + error.context));
  }
}

void answer(const Call& call, http::Response response) {
  finish(call, response);
  call.exchange->respond(std::move(response));
}

void answer_error(const Call& call, const Error& error) {
  log_error(call, error);
  answer(call, http::error_response(error));
}

void answer_conditional(const Call& call, http::Response response, std::string_view etag,
                        std::optional<std::int64_t> mtime_ns) {
  if (!etag.empty()) {
    response.headers.set("ETag", std::string(etag));
  }
  if (mtime_ns) {
    response.headers.set("Last-Modified", http::format_date(http::seconds_of(*mtime_ns)));
  }
  const http::Request& request = call.request();
  const bool matches = !etag.empty() && request.headers.has("If-None-Match") &&
                       http::list_matches(http::joined(request.headers, "If-None-Match"), etag);
  if (matches || (mtime_ns && unmodified_since(request, *mtime_ns))) {
    return answer(call, http::not_modified(response.headers));
  }
  answer(call, std::move(response));
}

void answer_text(const Call& call, std::string media_type, std::string body, Caching caching, std::string etag,
                 std::optional<std::int64_t> mtime_ns) {
  http::Response response;
  response.headers.add("Content-Type", std::move(media_type));
  set_caching(call, response.headers, caching);
  response.body = std::move(body);
  answer_conditional(call, std::move(response), etag, mtime_ns);
}

bool unmodified_since(const http::Request& request, std::int64_t mtime_ns) {
  if (request.headers.has("If-None-Match") || !request.headers.has("If-Modified-Since")) {
    return false;
  }
  const std::int64_t now = http::seconds_of(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  const auto since = http::parse_date(request.headers.get("If-Modified-Since"), now);
  return since && *since <= now && http::seconds_of(mtime_ns) <= *since;
}

void learn(const Call& call, const std::string& path, const image::PictureInfo& info) {
  call.site->catalogue().learn(path, info.width, info.height, info.um_per_pixel_x);
}

void answer_unopened(const Call& call, const std::string& path, Error error, bool learn) {
  if (error.code == Code::corrupt || error.code == Code::unsupported) {
    if (learn) {
      call.site->catalogue().learn_damaged(path);
    }
    error.code = error.code == Code::unsupported ? Code::not_found : Code::corrupt;
  }
  answer_error(call, error);
}

void with_picture(const Call& call, const std::string& path, std::function<void(const image::Picture&)> then) {
  call.engine().open(path, call.exchange->cancel(),
                     [call, path, then = std::move(then)](const Result<image::PicturePtr>& opened) {
                       if (!opened) {
                         return answer_unopened(call, path, opened.error());
                       }
                       learn(call, path, (*opened)->info());
                       then(**opened);
                     });
}

void render(const Call& call, const std::string& path, Choose choose, PictureReply reply) {
  auto rendering = std::make_shared<Rendering>(Rendering{call, path, std::move(choose), reply, {}});
  call.engine().render(
      path, [rendering](const image::Picture& picture) { return rendering->resolve(picture); },
      http::joined(call.request().headers, "If-None-Match"), call.exchange->cancel(),
      [rendering](Result<engine::Rendered> rendered) { rendering->done(std::move(rendered)); });
}

}  // namespace microtome::protocol
