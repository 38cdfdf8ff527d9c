// SPDX-License-Identifier: Apache-2.0
#include "apps/command_line.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "apps/inspect.hpp"
#include "apps/render.hpp"
#include "apps/server_command.hpp"
#include "apps/up/commands.hpp"
#include "apps/variables.hpp"

namespace microtome::apps {
namespace {

constexpr int kUsageError = 2;

bool is_listening_socket(int fd) {
  int accepting = 0;
  socklen_t size = sizeof accepting;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size) == 0 && accepting != 0;
}

int complain(const Error& error) {
  std::fprintf(stderr, "microtome: %s%s%s\n", error.message.c_str(), error.context.empty() ? "" : ": ",
               error.context.c_str());
  return kUsageError;
}

// Options that serve and fcgi share.
struct ServerFlags {
  std::vector<std::string> directories;
  std::vector<std::string> roots;
  std::vector<std::string> listen;
  std::vector<std::string> fastcgi;
  std::string bind;  // as iipsrv spells it
  std::string standalone;
  int port = 0;  // as wlziipsrv spells it
  int backlog = 2048;
  int threads = 0;
  int loops = 1;
  int gather = 50;
  bool check = false;
  std::vector<std::string> trusted;
  std::string mount;
  bool as_wlziipsrv = false;  // the name that the program was started under
};

void add_common(CLI::App& command, ServerFlags& flags, Settings& settings) {
  command.add_option("--root", flags.roots, "serve what lies below this directory (repeatable)")->type_name("DIR");
  command.add_option("--threads", flags.threads, "threads that decode, scale and encode (0: one per core)")
      ->check(CLI::Range(0, 256));
  command.add_option("--loops", flags.loops, "event loop threads")->check(CLI::Range(1, 64))->capture_default_str();
  command
      .add_option(
          "--gather", flags.gather,
          "microseconds an event loop rests between looks while more than 10,000 events a second come (0: never)")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  command.add_option("--backlog", flags.backlog, "connections the kernel keeps waiting")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  command.add_option("--mount", flags.mount, "path prefix to take off where present, e.g. /cgi-bin/wlziipsrv.fcgi");
  command.add_option("--trust", flags.trusted,
                     "believe forwarding headers from this address, CIDR or 'unix' (repeatable)");
  for (const Variable& variable : variables()) {
    const std::string help = std::string(variable.help) + " [" + variable.name + "]";
    command
        .add_option_function<std::string>(
            variable.flag,
            [&settings, &variable](const std::string& value) {
              if (auto taken = variable.set(settings, variable.flag, value); !taken) {
                throw CLI::ValidationError(taken.error().message);
              }
            },
            help)
        ->type_name("VALUE");
  }
  command
      .add_option_function<double>(
          "--cache-size",
          [&settings](const double& mib) { settings.cache_bytes = static_cast<std::uint64_t>(mib * (1 << 20)); },
          "MiB of memory for computed pictures, as --max-image-cache-size")
      ->check(CLI::Range(0.0, 1e6));
  command
      .add_option("--woolz-tile", settings.woolz_tile_width,
                  "side of tiles of Woolz sections in pixels [WLZ_TILE_WIDTH, WLZ_TILE_HEIGHT]")
      ->check(CLI::Range(8, 8192))
      ->each([&settings](const std::string& side) { settings.woolz_tile_height = std::stoi(side); });
  command.add_flag("--check", flags.check, "check the settings, start nothing");
}

ServerPlan plan_of(const ServerFlags& flags, const Settings& settings) {
  ServerPlan plan;
  plan.settings = settings;
  plan.roots = flags.directories;
  plan.roots.insert(plan.roots.end(), flags.roots.begin(), flags.roots.end());
  plan.make_pyramids = !flags.check;
  plan.threads = flags.threads != 0 ? flags.threads : settings.threads;
  plan.server.loops = flags.loops;
  plan.server.gather = std::chrono::microseconds(flags.gather);
  plan.as_wlziipsrv = flags.as_wlziipsrv;
  plan.server.mount = flags.mount;
  plan.server.trusted_proxies = flags.trusted;
  return plan;
}

// The current directory, where nothing was named: FILESYSTEM_PREFIX names one, too.
void serve_something(ServerPlan& plan) {
  if (plan.roots.empty() && plan.settings.filesystem_prefix.empty()) {
    plan.roots.emplace_back(".");
  }
}

int start(const ServerPlan& plan, bool check_only) {
  if (!check_only) {
    return run_server(plan);
  }
  WorkPool pool({.threads = 1});
  if (const auto handler = make_handler(plan, pool, Log()); !handler) {
    return complain(handler.error());
  }
  std::puts("settings are good");
  return 0;
}

int serve(const ServerFlags& flags, const Settings& settings) {
  ServerPlan plan = plan_of(flags, settings);
  serve_something(plan);
  for (const auto& address : flags.listen) {
    plan.server.listen.push_back({address, net::Speak::http, flags.backlog});
  }
  for (const auto& address : flags.fastcgi) {
    plan.server.listen.push_back({address, net::Speak::fastcgi, flags.backlog});
  }
  if (plan.server.listen.empty()) {
    plan.server.listen.push_back({"127.0.0.1:8080", net::Speak::http, flags.backlog});
  }
  return start(plan, flags.check);
}

// iipsrv's "--bind :9000" and wlziipsrv's "--port 9000" mean all interfaces; "--listen :9000" means loopback.
std::string old_spelling(const std::string& address) {
  if (address.starts_with('/')) {
    return "unix:" + address;
  }
  return address.starts_with(':') ? "0.0.0.0" + address : address;
}

int fastcgi(const ServerFlags& flags, const Settings& settings) {
  ServerPlan plan = plan_of(flags, settings);
  plan.ready_line = true;
  auto addresses = flags.listen;
  if (!flags.bind.empty()) {
    addresses.push_back(old_spelling(flags.bind));
  }
  if (!flags.standalone.empty()) {
    addresses.push_back(old_spelling(flags.standalone));
  }
  if (flags.port != 0) {
    addresses.push_back("0.0.0.0:" + std::to_string(flags.port));
  }
  if (addresses.empty() && is_listening_socket(STDIN_FILENO)) {
    addresses.emplace_back("fd:0");
    plan.ready_line = false;  // our standard output belongs to the web server
  }
  const char* inherited = std::getenv("LISTEN_PID");
  if (addresses.empty() && inherited != nullptr && std::to_string(getpid()) == inherited) {
    addresses.emplace_back("fd:3");
  }
  if (addresses.empty() && !flags.check) {
    std::fputs(
        "microtome: nothing to listen on: a web server hands the socket over as file descriptor 0; to listen by "
        "itself\n"
        "give --listen unix:/path or --listen host:port (or --bind, --port as iipsrv and wlziipsrv spell them)\n",
        stderr);
    return kUsageError;
  }
  for (const auto& address : addresses) {
    plan.server.listen.push_back({address, net::Speak::fastcgi, flags.backlog});
  }
  return start(plan, flags.check);
}

// `microtome import` is a program of its own beside this one.
int run_import(char** arguments) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / "microtome-import").string();
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  arguments[0] = const_cast<char*>(program.c_str());
  execv(program.c_str(), arguments);
  std::fprintf(stderr, "microtome: %s cannot be run\n", program.c_str());
  return 1;
}

