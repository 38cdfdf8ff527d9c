// SPDX-License-Identifier: Apache-2.0
#include "host/cgi_params.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "http/text.hpp"
#include "net/fcgi_records.hpp"

namespace microtome::host {
namespace {

using http::equal_no_case;

std::string variable_name(std::string_view header) {
  std::string name = "HTTP_";
  name.reserve(header.size() + 5);
  for (const char c : header) {
    name += http::is_alpha(c) || http::is_digit(c) ? http::to_upper(c) : '_';
  }
  return name;
}

// Names that are variables of their own, or must not become any: Proxy would set HTTP_PROXY, which programs take for
// their way to the world.
bool is_left_out(std::string_view name) {
  return equal_no_case(name, "Proxy") || equal_no_case(name, "Content-Length") ||
         equal_no_case(name, "Content-Type") || equal_no_case(name, "Transfer-Encoding");
}

// Programs cannot tell X_Forwarded_For (or X.Forwarded.For) from X-Forwarded-For.
bool is_ambiguous(std::string_view name) {
  return std::ranges::any_of(name, [](char c) { return !http::is_alpha(c) && !http::is_digit(c) && c != '-'; });
}

// Variables that programs trust, or read as part of the protocol: nobody may make them with an odd spelling.
bool is_well_known(std::string_view variable) {
  static constexpr std::string_view kNames[] = {"ACCEPT",
                                                "ACCEPT_ENCODING",
                                                "ACCEPT_LANGUAGE",
                                                "AUTHORIZATION",
                                                "CACHE_CONTROL",
                                                "CONNECTION",
                                                "CONTENT_ENCODING",
                                                "CONTENT_LENGTH",
                                                "CONTENT_LOCATION",
                                                "CONTENT_RANGE",
                                                "CONTENT_TYPE",
                                                "IF_MATCH",
                                                "IF_MODIFIED_SINCE",
                                                "IF_NONE_MATCH",
                                                "IF_RANGE",
                                                "IF_UNMODIFIED_SINCE",
                                                "TRANSFER_ENCODING",
                                                "UPGRADE_INSECURE_REQUESTS",
                                                "USER_AGENT",
                                                "X_FORWARDED_FOR",
                                                "X_FORWARDED_HOST",
                                                "X_FORWARDED_PREFIX",
                                                "X_FORWARDED_PROTO",
                                                "X_REAL_IP"};
  return std::ranges::find(kNames, variable.substr(std::string_view("HTTP_").size())) != std::end(kNames);
}

class Writer {
 public:
  Writer(const CgiRequest& request, const AppSpec& app) : request_(request), app_(app) { out_.reserve(1024); }

  std::string run() {
    body();
    names();
    server();
    headers();
    if (request_.environment != nullptr) {
      for (const auto& [name, value] : *request_.environment) {
        net::fcgi::append_pair(out_, name, value);
      }
    }
    return std::move(out_);
  }

 private:
  void add(std::string_view name, std::string_view value) {
    if (request_.environment != nullptr && std::any_of(request_.environment->begin(), request_.environment->end(),
                                                       [&](const auto& each) { return each.first == name; })) {
      return;
    }
    net::fcgi::append_pair(out_, name, value);
  }

  void body() {
    if (request_.authorizer) {
      return;
    }
    if (request_.content_length) {
      add("CONTENT_LENGTH", std::to_string(*request_.content_length));
    }
    if (const auto type = request_.headers->get("Content-Type"); !type.empty()) {
      add("CONTENT_TYPE", type);
    }
  }

  void names() {
    std::string root(app_.docroot.empty() ? request_.document_root : app_.docroot);
    const std::string bare = root.ends_with('/') ? root.substr(0, root.size() - 1) : root;
    add("QUERY_STRING", request_.query);
    add("REQUEST_URI", request_uri());
    if (!request_.redirect_uri.empty()) {
      add("REDIRECT_URI", request_.redirect_uri);
    }
    add("REDIRECT_STATUS", "200");
    if (!request_.authorizer) {
      add("SCRIPT_NAME", request_.script_name);
      if (!request_.path_info.empty()) {
        add("PATH_INFO", request_.path_info);
        add("PATH_TRANSLATED", bare + std::string(request_.path_info));
      }
    }
    std::string file(request_.script_filename);
    if (!app_.docroot.empty() && file.starts_with(request_.document_root)) {
      file = bare + file.substr(request_.document_root.size());
    }
    if (app_.broken_script_filename) {
      file += request_.path_info;
    }
    add("SCRIPT_FILENAME", file);
    add("DOCUMENT_ROOT", root);
  }

  [[nodiscard]] std::string_view request_uri() const {
    const std::string_view strip = app_.strip_request_uri;
    std::string_view uri = request_.request_uri;
    if (!strip.empty() && uri.starts_with(strip)) {
      uri.remove_prefix(strip.size() - (strip.ends_with('/') ? 1 : 0));
    }
    return uri;
  }

  void server() {
    const Endpoint& endpoint = *request_.endpoint;
    add("REQUEST_METHOD", request_.method);
    add("SERVER_PROTOCOL", request_.protocol);
    add("SERVER_SOFTWARE", request_.server_software);
    add("GATEWAY_INTERFACE", "CGI/1.1");
    add("REQUEST_SCHEME", request_.scheme);
    if (request_.scheme == "https") {
      add("HTTPS", "on");
    }
    add("SERVER_PORT", std::to_string(endpoint.local_port));
    add("SERVER_ADDR", endpoint.local_address);
    add("SERVER_NAME", request_.server_name);
    add("REMOTE_ADDR", request_.remote_address);
    add("REMOTE_PORT", std::to_string(endpoint.remote_port));
    if (!request_.remote_user.empty()) {
      add("REMOTE_USER", request_.remote_user);
      add("AUTH_TYPE", request_.auth_type);
    }
  }

  void headers() {
    std::vector<std::pair<std::string, std::string>> variables;
    // Odd spellings come second, and only where nobody was.
    for (const bool odd : {false, true}) {
      const std::size_t proper = variables.size();
      for (const http::Header& header : request_.headers->all()) {
        if (header.value.empty() || is_left_out(header.name) || is_ambiguous(header.name) != odd) {
          continue;
        }
        std::string name = variable_name(header.name);
        if (odd && is_well_known(name)) {
          continue;
        }
        const auto same =
            std::find_if(variables.begin(), variables.end(), [&](const auto& each) { return each.first == name; });
        if (same == variables.end()) {
          variables.emplace_back(std::move(name), header.value);
        } else if (!odd || same >= variables.begin() + static_cast<std::ptrdiff_t>(proper)) {
          same->second += (name == "HTTP_COOKIE" ? "; " : ", ") + header.value;
        }
      }
    }
    for (const auto& [name, value] : variables) {
      add(name, value);
    }
  }

  const CgiRequest& request_;
  const AppSpec& app_;
  std::string out_;
};

}  // namespace

std::string cgi_params(const CgiRequest& request, const AppSpec& app) {
  return Writer(request, app).run();
}

ScriptSplit split_script(std::string_view path, std::string_view key, bool fix_root) {
  if (fix_root && key == "/") {
    return {"", path};
  }
  const std::size_t slash = path.size() > key.size() ? path.find('/', key.size()) : std::string_view::npos;
  if (slash == std::string_view::npos) {
    return {path, ""};
  }
  return {path.substr(0, slash), path.substr(slash)};
}

}  // namespace microtome::host
