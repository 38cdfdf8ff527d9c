// SPDX-License-Identifier: Apache-2.0
#include "host/settings_parts.hpp"

#include <algorithm>
#include <charconv>

#include "host/directives.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

std::vector<std::string_view> words_of(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) {
      words.push_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::int64_t unit_seconds(std::string_view unit) {
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"second", 1},  {"sec", 1},          {"minute", 60},        {"min", 60},           {"hour", 3600},
      {"day", 86400}, {"week", 7 * 86400}, {"month", 30 * 86400}, {"year", 365 * 86400},
  };
  if (unit.ends_with('s')) {
    unit.remove_suffix(1);
  }
  for (const auto& [name, seconds] : kUnits) {
    if (name == unit) {
      return seconds;
    }
  }
  return 0;
}

Part read_expiries(const Setting& setting, Diagnostics& diagnostics) {
  auto list = std::make_shared<std::vector<Expiry>>();
  for (const Entry& entry : setting.value.list()) {
    if (auto expiry = read_expiry(entry.key.value_or(""), entry.value.text())) {
      list->push_back(std::move(*expiry));
    } else {
      diagnostics.error(entry.value.place, "here a time like \"access plus 1 hours 30 minutes\" must stand");
    }
  }
  Part part;
  part.expiries = std::move(list);
  return part;
}

void read_require(AuthRule& rule, const Value& require, Diagnostics& diagnostics) {
  rule.any_user = false;
  for (const std::string_view word : words_of(require.text(), "|")) {
    if (word == "valid-user") {
      rule.any_user = true;
    } else if (word.starts_with("user=")) {
      rule.users.emplace_back(word.substr(5));
    } else if (word.starts_with("group=")) {
      rule.groups.emplace_back(word.substr(6));
    } else if (word.starts_with("host=")) {
      diagnostics.warning(require.place, "\"host=\" in \"require\" has no effect, as in lighttpd");
    } else {
      diagnostics.error(require.place, "\"require\" is \"valid-user\" or \"user=NAME|user=NAME|group=NAME\"");
      return;
    }
  }
}

// "MD5", "SHA-256", or both with "|" between.
void read_algorithms(AuthRule& rule, const Value* value, Diagnostics& diagnostics) {
  if (value == nullptr) {
    rule.digests = {DigestKind::md5};
    return;
  }
  for (const std::string_view word : words_of(value->is_text() ? std::string_view(value->text()) : "?", "|")) {
    if (const auto kind = digest_kind(word)) {
      rule.digests.push_back(*kind);
    } else {
      diagnostics.error(value->place, "\"algorithm\" is \"MD5\", \"SHA-256\" or \"MD5|SHA-256\"");
    }
  }
}

Part read_auth(const Setting& setting, Diagnostics& diagnostics) {
  auto rules = std::make_shared<std::vector<AuthRule>>();
  for (const Entry& entry : setting.value.list()) {
    AuthRule rule;
    rule.path = entry.key.value_or("/");
    const List& keys = entry.value.list();
    const auto text = [&](std::string_view key) -> const Value* {
      const Value* value = find_key(keys, key);
      if (value == nullptr || !value->is_text()) {
        diagnostics.error(entry.place,
                          "in auth.require the key \"" + std::string(key) + "\" with a string is missing");
        return nullptr;
      }
      return value;
    };
    const Value* method = text("method");
    const Value* realm = text("realm");
    const Value* require = text("require");
    if (method == nullptr || realm == nullptr || require == nullptr) {
      continue;
    }
    rule.basic = method->text() == "basic";
    if (!rule.basic && method->text() != "digest") {
      diagnostics.error(method->place, "\"method\" is \"basic\" or \"digest\"");
    }
    read_algorithms(rule, find_key(keys, "algorithm"), diagnostics);
    rule.realm = realm->text();
    if (rule.realm.find_first_of("\"\\\r\n") != std::string::npos) {
      diagnostics.error(realm->place, "a realm must not contain quotes, backslashes or line ends");
    }
    read_require(rule, *require, diagnostics);
    rules->push_back(std::move(rule));
  }
  Part part;
  part.auth_rules = std::move(rules);
  return part;
}

