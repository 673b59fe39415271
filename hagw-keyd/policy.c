/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may be signed with which key. */

#include "hagw-keyd/policy.h"

#define TLS13_PADDING 64U
#define TLS12_RANDOMS 64U /* client_random and server_random, 32 bytes each */
#define DER_SEQUENCE 0x30
#define EC_CURVE_TYPE_NAMED 3

static const char *const purposes[_KEY_PURPOSE_MAX] = {
        [KEY_PURPOSE_TLS] = "tls",
        [KEY_PURPOSE_ACCOUNT] = "account",
};

static const char *const algorithms[_KEY_ALGORITHM_MAX] = {
        [KEY_ECDSA_P256] = "ecdsa-p256", [KEY_ECDSA_P384] = "ecdsa-p384", [KEY_RSA_2048] = "rsa-2048",
        [KEY_RSA_3072] = "rsa-3072",     [KEY_RSA_4096] = "rsa-4096",
};

/* tls13: the one algorithm that RFC 8446 ties an ECDSA scheme to; TLS 1.2 reads the same code as hash and
 * ECDSA, with any curve (RFC 5246 section 7.4.1.4.1). PKCS#1 v1.5 signs no TLS 1.3 handshake. */
static const struct {
        const char *name;
        bool rsa, tls13;
        KeyAlgorithm ecdsa;
} schemes[_SIGNATURE_SCHEME_MAX] = {
        [SCHEME_ECDSA_SECP256R1_SHA256] = { "ecdsa_secp256r1_sha256", false, true, KEY_ECDSA_P256 },
        [SCHEME_ECDSA_SECP384R1_SHA384] = { "ecdsa_secp384r1_sha384", false, true, KEY_ECDSA_P384 },
        [SCHEME_ECDSA_SECP521R1_SHA512] = { "ecdsa_secp521r1_sha512", false, false, _KEY_ALGORITHM_INVALID },
        [SCHEME_RSA_PSS_RSAE_SHA256] = { "rsa_pss_rsae_sha256", true, true, _KEY_ALGORITHM_INVALID },
        [SCHEME_RSA_PSS_RSAE_SHA384] = { "rsa_pss_rsae_sha384", true, true, _KEY_ALGORITHM_INVALID },
        [SCHEME_RSA_PSS_RSAE_SHA512] = { "rsa_pss_rsae_sha512", true, true, _KEY_ALGORITHM_INVALID },
        [SCHEME_RSA_PKCS1_SHA256] = { "rsa_pkcs1_sha256", true, false, _KEY_ALGORITHM_INVALID },
        [SCHEME_RSA_PKCS1_SHA384] = { "rsa_pkcs1_sha384", true, false, _KEY_ALGORITHM_INVALID },
        [SCHEME_RSA_PKCS1_SHA512] = { "rsa_pkcs1_sha512", true, false, _KEY_ALGORITHM_INVALID },
};

/* Named groups of RFC 8422 section 5.1.1 and the exact length of a point; uncompressed points start with 4.
 */
static const struct {
        uint16_t code;
        uint8_t point_size;
        bool uncompressed;
} curves[] = {
        { 23, 65, true }, { 24, 97, true }, { 25, 133, true }, { 29, 32, false }, { 30, 56, false },
};

static int string_find(const char *const *table, size_t n, const char *s) {
        for (size_t i = 0; i < n; i++)
                if (streq(table[i], s))
                        return (int) i;
        return -EINVAL;
}

const char *key_purpose_to_string(KeyPurpose p) {
        return p >= 0 && p < _KEY_PURPOSE_MAX ? purposes[p] : NULL;
}

KeyPurpose key_purpose_from_string(const char *s) {
        return string_find(purposes, ELEMENTSOF(purposes), s);
}

const char *key_algorithm_to_string(KeyAlgorithm a) {
        return a >= 0 && a < _KEY_ALGORITHM_MAX ? algorithms[a] : NULL;
}

