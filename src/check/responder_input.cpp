// SPDX-License-Identifier: Apache-2.0
// Rows about how the input may be cut, padded and encoded: none of it carries meaning.
#include <thread>

#include "check/responder.hpp"

namespace microtome::check {
namespace {

using fcgi::Type;

std::string four_byte_pair(std::string_view name, std::string_view value) {
  std::string out;
  for (const std::size_t size : {name.size(), value.size()}) {
    out += {static_cast<char>(0x80 | (size >> 24)), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
            static_cast<char>(size)};
  }
  return out.append(name).append(value);
}

Verdict four_byte_lengths(ResponderPeer& peer) {
  std::string params;
  for (const auto& [name, value] : peer.cgi()) {
    params += four_byte_pair(name, value);
  }
  return peer.whole(1,
                    begin_of(1, false) + stream_of(Type::params, 1, params) + stream_of(Type::stdin_stream, 1, ""));
}

// Every byte of a request in a packet of its own.
Verdict byte_by_byte(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  int sent = 0;
  for (const char c : peer.request(1, false, {}, "abc")) {
    if (!connection->send({&c, 1})) {
      break;
    }
    if (++sent % 64 == 0) {
      std::this_thread::sleep_for(Milliseconds(1));
    }
  }
  return fine(*connection, 1);
}

Verdict huge_params(ResponderPeer& peer) {
  return peer.whole(1, peer.request(1, false, {{"HTTP_X_LONG", std::string(70'000, 'v')}}));
}

Verdict short_stdin(ResponderPeer& peer) {
  return peer.whole(
      1,
      peer.request(1, false, {{"REQUEST_METHOD", "POST"}, {"CONTENT_TYPE", "text/plain"}, {"CONTENT_LENGTH", "10"}},
                   "12345"));
}

Verdict long_stdin(ResponderPeer& peer) {
  return peer.whole(
      1, peer.request(1, false, {{"REQUEST_METHOD", "POST"}, {"CONTENT_TYPE", "text/plain"}, {"CONTENT_LENGTH", "5"}},
                      "1234567890"));
}

Verdict reserved_flags(ResponderPeer& peer) {
  return peer.whole(1, begin_of(1, false, 1, 0xfe) + stream_of(Type::params, 1, pairs_of(peer.cgi())) +
                           stream_of(Type::stdin_stream, 1, ""));
}

// What is left of STDIN when an answer was given early must not disturb the next request.
Verdict late_stdin(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  const Params post = {{"REQUEST_METHOD", "POST"}, {"CONTENT_TYPE", "text/plain"}, {"CONTENT_LENGTH", "50000"}};
  connection->send(begin_of(1, true) + stream_of(Type::params, 1, pairs_of(peer.cgi(post))));
  if (!connection->until([&] { return connection->answer(1).ended; }, Milliseconds(300))) {
    return skip("the app reads all of STDIN before it answers");
  }
  connection->send(stream_of(Type::stdin_stream, 1, std::string(50'000, 'x')));
  connection->forget(1);
  connection->send(peer.request(1, true));
  return fine(*connection, 1);
}

}  // namespace

ResponderRows responder_input_rows() {
  const auto cut = [](Cut how, std::string body) {
    return [how, body](ResponderPeer& peer) { return peer.whole(1, peer.request(1, false, {}, body, how)); };
  };
  return {
      {"params-in-1-byte-records", "5.2", "pairs may lie across PARAMS records", Weight::must, cut({1, 0}, "")},
      {"stdin-in-1-byte-records", "5.3", "STDIN may be cut into records in any way", Weight::must,
       cut({1, 0}, "abcdefgh")},
      {"padding-7", "3.3", "padding of 7 bytes is skipped", Weight::must, cut({100, 7}, "abcdefgh")},
      {"padding-255", "3.3", "padding of 255 bytes is skipped, of empty records too", Weight::must,
       cut({3, 255}, "abcdefgh")},
      {"packets-of-1-byte", "3.3", "records may arrive in any pieces", Weight::must, byte_by_byte},
      {"four-byte-lengths", "3.4", "small lengths may be encoded in four bytes", Weight::must, four_byte_lengths},
      {"value-empty", "3.4", "a value may be empty", Weight::must,
       [](ResponderPeer& p) { return p.whole(1, p.request(1, false, {{"HTTP_X_EMPTY", ""}})); }},
      {"value-127", "3.4", "a value of 127 bytes", Weight::must,
       [](ResponderPeer& p) { return p.whole(1, p.request(1, false, {{"HTTP_X_LONG", std::string(127, 'v')}})); }},
      {"value-128", "3.4", "a value of 128 bytes", Weight::must,
       [](ResponderPeer& p) { return p.whole(1, p.request(1, false, {{"HTTP_X_LONG", std::string(128, 'v')}})); }},
      {"value-20000", "3.4", "a value of 20000 bytes", Weight::must,
       [](ResponderPeer& p) { return p.whole(1, p.request(1, false, {{"HTTP_X_LONG", std::string(20'000, 'v')}})); }},
      {"params-70000", "5.2", "parameters longer than a record are answered, be it with an error", Weight::must,
       huge_params},
      {"params-500", "5.2", "500 parameters", Weight::must,
       [](ResponderPeer& p) {
         Params many;
         for (int i = 0; i < 500; ++i) {
           many.emplace_back("HTTP_X_" + std::to_string(i), "v");
         }
         return p.whole(1, p.request(1, false, many));
       }},
      {"flags-reserved", "5.1", "unknown flags of BEGIN_REQUEST are ignored", Weight::must, reserved_flags},
      {"stdin-short", "6.2", "STDIN that ends before CONTENT_LENGTH is reached still gets END_REQUEST", Weight::must,
       short_stdin},
      {"stdin-long", "6.2", "STDIN that goes on behind CONTENT_LENGTH still gets END_REQUEST", Weight::must,
       long_stdin},
      {"stdin-after-answer", "3.3", "STDIN that arrives after an early answer is ignored", Weight::must, late_stdin},
  };
}

}  // namespace microtome::check
