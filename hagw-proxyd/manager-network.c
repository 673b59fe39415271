/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-netd says of the network around: told to the workers. Main thread only. */

#include "log.h"
#include "manager.h"

static Hops read_hops(sd_json_variant *message) {
        sd_json_variant *list = sd_json_variant_by_key(message, "hops"),
                        *complete = sd_json_variant_by_key(message, "complete");
        Hops hops = { .known = list && sd_json_variant_is_array(list) && complete &&
                               sd_json_variant_is_boolean(complete) && sd_json_variant_boolean(complete) };

        for (size_t i = 0; list && i < sd_json_variant_elements(list); i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);

                if (hops.n < INSIDE_HOPS_MAX && sd_json_variant_is_string(v) &&
                    ip_parse(sd_json_variant_string(v), &hops.items[hops.n]) >= 0)
                        hops.n++;
                else
                        hops.known = false;
        }
        return hops;
}

/* Lost: what was told last stays. */
void manager_on_network(sd_json_variant *message, void *userdata) {
        sd_json_variant *changes = message ? sd_json_variant_by_key(message, "changes") : NULL;
        Manager *m = userdata;
        uint64_t n;
        Hops hops;

        if (!message) {
                m->network_changes = UINT64_MAX;
                return;
        }
        n = changes && sd_json_variant_is_unsigned(changes) ? sd_json_variant_unsigned(changes) : UINT64_MAX;
        if (n != m->network_changes || n == UINT64_MAX)
                relay_view_on_network(&m->relay);
        m->network_changes = n;
        hops = read_hops(message);
        if (memcmp(&hops, &m->hops, sizeof(hops)) == 0)
                return;
        if (!hops.known)
                log_warning("hagw-netd cannot tell all addresses that may stand for strangers': only "
                            "loopback and what lan names one by one counts as inside.");
        m->hops = hops;
        manager_renew_snapshot(m);
}
