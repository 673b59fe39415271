/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include "libhagw/pure/macro.h"

/* keyd signs only what it can see to be a TLS handshake, so it must be told the bytes before hashing. GnuTLS
 * (to 3.8) gives a key that lives elsewhere the hash alone. The witness looks on when GnuTLS signs, and says
 * what a hash was made of. */

/* The data that the calling thread is having signed, where its hash is this one (or ends with it, as in a
 * DigestInfo). Valid inside the signing callback. -ENOENT: nothing is, or something else. */
int witness_find(const gnutls_datum_t *hash, gnutls_datum_t *ret_data,
                 gnutls_digest_algorithm_t *ret_algorithm);
