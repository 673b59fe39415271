/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One private key. GnuTLS does the arithmetic; GnuTLS wipes its own copies when a key is released. Any
 * thread; references are the main thread's. */

#include <gnutls/crypto.h>
#include <stdio.h>

#include "hagw-keyd/key.h"

/* Which key each algorithm is, and how GnuTLS is asked for a new one. */
static const struct {
        gnutls_pk_algorithm_t pk;
        gnutls_ecc_curve_t curve;
        unsigned bits;
        gnutls_digest_algorithm_t digest;
} kinds[_KEY_ALGORITHM_MAX] = {
        [KEY_ECDSA_P256] = { GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP256R1, 256, GNUTLS_DIG_SHA256 },
        [KEY_ECDSA_P384] = { GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP384R1, 384, GNUTLS_DIG_SHA384 },
        [KEY_RSA_2048] = { GNUTLS_PK_RSA, GNUTLS_ECC_CURVE_INVALID, 2048, GNUTLS_DIG_SHA256 },
        [KEY_RSA_3072] = { GNUTLS_PK_RSA, GNUTLS_ECC_CURVE_INVALID, 3072, GNUTLS_DIG_SHA256 },
        [KEY_RSA_4096] = { GNUTLS_PK_RSA, GNUTLS_ECC_CURVE_INVALID, 4096, GNUTLS_DIG_SHA256 },
};

/* GnuTLS ties an ECDSA scheme to its curve only by the TLS 1.3 names; TLS 1.2 takes the hash alone. */
static const struct {
        gnutls_sign_algorithm_t tls12, tls13;
} signs[_SIGNATURE_SCHEME_MAX] = {
        [SCHEME_ECDSA_SECP256R1_SHA256] = { GNUTLS_SIGN_ECDSA_SHA256, GNUTLS_SIGN_ECDSA_SECP256R1_SHA256 },
        [SCHEME_ECDSA_SECP384R1_SHA384] = { GNUTLS_SIGN_ECDSA_SHA384, GNUTLS_SIGN_ECDSA_SECP384R1_SHA384 },
        [SCHEME_ECDSA_SECP521R1_SHA512] = { GNUTLS_SIGN_ECDSA_SHA512, GNUTLS_SIGN_UNKNOWN },
        [SCHEME_RSA_PSS_RSAE_SHA256] = { GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256 },
        [SCHEME_RSA_PSS_RSAE_SHA384] = { GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, GNUTLS_SIGN_RSA_PSS_RSAE_SHA384 },
        [SCHEME_RSA_PSS_RSAE_SHA512] = { GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, GNUTLS_SIGN_RSA_PSS_RSAE_SHA512 },
        [SCHEME_RSA_PKCS1_SHA256] = { GNUTLS_SIGN_RSA_SHA256, GNUTLS_SIGN_UNKNOWN },
        [SCHEME_RSA_PKCS1_SHA384] = { GNUTLS_SIGN_RSA_SHA384, GNUTLS_SIGN_UNKNOWN },
        [SCHEME_RSA_PKCS1_SHA512] = { GNUTLS_SIGN_RSA_SHA512, GNUTLS_SIGN_UNKNOWN },
};

static int gnutls_to_errno(int r) {
        return r >= 0 ? 0 : r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO;
}

gnutls_sign_algorithm_t signature_scheme_to_gnutls(SignatureScheme scheme, Handshake handshake) {
        return handshake == HANDSHAKE_TLS13 ? signs[scheme].tls13 : signs[scheme].tls12;
}

Key *key_ref(Key *k) {
        assert(k->n_ref > 0);
        k->n_ref++;
        return k;
}

Key *key_unref(Key *k) {
        if (!k || --k->n_ref > 0)
                return NULL;
        if (k->private_key)
                gnutls_privkey_deinit(k->private_key);
        if (k->public_key)
                gnutls_pubkey_deinit(k->public_key);
        datum_done(&k->spki);
        free(k);
        return NULL;
}

