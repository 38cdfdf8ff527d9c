// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1.x request: request line and fields. Beast's parser reads it, after and before checks of our
// own that are stricter (RFC 9112, and the strictest verdict of the common servers where they differ). Pure;
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace microtome::net {

// Why a request is answered with an error by the transport itself. The connection closes after it.
struct Refusal {
  int status = 400;
  const char* message = "bad request";
};

struct HeadLimits {
  std::size_t max_header = 32 * 1024;  // request line and fields [431]
  std::size_t max_target = 16 * 1024;  // [414]
  bool keep_target = false;            // fills Head::target
  bool host_in_target = false;         // HTTP/1.1 with an absolute target may do without Host
};

// Finds the end of the head in bytes that arrive in pieces; looks at every byte once.
class HeadScanner {
 public:
  // `bytes` is everything since the beginning of the request. The length of the head, 0 when more is needed.
  // Refuses bare CR and LF, control bytes, folded lines, lines without a colon, blanks before the colon.
  std::expected<std::size_t, Refusal> scan(std::string_view bytes, const HeadLimits& limits);
  void reset() { *this = HeadScanner(); }

 private:
  std::size_t line_ = 0;    // begin of the current line
  std::size_t looked_ = 0;  // bytes of it that are known to hold no line end
  bool first_ = true;       // it is the request line
};

enum class BodyKind { none, length, chunked };

struct Head {
  std::string method;
  std::string authority;  // of the target in absolute form, else of Host
  std::string path;       // normalised
  std::string query;
  std::string target;  // path and query as they came, where HeadLimits::keep_target asks for them
  int version = 11;    // 10 or 11
  http::Headers headers;
  bool keep_alive = true;
  bool expect_continue = false;
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;
};

// `bytes` is one whole head as HeadScanner found it.
std::expected<Head, Refusal> parse_head(std::string_view bytes, const HeadLimits& limits);

// A chunked body (Beast's parser). Trailer fields are checked and dropped.
class ChunkedReader {
 public:
  ChunkedReader(std::uint64_t max_body, std::size_t max_trailer);
  ~ChunkedReader();
  ChunkedReader(ChunkedReader&&) noexcept;

  // Appends to `body` what `bytes` hold; returns how many of them were used. The rest must come again, with more.
  std::expected<std::size_t, Refusal> feed(std::string_view bytes, std::string& body);
  [[nodiscard]] bool done() const;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

// What Beast makes of a head, before our checks of single fields. Used by parse_head().
struct RawHead {
  std::string method;
  std::string_view target;  // into the bytes
  int version = 11;
  http::Headers headers;
};
std::expected<RawHead, Refusal> parse_raw_head(std::string_view bytes, const HeadLimits& limits);

}  // namespace microtome::net
