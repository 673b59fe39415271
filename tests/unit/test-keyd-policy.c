/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-keyd/policy.h"
#include "tests/unit/test.h"

#define CONTEXT "TLS 1.3, server CertificateVerify"

static size_t make_tls13(uint8_t *out, const char *context, size_t hash) {
        memset(out, 0x20, 64);
        memcpy(out + 64, context, strlen(context) + 1);
        memset(out + 65 + strlen(context), 0x30, hash);
        return 65 + strlen(context) + hash;
}

static size_t make_tls12(uint8_t *out, uint16_t curve, size_t point) {
        memset(out, 0x41, 64);
        memcpy(out + 64,
               (const uint8_t[]) { 3, (uint8_t) (curve >> 8), (uint8_t) curve, (uint8_t) point, 4 }, 5);
        memset(out + 69, 0x7f, point - 1);
        return 68 + point;
}

static void test_tls13(void **state) {
        uint8_t b[256];

        assert_int_equal(policy_classify(b, make_tls13(b, CONTEXT, 32)), HANDSHAKE_TLS13);
        assert_int_equal(policy_classify(b, make_tls13(b, CONTEXT, 48)), HANDSHAKE_TLS13);
        /* No cipher suite of TLS 1.3 hashes to these. */
        assert_int_equal(policy_classify(b, make_tls13(b, CONTEXT, 64)), HANDSHAKE_NONE);
        assert_int_equal(policy_classify(b, make_tls13(b, CONTEXT, 31)), HANDSHAKE_NONE);
        assert_int_equal(policy_classify(b, make_tls13(b, CONTEXT, 33)), HANDSHAKE_NONE);
        assert_int_equal(policy_classify(b, make_tls13(b, CONTEXT, 0)), HANDSHAKE_NONE);
        assert_int_equal(policy_classify(b, make_tls13(b, "TLS 1.3, client CertificateVerify", 32)),
                         HANDSHAKE_NONE);
        for (size_t i = 0; i < 64 + sizeof(CONTEXT); i++) {
                size_t n = make_tls13(b, CONTEXT, 32);

                b[i] ^= 1;
                assert_int_equal(policy_classify(b, n), HANDSHAKE_NONE);
        }
        assert_int_equal(policy_classify(b, 0), HANDSHAKE_NONE);
}

static void test_tls12(void **state) {
        static const struct {
                uint16_t curve;
                size_t point;
        } good[] = { { 23, 65 }, { 24, 97 }, { 25, 133 }, { 29, 32 }, { 30, 56 } };
        uint8_t b[512];
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                n = make_tls12(b, good[i].curve, good[i].point);
                assert_int_equal(policy_classify(b, n), HANDSHAKE_TLS12);
                assert_int_equal(policy_classify(b, n + 1), HANDSHAKE_NONE);
                for (size_t cut = 0; cut < n; cut++)
                        assert_int_equal(policy_classify(b, cut), HANDSHAKE_NONE);
        }
        assert_int_equal(policy_classify(b, make_tls12(b, 23, 33)), HANDSHAKE_NONE);
        assert_int_equal(policy_classify(b, make_tls12(b, 22, 65)), HANDSHAKE_NONE);
        n = make_tls12(b, 23, 65);
        b[68] = 2; /* compressed */
        assert_int_equal(policy_classify(b, n), HANDSHAKE_NONE);
        n = make_tls12(b, 23, 65);
        b[64] = 1; /* explicit_prime */
        assert_int_equal(policy_classify(b, n), HANDSHAKE_NONE);
}

