// SPDX-License-Identifier: Apache-2.0
// Inside of codec: libjpeg handles that never print, exit or leave a C++ frame half way.
//
// libjpeg reports errors by not returning. Every call into it therefore runs inside run_guarded(), whose frame and
// whose step (a lambda capturing references) hold no object with a destructor: the jump back skips none. What owns
// memory lives in the frames outside. Handles are made for one picture and never reused: a compressor that wrote an
// optimised or progressive stream once keeps its Huffman tables and then writes broken baseline streams
// (libjpeg-turbo 2.1.5); making one costs about a microsecond.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

// clang-format off: needs size_t and FILE from above
#include <jpeglib.h>
// clang-format on

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace microtome::codec::jpeg {

struct ErrorTrap {
  jpeg_error_mgr manager{};  // first: libjpeg hands back its address
  std::jmp_buf jump{};
  int message_code = 0;
  bool out_of_memory = false;
  bool too_many_scans = false;
  bool tolerant = false;  // damaged entropy data is no error
  char text[JMSG_LENGTH_MAX] = {};

  ErrorTrap();
  ErrorTrap(const ErrorTrap&) = delete;
  ErrorTrap& operator=(const ErrorTrap&) = delete;
  // The Error for what happened; throws bad_alloc when that was it.
  [[nodiscard]] Error error() const;
};

template <class Step>
bool run_guarded(ErrorTrap& trap, Step step) {
  if (setjmp(trap.jump) != 0) {  // NOLINT(cert-err52-cpp): the only way out of libjpeg
    return false;
  }
  step();
  return true;
}

// A stream in several pieces; ends with an EOI of its own, so that a stream without one is whole.
struct PieceSource {
  jpeg_source_mgr manager{};  // first, as above
  std::vector<ByteView> pieces;
  std::size_t next = 0;

  PieceSource();
};

// SOI, the tables, the stream without its SOI. The views must outlive the result.
Result<std::vector<ByteView>> assemble(ByteView stream, ByteView tables);

class Decompressor {
 public:
  Decompressor() = default;
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  // Creates the handle and reads the header. Then every use of `handle` goes through run_guarded(trap).
  Result<void> open(std::vector<ByteView> pieces, bool tolerant, bool keep_profile = false);

  ErrorTrap trap;
  jpeg_decompress_struct handle{};

 private:
  PieceSource source_;
  jpeg_progress_mgr progress_{};
};

// Writes into a growing buffer.
struct BufferTarget {
  jpeg_destination_mgr manager{};  // first, as above
  Bytes bytes;
  bool out_of_memory = false;

  explicit BufferTarget();
};

class Compressor {
 public:
  Compressor() = default;
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // Creates the handle; `expected` bytes are set aside for the stream.
  Result<void> open(std::size_t expected);
  // The finished stream, after jpeg_finish_compress.
  [[nodiscard]] Bytes take();

  ErrorTrap trap;
  jpeg_compress_struct handle{};

 private:
  BufferTarget target_;
};

}  // namespace microtome::codec::jpeg
