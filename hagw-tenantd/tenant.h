/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/db.h"
#include "hagw-tenantd/month.h"
#include "libhagw/pure/hostname.h"

/* Tenants in the database. Names and domains come in checked (name.h). */

#define TENANTS_MAX 250000U
#define TENANT_DOMAINS_MAX 32U
#define TENANT_NOTE_MAX 256U /* bytes */
#define TENANT_AGENTS_MAX 64U
#define TENANT_CHANNELS_MAX 65536U
#define TENANT_PAGE_MAX 1000U

typedef struct TenantSettings {
        const char *note;
        bool suspended, terminate;
        uint64_t agents;
        uint64_t channels;               /* 0: the configuration's */
        uint64_t connections_per_second; /* 0: no limit, as in the next two */
        uint64_t bytes_per_second, bytes_per_month;
} TenantSettings;

/* One row; the strings live until the next step of the query. */
typedef struct Tenant {
        int64_t id;
        const char *name;
        uint64_t created_usec;
        TenantSettings settings;
        const char *domains;   /* separated by blanks; NULL: none */
        const char *token_ids; /* those that are good, likewise */
        uint64_t received, sent; /* in the month */
        bool exhausted;
        bool code_waits; /* to be typed in a house */
} Tenant;

typedef struct TenantCounts {
        uint64_t tenants, suspended;
} TenantCounts;

int tenant_count(Db *db, TenantCounts *ret);

/* -EEXIST: the name is taken. */
int tenant_add(Db *db, const char *name, const TenantSettings *settings, uint64_t now_usec, int64_t *ret_id);
int tenant_set(Db *db, int64_t id, const TenantSettings *settings);
int tenant_remove(Db *db, int64_t id);

/* Replaces all domains. -EEXIST: ret_taken is another tenant's, or stands in the list twice. */
int tenant_set_domains(Db *db, int64_t id, char **domains, const char **ret_taken);
/* Whose domain it is, into out (HOSTNAME_LABEL_MAX + 1). -ENOENT. */
int tenant_domain_owner(Db *db, const char *domain, char *out);

/* Queries for rows, which tenant_next() reads: 1, 0 where there is no more, or an error. */
int tenant_query_name(Db *db, const char *name, uint64_t now_usec, sqlite3_stmt **ret);
int tenant_query_after_id(Db *db, int64_t id, uint64_t now_usec, sqlite3_stmt **ret);
/* prefix: "" for all. */
int tenant_query_after_name(Db *db, const char *name, const char *prefix, uint64_t limit, uint64_t now_usec,
                            sqlite3_stmt **ret);
int tenant_next(sqlite3_stmt *q, Tenant *ret);
