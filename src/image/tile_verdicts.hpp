// SPDX-License-Identifier: Apache-2.0
// TileVerdicts: one byte for each tile of a level, remembered once the tile was looked at, so that the same tile need
// not be looked at again while its file stays as it is. Memory is taken in pieces of 4 KiB as tiles are asked for,
// and not at all beyond kMostTiles tiles. Thread-safe; no locks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace microtome::image {

class TileVerdicts {
 public:
  static constexpr std::size_t kPiece = 4096;                 // tiles
  static constexpr std::uint64_t kMostTiles = 4096 * kPiece;  // of a level: 16 million

  explicit TileVerdicts(std::uint64_t tiles) : pieces_(tiles <= kMostTiles ? (tiles + kPiece - 1) / kPiece : 0) {}
  ~TileVerdicts() {
    for (auto& piece : pieces_) {
      delete piece.load(std::memory_order_relaxed);
    }
  }
  TileVerdicts(const TileVerdicts&) = delete;
  TileVerdicts& operator=(const TileVerdicts&) = delete;

  // 0 = not known.
  [[nodiscard]] std::uint8_t get(std::uint64_t tile) const {
    if (tile / kPiece >= pieces_.size()) {
      return 0;
    }
    const Piece* piece = pieces_[tile / kPiece].load(std::memory_order_acquire);
    return piece == nullptr ? 0 : (*piece)[tile % kPiece].load(std::memory_order_acquire);
  }

  void set(std::uint64_t tile, std::uint8_t verdict) {
    if (tile / kPiece >= pieces_.size()) {
      return;
    }
    auto& slot = pieces_[tile / kPiece];
    Piece* piece = slot.load(std::memory_order_acquire);
    if (piece == nullptr) {
      auto made = std::make_unique<Piece>();
      if (slot.compare_exchange_strong(piece, made.get(), std::memory_order_acq_rel)) {
        piece = made.release();
      }
    }
    (*piece)[tile % kPiece].store(verdict, std::memory_order_release);
  }

  [[nodiscard]] std::size_t memory() const {
    std::size_t bytes = pieces_.capacity() * sizeof(pieces_[0]);
    for (const auto& piece : pieces_) {
      bytes += piece.load(std::memory_order_relaxed) == nullptr ? 0 : sizeof(Piece);
    }
    return bytes;
  }

 private:
  using Piece = std::array<std::atomic<std::uint8_t>, kPiece>;
  std::vector<std::atomic<Piece*>> pieces_;
};

}  // namespace microtome::image
