// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "host/directives.hpp"
#include "host/settings.hpp"
#include "host/system_log.hpp"

namespace microtome::host {
namespace {

class Reader {
 public:
  Reader(const ConfigTree& tree, Diagnostics& diagnostics) : tree_(tree), diagnostics_(diagnostics) {}

  ServerSettings run(const std::string& port, bool privileged) {
    text("server.pid-file", out_.pid_file);
    text("server.errorlog", out_.error_log);
    text("server.breakagelog", out_.breakage_log);
    text("server.username", out_.user);
    text("server.groupname", out_.group);
    number("server.max-fds", out_.max_files);
    number("server.max-connections", out_.max_connections);
    number("server.max-request-field-size", out_.max_header);
    number("server.listen-backlog", out_.backlog);
    flag("server.systemd-socket-activation", out_.systemd_sockets);
    flag("server.core-files", out_.core_files);
    flag("server.errorlog-use-syslog", out_.error_syslog);
    facility();
    flag("server.h2proto", out_.h2);
    flag("server.h2c", out_.h2c);
    features();
    socket_mode();
    sockets(port, privileged);
    return std::move(out_);
  }

 private:
  void socket_mode() {
    const Setting* setting = tree_.global("server.socket-perms");
    if (setting == nullptr) {
      return;
    }
    char* end = nullptr;
    const long mode = std::strtol(setting->value.text().c_str(), &end, 8);
    if (*end != '\0' || end == setting->value.text().c_str() || mode <= 0 || mode > 0777) {
      diagnostics_.error(setting->value.place, "\"server.socket-perms\" is a mode in octal, like \"0600\"");
      return;
    }
    out_.socket_mode = static_cast<int>(mode);
  }

  void facility() {
    text("server.syslog-facility", out_.syslog_facility);
    if (!out_.syslog_facility.empty() && !syslog_facility(out_.syslog_facility)) {
      diagnostics_.error(tree_.global("server.syslog-facility")->value.place,
                         "\"server.syslog-facility\" is a facility of syslog, like \"daemon\" or \"local0\"");
    }
  }

  // server.feature-flags = ( "server.h2proto" => "disable" )
  void features() {
    const Setting* setting = tree_.global("server.feature-flags");
    if (setting == nullptr || !setting->value.is_list()) {
      return;
    }
    for (const Entry& entry : setting->value.list()) {
      if (entry.key == "server.h2proto") {
        out_.h2 = as_boolean(entry.value).value_or(out_.h2);
      } else if (entry.key == "server.h2c") {
        out_.h2c = as_boolean(entry.value).value_or(out_.h2c);
      }
    }
  }

  void sockets(const std::string& port_text, bool privileged) {
    std::string address = "127.0.0.1";
    Place place;
    bool ipv6 = false;
    flag("server.use-ipv6", ipv6);
    if (ipv6) {
      address = "[::]";
    }
    if (const Setting* bind = tree_.global("server.bind")) {
      address = bind->value.text();
      place = bind->value.place;
    }
    long port = privileged ? 80 : 8080;
    if (const Setting* setting = tree_.global("server.port")) {
      port = static_cast<long>(as_number(setting->value).value_or(0));
      place = setting->value.place;
      if (port > 65535) {
        diagnostics_.error(place, "a port is a number from 1 to 65535");
      }
    } else if (!port_text.empty()) {
      port = std::strtol(port_text.c_str(), nullptr, 10);
    }
    if (port > 0 || address.starts_with('/')) {
      add(address, port, place);
    }
    for (const Block& block : tree_.blocks) {
      const auto& condition = block.condition;
      if (condition && condition->field == Field::socket && condition->compare == Compare::equal) {
        add_socket(condition->text, port, condition->text_place);
      }
    }
  }

  // "127.0.0.1:80", "[::]:80", ":80", "/path", "127.0.0.1".
  void add_socket(const std::string& text, long port, Place place) {
    if (text.starts_with('/')) {
      return add(text, 0, place);
    }
    const std::size_t colon = text.rfind(':');
    const std::size_t bracket = text.rfind(']');
    const bool has_port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
    if (has_port) {
      port = std::strtol(text.c_str() + colon + 1, nullptr, 10);
    }
    std::string address = has_port ? text.substr(0, colon) : text;
    add(address.empty() ? "0.0.0.0" : address, port, place);
  }

  void add(std::string address, long port, Place place) {
    if (address.starts_with('/')) {
      return unique({std::move(address), place});
    }
    if (address == "*") {
      address = "0.0.0.0";
    }
    if (address == "localhost") {
      address = "127.0.0.1";
    }
    if (address.find(':') != std::string::npos && !address.starts_with('[')) {
      address = '[' + address + ']';
    }
    if (!parse_address(address)) {
      diagnostics_.error(place, "\"" + address + "\" is no address to listen on (127.0.0.1, [::], /path)");
      return;
    }
    if (port < 1 || port > 65535) {
      diagnostics_.error(place, "a port is a number from 1 to 65535");
      return;
    }
    unique({address + ':' + std::to_string(port), place});
  }

  void unique(ListenAddress address) {
    for (const ListenAddress& other : out_.listen) {
      if (other.text == address.text) {
        return;
      }
    }
    out_.listen.push_back(std::move(address));
  }

  void text(std::string_view key, std::string& out) {
    if (const Setting* setting = tree_.global(key)) {
      out = setting->value.text();
    }
  }
  template <class T>
  void number(std::string_view key, T& out) {
    if (const Setting* setting = tree_.global(key)) {
      out = static_cast<T>(as_number(setting->value).value_or(static_cast<std::int64_t>(out)));
    }
  }
  void flag(std::string_view key, bool& out) {
    if (const Setting* setting = tree_.global(key)) {
      out = as_boolean(setting->value).value_or(out);
    }
  }

  const ConfigTree& tree_;
  Diagnostics& diagnostics_;
  ServerSettings out_;
};

}  // namespace

SpoolPlacePtr read_spool_place(const ConfigTree& tree) {
  SpoolPlace place;
  const Setting* directories = tree.global("server.upload-dirs");
  if (directories != nullptr && directories->value.is_list() && !directories->value.list().empty()) {
    place.directories.clear();
    for (const Entry& entry : directories->value.list()) {
      place.directories.push_back(entry.value.text());
    }
  }
  if (const Setting* size = tree.global("server.upload-temp-file-size")) {
    place.file_size = static_cast<std::uint64_t>(as_number(size->value).value_or(1 << 20));
  }
  return std::make_shared<const SpoolPlace>(std::move(place));
}

ServerSettings read_server_settings(const ConfigTree& tree, const std::string& port_from_environment, bool privileged,
                                    Diagnostics& diagnostics) {
  return Reader(tree, diagnostics).run(port_from_environment, privileged);
}

}  // namespace microtome::host
