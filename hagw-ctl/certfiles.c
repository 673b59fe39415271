/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files of certificates and keys. The key is in this process from the file until hagw-keyd has it; GnuTLS
 * wipes what it held when that is released. */

#include <gnutls/pkcs12.h>
#include <stdio.h>

#include "hagw-ctl/certfiles.h"

#define BEGIN "-----BEGIN "
#define KEY_ID_MAX 64U
#define NAME_TEXT_MAX 256U

void certfiles_done(CertFiles *f) {
        for (unsigned i = 0; i < f->n; i++)
                gnutls_x509_crt_deinit(f->certificates[i]);
        if (f->key)
                gnutls_x509_privkey_deinit(f->key);
        *f = (CertFiles) {};
}

static int gnutls_to_errno(int r) {
        switch (r) {
        case GNUTLS_E_MEMORY_ERROR:
                return -ENOMEM;
        case GNUTLS_E_DECRYPTION_FAILED:
        case GNUTLS_E_MAC_VERIFY_FAILED:
                return -EKEYREJECTED;
        case GNUTLS_E_UNKNOWN_CIPHER_TYPE:
        case GNUTLS_E_UNKNOWN_HASH_ALGORITHM:
                return -EOPNOTSUPP;
        default:
                return r < 0 ? -EBADMSG : 0;
        }
}

/* Takes the certificate over, also where it fails. */
static int take_certificate(CertFiles *f, gnutls_x509_crt_t c) {
        for (unsigned i = 0; i < f->n; i++)
                if (gnutls_x509_crt_equals(f->certificates[i], c)) {
                        gnutls_x509_crt_deinit(c);
                        return 0;
                }
        if (f->n >= CERTFILES_CERTIFICATES_MAX) {
                gnutls_x509_crt_deinit(c);
                return -E2BIG;
        }
        f->certificates[f->n++] = c;
        return 0;
}

/* The same for a list of them, which is freed. */
static int take_list(CertFiles *f, gnutls_x509_crt_t *list, unsigned n) {
        int r = 0, k;

        for (unsigned i = 0; i < n; i++) {
                k = take_certificate(f, list[i]);
                r = r < 0 ? r : k;
        }
        gnutls_free(list);
        return r;
}

/* The same for a key; the one that is there already may come again. */
static int take_key(CertFiles *f, gnutls_x509_privkey_t key) {
        uint8_t one[KEY_ID_MAX], two[KEY_ID_MAX];
        size_t n_one = sizeof(one), n_two = sizeof(two);
        bool same;

        if (!f->key) {
                f->key = key;
                return 0;
        }
        same = gnutls_x509_privkey_get_key_id(f->key, GNUTLS_KEYID_USE_SHA256, one, &n_one) >= 0 &&
               gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, two, &n_two) >= 0 &&
               n_one == n_two && memcmp(one, two, n_one) == 0;
        gnutls_x509_privkey_deinit(key);
        return same ? 0 : -EEXIST;
}

static int add_key(CertFiles *f, const gnutls_datum_t *datum, gnutls_x509_crt_fmt_t format,
                   const char *password) {
        gnutls_x509_privkey_t key;
        int r;

        if (gnutls_x509_privkey_init(&key) < 0)
                return -ENOMEM;
        /* With a password GnuTLS does not take each form that has none. */
        r = gnutls_x509_privkey_import2(key, datum, format, NULL, /* flags= */ 0);
        if (r < 0 && password) {
                gnutls_x509_privkey_deinit(key);
                if (gnutls_x509_privkey_init(&key) < 0)
                        return -ENOMEM;
                r = gnutls_x509_privkey_import2(key, datum, format, password, /* flags= */ 0);
        }
        if (r < 0) {
                gnutls_x509_privkey_deinit(key);
                return gnutls_to_errno(r);
        }
        return take_key(f, key);
}

/* The next block whose label ends with "PRIVATE KEY"; NULL: there is none. */
static const char *find_key_block(const char *p, const char *end) {
        static const char label_end[] = "PRIVATE KEY-----";

        while ((p = memmem(p, (size_t) (end - p), BEGIN, strlen(BEGIN)))) {
                const char *line_end = memchr(p, '\n', (size_t) (end - p)) ?: end;

                if (memmem(p, (size_t) (line_end - p), label_end, strlen(label_end)))
                        return p;
                p = line_end;
        }
        return NULL;
}

