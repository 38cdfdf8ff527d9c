// SPDX-License-Identifier: Apache-2.0
#include "check/http_peer.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace microtome::check {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// What of an answer is still to be read.
class Reader {
 public:
  Reader(Wire& wire, std::string& in, Milliseconds patience)
      : wire_(wire), in_(in), until_(Clock::now() + patience) {}
  // False: the connection has ended, or nothing comes any more.
  bool more() {
    const auto left = std::chrono::duration_cast<Milliseconds>(until_ - Clock::now());
    if (left.count() <= 0) {
      return false;
    }
    const Wire::Got got = wire_.receive(in_, left);
    ended_ = got == Wire::Got::end;
    reset_ = got == Wire::Got::reset;
    return got == Wire::Got::bytes;
  }
  std::optional<std::string> line() {
    std::size_t end = 0;
    while ((end = in_.find("\r\n")) == std::string::npos) {
      if (!more()) {
        return std::nullopt;
      }
    }
    std::string line = in_.substr(0, end);
    in_.erase(0, end + 2);
    return line;
  }
  // Moves up to `size` bytes to `to`; false when they do not all come.
  bool bytes(std::uint64_t size, std::string& to) {
    while (true) {
      const std::size_t step = std::min<std::uint64_t>(size, in_.size());
      to.append(in_, 0, step);
      in_.erase(0, step);
      size -= step;
      if (size == 0) {
        return true;
      }
      if (!more()) {
        return false;
      }
    }
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool reset() const { return reset_; }

 private:
  Wire& wire_;
  std::string& in_;
  Clock::time_point until_;
  bool ended_ = false;
  bool reset_ = false;
};

bool read_chunks(Reader& reader, Reply& reply) {
  while (true) {
    const auto line = reader.line();
    const auto size = line ? parse_number(std::string_view(*line).substr(0, line->find(';')), 16) : std::nullopt;
    if (!size) {
      return false;
    }
    if (*size == 0) {
      auto rest = reader.line();
      while (rest && !rest->empty()) {
        rest = reader.line();
      }
      return rest.has_value();
    }
    if (!reader.bytes(*size, reply.body) || reader.line() != "") {
      return false;
    }
  }
}

bool read_head(Reader& reader, Reply& reply) {
  const auto first = reader.line();
  if (!first) {
    return false;
  }
  if (first->size() < 12 || !first->starts_with("HTTP/1.") || !parse_number(first->substr(9, 3), 10)) {
    reply.fault = "not a status line: " + first->substr(0, 80);
    return false;
  }
  reply.status = static_cast<int>(*parse_number(first->substr(9, 3), 10));
  reply.fields.clear();
  for (auto line = reader.line(); line; line = reader.line()) {
    if (line->empty()) {
      return true;
    }
    const std::size_t colon = line->find(':');
    if (colon == std::string::npos) {
      reply.fault = "not a header line: " + line->substr(0, 80);
      return false;
    }
    const std::size_t value = line->find_first_not_of(" \t", colon + 1);
    reply.fields.emplace_back(lower(line->substr(0, colon)), value == std::string::npos ? "" : line->substr(value));
  }
  return false;
}

}  // namespace

const std::string* Reply::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (field == name) {
      return &value;
    }
  }
  return nullptr;
}

std::vector<std::string> Reply::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [field, value] : fields) {
    if (field == name) {
      out.push_back(value);
    }
  }
  return out;
}

Reply read_reply(Wire& wire, std::string& in, bool head_only, Milliseconds patience) {
  Reply reply;
  Reader reader(wire, in, patience);
  do {
    if (!read_head(reader, reply)) {
      reply.reset = reader.reset();
      reply.status = reply.fault.empty() ? 0 : reply.status;
      return reply;
    }
  } while (reply.status / 100 == 1);
  const std::string* coding = reply.find("transfer-encoding");
  const std::string* length = reply.find("content-length");
  if (head_only || reply.status == 204 || reply.status == 304) {
    reply.whole = true;
    reader.bytes(UINT64_MAX, reply.extra);
  } else if (coding != nullptr) {
    reply.whole = read_chunks(reader, reply);
    if (reply.whole) {
      reader.bytes(UINT64_MAX, reply.extra);
    }
  } else if (length != nullptr) {
    const auto size = parse_number(*length, 10);
    if (!size || reply.all("content-length").size() > 1) {
      reply.fault = "Content-Length cannot be understood";
      return reply;
    }
    reply.whole = reader.bytes(*size, reply.body);
    if (reply.whole) {
      reader.bytes(UINT64_MAX, reply.extra);
    }
  } else {
    reader.bytes(UINT64_MAX, reply.body);
    reply.by_close = reader.ended();
  }
  reply.reset = reader.reset();
  return reply;
}

std::string HttpPeer::text_of(const HttpRequest& request) const {
  std::string out = request.method + ' ' + (request.target.empty() ? prefix : request.target) +
                    " HTTP/1.1\r\nHost: " + host + (request.kept ? "\r\n" : "\r\nConnection: close\r\n");
  for (const auto& [name, value] : request.fields) {
    out += name + ": " + value + "\r\n";
  }
  if (request.expect) {
    out += "Expect: 100-continue\r\n";
  }
  if (request.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (!request.body.empty()) {
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return out + "\r\n";
}

Reply HttpPeer::ask(const HttpRequest& request) const {
  auto wire = Wire::connect(address, patience);
  if (!wire) {
    Reply reply;
    reply.fault = wire.error().message;
    return reply;
  }
  std::string body;
  if (request.chunked) {
    for (std::size_t at = 0; at < request.body.size(); at += 1000) {
      const std::string piece = request.body.substr(at, 1000);
      char size[20];
      const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
      body.append(size, end).append("\r\n").append(piece).append("\r\n");
    }
    body += "0\r\n\r\n";
  } else {
    body = request.body;
  }
  std::string in;
  wire->send(text_of(request) + (request.expect ? "" : body), in, patience);
  if (request.expect) {
    wire->receive(in, Milliseconds(2000));  // 100, or the answer; RFC 9110 10.1.1 lets a client go on after a while
    wire->send(body, in, patience);
  }
  return read_reply(*wire, in, request.method == "HEAD", patience);
}

Reply HttpPeer::get(std::string_view query) const {
  HttpRequest request;
  request.target = prefix + '?' + std::string(query);
  return ask(request);
}

Result<HttpPeer> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) {
    return fail(Code::bad_request, "a URL begins with http://");
  }
  url.remove_prefix(kScheme.size());
  const std::size_t slash = url.find('/');
  HttpPeer peer;
  peer.host = url.substr(0, slash);
  peer.prefix = slash == std::string_view::npos ? "/" : url.substr(slash);
  const bool has_port = peer.host.rfind(':') != std::string::npos && !peer.host.ends_with(']');
  const auto address = parse_address(has_port ? peer.host : peer.host + ":80");
  if (!address) {
    return pass(address.error());
  }
  peer.address = *address;
  return peer;
}

}  // namespace microtome::check
