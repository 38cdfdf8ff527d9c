// SPDX-License-Identifier: Apache-2.0
#include "check/app_connection.hpp"

#include <algorithm>

namespace microtome::check {

using fcgi::Type;

std::string padded_record(Type type, std::uint16_t id, std::string_view content, std::size_t padding) {
  std::string out;
  fcgi::append_header(out, type, id, content.size(), padding);
  out.append(content);
  out.append(padding, '\x55');
  return out;
}

std::string stream_of(Type type, std::uint16_t id, std::string_view content, Cut cut, bool ended) {
  std::string out;
  while (!content.empty()) {
    const std::size_t step = std::min(content.size(), cut.size);
    out += padded_record(type, id, content.substr(0, step), cut.padding);
    content.remove_prefix(step);
  }
  return ended ? out + padded_record(type, id, "", cut.padding) : out;
}

std::string pairs_of(const Params& params) {
  std::string out;
  for (const auto& [name, value] : params) {
    fcgi::append_pair(out, name, value);
  }
  return out;
}

std::string begin_of(std::uint16_t id, bool keep, std::uint16_t role, std::uint8_t flags) {
  std::string out;
  fcgi::append_begin_request(out, id, static_cast<fcgi::Role>(role),
                             static_cast<std::uint8_t>(flags | (keep ? fcgi::kKeepConnection : 0)));
  return out;
}

bool AppConnection::send(std::string_view bytes) {
  const bool sent = wire_.send(bytes, in_, patience_);
  digest();
  return sent;
}

bool AppConnection::until(const std::function<bool()>& enough, Milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (!enough() && !closed_ && !lost_) {
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      break;
    }
    switch (wire_.receive(in_, left)) {
      case Wire::Got::end:
        closed_ = true;
        break;
      case Wire::Got::reset:
        closed_ = reset_ = true;
        break;
      default:
        break;
    }
    digest();
  }
  return enough();
}

void AppConnection::fault(std::string text) {
  if (faults_.size() < 20) {
    faults_.push_back(std::move(text));
  }
}

void AppConnection::digest() {
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(in_[at + i]); };
  while (!lost_ && in_.size() - at >= fcgi::kHeaderSize) {
    if (byte(0) != 1) {
      fault("a record of version " + std::to_string(byte(0)));
      lost_ = true;
      break;
    }
    const fcgi::Header header{static_cast<Type>(byte(1)), static_cast<std::uint16_t>(byte(2) << 8 | byte(3)),
                              static_cast<std::uint16_t>(byte(4) << 8 | byte(5)), byte(6)};
    const std::size_t size = fcgi::kHeaderSize + header.length + header.padding;
    if (in_.size() - at < size) {
      break;
    }
    take(header, std::string_view(in_).substr(at + fcgi::kHeaderSize, header.length));
    at += size;
  }
  in_.erase(0, at);
}

void AppConnection::take(const fcgi::Header& header, std::string_view content) {
  const std::string number = std::to_string(static_cast<int>(header.type));
  if (header.id == 0) {
    if (header.type != Type::get_values_result && header.type != Type::unknown_type) {
      fault("a record of type " + number + " with request id 0");
    }
    management_.push_back({header.type, std::string(content)});
    return;
  }
  if (header.type != Type::stdout_stream && header.type != Type::stderr_stream && header.type != Type::end_request) {
    fault("a record of type " + number + ", which an app does not send with a request id");
    return;
  }
  Answer& answer = answers_[header.id];
  if (answer.ended) {
    fault("a record of type " + number + " for request " + std::to_string(header.id) + " after its END_REQUEST");
    return;
  }
  if (header.type == Type::end_request) {
    const auto end = fcgi::read_end_request(as_bytes(content));
    answer.ended = true;
    if (!end || content.size() != 8) {
      fault("END_REQUEST with " + std::to_string(content.size()) + " bytes of content instead of 8");
    }
    answer.end = end.value_or(fcgi::EndRequest{});
  } else if (header.type == Type::stderr_stream) {
    answer.err.append(content);
  } else {
    if (answer.out_ended) {
      fault("STDOUT of request " + std::to_string(header.id) + " goes on after its end");
    }
    ++answer.out_records;
    answer.out_ended = content.empty();
    answer.out.append(content);
  }
}

}  // namespace microtome::check
