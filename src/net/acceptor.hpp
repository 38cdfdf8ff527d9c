// SPDX-License-Identifier: Apache-2.0
// Acceptor: takes connections from one listening socket, on one loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "net/connection.hpp"
#include "net/listener.hpp"
#include "net/loop.hpp"

namespace microtome::net {

// Counts connections over all loops of a server.
struct Census {
  std::atomic<std::size_t> connections{0};
};

class Acceptor final : public Watcher, public Ticked, public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(std::shared_ptr<Loop> loop, std::shared_ptr<const Shared> shared, std::unique_ptr<Listener> listener,
           Census& census);
  ~Acceptor() override;
  void start();
  void close();

  void readable() override;
  void writable() override {}
  void failed() override;
  void tick(Clock::time_point now) override;

 private:
  bool accept_one();  // false: nothing more to accept for now
  void serve(int fd, Peer peer);
  void refuse(int fd);
  void pause(int error);
  bool make_room();

  std::shared_ptr<Loop> loop_;
  std::shared_ptr<const Shared> shared_;
  std::unique_ptr<Listener> listener_;
  Census& census_;
  Descriptor descriptor_;
  bool paused_ = false;
  std::size_t look_at_ = 0;  // where make_room() looked last
};

}  // namespace microtome::net
