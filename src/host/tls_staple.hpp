// SPDX-License-Identifier: Apache-2.0
// What a certificate's authority says about it (an OCSP response, RFC 6960), from a file that somebody else keeps up
// to date, for clients that ask for it in their handshake. Loop thread only. Part of tls.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace microtome::host {

struct Staple {
  std::string response;  // DER
  std::chrono::system_clock::time_point until = std::chrono::system_clock::time_point::max();
};
using StaplePtr = std::shared_ptr<const Staple>;

// Reads a response about the certificate of `context`. Code::bad_request with what is wrong: not readable, no
// response, about another certificate, out of date.
[[nodiscard]] Result<StaplePtr> read_staple(const std::string& path, ssl_ctx_st* context);

// Handshakes of `context` ask `find` for what is to be sent; null or out of date: nothing.
void offer_staple(ssl_ctx_st* context, const Staple* (*find)(ssl_st*));

}  // namespace microtome::host
