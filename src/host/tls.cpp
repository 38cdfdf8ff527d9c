// SPDX-License-Identifier: Apache-2.0
#include "host/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <utility>

#include "host/directives.hpp"
#include "host/openssl_library.hpp"

namespace microtome::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookAgain = 1s;  // files of certificates are looked at so often, at most

// What OpenSSL has to say; its queue is empty afterwards.
std::string openssl_error() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (reason != nullptr && text.find(reason) == std::string::npos) {
      text += (text.empty() ? "" : ", ") + std::string(reason);
    }
  }
  return text.empty() ? "unknown error" : text;
}

std::string stamp(const std::string& path) {
  struct stat state{};
  if (path.empty() || stat(path.c_str(), &state) != 0) {
    return "-";
  }
  return std::to_string(state.st_ino) + '.' + std::to_string(state.st_size) + '.' +
         std::to_string(state.st_mtim.tv_sec) + '.' + std::to_string(state.st_mtim.tv_nsec);
}

const std::string& key_file(const RequestSettings& settings) {
  return settings.tls_key.empty() ? settings.tls_certificate : settings.tls_key;
}

std::string stamps(const RequestSettings& settings) {
  return stamp(settings.tls_certificate) + '/' + stamp(key_file(settings)) + '/' + stamp(settings.tls_chain) + '/' +
         stamp(settings.tls_client_ca) + '/' + stamp(settings.tls_staple);
}

// Equal for equal contexts.
std::string key_of(const RequestSettings& settings) {
  std::string key = settings.tls_certificate + '\n' + settings.tls_key + '\n' + settings.tls_chain + '\n' +
                    settings.tls_ciphers + '\n' + settings.tls_client_ca + '\n' + settings.tls_staple + '\n' +
                    (settings.tls_verify_client ? 'v' : '-') + (settings.tls_enforce_client ? 'e' : '-') +
                    (settings.tls_server_order ? 'o' : '-');
  if (settings.tls_commands) {
    for (const auto& [name, value] : *settings.tls_commands) {
      key.append("\n").append(name).append("=").append(value);
    }
  }
  return key;
}

