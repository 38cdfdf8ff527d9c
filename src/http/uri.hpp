// SPDX-License-Identifier: Apache-2.0
// Paths and queries of request targets (RFC 3986). Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace microtome::http {

enum class Plus { literal, space };  // what "+" means in a query component

// Undoes percent-encoding once. Code::bad_request for a "%" without two hexadecimal digits and for "%00".
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, Plus plus = Plus::literal);

// For names that old clients send half encoded: decodes what is valid and keeps every other "%" as it is.
// Still Code::bad_request for "%00" and NUL.
[[nodiscard]] Result<std::string> percent_decode_lenient(std::string_view text, Plus plus = Plus::literal);

// Encodes everything but unreserved characters (letters, digits, "-._~") and those in `keep`.
[[nodiscard]] std::string percent_encode(std::string_view text, std::string_view keep = "");
// For a whole path: "/" and the characters that a path segment may hold stay.
[[nodiscard]] std::string encode_path(std::string_view decoded);

// The part before and after the first "?"; "#..." is cut off (it never belongs into a request).
struct Target {
  std::string_view path;
  std::string_view query;
  bool has_query = false;
};
[[nodiscard]] Target split_target(std::string_view target);

// Checks a percent-encoded absolute path and takes out dot segments ("." and "..", also spelled "%2e").
// "%2F", doubled slashes and the case of letters stay as they came. Code::bad_request when it does not begin with
// "/", for bad percent-encoding, control bytes, NUL, and when ".." climbs above "/" (with "%2F" counted as a slash).
[[nodiscard]] Result<std::string> normalise_path(std::string_view path);

// Segments between slashes, still encoded, without the empty one before the first slash:
// "/a/b%2Fc/" gives {"a", "b%2Fc", ""}.
[[nodiscard]] std::vector<std::string_view> split_path(std::string_view path);

// If `path` is `mount` or lies below it, what remains (always beginning with "/"); else the path unchanged.
[[nodiscard]] std::string_view strip_mount(std::string_view path, std::string_view mount);

// One "name=value" of a query, still encoded.
struct QueryItem {
  std::string_view name;
  std::string_view value;
  bool has_value = false;  // there was a "="
};
// Cuts at "&" (and nothing else: IIP values hold ";"). Empty pieces are left out; order and repeats are kept.
[[nodiscard]] std::vector<QueryItem> split_query(std::string_view query);

}  // namespace microtome::http
