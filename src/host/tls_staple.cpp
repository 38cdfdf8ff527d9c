// SPDX-License-Identifier: Apache-2.0
#include "host/tls_staple.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>

#include <cstring>
#include <fstream>
#include <utility>

namespace microtome::host {
namespace {

using std::chrono::system_clock;
using Response = std::unique_ptr<OCSP_RESPONSE, void (*)(OCSP_RESPONSE*)>;
using Basic = std::unique_ptr<OCSP_BASICRESP, void (*)(OCSP_BASICRESP*)>;

constexpr std::size_t kMost = 64 * 1024;  // bytes of a response; real ones have two thousand

Result<std::string> read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMost + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty() || text.size() > kMost) {
    return fail(Code::bad_request, text.empty() ? "it cannot be read" : "it is too large for an OCSP response");
  }
  return text;
}

bool is_about(OCSP_SINGLERESP* single, const X509* certificate) {
  ASN1_INTEGER* serial = nullptr;
  auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));  // NOLINT: it is only read
  return certificate != nullptr && OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, id) == 1 &&
         ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0;
}

// When something newer is promised. The response is then no longer worth sending.
Result<system_clock::time_point> end_of(const ASN1_GENERALIZEDTIME* next) {
  int days = 0;
  int seconds = 0;
  if (next == nullptr) {
    return system_clock::time_point::max();
  }
  if (ASN1_TIME_diff(&days, &seconds, nullptr, next) != 1) {
    return fail(Code::bad_request, "its time makes no sense");
  }
  const auto left = std::chrono::days(days) + std::chrono::seconds(seconds);
  if (left <= std::chrono::seconds(0)) {
    return fail(Code::bad_request, "it is out of date");
  }
  return system_clock::now() + left;
}

Result<system_clock::time_point> check(const std::string& text, ssl_ctx_st* context) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = bytes + text.size();
  const Response response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(text.size())), OCSP_RESPONSE_free);
  if (!response || bytes != end) {
    return fail(Code::bad_request, "it is no OCSP response (DER)");
  }
  const Basic basic(OCSP_response_status(response.get()) == OCSP_RESPONSE_STATUS_SUCCESSFUL
                        ? OCSP_response_get1_basic(response.get())
                        : nullptr,
                    OCSP_BASICRESP_free);
  if (!basic) {
    return fail(Code::bad_request, "the authority has not answered in it");
  }
  const X509* certificate = SSL_CTX_get0_certificate(context);
  for (int i = 0; i < OCSP_resp_count(basic.get()); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
    if (is_about(single, certificate)) {
      ASN1_GENERALIZEDTIME* next = nullptr;
      OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &next);
      return end_of(next);
    }
  }
  return fail(Code::bad_request, "it is about another certificate");
}

// OpenSSL calls it for a client that asks.
int answer_status(SSL* ssl, void* find) {
  const Staple* staple = reinterpret_cast<const Staple* (*)(ssl_st*)>(find)(ssl);  // NOLINT: as it was given
  if (staple == nullptr || staple->until <= system_clock::now()) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  // The library frees it.
  void* copy = CRYPTO_malloc(staple->response.size(), "tls_staple.cpp", __LINE__);
  if (copy == nullptr) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  std::memcpy(copy, staple->response.data(), staple->response.size());
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple->response.size()));
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<StaplePtr> read_staple(const std::string& path, ssl_ctx_st* context) {
  auto text = read_all(path);
  if (!text) {
    return pass(text.error());
  }
  const auto until = check(*text, context);
  ERR_clear_error();
  if (!until) {
    return pass(until.error());
  }
  return std::make_shared<const Staple>(Staple{std::move(*text), *until});
}

void offer_staple(ssl_ctx_st* context, const Staple* (*find)(ssl_st*)) {
  SSL_CTX_set_tlsext_status_cb(context, answer_status);
  SSL_CTX_set_tlsext_status_arg(context, reinterpret_cast<void*>(find));  // NOLINT
}

}  // namespace microtome::host
