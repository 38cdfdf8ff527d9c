// SPDX-License-Identifier: Apache-2.0
// How a FastCGI connection answers: STDOUT records of all answers that are ready, one of each in turn.
#include <algorithm>
#include <utility>

#include "http/status.hpp"
#include "net/fcgi_connection.hpp"
#include "net/response_head.hpp"

namespace microtome::net {
namespace {

constexpr std::uint64_t kFairRecord = 16 * 1024;  // content of a record while others wait for their turn
constexpr std::uint64_t kWholeRecord = 65528;     // and when nobody does
constexpr std::uint64_t kQueued = 128 * 1024;     // bytes to keep ready for the socket
constexpr std::uint64_t kPullAhead = 256 * 1024;  // bytes of a produced answer above which no more is made

}  // namespace

// The answer of a handler, or of ourselves. `active` may be gone afterwards.
void FcgiConnection::answer(Active& active, http::Response response) {
  if (active.has_answer || active.waiting) {
    return;
  }
  if (response.status == http::status_of(Code::cancelled)) {
    response = http::text_response(503, "try again");
  }
  active.handed_over = true;
  active.record.answered(response);
  active.source = BodySource(std::move(response.body));
  if (active.source.is_producer() && !active.head_only && may_have_body(response.status)) {
    // Its first piece comes before the head, so that what fails at once still gets its proper status.
    response.body = http::Body();
    active.waiting = std::move(response);
    begin_pull(active);
    return;
  }
  answer_with(active, std::move(response));
}

void FcgiConnection::answer_with(Active& active, http::Response response) {
  const BodyFraming framing{active.source.length(), false};
  if (append_cgi_head(active.head, response, framing) > 0) {
    shared().log.warning("a header of the answer holds bytes that no header may hold; left out");
  }
  if (active.head_only || !may_have_body(response.status)) {
    active.source = BodySource();
  }
  active.has_answer = true;
  active.waiting.reset();
}

void FcgiConnection::refuse(Active& active, int status, const char* message) {
  unread_ = true;
  active.record.refused(options(), active.request.value_or(http::Request()), status);
  http::Response response = http::text_response(status, message);
  active.request.reset();
  answer(active, std::move(response));
}

void FcgiConnection::begin_pull(Active& active) {
  auto arrive = [loop = loop_pointer(), self = weak(), serial = active.serial](BodySource::Pulled pulled) {
    post(loop, self,
         [serial, held = std::make_shared<BodySource::Pulled>(std::move(pulled))](FcgiConnection& connection) {
           if (Active* active = connection.find_serial(serial)) {
             active->pulled = std::move(*held);
             connection.take_pulled(*active);
             connection.wake(kAnswered);
           }
         });
  };
  const auto begun = active.source.pull(shared().pool, active.cancel, std::move(arrive));
  active.wants_pull = !begun.has_value();
  if (!begun && active.waiting) {
    active.wants_pull = false;
    http::Response busy = http::text_response(503, "busy");
    active.source = BodySource(std::move(busy.body));
    answer_with(active, std::move(busy));
  }
}

void FcgiConnection::take_pulled(Active& active) {
  BodySource::Pulled pulled = std::move(*active.pulled);
  active.pulled.reset();
  if (active.waiting && !pulled.more) {
    shared().log.warning(pulled.more.error().message + ": " + pulled.more.error().context);
    http::Response failed = http::error_response(pulled.more.error());
    active.record.answered(failed);
    active.source = BodySource(std::move(failed.body));
    answer_with(active, std::move(failed));
    return;
  }
  if (auto taken = active.source.arrived(std::move(pulled)); !taken) {
    shared().log.error("answer cut: " + taken.error().message + " " + taken.error().context);
    // Closing says so even where the length was not known; on a shared connection only the status is left for it.
    if (active_.size() == 1) {
      cut_ = true;
    } else {
      end(active, 1);
    }
    return;
  }
  if (active.waiting) {
    answer_with(active, std::move(*active.waiting));
  }
}

bool FcgiConnection::ready_to_send(const Active& active) const {
  return active.has_answer && (!active.head.empty() || active.source.ready() > 0 || active.source.finished());
}

// Queues records until there is enough for the socket to work on.
void FcgiConnection::fill() {
  while (!active_.empty() && (!out_ || out_->size() < kQueued)) {
    const auto ready = static_cast<std::size_t>(
        std::ranges::count_if(active_, [this](const auto& active) { return ready_to_send(*active); }));
    if (ready == 0) {
      return;
    }
    for (std::size_t looked = 0; looked < active_.size(); ++looked) {
      turn_ = turn_ >= active_.size() ? 0 : turn_;
      Active& active = *active_[turn_];
      if (ready_to_send(active)) {
        // An answer that ends here leaves its place to the next one.
        turn_ += fill_from(active, ready > 1 ? kFairRecord : kWholeRecord) ? 0 : 1;
        break;
      }
      ++turn_;
    }
  }
}

// Queues one record of an answer, and its end when there is no more. True when it has ended.
bool FcgiConnection::fill_from(Active& active, std::uint64_t most) {
  if (!out_) {
    out_ = loop().take_queue();
    progress_ = Loop::now();
  }
  std::string& head = active.head;
  const std::uint64_t from_head = std::min<std::uint64_t>(head.size(), kWholeRecord);
  const std::uint64_t from_body =
      from_head < head.size() ? 0 : std::min(active.source.ready(), most - std::min(most, from_head));
  if (from_head + from_body > 0) {
    std::string text;
    text.reserve(fcgi::kHeaderSize + from_head);
    fcgi::append_header(text, fcgi::Type::stdout_stream, active.id, from_head + from_body);
    text.append(head, 0, from_head);
    head.erase(0, from_head);
    out_->copy(text);
    active.source.move(*out_, from_body);
    active.record.sent(from_body);
  }
  if (head.empty() && active.source.finished()) {
    end(active, 0);
    return true;
  }
  if (active.source.may_pull() && !active.wants_pull && active.source.ready() < kPullAhead) {
    begin_pull(active);
  }
  return false;
}

// Queues the end of STDOUT, if there was any, and END_REQUEST. `active` is gone afterwards.
void FcgiConnection::end(Active& active, std::uint32_t app_status) {
  if (!out_) {
    out_ = loop().take_queue();
    progress_ = Loop::now();
  }
  std::string text;
  if (active.has_answer) {
    fcgi::append_header(text, fcgi::Type::stdout_stream, active.id, 0);
  }
  if (active.has_answer && active.source.finished() && app_status == 0) {
    active.record.whole();
  }
  fcgi::append_end_request(text, active.id, app_status, fcgi::ProtocolStatus::request_complete);
  out_->copy(text);
  unread_ = unread_ || !active.handed_over;
  remove(active);
}

}  // namespace microtome::net
