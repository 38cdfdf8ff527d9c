// SPDX-License-Identifier: Apache-2.0
// What a configuration means: for the whole server, and for one request once its conditions are known.
// All structs are immutable after they were made; thread-safe to share. Site is for the loop thread only (it has a
// cache).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/address.hpp"
#include "host/app_spec.hpp"
#include "host/auth_digest.hpp"
#include "host/condition.hpp"
#include "host/config_tree.hpp"
#include "host/deflate.hpp"
#include "host/mime.hpp"
#include "host/proxy_headers.hpp"
#include "host/rate.hpp"
#include "host/rewrite.hpp"
#include "host/spool.hpp"

namespace microtome::host {

using Pairs = std::vector<std::pair<std::string, std::string>>;  // in order of the file
using PairsPtr = std::shared_ptr<const Pairs>;
using Texts = std::vector<std::string>;
using TextsPtr = std::shared_ptr<const Texts>;
using MimePtr = std::shared_ptr<const MimeTable>;
using RoutesPtr = std::shared_ptr<const std::vector<AppRoute>>;

// Rules with the block they stand in, whose captures %1 means.
struct Rules {
  std::shared_ptr<const RewriteRules> list;
  int block = 0;
};

// One line of auth.require.
struct AuthRule {
  std::string path;
  bool basic = true;
  std::string realm;
  std::vector<DigestKind> digests;  // offered where `basic` is false
  bool any_user = true;
  std::vector<std::string> users;
  std::vector<std::string> groups;
};
using AuthRulesPtr = std::shared_ptr<const std::vector<AuthRule>>;

// One line of expire.url or expire.mimetypes.
struct Expiry {
  std::string key;
  bool from_change = false;  // "modification plus ...": counts from the file's time
  std::int64_t seconds = 0;
};
using ExpiriesPtr = std::shared_ptr<const std::vector<Expiry>>;

// What server.http-parseopts can ask for beyond what always holds.
struct ParseOptions {
  bool refuse_escaped_slash = false;  // url-path-2f-reject
  bool refuse_dot_segments = false;   // url-path-dotseg-reject
  bool refuse_broken_utf8 = false;    // url-invalid-utf8-reject
  bool plus_for_blank = false;        // url-query-20-plus
};

// Effective for a request. Null pointers mean: nothing set.
struct RequestSettings {
  std::string document_root;
  std::string server_name;
  std::optional<std::string> tag;
  std::string error_log;
  std::string errorfile_prefix;
  std::string error_handler;
  std::string error_handler_404;
  bool error_intercept = false;

  MimePtr mime_types;
  bool type_from_attribute = false;
  std::string type_attribute = "user.Content-Type";
  TextsPtr index_files;
  TextsPtr exclude_extensions;
  TextsPtr deny_ends;
  TextsPtr allow_ends;
  PairsPtr aliases;
  Rules rewrite_once;
  Rules rewrite_repeat;
  Rules rewrite_if_not_file;
  Rules rewrite_repeat_if_not_file;
  Rules redirect;
  int redirect_code = 301;

  PairsPtr add_request_header;
  PairsPtr set_request_header;
  PairsPtr add_response_header;
  PairsPtr set_response_header;
  PairsPtr add_environment;
  PairsPtr set_environment;

  ExpiriesPtr expire_urls;
  ExpiriesPtr expire_types;

  ParseOptions parse_options;
  bool range_requests = true;
  bool follow_symlinks = true;
  bool lower_case_files = false;
  bool etags = true;
  bool etag_inode = true;
  bool etag_mtime = true;
  bool etag_size = true;
  bool path_info = true;

  bool listing = false;
  bool listing_hide_dotfiles = true;
  TextsPtr listing_exclude;
  std::string listing_encoding = "utf-8";
  std::string listing_css;
  std::string listing_footer;
  std::string listing_header;  // name of a file that is shown above; empty: none
  std::string listing_readme;  // and below
  bool listing_encode_header = true;
  bool listing_encode_readme = true;
  bool listing_hide_header = false;
  bool listing_hide_readme = false;

  std::string access_log;
  std::string access_format;
  bool access_syslog = false;
  int access_syslog_level = 6;

  std::string auth_backend;
  std::string htpasswd_file;
  std::string plain_file;
  std::string htdigest_file;
  std::string group_file;
  AuthRulesPtr auth_rules;

  PairsPtr forwarders;
  TextsPtr forward_headers;
  PairsPtr forward_params;
  bool proxy_header = false;  // connections of trusted proxies begin with one of the PROXY protocol
  std::string mount;          // public path that the front-end strips
  TextsPtr mount_headers;     // of trusted proxies, that tell it

