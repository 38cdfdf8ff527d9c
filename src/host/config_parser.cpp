// SPDX-License-Identifier: Apache-2.0
#include "host/config_parser.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "host/config_condition.hpp"
#include "host/config_expression.hpp"
#include "host/config_lexer.hpp"

namespace microtome::host {
namespace {

constexpr int kMaxErrors = 20;
constexpr int kMaxIncludes = 1000;
constexpr int kMaxIncludeDepth = 16;
constexpr int kMaxBlockDepth = 32;
constexpr std::size_t kMaxSource = 4U << 20;
constexpr std::size_t kMaxWeight = 64U << 20;  // of all values made from variables

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string{} : path.substr(0, slash + 1);
}

class Parser {
 public:
  Parser(const ConfigWorld& world, Diagnostics& diagnostics) : world_(world), diagnostics_(diagnostics) {}

  ConfigTree run(const std::string& path) {
    tree_.blocks.emplace_back();
    tree_.files.push_back(path);
    set(0, "var.CWD", Value{{}, world_.directory}, {});
    set(0, "var.PID", Value{{}, static_cast<std::int64_t>(world_.process)}, {});
    base_ = path == "-" ? std::string{} : directory_of(path);
    auto source = world_.read(path);
    if (!source) {
      diagnostics_.error({}, "cannot be read: " + source.error().context);
      return std::move(tree_);
    }
    file(*source, 0, 0);
    return std::move(tree_);
  }

 private:
  // One file (or shell output) into `block`.
  void file(std::string_view source, int number, int block) {
    const int before = diagnostics_.errors();
    if (source.size() > kMaxSource) {
      diagnostics_.error({number, 0, 0}, "larger than 4 MiB");
      return;
    }
    Cursor cursor(tokenize(source, number, diagnostics_));
    if (diagnostics_.errors() > before) {
      return;  // what follows would only repeat it
    }
    statements(cursor, block, nullptr, 0);
  }

  [[nodiscard]] bool enough() const { return diagnostics_.errors() >= kMaxErrors; }

  // Until the closing bracket of `opening`, or the end of the file when it is null.
  void statements(Cursor& cursor, int block, const Token* opening, int depth) {
    while (!enough()) {
      if (cursor.is(TokenKind::end)) {
        block_not_closed(opening);
        return;
      }
      if (cursor.is(TokenKind::right_curly)) {
        if (opening != nullptr) {
          cursor.step();
          return;
        }
        diagnostics_.error(cursor.now().place, "'}' closes nothing: no block is open here");
        cursor.step();
        continue;
      }
      const int before = diagnostics_.errors();
      statement(cursor, block, depth);
      if (diagnostics_.errors() > before) {
        recover(cursor);
      }
    }
  }

  void block_not_closed(const Token* opening) {
    if (opening != nullptr && told_open_) {
      diagnostics_.note(opening->place, "nor is the block around it, opened here");
    } else if (opening != nullptr) {
      diagnostics_.error(opening->place,
                         "the block opened here is not closed: a '}' is missing before the end of the file");
      told_open_ = true;
    }
  }

  // To the next place that looks like the start of a statement.
  static void recover(Cursor& cursor) {
    while (!cursor.is(TokenKind::end) && !cursor.is(TokenKind::right_curly)) {
      const Token& token = cursor.now();
      if (token.first_on_line && (begins_setting(token, cursor.ahead()) || token.kind == TokenKind::dollar ||
                                  cursor.is_word("include") || cursor.is_word("global"))) {
        return;
      }
      if (cursor.is(TokenKind::left_curly)) {
        int open = 0;
        do {
          open += cursor.is(TokenKind::left_curly) ? 1 : cursor.is(TokenKind::right_curly) ? -1 : 0;
          cursor.step();
        } while (open > 0 && !cursor.is(TokenKind::end));
        continue;
      }
      cursor.step();
    }
  }

