/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Follows what hagw-netd says of the network around, and makes up names by which the world is tried. */

#include <sys/random.h>

#include "hagw-dnsd/clock.h"
#include "hagw-dnsd/manager.h"
#include "libhagw/bind.h"
#include "libhagw/vl-io.hagw.Net.h"

#define NET_INTERFACE "io.hagw.Net"
#define NET_WATCH_NETWORK "io.hagw.Net.WatchNetwork"

void manager_renew_outside(Manager *m) {
        m->source.outside = (OutsideRules) {
                .lan = m->config->lan.items,
                .n_lan = m->config->lan.n,
                .hops = &m->hops,
                .own = { outside_own(&m->ipv4.address, true),
                         outside_own(&m->ipv6.address, m->ipv6_is_ours) },
                .documentation = m->config->documentation_networks,
        };
}

/* Lost: what was told last stays. Without knowledge of the hops nobody is outside. */
static void on_network(sd_json_variant *message, void *userdata) {
        Manager *m = userdata;

        if (message)
                vl_read_hops(message, &m->hops);
}

int manager_follow_network(Manager *m) {
        return vl_watch_new(&m->network, m->event, NET_INTERFACE, NET_WATCH_NETWORK, on_network, m);
}

int manager_make_trial(Manager *m, const char *zone, int family, const Trial **ret) {
        const ZoneAddress *address = family == AF_INET6 ? &m->ipv6 : &m->ipv4;
        const bool asked = family == AF_INET6 ? m->config->dns.ipv6_port == BIND_PORT :
                                                m->config->dns.ipv4_port > 0;
        uint8_t wire[DNAME_MAX], random[2 * TRIAL_SECRET_SIZE];
        const Zone *z;
        int size;

        size = dname_from_text(zone, wire);
        if (size < 0)
                return size;
        z = zone_find_for(m->source.zones, m->source.n_zones, wire, (size_t) size, /* parent= */ false);
        if (!z || z->name_size != (size_t) size)
                return -EHOSTUNREACH;
        if (family != AF_UNSPEC && (!asked || address->knowledge != ADDRESS_KNOWN))
                return -EADDRNOTAVAIL;
        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -EIO;
        return trial_make(&m->source.trials, wire, (size_t) size,
                          family == AF_UNSPEC ? NULL : &address->address, random,
                          clock_now().monotonic_msec, ret);
}

const Trial *manager_find_trial(Manager *m, const char *name) {
        uint8_t wire[DNAME_MAX];
        int size = dname_from_text(name, wire);

        return size < 0 ? NULL :
                          trial_find(&m->source.trials, wire, (size_t) size, clock_now().monotonic_msec);
}
