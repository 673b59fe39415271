/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tokens and codes in the database, and the check of a proof. Main thread only. */

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/random.h>

#include "hagw-tenantd/token.h"

#define ID_TRIES_MAX 8U /* 40 random bits among at most 16 */

int random_bytes(void *out, size_t size) {
        return getrandom(out, size, 0) == (ssize_t) size ? 0 : -EIO;
}

static int sha256(const void *data, size_t size, uint8_t out[static RELAY_SECRET_SIZE]) {
        return gnutls_hash_fast(GNUTLS_DIG_SHA256, data, size, out) < 0 ? -EIO : 0;
}

/* A count, and a time beside it where ret_usec is not NULL. */
static int count(Db *db, Statement s, int64_t tenant, uint64_t now_usec, uint64_t *ret, uint64_t *ret_usec) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        int r;

        r = db_query(db, s, DB_VALUES(DB_INT(tenant), DB_INT(now_usec)), &q);
        if (r >= 0)
                r = db_step(q);
        if (r <= 0)
                return r < 0 ? r : -EUCLEAN;
        *ret = (uint64_t) db_column_int(q, 0);
        if (ret_usec)
                *ret_usec = db_column_usec(q, 1);
        return 0;
}

/* --- tokens -------------------------------------------------------------------------------------------- */

int token_check_room(Db *db, int64_t tenant, uint64_t now_usec) {
        uint64_t n;
        int r;

        r = count(db, STATEMENT_TOKEN_COUNT, tenant, now_usec, &n, /* ret_usec= */ NULL);
        if (r < 0)
                return r;
        return n >= TENANT_TOKENS_MAX ? -E2BIG : 0;
}

int token_add(Db *db, int64_t tenant, const uint8_t stored_key[static RELAY_SECRET_SIZE], bool enrolled,
              uint64_t now_usec, uint64_t expires_usec, char *ret_id) {
        uint8_t bytes[RELAY_TOKEN_ID_BYTES];
        int r;

        r = token_check_room(db, tenant, now_usec);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < ID_TRIES_MAX; i++) {
                r = random_bytes(bytes, sizeof(bytes));
                if (r < 0)
                        return r;
                base32_encode(bytes, sizeof(bytes), ret_id);
                r = db_run(db, STATEMENT_TOKEN_ADD,
                           DB_VALUES(DB_INT(tenant), DB_TEXT(ret_id), DB_BLOB(stored_key, RELAY_SECRET_SIZE),
                                     DB_INT(now_usec), DB_INT(enrolled), DB_USEC(expires_usec)));
                if (r != -EEXIST)
                        break;
        }
        return r < 0 ? r : 0;
}

int token_issue(Db *db, int64_t tenant, const char *name, uint64_t now_usec, uint64_t expires_usec,
                char *ret_id, char *ret_text) {
        _cleanup_relay_token_ RelayToken t = {};
        uint8_t stored_key[RELAY_SECRET_SIZE];
        int r;

        r = random_bytes(t.secret, sizeof(t.secret));
        if (r >= 0)
                r = sha256(t.secret, sizeof(t.secret), stored_key);
        if (r >= 0)
                r = token_add(db, tenant, stored_key, /* enrolled= */ false, now_usec, expires_usec, t.id);
        if (r < 0)
                return r;
        (void) stpncpy(t.tenant, name, sizeof(t.tenant) - 1);
        memcpy(ret_id, t.id, sizeof(t.id));
        relay_token_format(&t, ret_text);
        return 0;
}

int token_revoke(Db *db, int64_t tenant, const char *id) {
        if (id)
                return db_run(db, STATEMENT_TOKEN_REVOKE, DB_VALUES(DB_INT(tenant), DB_TEXT(id)));
        return db_run(db, STATEMENT_TOKEN_REVOKE_ALL, DB_VALUES(DB_INT(tenant)));
}

int token_give_back(Db *db, const char *tenant, const char *id) {
        return db_run(db, STATEMENT_TOKEN_GIVE_BACK, DB_VALUES(DB_TEXT(tenant), DB_TEXT(id)));
}