// "h2" and "http/1.1" by what the client offers; `h2` says whether we do.
int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void* h2) {
  static constexpr unsigned char kOurs[] = "\x02h2\x08http/1.1";
  constexpr unsigned kH2 = 3;  // bytes of the first entry
  const bool with = h2 != nullptr;
  const unsigned char* ours = with ? kOurs : kOurs + kH2;
  const unsigned size = sizeof kOurs - 1 - (with ? 0 : kH2);
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, ours, size, offered, offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// lighttpd's ssl.openssl.ssl-conf-cmd: MinProtocol, CipherString, Options, ... (SSL_CONF_cmd(3), "file" commands).
Result<void> run_commands(SSL_CTX* context, const RequestSettings& settings) {
  if (!settings.tls_commands) {
    return {};
  }
  SSL_CONF_CTX* commands = SSL_CONF_CTX_new();
  SSL_CONF_CTX_set_flags(
      commands, SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER | SSL_CONF_FLAG_SHOW_ERRORS | SSL_CONF_FLAG_CERTIFICATE);
  SSL_CONF_CTX_set_ssl_ctx(commands, context);
  Result<void> result;
  for (const auto& [name, value] : *settings.tls_commands) {
    if (SSL_CONF_cmd(commands, name.c_str(), value.c_str()) <= 0) {
      std::string what = "ssl.openssl.ssl-conf-cmd: \"";
      what.append(name).append("\" => \"").append(value).append("\": ").append(openssl_error());
      result = fail(Code::bad_request, std::move(what));
      break;
    }
  }
  if (result && SSL_CONF_CTX_finish(commands) != 1) {
    result = fail(Code::bad_request, "ssl.openssl.ssl-conf-cmd: " + openssl_error());
  }
  SSL_CONF_CTX_free(commands);
  return result;
}

Result<void> add_chain(SSL_CTX* context, const std::string& path) {
  BIO* file = BIO_new_file(path.c_str(), "r");
  if (file == nullptr) {
    return fail(Code::bad_request, "ssl.ca-file: \"" + path + "\" cannot be read: " + openssl_error());
  }
  while (X509* certificate = PEM_read_bio_X509(file, nullptr, nullptr, nullptr)) {
    SSL_CTX_add0_chain_cert(context, certificate);
  }
  ERR_clear_error();  // the end of the file
  BIO_free(file);
  return {};
}

Result<void> want_client_certificate(SSL_CTX* context, const RequestSettings& settings) {
  const std::string& authorities = settings.tls_client_ca.empty() ? settings.tls_chain : settings.tls_client_ca;
  STACK_OF(X509_NAME)* names = authorities.empty() ? nullptr : SSL_load_client_CA_file(authorities.c_str());
  if (names == nullptr || SSL_CTX_load_verify_locations(context, authorities.c_str(), nullptr) != 1) {
    return fail(Code::bad_request, "ssl.verifyclient.activate needs ssl.verifyclient.ca-file: \"" + authorities +
                                       "\": " + openssl_error());
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (settings.tls_enforce_client ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  return {};
}

}  // namespace

bool TlsStore::secure(const std::string& socket) {
  const auto [place, fresh] = secure_.try_emplace(socket, false);
  if (fresh) {
    place->second = settings(socket, "")->tls;
  }
  return place->second;
}

SettingsPtr TlsStore::settings(const std::string& socket, std::string_view host) const {
  ConditionInput input;
  input.socket = socket;
  input.host = host;
  input.scheme = "https";
  const http::Headers none;
  input.headers = &none;
  return site_->settings(site_->conditions().evaluate(input).active);
}

Result<void> TlsStore::check(const std::vector<std::string>& sockets) {
  bool any = false;
  for (const std::string& socket : sockets) {
    if (secure(socket)) {
      any = true;
      if (const auto found = find(*settings(socket, "")); !found) {
        return fail(Code::bad_request, socket + ": " + found.error().message);
      }
    }
  }
  // Certificates of hosts: better a message now than a failing handshake one day.
  const auto& blocks = site_->tree().blocks;
  for (std::size_t i = 1; any && i < blocks.size(); ++i) {
    if (blocks[i].find("ssl.pemfile") != nullptr) {
      if (const auto found = find(*site_->settings({0, static_cast<int>(i)})); !found) {
        return pass(found.error());
      }
    }
  }
  return {};
}

Result<TlsStore::Identity> TlsStore::find(const RequestSettings& settings) {
  const std::string key = key_of(settings);
  const auto now = std::chrono::steady_clock::now();
  const auto kept = kept_.find(key);
  auto& looked = looked_[key];
  if (kept != kept_.end() && looked != decltype(now){} && now - looked < kLookAgain) {
    return kept->second.identity;
  }
  looked = now;
  const std::string seen = stamps(settings);
  if (kept != kept_.end() && kept->second.stamps == seen) {
    return kept->second.identity;
  }
  auto made = make(settings);
  if (made) {
    Identity identity{*made, nullptr};
    if (!settings.tls_staple.empty()) {
      // Without it, clients ask the authority themselves: no reason to serve nobody.
      auto staple = read_staple(settings.tls_staple, made->get());
      if (staple) {
        identity.staple = std::move(*staple);
      } else {
        log_.warning("ssl.stapling-file: \"" + settings.tls_staple + "\" is not used: " + staple.error().message);
      }
    }
    kept_[key] = {identity, seen};
    return identity;
  }
  if (kept == kept_.end()) {
    return pass(made.error());
  }
  // A renewal that is half written, or wrong: the old certificate is better than none.
  log_.error("the certificate stays as it was: " + made.error().message);
  kept->second.stamps = seen;
  return kept->second.identity;
}

Result<TlsStore::Context> TlsStore::make(const RequestSettings& settings) const {
  if (settings.tls_certificate.empty()) {
    return fail(Code::bad_request, "ssl.engine needs ssl.pemfile");
  }
  if (auto ready = load_openssl(); !ready) {
    return pass(ready.error());
  }
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) {
    return fail(Code::internal, "no TLS: " + openssl_error());
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         (settings.tls_server_order ? SSL_OP_CIPHER_SERVER_PREFERENCE : 0));
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  static constexpr unsigned char kName[] = "microtome-host";
  SSL_CTX_set_session_id_context(context.get(), kName, sizeof kName - 1);
  if (!settings.tls_ciphers.empty() && SSL_CTX_set_cipher_list(context.get(), settings.tls_ciphers.c_str()) != 1) {
    return fail(Code::bad_request, "ssl.cipher-list: " + openssl_error());
  }
  if (SSL_CTX_use_certificate_chain_file(context.get(), settings.tls_certificate.c_str()) != 1) {
    return fail(Code::bad_request, "ssl.pemfile: \"" + settings.tls_certificate + "\": " + openssl_error());
  }
  const std::string& key = key_file(settings);
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(Code::bad_request, "ssl.privkey: \"" + key + "\": " + openssl_error());
  }
  Result<void> more;
  if (!settings.tls_chain.empty()) {
    more = add_chain(context.get(), settings.tls_chain);
  }
  if (more && settings.tls_verify_client) {
    more = want_client_certificate(context.get(), settings);
  }
  if (more) {
    more = run_commands(context.get(), settings);
  }
  if (!more) {
    return pass(more.error());
  }
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, h2_ ? const_cast<unsigned char*>(kName) : nullptr);
  SSL_CTX_set_client_hello_cb(context.get(), &TlsSession::on_hello, nullptr);
  offer_staple(context.get(), &TlsSession::staple_of);
  return context;
}

std::unique_ptr<TlsSession> TlsStore::accept(int fd, const std::string& socket) {
  const auto identity = find(*settings(socket, ""));
  if (!identity) {
    log_.error(socket + ": " + identity.error().message);
    return nullptr;
  }
  SSL* ssl = SSL_new(identity->context.get());
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    log_.error(socket + ": " + openssl_error());
    return nullptr;
  }
  SSL_set_accept_state(ssl);
  std::unique_ptr<TlsSession> session(new TlsSession(ssl, shared_from_this(), socket));
  session->staple_ = identity->staple;
  return session;
}

}  // namespace microtome::host
