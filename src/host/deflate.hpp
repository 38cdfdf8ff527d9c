// SPDX-License-Identifier: Apache-2.0
// Answers compressed for clients that take it (deflate.*). Pure but for the load of the machine; a Deflater belongs
// to one answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace microtome::host {

enum class Coding { none, gzip, deflate };

struct DeflateSettings {
  std::shared_ptr<const std::vector<std::string>> types;      // null: nothing is compressed
  std::shared_ptr<const std::vector<std::string>> encodings;  // null: all we know
  int level = -1;                                             // zlib's own
  std::uint64_t smallest = 256;                               // bytes
  std::uint64_t largest = std::uint64_t{128} << 20;           // bytes
  double max_load = 0;                                        // 0: none
  std::string cache_dir;
};

// As in Content-Encoding.
[[nodiscard]] std::string_view coding_name(Coding coding);

// "text/" and "text/*" fit all types that begin so; case does not count.
[[nodiscard]] bool type_is_compressed(const DeflateSettings& settings, std::string_view content_type);

// The first of deflate.allowed-encodings among those that the client likes best; none when it takes none of them, or
// the machine is too busy.
[[nodiscard]] Coding choose_coding(const DeflateSettings& settings, const http::Headers& request);

// "abc" becomes "abc-gzip": each coding is a representation of its own.
[[nodiscard]] std::string coded_etag(std::string_view etag, Coding coding);
// The list of If-None-Match or If-Match as it counts for the file itself: tags of this coding without their ending,
// others never fit.
[[nodiscard]] std::string uncoded_etags(std::string_view list, Coding coding);

class Deflater {
 public:
  // Null for Coding::none, or when there is no memory.
  static std::unique_ptr<Deflater> make(Coding coding, int level);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // What is fed can be read by the client as soon as it has the bytes that are returned.
  [[nodiscard]] std::string feed(std::string_view bytes);
  [[nodiscard]] std::string finish();

 private:
  struct State;
  explicit Deflater(std::unique_ptr<State> state);
  void run(std::string_view bytes, int flush, std::string& out);
  std::unique_ptr<State> state_;
};

// All at once. Code::io when it fails.
[[nodiscard]] Result<Bytes> compress(ByteView bytes, Coding coding, int level);

}  // namespace microtome::host