int token_shorten(Db *db, int64_t tenant, uint64_t expires_usec) {
        return db_run(db, STATEMENT_TOKEN_SHORTEN, DB_VALUES(DB_INT(tenant), DB_INT(expires_usec)));
}

int token_expire(Db *db, uint64_t now_usec) {
        return db_run(db, STATEMENT_TOKEN_EXPIRE, DB_VALUES(DB_INT(now_usec)));
}

int next_expiry(Db *db, uint64_t *ret) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        int r;

        r = db_query(db, STATEMENT_NEXT_EXPIRY, NULL, 0, &q);
        if (r >= 0)
                r = db_step(q);
        if (r <= 0)
                return r < 0 ? r : -EUCLEAN;
        *ret = db_column_usec(q, 0);
        return 0;
}

typedef struct Candidate {
        int64_t tenant;
        bool found, suspended;
        uint8_t stored_key[RELAY_SECRET_SIZE];
} Candidate;

/* What is not found keeps a key that nobody's secret has. */
static int find_candidate(Db *db, const char *tenant, const char *id, uint64_t now_usec, Candidate *ret) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        int r;

        *ret = (Candidate) {};
        r = db_query(db, STATEMENT_TOKEN_FIND, DB_VALUES(DB_TEXT(tenant), DB_TEXT(id), DB_INT(now_usec)),
                     &q);
        if (r >= 0)
                r = db_step(q);
        if (r <= 0)
                return r;
        ret->tenant = db_column_int(q, 0);
        ret->suspended = db_column_int(q, 1) != 0;
        ret->found = true;
        return db_column_blob(q, 2, ret->stored_key, sizeof(ret->stored_key));
}

/* Takes the XOR back and compares the hash of what comes out. The message is built from valid names only. */
static int check_proof(const char *tenant, const char *id, const Candidate *c, const uint8_t *proof,
                       const uint8_t *binding, bool *ret) {
        uint8_t message[RELAY_PROOF_MESSAGE_MAX], secret[RELAY_SECRET_SIZE], hash[RELAY_SECRET_SIZE];
        size_t size;
        int r;

        size = relay_proof_message(tenant, id, binding, message);
        if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, c->stored_key, sizeof(c->stored_key), message, size,
                             secret) < 0)
                return -EIO;
        relay_proof_xor(proof, secret, secret);
        r = sha256(secret, sizeof(secret), hash);
        explicit_bzero(secret, sizeof(secret));
        if (r < 0)
                return r;
        *ret = (gnutls_memcmp(hash, c->stored_key, sizeof(hash)) == 0) & c->found;
        return 0;
}

int token_check(Db *db, const char *tenant, const char *id, const uint8_t proof[static RELAY_SECRET_SIZE],
                const uint8_t binding[static RELAY_BINDING_SIZE], uint64_t now_usec, bool *ret_suspended) {
        Candidate c;
        bool right;
        int r;

        if (!relay_tenant_is_valid(tenant) || !relay_token_id_is_valid(id))
                return -EKEYREJECTED;
        r = find_candidate(db, tenant, id, now_usec, &c);
        if (r >= 0)
                r = check_proof(tenant, id, &c, proof, binding, &right);
        if (r < 0)
                return r;
        if (!right)
                return -EKEYREJECTED;
        r = db_run(db, STATEMENT_TOKEN_USE, DB_VALUES(DB_INT(c.tenant), DB_TEXT(id), DB_INT(now_usec)));
        if (r < 0)
                return r;
        *ret_suspended = c.suspended;
        return 0;
}

int token_store_used(Db *db) {
        _cleanup_transaction_ DbTransaction t = {};
        int r;

        r = db_begin(db, &t);
        if (r >= 0)
                r = db_run(db, STATEMENT_TOKEN_STORE_USED, NULL, 0);
        if (r >= 0)
                r = db_run(db, STATEMENT_TOKEN_FORGET_USED, NULL, 0);
        return r < 0 ? r : db_commit(&t);
}

int token_query(Db *db, int64_t tenant, uint64_t now_usec, sqlite3_stmt **ret) {
        return db_query(db, STATEMENT_TOKEN_LIST, DB_VALUES(DB_INT(tenant), DB_INT(now_usec)), ret);
}

