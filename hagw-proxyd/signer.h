/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include "macro.h"

/* Handshake signatures from keyd. Blocks the calling worker for one local round trip; each thread has its
 * own varlink connection, opened when first needed and again when it was lost. */

#define SIGNER_TIMEOUT_USEC (3 * USEC_PER_SEC)

/* The SignatureScheme's name (RFC 8446 section 4.2.3) under which a key of that kind signs with the
 * algorithm, or NULL. */
const char *signer_scheme(int pk_algorithm, unsigned bits, gnutls_sign_algorithm_t algorithm);

/* ret_signature is allocated with gnutls_malloc(). */
int signer_sign(const char *key_id, const char *scheme, const gnutls_datum_t *data,
                gnutls_datum_t *ret_signature);

/* Before the thread ends. */
void signer_done(void);
