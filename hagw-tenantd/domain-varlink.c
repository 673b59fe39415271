/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Tenant: one domain comes or goes, and the others stay; whose a domain is. Main thread only. */

#include <stdio.h>

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/name.h"
#include "hagw-tenantd/root-internal.h"
#include "libhagw/log.h"
#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Tenant.h"

static int append_domain(char ***list, size_t *n, const char *domain) {
        char **grown;

        if (strv_contains(*list, domain))
                return 0;
        grown = reallocarray(*list, *n + 2, sizeof(char *));
        if (!grown)
                return -ENOMEM;
        *list = grown;
        grown[*n + 1] = NULL;
        grown[*n] = strdup(domain);
        return grown[(*n)++] ? 0 : -ENOMEM;
}

/* Those that there are, without what goes, and what comes. */
static int join_domains(Manager *m, const char *name, char **add, char **remove, char ***ret) {
        _cleanup_(strv_freep) char **list = strv_copy(NULL);
        _cleanup_query_ sqlite3_stmt *q = NULL;
        char domain[TENANT_DOMAIN_MAX + 1];
        size_t n = 0;
        Tenant t;
        int r;

        r = list ? tenant_query_name(&m->db, name, clock_usec(CLOCK_REALTIME), &q) : -ENOMEM;
        if (r >= 0)
                r = tenant_next(q, &t);
        for (const char *p = r > 0 ? strempty(t.domains) : ""; r >= 0 && *p; p += strspn(p, " ")) {
                const size_t k = strcspn(p, " ");

                (void) snprintf(domain, sizeof(domain), "%.*s", (int) k, p);
                if (!strv_contains(remove, domain))
                        r = append_domain(&list, &n, domain);
                p += k;
        }
        for (char **d = add; r >= 0 && d && *d; d++)
                r = append_domain(&list, &n, *d);
        if (r < 0)
                return r;
        if (n > TENANT_DOMAINS_MAX)
                return -E2BIG;
        *ret = TAKE_PTR(list);
        return 0;
}

static int vl_method_change_domains(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(strv_freep) char **add = NULL, **remove = NULL, **domains = NULL;
        _cleanup_transaction_ DbTransaction transaction = {};
        const Given *g = parameters;
        Manager *m = userdata;
        Found t;
        int r;

        r = find_tenant(m, link, g->name, &t);
        if (r > 0 && !m->config->tenants.zone)
                return sd_varlink_error(link, TENANT_ERROR_NO_RELAY, NULL);
        if (r > 0)
                r = given_domains(m, link, g->add, &add);
        if (r > 0)
                r = given_domains(m, link, g->remove, &remove);
        if (r <= 0)
                return r;
        r = join_domains(m, t.name, add, remove, &domains);
        if (r == -E2BIG)
                return error_full(link, "domains", TENANT_DOMAINS_MAX);
        if (r >= 0)
                r = db_begin(&m->db, &transaction);
        if (r < 0)
                return error_store(link, r);
        r = set_domains(m, link, t.id, domains);
        if (r <= 0)
                return r;
        r = db_commit(&transaction);
        if (r < 0)
                return error_store(link, r);
        manager_changed(m);
        log_info("Tenant %s has other domains now.", t.name);
        return reply_tenant(m, link, t.name);
}

static int vl_method_find_domain(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        char owner[HOSTNAME_LABEL_MAX + 1], wildcard[TENANT_DOMAIN_MAX + 1];
        const Given *g = parameters;
        Manager *m = userdata;
        const char *dot;
        int r;

        dot = strchr(g->domain, '.');
        if (!dot || strlen(g->domain) > TENANT_DOMAIN_MAX)
                return sd_varlink_error_invalid_parameter_name(link, "domain");
        r = tenant_domain_owner(&m->db, g->domain, owner);
        if (r == -ENOENT && *g->domain != '*') {
                (void) snprintf(wildcard, sizeof(wildcard), "*%s", dot);
                r = tenant_domain_owner(&m->db, wildcard, owner);
        }
        if (r < 0 && r != -ENOENT)
                return error_store(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_CONDITION(r >= 0, "tenant",
                                                                     SD_JSON_BUILD_STRING(owner)));
}

const VlMethod domain_methods[] = {
        { "io.hagw.Tenant.ChangeDomains", VL_PEER_ROOT, vl_method_change_domains, GIVEN },
        { "io.hagw.Tenant.FindDomain", VL_PEER_ROOT, vl_method_find_domain, GIVEN },
        {},
};
