// SPDX-License-Identifier: Apache-2.0
#include "host/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "http/negotiate.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

constexpr int kWindow = 15;
constexpr int kGzip = 16;  // added to the window's bits
constexpr int kMemory = 8;

Coding coding_of(std::string_view name) {
  return name == "gzip" || name == "x-gzip" ? Coding::gzip : name == "deflate" ? Coding::deflate : Coding::none;
}

bool too_busy(double limit) {
  double load = 0;
  return limit > 0 && getloadavg(&load, 1) == 1 && load > limit;
}

std::string ending(Coding coding) {
  return '-' + std::string(coding_name(coding)) + '"';
}

}  // namespace

std::string_view coding_name(Coding coding) {
  return coding == Coding::gzip ? "gzip" : coding == Coding::deflate ? "deflate" : "identity";
}

bool type_is_compressed(const DeflateSettings& settings, std::string_view content_type) {
  return settings.types && std::ranges::any_of(*settings.types, [content_type](std::string_view type) {
           if (type.ends_with('*')) {
             type.remove_suffix(1);
           }
           return content_type.size() >= type.size() &&
                  http::equal_no_case(content_type.substr(0, type.size()), type);
         });
}

Coding choose_coding(const DeflateSettings& settings, const http::Headers& request) {
  if (!request.has("Accept-Encoding") || too_busy(settings.max_load)) {
    return Coding::none;
  }
  static const std::vector<std::string> kAll{"gzip", "deflate"};
  Coding best = Coding::none;
  int best_weight = 0;
  for (const std::string& name : settings.encodings ? *settings.encodings : kAll) {
    const Coding coding = coding_of(name);
    if (coding == Coding::none) {
      continue;
    }
    int weight = http::encoding_weight(request, coding_name(coding));
    if (weight == 0 && coding == Coding::gzip) {
      weight = http::encoding_weight(request, "x-gzip");
    }
    if (weight > best_weight) {
      best_weight = weight;
      best = coding;
    }
  }
  return best;
}

std::string coded_etag(std::string_view etag, Coding coding) {
  if (!etag.ends_with('"') || coding == Coding::none) {
    return std::string(etag);
  }
  return std::string(etag.substr(0, etag.size() - 1)) + ending(coding);
}

std::string uncoded_etags(std::string_view list, Coding coding) {
  const std::string end = ending(coding);
  std::string out;
  for (const std::string_view tag : http::split_list(list)) {
    if (tag == "*" || tag.ends_with(end)) {
      out += out.empty() ? "" : ", ";
      out += tag == "*" ? std::string(tag) : std::string(tag.substr(0, tag.size() - end.size())) + '"';
    }
  }
  return out.empty() ? "\"\"" : out;
}

struct Deflater::State {
  z_stream stream{};
};

Deflater::Deflater(std::unique_ptr<State> state) : state_(std::move(state)) {}

Deflater::~Deflater() {
  deflateEnd(&state_->stream);
}

std::unique_ptr<Deflater> Deflater::make(Coding coding, int level) {
  auto state = std::make_unique<State>();
  const int window = coding == Coding::gzip ? kWindow + kGzip : kWindow;
  if (coding == Coding::none ||
      deflateInit2(&state->stream, level, Z_DEFLATED, window, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return nullptr;
  }
  return std::unique_ptr<Deflater>(new Deflater(std::move(state)));
}

void Deflater::run(std::string_view bytes, int flush, std::string& out) {
  z_stream& stream = state_->stream;
  std::array<Bytef, 16 * 1024> room;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(bytes.size());
  do {
    stream.next_out = room.data();
    stream.avail_out = static_cast<uInt>(room.size());
    if (deflate(&stream, flush) == Z_STREAM_ERROR) {
      return;
    }
    out.append(reinterpret_cast<const char*>(room.data()), room.size() - stream.avail_out);
  } while (stream.avail_out == 0);
}

std::string Deflater::feed(std::string_view bytes) {
  constexpr std::size_t kStep = std::size_t{1} << 30;  // zlib counts with 32 bits
  std::string out;
  while (!bytes.empty()) {
    const std::string_view step = bytes.substr(0, kStep);
    bytes.remove_prefix(step.size());
    run(step, bytes.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH, out);
  }
  return out;
}

std::string Deflater::finish() {
  std::string out;
  run({}, Z_FINISH, out);
  return out;
}

Result<Bytes> compress(ByteView bytes, Coding coding, int level) {
  z_stream stream{};
  const int window = coding == Coding::gzip ? kWindow + kGzip : kWindow;
  if (deflateInit2(&stream, level, Z_DEFLATED, window, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(Code::io, "the answer cannot be compressed", "deflateInit2");
  }
  Bytes out(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<Bytef*>(bytes.data());  // zlib only reads it
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (!whole) {
    return fail(Code::io, "the answer cannot be compressed", "deflate");
  }
  return out;
}

}  // namespace microtome::host
