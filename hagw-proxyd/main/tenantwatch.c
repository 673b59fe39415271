/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Tenant.Watch. While hagw-tenantd is away the workers go on with what they know. Main thread only.
 */

#include <stdio.h>

#include "hagw-proxyd/main/manager.h"
#include "hagw-proxyd/main/tenantwatch.h"
#include "hagw-proxyd/relay/relay.h"
#include "libhagw/log.h"

static void tell_one(Worker *w, TenantOp op, const TenantInfo *info, const char *name) {
        TenantMessage *m = message_new(&tenant_message);

        if (m && info)
                m->info = tenant_info_copy(info);
        if (!m || (info && !m->info)) {
                message_free(m ? &m->message : NULL);
                (void) log_oom();
                return;
        }
        m->op = op;
        if (name)
                (void) snprintf(m->name, sizeof(m->name), "%s", name);
        worker_send(w, &m->message);
}

/* Everybody: also a tenant's domains are everybody's. */
static void tell_all(Manager *m, TenantOp op, const TenantInfo *info, const char *name) {
        for (unsigned i = 0; i < m->n_workers; i++)
                tell_one(m->workers[i], op, info, name);
}

static bool get_flag(sd_json_variant *message, const char *key) {
        sd_json_variant *v = sd_json_variant_by_key(message, key);

        return v && sd_json_variant_is_boolean(v) && sd_json_variant_boolean(v);
}

static void tell_routes(Manager *m, sd_json_variant *routes) {
        for (size_t i = 0; i < sd_json_variant_elements(routes); i++) {
                _cleanup_(tenant_info_freep) TenantInfo *info = NULL;
                int r = tenant_info_parse(sd_json_variant_by_index(routes, i), &info);

                if (r < 0)
                        (void) log_warning_errno(r, "A tenant from hagw-tenantd cannot be understood: %m");
                else
                        tell_all(m, TENANT_PUT, info, NULL);
        }
}

static void on_message(sd_json_variant *message, void *userdata) {
        TenantWatch *t = userdata;
        sd_json_variant *routes, *removed;

        if (!message)
                return;
        routes = sd_json_variant_by_key(message, "tenants");
        removed = sd_json_variant_by_key(message, "removed");
        if (get_flag(message, "reset"))
                tell_all(t->manager, TENANT_RESET, NULL, NULL);
        if (routes && sd_json_variant_is_array(routes))
                tell_routes(t->manager, routes);
        for (size_t i = 0; removed && sd_json_variant_is_array(removed) &&
                           i < sd_json_variant_elements(removed); i++) {
                sd_json_variant *name = sd_json_variant_by_index(removed, i);

                if (sd_json_variant_is_string(name))
                        tell_all(t->manager, TENANT_REMOVE, NULL, sd_json_variant_string(name));
        }
        if (get_flag(message, "complete")) {
                tell_all(t->manager, TENANT_COMPLETE, NULL, NULL);
                manager_heard(t->manager, MANAGER_TENANTS);
        }
}

int tenant_watch_set(TenantWatch *t, Manager *m, bool relay) {
        t->manager = m;
        if (relay == !!t->watch)
                return 0;
        if (relay)
                return vl_watch_new(&t->watch, m->event, "io.hagw.Tenant", "io.hagw.Tenant.Watch",
                                    on_message, t);
        tenant_watch_done(t);
        /* Nobody is a tenant any more. */
        tell_all(m, TENANT_RESET, NULL, NULL);
        tell_all(m, TENANT_COMPLETE, NULL, NULL);
        return 0;
}

void tenant_watch_done(TenantWatch *t) {
        t->watch = vl_watch_free(t->watch);
}
