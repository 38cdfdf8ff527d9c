// SPDX-License-Identifier: Apache-2.0
// Rows about what no web server should send. The app need not answer it, but has to live on.
#include <thread>

#include "check/responder.hpp"

namespace microtome::check {
namespace {

using fcgi::Type;

// Sends `bytes`, gives the app a moment, leaves, and asks for something plain.
std::function<Verdict(ResponderPeer&)> survives(std::string what, std::string bytes, bool reset = false) {
  return [what = std::move(what), bytes = std::move(bytes), reset](ResponderPeer& peer) {
    {
      auto connection = peer.open(Milliseconds(500));
      if (!connection) {
        return wrong(connection.error().message);
      }
      connection->send(bytes);
      connection->until([] { return false; }, Milliseconds(100));
      connection->wire().close(reset);
    }
    return peer.alive(what);
  };
}

std::function<Verdict(ResponderPeer&)> survives_request(std::string what, std::size_t bytes_of_it, bool reset) {
  return [what = std::move(what), bytes_of_it, reset](ResponderPeer& peer) {
    return survives(what, peer.request(1, false, {}, "body").substr(0, bytes_of_it), reset)(peer);
  };
}

Verdict many_that_leave(ResponderPeer& peer) {
  for (int i = 0; i < 50; ++i) {
    auto connection = peer.connect();
    if (!connection) {
      return wrong(connection.error().message);
    }
    connection->send(peer.request(1, i % 2 == 0));
    connection->wire().close(i % 3 == 0);
  }
  return peer.alive("50 web servers that left without reading");
}

std::string other_version(std::string record) {
  record[0] = 2;
  return record;
}

}  // namespace

ResponderRows responder_hostile_rows() {
  const std::string begin = begin_of(1, false);
  const std::string past_the_end = stream_of(Type::params, 1,
                                             std::string("\x05\x7f"
                                                         "NAME=",
                                                         7));
  const std::string huge_length = stream_of(Type::params, 1, std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8));
  std::string short_begin = padded_record(Type::begin_request, 1, std::string(3, '\0'), 0);
  return {
      {"survives-version-2", "3.3", "a record of another version does no harm", Weight::must,
       survives("a record of version 2", other_version(begin))},
      {"survives-http", "3.3", "text that is not FastCGI does no harm", Weight::must,
       survives("an HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
      {"survives-short-begin", "5.1", "BEGIN_REQUEST with 3 bytes of content does no harm", Weight::must,
       survives("a short BEGIN_REQUEST", short_begin)},
      {"survives-second-begin", "5.1", "BEGIN_REQUEST for an id that is active does no harm", Weight::must,
       survives("a second BEGIN_REQUEST for the same id", begin + begin)},
      {"survives-pair-past-end", "3.4", "a pair that is longer than PARAMS does no harm", Weight::must,
       survives("a pair that reaches past the end", begin + past_the_end + stream_of(Type::stdin_stream, 1, ""))},
      {"survives-length-2-31", "3.4", "lengths of 2^31-1 do no harm", Weight::must,
       survives("lengths of 2^31-1", begin + huge_length + stream_of(Type::stdin_stream, 1, ""))},
      {"survives-no-params", "5.2", "a request without any parameter does no harm", Weight::must,
       survives("a request without parameters",
                begin + stream_of(Type::params, 1, "") + stream_of(Type::stdin_stream, 1, ""))},
      {"survives-half-header", "3.3", "a connection that ends in the middle of a record's header does no harm",
       Weight::must, survives("half a header", std::string("\1\1\0", 3))},
      {"survives-half-params", "3.3", "a web server that leaves in the middle of PARAMS does no harm", Weight::must,
       survives_request("half the parameters", 60, false)},
      {"survives-reset", "3.3", "a connection that is reset in the middle of PARAMS does no harm", Weight::must,
       survives_request("a reset", 60, true)},
      {"survives-no-reader", "3.5", "web servers that leave before they read the answer do no harm", Weight::must,
       many_that_leave},
      {"survives-empty-connection", "3.2", "a connection that is closed unused does no harm", Weight::must,
       survives("an unused connection", "")},
      {"survives-response-records", "3.3", "records that only apps send do no harm", Weight::must,
       survives("STDOUT and END_REQUEST from a web server",
                begin + padded_record(Type::stdout_stream, 1, "x", 0) +
                    padded_record(Type::end_request, 1, std::string(8, '\0'), 0))},
  };
}

}  // namespace microtome::check
