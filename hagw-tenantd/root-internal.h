/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/given.h"
#include "hagw-tenantd/tenantd-varlink.h"

/* What the files of root's methods share. */

/* One more than a label has: what is too long stays so. */
#define LABEL_SIZE (HOSTNAME_LABEL_MAX + 2)
void label_lower(const char *name, char out[static LABEL_SIZE]);

/* A copy of a row, as far as changes need it. */
typedef struct Found {
        int64_t id;
        char name[LABEL_SIZE];
        char note[TENANT_NOTE_MAX + 1];
        TenantSettings settings;
} Found;

/* These return 1, or the handler's result. */
int find_tenant(Manager *m, sd_varlink *link, const char *name, Found *ret);
int set_domains(Manager *m, sd_varlink *link, int64_t id, char **domains);
/* The answer of what changed one. The handler's result. */
int reply_tenant(Manager *m, sd_varlink *link, const char *name);
