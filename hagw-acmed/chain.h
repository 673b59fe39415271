/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What stands in a certificate chain (RFC 5280), leaf first, PEM. No I/O. */

#define CHAIN_LENGTH_MAX 10U

typedef struct Chain {
        char **names; /* the leaf's DNS names, lower case, NULL-terminated */
        uint64_t not_before_usec, not_after_usec;
        void *spki; /* the leaf's SubjectPublicKeyInfo, DER */
        size_t spki_size;
        char *renewal_id; /* RFC 9773 section 4.1; NULL where the leaf has no authority key identifier */
} Chain;

/* -EBADMSG: not a chain in which each certificate was issued by the next; ret_reason (static) then says why.
 */
int chain_parse(const char *pem, Chain *ret, const char **ret_reason);
void chain_done(Chain *c);
#define _cleanup_chain_ _cleanup_(chain_done)

/* The leaf's DER as base64, out of a chain that chain_parse() takes. */
int chain_get_leaf(const char *pem, char **ret);

/* NULL where the leaf is for exactly these names and this key (DER), and valid now; else why not (static).
 */
const char *chain_complaint(const Chain *c, char *const *names, const void *spki, size_t spki_size,
                            uint64_t now_usec);

/* True where a certificate above the leaf, or the issuer of the last, has that common name. */
bool chain_is_preferred(const char *pem, const char *common_name);
