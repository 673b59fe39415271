/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Inside or outside, seen from the name server. */

#include "asker.h"
#include "special.h"

static bool is_neighbour(const AskerRules *o, const IpAddress *a) {
        return o->own6_is_ours && a->family == AF_INET6 && o->own[1].family == AF_INET6 &&
               memcmp(a->bytes, o->own[1].bytes, ASKER_HOUSE_BITS / 8) == 0;
}

bool asker_is_outside(const AskerRules *o, const IpAddress *a) {
        if (!o->known || !o->lan || !special_is_public(a, o->documentation) ||
            cidr_list_contains(o->lan->items, o->lan->n, a))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(o->own); i++)
                if (ip_equal(&o->own[i], a))
                        return false;
        for (size_t i = 0; i < o->n_hops; i++)
                if (ip_equal(&o->hops[i], a))
                        return false;
        return !is_neighbour(o, a);
}

void asker_note(const AskerRules *o, AskersSeen *seen, const IpAddress *a, bool tcp, uint32_t now_sec) {
        uint32_t *last = &seen->last_sec[a->family == AF_INET6][tcp];

        if (*last != now_sec && asker_is_outside(o, a))
                *last = now_sec;
}
