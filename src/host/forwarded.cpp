// SPDX-License-Identifier: Apache-2.0
#include "host/forwarded.hpp"

#include <cstddef>

#include "host/address.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

// A token or a quoted string off the front; nullopt when neither stands there.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    std::size_t end = 0;
    while (end < text.size() && http::is_token_char(text[end])) {
      ++end;
    }
    value = text.substr(0, end);
    text.remove_prefix(end);
    return value.empty() ? std::nullopt : std::optional(value);
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    i += text[i] == '\\' && i + 1 < text.size() ? 1 : 0;
    value += text[i];
  }
  return std::nullopt;
}

// "192.0.2.1:80", "[2001:db8::1]:80": the address; "" for names that hide it.
std::string node_address(std::string_view node) {
  if (node.starts_with('[')) {
    node = node.substr(1, node.find(']') - 1);
  } else if (const std::size_t colon = node.find(':'); colon == node.rfind(':')) {
    node = node.substr(0, colon);
  }
  return parse_address(node) ? std::string(node) : std::string{};
}

bool take_pair(std::string_view& element, ForwardedHop& hop) {
  const std::size_t equals = element.find('=');
  if (equals == std::string_view::npos || !http::is_token(element.substr(0, equals))) {
    return false;
  }
  const std::string_view name = element.substr(0, equals);
  element.remove_prefix(equals + 1);
  const auto value = take_value(element);
  if (!value || !http::is_field_value(*value)) {
    return false;
  }
  if (http::equal_no_case(name, "for")) {
    hop.client = node_address(*value);
  } else if (http::equal_no_case(name, "proto")) {
    hop.proto = *value;
  } else if (http::equal_no_case(name, "host")) {
    hop.host = *value;
  } else if (http::equal_no_case(name, "remote_user")) {
    hop.user = *value;
  }
  element = http::trim(element);
  return true;
}

}  // namespace

std::optional<std::vector<ForwardedHop>> read_forwarded(std::string_view field) {
  std::vector<ForwardedHop> hops;
  for (std::string_view element : http::split_list(field)) {
    ForwardedHop hop;
    while (!element.empty()) {
      if (!take_pair(element, hop)) {
        return std::nullopt;
      }
      if (element.empty()) {
        break;
      }
      if (!element.starts_with(';')) {
        return std::nullopt;
      }
      element = http::trim(element.substr(1));
    }
    hops.push_back(std::move(hop));
  }
  return hops;
}

}  // namespace microtome::host
