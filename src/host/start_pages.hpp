// SPDX-License-Identifier: Apache-2.0
// Gives back what only the start, or a time with more work, needed.
#pragma once

namespace microtome::host {

// Free memory of the allocator, and the pages of code and constants (of the program and its libraries) that are
// mapped by now, go back to the kernel. Reading a configuration touches most of them and serving few; those come back
// from the page cache as they are used, for a microsecond each. Any thread; never fails: what cannot be given back
// stays.
void give_back_start_pages();

}  // namespace microtome::host
