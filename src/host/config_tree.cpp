// SPDX-License-Identifier: Apache-2.0
#include "host/config_tree.hpp"

#include <algorithm>

namespace microtome::host {

std::string_view spell(Compare compare) {
  switch (compare) {
    case Compare::equal:
      return "==";
    case Compare::not_equal:
      return "!=";
    case Compare::match:
      return "=~";
    case Compare::not_match:
      return "!~";
    case Compare::prefix:
      return "=^";
    case Compare::suffix:
      return "=$";
  }
  return "";
}

std::string spell(const Condition& condition) {
  std::string text = condition.spelling + ' ' + std::string(spell(condition.compare)) + " \"";
  for (const char c : condition.text) {
    if (c == '"') {
      text += '\\';
    }
    text += c;
  }
  return text + '"';
}

const Setting* Block::find(std::string_view key) const {
  for (const Setting& setting : settings) {
    if (setting.key == key) {
      return &setting;
    }
  }
  return nullptr;
}

namespace {

void print_chain(const ConfigTree& tree, const Block& parent, int first, int indent, std::string& out);

void print_block(const ConfigTree& tree, int number, int indent, std::string& out) {
  const Block& block = tree.blocks[static_cast<std::size_t>(number)];
  const std::string outer(static_cast<std::size_t>(indent), ' ');
  const std::string inner(static_cast<std::size_t>(indent) + 4, ' ');
  out += outer;
  std::string head = "config";
  if (number > 0) {
    head = block.condition ? spell(*block.condition) : "else";
    if (block.previous >= 0 && block.condition) {
      out += "else ";
    }
  }
  out += head + " {\n";
  if (number > 0) {
    out += inner + "# block " + std::to_string(number) + '\n';
  }
  std::size_t widest = 0;
  for (const Setting& setting : block.settings) {
    widest = std::max(widest, setting.key.size());
  }
  for (const Setting& setting : block.settings) {
    out += inner + setting.key + std::string(widest - setting.key.size(), ' ') + " = " +
           print_value(setting.value, indent + 4) + '\n';
  }
  out += '\n';
  for (const int child : block.children) {
    if (tree.blocks[static_cast<std::size_t>(child)].previous < 0) {
      out += '\n';
      print_chain(tree, block, child, indent + 4, out);
    }
  }
  out += outer + '}';
  if (number > 0) {
    out += " # end of " + head;
  }
}

// A block and the `else` blocks that follow it, which may stand further down in the file.
void print_chain(const ConfigTree& tree, const Block& parent, int first, int indent, std::string& out) {
  print_block(tree, first, indent, out);
  out += '\n';
  for (const int child : parent.children) {
    if (tree.blocks[static_cast<std::size_t>(child)].previous == first) {
      print_chain(tree, parent, child, indent, out);
    }
  }
}

}  // namespace

std::string print_tree(const ConfigTree& tree) {
  std::string out;
  print_block(tree, 0, 0, out);
  return out + '\n';
}

}  // namespace microtome::host
