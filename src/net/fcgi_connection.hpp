// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "net/connection.hpp"
namespace microtome::net {
class FcgiConnection final : public Connection {
 public:
  FcgiConnection(std::shared_ptr<Loop> loop, std::shared_ptr<const Shared> shared, int fd, Peer peer,
                 std::atomic<std::size_t>& count, bool)
      : Connection(std::move(loop), std::move(shared), fd, std::move(peer), count) {}
  void start() override { close(); }
};
}  // namespace microtome::net
