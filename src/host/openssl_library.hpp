// SPDX-License-Identifier: Apache-2.0
// Loads OpenSSL (openssl_functions.hpp says why it is not simply linked).
#pragma once

#include "base/result.hpp"

namespace microtome::host {

// To be called before any function of OpenSSL; does its work once. Code::io when the module beside the program, or
// OpenSSL, is missing. Loop thread, or before there are threads.
[[nodiscard]] Result<void> load_openssl();

}  // namespace microtome::host
