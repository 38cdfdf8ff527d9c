// SPDX-License-Identifier: Apache-2.0
// From the parameters of a FastCGI (CGI/1.1) request to our request. Pure; thread-safe.
//
// The path is SCRIPT_NAME + PATH_INFO, which servers split in four different ways (all in the first, all in the
// second, after the first segment, at the script). These are decoded, so that "%2F" is lost; REQUEST_URI still has it
// and is taken when it means the same path. What is taken off the front is the configured mount or, failing that,
// everything up to a segment that ends in ".fcgi".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "http/message.hpp"
#include "net/address_set.hpp"

namespace microtome::net {

struct CgiRequest {
  http::Request request;
  std::optional<std::uint64_t> content_length;  // unset: until the end of STDIN
  int repeated = 0;                             // parameters given more than once; the last counts
};

// `params` is the whole PARAMS stream. Code::bad_request for what is malformed, Code::too_large for too many pairs.
[[nodiscard]] Result<CgiRequest> read_cgi_request(ByteView params, std::string_view mount, const AddressSet& trusted);

}  // namespace microtome::net
