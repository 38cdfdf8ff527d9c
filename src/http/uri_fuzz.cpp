// SPDX-License-Identifier: Apache-2.0
// Paths, queries, dates and conditions as a client may spell them. What is accepted keeps its promises.
#include <cstdlib>
#include <string>

#include "http/conditional.hpp"
#include "http/date.hpp"
#include "http/negotiate.hpp"
#include "http/uri.hpp"

using namespace microtome;        // NOLINT
using namespace microtome::http;  // NOLINT

namespace {

void must(bool holds) {
  if (!holds) {
    std::abort();
  }
}

bool has_dot_segment(std::string_view path) {
  for (const std::string_view segment : split_path(path)) {
    const auto decoded = percent_decode(segment);
    if (!decoded || *decoded == "." || *decoded == "..") {
      return true;
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const Target target = split_target(text);
  if (const auto path = normalise_path(target.path)) {
    must(path->starts_with('/') && !has_dot_segment(*path));
    const auto again = normalise_path(*path);
    must(again.has_value() && *again == *path);
    const auto decoded = percent_decode(*path);
    must(decoded.has_value() && decoded->find('\0') == std::string::npos);
    must(percent_decode(encode_path(*decoded)) == *decoded);
  }
  std::size_t total = 0;
  for (const QueryItem& item : split_query(target.query)) {
    total += item.name.size() + item.value.size();
    (void)percent_decode_lenient(item.value, Plus::space);
  }
  must(total <= target.query.size());
  if (const auto seconds = parse_date(text)) {
    must(parse_date(format_date(*seconds)) == *seconds);
  }
  Request request;
  const std::string value(text);
  for (const char* name : {"If-None-Match", "If-Match", "If-Modified-Since", "Accept", "Accept-Encoding"}) {
    request.headers.add(name, value);
  }
  (void)evaluate(request, "\"etag\"", 784111777);
  const int weight = encoding_weight(request.headers, "br");
  must(weight >= 0 && weight <= 1000);
  must(media_weight(request.headers, "image/webp") <= 1000);
  return 0;
}
