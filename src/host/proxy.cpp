// SPDX-License-Identifier: Apache-2.0
#include "host/proxy.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace microtome::host {

using namespace std::chrono_literals;
using Clock = Timers::Clock;

namespace {
constexpr std::size_t kBodyAhead = 64 * 1024;
}  // namespace

ProxyRun::ProxyRun(ProxyRequest request, AnswerSink& answer)
    : request_(std::move(request)), answer_(&answer), body_(request_.spool), head_(!request_.cgi) {}

ProxyRun::~ProxyRun() {
  let_go();
}

void ProxyRun::start() {
  if (answer_->stream().has_body()) {
    if (body_.begin(answer_->stream(), request_.keep, request_.content_length)) {
      return body_arrived();
    }
  }
  enqueue();
}

void ProxyRun::enqueue() {
  ++tried_;
  ticket_ = std::make_shared<Ticket>();
  ticket_->patience = tried_ < request_.apps.size() ? 1ms : std::chrono::milliseconds(app().spec().queue_wait);
  ticket_->granted = [weak = weak_from_this()](Lease lease) {
    if (const auto self = weak.lock()) {
      self->granted(std::move(lease));
    }
  };
  ticket_->refused = [weak = weak_from_this()](int) {
    if (const auto self = weak.lock()) {
      self->ticket_.reset();
      self->next_server();
      self->commit();
    }
  };
  app().acquire(ticket_);
}

void ProxyRun::granted(Lease lease) {
  const auto self = shared_from_this();
  ticket_.reset();
  lease_ = std::move(lease);
  const Connected connected = connect_to_app(lease_.slot().address);
  if (connected.fd < 0) {
    lease_.app().refused(lease_.slot());
    next_server();
    return commit();
  }
  descriptor_ = std::make_unique<net::Descriptor>(*lease_.app().context().loop, connected.fd);
  connected_ = connected.state == Connect::done;
  running_ = true;
  out_.copy(request_.text(app(), request_.content_length ? request_.content_length : std::optional(body_.size())));
  last_activity_ = Clock::now();
  watch_time();
  send_body();
}

// Puts what there is of the body into the queue. True: the queue was full before all was taken.
bool ProxyRun::fill_queue() {
  while (running_ && !body_ended_ && answer_ != nullptr) {
    if (out_.size() >= kBodyAhead) {
      return true;
    }
    const auto next = body_.next(answer_);
    if (!next) {
      fail(500, next.error().context);
      return false;
    }
    const auto& [bytes, last] = *next;
    if (!bytes.empty()) {
      out_.copy(bytes);
      body_sent_ = true;
      last_activity_ = Clock::now();
    }
    body_ended_ = last;
    if (bytes.empty()) {
      return false;
    }
  }
  return false;
}

void ProxyRun::send_body() {
  // What the kernel has taken makes room: nobody else would call for the rest.
  bool full = fill_queue();
  flush();
  while (full && descriptor_ && out_.size() < kBodyAhead) {
    full = fill_queue();
    flush();
  }
  if (done_) {
    return commit();
  }
  if (answer_ != nullptr && !body_ended_ && !body_.is_kept()) {
    answer_->commit();
  }
}

void ProxyRun::flush() {
  if (!descriptor_) {
    return;
  }
  bool blocked = !connected_;
  if (connected_) {
    const auto status = out_.flush(descriptor_->fd());
    blocked = status == net::SendQueue::Status::blocked;
    if (status != net::SendQueue::Status::done && !blocked) {
      out_.clear();  // it has closed; what it had said before may still be there to read
    }
  }
  if (blocked && !writing_) {
    writing_ = true;
    descriptor_->wait_writable(shared_from_this());
  }
  watch();
}

void ProxyRun::watch() {
  if (descriptor_ && connected_ && !reading_ && !hold_) {
    reading_ = true;
    descriptor_->wait_readable(shared_from_this());
  }
}

void ProxyRun::writable() {
  const auto self = shared_from_this();
  writing_ = false;
  if (!descriptor_) {
    return;
  }
  if (!connected_) {
    if (connect_error(descriptor_->fd()) != 0) {
      lease_.app().refused(lease_.slot());
      next_server();
      return commit();
    }
    connected_ = true;
  }
  last_activity_ = Clock::now();
  send_body();
}

