/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/account.h"
#include "hagw-tenantd/manager.h"
#include "hagw-tenantd/usage.h"

/* From rows to what io.hagw.Tenant says. */

/* Route: what hagw-proxyd needs. */
int route_to_json(const Manager *m, const Tenant *t, sd_json_variant **ret);
/* Tenant: everything. Reads further tables. */
int tenant_to_json(Manager *m, const Tenant *t, uint64_t now_usec, sd_json_variant **ret);
/* The same of one by name. -ENOENT. */
int route_by_name(Manager *m, const char *name, sd_json_variant **ret);
int tenant_by_name(Manager *m, const char *name, sd_json_variant **ret);

int account_to_json(const Account *a, sd_json_variant **ret);
/* All of a tenant's. */
int accounts_to_json(const char *name, sd_json_variant *list, sd_json_variant **ret);
int usage_to_json(const Usage *u, sd_json_variant **ret);

/* NAME.ZONE, or the name alone where there is no zone. */
char *tenant_zone_name(const Manager *m, const char *name);

/* Like sd_json_variant_append_array(), for a variant that was just made: takes it over. */
int array_take(sd_json_variant **array, sd_json_variant *v);
