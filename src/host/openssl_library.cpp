// SPDX-License-Identifier: Apache-2.0
#include "host/openssl_library.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <string>

#include "host/openssl_functions.hpp"

namespace {

using microtome::host::OpenSslFunctions;

// The library's, once it is loaded: like the library itself, there is one in a process, and it is never unloaded.
const OpenSslFunctions* loaded = nullptr;  // NOLINT

// The directory of this program, with a slash.
std::string own_directory() {
  std::array<char, 4096> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  const std::string text(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return text.substr(0, text.rfind('/') + 1);
}

}  // namespace

namespace microtome::host {

Result<void> load_openssl() {
  if (loaded != nullptr) {
    return {};
  }
  std::string faults;
  // In the tree it was built in, in the bundle, and in the Debian package.
  for (const char* place : {"", "../lib/", "../lib/microtome/"}) {
    const std::string path = own_directory() + place + "microtome-host-tls.so";
    if (access(path.c_str(), F_OK) != 0) {
      continue;
    }
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    const auto* found =
        library == nullptr ? nullptr : static_cast<const OpenSslFunctions*>(dlsym(library, "microtome_openssl"));
    if (found != nullptr && found->size == sizeof(OpenSslFunctions)) {
      loaded = found;
      return {};
    }
    const char* fault = found == nullptr ? dlerror() : nullptr;
    faults += path + ": " + (fault != nullptr ? fault : "another version") + "; ";
  }
  return fail(Code::io, "TLS needs the module microtome-host-tls.so beside the program, and OpenSSL", faults);
}

}  // namespace microtome::host

// OpenSSL's own names, so that its macros and our calls need not know how it is loaded.
#define FORWARD(result, name, parameters, arguments) \
  extern "C" result name parameters {                \
    return loaded->name arguments;                   \
  }
// clang-format off
FORWARD(int, ASN1_INTEGER_cmp, (const ASN1_INTEGER* a, const ASN1_INTEGER* b), (a, b))
FORWARD(int, ASN1_TIME_diff, (int* a, int* b, const ASN1_TIME* c, const ASN1_TIME* d), (a, b, c, d))
FORWARD(int, BIO_free, (BIO* a), (a))
FORWARD(BIO*, BIO_new_file, (const char* a, const char* b), (a, b))
FORWARD(void*, CRYPTO_malloc, (std::size_t a, const char* b, int c), (a, b, c))
FORWARD(void, ERR_clear_error, (), ())
FORWARD(unsigned long, ERR_get_error, (), ())
FORWARD(unsigned long, ERR_peek_error, (), ())
FORWARD(const char*, ERR_reason_error_string, (unsigned long a), (a))
FORWARD(void, OCSP_BASICRESP_free, (OCSP_BASICRESP* a), (a))
FORWARD(void, OCSP_RESPONSE_free, (OCSP_RESPONSE* a), (a))
FORWARD(const OCSP_CERTID*, OCSP_SINGLERESP_get0_id, (const OCSP_SINGLERESP* a), (a))
FORWARD(int, OCSP_id_get0_info, (ASN1_OCTET_STRING** a, ASN1_OBJECT** b, ASN1_OCTET_STRING** c, ASN1_INTEGER** d, OCSP_CERTID* e), (a, b, c, d, e))
FORWARD(int, OCSP_resp_count, (OCSP_BASICRESP* a), (a))
FORWARD(OCSP_SINGLERESP*, OCSP_resp_get0, (OCSP_BASICRESP* a, int b), (a, b))
FORWARD(OCSP_BASICRESP*, OCSP_response_get1_basic, (OCSP_RESPONSE* a), (a))
FORWARD(int, OCSP_response_status, (OCSP_RESPONSE* a), (a))
FORWARD(int, OCSP_single_get0_status, (OCSP_SINGLERESP* a, int* b, ASN1_GENERALIZEDTIME** c, ASN1_GENERALIZEDTIME** d, ASN1_GENERALIZEDTIME** e), (a, b, c, d, e))
FORWARD(X509*, PEM_read_bio_X509, (BIO* a, X509** b, pem_password_cb* c, void* d), (a, b, c, d))
FORWARD(int, SSL_CONF_CTX_finish, (SSL_CONF_CTX* a), (a))
FORWARD(void, SSL_CONF_CTX_free, (SSL_CONF_CTX* a), (a))
FORWARD(SSL_CONF_CTX*, SSL_CONF_CTX_new, (), ())
FORWARD(unsigned, SSL_CONF_CTX_set_flags, (SSL_CONF_CTX* a, unsigned b), (a, b))
FORWARD(void, SSL_CONF_CTX_set_ssl_ctx, (SSL_CONF_CTX* a, SSL_CTX* b), (a, b))
FORWARD(int, SSL_CONF_cmd, (SSL_CONF_CTX* a, const char* b, const char* c), (a, b, c))
FORWARD(long, SSL_CTX_callback_ctrl, (SSL_CTX* a, int b, void (*c)()), (a, b, c))
FORWARD(int, SSL_CTX_check_private_key, (const SSL_CTX* a), (a))
FORWARD(long, SSL_CTX_ctrl, (SSL_CTX* a, int b, long c, void* d), (a, b, c, d))
FORWARD(void, SSL_CTX_free, (SSL_CTX* a), (a))
FORWARD(X509*, SSL_CTX_get0_certificate, (const SSL_CTX* a), (a))
FORWARD(STACK_OF(X509_NAME)*, SSL_CTX_get_client_CA_list, (const SSL_CTX* a), (a))
FORWARD(int, SSL_CTX_get_verify_mode, (const SSL_CTX* a), (a))
FORWARD(int, SSL_CTX_load_verify_locations, (SSL_CTX* a, const char* b, const char* c), (a, b, c))
FORWARD(SSL_CTX*, SSL_CTX_new, (const SSL_METHOD* a), (a))
FORWARD(void, SSL_CTX_set_alpn_select_cb, (SSL_CTX* a, SSL_CTX_alpn_select_cb_func b, void* c), (a, b, c))
FORWARD(int, SSL_CTX_set_cipher_list, (SSL_CTX* a, const char* b), (a, b))
FORWARD(void, SSL_CTX_set_client_CA_list, (SSL_CTX* a, STACK_OF(X509_NAME) * b), (a, b))
FORWARD(void, SSL_CTX_set_client_hello_cb, (SSL_CTX* a, SSL_client_hello_cb_fn b, void* c), (a, b, c))
FORWARD(uint64_t, SSL_CTX_set_options, (SSL_CTX* a, uint64_t b), (a, b))
FORWARD(int, SSL_CTX_set_session_id_context, (SSL_CTX* a, const unsigned char* b, unsigned c), (a, b, c))
FORWARD(void, SSL_CTX_set_verify, (SSL_CTX* a, int b, SSL_verify_cb c), (a, b, c))
FORWARD(int, SSL_CTX_use_PrivateKey_file, (SSL_CTX* a, const char* b, int c), (a, b, c))
FORWARD(int, SSL_CTX_use_certificate_chain_file, (SSL_CTX* a, const char* b), (a, b))
FORWARD(int, SSL_client_hello_get0_ext, (SSL* a, unsigned b, const unsigned char** c, std::size_t* d), (a, b, c, d))
FORWARD(long, SSL_ctrl, (SSL* a, int b, long c, void* d), (a, b, c, d))
FORWARD(int, SSL_do_handshake, (SSL* a), (a))
FORWARD(STACK_OF(X509_NAME)*, SSL_dup_CA_list, (const STACK_OF(X509_NAME) * a), (a))
FORWARD(void, SSL_free, (SSL* a), (a))
FORWARD(void, SSL_get0_alpn_selected, (const SSL* a, const unsigned char** b, unsigned* c), (a, b, c))
FORWARD(X509*, SSL_get0_peer_certificate, (const SSL* a), (a))
FORWARD(int, SSL_get_error, (const SSL* a, int b), (a, b))
FORWARD(void*, SSL_get_ex_data, (const SSL* a, int b), (a, b))
FORWARD(long, SSL_get_verify_result, (const SSL* a), (a))
FORWARD(const char*, SSL_get_version, (const SSL* a), (a))
FORWARD(STACK_OF(X509_NAME)*, SSL_load_client_CA_file, (const char* a), (a))
FORWARD(SSL*, SSL_new, (SSL_CTX* a), (a))
FORWARD(int, SSL_read_ex, (SSL* a, void* b, std::size_t c, std::size_t* d), (a, b, c, d))
FORWARD(int, SSL_select_next_proto, (unsigned char** a, unsigned char* b, const unsigned char* c, unsigned d, const unsigned char* e, unsigned f), (a, b, c, d, e, f))
FORWARD(SSL_CTX*, SSL_set_SSL_CTX, (SSL* a, SSL_CTX* b), (a, b))
FORWARD(void, SSL_set_accept_state, (SSL* a), (a))
FORWARD(void, SSL_set_client_CA_list, (SSL* a, STACK_OF(X509_NAME) * b), (a, b))
FORWARD(int, SSL_set_ex_data, (SSL* a, int b, void* c), (a, b, c))
FORWARD(int, SSL_set_fd, (SSL* a, int b), (a, b))
FORWARD(void, SSL_set_verify, (SSL* a, int b, SSL_verify_cb c), (a, b, c))
FORWARD(int, SSL_shutdown, (SSL* a), (a))
FORWARD(int, SSL_write_ex, (SSL* a, const void* b, std::size_t c, std::size_t* d), (a, b, c, d))
FORWARD(const SSL_METHOD*, TLS_server_method, (), ())
FORWARD(const ASN1_INTEGER*, X509_get0_serialNumber, (const X509* a), (a))
FORWARD(OCSP_RESPONSE*, d2i_OCSP_RESPONSE, (OCSP_RESPONSE** a, const unsigned char** b, long c), (a, b, c))
// clang-format on
#undef FORWARD
