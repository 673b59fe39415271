/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

#include "hagw-proxyd/relay/relay.h"

/* Visitors of a tenant who were refused at this relay: counted, logged, told. */

/* It will be as info says: what it lets in is refused no more. */
void tenant_refusals_review(Tenant *t, const TenantInfo *info);
/* A machine of it attaches, which one does anew when what it takes is another. */
void tenant_refusals_attached(Tenant *t);
/* Logs what is left over from before, where it is time. Returns whether some of it is left again. */
bool tenant_refusals_flush(Tenant *t);
/* Grows with each that comes, and with each reason that ends. */
uint64_t tenant_refusals_version(const Tenant *t);
/* Of many tenants, the newest. In the thread of them all, for as long as none of them goes. */
typedef struct RefusalRow {
        const Tenant *tenant;
        Refusal reason;
} RefusalRow;
typedef struct RefusalRows {
        RefusalRow *items;
        size_t n, allocated;
        bool failed; /* no memory */
} RefusalRows;
void refusal_rows_done(RefusalRows *f);
void tenant_refusals_add(const Tenant *t, RefusalRows *f);
int refusal_rows_to_json(RefusalRows *f, size_t max, sd_json_variant **ret);

/* Appends a row for each reason that there was: io.hagw.Proxy.Refused. */
int tenant_refusals_append(const Tenant *t, sd_json_variant **rows);