KeyAlgorithm key_algorithm_from_string(const char *s) {
        return string_find(algorithms, ELEMENTSOF(algorithms), s);
}

bool key_algorithm_is_rsa(KeyAlgorithm a) {
        return a >= KEY_RSA_2048 && a < _KEY_ALGORITHM_MAX;
}

SignatureScheme signature_scheme_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
                if (streq(schemes[i].name, s))
                        return (SignatureScheme) i;
        return _SIGNATURE_SCHEME_INVALID;
}

bool policy_scheme_fits(SignatureScheme scheme, KeyAlgorithm algorithm, Handshake handshake) {
        if (scheme < 0 || scheme >= _SIGNATURE_SCHEME_MAX || handshake == HANDSHAKE_NONE)
                return false;
        if (schemes[scheme].rsa != key_algorithm_is_rsa(algorithm))
                return false;
        if (handshake == HANDSHAKE_TLS12)
                return true;
        return schemes[scheme].tls13 && (schemes[scheme].rsa || schemes[scheme].ecdsa == algorithm);
}

static bool is_tls13(const uint8_t *p, size_t size) {
        static const char context[] = "TLS 1.3, server CertificateVerify"; /* the NUL is the separator */
        const size_t head = TLS13_PADDING + sizeof(context);

        /* The transcript's hash is the cipher suite's, not the scheme's: SHA-256 or SHA-384 (RFC 8446
         * appendix B.4). */
        if (size != head + 32 && size != head + 48)
                return false;
        for (size_t i = 0; i < TLS13_PADDING; i++)
                if (p[i] != 0x20)
                        return false;
        return memcmp(p + TLS13_PADDING, context, sizeof(context)) == 0;
}

/* Reads one BER tag and length. Returns the bytes of tag, length and content together, 0 where they do not
 * fit. An indefinite length reaches to the end. */
static size_t ber_element(const uint8_t *p, size_t size, size_t *ret_head) {
        size_t n, octets;

        if (size < 2)
                return 0;
        *ret_head = 2;
        if (p[1] < 0x80)
                return p[1] <= size - 2 ? 2U + p[1] : 0;
        octets = p[1] & 0x7FU;
        if (octets == 0)
                return size;
        if (octets > size - 2)
                return 0;
        n = 0;
        for (size_t i = 0; i < octets; i++) {
                n = n << 8 | p[2 + i];
                if (n > size)
                        return 0;
        }
        *ret_head = 2 + octets;
        return n <= size - *ret_head ? *ret_head + n : 0;
}

/* A SEQUENCE that spans everything and whose elements fill it exactly: every encoding of a TBSCertificate or
 * CertificationRequestInfo is one, and random bytes are one once in some ten million handshakes. */
static bool is_der_sequence(const uint8_t *p, size_t size) {
        size_t head, n;

        if (size == 0 || p[0] != DER_SEQUENCE || ber_element(p, size, &head) != size)
                return false;
        for (size_t i = head; i < size; i += n) {
                size_t inner;

                n = ber_element(p + i, size - i, &inner);
                if (n == 0)
                        return false;
        }
        return true;
}

static bool is_tls12(const uint8_t *p, size_t size) {
        const uint8_t *params = p + TLS12_RANDOMS;

        /* curve_type, namedcurve, length of the point. A JWS cannot get here: curve_type is no letter of
         * base64url. */
        if (size < TLS12_RANDOMS + 4 || params[0] != EC_CURVE_TYPE_NAMED)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(curves); i++) {
                if (curves[i].code != (params[1] << 8 | params[2]))
                        continue;
                return params[3] == curves[i].point_size &&
                       size == TLS12_RANDOMS + 4 + curves[i].point_size &&
                       (!curves[i].uncompressed || params[4] == 4) && !is_der_sequence(p, size);
        }
        return false;
}

Handshake policy_classify(const void *data, size_t size) {
        if (is_tls13(data, size))
                return HANDSHAKE_TLS13;
        return is_tls12(data, size) ? HANDSHAKE_TLS12 : HANDSHAKE_NONE;
}
