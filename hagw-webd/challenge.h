/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* HTTP-01 answers (RFC 8555 section 8.3): token → key authorization, for an hour at most. Times are
 * CLOCK_MONOTONIC in usec, given by the caller. Pure. */

#define CHALLENGES_MAX 64U
#define CHALLENGE_TOKEN_MAX 256U /* characters */
#define CHALLENGE_LIFETIME_USEC USEC_PER_HOUR

typedef struct Challenge {
        char *token, *key_authorization;
        uint64_t until_usec;
} Challenge;

typedef struct ChallengeTable {
        Challenge items[CHALLENGES_MAX];
        size_t n;
} ChallengeTable;

/* Replaces what stands under the token. -EINVAL: a token that is not base64url, or an answer that is not the
 * token, a dot and a thumbprint; -E2BIG: CHALLENGES_MAX are there; -ENOMEM. */
int challenge_publish(ChallengeTable *t, const char *token, const char *key_authorization,
                      uint64_t now_usec);
void challenge_withdraw(ChallengeTable *t, const char *token);
/* The answer, or NULL. */
const char *challenge_find(ChallengeTable *t, const char *token, uint64_t now_usec);
void challenge_table_done(ChallengeTable *t);
