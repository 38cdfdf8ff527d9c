// SPDX-License-Identifier: Apache-2.0
#include "host/condition.hpp"

#include <cstddef>
#include <cstdint>

namespace microtome::host {
namespace {

// "a.b:80" -> "a.b"; "[::1]:80" -> "[::1]".
std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return host;
  }
  return host.substr(0, colon);
}

std::string_view subject(const Condition& condition, const ConditionInput& input) {
  switch (condition.field) {
    case Field::socket:
      return input.socket;
    case Field::host:
      return input.host;
    case Field::url:
      return input.url;
    case Field::query:
      return input.query;
    case Field::remote_address:
      return input.remote_address;
    case Field::scheme:
      return input.scheme;
    case Field::method:
      return input.method;
    case Field::header:
      return input.headers != nullptr ? input.headers->get(condition.header) : std::string_view{};
  }
  return {};
}

// One address may be written in several ways: ":80" and "0.0.0.0:80" are the same socket.
bool same_socket(std::string_view socket, std::string_view wanted) {
  if (socket == wanted) {
    return true;
  }
  const auto anywhere = [](std::string_view address) {
    return address.starts_with("0.0.0.0:") ? address.substr(7) : address;
  };
  return anywhere(socket) == anywhere(wanted);
}

}  // namespace

bool same_host(std::string_view host, std::string_view wanted) {
  const std::string_view name = without_port(host);
  const std::string_view wanted_name = without_port(wanted);
  const bool both = name.size() != host.size() && wanted_name.size() != wanted.size();
  return both ? host == wanted : name == wanted_name;
}

const Captures* Outcome::captured(int block) const {
  for (const auto& [number, each] : captures) {
    if (number == block) {
      return &each;
    }
  }
  return nullptr;
}

ConditionSet::ConditionSet(const ConfigTree& tree) {
  tests_.reserve(tree.blocks.size());
  for (const Block& block : tree.blocks) {
    Test test{block.parent, block.previous, block.condition, nullptr, std::nullopt};
    if (test.condition) {
      const Compare compare = test.condition->compare;
      if (compare == Compare::match || compare == Compare::not_match) {
        Regex::Fault fault;
        test.regex = Regex::compile(test.condition->text, fault);
      } else if (test.condition->field == Field::remote_address) {
        test.network = parse_network(test.condition->text);
        needs_address_ = true;
      }
    }
    tests_.push_back(std::move(test));
  }
}

bool ConditionSet::holds(const Test& test, const ConditionInput& input, const std::optional<Address>& remote,
                         Captures* captures) const {
  const Condition& condition = *test.condition;
  const std::string_view value = subject(condition, input);
  bool equal = false;
  switch (condition.compare) {
    case Compare::match:
      return test.regex && test.regex->match(value, captures);
    case Compare::not_match:
      return test.regex && !test.regex->match(value, nullptr);
    case Compare::prefix:
      return value.starts_with(condition.text);
    case Compare::suffix:
      return value.ends_with(condition.text);
    case Compare::equal:
    case Compare::not_equal:
      if (condition.field == Field::host) {
        equal = same_host(value, condition.text);
        if (equal && condition.compare == Compare::equal) {
          captures->assign(1, std::string(value));  // %0 in replacements
        }
      } else if (condition.field == Field::socket) {
        equal = same_socket(value, condition.text);
      } else if (test.network) {
        equal = remote && test.network->contains(*remote);
      } else {
        equal = value == condition.text;
      }
      break;
  }
  return equal == (condition.compare == Compare::equal);
}

Outcome ConditionSet::evaluate(const ConditionInput& input) const {
  Outcome outcome;
  outcome.active.push_back(0);
  if (tests_.size() <= 1) {
    return outcome;
  }
  std::optional<Address> remote;
  if (needs_address_) {
    remote = parse_address(input.remote_address);
  }
  // For an else chain "taken" means: this block or one before it in the chain held.
  enum : std::uint8_t { kHolds = 1, kTaken = 2 };
  std::vector<std::uint8_t> state(tests_.size());
  state[0] = kHolds;
  for (std::size_t i = 1; i < tests_.size(); ++i) {
    const Test& test = tests_[i];
    if ((state[static_cast<std::size_t>(test.parent)] & kHolds) == 0) {
      continue;
    }
    if (test.previous >= 0 && (state[static_cast<std::size_t>(test.previous)] & kTaken) != 0) {
      state[i] = kTaken;
      continue;
    }
    Captures captures;
    if (!test.condition || holds(test, input, remote, &captures)) {
      state[i] = kHolds | kTaken;
      outcome.active.push_back(static_cast<int>(i));
      if (!captures.empty()) {
        outcome.captures.emplace_back(static_cast<int>(i), std::move(captures));
      }
    }
  }
  return outcome;
}

}  // namespace microtome::host
