/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/names.h"

/* Who may publish text where. A broken-in publisher must not be able to prove, with a value at somebody
 * else's name, that the name is its own; or put a text of another kind (a mail policy, a proof for another
 * service) into a zone. Pure. */

typedef enum Publisher {
        PUBLISHER_GATEWAY, /* hagw-acmed: for the names of this machine */
        PUBLISHER_TENANTS, /* hagw-tenantd: for what its tenants have below tenants.zone */
        _PUBLISHER_MAX,
} Publisher;

/* name: normalized. Only names that begin with "_acme-challenge." are anybody's. */
bool publisher_may(const Names *n, Publisher p, const char *name);

/* The tenant's name, TENANT.ZONE, that the name is or lies below. NULL: it is none that a tenant can have.
 */
const char *publisher_tenants_name(const Names *n, const char *name);
