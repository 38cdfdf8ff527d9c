// SPDX-License-Identifier: Apache-2.0
#include "net/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace microtome::net {

Connection::Connection(std::shared_ptr<Loop> loop, std::shared_ptr<const Shared> shared, int fd, Peer peer,
                       std::atomic<std::size_t>& count)
    : loop_(std::move(loop)),
      shared_(std::move(shared)),
      descriptor_(*loop_, fd),
      peer_(std::move(peer)),
      count_(count) {
  count_.fetch_add(1, std::memory_order_relaxed);
  loop_->add(*this);
}

Connection::~Connection() {
  close();
}

void Connection::wake(unsigned events) {
  events_ |= events;
  if (waiting_ && (events_ & mask_) != 0) {
    std::exchange(waiting_, nullptr).resume();
  }
}

void Connection::tick(Clock::time_point now) {
  if (now >= deadline_) {
    no_deadline();
    wake(kExpired);
  }
}

Connection::Got Connection::receive(std::span<char>& got, std::size_t limit) {
  const std::span<char> space = loop_->scratch();
  while (true) {
    const std::size_t most = std::min(space.size(), limit);
    const ssize_t count = recv(fd(), space.data(), most, MSG_DONTWAIT);
    if (count > 0) {
      if (static_cast<std::size_t>(count) < most) {
        descriptor_.drained();
      }
      got = space.first(static_cast<std::size_t>(count));
      return Got::bytes;
    }
    if (count == 0) {
      return Got::end;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      descriptor_.drained();
      return Got::nothing;
    }
    if (errno != EINTR) {
      return Got::reset;
    }
  }
}

bool Connection::peer_has_left() const {
  if (!peer_.local) {
    return true;
  }
  pollfd state{fd(), 0, 0};
  return poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

bool Connection::bytes_wait() const {
  char byte = 0;
  return recv(fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
}

void Connection::watch_readable() {
  if (!reading_) {
    reading_ = true;
    descriptor_.wait_readable(shared_from_this());
  }
}

void Connection::watch_writable() {
  if (!writing_) {
    writing_ = true;
    descriptor_.wait_writable(shared_from_this());
  }
}

void Connection::warm(const io::FileRange& range) {
  auto back = [loop = loop_, self = weak_from_this()] {
    post(loop, self, [](Connection& connection) {
      connection.warm_done_ = true;
      connection.wake(kAnswered);
    });
  };
  auto job = [range, back](bool) {
    // Reading brings the pages in; errors show when the range is sent.
    std::array<std::uint8_t, 32 * 1024> buffer;
    range.file->will_need(range.offset, range.length);
    for (std::uint64_t done = 0; done < range.length; done += buffer.size()) {
      const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), range.length - done));
      if (!range.file->read(range.offset + done, std::span(buffer).first(step))) {
        break;
      }
    }
    back();
  };
  if (!shared_->pool.submit(WorkClass::tile, CancelToken(), job)) {
    // The request was admitted long ago and only its last bytes wait for the disk: refusing it now would cut the
    // answer.
    shared_->pool.put_back(WorkClass::tile, CancelToken(), job);
  }
}

void Connection::close(bool reset) {
  if (closed()) {
    return;
  }
  if (reset) {
    const linger now{1, 0};
    setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  loop_->remove(*this);
  count_.fetch_sub(1, std::memory_order_relaxed);
  descriptor_.close();
  idle_ = false;
}

}  // namespace microtome::net
