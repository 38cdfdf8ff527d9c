// SPDX-License-Identifier: Apache-2.0
// microtome-host: a web server, FastCGI gateway and process manager that reads lighttpd's configuration.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/host_process.hpp"
#include "base/work_pool.hpp"
#include "host/directives.hpp"
#include "host/log_file.hpp"
#include "host/preflight.hpp"
#include "host/server.hpp"
#include "host/successor.hpp"
#include "host/system_log.hpp"
#include "net/inherited.hpp"

namespace {

using namespace microtome;        // NOLINT: this is a main file
using namespace microtome::host;  // NOLINT

constexpr const char* kUsage =
    "microtome-host " MICROTOME_VERSION
    " - a web server, FastCGI gateway and process manager\n"
    "usage: microtome-host -f FILE [options]\n"
    " -f FILE                the configuration, in lighttpd's language; - reads standard input\n"
    " -t                     checks the configuration and ends; -tt looks at programs, directories and sockets too\n"
    " -p                     prints the configuration as it was understood, and ends\n"
    " -D                     stays in the foreground (without it: goes to the background)\n"
    " -i SECONDS             ends after that long without a request\n"
    " -m DIR                 accepted for lighttpd's sake: there are no modules to load\n"
    " -v                     shows the version\n"
    " -V                     shows what is built in\n"
    " -h                     shows this text\n"
    " --allow-include-shell  lets the configuration run commands (include_shell)\n"
    " --ready-file FILE      writes there, when it serves, its process id and addresses\n"
    " --control SOCKET       answers /-/status?json there, whatever the configuration says\n"
    " --directives           prints the table of all settings\n"
    "signals: TERM and INT finish what runs and end, USR1 reads the configuration again,\n"
    "         USR2 starts the program anew and hands the sockets over to it, HUP opens the logs again\n";

struct Arguments {
  std::string config;
  std::string program;  // the file of this program, for a successor
  int test = 0;
  bool print = false;
  bool foreground = false;
  bool allow_shell = false;
  std::string ready_file;
  std::string control;  // a unix socket on which the host tells about itself
  long idle = 0;
};

// Takes out the long options, and ends the rest with null. An exit status when there is nothing more to do.
std::optional<int> read_long_options(int count, char** words, Arguments& arguments, std::vector<char*>& left) {
  left = {words[0]};
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--allow-include-shell") {
      arguments.allow_shell = true;
    } else if (word == "--ready-file" && i + 1 < count) {
      arguments.ready_file = words[++i];
    } else if (word == "--control" && i + 1 < count) {
      arguments.control = words[++i];
    } else if (word == "--directives") {
      std::fputs(directives_markdown().c_str(), stdout);
      return 0;
    } else if (word == "--help" || word == "--version") {
      std::fputs(word == "--help" ? kUsage : "microtome-host/" MICROTOME_VERSION "\n", stdout);
      return 0;
    } else {
      left.push_back(words[i]);
    }
  }
  left.push_back(nullptr);
  return std::nullopt;
}

// An exit status when the program has nothing more to do.
std::optional<int> read_arguments(int count, char** words, Arguments& arguments) {
  std::vector<char*> left;
  if (const auto done = read_long_options(count, words, arguments, left)) {
    return done;
  }
  int option = 0;
  while ((option = getopt(static_cast<int>(left.size()) - 1, left.data(), "f:m:i:hvVD1pt")) != -1) {  // NOLINT
    switch (option) {
      case 'f':
        arguments.config = optarg;
        break;
      case 'm':
        break;
      case 'i':
        arguments.idle = std::strtol(optarg, nullptr, 10);
        break;
      case 't':
        ++arguments.test;
        break;
      case 'p':
        arguments.print = true;
        break;
      case 'D':
        arguments.foreground = true;
        break;
      case 'v':
        std::puts("microtome-host/" MICROTOME_VERSION);
        return 0;
      case 'V':
        std::puts("microtome-host/" MICROTOME_VERSION
                  "\n\nbuilt in:\n  HTTP/1.1, FastCGI (responder, authorizer, kept and multiplexed connections), "
                  "sendfile,\n"
                  "  process supervision, Perl-compatible patterns (PCRE2), systemd sockets");
        return 0;
      case 'h':
        std::fputs(kUsage, stdout);
        return 0;
      case '1':
        std::fputs("-1 (one request on standard input) is not supported\n", stderr);
        return kFailed;
      default:
        std::fputs(kUsage, stderr);
        return kFailed;
    }
  }
  if (arguments.config.empty()) {
    std::fputs("no configuration: say -f FILE (or -h)\n", stderr);
    return kFailed;
  }
  return std::nullopt;
}

