/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

/* Follows hagw-tenantd's tenants where this machine is a relay, and tells the workers. Main thread. */

typedef struct Manager Manager;

typedef struct TenantWatch {
        Manager *manager;
        VlWatch *watch; /* NULL: this is no relay */
} TenantWatch;

/* Begins or ends with the configuration. Negative errno: as it was. */
int tenant_watch_set(TenantWatch *t, Manager *m, bool relay);
void tenant_watch_done(TenantWatch *t);
