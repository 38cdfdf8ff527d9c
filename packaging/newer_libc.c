// SPDX-License-Identifier: Apache-2.0
// What libraries of Debian 12 take from glibc 2.36 that glibc 2.35 does not have yet: put beside them in the bundle, so
// that they also load there. Thread-safe. getrandom(2) is in every kernel since 3.17.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

void arc4random_buf(void* bytes, size_t count) {
  unsigned char* at = bytes;
  while (count > 0) {
    const size_t part = count < 256 ? count : 256;  // up to 256 bytes are never cut short
    if (getrandom(at, part, 0) != (ssize_t)part) {
      continue;  // a signal came
    }
    at += part;
    count -= part;
  }
}

uint32_t arc4random(void) {
  uint32_t value;
  arc4random_buf(&value, sizeof value);
  return value;
}

uint32_t arc4random_uniform(uint32_t bound) {
  if (bound < 2) {
    return 0;
  }
  const uint32_t least = -bound % bound;  // below it some results would be more likely than others
  uint32_t value;
  do {
    value = arc4random();
  } while (value < least);
  return value % bound;
}
