// SHA-256 from OpenSSL's libcrypto.
#ifndef SKYDIFF_CCRYPTO_H
#define SKYDIFF_CCRYPTO_H

#include <openssl/evp.h>

#endif
