// SPDX-License-Identifier: Apache-2.0
#include "apps/up/doctor_command.hpp"
namespace microtome::apps {
void add_doctor(CLI::App& /*app*/, DoctorOptions& /*options*/) {}
int doctor(const DoctorOptions& /*options*/) {
  return 0;
}
}  // namespace microtome::apps
