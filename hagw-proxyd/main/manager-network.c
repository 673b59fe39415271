/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-netd says of the network around: told to the workers. Main thread only. */

#include "hagw-proxyd/main/manager.h"
#include "libhagw/log.h"
#include "libhagw/vl-io.hagw.Net.h"

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
                agent_view_on_network(&m->agent);
        m->network_changes = n;
        vl_read_published(message, m->published);
        vl_read_hops(message, &hops);
        if (memcmp(&hops, &m->hops, sizeof(hops)) == 0)
                return;
        if (!hops.known)
                log_warning("hagw-netd cannot tell all addresses that may stand for strangers': only "
                            "loopback and what lan names one by one counts as inside.");
        m->hops = hops;
        manager_renew_snapshot(m);
}
