/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-acmed/schedule.h"
#include "hagw-acmed/settings.h"

/* How it goes with a certificate's orders, authority by authority: each has a patience of its own. Those
 * that are not asked any more are remembered for a while, for they may still work on an order. Until when
 * they want none is in limits.h. Pure, but for JSON. */

#define TRIES_MAX 4U /* authorities */

typedef struct Tries {
        char *directory;
        AuthorityRank rank;  /* _AUTHORITY_RANK_INVALID: not asked any more */
        uint64_t next_usec;  /* no try before that */
        uint64_t since_usec; /* of the first failure in a row; 0: the last one did not fail */
        unsigned failures;   /* in a row */
        unsigned refusals;   /* of them, those that somebody else than we is to blame for */
        char *error;         /* of the last try */
        bool unready;        /* which was not begun: the relay is away */
        uint64_t unreached_usec; /* when what it asked had no answer, at the last try; 0: no such thing */
        char *order_url;     /* of one that the authority still works on; NULL: there is none */
} Tries;

typedef struct TriesList {
        Tries items[TRIES_MAX];
        size_t n;
} TriesList;

void tries_list_done(TriesList *l);
/* The authorities that are configured have a row each from now on, and their rank. */
int tries_list_rank(TriesList *l, const Settings *settings);
/* NULL: there is none. */
Tries *tries_list_find(TriesList *l, AuthorityRank rank);
const Tries *tries_list_find_const(const TriesList *l, AuthorityRank rank);

/* Of all that are asked. */
unsigned tries_list_failures(const TriesList *l);
bool tries_list_has_order(const TriesList *l);
bool tries_list_has_error(const TriesList *l);
bool tries_list_is_unready(const TriesList *l);
/* When the last try of an authority that is asked found nobody who answers for us; 0: none did. */
uint64_t tries_list_unreached(const TriesList *l);
/* What they waited for is there: they are due at once. */
void tries_list_ready(TriesList *l);
/* In one sentence, to be freed; NULL: there is nothing to be said. */
int tries_list_describe(const TriesList *l, char **ret);

/* A certificate came: what failed before no longer counts. */
void tries_list_succeed(TriesList *l);
/* Our own patience ends, and so does what is told of failures. */
void tries_list_forgive(TriesList *l);
/* The next tries are due at once; what failed is still told. */
void tries_list_hurry(TriesList *l);

/* When the authority may be asked for a certificate that is due then (UINT64_MAX: never) and lives, or
 * lived, until not_after_usec (0: there is none). */
uint64_t tries_list_get_next(const TriesList *l, AuthorityRank rank, uint64_t due_usec,
                             uint64_t not_after_usec);

int tries_set_error(Tries *t, const char *error);
/* Notes a failure and the next try. life_usec: the certificate's; 0: unknown. */
void tries_fail(Tries *t, RetryKind kind, uint64_t retry_after_usec, uint64_t life_usec, uint64_t now_usec,
                uint64_t random);

/* Brings back times that lie further ahead than the schedule puts any: the clock was wrong when they were
 * noted. */
void tries_list_clamp(TriesList *l, uint64_t now_usec);

int tries_list_to_json(const TriesList *l, sd_json_variant **ret);
/* -EBADMSG. */
int tries_list_from_json(sd_json_variant *v, TriesList *ret);
