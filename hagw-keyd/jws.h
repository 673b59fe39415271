/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-keyd/key.h"

/* JSON Web Signatures with an account key, as ACME wants them (RFC 8555 section 6.2). */

/* The public key as a JWK with the members RFC 7638 names, in its order and without white space. */
int jwk_format(Key *k, char **ret);

/* base64url of the SHA-256 of that. */
int jwk_thumbprint(Key *k, char **ret);

/* What is signed: both base64url. */
typedef struct Jws {
        char *head, *payload;
} Jws;
void jws_done(Jws *jws);

/* protected: the header as JSON text. -EINVAL: it cannot be signed; ret_reason (static) then says why. */
int jws_compose(Key *k, const char *protected, const char *payload, bool include_key, Jws *ret,
                const char **ret_reason);
int jws_sign(Key *k, const Jws *jws, char **ret);
