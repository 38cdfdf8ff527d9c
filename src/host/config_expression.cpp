// SPDX-License-Identifier: Apache-2.0
#include "host/config_expression.hpp"

#include <utility>

namespace microtome::host {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxEntries = 10'000;

bool assigns(TokenKind kind) {
  return kind == TokenKind::assign || kind == TokenKind::append || kind == TokenKind::force;
}

std::string line_of(const Token& token) {
  return "line " + std::to_string(token.place.line);
}

}  // namespace

bool begins_setting(const Token& token, const Token& next) {
  return token.kind == TokenKind::word && assigns(next.kind);
}

std::optional<Value> Expressions::parse() {
  open_.clear();
  return sum();
}

std::optional<Value> Expressions::sum() {
  auto left = term();
  while (left && cursor_.is(TokenKind::plus)) {
    const Place place = cursor_.now().place;
    cursor_.step();
    const auto right = term();
    if (!right) {
      return std::nullopt;
    }
    const Place start = left->place;
    auto joined = join_values(std::move(*left), *right);
    if (!joined) {
      diagnostics_.error(place, joined.error().message);
      return std::nullopt;
    }
    left = std::move(*joined);
    left->place = start;
  }
  return left;
}

std::optional<Value> Expressions::term() {
  const Token& token = cursor_.now();
  switch (token.kind) {
    case TokenKind::text: {
      Value value{token.place, token.text};
      cursor_.step();
      return value;
    }
    case TokenKind::number: {
      Value value{token.place, token.number};
      cursor_.step();
      return value;
    }
    case TokenKind::word: {
      if (runs_into_next_setting()) {
        break;
      }
      auto value = lookup_(token);
      if (value) {
        value->place = token.place;
      }
      cursor_.step();
      return value;
    }
    case TokenKind::left_round:
      return list();
    default:
      break;
  }
  if (!open_.empty() && runs_into_next_setting()) {
    not_closed();
  } else if (open_.empty() && begins_setting(token, cursor_.ahead())) {
    diagnostics_.error(cursor_.before().place, "a value is missing behind " + describe(cursor_.before()) + ": " +
                                                   describe(token) + " begins another setting");
  } else {
    diagnostics_.error(token.place,
                       "here a value must stand (a string, a number, a variable or a list), not " + describe(token));
  }
  return std::nullopt;
}

// A list that was never closed runs into the next setting: `name = ` at the start of a line, a condition, a curly
// bracket, the end. `name =` right after a comma may also be a key with the wrong sign, unless the name has a dot.
bool Expressions::runs_into_next_setting() const {
  const Token& token = cursor_.now();
  if (token.kind == TokenKind::end || token.kind == TokenKind::dollar || token.kind == TokenKind::left_curly ||
      token.kind == TokenKind::right_curly) {
    return true;
  }
  if (token.kind != TokenKind::word || !token.first_on_line) {
    return false;
  }
  const TokenKind before = cursor_.before().kind;
  const bool may_be_key = before == TokenKind::comma || before == TokenKind::left_round;
  if (token.text == "include" || token.text == "include_shell" || token.text == "else" || token.text == "global") {
    return true;
  }
  return begins_setting(token, cursor_.ahead()) &&
         (open_.empty() || !may_be_key || token.text.find('.') != std::string::npos);
}

void Expressions::not_closed() {
  const Token& token = cursor_.now();
  const Token& last = cursor_.before();
  std::string message = "the list opened here is not closed: a ')' is missing";
  if (token.kind == TokenKind::end) {
    message += " before the end of the file";
  } else {
    message += last.place.line == token.place.line ? " before " + describe(token)
                                                   : " behind " + describe(last) + " on " + line_of(last) +
                                                         ", before " + describe(token) + " on " + line_of(token);
  }
  diagnostics_.error(open_.back().place, std::move(message));
  for (std::size_t i = open_.size() - 1; i-- > 0;) {
    diagnostics_.note(open_[i].place, "nor is the list around it, opened here");
  }
}

std::optional<Value> Expressions::list() {
  const Token opening = cursor_.now();
  if (open_.size() >= kMaxDepth) {
    diagnostics_.error(opening.place, "lists are nested deeper than " + std::to_string(kMaxDepth));
    return std::nullopt;
  }
  cursor_.step();
  open_.push_back(opening);
  Value value{opening.place, List{}};
  Keys keys;
  while (!cursor_.is(TokenKind::right_round)) {
    if (cursor_.is(TokenKind::comma)) {
      cursor_.step();
      continue;
    }
    auto next = entry(keys);
    if (!next || !after_entry()) {
      return std::nullopt;
    }
    if (value.list().size() >= kMaxEntries) {
      diagnostics_.error(opening.place, "this list has more than " + std::to_string(kMaxEntries) + " entries");
      return std::nullopt;
    }
    value.list().push_back(std::move(*next));
  }
  cursor_.step();
  open_.pop_back();
  return value;
}

std::optional<Entry> Expressions::entry(Keys& keys) {
  const Place place = cursor_.now().place;
  if (runs_into_next_setting()) {
    not_closed();
    return std::nullopt;
  }
  if (begins_setting(cursor_.now(), cursor_.ahead())) {
    diagnostics_.error(cursor_.ahead().place,
                       "inside a list '=>' stands between key and value, and keys are strings: \"" +
                           cursor_.now().text + "\" => ...");
    diagnostics_.note(open_.back().place, "the list is opened here");
    cursor_.step();  // so that it is not taken for the next setting
    return std::nullopt;
  }
  auto value = sum();
  if (!value) {
    return std::nullopt;
  }
  if (!cursor_.is(TokenKind::arrow)) {
    return Entry{std::nullopt, std::move(*value), place};
  }
  if (value->is_list()) {
    diagnostics_.error(place, "a key must be a string, not a list");
    return std::nullopt;
  }
  std::string key = value->is_text() ? value->text() : std::to_string(value->number());
  const auto [earlier, fresh] = keys.try_emplace(key, place);
  if (!fresh) {
    diagnostics_.error(place, "the key \"" + key + "\" is in this list already");
    diagnostics_.note(earlier->second, "first here");
    return std::nullopt;
  }
  cursor_.step();
  auto content = sum();
  if (!content) {
    return std::nullopt;
  }
  return Entry{std::move(key), std::move(*content), place};
}

// Between two entries a comma must stand. lighttpd drops silently what follows without one.
bool Expressions::after_entry() {
  if (cursor_.is(TokenKind::comma) || cursor_.is(TokenKind::right_round)) {
    return true;
  }
  const Token& token = cursor_.now();
  if (runs_into_next_setting()) {
    not_closed();
    return false;
  }
  if (assigns(token.kind)) {
    diagnostics_.error(token.place, "inside a list '=>' stands between key and value, not " + describe(token));
  } else if (token.kind == TokenKind::arrow) {
    diagnostics_.error(token.place,
                       "'=>' comes twice in one entry: a ',' is missing before " + describe(cursor_.before()));
  } else {
    const bool value = token.kind == TokenKind::text || token.kind == TokenKind::number ||
                       token.kind == TokenKind::word || token.kind == TokenKind::left_round;
    diagnostics_.error(token.place, value ? "a ',' is missing before " + describe(token)
                                          : "here a ',' or ')' must stand, not " + describe(token));
  }
  diagnostics_.note(open_.back().place, "the list is opened here");
  return false;
}

}  // namespace microtome::host
