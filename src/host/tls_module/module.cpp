// SPDX-License-Identifier: Apache-2.0
// microtome-host-tls.so: OpenSSL's functions, in a module that is loaded when they are needed.
#include "host/openssl_functions.hpp"

#define MICROTOME_ENTER(name) &::name,
extern "C" __attribute__((visibility("default"))) const microtome::host::OpenSslFunctions microtome_openssl{
    sizeof(microtome::host::OpenSslFunctions), MICROTOME_OPENSSL_FUNCTIONS(MICROTOME_ENTER)};
