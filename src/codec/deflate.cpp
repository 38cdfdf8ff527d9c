// SPDX-License-Identifier: Apache-2.0
#include "codec/deflate.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <new>

namespace microtome::codec {
namespace {

struct Inflated {
  libdeflate_result outcome = LIBDEFLATE_BAD_DATA;
  std::size_t in = 0;
  std::size_t out = 0;
};

// One member (gzip) or stream from the front of `data`.
Inflated inflate_once(libdeflate_decompressor* inflater, ByteView data, Wrapper wrapper, std::uint8_t* out,
                      std::size_t room) {
  Inflated result;
  switch (wrapper) {
    case Wrapper::raw:
      result.outcome =
          libdeflate_deflate_decompress_ex(inflater, data.data(), data.size(), out, room, &result.in, &result.out);
      break;
    case Wrapper::zlib:
      result.outcome =
          libdeflate_zlib_decompress_ex(inflater, data.data(), data.size(), out, room, &result.in, &result.out);
      break;
    case Wrapper::gzip:
      result.outcome =
          libdeflate_gzip_decompress_ex(inflater, data.data(), data.size(), out, room, &result.in, &result.out);
      break;
  }
  return result;
}

using Inflater = std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)>;

Inflater make_inflater() {
  Inflater inflater(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!inflater) {
    throw std::bad_alloc();
  }
  return inflater;
}

// Deflate grows data by 1032 times at most, so a wrong `expected` cannot make us set aside more than that.
std::size_t first_guess(std::size_t size, std::size_t limit, std::size_t expected) {
  const std::size_t most = std::min(limit, size <= limit / 1032 ? size * 1032 + 64 : limit);
  return std::min(most, expected != 0 ? expected : std::max<std::size_t>(size * 4, 256));
}

}  // namespace

Result<Bytes> inflate(ByteView data, Wrapper wrapper, std::size_t limit, std::size_t expected) {
  const Inflater inflater = make_inflater();
  Bytes out(first_guess(data.size(), limit, expected));
  std::size_t used = 0;
  while (true) {
    const Inflated step = inflate_once(inflater.get(), data, wrapper, out.data() + used, out.size() - used);
    if (step.outcome == LIBDEFLATE_INSUFFICIENT_SPACE) {
      if (out.size() >= limit) {
        return fail(Code::too_large, "data too large when inflated");
      }
      out.resize(out.size() >= limit / 2 ? limit : std::max<std::size_t>(out.size() * 2, 256));
      continue;
    }
    if (step.outcome != LIBDEFLATE_SUCCESS) {
      return fail(Code::corrupt, "broken compressed data");
    }
    used += step.out;
    data = data.subspan(step.in);
    // gzip files may be several members after one another; anything else behind the end is padding.
    if (wrapper != Wrapper::gzip || data.size() < 2 || data[0] != 0x1F || data[1] != 0x8B) {
      break;
    }
  }
  out.resize(used);
  return out;
}

Result<std::size_t> inflate_into(ByteView data, Wrapper wrapper, std::span<std::uint8_t> out) {
  const Inflater inflater = make_inflater();
  const Inflated step = inflate_once(inflater.get(), data, wrapper, out.data(), out.size());
  if (step.outcome == LIBDEFLATE_INSUFFICIENT_SPACE) {
    return fail(Code::too_large, "data too large when inflated");
  }
  if (step.outcome != LIBDEFLATE_SUCCESS) {
    return fail(Code::corrupt, "broken compressed data");
  }
  return step.out;
}

Result<Bytes> deflate(ByteView data, Wrapper wrapper, int level) {
  const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> deflater(
      libdeflate_alloc_compressor(std::clamp(level, 0, 12)), libdeflate_free_compressor);
  if (!deflater) {
    throw std::bad_alloc();
  }
  Bytes out;
  std::size_t size = 0;
  switch (wrapper) {
    case Wrapper::raw:
      out.resize(libdeflate_deflate_compress_bound(deflater.get(), data.size()));
      size = libdeflate_deflate_compress(deflater.get(), data.data(), data.size(), out.data(), out.size());
      break;
    case Wrapper::zlib:
      out.resize(libdeflate_zlib_compress_bound(deflater.get(), data.size()));
      size = libdeflate_zlib_compress(deflater.get(), data.data(), data.size(), out.data(), out.size());
      break;
    case Wrapper::gzip:
      out.resize(libdeflate_gzip_compress_bound(deflater.get(), data.size()));
      size = libdeflate_gzip_compress(deflater.get(), data.data(), data.size(), out.data(), out.size());
      break;
  }
  if (size == 0) {
    return fail(Code::internal, "compression failed");
  }
  out.resize(size);
  return out;
}

std::uint32_t crc32(ByteView data, std::uint32_t seed) {
  // An empty view may be a null pointer, for which libdeflate answers its start value, not the seed.
  return data.empty() ? seed : libdeflate_crc32(seed, data.data(), data.size());
}

}  // namespace microtome::codec
