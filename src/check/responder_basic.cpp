// SPDX-License-Identifier: Apache-2.0
// Rows about single, proper requests: records, the end, the CGI header block.
#include <algorithm>
#include <cstdlib>

#include "check/responder.hpp"

namespace microtome::check {
namespace {

using fcgi::Type;

// One proper request on a connection of its own; `look` judges what came.
using Look = std::function<Verdict(AppConnection&, Answer&)>;
Verdict ask(const ResponderPeer& peer, const Params& extra, std::string_view body, const Look& look,
            std::uint16_t id = 1, bool keep = false) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  connection->send(peer.request(id, keep, extra, body));
  const Verdict verdict = fine(*connection, id);
  return verdict.kind == Kind::pass ? look(*connection, connection->answer(id)) : verdict;
}

Verdict no_look(AppConnection& /*connection*/, Answer& /*answer*/) {
  return pass();
}

Verdict with_head(const ResponderPeer& peer, const Params& extra,
                  const std::function<Verdict(const CgiHead&)>& look) {
  return ask(peer, extra, "", [&](AppConnection&, Answer& answer) {
    const auto head = read_cgi_head(answer.out);
    return head ? look(*head) : wrong(head.error());
  });
}

Verdict closes(ResponderPeer& peer) {
  return ask(peer, {}, "", [](AppConnection& connection, Answer&) {
    if (!connection.ends(Milliseconds(4000))) {
      return wrong("the connection stays open after END_REQUEST though KEEP_CONN was not set");
    }
    return connection.reset() ? wrong("the connection is reset, which can destroy the answer on its way") : pass();
  });
}

Verdict keeps(ResponderPeer& peer) {
  return ask(
      peer, {}, "",
      [&](AppConnection& connection, Answer&) {
        if (connection.ends(Milliseconds(300))) {
          return wrong("the connection is closed after END_REQUEST though KEEP_CONN was set");
        }
        connection.forget(1);
        connection.send(peer.request(1, true));
        return fine(connection, 1);
      },
      1, true);
}

Verdict status_field(const CgiHead& head) {
  const std::string* status = head.find("status");
  if (status == nullptr) {
    return pass();
  }
  char* end = nullptr;
  const long code = std::strtol(status->c_str(), &end, 10);
  if (end != status->c_str() + 3 || code < 200 || code > 599 || (*end != ' ' && *end != 0)) {
    return wrong("Status: " + *status + " is not three digits from 200 to 599, and a reason");
  }
  return pass();
}

Verdict one_of_three(const CgiHead& head) {
  return head.find("content-type") != nullptr || head.find("location") != nullptr || head.find("status") != nullptr
             ? pass()
             : wrong("none of Content-Type, Location and Status is there");
}

Verdict no_hop_by_hop(const CgiHead& head) {
  for (const char* name : {"connection", "transfer-encoding", "keep-alive", "trailer", "upgrade"}) {
    if (head.find(name) != nullptr) {
      return wrong(std::string(name) + " belongs to the web server's connection");
    }
  }
  return pass();
}

Verdict length_agrees(const CgiHead& head) {
  const std::string* length = head.find("content-length");
  if (length == nullptr) {
    return skip("the answer says no Content-Length");
  }
  return *length == std::to_string(head.body.size())
             ? pass()
             : wrong("Content-Length: " + *length + ", body of " + std::to_string(head.body.size()) + " bytes");
}

Verdict many_kept(ResponderPeer& peer) {
  auto connection = peer.connect();
  if (!connection) {
    return wrong(connection.error().message);
  }
  for (int i = 0; i < 100; ++i) {
    connection->forget(1);
    connection->send(peer.request(1, true));
    Verdict verdict = fine(*connection, 1);
    if (verdict.kind != Kind::pass) {
      verdict.detail = "request " + std::to_string(i + 1) + ": " + verdict.detail;
      return verdict;
    }
  }
  return pass();
}

}  // namespace