static int key_new(Key **ret) {
        _cleanup_(key_unrefp) Key *k = NULL;

        k = calloc(1, sizeof(*k));
        if (!k)
                return -ENOMEM;
        k->n_ref = 1;
        if (gnutls_privkey_init(&k->private_key) < 0 || gnutls_pubkey_init(&k->public_key) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(k);
        return 0;
}

/* Which row of kinds the parsed key is. */
static int key_find_kind(Key *k, KeyAlgorithm *ret) {
        gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
        unsigned bits;
        int pk;

        pk = gnutls_privkey_get_pk_algorithm(k->private_key, &bits);
        if (pk == GNUTLS_PK_ECDSA && gnutls_pubkey_export_ecc_raw2(k->public_key, &curve, NULL, NULL, 0) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if ((int) kinds[i].pk == pk && kinds[i].bits == bits && kinds[i].curve == curve) {
                        *ret = (KeyAlgorithm) i;
                        return 0;
                }
        return -EOPNOTSUPP;
}

int key_id_of(const gnutls_datum_t *spki, char *ret_id) {
        uint8_t hash[32];

        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, spki->data, spki->size, hash) < 0)
                return -EIO;
        for (size_t i = 0; i < KEY_ID_SIZE / 2; i++)
                (void) sprintf(ret_id + 2 * i, "%02x", hash[i]);
        return 0;
}

int key_id_of_public(gnutls_pubkey_t key, char *ret_id) {
        _cleanup_datum_ gnutls_datum_t spki = {};

        if (gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki) < 0)
                return -EBADMSG;
        return key_id_of(&spki, ret_id);
}

/* Fills in what follows from the private key. */
static int key_complete(Key *k) {
        int r;

        r = gnutls_pubkey_import_privkey(k->public_key, k->private_key, /* usage= */ 0, /* flags= */ 0);
        if (r < 0)
                return -EBADMSG;
        r = key_find_kind(k, &k->algorithm);
        if (r < 0)
                return r;
        r = gnutls_pubkey_export2(k->public_key, GNUTLS_X509_FMT_DER, &k->spki);
        return r < 0 ? gnutls_to_errno(r) : key_id_of(&k->spki, k->id);
}

int key_generate(KeyAlgorithm algorithm, Key **ret) {
        _cleanup_(key_unrefp) Key *k = NULL;
        unsigned bits;
        int r;

        r = key_new(&k);
        if (r < 0)
                return r;
        bits = key_algorithm_is_rsa(algorithm) ? kinds[algorithm].bits
                                               : (unsigned) GNUTLS_CURVE_TO_BITS(kinds[algorithm].curve);
        r = gnutls_privkey_generate2(k->private_key, kinds[algorithm].pk, bits, /* flags= */ 0, NULL, 0);
        if (r < 0)
                return gnutls_to_errno(r);
        r = key_complete(k);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(k);
        return 0;
}

int key_import(const char *pem, size_t size, Key **ret) {
        const gnutls_datum_t datum = { (unsigned char *) pem, (unsigned) size };
        _cleanup_(key_unrefp) Key *k = NULL;
        int r;

        if (size > KEY_PEM_MAX)
                return -EBADMSG;
        r = key_new(&k);
        if (r < 0)
                return r;
        r = gnutls_privkey_import_x509_raw(k->private_key, &datum, GNUTLS_X509_FMT_PEM, /* password= */ NULL,
                                           /* flags= */ 0);
        if (r == GNUTLS_E_DECRYPTION_FAILED)
                return -EKEYREJECTED;
        if (r < 0)
                return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EBADMSG;
        /* RSA keys that are well-formed and wrong would give away their factors with the first signature. */
        if (gnutls_privkey_verify_params(k->private_key) < 0)
                return -EBADMSG;
        r = key_complete(k);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(k);
        return 0;
}

int key_export(Key *k, gnutls_datum_t *ret_pem) {
        gnutls_x509_privkey_t x509;
        int r;

        r = gnutls_privkey_export_x509(k->private_key, &x509);
        if (r < 0)
                return gnutls_to_errno(r);
        r = gnutls_x509_privkey_export2_pkcs8(x509, GNUTLS_X509_FMT_PEM, /* password= */ NULL,
                                              GNUTLS_PKCS_PLAIN, ret_pem);
        gnutls_x509_privkey_deinit(x509);
        return gnutls_to_errno(r);
}

int key_sign(Key *k, gnutls_sign_algorithm_t algorithm, const void *data, size_t size, gnutls_datum_t *ret) {
        const gnutls_datum_t datum = { (unsigned char *) data, (unsigned) size };

        return gnutls_to_errno(
                gnutls_privkey_sign_data2(k->private_key, algorithm, /* flags= */ 0, &datum, ret));
}

gnutls_digest_algorithm_t key_digest(const Key *k) {
        return kinds[k->algorithm].digest;
}
