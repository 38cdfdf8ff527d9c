// SPDX-License-Identifier: Apache-2.0
#include "check/probe_app.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <thread>

namespace microtome::check {
namespace {

using fcgi::Type;

constexpr Milliseconds kPatience{30'000};
constexpr std::size_t kMostParams = 4 << 20;

// One connection of the gateway.
class ProbeConnection {
 public:
  ProbeConnection(int fd, std::shared_ptr<ProbeNotes> notes) : wire_(fd), notes_(std::move(notes)) {}
  void run();

 private:
  bool digest();
  bool take(const fcgi::Header& header, std::uint8_t reserved, std::string_view content);
  bool take_management(const fcgi::Header& header, std::string_view content);
  bool begin(const fcgi::Header& header, std::string_view content);
  void take_params(std::string_view content);
  bool answer();
  bool hold();
  bool finish(const ProbeAnswer& answer);

  Wire wire_;
  std::shared_ptr<ProbeNotes> notes_;
  std::string in_;
  std::optional<ProbeRequest> request_;
  bool answered_ = false;  // early: what still comes of STDIN is swallowed
  int requests_ = 0;
};

void ProbeConnection::run() {
  while (digest()) {
    const Wire::Got got = wire_.receive(in_, kPatience * 20);
    if (got == Wire::Got::end || got == Wire::Got::reset || got == Wire::Got::nothing) {
      if (request_ && !answered_) {
        notes_->aborted(request_->query("token"));
      }
      return;
    }
  }
}

// False: the connection is over.
bool ProbeConnection::digest() {
  std::size_t at = 0;
  bool go_on = true;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(in_[at + i]); };
  while (go_on && in_.size() - at >= fcgi::kHeaderSize) {
    if (byte(0) != 1) {
      notes_->fault("[3.3] a record of version " + std::to_string(byte(0)));
      return false;
    }
    const fcgi::Header header{static_cast<Type>(byte(1)), static_cast<std::uint16_t>(byte(2) << 8 | byte(3)),
                              static_cast<std::uint16_t>(byte(4) << 8 | byte(5)), byte(6)};
    const std::size_t size = fcgi::kHeaderSize + header.length + header.padding;
    if (in_.size() - at < size) {
      break;
    }
    const std::string content = in_.substr(at + fcgi::kHeaderSize, header.length);
    const std::uint8_t reserved = byte(7);
    at += size;
    if (header.type == Type::begin_request || header.type == Type::stdin_stream) {
      in_.erase(0, at);  // answering may read on
      at = 0;
    }
    go_on = take(header, reserved, content);
  }
  in_.erase(0, at);
  return go_on;
}

bool ProbeConnection::take(const fcgi::Header& header, std::uint8_t reserved, std::string_view content) {
  const std::string number = std::to_string(static_cast<int>(header.type));
  if (reserved != 0) {
    notes_->fault("[3.3] the reserved byte of a record's header is not 0");
  }
  if (header.id == 0) {
    return take_management(header, content);
  }
  if (header.type == Type::begin_request) {
    return begin(header, content);
  }
  if (!request_ || request_->id != header.id) {
    if (header.type != Type::stdin_stream && header.type != Type::abort_request) {
      notes_->fault("[3.3] a record of type " + number + " for a request that is not active");
    }
    return true;
  }
  switch (header.type) {
    case Type::params:
      take_params(content);
      return !request_->params_ended || request_->role == 1 ? true : answer();
    case Type::stdin_stream:
      if (!request_->params_ended) {
        notes_->fault("[6.2] STDIN before the end of PARAMS");
      }
      if (request_->body_ended) {
        notes_->fault("[5.3] STDIN goes on after its end");
      }
      request_->body += content.size();
      request_->hash = fnv(content, request_->hash);
      request_->body_ended = content.empty();
      if (answered_) {
        return true;
      }
      return request_->body_ended || request_->query("do") == "early" ? answer() : true;
    case Type::abort_request: {
      notes_->aborted(request_->query("token"));
      std::string end;
      fcgi::append_end_request(end, header.id, 0, fcgi::ProtocolStatus::request_complete);
      const bool keep = request_->keep;
      request_.reset();
      return wire_.send(end, in_, kPatience) && keep;
    }
    default:
      notes_->fault("[8] a record of type " + number + ", which a web server does not send");
      return true;
  }
}

bool ProbeConnection::take_management(const fcgi::Header& header, std::string_view content) {
  std::string out;
  if (header.type == Type::get_values) {
    notes_->asked_values();
    std::string pairs;
    const bool good = fcgi::read_pairs(as_bytes(content), [&](std::string_view name, std::string_view value) {
      if (!value.empty()) {
        notes_->fault("[4.1] a value in GET_VALUES");
      }
      if (name == "FCGI_MPXS_CONNS") {
        fcgi::append_pair(pairs, name, "0");
      } else if (name == "FCGI_MAX_CONNS" || name == "FCGI_MAX_REQS") {
        fcgi::append_pair(pairs, name, "100");
      }
      return true;
    });
    if (!good) {
      notes_->fault("[4.1] the names of GET_VALUES cannot be read");
    }
    fcgi::append_record(out, Type::get_values_result, 0, pairs);
  } else {
    notes_->fault("[4.2] a management record of type " + std::to_string(static_cast<int>(header.type)));
    fcgi::append_unknown_type(out, header.type);
  }
  return wire_.send(out, in_, kPatience);
}

bool ProbeConnection::begin(const fcgi::Header& header, std::string_view content) {
  const auto begin = fcgi::read_begin_request(as_bytes(content));
  if (!begin || content.size() != 8) {
    notes_->fault("[5.1] BEGIN_REQUEST with " + std::to_string(content.size()) + " bytes of content instead of 8");
    return false;
  }
  if ((begin->flags & ~fcgi::kKeepConnection) != 0 || content.find_first_not_of('\0', 3) != std::string_view::npos) {
    notes_->fault("[5.1] unknown flags or reserved bytes of BEGIN_REQUEST are not 0");
  }
  if (request_ && !answered_) {
    notes_->fault("[4.1] a second request on a connection, though FCGI_MPXS_CONNS is not 1");
    std::string end;
    fcgi::append_end_request(end, header.id, 0, fcgi::ProtocolStatus::cannot_multiplex);
    return wire_.send(end, in_, kPatience);
  }
  if (++requests_ > 1) {
    notes_->kept();
  }
  answered_ = false;
  request_.emplace();
  request_->id = header.id;
  request_->keep = begin->keep_connection();
  request_->role = begin->role;
  return true;
}

void ProbeConnection::take_params(std::string_view content) {
  ProbeRequest& request = *request_;
  if (request.params_ended) {
    notes_->fault("[5.2] PARAMS go on after their end");
    return;
  }
  if (!content.empty()) {
    if (request.params_text.size() < kMostParams) {
      request.params_text.append(content);
    }
    return;
  }
  request.params_ended = true;
  std::set<std::string> seen;
  const bool good = fcgi::read_pairs(
      as_bytes(request.params_text),
      [&](std::string_view name, std::string_view value) {
        if (name.empty() || name.find('\0') != std::string_view::npos || value.find('\0') != std::string_view::npos) {
          notes_->fault("[3.4] an empty name, or a NUL in a name or value");
        }
        if (!seen.emplace(name).second) {
          notes_->fault("[5.2] the parameter " + std::string(name) + " is sent twice");
        }
        request.params.emplace_back(name, value);
        return true;
      },
      100'000);
  if (!good) {
    notes_->fault("[3.4] the name-value pairs of PARAMS cannot be read");
  }
}

// Waits for the gateway to give up.
bool ProbeConnection::hold() {
  const auto until = Clock::now() + kPatience;
  while (Clock::now() < until && request_) {
    const Wire::Got got = wire_.receive(in_, Milliseconds(1000));
    if (got == Wire::Got::end || got == Wire::Got::reset) {
      notes_->aborted(request_->query("token"));
      return false;
    }
    if (got == Wire::Got::bytes && !digest()) {  // ABORT_REQUEST
      return false;
    }
  }
  return false;
}

bool ProbeConnection::answer() {
  if (request_->query("do") == "hold") {
    return hold();
  }
  const auto answer = probe_answer(*request_, *notes_);
  if (!answer) {
    return finish(
        {stream_of(Type::stdout_stream, request_->id, "Status: 400 Bad Request\r\n\r\nno such thing to do\n") +
         [id = request_->id] {
           std::string end;
           fcgi::append_end_request(end, id, 0, fcgi::ProtocolStatus::request_complete);
           return end;
         }()});
  }
  return finish(*answer);
}

bool ProbeConnection::finish(const ProbeAnswer& answer) {
  if (answer.wait_ms > 0) {
    std::this_thread::sleep_for(Milliseconds(answer.wait_ms));
  }
  const bool sent = wire_.send(answer.bytes, in_, kPatience);
  if (answer.then == ProbeAnswer::Then::reset) {
    wire_.close(true);
    return false;
  }
  if (!sent || answer.then == ProbeAnswer::Then::close) {
    return false;
  }
  const bool keep = request_->keep;
  if (request_->body_ended || request_->role != 1) {
    request_.reset();
  } else {
    answered_ = true;
  }
  if (keep) {
    return true;
  }
  wire_.stop_writing();
  // Closing with unread bytes would reset the connection and could destroy the answer.
  const auto until = Clock::now() + Milliseconds(2000);
  std::string rest;
  while (Clock::now() < until && rest.size() < (64U << 20)) {
    const Wire::Got got = wire_.receive(rest, Milliseconds(500));
    if (got == Wire::Got::end || got == Wire::Got::reset) {
      break;
    }
  }
  return false;
}

}  // namespace

void ProbeNotes::fault(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (faults_.size() < 50) {
    faults_.insert(text);
  }
}

void ProbeNotes::aborted(const std::string& token) {
  const std::lock_guard lock(mutex_);
  if (!token.empty() && aborted_.size() < 1000) {
    aborted_.insert(token);
  }
}

std::string ProbeNotes::text() {
  const std::lock_guard lock(mutex_);
  std::string out = "kept " + std::to_string(kept_) + "\nvalues " + std::to_string(asked_) + "\n";
  for (const std::string& fault : faults_) {
    out += "fault " + fault + "\n";
  }
  for (const std::string& token : aborted_) {
    out += "aborted " + token + "\n";
  }
  return out;
}

std::string ProbeRequest::param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

std::string ProbeRequest::query(std::string_view name) const {
  const std::string text = param("QUERY_STRING");
  std::string_view left = text;
  while (!left.empty()) {
    const std::string_view item = left.substr(0, left.find('&'));
    left.remove_prefix(std::min(left.size(), item.size() + 1));
    if (item.size() > name.size() && item.starts_with(name) && item[name.size()] == '=') {
      return std::string(item.substr(name.size() + 1));
    }
  }
  return {};
}

void run_probe_app(int listening) {
  const auto notes = std::make_shared<ProbeNotes>();
  while (true) {
    const int fd = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno != EINTR && errno != ECONNABORTED) {
        std::this_thread::sleep_for(Milliseconds(50));
      }
      continue;
    }
    std::thread([fd, notes] { ProbeConnection(fd, notes).run(); }).detach();
  }
}

}  // namespace microtome::check