  void statement(Cursor& cursor, int block, int depth) {
    const Token token = cursor.now();
    if (token.kind == TokenKind::dollar) {
      return conditions(cursor, block, depth);
    }
    if (token.kind != TokenKind::word) {
      return stray(cursor);
    }
    if (token.text == "include" || token.text == "include_shell") {
      return include(cursor, block);
    }
    if (token.text == "global" && cursor.ahead().kind == TokenKind::left_curly) {
      cursor.step();
      const Token opening = cursor.now();
      cursor.step();
      return statements(cursor, 0, &opening, depth + 1);
    }
    if (token.text == "else" || ((token.text == "elif" || token.text == "elseif" || token.text == "elsif") &&
                                 cursor.ahead().kind == TokenKind::dollar)) {
      diagnostics_.error(token.place, "'" + token.text + "' must follow the '}' of a condition");
      cursor.step();
      return;
    }
    if (token.text == "if" && cursor.ahead().kind == TokenKind::dollar) {
      diagnostics_.error(token.place,
                         "there is no 'if' in this language: begin with the condition, $HTTP[...] == ... { }");
      cursor.step();
      return;
    }
    setting(cursor, block);
  }

  void stray(Cursor& cursor) {
    const Token& token = cursor.now();
    if (token.kind == TokenKind::right_round || token.kind == TokenKind::right_square) {
      diagnostics_.error(token.place, describe(token) + " closes nothing: none is open here");
    } else if (token.kind == TokenKind::comma) {
      diagnostics_.error(token.place, "',' outside of a list: settings are not separated by commas");
    } else {
      diagnostics_.error(token.place, "a setting (name = value) or a condition ($HTTP[...]) must begin here, not " +
                                          describe(token));
    }
    cursor.step();
  }

  void setting(Cursor& cursor, int block) {
    const Token name = cursor.now();
    cursor.step();
    const TokenKind how = cursor.now().kind;
    if (how != TokenKind::assign && how != TokenKind::append && how != TokenKind::force) {
      std::string message =
          "behind the name '" + name.text + "' one of '=', '+=' and ':=' must stand, not " + describe(cursor.now());
      diagnostics_.error(how == TokenKind::end ? name.place : cursor.now().place, std::move(message));
      return;
    }
    cursor.step();
    auto value = expression(cursor, block);
    if (!value) {
      return;
    }
    const std::string key = name.text.find('.') == std::string::npos ? "var." + name.text : name.text;
    if (key.starts_with("env.")) {
      diagnostics_.error(name.place, "'" + name.text + "': the environment (env.) can only be read");
      return;
    }
    assign(block, key, how, std::move(*value), name);
  }

  void assign(int block, const std::string& key, TokenKind how, Value value, const Token& name) {
    Setting* here = find(block, key);
    if (how == TokenKind::assign && here != nullptr) {
      diagnostics_.error(name.place, "'" + name.text + "' is set twice here; ':=' replaces a value, '+=' adds to it");
      if (here->place.line > 0) {
        diagnostics_.note(here->place, "first here");
      }
      return;
    }
    if (how == TokenKind::append) {
      const Setting* outer = here != nullptr ? here : look_up(block, key);
      if (outer != nullptr) {
        auto joined = charge(outer->value, name) ? join_values(outer->value, value)
                                                 : Result<Value>(fail(Code::too_large, "too much is joined"));
        if (!joined) {
          diagnostics_.error(value.place, joined.error().message);
          diagnostics_.note(outer->place, "'" + key + "' is set here");
          return;
        }
        value = std::move(*joined);
      }
    }
    if (here != nullptr) {
      here->value = std::move(value);
      here->place = name.place;
      return;
    }
    set(block, key, std::move(value), name.place);
  }

