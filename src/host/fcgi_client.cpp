// SPDX-License-Identifier: Apache-2.0
#include "host/fcgi_client.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace microtome::host {

using namespace std::chrono_literals;
namespace fcgi = net::fcgi;

namespace {

constexpr std::size_t kLowWater = 32 * 1024;
constexpr std::size_t kMostMultiplexed = 128;  // requests on one connection
constexpr std::size_t kMostConnections = 8;    // multiplexed ones of a process
constexpr auto kAbortPatience = 2s;

// Whether connections to this app are kept.
bool keeps(const App& app) {
  const Ability& ability = app.ability();
  switch (app.spec().keep) {
    case KeepConnections::never:
      return false;
    case KeepConnections::fixed:
      return true;
    case KeepConnections::ask:
      break;
  }
  // An app of one connection that others may also speak to would be blocked for them.
  return ability.known && (app.spec().ours() || ability.multiplexes || ability.max_connections > 1);
}

}  // namespace

std::shared_ptr<FcgiClient> FcgiClient::get(const std::shared_ptr<App>& app, Slot& slot, bool fresh, Broken& why) {
  const bool multiplexes = app->ability().multiplexes;
  if (!fresh) {
    for (const auto& client : slot.connections) {
      if (!client->dead() && (client->idle() || (multiplexes && client->sinks_.size() < kMostMultiplexed))) {
        return client;
      }
    }
  } else {
    // The kept connection may be what the only place of the app is taken by.
    const auto kept = slot.connections;
    for (const auto& client : kept) {
      if (client->idle()) {
        client->close();
      }
    }
  }
  Connected connected = connect_to_app(slot.address);
  if (connected.state == Connect::busy || connected.state == Connect::refused) {
    why = Broken::connect;
    if (connected.state == Connect::refused) {
      app->refused(slot);
    }
    return nullptr;
  }
  const std::size_t most = app->spec().keep == KeepConnections::fixed
                               ? static_cast<std::size_t>(app->spec().keep_connections)
                           : multiplexes ? kMostConnections
                                         : static_cast<std::size_t>(std::max(1, app->ability().max_connections));
  const bool keep = keeps(*app) && slot.connections.size() < most;
  auto client = std::make_shared<FcgiClient>(app, slot, connected.fd, connected.state == Connect::done, keep);
  if (keep) {
    slot.connections.push_back(client);
  }
  return client;
}

FcgiClient::FcgiClient(std::shared_ptr<App> app, Slot& slot, int fd, bool connected, bool keep)
    : app_(std::move(app)),
      slot_(slot),
      generation_(slot.generation),
      descriptor_(*app_->context().loop, fd),
      connected_(connected),
      keep_(keep) {
  slot_.open.push_back(this);
}

FcgiClient::~FcgiClient() {
  app_->context().timers->cancel(timer_);
  std::erase(slot_.open, this);
}

void FcgiClient::nobody_accepts() {
  char byte = 0;
  // A process that had accepted and died has closed: then there is an end to read, and reading will find it.
  if (!dead() && recv(descriptor_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN) {
    fail_all(Broken::connect);
  }
}

std::uint16_t FcgiClient::begin(std::shared_ptr<FcgiSink> sink, fcgi::Role role, std::string_view params) {
  std::uint16_t id = 1;
  if (!sinks_.empty()) {
    do {
      last_id_ = static_cast<std::uint16_t>(last_id_ % 65535 + 1);
    } while (sinks_.contains(last_id_));
    id = last_id_;
  } else {
    last_id_ = 1;
  }
  sinks_[id] = {std::move(sink), false};
  ++requests_;
  std::string head;
  head.reserve(params.size() + 64);
  fcgi::append_begin_request(head, id, role, keep_ ? fcgi::kKeepConnection : 0);
  fcgi::append_stream(head, fcgi::Type::params, id, params);
  fcgi::append_record(head, fcgi::Type::params, id, {});
  out_.copy(head);
  return id;
}

void FcgiClient::body(std::uint16_t id, std::string_view bytes) {
  std::string records;
  records.reserve(bytes.size() + 16);
  fcgi::append_stream(records, fcgi::Type::stdin_stream, id, bytes);
  out_.copy(records);
}

void FcgiClient::body_end(std::uint16_t id) {
  std::string record;
  fcgi::append_record(record, fcgi::Type::stdin_stream, id, {});
  out_.copy(record);
}

void FcgiClient::flush() {
  if (dead()) {
    return;
  }
  if (!connected_) {
    if (!writing_) {
      writing_ = true;
      descriptor_.wait_writable(shared_from_this());
      timer_ = app_->context().timers->after(app_->spec().connect_timeout, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->timer_ = 0;
          self->fail_all(Broken::timeout);
        }
      });
    }
    return;
  }
  switch (out_.flush(descriptor_.fd())) {
    case net::SendQueue::Status::done:
      break;
    case net::SendQueue::Status::blocked:
      if (!writing_) {
        writing_ = true;
        descriptor_.wait_writable(shared_from_this());
      }
      break;
    default:
      // It has closed; what it had said before may still be there to read.
      out_.clear();
      break;
  }
  watch();
}

