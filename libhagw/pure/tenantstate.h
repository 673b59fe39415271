/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include "libhagw/pure/hostname.h"
#include "libhagw/pure/macro.h"

/* Whether a visitor whom a relay leads to a tenant gets to its house now: a row each. Pure. */

/* io.hagw.Proxy.TenantState, in its order. */
typedef enum TenantState {
        TENANT_STATE_ATTACHED, /* or is expected back, so that visitors wait for it */
        TENANT_STATE_SUSPENDED,
        TENANT_STATE_EXHAUSTED, /* the month's bytes are used up */
        TENANT_STATE_DETACHED,  /* it has no token, so that no house can be attached */
        TENANT_STATE_INVITED,   /* the same, and a code for one waits */
        TENANT_STATE_AWAY,      /* its house is not attached, or nobody knows such a tenant */
        _TENANT_STATE_MAX,
        _TENANT_STATE_INVALID = -EINVAL,
} TenantState;

#define TENANT_STATE_TEXT_MAX (2 * HOSTNAME_LABEL_MAX + 160)

/* Static; NULL: there is none such. */
const char *tenant_state_name(TenantState s);
/* What keeps visitors out and what mends it, a sentence in out. NULL: nothing does. */
const char *tenant_state_text(TenantState s, const char *tenant, char out[static TENANT_STATE_TEXT_MAX]);
