// SPDX-License-Identifier: Apache-2.0
// Values of the configuration language: whole numbers, strings and lists. A list keeps the order of the file; each
// entry may have a key. Plain values; a const Value is safe to read from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "host/config_place.hpp"

namespace microtome::host {

struct Entry;
using List = std::vector<Entry>;

struct Value {
  using Data = std::variant<std::int64_t, std::string, List>;
  Place place;  // of its first token
  Data data;

  // Not inline: g++ 12 sees uninitialised members in the inlined moves of the variant.
  Value();
  Value(Place at, Data content);
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  [[nodiscard]] bool is_number() const { return std::holds_alternative<std::int64_t>(data); }
  [[nodiscard]] bool is_text() const { return std::holds_alternative<std::string>(data); }
  [[nodiscard]] bool is_list() const { return std::holds_alternative<List>(data); }
  [[nodiscard]] std::int64_t number() const { return std::get<std::int64_t>(data); }
  [[nodiscard]] const std::string& text() const { return std::get<std::string>(data); }
  [[nodiscard]] const List& list() const { return std::get<List>(data); }
  [[nodiscard]] List& list() { return std::get<List>(data); }
};

struct Entry {
  std::optional<std::string> key;
  Value value;
  Place place;  // of the key, or of the value
};

// The entry of that key, or null.
[[nodiscard]] const Value* find_key(const List& list, std::string_view key);

// left + right: numbers add, strings and numbers join to a string, lists join. Code::bad_request when the kinds do
// not go together, a key would come twice or a number leaves 32 bits; the message says which.
[[nodiscard]] Result<Value> join_values(Value left, const Value& right);

// Bytes and entries a copy costs, to bound what a file can make us allocate.
[[nodiscard]] std::size_t weight(const Value& value);

// As `-p` writes it: ("a", "b") or ( "k" => "v", ) over several lines, `indent` blanks in front of continued lines.
[[nodiscard]] std::string print_value(const Value& value, int indent);

}  // namespace microtome::host
