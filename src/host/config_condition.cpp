// SPDX-License-Identifier: Apache-2.0
#include "host/config_condition.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/address.hpp"
#include "host/regex.hpp"

namespace microtome::host {
namespace {

struct FieldName {
  std::string_view name;
  Field field;
  std::string_view header;
};
constexpr FieldName kFields[] = {
    {"host", Field::host, ""},
    {"url", Field::url, ""},
    {"querystring", Field::query, ""},
    {"query-string", Field::query, ""},
    {"remoteip", Field::remote_address, ""},
    {"remote-ip", Field::remote_address, ""},
    {"scheme", Field::scheme, ""},
    {"request-method", Field::method, ""},
    {"requestmethod", Field::method, ""},
    {"referer", Field::header, "Referer"},
    {"useragent", Field::header, "User-Agent"},
    {"user-agent", Field::header, "User-Agent"},
    {"cookie", Field::header, "Cookie"},
    {"language", Field::header, "Accept-Language"},
};

bool parse_field(Cursor& cursor, Condition& condition, Diagnostics& diagnostics) {
  const Token group = cursor.now();
  if (group.kind != TokenKind::word ||
      (group.text != "HTTP" && group.text != "SERVER" && group.text != "REQUEST_HEADER")) {
    diagnostics.error(group.place,
                      "behind '$' one of HTTP, SERVER and REQUEST_HEADER must stand, not " + describe(group));
    return false;
  }
  cursor.step();
  if (!cursor.is(TokenKind::left_square)) {
    diagnostics.error(cursor.now().place, "here a '[' must stand: $" + group.text + "[\"...\"]");
    return false;
  }
  const Place opening = cursor.now().place;
  cursor.step();
  const Token name = cursor.now();
  if (name.kind != TokenKind::text) {
    diagnostics.error(name.place, "the field's name stands in quotes: $" + group.text + "[\"" +
                                      (name.kind == TokenKind::word ? name.text : "...") + "\"]");
    return false;
  }
  cursor.step();
  if (!cursor.is(TokenKind::right_square)) {
    diagnostics.error(opening,
                      "the '[' opened here is not closed: a ']' is missing before " + describe(cursor.now()));
    return false;
  }
  cursor.step();
  condition.spelling = '$' + group.text + "[\"" + name.text + "\"]";
  if (group.text == "REQUEST_HEADER") {
    condition.field = Field::header;
    condition.header = name.text;
    return true;
  }
  if (group.text == "SERVER" && name.text == "socket") {
    condition.field = Field::socket;
    return true;
  }
  std::vector<std::string_view> known;
  for (const FieldName& each : kFields) {
    if (group.text == "HTTP" && each.name == name.text) {
      condition.field = each.field;
      condition.header = each.header;
      return true;
    }
    known.push_back(each.name);
  }
  std::string message = "there is no field " + condition.spelling;
  if (group.text == "SERVER") {
    message += "; $SERVER knows only \"socket\"";
  } else if (const auto near = nearest_word(name.text, known); !near.empty()) {
    message += "; is $HTTP[\"" + std::string(near) + "\"] meant?";
  } else {
    message += "; other request headers are $REQUEST_HEADER[\"" + name.text + "\"]";
  }
  diagnostics.error(name.place, std::move(message));
  return false;
}

bool check_text(const Condition& condition, Diagnostics& diagnostics) {
  if (condition.compare == Compare::match || condition.compare == Compare::not_match) {
    Regex::Fault fault;
    if (Regex::compile(condition.text, fault) == nullptr) {
      Place place = condition.text_place;
      place.column += static_cast<int>(fault.offset) + 1;
      diagnostics.error(place, "the pattern is wrong here: " + fault.message);
      return false;
    }
  } else if (condition.field == Field::remote_address && !condition.text.starts_with('/') &&
             (condition.compare == Compare::equal || condition.compare == Compare::not_equal) &&
             !parse_network(condition.text)) {
    diagnostics.error(condition.text_place,
                      "\"" + condition.text + "\" is no address (10.0.0.1, ::1) and no network (10.0.0.0/8)");
    return false;
  }
  return true;
}

}  // namespace

std::optional<Condition> parse_condition(Cursor& cursor, Expressions& values, Diagnostics& diagnostics) {
  Condition condition;
  condition.place = cursor.now().place;
  cursor.step();
  if (!parse_field(cursor, condition, diagnostics)) {
    return std::nullopt;
  }
  switch (cursor.now().kind) {
    case TokenKind::equal:
      condition.compare = Compare::equal;
      break;
    case TokenKind::not_equal:
      condition.compare = Compare::not_equal;
      break;
    case TokenKind::match:
      condition.compare = Compare::match;
      break;
    case TokenKind::not_match:
      condition.compare = Compare::not_match;
      break;
    case TokenKind::prefix:
      condition.compare = Compare::prefix;
      break;
    case TokenKind::suffix:
      condition.compare = Compare::suffix;
      break;
    default:
      diagnostics.error(cursor.now().place, "here a comparison must stand (==, !=, =~, !~, =^, =$), not " +
                                                describe(cursor.now()) +
                                                (cursor.is(TokenKind::assign) ? "; is '==' meant?" : ""));
      return std::nullopt;
  }
  cursor.step();
  auto value = values.parse();
  if (!value) {
    return std::nullopt;
  }
  if (!value->is_text()) {
    diagnostics.error(value->place, "a condition compares with a string");
    return std::nullopt;
  }
  condition.text = value->text();
  condition.text_place = value->place;
  return check_text(condition, diagnostics) ? std::optional(std::move(condition)) : std::nullopt;
}

}  // namespace microtome::host
