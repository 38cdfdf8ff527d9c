// SPDX-License-Identifier: Apache-2.0
// Answers that are compressed (deflate.*): whole ones on a worker, those of apps while they pass.
#include <filesystem>
#include <system_error>
#include <utility>

#include "host/deflate.hpp"
#include "host/static_file.hpp"
#include "host/visit.hpp"
#include "http/status.hpp"
#include "http/text.hpp"
#include "io/atomic_file.hpp"

namespace microtome::host {
namespace {

// Whole answers are compressed in memory; larger ones pass as they are.
constexpr std::uint64_t kMostInMemory = 16 << 20;

void add_vary(http::Headers& headers) {
  const std::string before = std::string(headers.get("Vary"));
  for (const std::string_view name : http::split_list(before)) {
    if (name == "*" || http::equal_no_case(name, "Accept-Encoding")) {
      return;
    }
  }
  headers.set("Vary", before.empty() ? "Accept-Encoding" : before + ", Accept-Encoding");
}

bool may_be_transformed(const http::Response& response) {
  const http::Headers& headers = response.headers;
  return response.status >= 200 && response.status != 206 && !http::bodiless(response.status) &&
         !headers.has("Content-Encoding") && !headers.has("Content-Range") &&
         headers.get("Cache-Control").find("no-transform") == std::string_view::npos;
}

Result<Bytes> bytes_of(const http::Body& body) {
  if (const auto* text = std::get_if<std::string>(&body)) {
    const ByteView view = as_bytes(*text);
    return Bytes(view.begin(), view.end());
  }
  if (const auto* bytes = std::get_if<Bytes>(&body)) {
    return *bytes;
  }
  if (const auto* shared = std::get_if<SharedBytes>(&body); shared != nullptr && *shared) {
    return **shared;
  }
  const auto* file = std::get_if<http::FileBody>(&body);
  if (file == nullptr || file->prefix || file->suffix || file->ranges.size() != 1) {
    return fail(Code::io, "the answer cannot be compressed", "a body of several parts");
  }
  const io::FileRange& range = file->ranges.front();
  return range.file->read(range.offset, static_cast<std::size_t>(range.length));
}

// Where the compressed form of that very file is kept; "" when it is not.
std::string cache_name(const DeflateSettings& settings, const http::Response& response, const std::string& file,
                       Coding coding) {
  std::string_view etag = response.headers.get("ETag");
  if (settings.cache_dir.empty() || etag.size() < 3 || etag.starts_with("W/") || file.empty() ||
      (!std::holds_alternative<http::FileBody>(response.body) &&
       !std::holds_alternative<SharedBytes>(response.body))) {
    return {};
  }
  etag = etag.substr(1, etag.size() - 2);
  return settings.cache_dir + (file.starts_with('/') ? "" : "/") + file + '-' + std::string(coding_name(coding)) +
         '-' + std::string(etag);
}

// On a worker.
Result<http::Body> compressed_body(const http::Body& body, Coding coding, int level, const std::string& cache) {
  if (!cache.empty()) {
    if (auto kept = io::File::open(cache)) {
      http::FileBody file;
      const std::uint64_t size = (*kept)->size();
      file.ranges.push_back({std::move(*kept), 0, size});
      return http::Body(std::move(file));
    }
  }
  auto bytes = bytes_of(body);
  if (!bytes) {
    return pass(bytes.error());
  }
  auto small = compress(*bytes, coding, level);
  if (!small) {
    return pass(small.error());
  }
  if (!cache.empty()) {
    std::error_code fault;
    std::filesystem::create_directories(std::filesystem::path(cache).parent_path(), fault);
    // Whoever cannot keep it, or finds another keeping it, answers all the same.
    if (auto file = io::AtomicFile::create(cache, 0600); file && file->write(*small)) {
      (void)file->commit();
    }
  }
  return http::Body(std::move(*small));
}

}  // namespace

// The coding for an answer of that type and size (nullopt: not known); sets Vary where the choice depends on the
// client.
Coding Visit::coding_for(http::Response& response, std::optional<std::uint64_t> size) const {
  const DeflateSettings& settings = settings_->deflate;
  if (!settings.types || !may_be_transformed(response) ||
      (size && (*size < settings.smallest || *size > settings.largest)) ||
      !type_is_compressed(settings, response.headers.get("Content-Type"))) {
    return Coding::none;
  }
  add_vary(response.headers);
  return choose_coding(settings, request_.headers);
}

// A file, with its conditions counted for the coding that it will have.
void Visit::answer_with(http::Response& response, io::FilePtr file, std::string_view type) {
  http::Response probe;
  probe.headers.add("Content-Type", std::string(type));
  const bool whole = !request_.headers.has("Range");
  const Coding coding = whole && response.status == 200 ? coding_for(probe, file->size()) : Coding::none;
  if (coding == Coding::none) {
    return answer_with_file(response, request_, std::move(file), type, *settings_);
  }
  http::Request asked = request_;
  for (const char* name : {"If-None-Match", "If-Match"}) {
    if (const std::string_view list = request_.headers.get(name); !list.empty()) {
      asked.headers.set(name, uncoded_etags(list, coding));
    }
  }
  answer_with_file(response, asked, std::move(file), type, *settings_);
  if (response.status == 304) {
    add_vary(response.headers);
    if (response.headers.has("ETag")) {
      response.headers.set("ETag", coded_etag(response.headers.get("ETag"), coding));
    }
  }
}

// True: the answer will come from a worker, or has been given.
bool Visit::compress_whole(http::Response& response) {
  const auto size = http::body_length(response.body);
  if (!size || *size > kMostInMemory) {
    return false;
  }
  const Coding coding = coding_for(response, size);
  if (coding == Coding::none) {
    return false;
  }
  const std::string cache = cache_name(settings_->deflate, response, file_path_, coding);
  http::Response coded = response;
  if (coded.headers.has("ETag")) {
    coded.headers.set("ETag", coded_etag(coded.headers.get("ETag"), coding));
  }
  coded.headers.set("Content-Encoding", std::string(coding_name(coding)));
  if (request_.method == "HEAD") {
    coded.body = {};
    stream_->begin(std::move(coded), std::nullopt);
    stream_->end();
    return true;
  }
  auto done = [weak = weak_from_this(), response, coded](Result<http::Body> body) mutable {
    const auto self = weak.lock();
    if (!self || self->gone_) {
      return;
    }
    if (body) {
      coded.body = std::move(*body);
      self->stream_->respond(std::move(coded));
    } else {
      self->context_->log.error(body.error().message + ": " + body.error().context);
      self->stream_->respond(std::move(response));
    }
    self->stream_->commit();
  };
  const auto queued =
      context_->pool->submit(WorkClass::tile, CancelToken(),
                             [loop = context_->loop, body = response.body, coding, level = settings_->deflate.level,
                              cache, done = std::move(done)](bool) {
                               auto made = compressed_body(body, coding, level, cache);
                               loop->post([done = done, made = std::move(made)]() mutable { done(std::move(made)); });
                             });
  return queued.has_value();
}

// An answer that passes through: its head is changed, and upstream_body() compresses.
void Visit::compress_stream(http::Response& response, std::optional<std::uint64_t>& length) {
  const Coding coding = coding_for(response, length);
  if (coding == Coding::none) {
    return;
  }
  const bool head = request_.method == "HEAD";
  if (!head) {
    deflater_ = Deflater::make(coding, settings_->deflate.level);
    if (!deflater_) {
      return;
    }
  }
  response.headers.set("Content-Encoding", std::string(coding_name(coding)));
  // The app does not know the tag of what we make of its answer; a weak one it recognises.
  if (const std::string etag(response.headers.get("ETag")); etag.starts_with('"')) {
    response.headers.set("ETag", "W/" + etag);
  }
  length.reset();
}

}  // namespace microtome::host
