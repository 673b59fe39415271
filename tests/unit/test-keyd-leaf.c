/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <gnutls/x509.h>

#include "hagw-keyd/leaf.h"
#include "tests/unit/test.h"

static void make(Key *k, gnutls_datum_t *ret) {
        gnutls_x509_crt_t crt;

        assert_int_equal(gnutls_x509_crt_init(&crt), 0);
        assert_int_equal(gnutls_x509_crt_set_version(crt, 3), 0);
        assert_int_equal(gnutls_x509_crt_set_serial(crt, "\1", 1), 0);
        assert_int_equal(gnutls_x509_crt_set_activation_time(crt, 1), 0);
        assert_int_equal(gnutls_x509_crt_set_expiration_time(crt, 2), 0);
        assert_int_equal(gnutls_x509_crt_set_pubkey(crt, k->public_key), 0);
        assert_int_equal(gnutls_x509_crt_privkey_sign(crt, crt, k->private_key, key_digest(k), 0), 0);
        assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, ret), 0);
        gnutls_x509_crt_deinit(crt);
}

static void test_own(void **state) {
        for (int a = 0; a <= KEY_RSA_2048; a++) {
                _cleanup_(key_unrefp) Key *k = NULL;
                _cleanup_datum_ gnutls_datum_t der = {};
                char id[KEY_ID_SIZE + 1];

                assert_int_equal(key_generate(a, &k), 0);
                make(k, &der);
                assert_int_equal(leaf_parse(der.data, der.size, id), 0);
                assert_string_equal(id, k->id);
        }
}

static void test_length(void **state) {
        _cleanup_(key_unrefp) Key *k = NULL;
        _cleanup_datum_ gnutls_datum_t der = {};
        _cleanup_free_ uint8_t *longer = calloc(1, LEAF_MAX + 1);
        char id[KEY_ID_SIZE + 1];

        assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
        make(k, &der);
        memcpy(longer, der.data, der.size);
        assert_int_equal(leaf_parse(longer, der.size, id), 0);
        assert_int_equal(leaf_parse(longer, der.size + 1, id), -EBADMSG);
        assert_int_equal(leaf_parse(longer, LEAF_MAX + 1, id), -EBADMSG);
        for (size_t n = 0; n < der.size; n++)
                assert_int_equal(leaf_parse(der.data, n, id), -EBADMSG);
}

TEST_MAIN(cmocka_unit_test(test_own), cmocka_unit_test(test_length))
