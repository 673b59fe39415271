/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate requests. */

#include <gnutls/abstract.h>

#include "hagw-keyd/csr.h"

static int csr_error(int r) {
        return r >= 0 ? 0 : r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO;
}

int csr_make(Key *k, char *const *names, gnutls_datum_t *ret_der) {
        gnutls_x509_crq_t crq;
        int r;

        r = gnutls_x509_crq_init(&crq);
        if (r < 0)
                return csr_error(r);
        r = gnutls_x509_crq_set_version(crq, 1);
        if (r >= 0)
                r = gnutls_x509_crq_set_pubkey(crq, k->public_key);
        for (; r >= 0 && *names; names++)
                r = gnutls_x509_crq_set_subject_alt_name(crq, GNUTLS_SAN_DNSNAME, *names,
                                                         (unsigned) strlen(*names), GNUTLS_FSAN_APPEND);
        if (r >= 0)
                r = gnutls_x509_crq_privkey_sign(crq, k->private_key, key_digest(k),
                                                 /* flags= */ 0);
        if (r >= 0)
                r = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, ret_der);
        gnutls_x509_crq_deinit(crq);
        return csr_error(r);
}

static int csr_get_key_id(gnutls_x509_crq_t crq, char *ret_id) {
        gnutls_pubkey_t key;
        int r;

        r = gnutls_pubkey_init(&key);
        if (r < 0)
                return -ENOMEM;
        r = gnutls_pubkey_import_x509_crq(key, crq, /* flags= */ 0);
        r = r < 0 ? -EBADMSG : key_id_of_public(key, ret_id);
        gnutls_pubkey_deinit(key);
        return r;
}

int csr_parse(const void *der, size_t size, gnutls_x509_crq_t *ret, char *ret_key_id) {
        const gnutls_datum_t datum = { (unsigned char *) der, (unsigned) size };
        _cleanup_datum_ gnutls_datum_t again = {};
        _cleanup_csr_ gnutls_x509_crq_t crq = NULL;
        int r;

        if (gnutls_x509_crq_init(&crq) < 0)
                return -ENOMEM;
        /* What it exports is all that it read: nothing stands behind it. */
        if (gnutls_x509_crq_import(crq, &datum, GNUTLS_X509_FMT_DER) < 0 ||
            gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &again) < 0 || again.size != size ||
            memcmp(again.data, der, size) != 0)
                return -EBADMSG;
        r = csr_get_key_id(crq, ret_key_id);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(crq);
        return 0;
}

int csr_verify(gnutls_x509_crq_t crq) {
        return gnutls_x509_crq_verify(crq, /* flags= */ 0) < 0 ? -EBADMSG : 0;
}
