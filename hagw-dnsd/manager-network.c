/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Follows what hagw-netd says of the network around, and makes up names by which the world is tried. */

#include <sys/random.h>

#include "clock.h"
#include "manager.h"

#define NET_INTERFACE "io.hagw.Net"
#define NET_WATCH_NETWORK "io.hagw.Net.WatchNetwork"

/* Lost: what was told last stays. What is no address, or too many, leaves us without knowledge of who is
 * outside, and so with nobody. */
static void on_network(sd_json_variant *message, void *userdata) {
        AskerRules *o = &((Manager *) userdata)->source.askers;
        sd_json_variant *list = message ? sd_json_variant_by_key(message, "hops") : NULL,
                        *complete = message ? sd_json_variant_by_key(message, "complete") : NULL;

        if (!message)
                return;
        o->known = list && sd_json_variant_is_array(list) && complete &&
                   sd_json_variant_is_boolean(complete) && sd_json_variant_boolean(complete);
        o->n_hops = 0;
        for (size_t i = 0; o->known && i < sd_json_variant_elements(list); i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);

                if (o->n_hops < ASKER_HOPS_MAX && sd_json_variant_is_string(v) &&
                    ip_parse(sd_json_variant_string(v), &o->hops[o->n_hops]) >= 0)
                        o->n_hops++;
                else
                        o->known = false;
        }
}

int manager_follow_network(Manager *m) {
        return vl_watch_new(&m->network, m->event, NET_INTERFACE, NET_WATCH_NETWORK, on_network, m);
}

int manager_make_trial(Manager *m, const char *zone, const Trial **ret) {
        uint8_t wire[DNAME_MAX], random[2 * TRIAL_SECRET_SIZE];
        const Zone *z;
        int size;

        size = dname_from_text(zone, wire);
        if (size < 0)
                return size;
        z = zone_find_for(m->source.zones, m->source.n_zones, wire, (size_t) size, /* parent= */ false);
        if (!z || z->name_size != (size_t) size)
                return -EHOSTUNREACH;
        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -EIO;
        return trial_make(&m->source.trials, wire, (size_t) size, random, clock_now().monotonic_msec, ret);
}

const Trial *manager_find_trial(Manager *m, const char *name) {
        uint8_t wire[DNAME_MAX];
        int size = dname_from_text(name, wire);

        return size < 0 ? NULL :
                          trial_find(&m->source.trials, wire, (size_t) size, clock_now().monotonic_msec);
}