  void include(Cursor& cursor, int block) {
    const Token word = cursor.now();
    cursor.step();
    auto value = expression(cursor, block);
    if (!value) {
      return;
    }
    if (!value->is_text() || value->text().empty()) {
      diagnostics_.error(value->place, "'" + word.text + "' needs a string");
      return;
    }
    if (++includes_ > kMaxIncludes || include_depth_ >= kMaxIncludeDepth) {
      diagnostics_.error(word.place, include_depth_ >= kMaxIncludeDepth
                                         ? "files include each other deeper than 16: does one include itself?"
                                         : "more than 1000 files are included");
      return;
    }
    const int before = diagnostics_.errors();
    ++include_depth_;
    if (word.text == "include_shell") {
      shell(value->text(), word, block);
    } else {
      files(value->text(), value->place, block);
    }
    --include_depth_;
    if (diagnostics_.errors() > before) {
      diagnostics_.note(word.place, "included from here");
    }
  }

  void shell(const std::string& command, const Token& word, int block) {
    if (!world_.shell) {
      diagnostics_.error(word.place, "include_shell runs a command and is off; allow it with --allow-include-shell");
      return;
    }
    auto output = world_.shell(command);
    if (!output) {
      diagnostics_.error(word.place, "the command failed: " + output.error().context);
      return;
    }
    tree_.files.push_back("`" + command + "`");
    file(*output, static_cast<int>(tree_.files.size()) - 1, block);
  }

  void files(const std::string& name, Place place, int block) {
    // As in lighttpd: a name that begins with "." counts from the current directory.
    const std::string path = name.front() == '/' || name.front() == '.' ? name : base_ + name;
    std::vector<std::string> paths{path};
    if (path.find_first_of("*?[") != std::string::npos) {
      paths = world_.glob(path);
    }
    for (const std::string& each : paths) {
      auto source = world_.read(each);
      if (!source) {
        diagnostics_.error(place, "\"" + each + "\" cannot be included: " + source.error().context);
        return;
      }
      tree_.files.push_back(each);
      file(*source, static_cast<int>(tree_.files.size()) - 1, block);
    }
  }

  // A condition and the else chain behind it.
  void conditions(Cursor& cursor, int parent, int depth) {
    int previous = -1;
    if (depth >= kMaxBlockDepth) {
      diagnostics_.error(cursor.now().place, "conditions are nested deeper than 32");
      return;
    }
    while (!enough()) {
      std::optional<Condition> condition;
      const Place place = cursor.now().place;
      if (cursor.is(TokenKind::dollar)) {
        Expressions values = expressions(cursor, parent);
        condition = parse_condition(cursor, values, diagnostics_);
        if (!condition) {
          return;
        }
      }
      if (!cursor.is(TokenKind::left_curly)) {
        diagnostics_.error(cursor.now().place,
                           "here the '{' of the condition's block must stand, not " + describe(cursor.now()));
        diagnostics_.note(place, "the condition begins here");
        return;
      }
      const Token opening = cursor.now();
      if (tree_.blocks.size() >= kMaxBlocks) {
        diagnostics_.error(place, "more than 10000 conditions");
        return;
      }
      cursor.step();
      const bool last = !condition.has_value();
      const int block = open_block(parent, previous, std::move(condition), place);
      statements(cursor, block, &opening, depth + 1);
      previous = block;
      if (!else_follows(cursor, last)) {
        return;
      }
    }
  }

  // Steps over `else`, `else if`, `elif`.
  bool else_follows(Cursor& cursor, bool last) {
    const bool otherwise = cursor.is_word("else");
    const bool spelled = (cursor.is_word("elif") || cursor.is_word("elseif") || cursor.is_word("elsif")) &&
                         cursor.ahead().kind == TokenKind::dollar;
    if (!otherwise && !spelled) {
      return false;
    }
    if (last) {
      diagnostics_.error(cursor.now().place,
                         "this is never reached: the 'else' before it has no condition and takes all");
      cursor.step();
      return false;
    }
    cursor.step();
    if (otherwise && cursor.is_word("if") && cursor.ahead().kind == TokenKind::dollar) {
      cursor.step();
    }
    if (cursor.is(TokenKind::dollar) || cursor.is(TokenKind::left_curly)) {
      return true;
    }
    diagnostics_.error(cursor.now().place,
                       "behind 'else' a condition ($HTTP[...]) or '{' must stand, not " + describe(cursor.now()));
    return false;
  }

