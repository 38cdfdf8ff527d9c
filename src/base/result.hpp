// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value, or an Error that says what went wrong and how a protocol should answer.
// Exceptions are for bugs and bad_alloc only. Values are immutable once returned; safe to pass between threads.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace microtome {

// What kind of failure it is. Protocols map it to a status (HTTP status in brackets).
enum class Code {
  bad_request,         // the request is malformed or out of range [400]
  forbidden,           // [403]
  not_found,           // no such picture, tile, set or slice; also anything outside the roots [404]
  method_not_allowed,  // [405]
  too_large,           // body, output or decoded size over a limit [413]
  uri_too_long,        // [414]
  unsupported,         // understood, but this picture or build cannot do it [501]
  corrupt,             // the source's bytes are broken: there is no such picture, and the log says why [404]
  io,                  // reading or writing failed, or the file changed while it was read [500]
  overloaded,          // a queue is full [503 with Retry-After]
  deadline,            // took too long [504]
  cancelled,           // the client is gone; nobody reads the answer [499 in logs]
  internal,            // a bug [500]
};

struct Error {
  Code code = Code::internal;
  std::string message;  // short, plain, for the client: never a path of the server
  std::string context;  // for the log only: path, offset, errno text
};

template <class T>
using Result = std::expected<T, Error>;

// `return fail(Code::not_found, "no such slice", path);`
[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message, std::string context = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(context)});
}

// Passes an error on, putting `where` in front of what the log will say.
[[nodiscard]] inline std::unexpected<Error> pass(Error error, const std::string& where = {}) {
  if (!where.empty()) {
    error.context = error.context.empty() ? where : where + ": " + error.context;
  }
  return std::unexpected(std::move(error));
}

}  // namespace microtome
