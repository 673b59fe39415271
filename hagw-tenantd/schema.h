/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All the SQL there is: the tables, the steps from one version of them to the next, and the statements. */

/* PRAGMA user_version counts the steps that a file has behind it. */
extern const char *const schema_steps[];
extern const unsigned schema_version; /* how many there are */
/* Of each connection: what changed and is to be told, what is not stored yet. */
extern const char schema_temporary[];

typedef enum Statement {
        STATEMENT_BEGIN,
        STATEMENT_COMMIT,
        STATEMENT_ROLLBACK,

        STATEMENT_TENANT_COUNT,
        STATEMENT_TENANT_ADD,
        STATEMENT_TENANT_SET,
        STATEMENT_TENANT_REMOVE,
        STATEMENT_TENANT_BY_NAME,
        STATEMENT_TENANT_AFTER_ID,
        STATEMENT_TENANT_AFTER_NAME,

        STATEMENT_DOMAIN_ADD,
        STATEMENT_DOMAIN_CLEAR,
        STATEMENT_DOMAIN_OWNER,

        STATEMENT_TOKEN_ADD,
        STATEMENT_TOKEN_FIND,
        STATEMENT_TOKEN_LIST,
        STATEMENT_TOKEN_COUNT,
        STATEMENT_TOKEN_REVOKE,
        STATEMENT_TOKEN_GIVE_BACK,
        STATEMENT_TOKEN_REVOKE_ALL,
        STATEMENT_TOKEN_SHORTEN,
        STATEMENT_TOKEN_EXPIRE,
        STATEMENT_NEXT_EXPIRY,
        STATEMENT_TOKEN_USE,
        STATEMENT_TOKEN_STORE_USED,
        STATEMENT_TOKEN_FORGET_USED,

        STATEMENT_CODE_ADD,
        STATEMENT_CODE_FIND,
        STATEMENT_CODE_REMOVE,
        STATEMENT_CODE_REMOVE_ALL,
        STATEMENT_CODE_COUNT,
        STATEMENT_CODE_EXPIRE,

        STATEMENT_USAGE_ADD,
        STATEMENT_USAGE_LIST,
        STATEMENT_USAGE_DROP,
        STATEMENT_USAGE_TOLD,

        STATEMENT_ACCOUNT_SET,
        STATEMENT_ACCOUNT_IS,
        STATEMENT_ACCOUNT_REMOVE,
        STATEMENT_ACCOUNT_SINCE,
        STATEMENT_ACCOUNT_AFTER_ID,
        STATEMENT_ACCOUNT_BY_NAME,

        STATEMENT_CHANGED_AFTER,
        STATEMENT_CHANGED_LAST,
        STATEMENT_CHANGED_MARK,
        STATEMENT_CHANGED_MARK_DEFAULTS,
        STATEMENT_CHANGED_PRUNE,
        STATEMENT_CHANGED_CLEAR,

        /* What the ledger has done again. */
        STATEMENT_LEDGER_STAMP,
        STATEMENT_AGAIN_TOKEN,
        STATEMENT_AGAIN_EXPIRES,
        STATEMENT_AGAIN_CODE,
        STATEMENT_AGAIN_TENANT,
        STATEMENT_AGAIN_SUSPENDED,
        STATEMENT_AGAIN_TERMINATE,
        STATEMENT_AGAIN_DOMAIN,
        STATEMENT_AGAIN_OWNER,
        _STATEMENT_MAX,
} Statement;

extern const char *const statement_texts[_STATEMENT_MAX];

/* Columns of TENANT_BY_NAME, _AFTER_ID and _AFTER_NAME. */
enum {
        TENANT_COLUMN_ID,
        TENANT_COLUMN_NAME,
        TENANT_COLUMN_NOTE,
        TENANT_COLUMN_CREATED,
        TENANT_COLUMN_SUSPENDED,
        TENANT_COLUMN_TERMINATE,
        TENANT_COLUMN_AGENTS,
        TENANT_COLUMN_CHANNELS,
        TENANT_COLUMN_CONNECTIONS,
        TENANT_COLUMN_BYTES,
        TENANT_COLUMN_MONTH_BYTES,
        TENANT_COLUMN_DOMAINS,  /* separated by blanks; NULL: none */
        TENANT_COLUMN_TOKENS,   /* ids of those that are good, likewise */
        TENANT_COLUMN_RECEIVED, /* in the month asked for */
        TENANT_COLUMN_SENT,
        TENANT_COLUMN_CODE, /* one waits */
};