  int open_block(int parent, int previous, std::optional<Condition> condition, Place place) {
    // The same condition at the same place of the tree is the same block, so that a setting made twice is noticed.
    for (const int child : tree_.blocks[static_cast<std::size_t>(parent)].children) {
      const Block& other = tree_.blocks[static_cast<std::size_t>(child)];
      if (other.previous == previous && other.condition.has_value() == condition.has_value() &&
          (!condition || spell(*condition) == spell(*other.condition))) {
        return child;
      }
    }
    const int number = static_cast<int>(tree_.blocks.size());
    tree_.blocks[static_cast<std::size_t>(parent)].children.push_back(number);
    tree_.blocks.push_back({parent, previous, std::move(condition), {}, {}, place});
    return number;
  }

  Expressions expressions(Cursor& cursor, int block) {
    return {cursor, diagnostics_, [this, block](const Token& name) { return variable(block, name); }};
  }
  std::optional<Value> expression(Cursor& cursor, int block) { return expressions(cursor, block).parse(); }

  std::optional<Value> variable(int block, const Token& name);

  bool charge(const Value& value, const Token& name) {
    weight_ += weight(value);
    if (weight_ <= kMaxWeight) {
      return true;
    }
    diagnostics_.error(name.place, "the values of this configuration grow beyond 64 MiB");
    return false;
  }

  void set(int block, const std::string& key, Value value, Place place) {
    tree_.blocks[static_cast<std::size_t>(block)].settings.push_back({key, std::move(value), place});
  }
  Setting* find(int block, std::string_view key) {
    return const_cast<Setting*>(tree_.blocks[static_cast<std::size_t>(block)].find(key));
  }
  [[nodiscard]] const Setting* look_up(int block, std::string_view key) const {
    for (; block >= 0; block = tree_.blocks[static_cast<std::size_t>(block)].parent) {
      if (const Setting* setting = tree_.blocks[static_cast<std::size_t>(block)].find(key)) {
        return setting;
      }
    }
    return nullptr;
  }

  const ConfigWorld& world_;
  Diagnostics& diagnostics_;
  ConfigTree tree_;
  std::string base_;
  bool told_open_ = false;
  int includes_ = 0;
  int include_depth_ = 0;
  std::size_t weight_ = 0;
};

std::optional<Value> Parser::variable(int block, const Token& name) {
  const std::string& text = name.text;
  if (text.starts_with("env.")) {
    auto value = world_.environment ? world_.environment(text.substr(4)) : std::nullopt;
    if (!value) {
      diagnostics_.error(name.place, "the environment has no variable " + text.substr(4));
      return std::nullopt;
    }
    return Value{name.place, std::move(*value)};
  }
  const std::string key = text.find('.') == std::string::npos ? "var." + text : text;
  if (const Setting* setting = look_up(block, key)) {
    return charge(setting->value, name) ? std::optional(setting->value) : std::nullopt;
  }
  static constexpr std::array<std::string_view, 6> kPlain = {"enable", "disable", "true", "false", "yes", "no"};
  std::string message = "there is no variable '" + text + "'";
  if (std::find(kPlain.begin(), kPlain.end(), text) != kPlain.end()) {
    message += "; text stands in quotes: \"" + text + '"';
  } else {
    std::vector<std::string_view> known;
    for (int up = block; up >= 0; up = tree_.blocks[static_cast<std::size_t>(up)].parent) {
      for (const Setting& setting : tree_.blocks[static_cast<std::size_t>(up)].settings) {
        known.emplace_back(setting.key);
      }
    }
    if (const auto near = nearest_word(key, known); !near.empty()) {
      message += "; is '" + std::string(near) + "' meant?";
    }
  }
  diagnostics_.error(name.place, std::move(message));
  return std::nullopt;
}

}  // namespace

ConfigTree parse_config(const std::string& path, const ConfigWorld& world, Diagnostics& diagnostics) {
  return Parser(world, diagnostics).run(path);
}

}  // namespace microtome::host
