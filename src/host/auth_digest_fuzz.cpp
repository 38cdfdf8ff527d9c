// SPDX-License-Identifier: Apache-2.0
// What clients send in Authorization, and nonces that nobody has made: never a crash, and nothing of it is believed.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "host/auth_digest.hpp"
#include "host/password.hpp"

using namespace microtome;        // NOLINT
using namespace microtome::host;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const std::string kSecret = "a secret of thirty-two bytes, so";
  constexpr std::int64_t kNow = 1'780'000'000;
  if (check_nonce(text, kSecret, kNow) == Nonce::good) {
    std::abort();  // made without the secret
  }
  (void)basic_credentials(text);
  if (const auto answer = read_digest_answer(text)) {
    if (answer->user.size() + answer->nonce.size() + answer->uri.size() > size) {
      std::abort();
    }
    (void)check_nonce(answer->nonce, kSecret, kNow);
    if (digest_response(*answer, "stored", "GET").empty()) {
      std::abort();
    }
  }
  return 0;
}
