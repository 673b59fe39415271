/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/relaycode.h"
#include "hagw-tenantd/db.h"
#include "libhagw/pure/relaytoken.h"

/* Tokens and enrolment codes. Only hashes are stored. */

#define TENANT_TOKENS_MAX 16U
#define TENANT_CODES_MAX 16U
#define CODE_LIFETIME_USEC USEC_PER_DAY
#define CODE_LIFETIME_MIN_USEC USEC_PER_MINUTE
#define CODE_LIFETIME_MAX_USEC (366 * USEC_PER_DAY)
#define CODE_LIFETIME_MAX_TEXT "31622400000000" /* the same, for SQL */

int random_bytes(void *out, size_t size);

/* -E2BIG: the tenant has as many as it may. */
int token_check_room(Db *db, int64_t tenant, uint64_t now_usec);
/* A token whose secret somebody else has made. ret_id has room for RELAY_TOKEN_ID_LENGTH + 1. -E2BIG: the
 * tenant has as many as it may. */
int token_add(Db *db, int64_t tenant, const uint8_t stored_key[static RELAY_SECRET_SIZE], bool enrolled,
              uint64_t now_usec, uint64_t expires_usec, char *ret_id);
/* Makes the secret too; its text goes to ret_text (RELAY_TOKEN_TEXT_SIZE), which the caller wipes. */
int token_issue(Db *db, int64_t tenant, const char *name, uint64_t now_usec, uint64_t expires_usec,
                char *ret_id, char *ret_text);
/* Returns how many ended. id: NULL for all. */
int token_revoke(Db *db, int64_t tenant, const char *id);
/* The same of one, by its tenant's name. */
int token_give_back(Db *db, const char *tenant, const char *id);
/* Lets those that would last longer end then. */
int token_shorten(Db *db, int64_t tenant, uint64_t expires_usec);
/* Forgets those that have ended; returns how many. */
int token_expire(Db *db, uint64_t now_usec);
/* When the next token or code ends; USEC_INFINITY: none does. */
int next_expiry(Db *db, uint64_t *ret);

/* Whether proof is the token's, for this binding (docs/relay-protocol.md). -EKEYREJECTED: no such tenant, no
 * such token, or not its proof, which all take as long. ret_suspended is set where the proof is right. */
int token_check(Db *db, const char *tenant, const char *id, const uint8_t proof[static RELAY_SECRET_SIZE],
                const uint8_t binding[static RELAY_BINDING_SIZE], uint64_t now_usec, bool *ret_suspended);
/* The times of use that were noted since the last time: written together, since there may be many. */
int token_store_used(Db *db);

typedef struct Token {
        const char *id; /* until the next step */
        uint64_t created_usec, expires_usec, used_usec; /* the latter two may be USEC_INFINITY: never */
        bool enrolled;
        const char *issuer, *uri; /* the account of the machine that has it; NULL: not told. Likewise */
} Token;
int token_query(Db *db, int64_t tenant, uint64_t now_usec, sqlite3_stmt **ret);
int token_next(sqlite3_stmt *q, Token *ret);

/* Makes a code; its text goes to ret_text (RELAY_CODE_TEXT_SIZE), which the caller wipes. -E2BIG. */
int code_issue(Db *db, int64_t tenant, uint64_t now_usec, uint64_t expires_usec, char *ret_text);
int code_revoke_all(Db *db, int64_t tenant);
int code_expire(Db *db, uint64_t now_usec);
/* The end of the last one that is still good; USEC_INFINITY: there is none. */
int code_last_expiry(Db *db, int64_t tenant, uint64_t now_usec, uint64_t *ret);

/* Exchanges a code for a token, in the caller's transaction. ret_tenant has room for HOSTNAME_LABEL_MAX + 1.
 * -ENOENT: no such code; -EPERM: the tenant is suspended; -EXDEV: it is another one than house (NULL: any
 * will do); -E2BIG: no room for the token. The last three tell ret_tenant as well. The code is used up only
 * by success. */
int code_redeem(Db *db, const uint8_t code[static RELAY_CODE_BYTES], const char *house,
                const uint8_t stored_key[static RELAY_SECRET_SIZE], uint64_t now_usec, char *ret_tenant,
                char *ret_id);
