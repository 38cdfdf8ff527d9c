// SPDX-License-Identifier: Apache-2.0
// FastCGI records, cut in two ways, and their contents as parameters, as a web server could send them.
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "net/fcgi_records.hpp"
#include "net/fcgi_request.hpp"

using namespace microtome;             // NOLINT
using namespace microtome::net;        // NOLINT
using namespace microtome::net::fcgi;  // NOLINT

namespace {

void must(bool holds) {
  if (!holds) {
    std::abort();
  }
}

struct Read {
  bool bad = false;
  std::string log;     // types, ids and contents of whole records
  std::string params;  // contents of all PARAMS records
};

Read read_records(ByteView all, std::size_t step) {
  RecordReader reader;
  Read read;
  bool open = false;
  for (std::size_t at = 0; at < all.size(); at += step) {
    ByteView in = all.subspan(at, std::min(step, all.size() - at));
    Piece piece;
    while (true) {
      const auto next = reader.next(in, piece);
      if (next == RecordReader::Next::bad) {
        read.bad = true;
        return read;
      }
      if (next == RecordReader::Next::more) {
        must(in.empty());
        break;
      }
      must(piece.content.size() <= piece.header.length);
      must(is_stream(piece.header.type) || piece.content.size() == piece.header.length);
      if (!open) {
        read.log +=
            "\n" + std::to_string(static_cast<int>(piece.header.type)) + " " + std::to_string(piece.header.id) + " ";
      }
      read.log += as_text(piece.content);
      open = !piece.end_of_record;
      if (piece.header.type == Type::params) {
        read.params += as_text(piece.content);
      }
    }
  }
  return read;
}

void try_params(ByteView bytes) {
  std::size_t total = 0;
  std::string again;
  const bool good = read_pairs(bytes, [&](std::string_view name, std::string_view value) {
    total += name.size() + value.size();
    append_pair(again, name, value);
    return true;
  });
  must(total <= bytes.size());
  if (good) {
    must(read_pairs(as_bytes(again), [](std::string_view, std::string_view) { return true; }));
  }
  if (const auto request = read_cgi_request(bytes, "/mount", {})) {
    must(request->request.path.starts_with('/') && request->request.path.find('\0') == std::string::npos);
    must(!request->request.mount.ends_with('/'));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView all(data, size);
  const Read whole = read_records(all, size + 1);
  const Read bits = read_records(all, 1);
  must(whole.bad == bits.bad && whole.log == bits.log);
  try_params(as_bytes(whole.params));
  try_params(all);
  return 0;
}
