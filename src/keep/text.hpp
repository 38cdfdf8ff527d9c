// SPDX-License-Identifier: Apache-2.0
// Small files and words. Stateless; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace microtome::keep {

// The file's content, at most `most` bytes; nothing when it cannot be read.
[[nodiscard]] std::optional<std::string> read_text(const std::string& path, std::size_t most = 1 << 20);
// Its last `most` bytes, beginning with a whole line.
[[nodiscard]] std::string read_tail(const std::string& path, std::size_t most);
// Whole or not at all: written beside it, then renamed. Code::io with a sentence a person understands.
Result<void> write_text(const std::string& path, std::string_view text, unsigned mode = 0600);

[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);
[[nodiscard]] std::string trimmed(std::string_view text);
// For a POSIX shell: 'it'\''s'. Plain words stay as they are.
[[nodiscard]] std::string shell_word(std::string_view word);
// For a string in lighttpd's language, without the quotes around it.
[[nodiscard]] std::string lighttpd_text(std::string_view text);
[[nodiscard]] std::string json_text(std::string_view text);
// "3 days", "5 minutes"; "12 s"
[[nodiscard]] std::string duration_text(double seconds);
// What errno says, e.g. "No space left on device".
[[nodiscard]] std::string errno_text(int number);
[[nodiscard]] std::uint64_t fnv1a(std::string_view text);

}  // namespace microtome::keep
