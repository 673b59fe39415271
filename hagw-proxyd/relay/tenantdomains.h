/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/nametable.h"

/* Which domains lead to which tenant. Every worker knows all of them. */

typedef struct Worker Worker;

/* The tenant's domains are now exactly these (NULL-ended, or NULL: none). */
void tenant_domains_set(Worker *w, const char *tenant, char *const *domains);
/* Forgets one tenant's that hagw-tenantd does not tell any more. False: there is none. */
bool tenant_domains_sweep_one(Worker *w);
/* The tenant of a normalized name: by the name itself, else by "*." and what is behind its first label. */
const char *tenant_domains_find(const Worker *w, const char *name);
void tenant_domains_done(Worker *w);
