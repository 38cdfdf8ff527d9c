// SPDX-License-Identifier: Apache-2.0
// Who may see a URL, and the pages about the server itself.
#include "host/visit.hpp"

namespace microtome::host {

bool Visit::authenticate() {
  return false;
}

bool Visit::status_pages() {
  return false;
}

bool Visit::start_proxy(const AppRoute&) {
  error(501);
  return true;
}

}  // namespace microtome::host
