// SPDX-License-Identifier: Apache-2.0
// `microtome doctor`: what a stranger needs to know about this place, in words. Prints.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace microtome::apps {

struct DoctorOptions {
  std::string source;
  std::string front_end;
  std::string public_url;
  std::string listen;
  std::string mount = "/";
  bool json = false;
};

void add_doctor(CLI::App& app, DoctorOptions& options);
int doctor(const DoctorOptions& options);

}  // namespace microtome::apps
