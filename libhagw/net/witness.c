/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stands in front of gnutls_privkey_sign_data2(), which GnuTLS calls for CertificateVerify (RFC 8446
 * section 4.4.3) and ServerKeyExchange (RFC 8422 section 5.4) with the whole data: the program's definition
 * comes first in symbol lookup, for calls from inside the library too. It takes a note and passes on. Were
 * it ever bypassed, witness_find() would find nothing and handshakes would fail; nothing else could happen.
 */

#include <dlfcn.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "libhagw/net/witness.h"

typedef int (*SignData)(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, unsigned flags,
                        const gnutls_datum_t *data, gnutls_datum_t *signature);

static _Thread_local const gnutls_datum_t *data_now;
static _Thread_local gnutls_digest_algorithm_t digest_now;

int gnutls_privkey_sign_data2(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, unsigned flags,
                              const gnutls_datum_t *data, gnutls_datum_t *signature) {
        SignData next = (SignData) dlsym(RTLD_NEXT, "gnutls_privkey_sign_data2");
        int r;

        if (!next)
                return GNUTLS_E_INTERNAL_ERROR;
        data_now = data;
        digest_now = gnutls_sign_get_hash_algorithm(algorithm);
        r = next(key, algorithm, flags, data, signature);
        data_now = NULL;
        return r;
}

int witness_find(const gnutls_datum_t *hash, gnutls_datum_t *ret_data,
                 gnutls_digest_algorithm_t *ret_algorithm) {
        uint8_t digest[64];
        size_t size;

        if (!data_now)
                return -ENOENT;
        size = gnutls_hash_get_len(digest_now);
        if (size == 0 || size > sizeof(digest) || hash->size < size ||
            gnutls_hash_fast(digest_now, data_now->data, data_now->size, digest) < 0 ||
            memcmp(hash->data + hash->size - size, digest, size) != 0)
                return -ENOENT;
        *ret_data = *data_now;
        *ret_algorithm = digest_now;
        return 0;
}
