/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/wire/route.h"
#include "libhagw/pure/tenantstate.h"

/* How the tenants are to whom this relay's own hosts lead. Main thread. */

typedef struct Manager Manager;

/* Has it looked at, and runs the handler once when that is known; at once where no host leads to a tenant.
 * -ENOMEM: it does not run. */
typedef void (*StandingsHandler)(void *userdata);
int standings_look(const Manager *m, StandingsHandler handler, void *userdata);
/* As it was at the last look; _TENANT_STATE_INVALID: the host leads to no tenant. */
TenantState standings_of(const Manager *m, const Route *route);
/* A worker has answered. */
void standings_on_message(StandingMessage *m);
