// SPDX-License-Identifier: Apache-2.0
// Rows about management records, several requests at a time, and aborting.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "check/responder.hpp"

namespace microtome::check {
namespace {

using fcgi::Type;

// With padding, as web servers send it; there are apps that wait for bytes behind a record without.
std::string get_values(std::initializer_list<const char*> names, std::size_t padding = 8) {
  Params pairs;
  for (const char* name : names) {
    pairs.emplace_back(name, "");
  }
  return padded_record(Type::get_values, 0, pairs_of(pairs), padding);
}

// The answer to `bytes`, which hold one management record.
std::expected<Management, Verdict> managed(AppConnection& connection, std::string_view bytes) {
  connection.send(bytes);
  connection.until([&] { return !connection.management().empty(); });
  if (!connection.faults().empty()) {
    return std::unexpected(wrong(connection.faults().front()));
  }
  if (connection.management().empty()) {
    return std::unexpected(wrong(connection.closed() ? "the connection was closed" : "no answer in time"));
  }
  Management first = connection.management().front();
  connection.management().clear();
  return first;
}

std::expected<std::map<std::string, std::string>, Verdict> values(AppConnection& connection, std::string_view bytes) {
  const auto record = managed(connection, bytes);
  if (!record) {
    return std::unexpected(record.error());
  }
  if (record->type != Type::get_values_result) {
    return std::unexpected(
        wrong("a record of type " + std::to_string(static_cast<int>(record->type)) + " instead of 10"));
  }
  std::map<std::string, std::string> found;
  const bool good = fcgi::read_pairs(as_bytes(record->content), [&](std::string_view name, std::string_view value) {
    found[std::string(name)] = value;
    return true;
  });
  if (!good) {
    return std::unexpected(wrong("its name-value pairs cannot be read"));
  }
  return found;
}

Verdict get_all(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  const auto found = values(*connection, get_values({"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"}));
  if (!found) {
    return found.error();
  }
  for (const auto& [name, value] : *found) {
    if (value.empty() || value.find_first_not_of("0123456789") != std::string::npos) {
      return wrong(name + " is no decimal number");
    }
    if (name == "FCGI_MPXS_CONNS") {
      if (value != "0" && value != "1") {
        return wrong("FCGI_MPXS_CONNS is neither 0 nor 1");
      }
      peer.multiplexes = value == "1";
    } else if (name == "FCGI_MAX_CONNS") {
      peer.max_connections = std::strtol(value.c_str(), nullptr, 10);
    }
  }
  return pass();
}

Verdict get_unpadded(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  const auto found = values(*connection, get_values({"FCGI_MAX_REQS"}, 0));
  return found ? pass() : found.error();
}

Verdict get_unknown(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  const auto found = values(*connection, get_values({"X_NOBODY_KNOWS_THIS", "FCGI_MAX_REQS"}));
  if (!found) {
    return found.error();
  }
  return found->contains("X_NOBODY_KNOWS_THIS") ? wrong("a name that it cannot know is in the answer") : pass();
}

Verdict get_nothing(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  const auto found = values(*connection, get_values({}));
  if (!found) {
    return found.error();
  }
  return found->empty() ? pass() : wrong("variables that were not asked for are in the answer");
}

Verdict get_during_request(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  const std::string whole = peer.request(1, true, {}, "x");
  const std::size_t begin = 16;
  connection->send(whole.substr(0, begin));
  const auto found = values(*connection, get_values({"FCGI_MAX_REQS"}));
  if (!found) {
    return found.error();
  }
  connection->send(whole.substr(begin));
  return fine(*connection, 1);
}

Verdict unknown_management(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  const auto record = managed(*connection, padded_record(static_cast<Type>(99), 0, "whatever", 0));
  if (!record) {
    return record.error();
  }
  if (record->type != Type::unknown_type) {
    return wrong("a record of type " + std::to_string(static_cast<int>(record->type)) + " instead of 11");
  }
  if (record->content.size() != 8 || record->content[0] != 99) {
    return wrong("its content is not the type 99 and 7 reserved bytes");
  }
  return pass();
}

Verdict two_at_a_time(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  // Both begin before either can be answered.
  const std::string params = stream_of(Type::params, 1, pairs_of(peer.cgi()));
  connection->send(begin_of(1, true) + params + begin_of(2, true) + stream_of(Type::params, 2, pairs_of(peer.cgi())));
  connection->send(stream_of(Type::stdin_stream, 1, "") + stream_of(Type::stdin_stream, 2, ""));
  const Verdict first = fine(*connection, 1);
  if (first.kind != Kind::pass) {
    return wrong("the first of two: " + first.detail);
  }
  if (!connection->answered(2)) {
    return wrong(connection->closed() ? "the second of two: the connection was closed"
                                      : "the second of two: no END_REQUEST in time");
  }
  const auto status = connection->answer(2).end.protocol_status;
  if (status == fcgi::ProtocolStatus::cannot_multiplex && peer.multiplexes.value_or(false)) {
    return wrong("CANT_MPX_CONN, though FCGI_MPXS_CONNS is 1");
  }
  const bool good =
      status == fcgi::ProtocolStatus::request_complete || status == fcgi::ProtocolStatus::cannot_multiplex;
  return good ? pass() : wrong("the second of two gets protocolStatus " + std::to_string(static_cast<int>(status)));
}

Verdict mixed(ResponderPeer& peer) {
  if (!peer.multiplexes.value_or(false)) {
    return skip("the app does not say FCGI_MPXS_CONNS=1");
  }
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  constexpr std::uint16_t kRequests = 20;
  std::vector<std::string> left;
  for (std::uint16_t id = 1; id <= kRequests; ++id) {
    left.push_back(pairs_of(peer.cgi({{"HTTP_X_ID", std::to_string(id)}})));
    connection->send(begin_of(id, true));
  }
  for (bool more = true; more;) {
    more = false;
    std::string round;
    for (std::uint16_t id = 1; id <= kRequests; ++id) {
      std::string& rest = left[id - 1U];
      const std::size_t step = std::min<std::size_t>(rest.size(), 31U + id);
      if (step > 0) {
        round += padded_record(Type::params, id, std::string_view(rest).substr(0, step), id);
        rest.erase(0, step);
        more = true;
      }
    }
    connection->send(round);
  }
  for (std::uint16_t id = kRequests; id > 0; --id) {
    connection->send(stream_of(Type::params, id, "") + stream_of(Type::stdin_stream, id, ""));
  }
  for (std::uint16_t id = 1; id <= kRequests; ++id) {
    Verdict verdict = fine(*connection, id);
    if (verdict.kind != Kind::pass) {
      return wrong("request " + std::to_string(id) + " of 20: " + verdict.detail);
    }
  }
  return pass();
}

Verdict idle_neighbour(ResponderPeer& peer) {
  if (peer.max_connections && *peer.max_connections < 2) {
    return skip("the app says FCGI_MAX_CONNS=1");
  }
  auto idle = peer.connect();
  if (!idle) {
    return wrong(idle.error().message);
  }
  idle->send(peer.request(1, true));
  const Verdict first = fine(*idle, 1);
  if (first.kind != Kind::pass) {
    return first;
  }
  return peer.alive("one kept connection was left idle");
}

Verdict abort_before_stdin(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  const Params post = {{"REQUEST_METHOD", "POST"}, {"CONTENT_TYPE", "text/plain"}, {"CONTENT_LENGTH", "10"}};
  connection->send(begin_of(1, true) + stream_of(Type::params, 1, pairs_of(peer.cgi(post))) +
                   padded_record(Type::abort_request, 1, "", 0));
  if (!connection->answered(1)) {
    return wrong(connection->closed() ? "the connection was closed without END_REQUEST" : "no END_REQUEST in time");
  }
  return connection->faults().empty() ? pass() : wrong(connection->faults().front());
}

}  // namespace

ResponderRows responder_connection_rows() {
  return {
      {"get-values", "4.1", "GET_VALUES is answered with decimal numbers", Weight::must, get_all},
      {"get-values-unpadded", "4.1", "GET_VALUES in a record without padding is answered at once", Weight::must,
       get_unpadded},
      {"get-values-unknown", "4.1", "names that the app does not know are left out", Weight::must, get_unknown},
      {"get-values-empty", "4.1", "an empty GET_VALUES gets an empty answer", Weight::must, get_nothing},
      {"get-values-during-request", "4.1", "GET_VALUES is answered while a request is being received", Weight::should,
       get_during_request},
      {"unknown-management-type", "4.2", "a management record of unknown type gets UNKNOWN_TYPE", Weight::must,
       unknown_management},
      {"two-requests", "5.5", "a second request on a connection is served, or gets CANT_MPX_CONN", Weight::must,
       two_at_a_time},
      {"mixed-records", "3.3", "records of 20 requests may be mixed where FCGI_MPXS_CONNS is 1", Weight::must, mixed},
      {"idle-connection", "4.1", "a kept connection that is idle does not hold up other connections", Weight::should,
       idle_neighbour},
      {"abort", "5.4", "ABORT_REQUEST is answered with END_REQUEST", Weight::must, abort_before_stdin},
      {"abort-of-nothing", "3.3", "ABORT_REQUEST for an id that is not active is ignored", Weight::must,
       [](ResponderPeer& p) {
         return p.whole(1, padded_record(Type::abort_request, 7, "", 0) + p.request(1, false));
       }},
      {"inactive-ids", "3.3", "records for ids that are not active are ignored", Weight::must,
       [](ResponderPeer& p) {
         return p.whole(1, padded_record(Type::stdin_stream, 9, "xyz", 0) + padded_record(Type::params, 9, "xyz", 0) +
                               p.request(1, false));
       }},
      {"unknown-application-type", "3.3", "a record of unknown type with a request id is ignored", Weight::should,
       [](ResponderPeer& p) {
         return p.whole(1, begin_of(1, false) + padded_record(static_cast<Type>(50), 1, "what?", 3) +
                               stream_of(Type::params, 1, pairs_of(p.cgi())) + stream_of(Type::stdin_stream, 1, ""));
       }},
  };
}

}  // namespace microtome::check
