/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Below tenants.zone a name is this machine's where the configuration has it, and else a tenant's. Outside
 * of it every name is this machine's. Pure. */

#include "hagw-dnsd/publisher.h"

#define LABEL "_acme-challenge."

/* Is it, letter by letter, a name that this machine has certificates for? */
static bool name_is_configured(const Names *n, const char *name) {
        return streq_ptr(n->config->tenants.name, name) || names_zone(n, name) || names_host(n, name) ||
               names_pattern(n, name);
}

/* Right below tenants.zone, where the name lies there. */
static const char *label_of(const Names *n, const char *name) {
        return n->config->tenants.zone ? names_child(name, n->config->tenants.zone) : NULL;
}

/* Where something of this machine's own lies at the label or below it, no tenant has it. */
const char *publisher_tenants_name(const Names *n, const char *name) {
        const char *label = label_of(n, name);

        return label && !names_is_own(n, label) ? label : NULL;
}

bool publisher_may(const Names *n, Publisher p, const char *name) {
        const char *subject = startswith(name, LABEL), *label;

        if (!subject)
                return false;
        label = label_of(n, subject);
        if (p == PUBLISHER_TENANTS)
                return label && !names_is_own(n, label);
        return !label || names_is_own(n, label) || name_is_configured(n, subject);
}
