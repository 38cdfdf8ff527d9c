// SPDX-License-Identifier: Apache-2.0
// Rows about what reaches the client of an answer: good ones, odd ones, broken ones.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "check/gateway.hpp"
#include "check/probe_app.hpp"

namespace microtome::check {
namespace {

using Look = std::function<Verdict(const Reply&)>;
std::function<Verdict(GatewayPeer&)> ask(std::string query, Look look) {
  return [query = std::move(query), look = std::move(look)](GatewayPeer& peer) {
    const Reply reply = peer.http.get(query);
    if (reply.status == 0) {
      return wrong(told(reply));
    }
    if (!reply.extra.empty()) {
      return wrong("bytes follow the answer: " + reply.extra.substr(0, 60));
    }
    return look(reply);
  };
}

// Status and body as they have to be.
Look gives(int status, std::string body = "hello\n") {
  return [status, body = std::move(body)](const Reply& reply) {
    if (reply.status != status) {
      return wrong(told(reply) + " instead of " + std::to_string(status));
    }
    if (reply.body != body) {
      return wrong(told(reply) + ", but not the body that the app sent");
    }
    return reply.whole || reply.by_close ? pass() : wrong("the answer is cut");
  };
}

Verdict is_error(const Reply& reply) {
  return reply.status >= 500 && reply.status <= 599 ? pass() : wrong(told(reply) + " instead of an error (5xx)");
}

// An error, or an answer that the client sees to be cut.
Verdict visibly_broken(const Reply& reply) {
  if (reply.status >= 500) {
    return pass();
  }
  return reply.whole || reply.by_close ? wrong(told(reply) + ": an answer that is cut looks whole") : pass();
}

std::function<Verdict(GatewayPeer&)> broken(std::string query) {
  return [query = std::move(query)](GatewayPeer& peer) {
    const Reply reply = peer.http.get(query);
    return reply.status == 0 && reply.reset ? pass() : reply.status == 0 ? wrong(told(reply)) : visibly_broken(reply);
  };
}

Look has(std::string name, std::string value, int status = 200) {
  return [=](const Reply& reply) {
    const std::string* found = reply.find(name);
    if (reply.status != status) {
      return wrong(told(reply) + " instead of " + std::to_string(status));
    }
    return found != nullptr && *found == value ? pass()
                                               : wrong(name + (found == nullptr ? " is not there" : " is " + *found));
  };
}

Verdict both_cookies(const Reply& reply) {
  const auto cookies = reply.all("set-cookie");
  return cookies == std::vector<std::string>{"a=1", "b=2"}
             ? pass()
             : wrong(std::to_string(cookies.size()) + " Set-Cookie fields arrive instead of two");
}

Verdict not_passed_on(const Reply& reply) {
  const std::string* coding = reply.find("transfer-encoding");
  if (reply.status >= 500) {
    return pass();
  }
  if (coding != nullptr && *coding != "chunked") {
    return wrong("Transfer-Encoding: " + *coding + " of the app reaches the client");
  }
  const std::string* alive = reply.find("keep-alive");
  if (alive != nullptr && *alive == "99") {
    return wrong("Keep-Alive of the app reaches the client");
  }
  return reply.body == "hello\n" ? pass() : wrong(told(reply) + ", but not the body that the app sent");
}

Verdict not_split(const Reply& reply) {
  if (reply.find("x-evil") != nullptr) {
    return wrong("a bare CR makes a field of its own");
  }
  for (const auto& [name, value] : reply.fields) {
    if (value.find('\r') != std::string::npos) {
      return wrong("a bare CR reaches the client within " + name);
    }
  }
  return pass();
}

Verdict head_request(GatewayPeer& peer, const char* query) {
  HttpRequest request;
  request.method = "HEAD";
  request.target = peer.http.prefix + "?" + query;
  const Reply reply = peer.http.ask(request);
  if (reply.status != 200) {
    return wrong(told(reply));
  }
  return reply.extra.empty() ? pass() : wrong("a body of " + std::to_string(reply.extra.size()) + " bytes follows");
}

// Two requests, one behind the other on one connection: the second must not see anything of the first.
Verdict no_leak(GatewayPeer& peer, const std::string& first) {
  for (int i = 0; i < 5; ++i) {
    (void)peer.http.get(first);
    const Reply reply = peer.http.get("do=head&name=length-right");
    const Verdict verdict = gives(200)(reply);
    if (verdict.kind != Kind::pass) {
      return wrong("the next request gets: " + verdict.detail);
    }
    if (reply.find("x-leak") != nullptr) {
      return wrong("the next request gets a header of this one");
    }
  }
  return pass();
}

Verdict big(GatewayPeer& peer, const std::string& query, std::size_t size) {
  const Reply reply = peer.http.get(query);
  if (reply.status != 200 || (!reply.whole && !reply.by_close)) {
    return wrong(told(reply));
  }
  return reply.body == pattern(size) ? pass() : wrong(told(reply) + ", but not the bytes that the app sent");
}

Verdict disconnect(GatewayPeer& peer) {
  const std::string token = std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
  {
    auto wire = Wire::connect(peer.http.address, peer.http.patience);
    if (!wire) {
      return wrong(wire.error().message);
    }
    HttpRequest request;
    request.target = peer.http.prefix + "?do=hold&token=" + token;
    std::string in;
    // A connection that is to be closed after the answer might only have stopped writing; one that is kept has ended.
    request.kept = true;
    wire->send(peer.http.text_of(request), in, peer.http.patience);
    wire->receive(in, Milliseconds(500));
  }
  for (int i = 0; i < 20; ++i) {
    if (std::ranges::count(notes(peer, "aborted"), token) > 0) {
      return pass();
    }
    std::this_thread::sleep_for(Milliseconds(150));
  }
  return wrong("3 s after the client has left, the app has seen neither ABORT_REQUEST nor the end of its connection");
}

Verdict big_head(const Reply& reply) {
  if (reply.status >= 500) {
    return pass();
  }
  const std::string* big = reply.find("x-big");
  return big != nullptr && big->size() == 70'000 && reply.body == "hello\n"
             ? pass()
             : wrong(told(reply) + ", not what the app sent");
}

Verdict length_short(const Reply& reply) {
  return reply.status >= 500 || !reply.whole || reply.body == "hel" || reply.body == "hello\n" ? pass()
                                                                                               : wrong(told(reply));
}

}  // namespace

GatewayRows gateway_answer_rows() {
  return {
      {"status-404", "RFC 3875 6.3.3", "Status: 404 is the client's status", Weight::must,
       ask("do=head&name=404", gives(404))},
      {"status-201", "RFC 3875 6.3.3", "Status: 201 is the client's status", Weight::must,
       ask("do=head&name=201", gives(201))},
      {"status-503", "RFC 3875 6.3.3", "Status: 503 of the app, with its body", Weight::must,
       ask("do=head&name=503", gives(503))},
      {"status-none", "RFC 3875 6.3.3", "without Status it is 200", Weight::must,
       ask("do=head&name=no-status", gives(200))},
      {"location", "RFC 3875 6.2.3", "Location alone makes 302", Weight::must,
       ask("do=head&name=location", has("location", "http://example.net/elsewhere", 302))},
      {"location-status", "RFC 3875 6.2.4", "Location with Status: 301 makes 301", Weight::must,
       ask("do=head&name=location-301", has("location", "http://example.net/elsewhere", 301))},
      {"line-feeds", "RFC 3875 6.2", "header lines may end in LF", Weight::must, ask("do=head&name=lf", gives(404))},
      {"lower-case", "RFC 3875 6.3", "names of fields in any case", Weight::must,
       ask("do=head&name=lower-case", gives(404))},
      {"fields", "RFC 3875 6.3.4", "other fields reach the client as they are", Weight::must,
       ask("do=head&name=fields", has("x-probe", "a b  c"))},
      {"content-type", "RFC 3875 6.3.1", "Content-Type reaches the client as it is", Weight::must,
       ask("do=head&name=fields", has("content-type", "text/x-probe; charset=utf-8"))},
      {"cookies", "RFC 3875 6.3.4", "fields of one name stay apart", Weight::must,
       ask("do=head&name=cookies", both_cookies)},
      {"no-content", "RFC 3875 6.3.3", "204 has no body, even when the app sends one", Weight::must,
       ask("do=head&name=204", gives(204, ""))},
      {"not-modified", "RFC 3875 6.3.3", "304 has no body, even when the app sends one", Weight::must,
       ask("do=head&name=304", gives(304, ""))},
      {"head", "RFC 3875 4.3.3", "HEAD: the app's body does not reach the client", Weight::must,
       [](GatewayPeer& p) { return head_request(p, "do=head&name=no-status"); }},
      {"head-length", "RFC 3875 4.3.3", "HEAD of an answer with Content-Length", Weight::must,
       [](GatewayPeer& p) { return head_request(p, "do=head&name=length-right"); }},
      {"stdout-1-byte", "5.3", "STDOUT in records of 1 byte", Weight::must, ask("do=bytes", gives(200))},
      {"stdout-padding", "3.3", "padding of 255 bytes is no content", Weight::must, ask("do=padding", gives(200))},
      {"stdout-not-ended", "5.5", "END_REQUEST ends STDOUT even without an empty record", Weight::should,
       ask("do=no-empty", gives(200))},
      {"stderr-between", "5.3", "STDERR within the header block and the body is not part of them", Weight::must,
       ask("do=stderr-between", gives(200))},
      {"stderr-1000000", "5.3", "1 MB of STDERR before the answer", Weight::must,
       ask("do=stderr&size=1000000", gives(200))},
      {"app-status", "5.5", "an appStatus that is not 0 does not change the answer", Weight::must,
       ask("do=app-status", gives(200))},
      {"unknown-type", "3.3", "a record of unknown type is ignored", Weight::should,
       ask("do=unknown-type", gives(200))},
      {"unknown-management", "3.3", "a management record that was not asked for is ignored", Weight::should,
       ask("do=unknown-management", gives(200))},
      {"foreign-id", "3.3", "records for another request id are ignored", Weight::should,
       ask("do=foreign", gives(200))},
      {"big", "5.3", "5 MB of unknown length", Weight::must,
       [](GatewayPeer& p) { return big(p, "do=big&size=5000000", 5'000'000); }},
      {"big-length", "5.3", "5 MB with Content-Length", Weight::must,
       [](GatewayPeer& p) { return big(p, "do=big&size=5000000&length=1", 5'000'000); }},
      {"slow", "6.2", "an app that takes 1.5 s is waited for", Weight::must, ask("do=slow&ms=1500", gives(200))},
      {"client-leaves", "5.4", "the app hears that the client has left", Weight::should, disconnect},
  };
}

GatewayRows gateway_broken_rows() {
  return {
      {"closed-at-once", "5.5", "an app that closes without a byte: an error", Weight::must,
       ask("do=close", is_error)},
      {"reset", "5.5", "an app that resets the connection: an error", Weight::must, ask("do=reset", is_error)},
      {"end-only", "5.5", "END_REQUEST without STDOUT: an error", Weight::must, ask("do=end-only", is_error)},
      {"empty", "RFC 3875 6.2", "empty STDOUT: an error", Weight::must, ask("do=empty", is_error)},
      {"overloaded", "5.5", "OVERLOADED: an error", Weight::must, ask("do=overloaded", is_error)},
      {"unknown-role", "5.5", "UNKNOWN_ROLE: an error", Weight::must, ask("do=unknown-role", is_error)},
      {"cannot-multiplex", "5.5", "CANT_MPX_CONN: an error", Weight::must, ask("do=cannot-multiplex", is_error)},
      {"no-header", "RFC 3875 6.2", "text without a header block: an error", Weight::should,
       ask("do=head&name=none", is_error)},
      {"half-head", "RFC 3875 6.2", "a header block that is cut: an error", Weight::must,
       ask("do=half-head", is_error)},
      {"half-body", "5.5", "a body that is cut is seen to be cut", Weight::should, broken("do=half-body")},
      {"half-length", "5.5", "a body shorter than its Content-Length, and no END_REQUEST", Weight::must,
       broken("do=half-length")},
      {"half-record", "3.3", "a record that is cut", Weight::should, broken("do=half-record")},
      {"version", "3.3", "a record of another version: an error", Weight::should, ask("do=version", is_error)},
      {"short-end", "5.5", "END_REQUEST of 3 bytes is no end", Weight::should, broken("do=short-end")},
      {"length-long", "RFC 3875 6.3", "a body shorter than its Content-Length is seen to be cut", Weight::must,
       broken("do=head&name=length-long")},
      {"length-short", "RFC 3875 6.3", "nothing follows a body longer than its Content-Length", Weight::must,
       ask("do=head&name=length-short", length_short)},
      {"length-two", "RFC 3875 6.3", "two different Content-Length do not reach the client", Weight::must,
       ask("do=head&name=length-two", length_short)},
      {"length-bad", "RFC 3875 6.3", "a Content-Length that is no number does not reach the client", Weight::must,
       ask("do=head&name=length-bad", [](const Reply& r) { return r.fault.empty() ? pass() : wrong(r.fault); })},
      {"status-abc", "RFC 3875 6.3.3", "a Status that is no number: an error", Weight::must,
       ask("do=head&name=status-abc", is_error)},
      {"status-99", "RFC 3875 6.3.3", "Status: 99: an error", Weight::must, ask("do=head&name=status-99", is_error)},
      {"status-999", "RFC 3875 6.3.3", "Status: 999: an error", Weight::should,
       ask("do=head&name=status-999", is_error)},
      {"bare-cr", "RFC 3875 6.3", "a CR within a value does not reach the client", Weight::must,
       ask("do=head&name=bare-cr", not_split)},
      {"bad-name", "RFC 3875 6.3", "a name with a blank does not reach the client", Weight::should,
       ask("do=head&name=bad-name",
           [](const Reply& r) { return r.find("x probe") == nullptr ? pass() : wrong("it does"); })},
      {"no-colon", "RFC 3875 6.3", "a line without a colon does not reach the client", Weight::must,
       ask("do=head&name=no-colon", [](const Reply& r) { return r.fault.empty() ? pass() : wrong(r.fault); })},
      {"hop-by-hop", "RFC 3875 6.3.4", "Connection and Keep-Alive of the app stay behind", Weight::should,
       ask("do=head&name=hop-by-hop", not_passed_on)},
      {"transfer-encoding", "RFC 3875 6.3.4", "Transfer-Encoding of the app stays behind", Weight::must,
       ask("do=head&name=chunked", not_passed_on)},
      {"big-head", "RFC 3875 6.2", "70 kB of header: whole, or an error", Weight::must,
       ask("do=big-head&size=70000", big_head)},
      {"records-after-end", "3.3", "records behind END_REQUEST do not reach the next request", Weight::must,
       [](GatewayPeer& p) { return no_leak(p, "do=after-end"); }},
      {"foreign-leak", "3.3", "records for another id do not reach the next request", Weight::must,
       [](GatewayPeer& p) { return no_leak(p, "do=foreign"); }},
  };
}

GatewayRows gateway_record_rows() {
  return {
      {"records", "3.3", "everything that the gateway sent was by the book", Weight::must,
       [](GatewayPeer& p) {
         const auto faults = notes(p, "fault");
         std::string all;
         for (const std::string& fault : faults) {
           all += (all.empty() ? "" : "; ") + fault;
         }
         return all.empty() ? pass() : wrong(all);
       }},
      {"keeps-connections", "3.5", "connections are kept (KEEP_CONN): several requests on one", Weight::should,
       [](GatewayPeer& p) {
         const auto kept = notes(p, "kept");
         return !kept.empty() && kept.front() != "0" ? pass() : skip("a connection for each request");
       }},
  };
}

}  // namespace microtome::check
