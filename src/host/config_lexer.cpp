// SPDX-License-Identifier: Apache-2.0
#include "host/config_lexer.hpp"

#include <charconv>
#include <cstddef>
#include <limits>

namespace microtome::host {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_word_part(char c) {
  return is_letter(c) || is_digit(c) || c == '.' || c == '-';
}

class Lexer {
 public:
  Lexer(std::string_view source, int file, Diagnostics& diagnostics)
      : source_(source), file_(file), diagnostics_(diagnostics) {}

  std::vector<Token> run() {
    if (source_.starts_with("\xEF\xBB\xBF")) {
      at_ = line_start_ = 3;
    }
    while (skip_blank()) {
      next();
      fresh_line_ = false;
    }
    add(TokenKind::end, 0);
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] Place place() const { return {file_, line_, static_cast<int>(at_ - line_start_) + 1}; }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  // True when something is left to read.
  bool skip_blank() {
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == '\n') {
        newline();
      } else if (c == '#') {
        while (at_ < source_.size() && source_[at_] != '\n') {
          ++at_;
        }
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else {
        return true;
      }
    }
    return false;
  }

  void newline() {
    ++at_;
    ++line_;
    line_start_ = at_;
    fresh_line_ = true;
  }

  void add(TokenKind kind, std::size_t length) {
    tokens_.push_back({kind, place(), fresh_line_, std::string(source_.substr(at_, length)), 0});
    at_ += length;
  }

  void next() {
    const char c = source_[at_];
    if (c == '"') {
      return text();
    }
    if (is_digit(c)) {
      return number();
    }
    if (is_letter(c)) {
      std::size_t length = 1;
      while (is_word_part(peek(length))) {
        ++length;
      }
      return add(TokenKind::word, length);
    }
    if (!sign(c)) {
      strange();
    }
  }

  bool sign(char c) {
    struct Sign {
      std::string_view spelling;
      TokenKind kind;
    };
    static constexpr Sign kSigns[] = {
        {"=>", TokenKind::arrow},      {"==", TokenKind::equal},       {"=~", TokenKind::match},
        {"=^", TokenKind::prefix},     {"=$", TokenKind::suffix},      {"!=", TokenKind::not_equal},
        {"!~", TokenKind::not_match},  {"+=", TokenKind::append},      {":=", TokenKind::force},
        {"=", TokenKind::assign},      {"+", TokenKind::plus},         {"(", TokenKind::left_round},
        {")", TokenKind::right_round}, {"{", TokenKind::left_curly},   {"}", TokenKind::right_curly},
        {"[", TokenKind::left_square}, {"]", TokenKind::right_square}, {",", TokenKind::comma},
        {"$", TokenKind::dollar},
    };
    for (const Sign& known : kSigns) {
      if (known.spelling[0] == c && source_.substr(at_).starts_with(known.spelling)) {
        add(known.kind, known.spelling.size());
        return true;
      }
    }
    return false;
  }

  void text() {
    const Place start = place();
    std::string value;
    std::size_t i = at_ + 1;
    int lines = 0;
    std::size_t line_start = line_start_;
    while (i < source_.size() && source_[i] != '"') {
      if (source_[i] == '\\' && i + 1 < source_.size() && source_[i + 1] == '"') {
        ++i;
      } else if (source_[i] == '\n') {
        ++lines;
        line_start = i + 1;
      }
      value += source_[i++];
    }
    if (i >= source_.size()) {
      // The rest of the file has been swallowed; nothing behind the quote can be trusted.
      diagnostics_.error(start, "the string that begins here has no closing quote (\")");
      at_ = source_.size();
      return;
    }
    if (value.find('\0') != std::string::npos) {
      diagnostics_.error(start, "a string must not contain a NUL byte");
    }
    tokens_.push_back({TokenKind::text, start, fresh_line_, std::move(value), 0});
    at_ = i + 1;
    line_ += lines;
    line_start_ = line_start;
  }

  void number() {
    std::size_t length = 1;
    while (is_word_part(peek(length))) {
      ++length;
    }
    const std::string_view digits = source_.substr(at_, length);
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (end != digits.data() + digits.size() && fault == std::errc{}) {
      diagnostics_.error(place(),
                         '\'' + std::string(digits) + "' is no whole number; put it in quotes if text is meant");
    } else if (fault != std::errc{} || value > std::numeric_limits<std::int32_t>::max()) {
      diagnostics_.error(place(), "the number " + std::string(digits) + " is too large (at most 2147483647)");
      value = std::numeric_limits<std::int32_t>::max();
    }
    tokens_.push_back({TokenKind::number, place(), fresh_line_, std::string(digits), value});
    at_ += length;
  }

  // A run of characters that mean nothing here is reported once.
  void strange() {
    const char c = source_[at_];
    const Place here = place();
    std::size_t length = 1;
    while (at_ + length < source_.size() && peek(length) == c) {
      ++length;
    }
    if (c == ';') {
      diagnostics_.error(here, "';' has no meaning here: one setting ends where the next begins");
    } else if (c == '\'') {
      diagnostics_.error(here, "text stands in double quotes (\"...\"), not in single ones");
    } else if (c == '-' && is_digit(peek(1))) {
      diagnostics_.error(here, "numbers cannot be negative");
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      static constexpr char kHex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      diagnostics_.error(here, std::string("a byte 0x") + kHex[byte >> 4] + kHex[byte & 15] +
                                   " outside of strings and comments has no meaning");
    } else {
      diagnostics_.error(here, std::string("the character '") + c + "' has no meaning here");
    }
    at_ += length;
  }

  std::string_view source_;
  int file_;
  Diagnostics& diagnostics_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  bool fresh_line_ = true;
};

}  // namespace

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::end:
      return "the end of the file";
    case TokenKind::text: {
      const std::size_t line_end = token.text.find('\n');
      const bool cut = line_end != std::string::npos || token.text.size() > 40;
      return "the string \"" + token.text.substr(0, std::min<std::size_t>(line_end, 40)) + (cut ? "...\"" : "\"");
    }
    case TokenKind::number:
      return "the number " + token.text.substr(0, 40);
    default:
      return '\'' + token.text.substr(0, 60) + '\'';
  }
}

std::vector<Token> tokenize(std::string_view source, int file, Diagnostics& diagnostics) {
  return Lexer(source, file, diagnostics).run();
}

}  // namespace microtome::host
