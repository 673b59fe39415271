/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the internet, or maybe not. */

#include "libhagw/pure/outside.h"
#include "libhagw/pure/special.h"

Cidr outside_own(const IpAddress *a, bool of_this_house) {
        return (Cidr) { *a, a->family != AF_INET6 ? 32 : of_this_house ? OUTSIDE_HOUSE_BITS : 128 };
}

bool outside_judge(const OutsideRules *o, const IpAddress *a) {
        return o->hops && o->hops->known && a->family != AF_UNSPEC &&
               special_is_public(a, o->documentation) && !cidr_list_contains(o->lan, o->n_lan, a) &&
               !cidr_list_contains(o->own, ELEMENTSOF(o->own), a) && !hops_contain(o->hops, a);
}
