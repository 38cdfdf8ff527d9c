// SPDX-License-Identifier: Apache-2.0
// fcgi-check: tests any FastCGI app, black box, and says what it does wrong.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "check/responder.hpp"
#include "check/verdict.hpp"

namespace {

using namespace microtome;         // NOLINT: this is a main file
using namespace microtome::check;  // NOLINT

struct Arguments {
  std::string target;
  std::string path = "/";
  std::vector<std::string> params;
  std::string only;
  long patience_ms = 5000;
  bool json = false;
  bool quiet = false;
};

void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Report report_of(const Arguments& arguments) {
  return {arguments.json ? Report::Form::json : Report::Form::text, arguments.quiet, say};
}

int check_responder(const Arguments& arguments) {
  ResponderPeer peer;
  const auto address = parse_address(arguments.target);
  if (!address) {
    std::fprintf(stderr, "fcgi-check: %s\n", address.error().message.c_str());
    return 2;
  }
  peer.address = *address;
  peer.path = arguments.path;
  peer.patience = Milliseconds(arguments.patience_ms);
  for (const std::string& param : arguments.params) {
    const std::size_t equals = param.find('=');
    peer.params.emplace_back(param.substr(0, equals), equals == std::string::npos ? "" : param.substr(equals + 1));
  }
  if (const auto connection = peer.connect(); !connection) {
    std::fprintf(stderr, "fcgi-check: %s\n", connection.error().message.c_str());
    return 2;
  }
  Report report = report_of(arguments);
  for (const auto& rows :
       {responder_basic_rows(), responder_input_rows(), responder_connection_rows(), responder_hostile_rows()}) {
    run_rows(rows, peer, arguments.only, report);
  }
  return report.finish(arguments.target) ? 0 : 1;
}

void add_common(CLI::App& command, Arguments& arguments) {
  command.add_option("--only", arguments.only, "only rows whose name contains this");
  command.add_option("--timeout", arguments.patience_ms, "milliseconds to wait for an answer (5000)")
      ->check(CLI::Range(100, 600'000));
  command.add_flag("--json", arguments.json, "one JSON object instead of lines");
  command.add_flag("--quiet", arguments.quiet, "only rows that are wrong, and the sums");
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  Arguments arguments;
  CLI::App program(
      "Tests FastCGI apps, black box.\nExit status: 0 no row failed, 1 a row failed, 2 nothing could be tested.",
      "fcgi-check");
  program.set_version_flag("--version", MICROTOME_VERSION);
  program.require_subcommand(1);
  CLI::App* responder = program.add_subcommand("responder", "tests a FastCGI app");
  responder->add_option("ADDRESS", arguments.target, "unix:/path or host:port")->required();
  responder->add_option("--path", arguments.path, "SCRIPT_NAME and REQUEST_URI of the requests (/)");
  responder->add_option("--param", arguments.params,
                        "NAME=VALUE: a parameter of every request, e.g. SCRIPT_FILENAME=/x.php");
  add_common(*responder, arguments);
  try {
    program.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  }
  return check_responder(arguments);
}
