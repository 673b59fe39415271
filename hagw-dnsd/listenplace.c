/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The choice among the machine's addresses. */

#include "hagw-dnsd/listenplace.h"
#include "libhagw/pure/special.h"

static bool is_asked(const Config *c) {
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return false;
}

static bool is_wanted(const Config *c, const LocalAddress *a) {
        if (c->dns.listen.n > 0)
                return cidr_list_contains(c->dns.listen.items, c->dns.listen.n, &a->address);
        return a->world && (a->address.family == AF_INET ||
                            special_is_public(&a->address, c->documentation_networks));
}

static bool has_place(const ListenPlace *places, size_t n, const IpAddress *a) {
        for (size_t i = 0; i < n; i++)
                if (ip_equal(&places[i].address, a))
                        return true;
        return false;
}

size_t listen_places(const Config *c, const LocalAddress *locals, size_t n,
                     ListenPlace ret[static LISTEN_PLACES_MAX]) {
        size_t found = 0;

        for (size_t i = 0; i < n && is_asked(c); i++) {
                const IpAddress *a = &locals[i].address;
                unsigned port = a->family == AF_INET ? c->dns.ipv4_port : c->dns.ipv6_port;

                if (port == 0 || !is_wanted(c, &locals[i]) ||
                    has_place(ret, MIN(found, (size_t) LISTEN_PLACES_MAX), a))
                        continue;
                if (found < LISTEN_PLACES_MAX)
                        ret[found] = (ListenPlace) { *a, (uint16_t) port };
                found++;
        }
        return found;
}
