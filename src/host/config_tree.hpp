// SPDX-License-Identifier: Apache-2.0
// A configuration as parsed: block 0 holds what stands outside of conditions, each condition has a block of its own.
// Immutable once parsed; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/config_place.hpp"
#include "host/config_value.hpp"

namespace microtome::host {

// What a condition looks at.
enum class Field {
  socket,  // $SERVER["socket"]: the listening address, as configured
  host,
  url,  // decoded path, without the query
  query,
  remote_address,
  scheme,
  method,
  header,  // any request header by name; referer, useragent, cookie, language are such
};

enum class Compare { equal, not_equal, match, not_match, prefix, suffix };

struct Condition {
  Field field = Field::url;
  std::string header;    // Field::header: its name
  std::string spelling;  // left side as written: $HTTP["url"]
  Compare compare = Compare::equal;
  std::string text;
  Place place;
  Place text_place;
};

// "==", "!=", "=~", "!~", "=^", "=$"
[[nodiscard]] std::string_view spell(Compare compare);
// $HTTP["url"] =~ "^/x"
[[nodiscard]] std::string spell(const Condition& condition);

struct Setting {
  std::string key;  // "server.port", "var.x"
  Value value;
  Place place;  // of the key
};

struct Block {
  int parent = -1;                     // -1 only for block 0
  int previous = -1;                   // else: the block whose condition must have failed
  std::optional<Condition> condition;  // none: block 0, or a last else
  std::vector<int> children;           // in order of the file
  std::vector<Setting> settings;
  Place place;

  [[nodiscard]] const Setting* find(std::string_view key) const;
};

// A configuration may have this many blocks.
inline constexpr int kMaxBlocks = 10000;

struct ConfigTree {
  SourceNames files;
  std::vector<Block> blocks;  // a parent stands before its children, `previous` before its successor

  // The setting of `key` outside of all conditions, or null.
  [[nodiscard]] const Setting* global(std::string_view key) const { return blocks.front().find(key); }
};

// What `-p` prints; lighttpd's own layout, so that the two can be compared.
[[nodiscard]] std::string print_tree(const ConfigTree& tree);

}  // namespace microtome::host