ResponderRows responder_basic_rows() {
  return {
      {"request", "6.2", "a request is answered by STDOUT and END_REQUEST, REQUEST_COMPLETE", Weight::must,
       [](ResponderPeer& p) { return ask(p, {}, "", no_look); }},
      {"closes-without-keep-conn", "3.5", "without KEEP_CONN the app closes the connection after END_REQUEST",
       Weight::must, closes},
      {"keeps-with-keep-conn", "3.5", "with KEEP_CONN the app leaves the connection open and serves the next request",
       Weight::must, keeps},
      {"many-on-one-connection", "3.5", "a hundred requests, one after the other, on one kept connection",
       Weight::must, many_kept},
      {"stdout-present", "6.1", "at least one STDOUT record is sent", Weight::must,
       [](ResponderPeer& p) {
         return ask(p, {}, "", [](AppConnection&, Answer& a) {
           return a.out_records > 0 ? pass() : wrong("END_REQUEST came without any STDOUT");
         });
       }},
      {"stdout-ended", "5.3", "STDOUT ends with an empty record before END_REQUEST", Weight::should,
       [](ResponderPeer& p) {
         return ask(p, {}, "", [](AppConnection&, Answer& a) {
           return a.out_ended ? pass() : wrong("no empty STDOUT record before END_REQUEST");
         });
       }},
      {"request-id-255", "3.3", "any request id is taken: 255", Weight::must,
       [](ResponderPeer& p) { return ask(p, {}, "", no_look, 255); }},
      {"request-id-256", "3.3", "any request id is taken: 256", Weight::must,
       [](ResponderPeer& p) { return ask(p, {}, "", no_look, 256); }},
      {"request-id-65535", "3.3", "any request id is taken: 65535", Weight::must,
       [](ResponderPeer& p) { return ask(p, {}, "", no_look, 65535); }},
      {"header-block", "RFC 3875 6.2", "STDOUT begins with a header block and a blank line", Weight::must,
       [](ResponderPeer& p) { return with_head(p, {}, [](const CgiHead&) { return pass(); }); }},
      {"header-cgi-field", "RFC 3875 6.3", "Content-Type, Location or Status is in the header block", Weight::must,
       [](ResponderPeer& p) { return with_head(p, {}, one_of_three); }},
      {"header-status", "RFC 3875 6.3.3", "Status is three digits and a reason", Weight::must,
       [](ResponderPeer& p) { return with_head(p, {}, status_field); }},
      {"header-hop-by-hop", "RFC 3875 6.3.4", "no header fields that belong to the connection with the client",
       Weight::must, [](ResponderPeer& p) { return with_head(p, {}, no_hop_by_hop); }},
      {"content-length", "RFC 3875 6.3", "Content-Length, when said, is the length of the body", Weight::must,
       [](ResponderPeer& p) { return with_head(p, {}, length_agrees); }},
      {"head-without-body", "RFC 3875 4.3.3", "HEAD is answered without a body", Weight::should,
       [](ResponderPeer& p) {
         return with_head(p, {{"REQUEST_METHOD", "HEAD"}}, [](const CgiHead& head) {
           return head.body.empty() ? pass() : wrong("a body of " + std::to_string(head.body.size()) + " bytes");
         });
       }},
      {"post", "6.2", "a request with a body of 10 bytes is answered", Weight::must,
       [](ResponderPeer& p) { return ask(p, {}, "0123456789", no_look); }},
      {"post-large", "6.2", "a body of 300 kB is taken, or answered early, without standing still", Weight::must,
       [](ResponderPeer& p) { return ask(p, {}, std::string(300'000, 'x'), no_look); }},
      {"authorizer", "6.3", "the role of an authorizer is played, or refused with UNKNOWN_ROLE", Weight::must,
       [](ResponderPeer& p) {
         auto connection = p.connect();
         if (!connection) {
           return wrong(connection.error().message);
         }
         connection->send(begin_of(1, false, 2) +
                          stream_of(Type::params, 1, pairs_of(p.cgi({{"SCRIPT_NAME", "\1"}}))));
         const bool ended = connection->answered(1);
         return ended ? pass() : wrong("neither UNKNOWN_ROLE nor an answer");
       }},
      {"unknown-role", "5.1", "a role that nobody knows gets END_REQUEST, UNKNOWN_ROLE", Weight::must,
       [](ResponderPeer& p) {
         auto connection = p.connect();
         if (!connection) {
           return wrong(connection.error().message);
         }
         connection->send(begin_of(1, false, 77) + stream_of(Type::params, 1, pairs_of(p.cgi())) +
                          stream_of(Type::stdin_stream, 1, ""));
         if (!connection->answered(1)) {
           return wrong(connection->closed() ? "closed without END_REQUEST" : "no END_REQUEST in time");
         }
         const auto status = connection->answer(1).end.protocol_status;
         return status == fcgi::ProtocolStatus::unknown_role
                    ? pass()
                    : wrong("protocolStatus " + std::to_string(static_cast<int>(status)) + " instead of 3");
       }},
  };
}

}  // namespace microtome::check
