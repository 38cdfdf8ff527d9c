// SPDX-License-Identifier: Apache-2.0
// The configuration language: any bytes give a tree or messages, never a crash; what is printed parses again.
#include <cstdlib>
#include <string>

#include "host/condition.hpp"
#include "host/config_parser.hpp"
#include "host/directives.hpp"

using namespace microtome;        // NOLINT
using namespace microtome::host;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  ConfigWorld world;
  world.read = [&](const std::string&) -> Result<std::string> { return text; };
  world.glob = [](const std::string& pattern) { return std::vector<std::string>{pattern}; };
  world.environment = [](const std::string& name) { return std::optional<std::string>(name); };
  Diagnostics diagnostics;
  const ConfigTree tree = parse_config("fuzz.conf", world, diagnostics);
  (void)format_diagnostics(diagnostics, tree.files);
  if (diagnostics.errors() > 0) {
    return 0;
  }
  check_directives(tree, diagnostics);
  (void)print_tree(tree);
  http::Headers headers;
  headers.add("User-Agent", "x");
  const ConditionInput input{"127.0.0.1:80", "host", "/url", "q", "10.0.0.1", "http", "GET", &headers};
  const Outcome outcome = ConditionSet(tree).evaluate(input);
  if (outcome.active.empty()) {
    std::abort();
  }
  return 0;
}
