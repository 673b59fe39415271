/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vl.h"

#include "linkfault.h"
#include "refusal.h"

/* Visitors of a tenant who were refused at this relay: counted, logged, told. */

typedef struct Tenant Tenant;
typedef struct Worker Worker;

/* Why the tenant's next visitor would get no channel; where nothing else is known, none came free. t may be
 * NULL: it is gone. */
Refusal tenant_refusal(const Worker *w, const Tenant *t);
/* Counts one, and logs it where it is time. t may be NULL: not a tenant's any more. */
void tenant_refuse(Worker *w, Tenant *t, Refusal r);
/* Its link has failed: why, counted or not. */
Refusal tenant_refuse_link(Worker *w, const char *name, LinkFault fault, bool count);
/* Logs what is left over from before. */
void tenant_refusals_flush(Tenant *t);
/* How many, of all reasons. */
uint64_t tenant_refusals_total(const Tenant *t);
/* Appends a row for each reason that there was: io.hagw.Proxy.Refused. */
int tenant_refusals_append(const Tenant *t, sd_json_variant **rows);
