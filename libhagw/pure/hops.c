/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may stand for somebody else. */

#include "libhagw/pure/hops.h"

bool hops_contain(const Hops *h, const IpAddress *a) {
        for (size_t i = 0; i < h->n; i++)
                if (ip_equal(&h->items[i], a))
                        return true;
        return false;
}