  std::string status_url;
  std::string statistics_url;
  std::string config_url;

  RoutesPtr fastcgi;
  RoutesPtr proxy;
  RoutesPtr scgi;
  std::string fastcgi_balance;
  std::string proxy_balance;
  std::string scgi_balance;
  std::string scgi_protocol;  // "scgi" or "uwsgi"
  PairsPtr map_extensions;
  PairsPtr proxy_map_extensions;
  PairsPtr scgi_map_extensions;
  int gateway_debug = 0;
  int proxy_debug = 0;
  std::shared_ptr<const ProxyHeaders> proxy_headers;
  PairsPtr proxy_forwarded;
  bool proxy_label_host = false;  // Host is the name of the backend's entry

  DeflateSettings deflate;

  std::string simple_vhost_root;
  std::string simple_vhost_default;
  std::string simple_vhost_docroot;
  std::string evhost_pattern;

  bool user_directories = true;
  std::string user_directory;  // below the home of a user; "~user" means nothing where user_path_set is false
  bool user_path_set = false;
  std::string user_base;  // homes lie here: the system's users are not asked
  bool user_letters = false;
  TextsPtr users_excluded;
  TextsPtr users_included;

  bool tls = false;
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_chain;
  std::string tls_ciphers;
  std::string tls_client_ca;
  std::string tls_staple;
  PairsPtr tls_commands;
  bool tls_server_order = true;
  bool tls_verify_client = false;
  bool tls_enforce_client = true;

  std::uint64_t bytes_per_second = 0;  // of a connection, 0: no limit
  std::shared_ptr<Rate> shared_rate;   // of all connections for which the same line holds; for the loop thread
  std::uint64_t max_body = 0;          // bytes, 0: no limit
  int max_keep_alive_requests = 1000;
  std::chrono::seconds keep_alive_idle{5};
  std::chrono::seconds read_idle{60};
  std::chrono::seconds write_idle{360};
  std::chrono::seconds tunnel_idle{3600};
  Keep request_keep = Keep::little;  // of bodies on their way to apps
  Keep response_keep = Keep::little;

  bool log_handling = false;
  bool log_conditions = false;
  bool log_not_found = false;
  bool log_request_header = false;
};
using SettingsPtr = std::shared_ptr<const RequestSettings>;

// One address to listen on.
struct ListenAddress {
  std::string text;  // as $SERVER["socket"] sees it: "127.0.0.1:80", "[::]:80", "/path"
  Place place;
};

struct ServerSettings {
  std::vector<ListenAddress> listen;
  std::string pid_file;
  std::string error_log;
  std::string breakage_log;
  std::string user;
  std::string group;
  std::size_t max_files = 4096;
  std::size_t max_connections = 0;  // 0: half of max_files
  std::size_t max_header = 32 * 1024;
  int backlog = 1024;
  int socket_mode = 0600;
  bool systemd_sockets = false;
  bool core_files = false;
  bool error_syslog = false;
  std::string syslog_facility;
  bool h2 = true;
  bool h2c = true;
};

// Environment variable PORT counts where server.port is not set; `privileged`: the default port is 80, else 8080.
[[nodiscard]] ServerSettings read_server_settings(const ConfigTree& tree, const std::string& port_from_environment,
                                                  bool privileged, Diagnostics& diagnostics);

[[nodiscard]] SpoolPlacePtr read_spool_place(const ConfigTree& tree);

// A configuration ready to serve.
class Site {
 public:
  // Reads everything that conditions may change, and reports what is wrong with it. check_directives() has passed
  // `tree`.
  Site(ConfigTree tree, Diagnostics& diagnostics);

  [[nodiscard]] const ConfigTree& tree() const { return tree_; }
  [[nodiscard]] const ConditionSet& conditions() const { return conditions_; }
  // Whether proxy_header is true anywhere.
  [[nodiscard]] bool knows_proxy_header() const { return knows_proxy_header_; }
  // The settings where these blocks hold. The same pointer for the same blocks.
  [[nodiscard]] SettingsPtr settings(const std::vector<int>& active);
  // Every app named anywhere, each once.
  [[nodiscard]] std::vector<AppSpec> apps() const;
  // The places in routes where apps are named; equal apps may be named at several.
  [[nodiscard]] std::vector<const AppSpec*> app_places() const;

 private:
  struct Parts;
  [[nodiscard]] SettingsPtr merge(const std::vector<int>& active) const;
  ConfigTree tree_;
  ConditionSet conditions_;
  std::shared_ptr<const Parts> parts_;
  bool knows_proxy_header_ = false;
  std::unordered_map<std::string, SettingsPtr> cache_;
};

}  // namespace microtome::host
