// SPDX-License-Identifier: Apache-2.0
// JsonWriter: writes compact JSON straight into a string. A document of 5,000 slices needs no tree in memory that
// way. Strings are escaped; bytes that are not UTF-8 (file names may hold any) become U+FFFD. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace microtome::protocol {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(double number);  // null when it is not finite
  JsonWriter& value(const std::optional<double>& number) { return number ? value(*number) : null(); }
  JsonWriter& null();

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string take() { return std::move(text_); }
  void reserve(std::size_t bytes) { text_.reserve(bytes); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void quote(std::string_view text);

  std::string text_;
  bool first_ = true;  // nothing was written at this depth yet, or a key just was
};

}  // namespace microtome::protocol
