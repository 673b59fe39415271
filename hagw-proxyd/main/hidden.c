/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of hops that visitors came by, and of balancers. Main thread only. */

#include "hagw-proxyd/main/hidden.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

static HiddenHop *find_place(Hidden *h, const IpAddress *address) {
        HiddenHop *oldest = h->items;

        for (size_t i = 0; i < h->n; i++) {
                if (ip_equal(&h->items[i].address, address))
                        return &h->items[i];
                if (h->items[i].last_usec < oldest->last_usec)
                        oldest = &h->items[i];
        }
        if (h->n < HIDDEN_MAX)
                oldest = &h->items[h->n++];
        *oldest = (HiddenHop) { .address = *address };
        return oldest;
}

bool hidden_note(Hidden *h, const IpAddress *address) {
        HiddenHop *hop = find_place(h, address);
        const bool first = hop->first_usec == 0;

        hop->last_usec = clock_usec(CLOCK_REALTIME);
        if (first)
                hop->first_usec = hop->last_usec;
        return first;
}

void hidden_tell(Hidden *h, const IpAddress *address) {
        char text[IP_TEXT_MAX];

        if (hidden_note(h, address))
                log_warning("Visitors come from %s, which is the router or a bridge of this machine, and "
                            "may stand for anybody: they do not count as inside. See \"Inside and "
                            "outside\" in hagw.conf(5).",
                            ip_format(address, text));
}

int hidden_build(const Hidden *h, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        char text[IP_TEXT_MAX];
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; i < h->n && r >= 0; i++)
                r = sd_json_variant_append_arraybo(
                        &list,
                        SD_JSON_BUILD_PAIR("address",
                                           SD_JSON_BUILD_STRING(ip_format(&h->items[i].address, text))),
                        SD_JSON_BUILD_PAIR("firstUSec", SD_JSON_BUILD_UNSIGNED(h->items[i].first_usec)),
                        SD_JSON_BUILD_PAIR("lastUSec", SD_JSON_BUILD_UNSIGNED(h->items[i].last_usec)));
        if (r >= 0)
                *ret = TAKE_PTR(list);
        return r;
}
