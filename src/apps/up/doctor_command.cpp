// SPDX-License-Identifier: Apache-2.0
#include "apps/up/doctor_command.hpp"

#include <unistd.h>

#include <cstdio>
#include <vector>

#include "keep/config.hpp"
#include "keep/doctor.hpp"
#include "keep/front_ends.hpp"
#include "keep/text.hpp"

namespace microtome::apps {
namespace {

using keep::Finding;

const char* level_name(Finding::Level level) {
  switch (level) {
    case Finding::Level::good:
      return "good";
    case Finding::Level::remark:
      return "note";
    case Finding::Level::bad:
      return "BAD";
  }
  return "";
}

void print_text(const std::vector<Finding>& findings) {
  for (const Finding& each : findings) {
    std::printf("%-5s %-14s %s\n", level_name(each.level), each.about.c_str(), each.says.c_str());
    if (!each.advice.empty()) {
      std::printf("%-20s -> %s\n", "", each.advice.c_str());
    }
  }
}

void print_json(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& each : findings) {
    out += (out.empty() ? "" : ",") + std::string("{\"level\":") + keep::json_text(level_name(each.level)) +
           ",\"about\":" + keep::json_text(each.about) + ",\"says\":" + keep::json_text(each.says) +
           ",\"advice\":" + keep::json_text(each.advice) + '}';
  }
  std::printf("{\"findings\":[%s]}\n", out.c_str());
}

int print_lines(const DoctorOptions& options, const std::string& address, const keep::Programs& programs) {
  if (options.front_end == "list") {
    for (const auto& each : keep::front_ends()) {
      std::printf("%s\n", std::string(each.name).c_str());
    }
    return 0;
  }
  keep::FrontEndPlace place;
  place.address = address;
  place.program = programs.microtome;
  place.mount = options.mount.starts_with('/') ? options.mount : '/' + options.mount;
  if (!options.source.empty()) {
    place.pictures = options.source;
  }
  const std::string lines = keep::front_end_lines(options.front_end, place);
  if (lines.empty()) {
    std::fprintf(stderr, "microtome: no lines for %s; `microtome doctor --for list` shows what there is\n",
                 options.front_end.c_str());
    return 2;
  }
  std::fputs(lines.c_str(), stdout);
  return 0;
}

// Where the site listens or would: what was said, its record, what runs.
std::string address_of(const DoctorOptions& options, const std::vector<keep::Site>& sites) {
  if (!options.listen.empty()) {
    return keep::normal_address(options.listen).value_or("127.0.0.1:8080");
  }
  for (const keep::Site& site : sites) {
    if (!site.listen.empty()) {
      return site.listen;
    }
    for (const std::string& address : keep::read_running(site).addresses) {
      return address.starts_with('/') ? "unix:" + address : address;
    }
  }
  return "127.0.0.1:8080";
}

}  // namespace

void add_doctor(CLI::App& app, DoctorOptions& options) {
  auto* command = app.add_subcommand("doctor", "say what may stand in the way here, and what a front-end needs");
  command->add_option("SOURCE", options.source, "a folder or configuration, as given to `up` (default: all)");
  command
      ->add_option("--public-url", options.public_url, "the site's address for the world: asks through the front-end")
      ->type_name("URL");
  command->add_option("--listen", options.listen, "where the site listens, or would")->type_name("ADDRESS");
  command->add_option("--for", options.front_end, "print the lines for this front-end or host; `list` names them");
  command->add_option("--mount", options.mount, "public path, for --for")->capture_default_str();
  command->add_flag("--json", options.json, "machine-readable");
}

int doctor(const DoctorOptions& options) {
  const keep::Programs programs = keep::find_programs();
  std::vector<keep::Site> sites = keep::all_sites();
  if (!options.source.empty()) {
    const auto site = keep::find_site(options.source);
    if (!site) {
      std::fprintf(stderr, "microtome: %s\n", site.error().message.c_str());
      return 2;
    }
    sites.clear();
    if (access((site->dir + "/site").c_str(), F_OK) == 0) {
      sites.push_back(*site);
    }
  }
  const std::string address = address_of(options, sites);
  if (!options.front_end.empty()) {
    return print_lines(options, address, programs);
  }
  std::vector<Finding> findings = keep::examine_place(programs);
  const auto add = [&](std::vector<Finding> more) { findings.insert(findings.end(), more.begin(), more.end()); };
  for (const keep::Site& site : sites) {
    add(keep::examine_site(site, programs));
  }
  if (!options.public_url.empty()) {
    add(keep::examine_way(options.public_url, address));
  }
  if (options.json) {
    print_json(findings);
  } else {
    print_text(findings);
  }
  for (const Finding& each : findings) {
    if (each.level == Finding::Level::bad) {
      return 1;
    }
  }
  return 0;
}

}  // namespace microtome::apps