void add_fastcgi(CLI::App& command, ServerFlags& flags, Settings& settings) {
  command.add_option("--listen", flags.listen, "unix:/path or host:port (repeatable)")->type_name("ADDRESS");
  command.add_option("--bind", flags.bind, "host:port, :port or /path, as iipsrv spells it");
  command.add_option("--port", flags.port, "as wlziipsrv spells it")->check(CLI::Range(1, 65535));
  command.add_option("--standalone", flags.standalone, "/path or :port, as wlziipsrv spells it");
  add_common(command, flags, settings);
}

int run_as_app(int argc, char** argv, Settings settings) {
  CLI::App app(
      "Microtome's FastCGI app: started by a web server with its socket on file descriptor 0, or by itself\n"
      "with --listen. Variables in brackets are read from the environment.");
  ServerFlags flags;
  flags.as_wlziipsrv = std::filesystem::path(argv[0]).filename() == "wlziipsrv.fcgi";
  app.set_version_flag("--version", std::string("microtome ") + MICROTOME_VERSION);
  add_fastcgi(app, flags, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  return fastcgi(flags, settings);
}

int run_commands(int argc, char** argv, Settings settings) {
  CLI::App app("Microtome: very large pictures and sets of registered slices on a screen.");
  app.set_version_flag("--version", std::string("microtome ") + MICROTOME_VERSION);
  app.require_subcommand(1);
  ServerFlags flags;
  InspectOptions inspecting;
  RenderOptions rendering;

  auto* serve_command = app.add_subcommand("serve", "serve folders of pictures over HTTP, with the viewer");
  serve_command->add_option("DIR", flags.directories, "folders to serve (default: the current one)");
  serve_command->add_option("--listen", flags.listen, "host:port, [::]:port, unix:/path; port 0 takes a free one")
      ->type_name("ADDRESS");
  serve_command->add_option("--fastcgi", flags.fastcgi, "also answer FastCGI here")->type_name("ADDRESS");
  add_common(*serve_command, flags, settings);

  auto* fastcgi_command = app.add_subcommand("fcgi", "the same as a FastCGI app");
  add_fastcgi(*fastcgi_command, flags, settings);

  app.add_subcommand("import", "make tiled JPEG pyramids of any pictures (see: microtome import --help)");

  auto* inspect_command = app.add_subcommand("inspect", "say what a picture is: sizes, levels, tiles, metadata");
  inspect_command->add_option("PICTURE", inspecting.files)->required();
  inspect_command->add_flag("--json", inspecting.json, "machine-readable");

  auto* render_command = app.add_subcommand("render", "answer one request into a file, without a server");
  render_command->add_option("REQUEST", rendering.target, "path and query, e.g. '/iip?FIF=a.tif&JTL=0,0'")
      ->required();
  render_command->add_option("-o,--output", rendering.output, "file to write (default, or -: standard output)");
  render_command->add_option("--root", flags.roots, "what may be served (default: the current directory)");
  for (const auto& [name, says] : std::initializer_list<std::pair<const char*, const char*>>{
           {"up", "start a site and keep it running, without root"},
           {"down", "stop it and do not start it again"},
           {"status", "how it is"},
           {"reload", "have it read its configuration again"},
           {"logs", "what was logged last"},
           {"doctor", "say what may stand in the way here"}}) {
    app.add_subcommand(name, says);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  if (*serve_command) {
    return serve(flags, settings);
  }
  if (*fastcgi_command) {
    return fastcgi(flags, settings);
  }
  if (*inspect_command) {
    return inspect(inspecting);
  }
  ServerPlan plan = plan_of(flags, settings);
  serve_something(plan);
  return render(rendering, plan);
}

}  // namespace

int run(int argc, char** argv) {
  const std::string_view program = argc > 0 ? argv[0] : "";
  if (argc > 1 && !program.ends_with(".fcgi") && is_keep_command(argv[1])) {
    return run_keep_command(argc, argv);
  }
  auto settings = read_settings([](const char* name) -> const char* { return std::getenv(name); });
  if (!settings) {
    return complain(settings.error());
  }
  const std::string_view name = argc > 0 ? argv[0] : "";
  const bool is_app = name.ends_with(".fcgi") || (argc == 1 && is_listening_socket(STDIN_FILENO));
  if (is_app) {
    return run_as_app(argc, argv, std::move(*settings));
  }
  if (argc > 1 && std::string_view(argv[1]) == "import") {
    return run_import(argv + 1);
  }
  return run_commands(argc, argv, std::move(*settings));
}

}  // namespace microtome::apps