int token_next(sqlite3_stmt *q, Token *ret) {
        const int r = db_step(q);

        if (r <= 0)
                return r;
        *ret = (Token) {
                .id = strempty(db_column_text(q, 0)),
                .created_usec = db_column_usec(q, 1),
                .enrolled = db_column_int(q, 2) != 0,
                .expires_usec = db_column_usec(q, 3),
                .used_usec = db_column_usec(q, 4),
                .issuer = db_column_text(q, 5),
                .uri = db_column_text(q, 6),
        };
        return 1;
}

/* --- codes --------------------------------------------------------------------------------------------- */

int code_issue(Db *db, int64_t tenant, uint64_t now_usec, uint64_t expires_usec, char *ret_text) {
        uint8_t code[RELAY_CODE_BYTES], hash[RELAY_SECRET_SIZE];
        uint64_t n;
        int r;

        r = count(db, STATEMENT_CODE_COUNT, tenant, now_usec, &n, /* ret_usec= */ NULL);
        if (r < 0)
                return r;
        if (n >= TENANT_CODES_MAX)
                return -E2BIG;
        r = random_bytes(code, sizeof(code));
        if (r >= 0)
                r = sha256(code, sizeof(code), hash);
        if (r >= 0)
                r = db_run(db, STATEMENT_CODE_ADD,
                           DB_VALUES(DB_BLOB(hash, sizeof(hash)), DB_INT(tenant), DB_INT(expires_usec)));
        if (r >= 0)
                relay_code_format(code, ret_text);
        explicit_bzero(code, sizeof(code));
        return r < 0 ? r : 0;
}

int code_revoke_all(Db *db, int64_t tenant) {
        return db_run(db, STATEMENT_CODE_REMOVE_ALL, DB_VALUES(DB_INT(tenant)));
}

int code_expire(Db *db, uint64_t now_usec) {
        return db_run(db, STATEMENT_CODE_EXPIRE, DB_VALUES(DB_INT(now_usec)));
}

int code_last_expiry(Db *db, int64_t tenant, uint64_t now_usec, uint64_t *ret) {
        uint64_t n;

        return count(db, STATEMENT_CODE_COUNT, tenant, now_usec, &n, ret);
}

/* The tenant whose code it is. A hash is looked up, not compared: what is learnt from its timing is of no
 * use. */
static int find_code(Db *db, const uint8_t *hash, uint64_t now_usec, int64_t *ret_id, char *ret_tenant) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        int r;

        r = db_query(db, STATEMENT_CODE_FIND,
                     DB_VALUES(DB_BLOB(hash, RELAY_SECRET_SIZE), DB_INT(now_usec)), &q);
        if (r >= 0)
                r = db_step(q);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        *ret_id = db_column_int(q, 0);
        (void) stpncpy(ret_tenant, strempty(db_column_text(q, 1)), HOSTNAME_LABEL_MAX);
        ret_tenant[HOSTNAME_LABEL_MAX] = '\0';
        return db_column_int(q, 2) != 0 ? -EPERM : 0;
}

int code_redeem(Db *db, const uint8_t code[static RELAY_CODE_BYTES], const char *house,
                const uint8_t stored_key[static RELAY_SECRET_SIZE], uint64_t now_usec, char *ret_tenant,
                char *ret_id) {
        uint8_t hash[RELAY_SECRET_SIZE];
        int64_t tenant;
        int r;

        r = sha256(code, RELAY_CODE_BYTES, hash);
        if (r >= 0)
                r = find_code(db, hash, now_usec, &tenant, ret_tenant);
        if (r >= 0 && house && !streq(house, ret_tenant))
                return -EXDEV;
        if (r >= 0)
                r = token_add(db, tenant, stored_key, /* enrolled= */ true, now_usec, USEC_INFINITY, ret_id);
        if (r >= 0)
                r = db_run(db, STATEMENT_CODE_REMOVE, DB_VALUES(DB_BLOB(hash, sizeof(hash))));
        return r < 0 ? r : 0;
}
