// SPDX-License-Identifier: Apache-2.0
// Questions to an app (GET_VALUES) on connections of their own: what it can, and whether it is there. Part of
// fcgi_client.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "host/fcgi_client.hpp"
#include "http/text.hpp"

namespace microtome::host {

using namespace std::chrono_literals;
namespace fcgi = net::fcgi;

// A connection for one GET_VALUES.
class FcgiClient::Asker : public net::Watcher, public Question, public std::enable_shared_from_this<Asker> {
 public:
  using Answer = std::function<void(std::optional<Ability>)>;
  Asker(const std::shared_ptr<App>& app, int fd, Answer answer)
      : timers_(app->context().timers), descriptor_(*app->context().loop, fd), answer_(std::move(answer)) {}

  void start(std::chrono::milliseconds patience) {
    timer_ = timers_->after(patience, [self = shared_from_this()] {
      self->timer_ = 0;
      self->finish(std::nullopt);
    });
    descriptor_.wait_writable(shared_from_this());
  }

  void writable() override {
    std::string pairs;
    for (const char* name : {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"}) {
      fcgi::append_pair(pairs, name, "");
    }
    // Padded: programs of libfcgi wait for bytes behind the content before they answer.
    constexpr std::size_t kPadding = 8;
    std::string record;
    fcgi::append_header(record, fcgi::Type::get_values, 0, pairs.size(), kPadding);
    record.append(pairs).append(kPadding, '\0');
    if (connect_error(descriptor_.fd()) != 0 ||
        send(descriptor_.fd(), record.data(), record.size(), MSG_NOSIGNAL) < 0) {
      return finish(std::nullopt);
    }
    asked_ = true;
    wait();
  }

  void readable() override {
    waiting_ = false;
    std::array<char, 4096> space;
    const ssize_t count = recv(descriptor_.fd(), space.data(), space.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
      descriptor_.drained();
      return wait();
    }
    if (count > 0 && closing_) {
      return wait();
    }
    if (count <= 0) {
      return finish(std::nullopt);
    }
    ByteView bytes = as_bytes({space.data(), static_cast<std::size_t>(count)});
    fcgi::Piece piece;
    fcgi::RecordReader::Next next;
    while ((next = reader_.next(bytes, piece)) == fcgi::RecordReader::Next::piece) {
      if (piece.header.type == fcgi::Type::get_values_result && piece.header.id == 0) {
        return finish(read(piece.content));
      }
    }
    if (next == fcgi::RecordReader::Next::bad) {
      return finish(std::nullopt);
    }
    wait();
  }
  void failed() override { finish(std::nullopt); }
  void abandon() override {
    timers_->cancel(timer_);
    answer_ = nullptr;
    descriptor_.close();
  }

 private:
  void wait() {
    if (!waiting_) {
      waiting_ = true;
      descriptor_.wait_readable(shared_from_this());
    }
  }

  static std::optional<Ability> read(ByteView content) {
    Ability ability{true, 0, false};
    const bool good = fcgi::read_pairs(content, [&](std::string_view name, std::string_view value) {
      if (name == "FCGI_MAX_CONNS") {
        ability.max_connections =
            static_cast<int>(std::min<std::uint64_t>(http::parse_decimal(value).value_or(0), 100000));
      } else if (name == "FCGI_MPXS_CONNS") {
        ability.multiplexes = value == "1";
      }
      return true;
    });
    return good ? std::optional(ability) : std::nullopt;
  }

  void finish(std::optional<Ability> ability) {
    timers_->cancel(timer_);
    if (answer_) {
      std::exchange(answer_, nullptr)(ability);
    }
    if (ability || descriptor_.fd() < 0 || closing_ || !asked_) {
      return descriptor_.close();
    }
    // An app that does not know the question may take the end of it for a request, and die of a closed connection
    // when it answers: what it says is read and dropped.
    closing_ = true;
    shutdown(descriptor_.fd(), SHUT_WR);
    timer_ = timers_->after(10s, [self = shared_from_this()] {
      self->timer_ = 0;
      self->descriptor_.close();
    });
    wait();
  }

  std::shared_ptr<Timers> timers_;
  net::Descriptor descriptor_;
  Answer answer_;
  fcgi::RecordReader reader_;
  Timers::Id timer_ = 0;
  bool asked_ = false;
  bool waiting_ = false;
  bool closing_ = false;
};

void FcgiClient::probe(const std::shared_ptr<App>& app, Slot& slot) {
  const Connected connected = connect_to_app(slot.address);
  if (connected.state != Connect::done && connected.state != Connect::pending) {
    return;
  }
  const auto asker =
      std::make_shared<Asker>(app, connected.fd, [weak = std::weak_ptr(app)](std::optional<Ability> ability) {
        const auto self = weak.lock();
        if (self && ability) {
          self->learned(*ability);
        } else if (self) {
          self->unanswered();
        }
      });
  app->asked(asker);
  asker->start(1s);
}

void FcgiClient::ping(const std::shared_ptr<App>& app, Slot& slot, std::function<void(bool)> reply) {
  const Connected connected = connect_to_app(slot.address);
  if (connected.state != Connect::done && connected.state != Connect::pending) {
    return app->context().loop->post([reply = std::move(reply)] { reply(false); });
  }
  const auto asker = std::make_shared<Asker>(
      app, connected.fd, [reply = std::move(reply)](std::optional<Ability> ability) { reply(ability.has_value()); });
  app->asked(asker);
  asker->start(2s);
}

}  // namespace microtome::host
