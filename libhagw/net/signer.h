/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include "libhagw/net/fiber.h"

/* Handshake signatures from keyd, for the fibers of one worker: whoever wants one stops until it is there,
 * and its thread goes on with the others. */

#define SIGNER_TIMEOUT_USEC (3 * USEC_PER_SEC) /* from asking until keyd is given up */
#define SIGNER_LINKS_MAX 4U    /* of a worker; keyd serves what comes on one of them in turn */
#define SIGNER_REQUESTS_WANTED 64U /* under way, of a worker, also where nobody waits any more */
#define SIGNER_REQUESTS_MAX 128U   /* beyond this nothing is asked */
#define SIGNER_LINKS_ALL 64U   /* of all workers together */

typedef struct SignRequest SignRequest;
typedef struct SignerLink SignerLink;

typedef struct Signer {
        Loop *loop;
        unsigned n_links;
        uint64_t n_asked, n_opened; /* signatures and links, ever */
        unsigned n_requests; /* under way */
        void (*on_room)(struct Signer *s); /* there are fewer of them */
        SignerLink *links[SIGNER_LINKS_MAX]; /* NULL: not connected */
} Signer;

/* n_workers: with how many keyd's connections are shared. */
void signer_init(Signer *s, Loop *loop, unsigned n_workers);
/* From now on it is the calling thread's. */
void signer_use(Signer *s);
/* Nobody waits any more. */
void signer_done(Signer *s);

/* The SignatureScheme's name (RFC 8446 section 4.2.3) under which a key of that kind signs with the
 * algorithm, or NULL. */
const char *signer_scheme(int pk_algorithm, unsigned bits, gnutls_sign_algorithm_t algorithm);

/* From within a fiber. ret_signature is allocated with gnutls_malloc(). -ETIMEDOUT: keyd does not answer;
 * -EREMOTEIO: it refuses; -EBUSY: too many are under way; -ECANCELED: by signer_cancel(). */
int signer_sign(const char *key_id, const char *scheme, const gnutls_datum_t *data,
                gnutls_datum_t *ret_signature);

/* The fiber waits for a signature that is not wanted any more: when it is resumed it hears so. */
void signer_cancel(Fiber *f);
