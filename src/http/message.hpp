// SPDX-License-Identifier: Apache-2.0
// Requests and responses as protocols see them. Every transport (HTTP/1.1, HTTP/2, FastCGI) makes the same ones.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"
#include "http/served.hpp"
#include "io/file.hpp"

namespace microtome::http {

struct Header {
  std::string name;
  std::string value;
};

// Header names compare without case (ASCII).
class Headers {
 public:
  void add(std::string name, std::string value) { list_.push_back({std::move(name), std::move(value)}); }
  void reserve(std::size_t count) { list_.reserve(count); }
  // First value, or an empty view.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  void set(std::string name, std::string value);  // replaces all of that name
  [[nodiscard]] const std::vector<Header>& all() const { return list_; }

 private:
  std::vector<Header> list_;
};

struct Request {
  std::string method = "GET";
  // Path below the mount, percent-encoded as it came ("%2F" kept), always beginning with "/", no query.
  // Never contains a decoded NUL or dot segments that climb out (transports answer 400 to these).
  std::string path = "/";
  std::string query;  // after "?", percent-encoded as it came
  Headers headers;
  std::string body;  // whole, within the transport's limit
  // The public address, as far as the transport can tell: scheme, authority ("host[:port]"), and the path prefix
  // under which we are mounted ("" or "/cgi-bin/wlziipsrv.fcgi": no trailing slash).
  std::string scheme = "http";
  std::string authority;
  std::string mount;
  std::string remote_address;
  std::string document_root;  // FastCGI's DOCUMENT_ROOT, else empty
};

// A response that is made while it is sent (exports). pull() runs on a worker, never on a loop thread.
class Producer {
 public:
  virtual ~Producer() = default;
  // Appends the next piece (16 to 256 KiB) to `out`. Returns false when that was the last piece.
  // An error cuts the connection: a truncated answer never looks whole.
  virtual Result<bool> pull(Bytes& out) = 0;
  // Total length in bytes when known before; else HTTP/1.1 sends chunks.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const { return std::nullopt; }
};

// prefix bytes, then ranges of open files, then suffix bytes; sent by sendfile where the transport can.
struct FileBody {
  SharedBytes prefix;  // may be null
  std::vector<io::FileRange> ranges;
  SharedBytes suffix;  // may be null
};

using Body = std::variant<std::monostate, std::string, Bytes, SharedBytes, FileBody, std::shared_ptr<Producer>>;

// Appends "Name: value" lines. Fields that belong to the transport, and names or values that would break the head
// apart (CR, LF, NUL), are left out; returns how many of the latter there were.
int append_field_lines(std::string& out, const Headers& headers);

// Length in bytes; nullopt for a producer that does not know.
[[nodiscard]] std::optional<std::uint64_t> body_length(const Body& body);

struct Response {
  int status = 200;
  Headers headers;  // without Content-Length, Date, Connection, Transfer-Encoding: the transport adds these
  Body body;
  Trace trace = {};  // for logs and counters only
  // Further fields, Content-Type among them, made ready by append_field_lines() for an answer that is given often. Or
  // null.
  std::shared_ptr<const std::string> lines = {};
};

// One request being answered. Transports implement it; handlers hold it until they have responded.
class Exchange {
 public:
  virtual ~Exchange() = default;  // unanswered when it dies: the transport sends 500
  [[nodiscard]] virtual const Request& request() const = 0;
  // Cancelled when the client has gone.
  [[nodiscard]] virtual const CancelToken& cancel() const = 0;
  // Answers, exactly once, from any thread; a second call is ignored. HEAD: hand over the same response as for GET,
  // the transport leaves the body out. Does not block.
  virtual void respond(Response response) = 0;
};

using ExchangePtr = std::shared_ptr<Exchange>;
// Called on a loop thread: must not block.
using Handler = std::function<void(ExchangePtr)>;

}  // namespace microtome::http
