// SPDX-License-Identifier: Apache-2.0
#include "host/rewrite.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace microtome::host {
namespace {

bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

std::string percent_encode(std::string_view text, bool keep_encoded, bool keep_slash) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
    const bool encoded =
        keep_encoded && c == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2]);
    if (plain || encoded || (keep_slash && c == '/')) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string base64_url(std::string_view text) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      out += kDigits[(bits >> count) & 63];
    }
  }
  if (count > 0) {
    out += kDigits[(bits << (6 - count)) & 63];
  }
  return out;
}

std::string encode(std::string_view how, std::string text) {
  if (how == "esc" || how == "escape") {
    return percent_encode(text, false, false);
  }
  if (how == "escnde") {
    return percent_encode(text, true, false);
  }
  if (how == "escpsnde") {
    return percent_encode(text, true, true);
  }
  if (how == "encb64u") {
    return base64_url(text);
  }
  if (how == "tolower" || how == "toupper") {
    const bool lower = how == "tolower";
    std::transform(text.begin(), text.end(), text.begin(),
                   [lower](unsigned char c) { return lower ? std::tolower(c) : std::toupper(c); });
  }
  return text;
}

class Filler {
 public:
  Filler(const Captures& captures, const RewriteSubject& subject) : captures_(captures), subject_(subject) {}

  std::string fill(std::string_view replacement) {
    for (std::size_t i = 0; i < replacement.size(); ++i) {
      const char c = replacement[i];
      if ((c != '$' && c != '%') || i + 1 >= replacement.size()) {
        out_ += c;
        continue;
      }
      const char next = replacement[i + 1];
      const Captures* from = c == '$' ? &captures_ : subject_.condition;
      if (next == c) {
        out_ += c;
        ++i;
      } else if (next >= '0' && next <= '9') {
        out_ += captured(from, next);
        ++i;
      } else if (next == '{') {
        const std::size_t end = replacement.find('}', i);
        if (end == std::string_view::npos) {
          out_ += c;
          continue;
        }
        out_ += named(from, replacement.substr(i + 2, end - i - 2));
        i = end;
      } else {
        out_ += c;
      }
    }
    return std::move(out_);
  }

 private:
  static std::string captured(const Captures* from, char digit) {
    const auto number = static_cast<std::size_t>(digit - '0');
    return from != nullptr && number < from->size() ? (*from)[number] : std::string{};
  }

  std::string named(const Captures* from, std::string_view name) {
    std::string_view how;
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
      how = name.substr(0, colon);
      name.remove_prefix(colon + 1);
    }
    return encode(how, value(from, name));
  }

  [[nodiscard]] std::string value(const Captures* from, std::string_view name) const {
    if (name.size() == 1 && name[0] >= '0' && name[0] <= '9') {
      return captured(from, name[0]);
    }
    if (name == "qsa") {
      if (subject_.query.empty()) {
        return {};
      }
      return (out_.find('?') == std::string::npos ? '?' : '&') + std::string(subject_.query);
    }
    if (name == "url.path") {
      return std::string(subject_.path);
    }
    if (name == "url.query") {
      return std::string(subject_.query);
    }
    if (name == "url.scheme") {
      return std::string(subject_.scheme);
    }
    if (name == "url.authority") {
      return std::string(subject_.authority);
    }
    if (name == "url") {
      return std::string(subject_.scheme) + "://" + std::string(subject_.authority) + std::string(subject_.path) +
             (subject_.query.empty() ? "" : "?" + std::string(subject_.query));
    }
    return {};
  }

  const Captures& captures_;
  const RewriteSubject& subject_;
  std::string out_;
};

}  // namespace

RewriteRules read_rules(const Value& value) {
  RewriteRules rules;
  for (const Entry& entry : value.list()) {
    Regex::Fault fault;
    if (RegexPtr pattern = Regex::compile(entry.key.value_or(""), fault)) {
      rules.push_back({std::move(pattern), entry.value.text()});
    }
  }
  return rules;
}

std::optional<Rewritten> apply_rules(const RewriteRules& rules, std::string_view target,
                                     const RewriteSubject& subject) {
  Captures captures;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].pattern->match(target, &captures)) {
      return Rewritten{i, Filler(captures, subject).fill(rules[i].replacement)};
    }
  }
  return std::nullopt;
}

}  // namespace microtome::host