// Whether the configuration may run commands (include_shell): when it was said, or when it is the system's own, below
// /etc, and root's: Debian's makes its list of types so.
bool may_run_commands(const Arguments& arguments) {
  struct stat state{};
  if (arguments.allow_shell || !arguments.config.starts_with("/etc/") || arguments.config.contains("/../") ||
      stat(arguments.config.c_str(), &state) != 0) {
    return arguments.allow_shell;
  }
  return S_ISREG(state.st_mode) && state.st_uid == 0 && (state.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

// The configuration as it is written, and a socket for status pages at its end. What the file says for all requests
// and would stand in the way is taken back there.
ConfigWorld world_with_control(const Arguments& arguments) {
  ConfigWorld world = real_world(may_run_commands(arguments));
  world.read = [plain = world.read, arguments](const std::string& path) -> Result<std::string> {
    auto text = plain(path);
    if (text && path == arguments.config) {
      *text += "\n$SERVER[\"socket\"] == \"" + arguments.control +
               "\" {\n  status.status-url = \"/-/status\"\n  auth.require = ()\n  url.rewrite-once = ()\n  "
               "url.redirect = ()\n  url.access-deny = ()\n  ssl.engine = \"disable\"\n}\n";
    }
    return text;
  };
  return world;
}

Loaded load_files(const Arguments& arguments, Diagnostics& diagnostics) {
  Loaded plain = load_config(arguments.config, real_world(may_run_commands(arguments)), diagnostics);
  if (!plain.site || arguments.control.empty() || arguments.config == "-") {
    return plain;
  }
  // Only what is right as it stands is added to: messages are about the file as its author knows it.
  Diagnostics unheard;
  Loaded with_control = load_config(arguments.config, world_with_control(arguments), unheard);
  return with_control.site ? with_control : plain;
}

// Reads and checks; prints what there is to say. Null site after errors.
Loaded load(const Arguments& arguments, bool look_at_world) {
  Diagnostics diagnostics;
  Loaded loaded = load_files(arguments, diagnostics);
  if (loaded.site && look_at_world) {
    check_world(*loaded.site, diagnostics);
    if (diagnostics.errors() > 0) {
      loaded.site.reset();
    }
  }
  std::fputs(format_diagnostics(diagnostics, loaded.files).c_str(), stderr);
  return loaded;
}

// What starts a successor: the same words, in the foreground, from any directory.
std::vector<std::string> successor_command(const Arguments& arguments) {
  if (arguments.config == "-" || arguments.program.empty()) {
    return {};
  }
  std::vector<std::string> command{arguments.program, "-D", "-f", arguments.config};
  if (arguments.idle > 0) {
    command.insert(command.end(), {"-i", std::to_string(arguments.idle)});
  }
  if (arguments.allow_shell) {
    command.emplace_back("--allow-include-shell");
  }
  if (!arguments.ready_file.empty()) {
    command.insert(command.end(), {"--ready-file", arguments.ready_file});
  }
  if (!arguments.control.empty()) {
    command.insert(command.end(), {"--control", arguments.control});
  }
  return command;
}

HostOptions make_options(const Arguments& arguments, Loaded& loaded, const Log& log,
                         const std::vector<std::shared_ptr<LogFile>>& files) {
  HostOptions options;
  options.command = successor_command(arguments);
  options.settings = loaded.server;
  options.site = std::move(loaded.site);
  options.log = log;
  const bool to_system = options.settings.error_syslog && options.settings.breakage_log.empty();
  options.app_log = [file = files.back(), to_system](const std::string& line) {
    to_system ? to_syslog(syslog_level(LogLevel::warning), line) : file->line(timestamped(line));
  };
  options.environment = our_environment();
  options.idle_exit = std::chrono::seconds(arguments.idle);
  if (options.settings.systemd_sockets) {
    for (const std::string& socket : net::inherited_listeners()) {
      options.inherited.push_back(std::atoi(socket.c_str() + 3));
    }
  }
  options.reload = [arguments, log]() -> HostOptions::Reloaded {
    Diagnostics diagnostics;
    Loaded again = load_files(arguments, diagnostics);
    for (const Diagnostic& each : diagnostics.all()) {
      log.warning(format_diagnostic(each, again.files));
    }
    return {again.site, again.server};
  };
  options.reopen_logs = [log, files] {
    for (const auto& file : files) {
      if (auto done = file->reopen(); !done) {
        log.error(done.error().message);
      }
    }
  };
  return options;
}

// For who started us: "pid N", "listen ADDRESS"..., "log FILE", "end". Written in place, in one go, over what is
// there: that also works on a full disk, once the file is as large.
void write_ready_file(const std::string& path, const ServerSettings& settings) {
  constexpr std::size_t kSize = 1024;
  std::string text = "pid " + std::to_string(getpid()) + '\n';
  for (const ListenAddress& address : settings.listen) {
    text += "listen " + address.text + '\n';
  }
  text += settings.error_log.starts_with('/') ? "log " + settings.error_log + '\n' : "";
  text += "end\n";
  text.resize(std::max(kSize, text.size()), '\n');
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) {
    (void)!pwrite(fd, text.data(), text.size(), 0);
    close(fd);
  }
}

// Where both the log and whoever started the program see it.
int not_started(const Error& error, const ServerSettings& settings, const Log& log) {
  const std::string text = error.message + (error.context.empty() ? "" : ": " + error.context);
  log.error(text);
  if (!settings.error_log.empty()) {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  return kFailed;
}

int serve(const Arguments& arguments, Loaded loaded, int ready_pipe, NamedSockets left) {
  const ServerSettings settings = loaded.server;
  auto log_file = LogFile::open(settings.error_log, false);
  auto app_file = settings.breakage_log.empty() ? log_file : LogFile::open(settings.breakage_log, false);
  if (!log_file || !app_file) {
    std::fprintf(stderr, "%s\n", (!log_file ? log_file : app_file).error().message.c_str());
    return kFailed;
  }
  open_syslog(settings.syslog_facility);
  const Log log([file = *log_file, to_system = settings.error_syslog](LogLevel level, std::string_view text) {
    to_system ? to_syslog(syslog_level(level), std::string(text)) : file->line(timestamped(text));
  });
  set_limits(settings);
  PidFile pid_file(settings.pid_file);
  HostOptions options = make_options(arguments, loaded, log, {*log_file, *app_file});
  options.successor = !left.empty();
  options.left = std::move(left);
  // To the background; a successor keeps what its predecessor had left open.
  options.ready = [&log, ready_pipe, &settings, &arguments] {
    if (!arguments.ready_file.empty()) {
      write_ready_file(arguments.ready_file, settings);
    }
    std::string where;
    for (const ListenAddress& address : settings.listen) {
      where += ' ' + address.text;
    }
    log.info("microtome-host " MICROTOME_VERSION " serves on" + where);
    if (ready_pipe >= 0) {
      if (!arguments.foreground) {
        silence();
      }
      const char good = 0;
      (void)!write(ready_pipe, &good, 1);
      close(ready_pipe);
    }
  };
  block_host_signals();
  WorkPool pool(WorkPoolOptions{2, 4096, 64});
  auto server = make_host_server(std::move(options), pool);
  if (!server) {
    return not_started(server.error(), settings, log);
  }
  if (!pid_file.write()) {
    log.error("cannot write the pid file " + settings.pid_file + ": " + std::strerror(errno));
    return kFailed;
  }
  if (!drop_privileges(settings, log)) {
    return kFailed;
  }
  (*server)->run();
  if ((*server)->succeeded()) {
    pid_file.leave();
  }
  log.info("stopped");
  return 0;
}

// The configuration must be found again from "/".
std::string absolute(const std::string& path) {
  if (path == "-" || path.starts_with('/')) {
    return path;
  }
  char* real = realpath(path.c_str(), nullptr);
  std::string found = real != nullptr ? real : path;
  free(real);  // NOLINT: realpath allocates so
  return found;
}

}  // namespace

int main(int count, char** words) {
  Inheritance inheritance = take_inheritance();
  Arguments arguments;
  if (const auto status = read_arguments(count, words, arguments)) {
    return *status;
  }
  const bool only_look = arguments.test > 0 || arguments.print;
  Loaded loaded = load(arguments, !only_look || arguments.test > 1);
  if (!loaded.site) {
    return kFailed;
  }
  if (arguments.print) {
    std::fputs(print_tree(loaded.site->tree()).c_str(), stdout);
    return 0;
  }
  if (arguments.test > 0) {
    std::puts("Syntax OK");
    return 0;
  }
  int ready_pipe = inheritance.ready;
  arguments.config = absolute(arguments.config);
  arguments.program = absolute("/proc/self/exe");
  if (!arguments.foreground) {
    const int status = daemonise(ready_pipe);
    if (status >= 0) {
      return status;
    }
    if (chdir("/") != 0) {
      return kFailed;
    }
  }
  return serve(arguments, std::move(loaded), ready_pipe, std::move(inheritance.sockets));
}
