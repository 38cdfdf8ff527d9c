// SPDX-License-Identifier: Apache-2.0
#include "host/settings.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "host/directives.hpp"
#include "host/settings_parts.hpp"

namespace microtome::host {
namespace {

using S = RequestSettings;
// Puts one setting into the effective ones.
using Apply = std::function<void(S&, const Setting&, const Part&, int block)>;
using Appliers = std::unordered_map<std::string_view, Apply>;

Apply text(std::string S::* member) {
  return [member](S& s, const Setting& setting, const Part&, int) { s.*member = setting.value.text(); };
}
Apply flag(bool S::* member) {
  return [member](S& s, const Setting& setting, const Part&, int) {
    s.*member = as_boolean(setting.value).value_or(s.*member);
  };
}
Apply number(int S::* member) {
  return [member](S& s, const Setting& setting, const Part&, int) {
    s.*member = static_cast<int>(as_number(setting.value).value_or(s.*member));
  };
}
Apply seconds(std::chrono::seconds S::* member) {
  return [member](S& s, const Setting& setting, const Part&, int) {
    s.*member = std::chrono::seconds(as_number(setting.value).value_or((s.*member).count()));
  };
}
Apply part_of_deflate(TextsPtr DeflateSettings::* member) {
  return [member](S& s, const Setting&, const Part& each, int) { s.deflate.*member = each.texts; };
}
template <class T>
Apply deflate_number(T DeflateSettings::* member, T unit) {
  return [member, unit](S& s, const Setting& setting, const Part&, int) {
    s.deflate.*member = static_cast<T>(as_number(setting.value).value_or(0)) * unit;
  };
}
template <class T>
Apply part(T S::* member, T Part::* from) {
  return [member, from](S& s, const Setting&, const Part& each, int) { s.*member = each.*from; };
}
Apply rules(Rules S::* member) {
  return [member](S& s, const Setting&, const Part& each, int block) { s.*member = {each.rules, block}; };
}

// "enable" stands for the usual name, "disable" for none, anything else is a name.
Apply file_name(std::string S::* member, const char* usual) {
  return [member, usual](S& s, const Setting& setting, const Part&, int) {
    const auto on = as_boolean(setting.value);
    s.*member = !on ? setting.value.text() : *on ? usual : "";
  };
}

// lighttpd's 0, 1 and 2 of server.stream-*-body.
Apply keep(Keep S::* member) {
  return [member](S& s, const Setting& setting, const Part&, int) {
    const auto number = as_number(setting.value).value_or(0);
    s.*member = number == 0 ? Keep::whole : number == 1 ? Keep::ahead : Keep::little;
  };
}

void add_listing(Appliers& table) {
  table["dir-listing.activate"] = flag(&S::listing);
  table["server.dir-listing"] = flag(&S::listing);
  table["dir-listing.hide-dotfiles"] = flag(&S::listing_hide_dotfiles);
  table["dir-listing.exclude"] = part(&S::listing_exclude, &Part::texts);
  table["dir-listing.encoding"] = text(&S::listing_encoding);
  table["dir-listing.external-css"] = text(&S::listing_css);
  table["dir-listing.set-footer"] = text(&S::listing_footer);
  table["dir-listing.show-header"] = file_name(&S::listing_header, "HEADER.txt");
  table["dir-listing.show-readme"] = file_name(&S::listing_readme, "README.txt");
  table["dir-listing.encode-header"] = flag(&S::listing_encode_header);
  table["dir-listing.encode-readme"] = flag(&S::listing_encode_readme);
  table["dir-listing.hide-header-file"] = flag(&S::listing_hide_header);
  table["dir-listing.hide-readme-file"] = flag(&S::listing_hide_readme);
}

// server.http-parseopts = ( "url-path-2f-reject" => "enable" )
void apply_parse_options(S& s, const Setting&, const Part& part, int) {
  for (const auto& [key, value] : part.pairs ? *part.pairs : Pairs{}) {
    bool* option = key == "url-path-2f-reject"        ? &s.parse_options.refuse_escaped_slash
                   : key == "url-path-dotseg-reject"  ? &s.parse_options.refuse_dot_segments
                   : key == "url-invalid-utf8-reject" ? &s.parse_options.refuse_broken_utf8
                   : key == "url-query-20-plus"       ? &s.parse_options.plus_for_blank
                                                      : nullptr;
    if (option != nullptr) {
      *option = as_boolean(Value({}, value)).value_or(*option);
    }
  }
}

void add_files(Appliers& table) {
  table["server.http-parseopts"] = apply_parse_options;
  table["server.document-root"] = text(&S::document_root);
  table["server.name"] = text(&S::server_name);
  table["server.tag"] = [](S& s, const Setting& setting, const Part&, int) { s.tag = setting.value.text(); };
  table["server.errorlog"] = text(&S::error_log);
  table["server.errorfile-prefix"] = text(&S::errorfile_prefix);
  table["server.error-handler"] = text(&S::error_handler);
  table["server.error-handler-404"] = text(&S::error_handler_404);
  table["server.error-intercept"] = flag(&S::error_intercept);
  table["mimetype.use-xattr"] = flag(&S::type_from_attribute);
  table["mimetype.xattr-name"] = text(&S::type_attribute);
  table["mimetype.assign"] = part(&S::mime_types, &Part::mime);
  for (const char* name : {"index-file.names", "server.indexfiles"}) {
    table[name] = part(&S::index_files, &Part::texts);
  }
  table["static-file.exclude-extensions"] = part(&S::exclude_extensions, &Part::texts);
  table["url.access-deny"] = part(&S::deny_ends, &Part::texts);
  table["url.access-allow"] = part(&S::allow_ends, &Part::texts);
  table["alias.url"] = part(&S::aliases, &Part::pairs);
  table["server.range-requests"] = flag(&S::range_requests);
  table["server.follow-symlink"] = flag(&S::follow_symlinks);
  table["server.force-lowercase-filenames"] = flag(&S::lower_case_files);
  table["static-file.etags"] = flag(&S::etags);
  table["etag.use-inode"] = flag(&S::etag_inode);
  table["etag.use-mtime"] = flag(&S::etag_mtime);
  table["etag.use-size"] = flag(&S::etag_size);
  table["static-file.disable-pathinfo"] = [](S& s, const Setting& setting, const Part&, int) {
    s.path_info = !as_boolean(setting.value).value_or(false);
  };
  table["simple-vhost.server-root"] = text(&S::simple_vhost_root);
  table["simple-vhost.default-host"] = text(&S::simple_vhost_default);
  table["simple-vhost.document-root"] = text(&S::simple_vhost_docroot);
  table["evhost.path-pattern"] = text(&S::evhost_pattern);
}

void add_rules(Appliers& table) {
  for (const char* name : {"url.rewrite", "url.rewrite-once", "url.rewrite-final"}) {
    table[name] = rules(&S::rewrite_once);
  }
  table["url.rewrite-repeat"] = rules(&S::rewrite_repeat);
  table["url.rewrite-if-not-file"] = rules(&S::rewrite_if_not_file);
  table["url.rewrite-repeat-if-not-file"] = rules(&S::rewrite_repeat_if_not_file);
  table["url.redirect"] = rules(&S::redirect);
  table["url.redirect-code"] = number(&S::redirect_code);
  table["setenv.add-request-header"] = part(&S::add_request_header, &Part::pairs);
  table["setenv.set-request-header"] = part(&S::set_request_header, &Part::pairs);
  table["setenv.add-response-header"] = part(&S::add_response_header, &Part::pairs);
  table["setenv.set-response-header"] = part(&S::set_response_header, &Part::pairs);
  table["setenv.add-environment"] = part(&S::add_environment, &Part::pairs);
  table["setenv.set-environment"] = part(&S::set_environment, &Part::pairs);
  table["expire.url"] = part(&S::expire_urls, &Part::expiries);
  table["expire.mimetypes"] = part(&S::expire_types, &Part::expiries);
  table["auth.backend"] = text(&S::auth_backend);
  table["auth.backend.htpasswd.userfile"] = text(&S::htpasswd_file);
  table["auth.backend.plain.userfile"] = text(&S::plain_file);
  table["auth.backend.htdigest.userfile"] = text(&S::htdigest_file);
  table["auth.backend.plain.groupfile"] = text(&S::group_file);
  table["auth.require"] = part(&S::auth_rules, &Part::auth_rules);
}

void add_server(Appliers& table) {
  table["accesslog.filename"] = text(&S::access_log);
  table["accesslog.format"] = text(&S::access_format);
  table["accesslog.use-syslog"] = flag(&S::access_syslog);
  table["accesslog.syslog-level"] = number(&S::access_syslog_level);
  table["extforward.params"] = part(&S::forward_params, &Part::pairs);
  table["extforward.hap-PROXY"] = flag(&S::proxy_header);
  table["extforward.forwarder"] = part(&S::forwarders, &Part::pairs);
  table["extforward.headers"] = part(&S::forward_headers, &Part::texts);
  table["mount.path"] = text(&S::mount);
  table["mount.headers"] = part(&S::mount_headers, &Part::texts);
  table["status.status-url"] = text(&S::status_url);
  table["status.statistics-url"] = text(&S::statistics_url);
  table["status.config-url"] = text(&S::config_url);
  table["fastcgi.server"] = part(&S::fastcgi, &Part::routes);
  table["proxy.server"] = part(&S::proxy, &Part::routes);
  table["fastcgi.balance"] = text(&S::fastcgi_balance);
  table["proxy.balance"] = text(&S::proxy_balance);
  table["fastcgi.map-extensions"] = part(&S::map_extensions, &Part::pairs);
  table["fastcgi.debug"] = number(&S::gateway_debug);
  table["server.max-request-size"] = [](S& s, const Setting& setting, const Part&, int) {
    s.max_body = static_cast<std::uint64_t>(as_number(setting.value).value_or(0)) * 1024;
  };
  table["connection.kbytes-per-second"] = [](S& s, const Setting& setting, const Part&, int) {
    s.bytes_per_second = static_cast<std::uint64_t>(as_number(setting.value).value_or(0)) * 1024;
  };
  table["server.kbytes-per-second"] = part(&S::shared_rate, &Part::rate);
  table["server.max-keep-alive-requests"] = number(&S::max_keep_alive_requests);
  table["server.max-keep-alive-idle"] = seconds(&S::keep_alive_idle);
  table["server.max-read-idle"] = seconds(&S::read_idle);
  table["server.max-write-idle"] = seconds(&S::write_idle);
  table["server.stream-request-body"] = keep(&S::request_keep);
  table["server.stream-response-body"] = keep(&S::response_keep);
  table["proxy.tunnel-idle"] = seconds(&S::tunnel_idle);
  table["debug.log-request-handling"] = flag(&S::log_handling);
  table["debug.log-condition-handling"] = flag(&S::log_conditions);
  table["debug.log-file-not-found"] = flag(&S::log_not_found);
  table["debug.log-request-header"] = flag(&S::log_request_header);
}

void add_behind(Appliers& table) {
  table["proxy.header"] = part(&S::proxy_headers, &Part::proxy_headers);
  table["proxy.forwarded"] = part(&S::proxy_forwarded, &Part::pairs);
  table["proxy.replace-http-host"] = flag(&S::proxy_label_host);
  table["proxy.map-extensions"] = part(&S::proxy_map_extensions, &Part::pairs);
  table["proxy.debug"] = number(&S::proxy_debug);
  table["scgi.server"] = part(&S::scgi, &Part::routes);
  table["scgi.balance"] = text(&S::scgi_balance);
  table["scgi.protocol"] = text(&S::scgi_protocol);
  table["scgi.map-extensions"] = part(&S::scgi_map_extensions, &Part::pairs);
}

void add_deflate(Appliers& table) {
  for (const char* name : {"deflate.mimetypes", "compress.filetype"}) {
    table[name] = part_of_deflate(&DeflateSettings::types);
  }
  for (const char* name : {"deflate.allowed-encodings", "compress.allowed-encodings"}) {
    table[name] = part_of_deflate(&DeflateSettings::encodings);
  }
  for (const char* name : {"deflate.cache-dir", "compress.cache-dir"}) {
    table[name] = [](S& s, const Setting& setting, const Part&, int) { s.deflate.cache_dir = setting.value.text(); };
  }
  table["deflate.min-compress-size"] = deflate_number(&DeflateSettings::smallest, std::uint64_t{1});
  for (const char* name : {"deflate.max-compress-size", "compress.max-filesize"}) {
    table[name] = deflate_number(&DeflateSettings::largest, std::uint64_t{1024});
  }
  table["deflate.compression-level"] = [](S& s, const Setting& setting, const Part&, int) {
    s.deflate.level = static_cast<int>(std::min<std::int64_t>(9, as_number(setting.value).value_or(9)));
  };
  table["deflate.max-loadavg"] = [](S& s, const Setting& setting, const Part&, int) {
    s.deflate.max_load = std::strtod(setting.value.text().c_str(), nullptr);
  };
}

void add_users(Appliers& table) {
  table["userdir.active"] = flag(&S::user_directories);
  table["userdir.path"] = [](S& s, const Setting& setting, const Part&, int) {
    s.user_directory = setting.value.text();
    s.user_path_set = true;
  };
  table["userdir.basepath"] = text(&S::user_base);
  table["userdir.letterhomes"] = flag(&S::user_letters);
  table["userdir.exclude-user"] = part(&S::users_excluded, &Part::texts);
  table["userdir.include-user"] = part(&S::users_included, &Part::texts);
}

void add_tls(Appliers& table) {
  table["ssl.engine"] = flag(&S::tls);
  table["ssl.pemfile"] = text(&S::tls_certificate);
  table["ssl.privkey"] = text(&S::tls_key);
  table["ssl.ca-file"] = text(&S::tls_chain);
  table["ssl.stapling-file"] = text(&S::tls_staple);
  table["ssl.cipher-list"] = text(&S::tls_ciphers);
  table["ssl.honor-cipher-order"] = flag(&S::tls_server_order);
  table["ssl.openssl.ssl-conf-cmd"] = part(&S::tls_commands, &Part::pairs);
  table["ssl.verifyclient.activate"] = flag(&S::tls_verify_client);
  table["ssl.verifyclient.enforce"] = flag(&S::tls_enforce_client);
  table["ssl.verifyclient.ca-file"] = text(&S::tls_client_ca);
}

}  // namespace

struct Site::Parts {
  Appliers appliers;
  std::unordered_map<const Setting*, Part> parts;
};

Site::Site(ConfigTree tree, Diagnostics& diagnostics) : tree_(std::move(tree)), conditions_(tree_) {
  auto parts = std::make_shared<Parts>();
  add_files(parts->appliers);
  add_rules(parts->appliers);
  add_server(parts->appliers);
  add_behind(parts->appliers);
  add_listing(parts->appliers);
  add_deflate(parts->appliers);
  add_users(parts->appliers);
  add_tls(parts->appliers);
  for (const Block& block : tree_.blocks) {
    for (const Setting& setting : block.settings) {
      if (parts->appliers.contains(setting.key)) {
        parts->parts.emplace(&setting, read_part(setting, diagnostics));
      }
      knows_proxy_header_ |= setting.key == "extforward.hap-PROXY" && as_boolean(setting.value).value_or(false);
    }
  }
  parts_ = std::move(parts);
}

SettingsPtr Site::settings(const std::vector<int>& active) {
  const std::string key(reinterpret_cast<const char*>(active.data()), active.size() * sizeof active[0]);
  if (const auto found = cache_.find(key); found != cache_.end()) {
    return found->second;
  }
  // Conditions on addresses or headers could make any number of combinations.
  constexpr std::size_t kMaxCached = 4096;
  if (cache_.size() >= kMaxCached) {
    cache_.clear();
  }
  return cache_.emplace(key, merge(active)).first->second;
}

SettingsPtr Site::merge(const std::vector<int>& active) const {
  auto settings = std::make_shared<RequestSettings>();
  for (const int number : active) {
    for (const Setting& setting : tree_.blocks[static_cast<std::size_t>(number)].settings) {
      const auto apply = parts_->appliers.find(setting.key);
      if (apply != parts_->appliers.end()) {
        apply->second(*settings, setting, parts_->parts.at(&setting), number);
      }
    }
  }
  if (settings->document_root.size() > 1 && settings->document_root.ends_with('/')) {
    settings->document_root.pop_back();
  }
  return settings;
}

std::vector<const AppSpec*> Site::app_places() const {
  std::vector<const AppSpec*> all;
  for (const Block& block : tree_.blocks) {  // not over the map: in order of the file
    for (const Setting& setting : block.settings) {
      const auto found = parts_->parts.find(&setting);
      if (found == parts_->parts.end() || !found->second.routes) {
        continue;
      }
      for (const AppRoute& route : *found->second.routes) {
        for (const AppSpec& app : route.apps) {
          all.push_back(&app);
        }
      }
    }
  }
  return all;
}

std::vector<AppSpec> Site::apps() const {
  std::vector<AppSpec> all;
  for (const AppSpec* app : app_places()) {
    if (std::find(all.begin(), all.end(), *app) == all.end()) {
      all.push_back(*app);
    }
  }
  return all;
}

}  // namespace microtome::host
