/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

#include "hagw-proxyd/relay/tenantinfo.h"
#include "hagw-proxyd/wire/refusal.h"
#include "libhagw/pure/linkfault.h"

/* Visitors of a tenant who were refused at this relay: counted, logged, told. */

typedef struct Tenant Tenant;
typedef struct Worker Worker;

/* Why the tenant's next visitor would get no channel; where nothing else is known, none came free. t may be
 * NULL: it is gone. */
Refusal tenant_refusal(const Worker *w, const Tenant *t);
/* Counts one, and logs it where it is time. t may be NULL: not a tenant's any more. */
void tenant_refuse(Worker *w, Tenant *t, Refusal r);
/* The link for a visitor of this name has failed: why, counted or not. */
Refusal tenant_refuse_link(Worker *w, const char *label, const char *name, LinkFault fault, bool count);
/* It will be as info says: what it lets in is refused no more. */
void tenant_refusals_review(Tenant *t, const TenantInfo *info);
/* A machine of it attaches, which one does anew when what it takes is another. */
void tenant_refusals_attached(Tenant *t);
/* Logs what is left over from before, where it is time. Returns whether some of it is left again. */
bool tenant_refusals_flush(Tenant *t);
/* How many, of all reasons. */
uint64_t tenant_refusals_total(const Tenant *t);
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
