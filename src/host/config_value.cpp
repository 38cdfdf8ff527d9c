// SPDX-License-Identifier: Apache-2.0
#include "host/config_value.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace microtome::host {

Value::Value() = default;
Value::Value(Place at, Data content) : place(at), data(std::move(content)) {}
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

const Value* find_key(const List& list, std::string_view key) {
  for (const Entry& entry : list) {
    if (entry.key && *entry.key == key) {
      return &entry.value;
    }
  }
  return nullptr;
}

Result<Value> join_values(Value left, const Value& right) {
  if (left.is_list() != right.is_list()) {
    return fail(Code::bad_request, left.is_list() ? "a list can only be joined with a list: put the value in brackets"
                                                  : "a list cannot be joined to a string or number");
  }
  if (left.is_list()) {
    List& entries = left.list();
    for (const Entry& entry : right.list()) {
      if (entry.key && find_key(entries, *entry.key) != nullptr) {
        return fail(Code::bad_request, "the key \"" + *entry.key + "\" is in both lists");
      }
      entries.push_back(entry);
    }
    return left;
  }
  if (left.is_number() && right.is_number()) {
    const std::int64_t sum = left.number() + right.number();
    if (sum > std::numeric_limits<std::int32_t>::max()) {
      return fail(Code::bad_request, "the sum is too large (at most 2147483647)");
    }
    left.data = sum;
    return left;
  }
  std::string text = left.is_text() ? std::move(std::get<std::string>(left.data)) : std::to_string(left.number());
  text += right.is_text() ? right.text() : std::to_string(right.number());
  left.data = std::move(text);
  return left;
}

std::size_t weight(const Value& value) {
  constexpr std::size_t kEach = 64;
  if (value.is_text()) {
    return kEach + value.text().size();
  }
  std::size_t sum = kEach;
  if (value.is_list()) {
    for (const Entry& entry : value.list()) {
      sum += weight(entry.value) + (entry.key ? entry.key->size() : 0);
    }
  }
  return sum;
}

namespace {

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + '"';
}

std::string print_list(const List& list, int indent) {
  const bool plain =
      std::none_of(list.begin(), list.end(), [](const Entry& entry) { return entry.key || entry.value.is_list(); });
  // lighttpd decides by the first entry; a list without keys and lists stays on one line.
  std::string text = "(";
  if (plain) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      text += (i > 0 ? ", " : "") + print_value(list[i].value, indent);
    }
    return text + ')';
  }
  std::size_t widest = 0;
  for (const Entry& entry : list) {
    widest = std::max(widest, entry.key ? entry.key->size() : 0);
  }
  const std::string inner(static_cast<std::size_t>(indent) + 4, ' ');
  for (const Entry& entry : list) {
    text += '\n' + inner;
    if (entry.key) {
      text += quote(*entry.key) + std::string(widest - entry.key->size(), ' ') + " => ";
    }
    text += print_value(entry.value, indent + 4) + ',';
  }
  return text + '\n' + std::string(static_cast<std::size_t>(indent), ' ') + ')';
}

}  // namespace

std::string print_value(const Value& value, int indent) {
  if (value.is_number()) {
    return std::to_string(value.number());
  }
  return value.is_text() ? quote(value.text()) : print_list(value.list(), indent);
}

}  // namespace microtome::host
