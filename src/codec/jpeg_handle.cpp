// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_handle.hpp"

#include <jerror.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "codec/jpeg_segments.hpp"

namespace microtome::codec::jpeg {
namespace {

constexpr std::array<std::uint8_t, 2> kStart = {0xFF, 0xD8};
constexpr std::array<std::uint8_t, 2> kEnd = {0xFF, 0xD9};
constexpr int kMostScans =
    100;  // real progressive files have about ten; each scan costs a walk over the whole picture

ErrorTrap* trap_of(j_common_ptr handle) {
  return reinterpret_cast<ErrorTrap*>(handle->err);
}

[[noreturn]] void leave(ErrorTrap* trap) {
  std::longjmp(trap->jump, 1);  // NOLINT(cert-err52-cpp)
}

extern "C" {
[[noreturn]] void on_error(j_common_ptr handle) {
  ErrorTrap* trap = trap_of(handle);
  trap->message_code = trap->manager.msg_code;
  trap->manager.format_message(handle, trap->text);
  leave(trap);
}

// Warnings that mean pixels were lost; the others (odd markers, spare bytes) are harmless.
bool is_damage(int code) {
  return code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC ||
         code == JWRN_BOGUS_PROGRESSION || code == JWRN_ARITH_BAD_CODE;
}

void on_message(j_common_ptr handle, int level) {
  ErrorTrap* trap = trap_of(handle);
  if (level < 0) {
    ++trap->manager.num_warnings;
    if (!trap->tolerant && is_damage(trap->manager.msg_code)) {
      on_error(handle);
    }
  }
}

void on_output(j_common_ptr) {}

void on_progress(j_common_ptr handle) {
  if (handle->is_decompressor != 0 && reinterpret_cast<j_decompress_ptr>(handle)->input_scan_number > kMostScans) {
    trap_of(handle)->too_many_scans = true;
    leave(trap_of(handle));
  }
}

void source_nothing(j_decompress_ptr) {}

boolean source_fill(j_decompress_ptr handle) {
  auto* source = reinterpret_cast<PieceSource*>(handle->src);
  while (source->next < source->pieces.size() && source->pieces[source->next].empty()) {
    ++source->next;
  }
  const ByteView piece = source->next < source->pieces.size() ? source->pieces[source->next++] : ByteView(kEnd);
  source->manager.next_input_byte = piece.data();
  source->manager.bytes_in_buffer = piece.size();
  return TRUE;
}

void source_skip(j_decompress_ptr handle, long count) {
  auto* source = reinterpret_cast<PieceSource*>(handle->src);
  while (count > 0 && std::cmp_greater(count, source->manager.bytes_in_buffer)) {
    if (source->next >= source->pieces.size()) {
      count = static_cast<long>(source->manager.bytes_in_buffer);  // beyond the end: the EOI comes next
      break;
    }
    count -= static_cast<long>(source->manager.bytes_in_buffer);
    source_fill(handle);
  }
  if (count > 0) {
    source->manager.next_input_byte += count;
    source->manager.bytes_in_buffer -= static_cast<std::size_t>(count);
  }
}

void target_start(j_compress_ptr handle) {
  auto* target = reinterpret_cast<BufferTarget*>(handle->dest);
  target->manager.next_output_byte = target->bytes.data();
  target->manager.free_in_buffer = target->bytes.size();
}

boolean target_grow(j_compress_ptr handle) {
  auto* target = reinterpret_cast<BufferTarget*>(handle->dest);
  const std::size_t used = target->bytes.size();  // libjpeg calls this when all of it is full, whatever free says
  try {
    target->bytes.resize(used * 2);
  } catch (const std::bad_alloc&) {
    target->out_of_memory = true;
  }
  if (target->out_of_memory) {
    trap_of(reinterpret_cast<j_common_ptr>(handle))->out_of_memory = true;
    leave(trap_of(reinterpret_cast<j_common_ptr>(handle)));
  }
  target->manager.next_output_byte = target->bytes.data() + used;
  target->manager.free_in_buffer = target->bytes.size() - used;
  return TRUE;
}

void target_end(j_compress_ptr handle) {
  auto* target = reinterpret_cast<BufferTarget*>(handle->dest);
  target->bytes.resize(target->bytes.size() - target->manager.free_in_buffer);  // shrinks: cannot throw
}
}  // extern "C"

Code code_of(int message) {
  switch (message) {
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_ARITH_NOTIMPL:
    case JERR_COMPONENT_COUNT:
      return Code::unsupported;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
      return Code::too_large;
    default:
      return Code::corrupt;
  }
}

}  // namespace

ErrorTrap::ErrorTrap() {
  jpeg_std_error(&manager);
  manager.error_exit = on_error;
  manager.emit_message = on_message;
  manager.output_message = on_output;
}

Error ErrorTrap::error() const {
  if (out_of_memory || message_code == JERR_OUT_OF_MEMORY) {
    throw std::bad_alloc();
  }
  if (too_many_scans) {
    return {Code::too_large, "JPEG with too many scans", {}};
  }
  const Code code = code_of(message_code);
  return {code, code == Code::corrupt ? "broken JPEG" : "JPEG of a kind that is not supported", text};
}

PieceSource::PieceSource() {
  manager.init_source = source_nothing;
  manager.fill_input_buffer = source_fill;
  manager.skip_input_data = source_skip;
  manager.resync_to_restart = jpeg_resync_to_restart;
  manager.term_source = source_nothing;
}

Result<std::vector<ByteView>> assemble(ByteView stream, ByteView tables) {
  auto pieces = jpeg_table_segments(tables);
  if (!pieces) {
    return pass(pieces.error());
  }
  const bool has_start = stream.size() >= 2 && stream[0] == 0xFF && stream[1] == 0xD8;
  pieces->insert(pieces->begin(), ByteView(kStart));
  pieces->push_back(has_start ? stream.subspan(2) : stream);
  return pieces;
}

Decompressor::~Decompressor() {
  jpeg_destroy_decompress(&handle);
}

Result<void> Decompressor::open(std::vector<ByteView> pieces, bool tolerant, bool keep_profile) {
  source_.pieces = std::move(pieces);
  trap.tolerant = tolerant;
  handle.err = &trap.manager;
  progress_.progress_monitor = on_progress;
  const bool done = run_guarded(trap, [&] {
    jpeg_create_decompress(&handle);
    handle.src = &source_.manager;
    handle.progress = &progress_;
    if (keep_profile) {
      jpeg_save_markers(&handle, JPEG_APP0 + 2, 0xFFFF);
    }
    jpeg_read_header(&handle, TRUE);
  });
  if (!done) {
    return std::unexpected(trap.error());
  }
  return {};
}

BufferTarget::BufferTarget() {
  manager.init_destination = target_start;
  manager.empty_output_buffer = target_grow;
  manager.term_destination = target_end;
}

Compressor::~Compressor() {
  jpeg_destroy_compress(&handle);
}

Result<void> Compressor::open(std::size_t expected) {
  target_.bytes.resize(std::max<std::size_t>(expected, 4096));
  handle.err = &trap.manager;
  const bool done = run_guarded(trap, [&] {
    jpeg_create_compress(&handle);
    handle.dest = &target_.manager;
  });
  if (!done) {
    return std::unexpected(trap.error());
  }
  return {};
}

Bytes Compressor::take() {
  return std::move(target_.bytes);
}

}  // namespace microtome::codec::jpeg