void ProxyRun::readable() {
  const auto self = shared_from_this();
  reading_ = false;
  if (!descriptor_) {
    return;
  }
  for (int turn = 0; turn < 2 && descriptor_ && !hold_; ++turn) {
    const std::span<char> space = app().context().loop->scratch();
    const ssize_t count = recv(descriptor_->fd(), space.data(), space.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      descriptor_->drained();
      break;
    }
    if (count < 0) {
      broken();
    } else if (count == 0) {
      head_done_ && !has_length_ && !chunks_ ? ended() : broken();
    } else {
      last_activity_ = Clock::now();
      any_output_ = true;
      take({space.data(), static_cast<std::size_t>(count)});
    }
  }
  watch();
  commit();
}

void ProxyRun::broken() {
  if (done_) {
    return;
  }
  if (head_done_) {
    app().context().log.error(app().spec().label + ": " + request_.name + ": broke off in the middle of its answer");
    done_ = true;
    if (answer_ != nullptr) {
      answer_->upstream_cut();
    }
    return;
  }
  if (!any_output_ && request_.safe && !body_sent_) {
    return next_server();
  }
  fail(502, "it closed the connection without an answer");
}

void ProxyRun::fail(int status, std::string reason) {
  if (done_) {
    return;
  }
  done_ = true;
  if (answer_ != nullptr) {
    answer_->upstream_failed(status, app().spec().label + ": " + request_.name + ": " + reason);
  }
}

// The request goes to the next server, if there is one that has not been tried.
void ProxyRun::next_server() {
  if (tried_ >= request_.apps.size() || (body_sent_ && !body_.is_kept()) || answer_ == nullptr) {
    return fail(tried_ >= request_.apps.size() && !any_output_ && !connected_ ? 503 : 502,
                "no server could be reached");
  }
  running_ = false;
  descriptor_.reset();
  connected_ = reading_ = writing_ = false;
  out_.clear();
  head_ = CgiHeadReader(!request_.cgi);
  body_ended_ = body_sent_ = false;
  body_.rewind();
  app().context().timers->cancel(timer_);
  lease_.release();
  app_at_ = (app_at_ + 1) % request_.apps.size();
  enqueue();
}

void ProxyRun::body_arrived() {
  const auto self = shared_from_this();
  if (!body_.is_kept() || answer_ == nullptr || tunnel_) {
    return send_body();
  }
  const auto may_begin = body_.arrived(answer_->stream());
  if (!may_begin) {
    fail(body_.fault_status(), may_begin.error().context);
    return commit();
  }
  if (*may_begin) {
    return enqueue();
  }
  send_body();
  if (answer_ != nullptr && !body_.is_whole()) {
    answer_->commit();
  }
}

void ProxyRun::drained() {
  hold_ = false;
  watch();
}

void ProxyRun::client_gone() {
  const auto self = shared_from_this();
  answer_ = nullptr;
  done_ = true;
  let_go();
}

void ProxyRun::let_go() {
  if (ticket_) {
    app().cancel(std::exchange(ticket_, nullptr));
  }
  if (!request_.apps.empty()) {
    app().context().timers->cancel(timer_);
  }
  if (descriptor_) {
    descriptor_->close();
  }
  descriptor_.reset();
  lease_.release();
}

// How long nothing may move; 0: no limit.
std::chrono::seconds ProxyRun::time_limit() {
  if (tunnel_) {
    return request_.tunnel_idle;
  }
  return connected_ ? app().spec().read_timeout : app().spec().connect_timeout;
}

void ProxyRun::watch_time() {
  const auto limit = time_limit();
  if (limit.count() == 0) {
    return;
  }
  timer_ = app().context().timers->after(
      std::max<Clock::duration>(last_activity_ + limit - Clock::now(), 1ms), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) {
          return;
        }
        self->timer_ = 0;
        const bool waits_for_client = !self->tunnel_ && (self->hold_ || (!self->body_ended_ && self->out_.empty()));
        if (waits_for_client) {
          self->last_activity_ = Clock::now();
        }
        if (Clock::now() - self->last_activity_ < self->time_limit()) {
          return self->watch_time();
        }
        if (!self->tunnel_ && self->lease_ && self->app().spec().ours() && self->connected_) {
          self->lease_.app().hung(self->lease_.slot(), self->lease_.slot().generation);
        }
        self->head_done_ ? self->broken() : self->fail(504, "no answer in time");
        self->commit();
      });
}

void ProxyRun::commit() {
  const auto self = shared_from_this();
  AnswerSink* answer = answer_;
  if (done_) {
    answer_ = nullptr;
    let_go();
  }
  if (answer != nullptr) {
    answer->commit();
  }
}

}  // namespace microtome::host
