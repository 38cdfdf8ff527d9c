// SPDX-License-Identifier: Apache-2.0
// A request head, whole and byte by byte: both must give the same verdict, and what is accepted keeps its promises.
// Then the rest as a chunked body, in two ways of cutting it up.
#include <cstdlib>
#include <string>

#include "http/text.hpp"
#include "net/http_head.hpp"

using namespace microtome;       // NOLINT
using namespace microtome::net;  // NOLINT

namespace {

void must(bool holds) {
  if (!holds) {
    std::abort();
  }
}

struct Found {
  int status = 0;
  std::size_t end = 0;
};

Found scan(std::string_view text, std::size_t step, const HeadLimits& limits) {
  HeadScanner scanner;
  for (std::size_t size = step; size < text.size() + step; size += step) {
    const auto end = scanner.scan(text.substr(0, size), limits);
    if (!end) {
      return {end.error().status, 0};
    }
    if (*end != 0) {
      return {200, *end};
    }
  }
  return {};
}

struct Body {
  int status = 0;
  std::string bytes;
};

Body read_chunks(std::string_view text, std::size_t step) {
  ChunkedReader reader(10000, 1000);
  Body body;
  std::string in;
  for (std::size_t at = 0; at < text.size() && !reader.done(); at += step) {
    in += text.substr(at, step);
    const auto used = reader.feed(in, body.bytes);
    if (!used) {
      body.status = used.error().status;
      return body;
    }
    must(*used <= in.size() && body.bytes.size() <= 10000);
    in.erase(0, *used);
  }
  body.status = reader.done() ? 200 : 0;
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const HeadLimits limits{.max_header = 2000, .max_target = 500};
  const Found whole = scan(text, text.size() + 1, limits);
  const Found bits = scan(text, 1, limits);
  // A limit may be named before or after another fault, depending on how much is there.
  must((whole.status == 200) == (bits.status == 200) && whole.end == bits.end);
  if (whole.status == 200) {
    if (const auto head = parse_head(text.substr(0, whole.end), limits)) {
      must(head->path.starts_with('/') && head->path.find('\0') == std::string::npos);
      must(head->query.size() <= limits.max_target);
      must(head->version == 10 || head->version == 11);
      must(!(head->body == BodyKind::chunked && head->headers.has("Content-Length")));
      for (const http::Header& header : head->headers.all()) {
        must(http::is_token(header.name) && http::is_field_value(header.value));
      }
    }
  }
  const std::string_view rest = text.substr(whole.end);
  const Body at_once = read_chunks(rest, rest.size() + 1);
  const Body in_bits = read_chunks(rest, 1);
  must(at_once.status != 200 || (in_bits.status == 200 && in_bits.bytes == at_once.bytes));
  return 0;
}
