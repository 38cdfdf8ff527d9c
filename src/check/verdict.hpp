// SPDX-License-Identifier: Apache-2.0
// The rows of a conformance test and how they are told. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace microtome::check {

enum class Kind {
  pass,
  warn,  // wrong, but only advice is broken: does not make the test fail
  fail,
  skip,  // does not apply to this peer; `detail` says why
};

struct Verdict {
  Kind kind = Kind::pass;
  std::string detail;  // what is wrong, or why it was skipped
};
[[nodiscard]] inline Verdict pass() {
  return {};
}
[[nodiscard]] inline Verdict wrong(std::string detail) {
  return {Kind::fail, std::move(detail)};
}
[[nodiscard]] inline Verdict skip(std::string detail) {
  return {Kind::skip, std::move(detail)};
}

enum class Weight { must, should };

// One thing that is tested. `clause` names the specification: "5.5" is of FastCGI 1.0, "RFC 3875 4.1.7" of CGI.
template <class Peer>
struct Row {
  const char* name;  // short, stable, for --only and for machines
  const char* clause;
  const char* demand;  // what the peer has to do
  Weight weight = Weight::must;
  std::function<Verdict(Peer&)> run;
};

struct Outcome {
  std::string name;
  std::string clause;
  std::string demand;
  Verdict verdict;
};

// Says each row as soon as it is known, and the sums at the end.
class Report {
 public:
  enum class Form { text, json };
  using Write = std::function<void(std::string_view)>;
  Report(Form form, bool quiet, Write write) : form_(form), quiet_(quiet), write_(std::move(write)) {}
  void add(Outcome outcome);
  // True when no row failed and at least one passed.
  bool finish(std::string_view peer);

 private:
  [[nodiscard]] int count(Kind kind) const;
  Form form_;
  bool quiet_;  // only what is wrong
  Write write_;
  std::vector<Outcome> outcomes_;
};

// Runs all rows whose name contains `only`.
template <class Peer>
void run_rows(const std::vector<Row<Peer>>& rows, Peer& peer, std::string_view only, Report& report) {
  for (const Row<Peer>& row : rows) {
    if (std::string_view(row.name).find(only) == std::string_view::npos) {
      continue;
    }
    Verdict verdict = row.run(peer);
    if (verdict.kind == Kind::fail && row.weight == Weight::should) {
      verdict.kind = Kind::warn;
    }
    report.add({row.name, row.clause, row.demand, std::move(verdict)});
  }
}

}  // namespace microtome::check
