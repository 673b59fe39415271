/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/x509.h>

#include "hagw-keyd/key.h"

/* Certificate requests, PKCS#10 (RFC 2986). */

#define CSR_NAMES_MAX 100U

/* For normalized DNS names, signed. Any thread. */
int csr_make(Key *k, char *const *names, gnutls_datum_t *ret_der);

/* Reads one and says the id that the key it is for would have here. -EBADMSG: it is none, or there is more.
 */
int csr_parse(const void *der, size_t size, gnutls_x509_crq_t *ret, char *ret_key_id);
static inline _unused_ void csr_done(gnutls_x509_crq_t *crq) {
        if (*crq)
                gnutls_x509_crq_deinit(*crq);
}
#define _cleanup_csr_ _cleanup_(csr_done)

/* -EBADMSG: it is not signed with the key that it is for. Any thread. */
int csr_verify(gnutls_x509_crq_t crq);
