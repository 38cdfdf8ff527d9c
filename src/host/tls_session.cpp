// SPDX-License-Identifier: Apache-2.0
// One connection's encryption. Part of tls.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

#include "host/tls.hpp"

namespace microtome::host {
namespace {

using Status = net::SendQueue::Status;

constexpr std::size_t kRecord = 16 * 1024;  // the largest TLS record

// The host that a ClientHello names (RFC 6066 section 3), or "".
std::string name_in_hello(SSL* ssl) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1 || size < 5) {
    return {};
  }
  const auto number = [bytes](std::size_t at) { return static_cast<std::size_t>(bytes[at] << 8 | bytes[at + 1]); };
  const std::size_t length = number(3);
  if (number(0) != size - 2 || bytes[2] != TLSEXT_NAMETYPE_host_name || length > size - 5 ||
      length > TLSEXT_MAXLEN_host_name) {
    return {};
  }
  return {reinterpret_cast<const char*>(bytes) + 5, length};
}

}  // namespace

TlsSession::TlsSession(ssl_st* ssl, std::shared_ptr<TlsStore> store, std::string socket)
    : ssl_(ssl), store_(std::move(store)), socket_(std::move(socket)) {
  SSL_set_app_data(ssl_, this);
}

TlsSession::~TlsSession() {
  SSL_free(ssl_);
}

// The client's ClientHello names a host: its certificate is taken, and its versions, before any is agreed on.
int TlsSession::on_hello(ssl_st* ssl, int* /*alert*/, void* /*unused*/) {
  auto* session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  std::string host = name_in_hello(ssl);
  if (session == nullptr || host.empty()) {
    return SSL_CLIENT_HELLO_SUCCESS;
  }
  std::ranges::transform(host, host.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  const auto settings = session->store_->settings(session->socket_, host);
  const auto identity = session->store_->find(*settings);
  if (!identity) {
    session->store_->log_.error(host + ": " + identity.error().message);
    return SSL_CLIENT_HELLO_ERROR;
  }
  const TlsStore::Context& context = identity->context;
  session->staple_ = identity->staple;
  SSL_set_SSL_CTX(ssl, context.get());
  // These are not taken over by SSL_set_SSL_CTX().
  SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context.get()), nullptr);
  SSL_set_min_proto_version(ssl, SSL_CTX_get_min_proto_version(context.get()));
  SSL_set_max_proto_version(ssl, SSL_CTX_get_max_proto_version(context.get()));
  SSL_set_client_CA_list(ssl, SSL_dup_CA_list(SSL_CTX_get_client_CA_list(context.get())));
  return SSL_CLIENT_HELLO_SUCCESS;
}

// For a client that asks what the authority says about the certificate.
const Staple* TlsSession::staple_of(ssl_st* ssl) {
  const auto* session = static_cast<const TlsSession*>(SSL_get_app_data(ssl));
  return session != nullptr ? session->staple_.get() : nullptr;
}

TlsSession::Step TlsSession::step_of(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Step::want_read;
    case SSL_ERROR_WANT_WRITE:
      return Step::want_write;
    case SSL_ERROR_ZERO_RETURN:
      return Step::ended;
    case SSL_ERROR_SSL: {
      const int reason = ERR_GET_REASON(ERR_peek_error());
      ERR_clear_error();
      // A client that leaves without a word, as many do; whether its request was whole, HTTP knows.
      return reason == SSL_R_UNEXPECTED_EOF_WHILE_READING ? Step::ended
             : reason == SSL_R_HTTP_REQUEST               ? Step::plain_http
                                                          : Step::failed;
    }
    default:
      ERR_clear_error();
      return Step::failed;
  }
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? Step::done : step_of(result);
}

TlsSession::Step TlsSession::read(std::span<char> to, std::size_t& got) {
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_, to.data(), to.size(), &got);
  return result == 1 ? Step::done : step_of(result);
}

Status TlsSession::flush(net::SendQueue& queue, std::size_t budget) {
  std::size_t spent = 0;
  budget_spent_ = false;
  while (true) {
    if (pending_.size() == written_) {
      if (spent >= budget) {
        budget_spent_ = true;
        return Status::blocked;
      }
      pending_.resize(kRecord);
      written_ = 0;
      std::size_t got = 0;
      const Status status = queue.pull(pending_, got);
      pending_.resize(got);
      if (got == 0) {
        std::string().swap(pending_);
        return status;
      }
    }
    ERR_clear_error();
    std::size_t sent = 0;
    if (SSL_write_ex(ssl_, pending_.data() + written_, pending_.size() - written_, &sent) != 1) {
      const Step step = step_of(0);
      return step == Step::want_write || step == Step::want_read ? Status::blocked : Status::gone;
    }
    written_ += sent;
    spent += sent;
  }
}

void TlsSession::say_goodbye() {
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::string_view TlsSession::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

bool TlsSession::client_verified() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  return certificate != nullptr && SSL_get_verify_result(ssl_) == X509_V_OK;
}

std::string TlsSession::version() const {
  return SSL_get_version(ssl_);
}

}  // namespace microtome::host
