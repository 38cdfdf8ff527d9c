// SPDX-License-Identifier: Apache-2.0
// Rows about what reaches the app of a request: parameters and body.
#include <algorithm>
#include <cstdlib>
#include <thread>

#include "check/gateway.hpp"
#include "check/probe_app.hpp"

namespace microtome::check {
namespace {

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

using Look = std::function<Verdict(const Seen&)>;
Verdict echoed(const GatewayPeer& peer, HttpRequest request, const Look& look) {
  if (request.target.empty()) {
    request.target = peer.http.prefix + "?do=echo";
  }
  const auto seen = read_echo(peer.http.ask(request));
  return seen ? look(*seen) : wrong(seen.error());
}

// The parameter `name` has to be `expected`.
Verdict is(const Seen& seen, const std::string& name, std::string_view expected) {
  const std::string* value = seen.find(name);
  if (value == nullptr) {
    return wrong(name + " is not there");
  }
  return *value == expected ? pass() : wrong(name + " is " + value->substr(0, 100));
}

std::function<Verdict(GatewayPeer&)> variable(std::string name) {
  return [name](GatewayPeer& peer) {
    return echoed(peer, {}, [&](const Seen& seen) {
      const std::string* value = seen.find(name);
      if (value == nullptr || (value->empty() && name != "SCRIPT_NAME")) {
        return wrong(name + (value == nullptr ? " is not there" : " is empty"));
      }
      if (name == "GATEWAY_INTERFACE" && *value != "CGI/1.1") {
        return wrong(name + " is " + *value);
      }
      if (name == "SERVER_PROTOCOL" && *value != "HTTP/1.1") {
        return wrong(name + " is " + *value);
      }
      return pass();
    });
  };
}

std::function<Verdict(GatewayPeer&)> header(std::vector<std::pair<std::string, std::string>> fields, Look look) {
  return [fields = std::move(fields), look = std::move(look)](GatewayPeer& peer) {
    HttpRequest request;
    request.fields = fields;
    return echoed(peer, request, look);
  };
}

Verdict query_verbatim(GatewayPeer& peer) {
  const std::string query = "do=echo&a=%20b&c=%2F+%c3%a4&=&&x";
  HttpRequest request;
  request.target = peer.http.prefix + '?' + query;
  return echoed(peer, request, [&](const Seen& seen) { return is(seen, "QUERY_STRING", query); });
}

Verdict request_uri(GatewayPeer& peer) {
  HttpRequest request;
  request.target = peer.http.prefix + "?do=echo&a=%20b";
  return echoed(peer, request, [&](const Seen& seen) {
    return seen.find("REQUEST_URI") == nullptr ? skip("the gateway sends no REQUEST_URI")
                                               : is(seen, "REQUEST_URI", request.target);
  });
}

Verdict path_decoded(GatewayPeer& peer) {
  HttpRequest request;
  const bool slash = peer.http.prefix.ends_with('/');
  request.target = peer.http.prefix + (slash ? "" : "/") + "sub/a%20b?do=echo";
  const Reply reply = peer.http.ask(request);
  if (reply.status == 404) {
    return skip("the gateway does not hand paths below the app to it");
  }
  const auto seen = read_echo(reply);
  if (!seen) {
    return wrong(seen.error());
  }
  const std::string* script = seen->find("SCRIPT_NAME");
  const std::string* info = seen->find("PATH_INFO");
  const std::string path = (script ? *script : "") + (info ? *info : "");
  return path.ends_with("sub/a b") ? pass() : wrong("SCRIPT_NAME and PATH_INFO make " + path);
}

Verdict many_params(GatewayPeer& peer, std::size_t each, int count) {
  HttpRequest request;
  for (int i = 0; i < count; ++i) {
    request.fields.emplace_back("X-Probe-" + std::to_string(i), std::string(each, static_cast<char>('a' + i % 26)));
  }
  request.target = peer.http.prefix + "?do=echo";
  const Reply reply = peer.http.ask(request);
  if (reply.status == 400 || reply.status == 413 || reply.status == 431 || reply.status == 414) {
    return skip("the gateway refuses so many header fields: " + told(reply));
  }
  const auto seen = read_echo(reply);
  if (!seen) {
    return wrong(seen.error());
  }
  for (int i = 0; i < count; ++i) {
    const Verdict verdict =
        is(*seen, "HTTP_X_PROBE_" + std::to_string(i), request.fields[static_cast<std::size_t>(i)].second);
    if (verdict.kind != Kind::pass) {
      return verdict;
    }
  }
  return pass();
}

Verdict body(GatewayPeer& peer, std::size_t size, bool chunked, bool expect) {
  HttpRequest request;
  request.method = "POST";
  request.body = pattern(size);
  request.chunked = chunked;
  request.expect = expect;
  request.fields = {{"Content-Type", "application/octet-stream"}};
  request.target = peer.http.prefix + "?do=echo";
  const Reply reply = peer.http.ask(request);
  if (chunked && (reply.status == 411 || reply.status == 501)) {
    return skip("the gateway takes no chunked bodies: " + told(reply));
  }
  if (reply.status == 413) {
    return skip("the gateway takes no bodies of " + std::to_string(size) + " bytes");
  }
  const auto seen = read_echo(reply);
  if (!seen) {
    return wrong(seen.error());
  }
  if (seen->body != size || seen->hash != std::to_string(fnv(request.body))) {
    return wrong("of " + std::to_string(size) + " bytes, " + std::to_string(seen->body) + " arrived" +
                 (seen->body == size ? ", but not the same" : ""));
  }
  const std::string* length = seen->find("CONTENT_LENGTH");
  if (chunked && (length == nullptr || length->empty())) {
    return pass();  // streamed: the end of STDIN says it
  }
  return is(*seen, "CONTENT_LENGTH", std::to_string(size));
}

Verdict no_body(GatewayPeer& peer) {
  return echoed(peer, {}, [](const Seen& seen) {
    const std::string* length = seen.find("CONTENT_LENGTH");
    if (seen.body != 0) {
      return wrong("STDIN holds " + std::to_string(seen.body) + " bytes");
    }
    return length == nullptr || length->empty() || *length == "0" ? pass() : wrong("CONTENT_LENGTH is " + *length);
  });
}

Verdict method(GatewayPeer& peer, const char* name) {
  HttpRequest request;
  request.method = name;
  request.body = name == std::string_view("PUT") ? "x" : "";
  request.target = peer.http.prefix + "?do=echo";
  const Reply reply = peer.http.ask(request);
  if (reply.status == 405 || reply.status == 501 || reply.status == 403) {
    return skip("the gateway refuses the method: " + told(reply));
  }
  const auto seen = read_echo(reply);
  return seen ? is(*seen, "REQUEST_METHOD", name) : wrong(seen.error());
}

// Requests at the same time: each gets its own answer.
Verdict at_once(GatewayPeer& peer) {
  std::vector<std::string> faults(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    threads.emplace_back([&peer, &faults, i] {
      for (int round = 0; round < 20 && faults[i].empty(); ++round) {
        const std::string query = "do=echo&n=" + std::to_string(i) + "-" + std::to_string(round);
        const auto seen = read_echo(peer.http.get(query));
        if (!seen) {
          faults[i] = seen.error();
        } else if (seen->params.at("QUERY_STRING") != query) {
          faults[i] = "the answer to another request: " + seen->params.at("QUERY_STRING");
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const auto found = std::ranges::find_if(faults, [](const std::string& fault) { return !fault.empty(); });
  return found == faults.end() ? pass() : wrong(*found);
}

Verdict early(GatewayPeer& peer) {
  HttpRequest request;
  request.method = "POST";
  request.body = pattern(200'000);
  request.target = peer.http.prefix + "?do=early";
  const Reply reply = peer.http.ask(request);
  return reply.status == 413 && reply.body == "too large\n" ? pass() : wrong(told(reply));
}

}  // namespace

const std::string* Seen::find(const std::string& name) const {
  const auto found = params.find(name);
  return found == params.end() ? nullptr : &found->second;
}

std::expected<Seen, std::string> read_echo(const Reply& reply) {
  if (reply.status != 200 || !reply.body.starts_with("role ")) {
    return std::unexpected(told(reply) + " instead of the probe's answer");
  }
  if (!reply.whole && !reply.by_close) {
    return std::unexpected(std::string("the answer is cut"));
  }
  Seen seen;
  std::string_view left = reply.body;
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    if (line.starts_with("role ")) {
      seen.role = std::atoi(std::string(line.substr(5)).c_str());
    } else if (line.starts_with("body ")) {
      const std::size_t space = line.find(' ', 5);
      seen.body = std::strtoull(std::string(line.substr(5, space - 5)).c_str(), nullptr, 10);
      seen.hash = line.substr(space + 1);
    } else if (line.starts_with("param ")) {
      const std::size_t equals = line.find('=');
      seen.params[unescaped(line.substr(6, equals - 6))] = unescaped(line.substr(equals + 1));
    }
  }
  return seen;
}

std::string told(const Reply& reply) {
  if (!reply.fault.empty()) {
    return reply.fault;
  }
  if (reply.status == 0) {
    return reply.reset ? "no answer: the connection was reset" : "no answer";
  }
  return "status " + std::to_string(reply.status) + ", " + std::to_string(reply.body.size()) + " bytes" +
         (reply.whole      ? ""
          : reply.by_close ? ", to the end of the connection"
                           : ", cut");
}

std::vector<std::string> notes(const GatewayPeer& peer, std::string_view kind) {
  const Reply reply = peer.http.get("do=notes");
  std::vector<std::string> out;
  std::string_view left = reply.body;
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    if (line.starts_with(kind)) {
      out.emplace_back(line.substr(std::min(line.size(), kind.size() + 1)));
    }
  }
  return out;
}

GatewayRows gateway_request_rows() {
  GatewayRows rows = {
      {"reaches-app", "6.2", "a request reaches the probe app as a responder", Weight::must,
       [](GatewayPeer& p) {
         return echoed(p, {},
                       [](const Seen& s) { return s.role == 1 ? pass() : wrong("role " + std::to_string(s.role)); });
       }},
  };
  static constexpr std::pair<const char*, const char*> kVariables[] = {
      {"GATEWAY_INTERFACE", "RFC 3875 4.1.4"}, {"REMOTE_ADDR", "RFC 3875 4.1.8"},
      {"REQUEST_METHOD", "RFC 3875 4.1.12"},   {"SCRIPT_NAME", "RFC 3875 4.1.13"},
      {"SERVER_NAME", "RFC 3875 4.1.14"},      {"SERVER_PORT", "RFC 3875 4.1.15"},
      {"SERVER_PROTOCOL", "RFC 3875 4.1.16"},  {"SERVER_SOFTWARE", "RFC 3875 4.1.17"}};
  for (const auto& [name, clause] : kVariables) {
    rows.push_back({name, clause, "this variable is there, with a sensible value", Weight::must, variable(name)});
  }
  const GatewayRows more = {
      {"QUERY_STRING", "RFC 3875 4.1.7", "the query as it was sent, not decoded", Weight::must, query_verbatim},
      {"QUERY_STRING-empty", "RFC 3875 4.1.7", "QUERY_STRING is there even when there is no query", Weight::must,
       [](GatewayPeer& p) {
         HttpRequest request;
         request.target = p.http.prefix;
         return echoed(p, request, [](const Seen& s) { return is(s, "QUERY_STRING", ""); });
       }},
      {"REQUEST_URI", "RFC 3875 4.1", "REQUEST_URI, where it is sent, is the target as it came", Weight::should,
       request_uri},
      {"path-decoded", "RFC 3875 4.1.5", "SCRIPT_NAME and PATH_INFO hold the decoded path", Weight::must,
       path_decoded},
      {"header-mapped", "RFC 3875 4.1.18", "X-Probe-Header becomes HTTP_X_PROBE_HEADER", Weight::must,
       header({{"X-Probe-Header", "a  b; c=\"d\""}},
              [](const Seen& s) { return is(s, "HTTP_X_PROBE_HEADER", "a  b; c=\"d\""); })},
      {"header-repeated", "RFC 3875 4.1.18", "two fields of one name become one, joined by a comma", Weight::must,
       header({{"X-Probe", "a"}, {"X-Probe", "b"}}, [](const Seen& s) { return is(s, "HTTP_X_PROBE", "a, b"); })},
      {"header-content-type", "RFC 3875 4.1.3", "Content-Type becomes CONTENT_TYPE", Weight::must,
       [](GatewayPeer& p) {
         HttpRequest request{"POST", "", {{"Content-Type", "text/x-probe"}}, "x"};
         return echoed(p, request, [](const Seen& s) { return is(s, "CONTENT_TYPE", "text/x-probe"); });
       }},
      {"header-proxy", "RFC 3875 4.1.18", "Proxy does not become HTTP_PROXY, which programs take for their own",
       Weight::should,
       header({{"Proxy", "http://192.0.2.1/"}},
              [](const Seen& s) { return s.find("HTTP_PROXY") == nullptr ? pass() : wrong("HTTP_PROXY is set"); })},
      {"header-underscore", "RFC 3875 4.1.18", "X_Probe cannot stand in for X-Probe", Weight::should,
       header({{"X_Probe", "forged"}, {"X-Probe", "real"}},
              [](const Seen& s) { return is(s, "HTTP_X_PROBE", "real"); })},
      {"header-128", "3.4", "a value of 128 bytes", Weight::must,
       [](GatewayPeer& p) { return many_params(p, 128, 1); }},
      {"header-127", "3.4", "a value of 127 bytes", Weight::must,
       [](GatewayPeer& p) { return many_params(p, 127, 1); }},
      {"headers-14000", "5.2", "40 header fields of 350 bytes", Weight::must,
       [](GatewayPeer& p) { return many_params(p, 350, 40); }},
      {"headers-70000", "5.2", "70 header fields of 1000 bytes: more than a record holds", Weight::must,
       [](GatewayPeer& p) { return many_params(p, 1000, 70); }},
      {"at-once", "3.3", "8 times 20 requests at the same time: each gets its own answer", Weight::must, at_once},
  };
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

GatewayRows gateway_body_rows() {
  const auto of = [](std::size_t size, bool chunked = false, bool expect = false) {
    return [=](GatewayPeer& peer) { return body(peer, size, chunked, expect); };
  };
  const auto by = [](const char* name) { return [name](GatewayPeer& peer) { return method(peer, name); }; };
  return {
      {"no-body", "6.2", "without a body, STDIN is empty and CONTENT_LENGTH says nothing else", Weight::must,
       no_body},
      {"body-1", "RFC 3875 4.2", "a body of 1 byte", Weight::must, of(1)},
      {"body-65535", "5.3", "a body that fills one record", Weight::must, of(65535)},
      {"body-65536", "5.3", "a body one byte longer than a record", Weight::must, of(65536)},
      {"body-5000000", "5.3", "a body of 5 MB", Weight::must, of(5'000'000)},
      {"body-expect", "RFC 3875 4.2", "a body that waits for 100 Continue", Weight::must, of(1000, false, true)},
      {"body-chunked", "RFC 3875 4.2", "a chunked body arrives decoded", Weight::must, of(10'000, true)},
      {"body-chunked-1000000", "RFC 3875 4.2", "a chunked body of 1 MB", Weight::must, of(1'000'000, true)},
      {"answer-before-body", "6.2", "an answer that the app gives before it reads the body reaches the client",
       Weight::must, early},
      {"method-PUT", "RFC 3875 4.1.12", "PUT", Weight::must, by("PUT")},
      {"method-DELETE", "RFC 3875 4.1.12", "DELETE", Weight::must, by("DELETE")},
      {"method-OPTIONS", "RFC 3875 4.1.12", "OPTIONS", Weight::must, by("OPTIONS")},
  };
}

}  // namespace microtome::check
