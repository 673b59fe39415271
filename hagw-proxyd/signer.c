/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The links to keyd: io.hagw.Key.SignHandshake. Each thread has one, and where there are many threads
 * several share one: keyd takes KEY_CONNECTIONS_PER_UID_MAX of us. */

#include <pthread.h>
#include <stdatomic.h>

#include "signer.h"
#include "vl-io.hagw.Key.h"
#include "vl.h"

#define LINKS_MAX 6U /* two are for the main thread: the relay token's proof, and a spare one */

typedef struct SignerLink {
        pthread_mutex_t lock;
        sd_varlink *link; /* guarded by the lock, with the replies that belong to it */
} SignerLink;

static_assert(LINKS_MAX + 2 <= KEY_CONNECTIONS_PER_UID_MAX, "keyd takes fewer connections");
static SignerLink links[LINKS_MAX] = { [0 ... LINKS_MAX - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };
static atomic_uint n_threads;
static _Thread_local SignerLink *thread_link;

static const struct {
        int pk_algorithm;
        unsigned bits; /* 0: any */
        gnutls_sign_algorithm_t algorithm;
        const char *scheme;
} schemes[] = {
        { GNUTLS_PK_ECDSA, 256, GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, "ecdsa_secp256r1_sha256" },
        { GNUTLS_PK_ECDSA, 256, GNUTLS_SIGN_ECDSA_SHA256, "ecdsa_secp256r1_sha256" },
        { GNUTLS_PK_ECDSA, 384, GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, "ecdsa_secp384r1_sha384" },
        { GNUTLS_PK_ECDSA, 384, GNUTLS_SIGN_ECDSA_SHA384, "ecdsa_secp384r1_sha384" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, "rsa_pss_rsae_sha256" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, "rsa_pss_rsae_sha384" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, "rsa_pss_rsae_sha512" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_SHA256, "rsa_pkcs1_sha256" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_SHA384, "rsa_pkcs1_sha384" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_SHA512, "rsa_pkcs1_sha512" },
};

const char *signer_scheme(int pk_algorithm, unsigned bits, gnutls_sign_algorithm_t algorithm) {
        for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
                if (schemes[i].pk_algorithm == pk_algorithm && schemes[i].algorithm == algorithm &&
                    (schemes[i].bits == 0 || schemes[i].bits == bits))
                        return schemes[i].scheme;
        return NULL;
}

static int call(SignerLink *l, const char *key_id, const char *scheme, const gnutls_datum_t *data,
                sd_json_variant **ret_reply, const char **ret_error) {
        int r;

        if (!l->link) {
                r = vl_connect(&l->link, "io.hagw.Key", SIGNER_TIMEOUT_USEC);
                if (r < 0)
                        return r;
        }
        r = sd_varlink_callbo(l->link, "io.hagw.Key.SignHandshake", ret_reply, ret_error,
                              SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(key_id)),
                              SD_JSON_BUILD_PAIR("scheme", SD_JSON_BUILD_STRING(scheme)),
                              SD_JSON_BUILD_PAIR("data", SD_JSON_BUILD_BASE64(data->data, data->size)));
        if (r < 0)
                l->link = sd_varlink_close_unref(l->link);
        return r;
}

static int sign(SignerLink *l, const char *key_id, const char *scheme, const gnutls_datum_t *data,
                gnutls_datum_t *ret_signature) {
        bool had_link = l->link;
        _cleanup_free_ void *raw = NULL;
        sd_json_variant *reply = NULL;
        const char *error = NULL;
        size_t size;
        int r;

        r = call(l, key_id, scheme, data, &reply, &error);
        /* keyd may have restarted since the last signature. */
        if (r < 0 && r != -ETIME && had_link)
                r = call(l, key_id, scheme, data, &reply, &error);
        if (r < 0)
                return r;
        if (error)
                return -EREMOTEIO;
        r = sd_json_variant_unbase64(sd_json_variant_by_key(reply, "signature"), &raw, &size);
        if (r < 0)
                return r;
        ret_signature->data = gnutls_malloc(size);
        if (!ret_signature->data)
                return -ENOMEM;
        memcpy(ret_signature->data, raw, size);
        ret_signature->size = (unsigned) size;
        return 0;
}

int signer_sign(const char *key_id, const char *scheme, const gnutls_datum_t *data,
                gnutls_datum_t *ret_signature) {
        int r;

        if (!thread_link)
                thread_link = &links[atomic_fetch_add(&n_threads, 1) % LINKS_MAX];
        (void) pthread_mutex_lock(&thread_link->lock);
        r = sign(thread_link, key_id, scheme, data, ret_signature);
        (void) pthread_mutex_unlock(&thread_link->lock);
        return r;
}

void signer_done(void) {
        if (!thread_link)
                return;
        (void) pthread_mutex_lock(&thread_link->lock);
        thread_link->link = sd_varlink_close_unref(thread_link->link);
        (void) pthread_mutex_unlock(&thread_link->lock);
        thread_link = NULL;
}
