/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* Certificates that others took the place of, until they end: a key that is lost was perhaps theirs, too, so
 * that they can still be revoked. No I/O. */

#define FORMERS_MAX 8U /* of one name; of more, the one that ends first is forgotten */
#define REVOKE_NONE (-1)

typedef struct Former {
        char *leaf;   /* base64 of its DER */
        char *key_id; /* hagw-keyd's; perhaps gone there */
        char *directory, *account; /* NULL: unknown */
        uint64_t not_after_usec;
        int revoke; /* the reason (RFC 5280 section 5.3.1) for which it is to be revoked, or REVOKE_NONE */
} Former;

typedef struct Formers {
        Former items[FORMERS_MAX];
        size_t n;
} Formers;

/* All strings are copied; directory and account may be NULL. */
int formers_add(Formers *f, const Former *former);
void formers_remove(Formers *f, size_t i);
/* Forgets what is over. */
void formers_prune(Formers *f, uint64_t now_usec);
Former *formers_find(Formers *f, const char *leaf);
void formers_done(Formers *f);

/* *ret: NULL where there are none. */
int formers_to_json(const Formers *f, sd_json_variant **ret);
/* -EBADMSG. */
int formers_from_json(sd_json_variant *v, Formers *ret);
