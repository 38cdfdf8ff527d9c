// SPDX-License-Identifier: Apache-2.0
// The CGI variables of a request (RFC 3875, and what lighttpd adds), as FastCGI name-value pairs. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/app_spec.hpp"
#include "host/settings.hpp"
#include "host/stream.hpp"
#include "http/message.hpp"

namespace microtome::host {

struct CgiRequest {
  std::string_view method;
  std::string_view request_uri;   // as the client sent it
  std::string_view redirect_uri;  // as it became by rewriting; empty: unchanged
  std::string_view path;          // decoded
  std::string_view query;
  std::string_view script_name;
  std::string_view path_info;
  std::string_view script_filename;  // the file, without docroot of the app in it
  std::string_view document_root;
  std::string_view server_name;
  std::string_view server_software;
  std::string_view scheme;
  std::string_view protocol;
  std::string_view remote_address;
  std::string_view remote_user;
  std::string_view auth_type = "Basic";
  const Endpoint* endpoint = nullptr;
  const http::Headers* headers = nullptr;
  std::optional<std::uint64_t> content_length;
  const Pairs* environment = nullptr;  // setenv and authorizers; their names win
  bool authorizer = false;
};

// Encoded pairs, ready for PARAMS records.
[[nodiscard]] std::string cgi_params(const CgiRequest& request, const AppSpec& app);

// SCRIPT_NAME and PATH_INFO for a route whose key is a prefix: the script is what reaches from the start to the first
// "/" behind the key. With fix-root-scriptname and the key "/" the script is empty and PATH_INFO all.
struct ScriptSplit {
  std::string_view script_name;
  std::string_view path_info;
};
[[nodiscard]] ScriptSplit split_script(std::string_view path, std::string_view key, bool fix_root);

}  // namespace microtome::host
