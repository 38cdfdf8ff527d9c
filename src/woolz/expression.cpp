// SPDX-License-Identifier: Apache-2.0
#include "woolz/expression.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

namespace microtome::woolz {
namespace {

constexpr int kMaxDepth = 32;
constexpr int kMaxOperations = 512;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

enum class Token : std::uint8_t { end, name, number, open, close, comma, dash };

// Splits the text; characters that mean nothing are passed over, as they always were.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) { advance(); }
  [[nodiscard]] Token token() const { return token_; }
  [[nodiscard]] std::string_view word() const { return word_; }
  bool accept(Token token) {
    if (token_ != token) {
      return false;
    }
    advance();
    return true;
  }
  void advance();
  std::optional<double> number();
  std::optional<std::int64_t> integer();

 private:
  std::string_view rest_;
  std::string_view word_;
  Token token_ = Token::end;
};

void Lexer::advance() {
  word_ = {};
  while (!rest_.empty()) {
    const char c = rest_.front();
    std::size_t length = 1;
    if (is_letter(c)) {
      while (length < rest_.size() && (is_letter(rest_[length]) || is_digit(rest_[length]))) {
        ++length;
      }
      token_ = Token::name;
    } else if (is_digit(c) || (c == '.' && rest_.size() > 1 && is_digit(rest_[1]))) {
      while (length < rest_.size() && (is_digit(rest_[length]) || rest_[length] == '.')) {
        ++length;
      }
      token_ = Token::number;
    } else if (c == '(' || c == ')' || c == ',' || c == '-') {
      token_ = c == '(' ? Token::open : c == ')' ? Token::close : c == ',' ? Token::comma : Token::dash;
    } else {
      rest_.remove_prefix(1);
      continue;
    }
    word_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return;
  }
  token_ = Token::end;
}

std::optional<double> Lexer::number() {
  const double sign = accept(Token::dash) ? -1 : 1;
  double value = 0;
  if (token_ != Token::number ||
      std::from_chars(word_.data(), word_.data() + word_.size(), value).ptr != word_.data() + word_.size() ||
      value > 1e18) {
    return std::nullopt;
  }
  advance();
  return sign * value;
}

std::optional<std::int64_t> Lexer::integer() {
  std::int32_t value = 0;
  if (token_ != Token::number) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(word_.data(), word_.data() + word_.size(), value);
  if (error != std::errc{} || end != word_.data() + word_.size()) {
    return std::nullopt;
  }
  advance();
  return value;
}

struct Name {
  std::string_view name;
  Operation operation;
};
constexpr std::array<Name, 12> kNames{{{"background", Operation::background},
                                       {"diff", Operation::difference},
                                       {"dilation", Operation::dilation},
                                       {"domain", Operation::domain},
                                       {"erosion", Operation::erosion},
                                       {"fill", Operation::fill},
                                       {"intersect", Operation::intersection},
                                       {"occupancy", Operation::occupancy},
                                       {"setvalue", Operation::set_value},
                                       {"threshold", Operation::threshold},
                                       {"transfer", Operation::transfer},
                                       {"union", Operation::union_of}}};
constexpr std::array<std::pair<std::string_view, Relation>, 5> kRelations{{{"lt", Relation::less},
                                                                           {"le", Relation::less_equal},
                                                                           {"eq", Relation::equal},
                                                                           {"ge", Relation::greater_equal},
                                                                           {"gt", Relation::greater}}};

class Parser {
 public:
  explicit Parser(std::string_view text) : in_(text) {}
  bool expression(Expression& out, int depth);
  Lexer& lexer() { return in_; }

 private:
  bool call(Expression& out, int depth);
  bool items(Expression& out, int depth, bool only_members);
  bool relation(Expression& out);
  bool number(Expression& out) {
    const auto value = in_.accept(Token::comma) ? in_.number() : std::nullopt;
    out.number = value.value_or(0);
    return value.has_value();
  }