static int add_pem(CertFiles *f, const char *data, size_t size, const char *password) {
        const gnutls_datum_t all = { (unsigned char *) data, (unsigned) size };
        const char *end = data + size, *block;
        gnutls_x509_crt_t *list = NULL;
        unsigned n = 0;
        bool found = false;
        int r;

        r = gnutls_x509_crt_list_import2(&list, &n, &all, GNUTLS_X509_FMT_PEM, /* flags= */ 0);
        if (r >= 0) {
                found = true;
                r = take_list(f, list, n);
                if (r < 0)
                        return r;
        } else if (r != GNUTLS_E_NO_CERTIFICATE_FOUND)
                return gnutls_to_errno(r);
        for (block = data; (block = find_key_block(block, end)); block += strlen(BEGIN)) {
                const gnutls_datum_t rest = { (unsigned char *) block, (unsigned) (end - block) };

                found = true;
                r = add_key(f, &rest, GNUTLS_X509_FMT_PEM, password);
                if (r < 0)
                        return r;
        }
        return found ? 0 : -EBADMSG;
}

/* password: never NULL, with which GnuTLS 3.8.9 crashes at a PBMAC1 (RFC 9579). */
static int open_pkcs12(gnutls_pkcs12_t p12, const char *password, CertFiles *f) {
        gnutls_x509_crt_t *chain = NULL, *extra = NULL;
        gnutls_x509_privkey_t key = NULL;
        unsigned n_chain = 0, n_extra = 0;
        int r, k;

        r = gnutls_pkcs12_verify_mac(p12, password);
        if (r == GNUTLS_E_MAC_VERIFY_FAILED)
                return -EKEYREJECTED;
        r = gnutls_pkcs12_simple_parse(p12, password, &key, &chain, &n_chain, &extra, &n_extra, NULL,
                                       GNUTLS_PKCS12_SP_INCLUDE_SELF_SIGNED);
        if (r < 0)
                return gnutls_to_errno(r);
        r = key ? take_key(f, key) : 0;
        k = take_list(f, chain, n_chain);
        r = r < 0 ? r : k;
        k = take_list(f, extra, n_extra);
        return r < 0 ? r : k;
}

/* 1: it is PKCS#12, and was taken. 0: it is not. */
static int add_pkcs12(CertFiles *f, const gnutls_datum_t *datum, const char *password) {
        gnutls_pkcs12_t p12;
        int r;

        if (gnutls_pkcs12_init(&p12) < 0)
                return -ENOMEM;
        r = gnutls_pkcs12_import(p12, datum, GNUTLS_X509_FMT_DER, /* flags= */ 0);
        if (r < 0) {
                gnutls_pkcs12_deinit(p12);
                return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : 0;
        }
        r = open_pkcs12(p12, strempty(password), f);
        gnutls_pkcs12_deinit(p12);
        return r < 0 ? r : 1;
}

static int add_der(CertFiles *f, const char *data, size_t size, const char *password) {
        const gnutls_datum_t datum = { (unsigned char *) data, (unsigned) size };
        gnutls_x509_crt_t c;
        int r;

        r = add_pkcs12(f, &datum, password);
        if (r != 0)
                return r < 0 ? r : 0;
        if (gnutls_x509_crt_init(&c) < 0)
                return -ENOMEM;
        if (gnutls_x509_crt_import(c, &datum, GNUTLS_X509_FMT_DER) >= 0)
                return take_certificate(f, c);
        gnutls_x509_crt_deinit(c);
        return add_key(f, &datum, GNUTLS_X509_FMT_DER, password);
}

int certfiles_add(CertFiles *f, const char *data, size_t size, const char *password) {
        if (memmem(data, size, BEGIN, strlen(BEGIN)))
                return add_pem(f, data, size, password);
        return add_der(f, data, size, password);
}

static bool fits_key(const CertFiles *f, gnutls_x509_crt_t c) {
        uint8_t one[KEY_ID_MAX], two[KEY_ID_MAX];
        size_t n_one = sizeof(one), n_two = sizeof(two);

        return gnutls_x509_privkey_get_key_id(f->key, GNUTLS_KEYID_USE_SHA256, one, &n_one) >= 0 &&
               gnutls_x509_crt_get_key_id(c, GNUTLS_KEYID_USE_SHA256, two, &n_two) >= 0 && n_one == n_two &&
               memcmp(one, two, n_one) == 0;
}

static bool is_self_signed(gnutls_x509_crt_t c) {
        return gnutls_x509_crt_check_issuer(c, c) > 0;
}