/* A compromised hagw-proxyd chooses all bytes: what a certificate authority would read must not pass. */
static void test_certificates_request(void **state) {
        uint8_t b[256];
        size_t n;

        /* SEQUENCE { INTEGER 0, OCTET STRING that holds what looks like ServerECDHParams } */
        n = make_tls12(b, 29, 32);
        assert_int_equal(n, 100);
        memcpy(b, (const uint8_t[]) { 0x30, 98, 0x02, 1, 0, 0x04, 93 }, 7);
        assert_int_equal(policy_classify(b, n), HANDSHAKE_NONE);
        b[6] = 92; /* the elements no longer fill it: only random bytes look like that */
        assert_int_equal(policy_classify(b, n), HANDSHAKE_TLS12);
        /* The same with a long length, as DER wants above 127 bytes, and as BER allows. */
        n = make_tls12(b, 23, 65);
        assert_int_equal(n, 133);
        memcpy(b, (const uint8_t[]) { 0x30, 0x81, 130, 0x04, 0x81, 127 }, 6);
        assert_int_equal(policy_classify(b, n), HANDSHAKE_NONE);
        memcpy(b, (const uint8_t[]) { 0x30, 0x83, 0, 0, 128, 0x04, 126 }, 7);
        assert_int_equal(policy_classify(b, n), HANDSHAKE_NONE);
        memcpy(b, (const uint8_t[]) { 0x30, 0x80, 0x04, 0x81, 128 }, 5);
        assert_int_equal(policy_classify(b, n), HANDSHAKE_NONE);
}

static void test_jws(void **state) {
        static const size_t lengths[] = { 100, 124, 130, 133, 146, 165, 201 };
        char text[256];

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                memset(text, 'A', sizeof(text));
                memcpy(text, "eyJhbGciOiJFUzI1NiJ9.", 21);
                assert_int_equal(policy_classify(text, lengths[i]), HANDSHAKE_NONE);
        }
}

static void test_schemes(void **state) {
        const struct {
                const char *scheme;
                KeyAlgorithm algorithm;
                bool tls12, tls13;
        } cases[] = {
                { "ecdsa_secp256r1_sha256", KEY_ECDSA_P256, true, true },
                { "ecdsa_secp256r1_sha256", KEY_ECDSA_P384, true, false },
                { "ecdsa_secp384r1_sha384", KEY_ECDSA_P384, true, true },
                { "ecdsa_secp384r1_sha384", KEY_ECDSA_P256, true, false },
                { "ecdsa_secp521r1_sha512", KEY_ECDSA_P256, true, false },
                { "ecdsa_secp256r1_sha256", KEY_RSA_2048, false, false },
                { "rsa_pss_rsae_sha256", KEY_RSA_2048, true, true },
                { "rsa_pss_rsae_sha512", KEY_RSA_4096, true, true },
                { "rsa_pkcs1_sha256", KEY_RSA_3072, true, false },
                { "rsa_pss_rsae_sha256", KEY_ECDSA_P256, false, false },
                { "rsa_pkcs1_sha1", KEY_RSA_2048, false, false },
                { "ed25519", KEY_ECDSA_P256, false, false },
                { "", KEY_ECDSA_P256, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                SignatureScheme s = signature_scheme_from_string(cases[i].scheme);

                assert_int_equal(policy_scheme_fits(s, cases[i].algorithm, HANDSHAKE_TLS12), cases[i].tls12);
                assert_int_equal(policy_scheme_fits(s, cases[i].algorithm, HANDSHAKE_TLS13), cases[i].tls13);
                assert_false(policy_scheme_fits(s, cases[i].algorithm, HANDSHAKE_NONE));
        }
}

static void test_names(void **state) {
        for (int i = 0; i < _KEY_ALGORITHM_MAX; i++)
                assert_int_equal(key_algorithm_from_string(key_algorithm_to_string(i)), i);
        for (int i = 0; i < _KEY_PURPOSE_MAX; i++)
                assert_int_equal(key_purpose_from_string(key_purpose_to_string(i)), i);
        assert_int_equal(key_algorithm_from_string("rsa-1024"), _KEY_ALGORITHM_INVALID);
        assert_int_equal(key_purpose_from_string(""), _KEY_PURPOSE_INVALID);
        assert_null(key_purpose_to_string(_KEY_PURPOSE_INVALID));
}

TEST_MAIN(cmocka_unit_test(test_tls13), cmocka_unit_test(test_tls12),
          cmocka_unit_test(test_certificates_request), cmocka_unit_test(test_jws),
          cmocka_unit_test(test_schemes), cmocka_unit_test(test_names))
