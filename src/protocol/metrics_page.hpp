// SPDX-License-Identifier: Apache-2.0
// MetricsPage: writes the text format of Prometheus, version 0.0.4. All names begin with "microtome_".
#pragma once

#include <array>
#include <charconv>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace microtome::protocol {

// The shortest text without an exponent.
[[nodiscard]] inline std::string fixed_text(double number) {
  std::array<char, 400> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return error == std::errc() ? std::string(text.data(), end) : "0";
}

class MetricsPage {
 public:
  using Label = std::pair<std::string_view, std::string_view>;  // values hold no quotes, backslashes, line ends

  // Begins a family; `type` is counter, gauge or histogram.
  MetricsPage& family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "microtome_" + std::string(name);
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
    return *this;
  }
  // `suffix` is that of a histogram's series.
  MetricsPage& value(double number, std::initializer_list<Label> labels = {}, std::string_view suffix = {}) {
    text_ += name_;
    text_ += suffix;
    char before = '{';
    for (const auto& [label, text] : labels) {
      text_ += before;
      text_.append(label).append("=\"").append(text) += '"';
      before = ',';
    }
    text_ += labels.size() > 0 ? "} " : " ";
    text_ += fixed_text(number);
    text_ += '\n';
    return *this;
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

}  // namespace microtome::protocol
