// SPDX-License-Identifier: Apache-2.0
#include "host/directives.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/regex.hpp"

namespace microtome::host {

std::optional<bool> as_boolean(const Value& value) {
  if (value.is_number()) {
    return value.number() != 0;
  }
  if (!value.is_text()) {
    return std::nullopt;
  }
  std::string word = value.text();
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  if (word == "enable" || word == "true" || word == "1") {
    return true;
  }
  if (word == "disable" || word == "false" || word == "0") {
    return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> as_number(const Value& value) {
  if (value.is_number()) {
    return value.number();
  }
  if (!value.is_text()) {
    return std::nullopt;
  }
  std::string_view digits = value.text();
  while (digits.starts_with(' ')) {
    digits.remove_prefix(1);
  }
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = fault == std::errc{} && end == digits.data() + digits.size();
  return whole && number >= 0 && number <= INT32_MAX ? std::optional(number) : std::nullopt;
}

namespace {

constexpr std::string_view kModules[] = {
    "mod_access",     "mod_accesslog",    "mod_alias",      "mod_auth",       "mod_authn_file", "mod_deflate",
    "mod_dirlisting", "mod_evhost",       "mod_expire",     "mod_extforward", "mod_fastcgi",    "mod_h2",
    "mod_indexfile",  "mod_openssl",      "mod_proxy",      "mod_redirect",   "mod_rewrite",    "mod_scgi",
    "mod_setenv",     "mod_simple_vhost", "mod_staticfile", "mod_status",     "mod_userdir",    "mod_usertrack",
    "mod_compress",   "mod_gnutls",       "mod_mbedtls",    "mod_nss",        "mod_wolfssl",    "mod_rrdtool",
};
constexpr std::string_view kForeignModules[] = {
    "mod_ajp13",       "mod_authn_dbi",    "mod_authn_gssapi",  "mod_authn_ldap",     "mod_authn_pam",
    "mod_authn_sasl",  "mod_cgi",          "mod_cml",           "mod_flv_streaming",  "mod_geoip",
    "mod_magnet",      "mod_maxminddb",    "mod_mysql_vhost",   "mod_secdownload",    "mod_secure_download",
    "mod_sockproxy",   "mod_ssi",          "mod_trigger_b4_dl", "mod_uploadprogress", "mod_vhostdb",
    "mod_vhostdb_dbi", "mod_vhostdb_ldap", "mod_webdav",        "mod_wstunnel",
};

template <std::size_t N>
bool contains(const std::string_view (&list)[N], std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

std::string wanted(Kind kind, std::string_view name) {
  const std::string left = '\'' + std::string(name) + "' needs ";
  const std::string example = ": " + std::string(name) + " = ";
  switch (kind) {
    case Kind::text:
      return left + "a string" + example + "\"...\"";
    case Kind::number:
      return left + "a whole number from 0 to 2147483647";
    case Kind::boolean:
      return left + "\"enable\" or \"disable\"";
    case Kind::texts:
      return left + "a list of strings" + example + "( \"...\", \"...\" )";
    case Kind::key_text:
    case Kind::patterns:
      return left + "a list of keys and strings" + example + "( \"...\" => \"...\" )";
    case Kind::key_any:
    case Kind::key_mixed:
      return left + "a list of keys and values" + example + "( \"...\" => \"...\" )";
    case Kind::key_list:
      return left + "a list of keys and lists" + example + "( \"...\" => ( ... ) )";
    case Kind::backends:
      return left + "backends in double brackets" + example + "( \"/path\" => (( \"host\" => ... )) )";
    case Kind::any:
      break;
  }
  return left + "another value";
}

class Checker {
 public:
  Checker(const ConfigTree& tree, Diagnostics& diagnostics) : tree_(tree), diagnostics_(diagnostics) {}

  void run() {
    for (std::size_t i = 0; i < tree_.blocks.size(); ++i) {
      const bool conditional = i > 0 && !in_socket(static_cast<int>(i));
      for (const Setting& setting : tree_.blocks[i].settings) {
        if (!setting.key.starts_with("var.")) {
          check(setting, conditional);
        }
      }
    }
  }

 private:
  // Inside of $SERVER["socket"] options of sockets may stand.
  [[nodiscard]] bool in_socket(int block) const {
    for (; block > 0; block = tree_.blocks[static_cast<std::size_t>(block)].parent) {
      const auto& condition = tree_.blocks[static_cast<std::size_t>(block)].condition;
      if (condition && condition->field == Field::socket) {
        return true;
      }
    }
    return false;
  }

  void check(const Setting& setting, bool conditional) {
    const Directive* row = find_directive(directives(), setting.key);
    if (row == nullptr) {
      return unknown(setting.key, setting.place, directives());
    }
    if (conditional && row->scope == Scope::server) {
      diagnostics_.warning(setting.place,
                           '\'' + setting.key + "' counts for the whole server: it has no effect inside a condition");
    }
    check_row(*row, setting.value, setting.place);
    if (setting.key == "server.modules" && setting.value.is_list()) {
      modules(setting.value.list());
    }
    if (setting.key == "auth.backend" && setting.value.is_text() && setting.value.text() != "htpasswd" &&
        setting.value.text() != "plain" && setting.value.text() != "htdigest" && !setting.value.text().empty()) {
      diagnostics_.error(setting.value.place,
                         "authentication by \"" + setting.value.text() +
                             "\" is not supported; \"htpasswd\", \"htdigest\" and \"plain\" are");
    }
  }

  void unknown(std::string_view name, Place place, std::span<const Directive> table) {
    std::vector<std::string_view> known;
    for (const Directive& row : table) {
      known.push_back(row.name);
    }
    std::string message = "unknown setting '" + std::string(name) + "' is ignored";
    if (const auto near = nearest_word(name, known); !near.empty()) {
      message += "; is '" + std::string(near) + "' meant?";
    }
    diagnostics_.warning(place, std::move(message));
  }

  void check_row(const Directive& row, const Value& value, Place place) {
    if (row.effect == Effect::refused) {
      if (!switched_off(row, value)) {
        diagnostics_.error(place, '\'' + std::string(row.name) + "': " + std::string(row.meaning));
      }
      return;
    }
    if (!fits(row, value)) {
      return;
    }
    if (row.effect == Effect::missing) {
      diagnostics_.warning(place, '\'' + std::string(row.name) + "' has no effect yet");
    }
  }

  // What is refused may be named to switch it off.
  static bool switched_off(const Directive& row, const Value& value) {
    if (row.kind == Kind::boolean) {
      return as_boolean(value) == false;
    }
    return value.is_list() ? value.list().empty() : value.is_text() && value.text().empty();
  }

  bool fits(const Directive& row, const Value& value) {
    const Value* wrong = misfit(row, value);
    if (wrong != nullptr) {
      diagnostics_.error(wrong->place.line > 0 ? wrong->place : value.place, wanted(row.kind, row.name));
      return false;
    }
    if (row.kind == Kind::patterns) {
      patterns(value.list());
    }
    if (row.kind == Kind::backends) {
      backends(value.list());
    }
    return true;
  }

  static const Value* misfit(const Directive& row, const Value& value) {
    switch (row.kind) {
      case Kind::any:
        return nullptr;
      case Kind::text:
        return value.is_text() ? nullptr : &value;
      case Kind::number:
        return as_number(value) ? nullptr : &value;
      case Kind::boolean:
        return as_boolean(value) ? nullptr : &value;
      default:
        break;
    }
    if (!value.is_list()) {
      return &value;
    }
    for (const Entry& entry : value.list()) {
      const bool text = entry.value.is_text();
      const bool list = entry.value.is_list();
      const bool good = row.kind == Kind::texts                                    ? text && !entry.key
                        : row.kind == Kind::key_text || row.kind == Kind::patterns ? text && entry.key.has_value()
                        : row.kind == Kind::key_mixed                              ? entry.key.has_value()
                        : row.kind == Kind::key_any                                ? entry.key.has_value() && !list
                                                                                   : list;
      if (!good) {
        return &entry.value;
      }
    }
    return nullptr;
  }

  void patterns(const List& list) {
    for (const Entry& entry : list) {
      Regex::Fault fault;
      if (Regex::compile(*entry.key, fault) == nullptr) {
        Place place = entry.place;
        place.column += static_cast<int>(fault.offset) + 1;
        diagnostics_.error(place, "the pattern is wrong here: " + fault.message);
      }
    }
  }

  // ( "/path" => ( ( key => value, ... ), ( ... ) ) ); each backend may have a label.
  void backends(const List& paths) {
    for (const Entry& path : paths) {
      for (const Entry& backend : path.value.list()) {
        if (!backend.value.is_list()) {
          diagnostics_.error(backend.place, "here a backend in brackets must stand: \"" + path.key.value_or("/") +
                                                "\" => ( ( \"host\" => ... ) ), with two of each bracket");
          continue;
        }
        for (const Entry& entry : backend.value.list()) {
          backend_key(entry);
        }
      }
    }
  }

  void backend_key(const Entry& entry) {
    if (!entry.key) {
      diagnostics_.error(entry.place, "in a backend each value has a key: \"host\" => \"127.0.0.1\"");
      return;
    }
    const Directive* row = find_directive(backend_keys(), *entry.key);
    if (row == nullptr) {
      return unknown(*entry.key, entry.place, backend_keys());
    }
    check_row(*row, entry.value, entry.place);
  }

  void modules(const List& list) {
    for (const Entry& entry : list) {
      if (!entry.value.is_text()) {
        continue;
      }
      const std::string& name = entry.value.text();
      if (contains(kForeignModules, name)) {
        diagnostics_.warning(entry.value.place,
                             "the module \"" + name + "\" does not exist here; its settings are refused");
      } else if (!contains(kModules, name) && !name.starts_with("mod_authn_file")) {
        std::vector<std::string_view> known(std::begin(kModules), std::end(kModules));
        const auto near = nearest_word(name, known);
        diagnostics_.warning(entry.value.place,
                             "unknown module \"" + name + "\" is ignored" +
                                 (near.empty() ? "" : "; is \"" + std::string(near) + "\" meant?"));
      }
    }
  }

  const ConfigTree& tree_;
  Diagnostics& diagnostics_;
};

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "string";
    case Kind::number:
      return "number";
    case Kind::boolean:
      return "yes or no";
    case Kind::texts:
      return "strings";
    case Kind::key_text:
      return "key => string";
    case Kind::patterns:
      return "pattern => string";
    case Kind::key_any:
    case Kind::key_mixed:
      return "key => value";
    case Kind::key_list:
      return "key => list";
    case Kind::backends:
      return "path => backends";
    case Kind::any:
      break;
  }
  return "any";
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '|' ? "\\|" : std::string(1, c);
  }
  return out;
}

void rows(std::span<const Directive> table, bool scopes, std::string& out) {
  out += scopes ? "| setting | value | where | tier | default | meaning |\n|---|---|---|---|---|---|\n"
                : "| key | value | tier | default | meaning |\n|---|---|---|---|---|\n";
  for (const Directive& row : table) {
    out += "| `" + std::string(row.name) + "` | " + std::string(kind_name(row.kind)) + " | ";
    if (scopes) {
      out += row.scope == Scope::server ? "server | " : "anywhere | ";
    }
    out += std::string(1, row.tier) + " | " + escaped(row.fallback) + " | ";
    out += row.effect == Effect::ignored   ? "accepted, no effect: "
           : row.effect == Effect::missing ? "not yet: "
           : row.effect == Effect::refused ? "**refused**: "
                                           : "";
    out += escaped(row.meaning) + " |\n";
  }
}

}  // namespace

void check_directives(const ConfigTree& tree, Diagnostics& diagnostics) {
  Checker(tree, diagnostics).run();
}

std::string directives_markdown() {
  std::string out;
  rows(directives(), true, out);
  out += "\nKeys of a backend:\n\n";
  rows(backend_keys(), false, out);
  return out;
}

}  // namespace microtome::host
