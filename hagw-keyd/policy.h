/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What may be signed with which key. Pure: bytes in, a verdict out. */

typedef enum KeyPurpose {
        KEY_PURPOSE_TLS,
        KEY_PURPOSE_ACCOUNT,
        _KEY_PURPOSE_MAX,
        _KEY_PURPOSE_INVALID = -EINVAL,
} KeyPurpose;

typedef enum KeyAlgorithm {
        KEY_ECDSA_P256,
        KEY_ECDSA_P384,
        KEY_RSA_2048,
        KEY_RSA_3072,
        KEY_RSA_4096,
        _KEY_ALGORITHM_MAX,
        _KEY_ALGORITHM_INVALID = -EINVAL,
} KeyAlgorithm;

typedef enum Handshake {
        HANDSHAKE_NONE, /* not a handshake */
        HANDSHAKE_TLS12,
        HANDSHAKE_TLS13,
} Handshake;

/* The signature schemes of RFC 8446 section 4.2.3 that a server with one of our keys may use. */
typedef enum SignatureScheme {
        SCHEME_ECDSA_SECP256R1_SHA256,
        SCHEME_ECDSA_SECP384R1_SHA384,
        SCHEME_ECDSA_SECP521R1_SHA512,
        SCHEME_RSA_PSS_RSAE_SHA256,
        SCHEME_RSA_PSS_RSAE_SHA384,
        SCHEME_RSA_PSS_RSAE_SHA512,
        SCHEME_RSA_PKCS1_SHA256,
        SCHEME_RSA_PKCS1_SHA384,
        SCHEME_RSA_PKCS1_SHA512,
        _SIGNATURE_SCHEME_MAX,
        _SIGNATURE_SCHEME_INVALID = -EINVAL,
} SignatureScheme;

const char *key_purpose_to_string(KeyPurpose p);
KeyPurpose key_purpose_from_string(const char *s);
const char *key_algorithm_to_string(KeyAlgorithm a);
KeyAlgorithm key_algorithm_from_string(const char *s);
bool key_algorithm_is_rsa(KeyAlgorithm a);
SignatureScheme signature_scheme_from_string(const char *s);

/* What a server signs: CertificateVerify's content (RFC 8446 section 4.4.3) or client_random, server_random
 * and ServerECDHParams (RFC 8422 section 5.4). Everything else is HANDSHAKE_NONE, above all what a
 * certificate authority would take for our word: the DER of a certificate or request, a JWS. */
Handshake policy_classify(const void *data, size_t size);

/* True where a key of this algorithm may sign that handshake under that scheme. */
bool policy_scheme_fits(SignatureScheme scheme, KeyAlgorithm algorithm, Handshake handshake);
