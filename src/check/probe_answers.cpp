// SPDX-License-Identifier: Apache-2.0
// The answers of the probe app, proper and improper.
#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "check/probe_app.hpp"

namespace microtome::check {
namespace {

using fcgi::ProtocolStatus;
using fcgi::Type;
using Then = ProbeAnswer::Then;

constexpr std::string_view kPlain = "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n";

std::string end(std::uint16_t id, ProtocolStatus status = ProtocolStatus::request_complete, std::uint32_t app = 0) {
  std::string out;
  fcgi::append_end_request(out, id, app, status);
  return out;
}

std::string out_of(std::uint16_t id, std::string_view text, Cut cut = {}) {
  return stream_of(Type::stdout_stream, id, text, cut, false);
}

// STDOUT whole, and the end.
std::string whole(std::uint16_t id, std::string_view text, Cut cut = {}) {
  return stream_of(Type::stdout_stream, id, text, cut) + end(id);
}

std::string hello(std::string_view head = kPlain) {
  return std::string(head) + "hello\n";
}

std::string escaped(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '%') {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string echo(const ProbeRequest& request) {
  std::string text(kPlain);
  text += "role " + std::to_string(request.role) + "\nbody " + std::to_string(request.body) + " " +
          std::to_string(request.hash) + "\n";
  for (const auto& [name, value] : request.params) {
    text += "param " + escaped(name) + "=" + escaped(value) + "\n";
  }
  return text;
}

std::string errors(std::uint16_t id, std::size_t size) {
  return stream_of(Type::stderr_stream, id, std::string(size, 'e') + "\n", {}, false);
}

std::size_t number(const ProbeRequest& request, std::string_view name) {
  const std::string text = request.query(name);
  return std::min<std::size_t>(std::strtoul(text.c_str(), nullptr, 10), 64 << 20);
}

// The header block that `do=head` asks for by name.
std::optional<std::string_view> special_head(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kHeads[] = {
      {"no-status", "Content-Type: text/plain\r\n\r\n"},
      {"lf", "Status: 404 Not Found\nContent-Type: text/plain\n\n"},
      {"404", "Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\n"},
      {"503", "Status: 503 Busy\r\nContent-Type: text/plain\r\nRetry-After: 7\r\n\r\n"},
      {"201", "Status: 201 Created\r\nContent-Type: text/plain\r\n\r\n"},
      {"location", "Location: http://example.net/elsewhere\r\n\r\n"},
      {"location-301", "Status: 301 Moved\r\nLocation: http://example.net/elsewhere\r\n\r\n"},
      {"cookies", "Content-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"},
      {"fields", "Content-Type: text/x-probe; charset=utf-8\r\nETag: \"probe\"\r\nX-Probe: a b  c\r\n\r\n"},
      {"lower-case", "status: 404 Not Found\r\ncontent-type: text/plain\r\n\r\n"},
      {"204", "Status: 204 No Content\r\n\r\n"},
      {"304", "Status: 304 Not Modified\r\nETag: \"probe\"\r\n\r\n"},
      {"hop-by-hop", "Content-Type: text/plain\r\nConnection: X-Gone\r\nKeep-Alive: 99\r\n\r\n"},
      {"chunked", "Content-Type: text/plain\r\nTransfer-Encoding: gzip\r\n\r\n"},
      {"length-short", "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n"},
      {"length-long", "Content-Type: text/plain\r\nContent-Length: 600\r\n\r\n"},
      {"length-right", "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\n"},
      {"length-two", "Content-Type: text/plain\r\nContent-Length: 6\r\nContent-Length: 3\r\n\r\n"},
      {"length-bad", "Content-Type: text/plain\r\nContent-Length: 6x\r\n\r\n"},
      {"status-abc", "Status: abc\r\nContent-Type: text/plain\r\n\r\n"},
      {"status-999", "Status: 999 Odd\r\nContent-Type: text/plain\r\n\r\n"},
      {"status-99", "Status: 99 Odd\r\nContent-Type: text/plain\r\n\r\n"},
      {"bare-cr", "Content-Type: text/plain\r\nX-Probe: a\rX-Evil: b\r\n\r\n"},
      {"bad-name", "Content-Type: text/plain\r\nX Probe: a\r\n\r\n"},
      {"no-colon", "Content-Type: text/plain\r\nno colon here\r\n\r\n"},
      {"none", "no header at all, and no blank line"},
  };
  for (const auto& [key, head] : kHeads) {
    if (key == name) {
      return head;
    }
  }
  return std::nullopt;
}

std::optional<ProbeAnswer> odd_records(const ProbeRequest& request, std::string_view what) {
  const std::uint16_t id = request.id;
  const auto other = static_cast<std::uint16_t>(id + 1);
  if (what == "bytes") {
    return ProbeAnswer{whole(id, hello(), {1, 0})};
  }
  if (what == "padding") {
    return ProbeAnswer{whole(id, hello(), {5, 255})};
  }
  if (what == "no-empty") {
    return ProbeAnswer{out_of(id, hello()) + end(id)};
  }
  if (what == "foreign") {
    return ProbeAnswer{out_of(other, "X-Leak: 1\r\n\r\nleak") + end(other) + whole(id, hello())};
  }
  if (what == "unknown-type") {
    return ProbeAnswer{padded_record(static_cast<Type>(77), id, "what?", 3) + whole(id, hello())};
  }
  if (what == "unknown-management") {
    return ProbeAnswer{padded_record(static_cast<Type>(99), 0, "what?", 3) + whole(id, hello())};
  }
  if (what == "version") {
    std::string bytes = whole(id, hello());
    bytes[0] = 2;
    return ProbeAnswer{bytes, Then::close};
  }
  if (what == "after-end") {
    return ProbeAnswer{whole(id, hello()) + out_of(id, "X-Leak: 1\r\n\r\nleak") + end(id)};
  }
  if (what == "app-status") {
    return ProbeAnswer{stream_of(Type::stdout_stream, id, hello()) + end(id, ProtocolStatus::request_complete, 42)};
  }
  if (what == "end-only") {
    return ProbeAnswer{end(id)};
  }
  if (what == "empty") {
    return ProbeAnswer{whole(id, "")};
  }
  if (what == "short-end") {
    return ProbeAnswer{stream_of(Type::stdout_stream, id, hello()) + padded_record(Type::end_request, id, "abc", 0),
                       Then::close};
  }
  if (what == "overloaded" || what == "unknown-role" || what == "cannot-multiplex") {
    return ProbeAnswer{end(id, what == "overloaded"     ? ProtocolStatus::overloaded
                               : what == "unknown-role" ? ProtocolStatus::unknown_role
                                                        : ProtocolStatus::cannot_multiplex)};
  }
  if (what == "close") {
    return ProbeAnswer{"", Then::close};
  }
  if (what == "reset") {
    return ProbeAnswer{"", Then::reset};
  }
  if (what == "half-head") {
    return ProbeAnswer{out_of(id, "Content-Type: text/pl"), Then::close};
  }
  if (what == "half-body") {
    return ProbeAnswer{out_of(id, std::string(kPlain) + "hel"), Then::close};
  }
  if (what == "half-length") {
    return ProbeAnswer{out_of(id, "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhel"), Then::close};
  }
  if (what == "half-record") {
    return ProbeAnswer{out_of(id, hello()).substr(0, 30), Then::close};
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t fnv(std::string_view bytes, std::uint64_t from) {
  for (const char c : bytes) {
    from = (from ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return from;
}

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = 1;
  for (char& c : out) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

std::optional<ProbeAnswer> probe_answer(const ProbeRequest& request, ProbeNotes& notes) {
  const std::uint16_t id = request.id;
  const std::string what = request.query("do");
  if (what.empty() || what == "echo") {
    return ProbeAnswer{whole(id, echo(request))};
  }
  if (what == "notes") {
    return ProbeAnswer{whole(id, std::string(kPlain) + notes.text())};
  }
  if (what == "head") {
    const auto head = special_head(request.query("name"));
    return head ? std::optional(ProbeAnswer{whole(id, hello(*head))}) : std::nullopt;
  }
  if (what == "big") {
    const std::string size = std::to_string(number(request, "size"));
    const std::string length = request.query("length").empty() ? "" : "Content-Length: " + size + "\r\n";
    return ProbeAnswer{
        whole(id, "Content-Type: application/octet-stream\r\n" + length + "\r\n" + pattern(number(request, "size")))};
  }
  if (what == "big-head") {
    return ProbeAnswer{whole(
        id, "Content-Type: text/plain\r\nX-Big: " + std::string(number(request, "size"), 'b') + "\r\n\r\nhello\n")};
  }
  if (what == "stderr") {
    return ProbeAnswer{errors(id, number(request, "size")) + whole(id, hello())};
  }
  if (what == "stderr-between") {
    return ProbeAnswer{out_of(id, "Status: 200 OK\r\nContent-T") + errors(id, 100) +
                       out_of(id, "ype: text/plain\r\n\r\nhel") + errors(id, 100) + whole(id, "lo\n")};
  }
  if (what == "slow") {
    return ProbeAnswer{whole(id, hello()), Then::go_on,
                       static_cast<int>(std::min<std::size_t>(number(request, "ms"), 10'000))};
  }
  if (what == "early") {
    return ProbeAnswer{whole(id, "Status: 413 Too Large\r\nContent-Type: text/plain\r\n\r\ntoo large\n")};
  }
  return odd_records(request, what);
}

}  // namespace microtome::check
