// SPDX-License-Identifier: Apache-2.0
// TLS by OpenSSL. TlsStore: certificates by the configuration, chosen by the name that a client asks for (SNI), read
// again when their files change. TlsSession: one connection's encryption over its non-blocking socket. Loop thread
// only.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "host/settings.hpp"
#include "host/tls_staple.hpp"
#include "net/send_queue.hpp"

// OpenSSL's, so that its headers stay out of ours.
struct ssl_ctx_st;
struct ssl_st;

namespace microtome::host {

class TlsStore;

class TlsSession {
 public:
  enum class Step {
    done,
    want_read,
    want_write,
    plain_http,  // the client speaks HTTP without TLS
    ended,       // the client has closed
    failed
  };
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Until done, whenever the socket is ready for what it wants.
  Step handshake();
  Step read(std::span<char> to, std::size_t& got);
  // Encrypts and sends; like SendQueue::flush().
  net::SendQueue::Status flush(net::SendQueue& queue, std::size_t budget = 1 << 20);
  // True when flush() stopped for the sake of others, and not because the socket is full.
  [[nodiscard]] bool budget_spent() const { return budget_spent_; }
  // Tells the client that nothing will follow.
  void say_goodbye();
  // "h2", "http/1.1" or "".
  [[nodiscard]] std::string_view protocol() const;
  // The client has shown a certificate that its CA has signed.
  [[nodiscard]] bool client_verified() const;
  // "TLSv1.3"; for logs.
  [[nodiscard]] std::string version() const;

 private:
  friend class TlsStore;
  TlsSession(ssl_st* ssl, std::shared_ptr<TlsStore> store, std::string socket);
  static int on_hello(ssl_st* ssl, int* alert, void* unused);
  static const Staple* staple_of(ssl_st* ssl);
  Step step_of(int result);

  ssl_st* ssl_;
  std::shared_ptr<TlsStore> store_;
  std::string socket_;
  StaplePtr staple_;     // of the certificate that is shown
  std::string pending_;  // taken from a queue and not yet encrypted
  std::size_t written_ = 0;
  bool budget_spent_ = false;
};

class TlsStore : public std::enable_shared_from_this<TlsStore> {
 public:
  TlsStore(std::shared_ptr<Site> site, bool h2, Log log) : site_(std::move(site)), h2_(h2), log_(std::move(log)) {}

  // Whether connections to this listening address are encrypted (ssl.engine).
  [[nodiscard]] bool secure(const std::string& socket);
  // Reads all certificates that are named. Code::bad_request with what is wrong.
  [[nodiscard]] Result<void> check(const std::vector<std::string>& sockets);
  // Null when the session cannot be made: the reason is in the log.
  [[nodiscard]] std::unique_ptr<TlsSession> accept(int fd, const std::string& socket);
  // Looks at the files at the next handshake.
  void refresh() { looked_.clear(); }

 private:
  friend class TlsSession;
  using Context = std::shared_ptr<ssl_ctx_st>;
  struct Identity {
    Context context;
    StaplePtr staple;  // null: none
  };
  struct Kept {
    Identity identity;
    std::string stamps;  // of the files it was read from
  };
  [[nodiscard]] SettingsPtr settings(const std::string& socket, std::string_view host) const;
  [[nodiscard]] Result<Identity> find(const RequestSettings& settings);
  [[nodiscard]] Result<Context> make(const RequestSettings& settings) const;

  std::shared_ptr<Site> site_;
  bool h2_;
  Log log_;
  std::unordered_map<std::string, Kept> kept_;                                     // by all settings that count
  std::unordered_map<std::string, std::chrono::steady_clock::time_point> looked_;  // when files were looked at
  std::unordered_map<std::string, bool> secure_;
};

}  // namespace microtome::host
