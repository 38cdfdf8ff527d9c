// SPDX-License-Identifier: Apache-2.0
// Whether a file could not be opened only because no descriptor was free: it may well be there. Thread-safe.
#pragma once

namespace microtome::io {

// Of errno: EMFILE, ENFILE.
[[nodiscard]] bool is_too_many_files(int error);
// Tries. For failures of libraries, which do not tell why.
[[nodiscard]] bool no_file_can_be_opened();

}  // namespace microtome::io