  Lexer in_;
  int operations_ = 0;
};

bool Parser::expression(Expression& out, int depth) {
  if (depth > kMaxDepth || ++operations_ > kMaxOperations) {
    return false;
  }
  if (in_.token() == Token::name) {
    return call(out, depth);
  }
  const auto member = in_.integer();
  out.first = out.last = member.value_or(0);
  return member.has_value();
}

// item[,item...], an item being an expression or a range of members.
bool Parser::items(Expression& out, int depth, bool only_members) {
  do {
    Expression item;
    if ((only_members && in_.token() != Token::number) || !expression(item, depth + 1)) {
      return false;
    }
    if (item.operation == Operation::index && in_.accept(Token::dash)) {
      const auto last = in_.integer();
      if (!last || *last < item.first) {
        return false;
      }
      item.last = *last;
    }
    out.operands.push_back(std::move(item));
  } while (in_.accept(Token::comma));
  return true;
}

bool Parser::relation(Expression& out) {
  if (!in_.accept(Token::comma) || in_.token() != Token::name) {
    return false;
  }
  const auto* const found = std::find_if(kRelations.begin(), kRelations.end(),
                                         [&](const auto& entry) { return entry.first == in_.word(); });
  if (found == kRelations.end()) {
    return false;
  }
  out.relation = found->second;
  in_.advance();
  return true;
}

bool Parser::call(Expression& out, int depth) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Name& name) { return name.name == in_.word(); });
  if (found == kNames.end()) {
    return false;
  }
  out.operation = found->operation;
  in_.advance();
  if (!in_.accept(Token::open)) {
    return false;
  }
  const auto operand = [&] { return expression(out.operands.emplace_back(), depth + 1); };
  bool good = false;
  switch (out.operation) {
    case Operation::union_of:
      good = items(out, depth, false);
      break;
    case Operation::occupancy:
      good = in_.token() == Token::close || items(out, depth, true);
      break;
    case Operation::domain:
    case Operation::fill:
      good = operand();
      break;
    case Operation::difference:
    case Operation::intersection:
    case Operation::transfer:
      good = operand() && in_.accept(Token::comma) && operand();
      break;
    case Operation::background:
    case Operation::set_value:
    case Operation::dilation:
    case Operation::erosion:
      good = operand() && number(out);
      break;
    case Operation::threshold:
      good = operand() && number(out) && relation(out);
      break;
    case Operation::index:
      break;
  }
  return good && in_.accept(Token::close);
}

std::string_view name_of(Operation operation) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Name& name) { return name.operation == operation; });
  return found == kNames.end() ? std::string_view{} : found->name;
}

}  // namespace

int Expression::cost() const {
  int cost = 2;
  if (operation == Operation::index) {
    cost = 0;
  } else if (operation == Operation::domain || operation == Operation::background) {
    cost = 1;
  }
  for (const Expression& operand : operands) {
    cost = std::max(cost, operand.cost());
  }
  return cost;
}

std::string Expression::text() const {
  if (operation == Operation::index) {
    return first == last ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(last);
  }
  std::string out(name_of(operation));
  char separator = '(';
  for (const Expression& operand : operands) {
    out += separator;
    out += operand.text();
    separator = ',';
  }
  if (operation == Operation::background || operation == Operation::set_value || operation == Operation::dilation ||
      operation == Operation::erosion || operation == Operation::threshold) {
    std::array<char, 32> number_text{};
    std::snprintf(number_text.data(), number_text.size(), ",%.17g", number);
    out += number_text.data();
  }
  if (operation == Operation::threshold) {
    out += ',';
    out += kRelations[static_cast<std::size_t>(relation)].first;
  }
  return out + (operands.empty() ? "()" : ")");
}

Result<Selector> parse_selector(std::string_view text) {
  Selector selector;
  Parser parser(text);
  if (!parser.expression(selector.expression, 0)) {
    return fail(Code::bad_request, "SEL is malformed");
  }
  std::vector<std::uint8_t> numbers;
  while (parser.lexer().accept(Token::comma)) {
    const auto value = parser.lexer().number();
    if (!value || numbers.size() == 4) {
      return fail(Code::bad_request, "SEL is malformed");
    }
    numbers.push_back(static_cast<std::uint8_t>(std::clamp(*value, 0.0, 255.0)));
  }
  if (parser.lexer().token() != Token::end || numbers.size() == 2) {
    return fail(Code::bad_request, "SEL is malformed");
  }
  if (numbers.size() == 1) {
    selector.tint.alpha = numbers[0];
  } else if (numbers.size() >= 3) {
    selector.tint = {numbers[0], numbers[1], numbers[2], numbers.size() == 4 ? numbers[3] : std::uint8_t{255}};
  }
  return selector;
}

}  // namespace microtome::woolz
