/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What OpenSSL makes of all this is in tests/component/test_ctl_import.py. */

#include <gnutls/crypto.h>
#include <stdio.h>
#include <time.h>

#include "hagw-ctl/certfiles.h"
#include "tests/unit/test.h"

static gnutls_x509_privkey_t make_key(void) {
        gnutls_x509_privkey_t key;

        assert_int_equal(gnutls_x509_privkey_init(&key), 0);
        assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                         0);
        return key;
}

static char *key_text(gnutls_x509_privkey_t key) {
        gnutls_datum_t pem = {};
        char *s;

        assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
        s = strndup((char *) pem.data, pem.size);
        gnutls_free(pem.data);
        return s;
}

/* One that signs itself. */
static char *certificate_text(gnutls_x509_privkey_t key, unsigned serial, int days) {
        const time_t now = time(NULL);
        gnutls_x509_crt_t c;
        gnutls_datum_t pem = {};
        char *s;

        assert_int_equal(gnutls_x509_crt_init(&c), 0);
        assert_int_equal(gnutls_x509_crt_set_version(c, 3), 0);
        assert_int_equal(gnutls_x509_crt_set_serial(c, &serial, sizeof(serial)), 0);
        assert_int_equal(gnutls_x509_crt_set_dn(c, "CN=a.test", NULL), 0);
        assert_int_equal(gnutls_x509_crt_set_key(c, key), 0);
        assert_int_equal(gnutls_x509_crt_set_activation_time(c, now), 0);
        assert_int_equal(gnutls_x509_crt_set_expiration_time(c, now + days * 86400), 0);
        assert_int_equal(gnutls_x509_crt_sign2(c, c, key, GNUTLS_DIG_SHA256, 0), 0);
        assert_int_equal(gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &pem), 0);
        s = strndup((char *) pem.data, pem.size);
        gnutls_free(pem.data);
        gnutls_x509_crt_deinit(c);
        return s;
}

static int add(CertFiles *f, const char *text) {
        return certfiles_add(f, text, strlen(text), NULL);
}

static void test_texts(void **state) {
        static const char *const none[] = { "",
                                            "x",
                                            "-----BEGIN ",
                                            "-----BEGIN CERTIFICATE-----\n",
                                            "-----BEGIN PRIVATE KEY-----",
                                            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                                            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                            "-----END EC PARAMETERS-----\n" };
        gnutls_x509_privkey_t one = make_key(), two = make_key();
        _cleanup_free_ char *a = key_text(one), *b = key_text(two), *c = certificate_text(one, 1, 1);
        _cleanup_free_ char *all = NULL;
        _cleanup_certfiles_ CertFiles f = {};

        for (size_t i = 0; i < ELEMENTSOF(none); i++)
                assert_int_equal(add(&f, none[i]), -EBADMSG);
        assert_int_equal(certfiles_sort(&f), -ENOKEY);
        assert_true(asprintf(&all, "a remark\r\n%s%s%s", none[6], a, c) > 0);
        assert_int_equal(add(&f, b), 0);
        assert_int_equal(certfiles_sort(&f), -ENODATA);
        assert_int_equal(add(&f, c), 0);
        assert_int_equal(certfiles_sort(&f), -ESRCH);
        assert_int_equal(add(&f, all), -EEXIST);
        certfiles_done(&f);
        assert_int_equal(add(&f, all), 0);
        assert_int_equal(add(&f, a), 0); /* the same again */
        assert_int_equal(certfiles_sort(&f), 0);
        assert_int_equal(f.n, 1);
        assert_int_equal(f.n_chain, 1);
        assert_false(certfiles_lacks_issuer(&f));
        gnutls_x509_privkey_deinit(one);
        gnutls_x509_privkey_deinit(two);
}

/* Of two for the same key the one that ends last; and no more than there is room for. */
static void test_many(void **state) {
        gnutls_x509_privkey_t key = make_key();
        _cleanup_free_ char *k = key_text(key), *chain = NULL, *longest = NULL, *text = NULL;
        _cleanup_certfiles_ CertFiles f = {};
        int r = 0;

        assert_int_equal(add(&f, k), 0);
        for (unsigned i = 0; i < CERTFILES_CERTIFICATES_MAX; i++) {
                _cleanup_free_ char *c = certificate_text(key, i + 1, i == 7 ? 90 : 30);

                assert_int_equal(add(&f, c), 0);
                if (i == 7)
                        longest = TAKE_PTR(c);
        }
        text = certificate_text(key, 1000, 1);
        assert_int_equal(add(&f, text), -E2BIG);
        assert_int_equal(certfiles_sort(&f), 0);
        assert_int_equal(f.n_chain, 1);
        r = certfiles_chain_to_pem(&f, &chain);
        assert_int_equal(r, 0);
        assert_string_equal(chain, longest);
        gnutls_x509_privkey_deinit(key);
}

TEST_MAIN(cmocka_unit_test(test_texts), cmocka_unit_test(test_many))
