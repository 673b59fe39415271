/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* States of tenants and their sentences. */

#include <stdio.h>

#include "libhagw/pure/tenantstate.h"

static const struct {
        const char *name;
        const char *why, *remedy; /* the tenant's name stands between them */
        const char *end;          /* NULL: the name is told once */
} rows[_TENANT_STATE_MAX] = {
        [TENANT_STATE_ATTACHED] = { "attached", NULL, NULL, NULL },
        [TENANT_STATE_SUSPENDED] = { "suspended", "The relay has suspended the tenant ",
                                     ": hagw-ctl tenant set ", " --enable lets it in again." },
        [TENANT_STATE_EXHAUSTED] = { "exhausted", "The bytes of this month are used up of the tenant ",
                                     ": hagw-ctl tenant set ", " --bytes-per-month=SIZE gives it more." },
        [TENANT_STATE_DETACHED] = { "detached", "No house can be attached as the tenant ",
                                    ", which has no token: hagw-ctl tenant rotate ",
                                    " makes a code for one." },
        [TENANT_STATE_INVITED] = { "invited", "No house is attached yet as the tenant ",
                                   ": its code waits to be typed in the house, with hagw-ctl attach.",
                                   NULL },
        [TENANT_STATE_AWAY] = { "away", "No house is attached as the tenant ",
                                ": the house's own hagw-ctl status says why.", NULL },
};

const char *tenant_state_name(TenantState s) {
        return s >= 0 && s < _TENANT_STATE_MAX ? rows[s].name : NULL;
}

const char *tenant_state_text(TenantState s, const char *tenant, char out[static TENANT_STATE_TEXT_MAX]) {
        if (s <= TENANT_STATE_ATTACHED || s >= _TENANT_STATE_MAX)
                return NULL;
        (void) snprintf(out, TENANT_STATE_TEXT_MAX, "%s%s%s%s%s", rows[s].why, tenant, rows[s].remedy,
                        rows[s].end ? tenant : "", strempty(rows[s].end));
        return out;
}
