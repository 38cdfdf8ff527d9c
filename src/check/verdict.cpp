// SPDX-License-Identifier: Apache-2.0
#include "check/verdict.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace microtome::check {
namespace {

constexpr std::array<const char*, 4> kNames = {"pass", "warn", "FAIL", "skip"};
constexpr std::array<const char*, 4> kKeys = {"pass", "warn", "fail", "skip"};

// What a peer said may stand in a detail: nothing of it may act on a terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f) {
      out += c;
    } else {
      std::array<char, 5> escape;
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(c));
      out += escape.data();
    }
  }
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

std::string clause_text(const std::string& clause) {
  return clause.starts_with("RFC") ? clause : "FastCGI " + clause;
}

}  // namespace

int Report::count(Kind kind) const {
  return static_cast<int>(
      std::ranges::count_if(outcomes_, [kind](const Outcome& outcome) { return outcome.verdict.kind == kind; }));
}

void Report::add(Outcome outcome) {
  if (form_ == Form::text && (!quiet_ || outcome.verdict.kind == Kind::fail || outcome.verdict.kind == Kind::warn)) {
    std::string line = kNames[static_cast<std::size_t>(outcome.verdict.kind)];
    line += "  " + outcome.name;
    line.append(line.size() < 36 ? 36 - line.size() : 1, ' ');
    line += outcome.demand + "  [" + clause_text(outcome.clause) + "]\n";
    if (!outcome.verdict.detail.empty()) {
      line += "      -> " + printable(outcome.verdict.detail) + '\n';
    }
    write_(line);
  }
  outcomes_.push_back(std::move(outcome));
}

bool Report::finish(std::string_view peer) {
  const int passed = count(Kind::pass);
  const int failed = count(Kind::fail);
  if (form_ == Form::text) {
    write_(printable(peer) + ": " + std::to_string(passed) + " passed, " + std::to_string(failed) + " failed, " +
           std::to_string(count(Kind::warn)) + " warnings, " + std::to_string(count(Kind::skip)) + " skipped\n");
  } else {
    std::string out = "{\"peer\":" + quoted(peer) + ",\"passed\":" + std::to_string(passed) +
                      ",\"failed\":" + std::to_string(failed) + ",\"warnings\":" + std::to_string(count(Kind::warn)) +
                      ",\"skipped\":" + std::to_string(count(Kind::skip)) + ",\"rows\":[";
    const char* comma = "\n";
    for (const Outcome& outcome : outcomes_) {
      out += comma;
      out += "{\"name\":" + quoted(outcome.name) + ",\"verdict\":\"" +
             kKeys[static_cast<std::size_t>(outcome.verdict.kind)] +
             "\",\"clause\":" + quoted(clause_text(outcome.clause)) + ",\"demand\":" + quoted(outcome.demand) +
             ",\"detail\":" + quoted(outcome.verdict.detail) + "}";
      comma = ",\n";
    }
    write_(out + "\n]}\n");
  }
  return failed == 0 && passed > 0;
}

}  // namespace microtome::check
