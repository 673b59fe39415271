/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/abstract.h>

#include "hagw-keyd/policy.h"

/* One private key, parsed and ready to sign. What leaves here is public, except key_export(). References are
 * taken and dropped on the main thread; once it is made, any thread may sign with it: GnuTLS shares a key
 * between threads for reading, as it does in a server's credentials. */

#define KEY_ID_SIZE 32U          /* characters: half of the SHA-256 of the public key, in hexadecimal */
#define KEY_PEM_MAX (32U * 1024) /* bytes */

typedef struct Key {
        unsigned n_ref;
        char id[KEY_ID_SIZE + 1];
        KeyPurpose purpose;
        KeyAlgorithm algorithm;
        uint64_t created_usec;
        bool imported;
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
        gnutls_datum_t spki; /* DER */
} Key;

/* A new key of that kind. -EIO: the library refused. */
int key_generate(KeyAlgorithm algorithm, Key **ret);

/* PKCS#8, PKCS#1 or SEC1. -EBADMSG: not a private key that fits together; -EOPNOTSUPP: of a kind we do not
 * take; -EKEYREJECTED: encrypted. Wiping pem is the caller's. */
int key_import(const char *pem, size_t size, Key **ret);
Key *key_ref(Key *k);
Key *key_unref(Key *k);
DEFINE_TRIVIAL_CLEANUP_FUNC(Key *, key_unref)

/* PKCS#8 PEM. The caller wipes it: gnutls_memset() and gnutls_free(). */
int key_export(Key *k, gnutls_datum_t *ret_pem);

/* A DER signature for ECDSA; the plain one for RSA. gnutls_free(). */
int key_sign(Key *k, gnutls_sign_algorithm_t algorithm, const void *data, size_t size, gnutls_datum_t *ret);
gnutls_sign_algorithm_t signature_scheme_to_gnutls(SignatureScheme scheme, Handshake handshake);

/* From a DER SubjectPublicKeyInfo. */
int key_id_of(const gnutls_datum_t *spki, char *ret_id);
int key_id_of_public(gnutls_pubkey_t key, char *ret_id);

/* The hash for what else is signed with such a key. */
gnutls_digest_algorithm_t key_digest(const Key *k);

static inline _unused_ void datum_done(gnutls_datum_t *d) {
        gnutls_free(d->data);
        *d = (gnutls_datum_t) {};
}
#define _cleanup_datum_ _cleanup_(datum_done)

/* The same for secrets. */
static inline _unused_ void datum_wipe(gnutls_datum_t *d) {
        if (d->data)
                explicit_bzero(d->data, d->size);
        datum_done(d);
}
#define _cleanup_secret_datum_ _cleanup_(datum_wipe)
