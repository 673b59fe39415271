/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates. */

#include <gnutls/x509.h>

#include "hagw-keyd/leaf.h"

static int leaf_get_key_id(gnutls_x509_crt_t crt, char *ret_id) {
        gnutls_pubkey_t key;
        int r;

        r = gnutls_pubkey_init(&key);
        if (r < 0)
                return -ENOMEM;
        r = gnutls_pubkey_import_x509(key, crt, /* flags= */ 0);
        r = r < 0 ? -EBADMSG : key_id_of_public(key, ret_id);
        gnutls_pubkey_deinit(key);
        return r;
}

int leaf_parse(const void *der, size_t size, char *ret_key_id) {
        const gnutls_datum_t datum = { (unsigned char *) der, (unsigned) size };
        _cleanup_datum_ gnutls_datum_t again = {};
        gnutls_x509_crt_t crt;
        int r = -EBADMSG;

        if (size > LEAF_MAX)
                return -EBADMSG;
        if (gnutls_x509_crt_init(&crt) < 0)
                return -ENOMEM;
        /* What it exports is all that it read: nothing stands behind it. */
        if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) >= 0 &&
            gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &again) >= 0 && again.size == size &&
            memcmp(again.data, der, size) == 0)
                r = leaf_get_key_id(crt, ret_key_id);
        gnutls_x509_crt_deinit(crt);
        return r;
}
