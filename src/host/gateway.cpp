// SPDX-License-Identifier: Apache-2.0
#include "host/gateway.hpp"

#include <algorithm>
#include <utility>

#include "host/client_stream.hpp"

namespace microtome::host {

using namespace std::chrono_literals;
namespace fcgi = net::fcgi;
using Clock = Timers::Clock;

namespace {

constexpr std::size_t kBodyAhead = 64 * 1024;  // bytes of the body waiting for the app
constexpr int kMaxConnects = 20;
constexpr int kMaxTries = 10;

}  // namespace

GatewayRun::GatewayRun(GatewayRequest request, AnswerSink& answer)
    : request_(std::move(request)), answer_(&answer), body_(request_.spool) {}

GatewayRun::~GatewayRun() {
  let_go();
}

std::string GatewayRun::label() {
  return app().spec().label + ": " + request_.name;
}

void GatewayRun::start() {
  if (answer_->stream().has_body() && request_.role == fcgi::Role::responder) {
    if (body_.begin(answer_->stream(), request_.keep, request_.content_length)) {
      return body_arrived();
    }
  }
  enqueue();
}

void GatewayRun::enqueue() {
  state_ = State::queue;
  if (queued_since_ == Clock::time_point{}) {
    queued_since_ = Clock::now();
  }
  ticket_ = std::make_shared<Ticket>();
  ticket_->patience =
      std::max<std::chrono::milliseconds>(1ms, std::chrono::duration_cast<std::chrono::milliseconds>(
                                                   app().spec().queue_wait - (Clock::now() - queued_since_)));
  ticket_->granted = [weak = weak_from_this()](Lease lease) {
    if (const auto self = weak.lock()) {
      self->granted(std::move(lease));
    }
  };
  ticket_->refused = [weak = weak_from_this()](int status) {
    if (const auto self = weak.lock()) {
      self->refused(status);
    }
  };
  app().acquire(ticket_);
}

void GatewayRun::refused(int status) {
  const auto self = shared_from_this();
  ticket_.reset();
  if (app_at_ + 1 < request_.apps.size()) {
    ++app_at_;
    return enqueue();
  }
  fail(status, "no process could take the request in time");
  commit();
}

void GatewayRun::granted(Lease lease) {
  const auto self = shared_from_this();
  ticket_.reset();
  lease_ = std::move(lease);
  state_ = State::running;
  Broken why = Broken::connect;
  client_ = FcgiClient::get(lease_.app().shared_from_this(), lease_.slot(), fresh_, why);
  if (!client_) {
    app_broken(why);
    return commit();
  }
  const auto length = request_.content_length ? request_.content_length : std::optional(body_.size());
  id_ = client_->begin(self, request_.role, request_.params(app(), length));
  last_activity_ = granted_at_ = Clock::now();
  watch_time();
  send_body();
}

void GatewayRun::send_body() {
  if (body_ended_ || !client_ || state_ != State::running) {
    return;
  }
  if (request_.role == fcgi::Role::authorizer) {
    body_ended_ = true;  // it gets none: no STDIN at all
    return client_->flush();
  }
  while (client_->unsent() < kBodyAhead) {
    const auto next = body_.next(answer_);
    if (!next) {
      fail(500, next.error().context);
      return commit();
    }
    const auto& [bytes, ended] = *next;
    if (!bytes.empty()) {
      client_->body(id_, bytes);
      body_sent_ = true;
      last_activity_ = Clock::now();
    }
    if (ended) {
      client_->body_end(id_);
      body_ended_ = true;
      break;
    }
    if (bytes.empty()) {
      break;
    }
    if (body_.is_kept()) {
      client_->flush();  // when all of it went at once, nobody will call for more
    }
  }
  client_->flush_soon();
  if (answer_ != nullptr && !body_ended_ && !body_.is_kept()) {
    answer_->commit();  // the stream may read on
  }
}

void GatewayRun::body_arrived() {
  const auto self = shared_from_this();
  if (!body_.is_kept() || answer_ == nullptr) {
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
    answer_->commit();  // the stream may read on
  }
}

void GatewayRun::app_drained() {
  last_activity_ = Clock::now();
  send_body();
}

void GatewayRun::drained() {
  if (client_ && hold_) {
    hold_ = false;
    client_->hold(false);
  }
}

void GatewayRun::client_gone() {
  const auto self = shared_from_this();
  answer_ = nullptr;
  if (ticket_) {
    app().cancel(std::exchange(ticket_, nullptr));
  }
  if (state_ != State::running || !client_) {
    return let_go();  // no process yet, or none that could be reached
  }
  const Ability& ability = app().ability();
  const bool one_at_a_time = app().spec().ours() && (!ability.known || ability.max_connections == 1) && body_ended_;
  if (one_at_a_time && !ability.multiplexes) {
    // The process works on, whoever listens: nothing else is sent to it until it is free, and its deadline counts.
    if (hold_) {
      hold_ = false;
      client_->hold(false);
    }
    return;
  }
  client_->abort(id_);
  let_go();
}

bool GatewayRun::may_try_again() const {
  return answer_ != nullptr && tries_ < 1 && !head_done_ && !body_sent_;
}

void GatewayRun::app_broken(Broken why) {
  if (failure_ || finished_) {
    return;
  }
  if (why == Broken::connect || why == Broken::timeout) {
    const bool time = Clock::now() - queued_since_ < app().spec().queue_wait;
    const bool body_here = !body_sent_ || body_.is_kept();
    if (answer_ != nullptr && !head_done_ && body_here && time && ++connects_ < kMaxConnects) {
      retry_ = true;
      --tries_;  // nothing has been tried yet
    } else {
      fail(why == Broken::timeout ? 504 : 503, "it cannot be reached");
    }
    return;
  }
  if (why == Broken::cannot_multiplex) {
    Ability ability = app().ability();
    // Only an app that had said it could is asked again: any other would refuse for ever.
    retry_ = ability.multiplexes && answer_ != nullptr && !body_sent_;
    ability.multiplexes = false;
    app().learned(ability);
    if (!retry_) {
      fail(502, "it cannot multiplex, but had said so");
    }
    return;
  }
  if (head_done_ && why == Broken::closed && has_length_ && left_ == std::uint64_t{0}) {
    return end_of_answer();  // only END_REQUEST is missing
  }
  const bool quiet = !any_output_ && why == Broken::closed;
  // A kept connection that its app has closed meanwhile says nothing about the request.
  const bool stale = quiet && client_ && client_->used();
  if (quiet && (request_.safe || stale) && may_try_again()) {
    retry_ = true;
    fresh_ = true;
    return;
  }
  if (quiet && request_.safe && answer_ != nullptr && !body_sent_ && tries_ < kMaxTries && app().spec().ours()) {
    ask_ = true;
    fresh_ = true;
    return;
  }
  if (head_done_) {
    if (answer_ != nullptr) {
      app().context().log.error(label() + ": the app broke off in the middle of its answer");
      answer_changed_ = true;
      answer_->upstream_cut();
    }
    finished_ = true;
    return;
  }
  fail(502, why == Broken::protocol ? "it does not speak FastCGI" : "it closed the connection without an answer");
}

void GatewayRun::fail(int status, std::string reason) {
  if (failure_ || finished_) {
    return;
  }
  failure_ = Failure{status, std::move(reason)};
}

// Behind every event: what has piled up is done here, where nothing else is in the middle of something.
void GatewayRun::commit() {
  const auto self = shared_from_this();
  AnswerSink* answer = answer_;
  if (std::exchange(retry_, false)) {
    return try_again();
  }
  if (std::exchange(ask_, false)) {
    return ask_how_it_ended();
  }
  if (failure_ && state_ != State::done) {
    if (client_ && id_ != 0) {
      client_->abort(id_);
    }
    let_go();
    if (answer_ != nullptr) {
      answer_ = nullptr;
      answer->upstream_failed(failure_->status, label() + ": " + failure_->reason);
      answer->commit();
    }
    return;
  }
  if (finished_ && state_ != State::done) {
    let_go();
    answer_ = nullptr;
    if (answer != nullptr) {
      answer->commit();
    }
    return;
  }
  if (answer_ != nullptr && std::exchange(answer_changed_, false)) {
    answer_->commit();
  }
}

// The connection closes a moment before the process can be waited for.
void GatewayRun::ask_how_it_ended() {
  app().context().timers->cancel(timer_);
  timer_ = app().context().timers->after(20ms, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->answer_ == nullptr) {
      return;
    }
    self->timer_ = 0;
    if (self->lease_ && self->lease_.was_killed()) {
      return self->try_again();
    }
    self->fail(502, "it closed the connection without an answer");
    self->commit();
  });
}

void GatewayRun::try_again() {
  ++tries_;
  if (client_ && id_ != 0) {
    client_->abort(id_);
  }
  const bool connecting = !client_ || !client_->connected();
  client_.reset();
  id_ = 0;
  app().context().timers->cancel(timer_);
  lease_.release();
  head_ = CgiHeadReader();
  any_output_ = false;
  body_ended_ = false;
  body_sent_ = false;
  body_.rewind();
  if (connecting && request_.apps.size() > 1) {
    app_at_ = (app_at_ + 1) % request_.apps.size();
  }
  if (!connecting) {
    return enqueue();
  }
  // A full queue of the kernel passes in a moment.
  timer_ = app().context().timers->after(10ms, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->timer_ = 0;
      if (self->answer_ != nullptr) {
        self->enqueue();
      }
    }
  });
}

void GatewayRun::let_go() {
  state_ = State::done;
  if (!request_.apps.empty()) {
    app().context().timers->cancel(timer_);
  }
  client_.reset();
  lease_.release();
}

}  // namespace microtome::host