void FcgiClient::flush_soon() {
  if (sinks_.size() < 2 || !connected_) {
    return flush();
  }
  if (!std::exchange(flushing_, true)) {
    app_->context().loop->post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->flushing_ = false;
        self->flush();
      }
    });
  }
}

void FcgiClient::watch() {
  if (!reading_ && !held_ && !dead() && connected_) {
    reading_ = true;
    descriptor_.wait_readable(shared_from_this());
  }
}

void FcgiClient::hold(bool held) {
  held_ = held;
  if (!in_read_) {
    watch();
  }
}

void FcgiClient::writable() {
  const auto self = shared_from_this();
  writing_ = false;
  if (dead()) {
    return;
  }
  if (!connected_) {
    app_->context().timers->cancel(timer_);
    if (connect_error(descriptor_.fd()) != 0) {
      app_->refused(slot_);
      return fail_all(Broken::connect);
    }
    connected_ = true;
  }
  flush();
  if (out_.size() < kLowWater) {
    std::vector<std::shared_ptr<FcgiSink>> all;
    for (const auto& [id, running] : sinks_) {
      if (running.sink) {
        all.push_back(running.sink);
      }
    }
    for (const auto& sink : all) {
      sink->app_drained();
    }
  }
}

// Behind reading: requests that ended leave; the connection is kept or closed.
void FcgiClient::finished() {
  const bool any = std::erase_if(sinks_, [](const auto& each) { return each.second.ended; }) > 0;
  if (any && sinks_.empty() && out_.empty()) {
    held_ = false;
  }
  if (any && (!keep_ || generation_ != slot_.generation) && sinks_.empty()) {
    return close();
  }
  if (any && sinks_.empty() && !out_.empty()) {
    // It ended before it had taken the whole body: what is left must not come before the next request.
    return close();
  }
  watch();
}

void FcgiClient::fail_all(Broken why) {
  const auto self = shared_from_this();
  auto sinks = std::exchange(sinks_, {});
  close();
  for (auto& [id, running] : sinks) {
    if (running.sink && !running.ended) {
      running.sink->app_broken(why);
      // Never inside of a read: the loop's buffer is in use there.
      app_->context().loop->post([sink = running.sink] { sink->commit(); });
    }
  }
}

void FcgiClient::leave_pool() {
  auto& pool = slot_.connections;
  pool.erase(std::remove_if(pool.begin(), pool.end(), [this](const auto& each) { return each.get() == this; }),
             pool.end());
}

void FcgiClient::leave() {
  keep_ = false;
  if (idle()) {
    close();
  }
}

void FcgiClient::close() {
  const auto self = shared_from_this();
  app_->context().timers->cancel(timer_);
  descriptor_.close();
  out_.clear();
  leave_pool();
}

void FcgiClient::abort(std::uint16_t id) {
  const auto self = shared_from_this();
  const auto found = sinks_.find(id);
  if (found == sinks_.end() || dead()) {
    return;
  }
  if (sinks_.size() == 1 && !app_->ability().multiplexes) {
    sinks_.clear();
    return close();  // without multiplexing that is how an app learns it
  }
  found->second.sink = nullptr;
  held_ = false;
  std::string record;
  fcgi::append_record(record, fcgi::Type::abort_request, id, {});
  out_.copy(record);
  flush();
  // Its id stays taken until END comes; an app that sends none loses the connection.
  app_->context().timers->after(kAbortPatience, [weak = weak_from_this(), id, count = requests_] {
    const auto self = weak.lock();
    if (!self || self->dead()) {
      return;
    }
    const auto still = self->sinks_.find(id);
    if (still != self->sinks_.end() && !still->second.sink && self->requests_ >= count) {
      self->keep_ = false;
      self->leave_pool();
      still->second.ended = true;
      self->finished();
    }
  });
}

}  // namespace microtome::host
