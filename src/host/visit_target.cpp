// SPDX-License-Identifier: Apache-2.0
// What server.http-parseopts refuses or changes in a request's target, beyond what is always refused.
#include <string>

#include "host/target_form.hpp"
#include "host/visit.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::host {
namespace {

bool has_escaped_slash(std::string_view path) {
  return path.find("%2F") != std::string_view::npos || path.find("%2f") != std::string_view::npos;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t more = byte < 0x80                    ? 0
                             : byte >= 0xc2 && byte <= 0xdf ? 1
                             : (byte & 0xf0) == 0xe0        ? 2
                             : byte >= 0xf0 && byte <= 0xf4 ? 3
                                                            : 4;
    if (more == 4 || i + more >= text.size()) {
      return false;
    }
    const auto second = more > 0 ? static_cast<unsigned char>(text[i + 1]) : 0x80;
    // No spellings that are too long, no surrogates, nothing above U+10FFFF.
    if ((byte == 0xe0 && second < 0xa0) || (byte == 0xed && second > 0x9f) || (byte == 0xf0 && second < 0x90) ||
        (byte == 0xf4 && second > 0x8f)) {
      return false;
    }
    for (std::size_t j = 1; j <= more; ++j) {
      if ((static_cast<unsigned char>(text[i + j]) & 0xc0) != 0x80) {
        return false;
      }
    }
    i += more + 1;
  }
  return true;
}

}  // namespace

// False: the target is refused.
bool Visit::check_target() {
  const ParseOptions& options = settings_->parse_options;
  const std::string& target = stream_->head().target;
  const std::string_view path = std::string_view(target).substr(0, target.find('?'));
  if ((options.refuse_escaped_slash && has_escaped_slash(path)) ||
      (options.refuse_dot_segments && has_dot_segment(path)) || (options.refuse_broken_utf8 && !is_utf8(url_))) {
    return false;
  }
  if (options.plus_for_blank) {
    for (std::size_t at = 0; (at = request_.query.find("%20", at)) != std::string::npos;) {
      request_.query[at] = '+';
      request_.query.erase(at + 1, 2);
    }
  }
  return true;
}

}  // namespace microtome::host
