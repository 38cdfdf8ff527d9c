// SPDX-License-Identifier: Apache-2.0
// What an app says, as FastCGI records and as a head in pieces: never a crash, and the same whatever the pieces are.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "host/cgi_head.hpp"
#include "host/mount.hpp"
#include "net/fcgi_records.hpp"

using namespace microtome;        // NOLINT
using namespace microtome::host;  // NOLINT

namespace {

struct Told {
  CgiHeadReader::State state;
  int status;
  std::size_t fields;
  bool operator==(const Told&) const = default;
};

Told read(std::string_view text, std::size_t step) {
  CgiHeadReader reader;
  CgiHeadReader::State state = CgiHeadReader::State::more;
  while (state == CgiHeadReader::State::more && !text.empty()) {
    std::string_view piece = text.substr(0, step);
    text.remove_prefix(piece.size());
    state = reader.feed(piece);
  }
  const bool done = state == CgiHeadReader::State::done;
  return {state, done ? reader.head().status : 0, done ? reader.head().headers.all().size() : 0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!(read(text, 1) == read(text, std::max<std::size_t>(size, 1)))) {
    std::abort();
  }
  net::fcgi::RecordReader records;
  ByteView rest = as_bytes(text);
  net::fcgi::Piece piece;
  while (records.next(rest, piece) == net::fcgi::RecordReader::Next::piece) {
    (void)net::fcgi::read_end_request(piece.content);
    (void)net::fcgi::read_pairs(piece.content, [](std::string_view, std::string_view) { return true; });
  }
  (void)object_of(text, text);
  return 0;
}
