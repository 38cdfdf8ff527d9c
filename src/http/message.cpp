// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include <algorithm>
#include <array>

#include "http/text.hpp"

namespace microtome::http {

std::string_view Headers::get(std::string_view name) const {
  for (const Header& header : list_) {
    if (equal_no_case(header.name, name)) {
      return header.value;
    }
  }
  return {};
}

bool Headers::has(std::string_view name) const {
  return std::ranges::any_of(list_, [name](const Header& header) { return equal_no_case(header.name, name); });
}

void Headers::set(std::string name, std::string value) {
  std::erase_if(list_, [&name](const Header& header) { return equal_no_case(header.name, name); });
  add(std::move(name), std::move(value));
}

namespace {

bool belongs_to_transport(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kNames{
      "Connection", "Content-Length",    "Date",   "Keep-Alive", "Proxy-Connection", "Status", "TE",
      "Trailer",    "Transfer-Encoding", "Upgrade"};
  return std::ranges::any_of(kNames, [name](std::string_view other) { return equal_no_case(name, other); });
}

std::uint64_t size_of(const SharedBytes& bytes) {
  return bytes ? bytes->size() : 0;
}

struct LengthOf {
  using Length = std::optional<std::uint64_t>;
  Length operator()(std::monostate) const { return 0; }
  Length operator()(const std::string& text) const { return text.size(); }
  Length operator()(const Bytes& bytes) const { return bytes.size(); }
  Length operator()(const SharedBytes& bytes) const { return size_of(bytes); }
  Length operator()(const FileBody& body) const {
    std::uint64_t length = size_of(body.prefix) + size_of(body.suffix);
    for (const io::FileRange& range : body.ranges) {
      length += range.length;
    }
    return length;
  }
  Length operator()(const std::shared_ptr<Producer>& producer) const {
    return producer ? producer->length() : Length{0};
  }
};

}  // namespace

int append_field_lines(std::string& out, const Headers& headers) {
  int refused = 0;
  for (const Header& header : headers.all()) {
    if (belongs_to_transport(header.name)) {
      continue;
    }
    if (!is_token(header.name) || !is_field_value(header.value)) {
      ++refused;
      continue;
    }
    out += header.name;
    out += ": ";
    out += header.value;
    out += "\r\n";
  }
  return refused;
}

std::optional<std::uint64_t> body_length(const Body& body) {
  return std::visit(LengthOf{}, body);
}

}  // namespace microtome::http
