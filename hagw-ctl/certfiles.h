/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/x509.h>

#include "libhagw/pure/macro.h"

/* What people bring for a certificate: files that hold certificates and one private key, each as PEM, DER
 * or PKCS#12 (RFC 7468, RFC 5280 and RFC 5958, RFC 7292). Bytes in, a chain and a key in PEM out. No I/O but
 * the system's roots. */

#define CERTFILES_CERTIFICATES_MAX 64U

typedef struct CertFiles {
        gnutls_x509_crt_t certificates[CERTFILES_CERTIFICATES_MAX]; /* each once */
        unsigned n;
        gnutls_x509_privkey_t key;
        /* By certfiles_sort(): how many at the front are the chain, leaf first; the rest is not sent. */
        unsigned n_chain;
        bool has_root; /* one of the rest is the root above the chain */
} CertFiles;

void certfiles_done(CertFiles *f);
#define _cleanup_certfiles_ _cleanup_(certfiles_done)

/* Takes in what one file holds. password: NULL where none is known. What was taken before stays on failure.
 * -EBADMSG: neither a certificate nor a private key in any of the forms. -EKEYREJECTED: encrypted, and that
 * is not the password. -EEXIST: a second private key. -E2BIG: above CERTFILES_CERTIFICATES_MAX.
 * -EOPNOTSUPP: encrypted in a way that is not known here. */
int certfiles_add(CertFiles *f, const char *data, size_t size, const char *password);

/* Finds the certificate that the key is for, and its issuers. -ENOKEY: there is no key. -ENODATA: there is
 * no certificate. -ESRCH: the key is for none of them. */
int certfiles_sort(CertFiles *f);

/* True where the leaf stands alone, and its issuer is neither itself nor there nor one of the system's
 * roots: browsers that do not happen to know it refuse the certificate. An intermediate that is there and
 * whose root nobody here knows is a private authority's, and in order. */
bool certfiles_lacks_issuer(const CertFiles *f);

/* What people call a certificate, or its issuer: the common name, else the whole name; to be freed. NULL: no
 * memory. */
char *certfiles_name(const CertFiles *f, unsigned i, bool issuer);

/* The chain; and the key as PKCS#8 that is not encrypted, which the caller wipes. Both end with NUL. */
int certfiles_chain_to_pem(const CertFiles *f, char **ret);
int certfiles_key_to_pem(const CertFiles *f, char **ret);
