/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/month.h"
#include "hagw-tenantd/tenant.h"

/* What visitors moved, by tenant and month. */

#define USAGE_MONTHS_KEPT 36U
#define USAGE_REPORT_MAX (UINT64_C(1) << 50) /* of one figure in one report */
#define USAGE_ROWS_MAX 5000U                 /* of one report */

typedef struct Usage {
        const char *tenant; /* in what is read: until the next step */
        Month month;
        uint64_t received, sent, visitors;
} Usage;

/* Adds to the month of now. Where it uses up what the tenant may move in a month, watchers hear of it. 0
 * also where there is no such tenant. */
int usage_add(Db *db, const Usage *u, uint64_t now_usec);

/* A month has begun: who had used up the one before is told anew, and months from long ago are dropped. */
int usage_turn(Db *db, Month begun);

/* Rows after a tenant and month, up to the last tenant, from a month on. */
int usage_query(Db *db, const char *after, Month after_month, const char *last, Month from, uint64_t limit,
                sqlite3_stmt **ret);
int usage_next(sqlite3_stmt *q, Usage *ret);
