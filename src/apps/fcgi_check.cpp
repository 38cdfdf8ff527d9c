// SPDX-License-Identifier: Apache-2.0
// fcgi-check: tests any FastCGI app and any web server that speaks FastCGI, black box, and says what they do wrong.
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "check/gateway.hpp"
#include "check/probe_app.hpp"
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

int check_gateway(const Arguments& arguments) {
  auto http = parse_url(arguments.target);
  if (!http) {
    std::fprintf(stderr, "fcgi-check: %s\n", http.error().message.c_str());
    return 2;
  }
  GatewayPeer peer{std::move(*http)};
  peer.http.patience = Milliseconds(arguments.patience_ms * 2);
  const Reply first = peer.http.get("do=echo");
  if (!read_echo(first)) {
    std::fprintf(stderr, "fcgi-check: %s; is `fcgi-check app` behind %s?\n", told(first).c_str(),
                 arguments.target.c_str());
    return 2;
  }
  Report report = report_of(arguments);
  for (const auto& rows : {gateway_request_rows(), gateway_body_rows(), gateway_answer_rows(), gateway_broken_rows(),
                           gateway_record_rows()}) {
    run_rows(rows, peer, arguments.only, report);
  }
  return report.finish(arguments.target) ? 0 : 1;
}

// The app behind a gateway: on --listen, or on descriptor 0 as a web server starts it.
int serve_app(const std::string& listen) {
  int fd = 0;
  if (!listen.empty()) {
    const auto address = parse_address(listen);
    const auto made = address ? listen_on(*address) : pass(address.error());
    if (!made) {
      std::fprintf(stderr, "fcgi-check: %s\n", made.error().message.c_str());
      return 2;
    }
    fd = *made;
    std::printf("listening on %s\n", listen.c_str());
    std::fflush(stdout);
  } else {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
      std::fputs("fcgi-check: app needs --listen ADDRESS, or a listening socket on descriptor 0\n", stderr);
      return 2;
    }
  }
  run_probe_app(fd);
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
      "Tests FastCGI apps and gateways, black box.\nExit status: 0 no row failed, 1 a row failed, 2 nothing could be "
      "tested.",
      "fcgi-check");
  program.set_version_flag("--version", MICROTOME_VERSION);
  program.require_subcommand(1);
  CLI::App* responder = program.add_subcommand("responder", "tests a FastCGI app");
  responder->add_option("ADDRESS", arguments.target, "unix:/path or host:port")->required();
  responder->add_option("--path", arguments.path, "SCRIPT_NAME and REQUEST_URI of the requests (/)");
  responder->add_option("--param", arguments.params,
                        "NAME=VALUE: a parameter of every request, e.g. SCRIPT_FILENAME=/x.php");
  add_common(*responder, arguments);
  CLI::App* gateway = program.add_subcommand("gateway", "tests a web server that has `fcgi-check app` behind it");
  gateway->add_option("URL", arguments.target, "http://host:port/path of the app")->required();
  add_common(*gateway, arguments);
  std::string listen;
  CLI::App* app = program.add_subcommand("app", "the app to put behind a web server under test");
  app->add_option("--listen", listen, "unix:/path or host:port; without it, the socket on descriptor 0");
  try {
    program.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  }
  if (app->parsed()) {
    return serve_app(listen);
  }
  return gateway->parsed() ? check_gateway(arguments) : check_responder(arguments);
}