/* Of several that would do, the one that ends last; n: none. */
static unsigned find_next(const CertFiles *f) {
        unsigned found = f->n;

        for (unsigned i = f->n_chain; i < f->n; i++) {
                gnutls_x509_crt_t c = f->certificates[i];
                bool fits = f->n_chain == 0 ?
                                    fits_key(f, c) :
                                    gnutls_x509_crt_check_issuer(f->certificates[f->n_chain - 1], c) > 0;

                if (fits && (found == f->n ||
                             gnutls_x509_crt_get_expiration_time(c) >
                                     gnutls_x509_crt_get_expiration_time(f->certificates[found])))
                        found = i;
        }
        return found;
}

int certfiles_sort(CertFiles *f) {
        if (!f->key)
                return -ENOKEY;
        if (f->n == 0)
                return -ENODATA;
        f->n_chain = 0;
        f->has_root = false;
        while (f->n_chain == 0 || !is_self_signed(f->certificates[f->n_chain - 1])) {
                unsigned i = find_next(f);
                gnutls_x509_crt_t c;

                if (i == f->n)
                        return f->n_chain == 0 ? -ESRCH : 0;
                c = f->certificates[i];
                f->certificates[i] = f->certificates[f->n_chain];
                f->certificates[f->n_chain++] = c;
        }
        /* Who trusts the root has it (RFC 8446 section 4.4.2): it is not sent, unless it is the leaf. */
        if (f->n_chain > 1) {
                f->n_chain--;
                f->has_root = true;
        }
        return 0;
}

bool certfiles_lacks_issuer(const CertFiles *f) {
        gnutls_x509_crt_t leaf = f->certificates[0], issuer;
        gnutls_x509_trust_list_t roots;
        int r;

        if (f->n_chain > 1 || f->has_root || is_self_signed(leaf))
                return false;
        if (gnutls_x509_trust_list_init(&roots, 0) < 0)
                return false;
        (void) gnutls_x509_trust_list_add_system_trust(roots, 0, 0);
        r = gnutls_x509_trust_list_get_issuer(roots, leaf, &issuer, GNUTLS_TL_GET_COPY);
        if (r >= 0)
                gnutls_x509_crt_deinit(issuer);
        gnutls_x509_trust_list_deinit(roots, /* all= */ 1);
        return r < 0;
}

char *certfiles_name(const CertFiles *f, unsigned i, bool issuer) {
        int (*get)(gnutls_x509_crt_t, const char *, unsigned, unsigned, void *,
                   size_t *) = issuer ? gnutls_x509_crt_get_issuer_dn_by_oid : gnutls_x509_crt_get_dn_by_oid;
        int (*whole)(gnutls_x509_crt_t, char *, size_t *) = issuer ? gnutls_x509_crt_get_issuer_dn :
                                                                     gnutls_x509_crt_get_dn;
        char name[NAME_TEXT_MAX];
        size_t size = sizeof(name);

        if (get(f->certificates[i], GNUTLS_OID_X520_COMMON_NAME, 0, /* raw= */ 0, name, &size) >= 0)
                return strdup(name);
        size = sizeof(name);
        return strdup(whole(f->certificates[i], name, &size) >= 0 ? name : "a certificate without a name");
}

int certfiles_chain_to_pem(const CertFiles *f, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        for (unsigned i = 0; i < f->n_chain; i++) {
                gnutls_datum_t pem = {};
                char *longer;

                if (gnutls_x509_crt_export2(f->certificates[i], GNUTLS_X509_FMT_PEM, &pem) < 0)
                        return -ENOMEM;
                longer = realloc(text, size + pem.size + 1);
                if (longer) {
                        text = longer;
                        memcpy(text + size, pem.data, pem.size);
                        size += pem.size;
                        text[size] = '\0';
                }
                gnutls_free(pem.data);
                if (!longer)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(text);
        return 0;
}

int certfiles_key_to_pem(const CertFiles *f, char **ret) {
        gnutls_datum_t pem = {};

        if (gnutls_x509_privkey_export2_pkcs8(f->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                              &pem) < 0)
                return -EIO;
        *ret = malloc(pem.size + 1);
        if (*ret) {
                memcpy(*ret, pem.data, pem.size);
                (*ret)[pem.size] = '\0';
        }
        explicit_bzero(pem.data, pem.size);
        gnutls_free(pem.data);
        return *ret ? 0 : -ENOMEM;
}
