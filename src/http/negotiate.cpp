// SPDX-License-Identifier: Apache-2.0
#include "http/negotiate.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "http/conditional.hpp"
#include "http/text.hpp"

namespace microtome::http {
namespace {

// "q=0.8" among the parameters after the first ";"; thousandths. A q that does not parse weighs nothing.
int weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = trim(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    if (parameter.size() < 3 || to_lower(parameter[0]) != 'q' || parameter[1] != '=') {
      continue;
    }
    const std::string_view number = parameter.substr(2);
    if ((number[0] != '0' && number[0] != '1') || number.size() > 5 || (number.size() > 1 && number[1] != '.')) {
      return 0;
    }
    int weight = (number[0] - '0') * 1000;
    int unit = 100;
    for (std::size_t i = 2; i < number.size(); ++i, unit /= 10) {
      if (!is_digit(number[i])) {
        return 0;
      }
      weight += (number[i] - '0') * unit;
    }
    return std::min(weight, 1000);
  }
  return 1000;
}

struct Choice {
  std::string_view name;
  int weight;
};

Choice parse_choice(std::string_view member) {
  const std::size_t semicolon = std::min(member.find(';'), member.size());
  const std::string_view parameters = semicolon < member.size() ? member.substr(semicolon + 1) : std::string_view{};
  return {trim(member.substr(0, semicolon)), weight_of(parameters)};
}

}  // namespace

int encoding_weight(const Headers& headers, std::string_view coding) {
  const bool identity = equal_no_case(coding, "identity");
  if (!headers.has("Accept-Encoding")) {
    return identity ? 1000 : 0;
  }
  const std::string list = joined(headers, "Accept-Encoding");
  std::optional<int> star;
  for (const std::string_view member : split_list(list)) {
    const Choice choice = parse_choice(member);
    if (equal_no_case(choice.name, coding)) {
      return choice.weight;
    }
    if (choice.name == "*") {
      star = choice.weight;
    }
  }
  return star.value_or(identity ? 1 : 0);
}

int media_weight(const Headers& headers, std::string_view media_type) {
  if (!headers.has("Accept")) {
    return 1000;
  }
  const std::string list = joined(headers, "Accept");
  const std::string_view type = media_type.substr(0, media_type.find('/'));
  int best = 0;
  int specific = -1;
  for (const std::string_view member : split_list(list)) {
    const Choice choice = parse_choice(member);
    int rank = -1;
    if (equal_no_case(choice.name, media_type)) {
      rank = 2;
    } else if (choice.name.ends_with("/*") && equal_no_case(choice.name.substr(0, choice.name.size() - 2), type)) {
      rank = 1;
    } else if (choice.name == "*/*") {
      rank = 0;
    }
    if (rank > specific) {
      specific = rank;
      best = choice.weight;
    }
  }
  return best;
}

}  // namespace microtome::http
