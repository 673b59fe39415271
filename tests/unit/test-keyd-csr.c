/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-keyd/csr.h"
#include "tests/unit/test.h"

static char apex[] = "home.example.com", wildcard[] = "*.home.example.com";
static char *const names[] = { apex, wildcard, NULL };

static void test_own(void **state) {
        for (int a = 0; a <= KEY_RSA_2048; a++) {
                _cleanup_(key_unrefp) Key *k = NULL;
                _cleanup_datum_ gnutls_datum_t der = {};
                _cleanup_csr_ gnutls_x509_crq_t crq = NULL;
                char id[KEY_ID_SIZE + 1];

                assert_int_equal(key_generate(a, &k), 0);
                assert_int_equal(csr_make(k, names, &der), 0);
                assert_int_equal(csr_parse(der.data, der.size, &crq, id), 0);
                assert_string_equal(id, k->id);
                assert_int_equal(csr_verify(crq), 0);
        }
}

/* Changed anywhere it is no request, one for another key, or not signed. */
static void test_changed(void **state) {
        _cleanup_(key_unrefp) Key *k = NULL;
        _cleanup_datum_ gnutls_datum_t der = {};

        assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
        assert_int_equal(csr_make(k, names, &der), 0);
        for (size_t i = 0; i < der.size; i++) {
                _cleanup_csr_ gnutls_x509_crq_t crq = NULL;
                char id[KEY_ID_SIZE + 1];

                der.data[i] ^= 1;
                if (csr_parse(der.data, der.size, &crq, id) >= 0)
                        assert_true(!streq(id, k->id) || csr_verify(crq) == -EBADMSG);
                der.data[i] ^= 1;
        }
}

static void test_length(void **state) {
        _cleanup_(key_unrefp) Key *k = NULL;
        _cleanup_datum_ gnutls_datum_t der = {};
        _cleanup_free_ uint8_t *longer = NULL;
        char id[KEY_ID_SIZE + 1];
        gnutls_x509_crq_t crq;

        assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
        assert_int_equal(csr_make(k, names, &der), 0);
        longer = calloc(1, der.size + 1);
        memcpy(longer, der.data, der.size);
        assert_int_equal(csr_parse(longer, der.size + 1, &crq, id), -EBADMSG);
        for (size_t n = 0; n < der.size; n++)
                assert_int_equal(csr_parse(der.data, n, &crq, id), -EBADMSG);
}

TEST_MAIN(cmocka_unit_test(test_own), cmocka_unit_test(test_changed), cmocka_unit_test(test_length))