Protocol protocol_of(std::string_view key) {
  return key.starts_with("proxy.") ? Protocol::http : key.starts_with("scgi.") ? Protocol::scgi : Protocol::fastcgi;
}

std::string as_text(const Value& value) {
  return value.is_number() ? std::to_string(value.number()) : value.is_text() ? value.text() : std::string{};
}

}  // namespace

std::optional<Expiry> read_expiry(std::string_view key, std::string_view text) {
  const auto skip_blanks = [&text] { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); };
  const auto take = [&](auto&& belongs) {
    skip_blanks();
    const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, belongs) - text.begin());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    skip_blanks();
    return word;
  };
  const std::string_view from = take(http::is_alpha);
  if (from != "access" && from != "now" && from != "modification") {
    return std::nullopt;
  }
  Expiry expiry{std::string(key), from == "modification", 0};
  if (text.starts_with("plus")) {
    text.remove_prefix(4);
    skip_blanks();
  }
  if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {  // "2 min 1 sec", "2min1sec"
    if (text.front() == '+') {
      text.remove_prefix(1);
    }
    const std::string_view digits = take(http::is_digit);
    std::int32_t count = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    const std::int64_t unit = unit_seconds(take(http::is_alpha));
    if (digits.empty() || fault != std::errc{} || end != digits.data() + digits.size() || unit == 0) {
      return std::nullopt;
    }
    expiry.seconds += count * unit;
  }
  return expiry;
}

// The first prefix that fits counts: one behind a shorter one is never reached.
void warn_of_hidden_aliases(const Setting& setting, Diagnostics& diagnostics) {
  const auto& list = setting.value.list();
  for (auto later = list.begin(); later != list.end(); ++later) {
    const auto earlier = std::find_if(list.begin(), later, [&](const Entry& each) {
      return each.key && later->key && later->key->starts_with(*each.key);
    });
    if (earlier != later) {
      diagnostics.warning(later->place, '"' + *later->key + "\" is never reached: \"" + *earlier->key +
                                            "\" stands before it; put the longer one first");
    }
  }
}

Part read_part(const Setting& setting, Diagnostics& diagnostics) {
  Part part;
  const Directive* row = find_directive(directives(), setting.key);
  if (setting.key == "server.kbytes-per-second") {
    const auto rate =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, as_number(setting.value).value_or(0))) * 1024;
    part.rate = rate > 0 ? std::make_shared<Rate>(rate, Rate::Clock::now()) : nullptr;
    return part;
  }
  if (row == nullptr || !setting.value.is_list()) {
    return part;
  }
  if (setting.key.starts_with("expire.")) {
    return read_expiries(setting, diagnostics);
  }
  if (setting.key == "auth.require") {
    return read_auth(setting, diagnostics);
  }
  if (setting.key == "proxy.header") {
    part.proxy_headers = std::make_shared<const ProxyHeaders>(read_proxy_headers(setting.value, diagnostics));
    return part;
  }
  switch (row->kind) {
    case Kind::texts: {
      auto texts = std::make_shared<Texts>();
      for (const Entry& entry : setting.value.list()) {
        texts->push_back(entry.value.text());
      }
      part.texts = std::move(texts);
      break;
    }
    case Kind::key_text:
    case Kind::key_any: {
      auto pairs = std::make_shared<Pairs>();
      for (const Entry& entry : setting.value.list()) {
        pairs->emplace_back(entry.key.value_or(""), as_text(entry.value));
      }
      if (setting.key == "alias.url") {
        warn_of_hidden_aliases(setting, diagnostics);
      }
      if (setting.key == "mimetype.assign") {
        part.mime = std::make_shared<const MimeTable>(*pairs);
      }
      part.pairs = std::move(pairs);
      break;
    }
    case Kind::patterns:
      part.rules = std::make_shared<const RewriteRules>(read_rules(setting.value));
      break;
    case Kind::backends:
      part.routes = std::make_shared<const std::vector<AppRoute>>(
          read_routes(setting.value, protocol_of(setting.key), diagnostics));
      break;
    default:
      break;
  }
  return part;
}

}  // namespace microtome::host
