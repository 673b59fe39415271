/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may come in. Whatever is not plainly granted is not. Runs in the worker's thread. */

#include "hagw-proxyd/visit/admission.h"
#include "hagw-proxyd/visit/visit.h"

static const struct {
        const char *text;
        size_t counter; /* of Figures */
} rows[_ADMISSION_MAX] = {
        [ADMISSION_GRANTED] = { "nothing", 0 },
        [ADMISSION_FULL] = { "as many are here as may", offsetof(Figures, crowded) },
        [ADMISSION_CROWDED] = { "as many are here from this address as may",
                                offsetof(Figures, crowded) },
        [ADMISSION_UNKNOWN] = { "no host has this name", offsetof(Figures, refused) },
        [ADMISSION_OUTSIDE] = { "the host is for who is inside", offsetof(Figures, refused) },
        [ADMISSION_UNBELIEVED] = { "the relay may not bring such visitors",
                                   offsetof(Figures, refused) },
};

const char *admission_text(Admission a) {
        return rows[a].text;
}

void admission_count(Worker *w, Admission a) {
        assert(a != ADMISSION_GRANTED);
        counter_add((_Atomic uint64_t *) ((char *) w->figures + rows[a].counter), 1);
}

Admission admit_more(const Worker *w, const Worker *at) {
        return atomic_load_explicit(&at->counters.connections, memory_order_relaxed) <
                               w->snapshot->connections ?
                       ADMISSION_GRANTED :
                       ADMISSION_FULL;
}

Admission admit_address(const Worker *w, const IpAddress *address, CrowdPlace *ret) {
        return crowd_enter(ret, CROWD_CONNECTIONS, address, w->snapshot->connections_per_address) ?
                       ADMISSION_GRANTED :
                       ADMISSION_CROWDED;
}

bool admit_request(const Worker *w, const IpAddress *address, CrowdPlace *ret) {
        return crowd_enter(ret, CROWD_REQUESTS, address, w->snapshot->connections_per_address);
}

/* What is only the relay's word: that this is one of its visitors, and that it may open his TLS. */
static bool relay_is_believed(const Visit *v, const Snapshot *s) {
        return !arrival_is_relayed(v->arrival) ||
               (s->relay && (!v->secret || s->relay->opened) &&
                !relay_target_refuses(s->relay, &s->routes->lan, &v->address));
}

Admission admit_route(const Visit *v, const Snapshot *s, const Route *route) {
        if (!relay_is_believed(v, s))
                return ADMISSION_UNBELIEVED;
        if (!route)
                return ADMISSION_UNKNOWN;
        /* Where he is, is looked up only where something hangs on it. */
        if (v->arrival != ARRIVAL_PROBE && !route_admits(route, /* inside= */ false) &&
            !visit_is_inside(v, s))
                return ADMISSION_OUTSIDE;
        return ADMISSION_GRANTED;
}

Admission admit_name(const Visit *v, const Snapshot *s, const char *name, const Route **ret) {
        const Route *route = route_find(s->routes, name);
        Admission a = admit_route(v, s, route);

        *ret = a == ADMISSION_GRANTED ? route : NULL;
        return a;
}
