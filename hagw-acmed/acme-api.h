/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/acme.h"

/* JSON to and from the certificate authority. No I/O. */

/* Reads a body into an answer whose http_status is set. Whatever is wrong with it, by the authority's word
 * (an error document) or by ours (not what was expected), stands in ret->problem then. Negative only for
 * lack of memory. */
int acme_parse(AcmeObject expect, const char *content_type, const char *body, size_t size, AcmeAnswer *ret);

/* Payloads, as JSON text to be freed. All strings but replaces may hold anything; profile and replaces may
 * be NULL. */
int acme_format_account(const char *contact, const char *binding, char **ret);
int acme_format_contact(const char *contact, char **ret);
int acme_format_order(char *const *names, const char *profile, const char *replaces, char **ret);
int acme_format_finalize(const char *csr_base64, char **ret);

/* The external account binding (RFC 8555 section 7.3.4): the account's JWK signed HS256 with the key the
 * authority gave. */
int acme_format_binding(const char *key_id, const void *hmac_key, size_t hmac_key_size, const char *url,
                        const char *jwk, char **ret);
