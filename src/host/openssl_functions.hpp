// SPDX-License-Identifier: Apache-2.0
// The functions of OpenSSL that TLS needs. They live in a module of their own (tls_module/), which links OpenSSL and
// is loaded when the first address is encrypted: its libraries would be a quarter of the memory of a host that never
// uses them. Everything else calls them by their own names; openssl_library.cpp passes the calls on.
#pragma once

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstddef>

namespace microtome::host {

#define MICROTOME_OPENSSL_FUNCTIONS(X)  \
  X(ASN1_INTEGER_cmp)                   \
  X(ASN1_TIME_diff)                     \
  X(BIO_free)                           \
  X(BIO_new_file)                       \
  X(CRYPTO_malloc)                      \
  X(ERR_clear_error)                    \
  X(ERR_get_error)                      \
  X(ERR_peek_error)                     \
  X(ERR_reason_error_string)            \
  X(OCSP_BASICRESP_free)                \
  X(OCSP_RESPONSE_free)                 \
  X(OCSP_SINGLERESP_get0_id)            \
  X(OCSP_id_get0_info)                  \
  X(OCSP_resp_count)                    \
  X(OCSP_resp_get0)                     \
  X(OCSP_response_get1_basic)           \
  X(OCSP_response_status)               \
  X(OCSP_single_get0_status)            \
  X(PEM_read_bio_X509)                  \
  X(SSL_CONF_CTX_finish)                \
  X(SSL_CONF_CTX_free)                  \
  X(SSL_CONF_CTX_new)                   \
  X(SSL_CONF_CTX_set_flags)             \
  X(SSL_CONF_CTX_set_ssl_ctx)           \
  X(SSL_CONF_cmd)                       \
  X(SSL_CTX_callback_ctrl)              \
  X(SSL_CTX_check_private_key)          \
  X(SSL_CTX_ctrl)                       \
  X(SSL_CTX_free)                       \
  X(SSL_CTX_get0_certificate)           \
  X(SSL_CTX_get_client_CA_list)         \
  X(SSL_CTX_get_verify_mode)            \
  X(SSL_CTX_load_verify_locations)      \
  X(SSL_CTX_new)                        \
  X(SSL_CTX_set_alpn_select_cb)         \
  X(SSL_CTX_set_cipher_list)            \
  X(SSL_CTX_set_client_CA_list)         \
  X(SSL_CTX_set_client_hello_cb)        \
  X(SSL_CTX_set_options)                \
  X(SSL_CTX_set_session_id_context)     \
  X(SSL_CTX_set_verify)                 \
  X(SSL_CTX_use_PrivateKey_file)        \
  X(SSL_CTX_use_certificate_chain_file) \
  X(SSL_client_hello_get0_ext)          \
  X(SSL_ctrl)                           \
  X(SSL_do_handshake)                   \
  X(SSL_dup_CA_list)                    \
  X(SSL_free)                           \
  X(SSL_get0_alpn_selected)             \
  X(SSL_get0_peer_certificate)          \
  X(SSL_get_error)                      \
  X(SSL_get_ex_data)                    \
  X(SSL_get_verify_result)              \
  X(SSL_get_version)                    \
  X(SSL_load_client_CA_file)            \
  X(SSL_new)                            \
  X(SSL_read_ex)                        \
  X(SSL_select_next_proto)              \
  X(SSL_set_SSL_CTX)                    \
  X(SSL_set_accept_state)               \
  X(SSL_set_client_CA_list)             \
  X(SSL_set_ex_data)                    \
  X(SSL_set_fd)                         \
  X(SSL_set_verify)                     \
  X(SSL_shutdown)                       \
  X(SSL_write_ex)                       \
  X(TLS_server_method)                  \
  X(X509_get0_serialNumber)             \
  X(d2i_OCSP_RESPONSE)

// What the module hands out as `microtome_openssl`.
struct OpenSslFunctions {
  std::size_t size;  // of this structure: a module of another version is not taken
#define MICROTOME_DECLARE(name) decltype(&::name) name;
  MICROTOME_OPENSSL_FUNCTIONS(MICROTOME_DECLARE)
#undef MICROTOME_DECLARE
};

}  // namespace microtome::host
