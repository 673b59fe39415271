/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs in the worker's thread. */

#include "hagw-proxyd/http/unborn.h"
#include "libhagw/usec.h"

void unborn_note(const Visit *v, const Snapshot *s, const char *protocol, const Request *r,
                 const char *verdict, uint64_t since_usec) {
        Worker *w = v->worker;
        AccessEntry e = {
                .address = slice_from(v->address_text),
                .host = slice_from(v->name),
                .duration_usec = w->loop.now_usec - since_usec,
                .upstream_usec = USEC_INFINITY,
                .verdict = verdict,
                .protocol = protocol,
                .broken = true, /* the text tells the verdict */
                .query_strings = s->log_query_strings,
        };

        if (v->arrival == ARRIVAL_PROBE)
                return;
        if (r) {
                e.method = r->method_text;
                e.target = r->target;
        }
        counter_add(&w->figures->requests, 1);
        counter_add(&w->figures->answers[0], 1);
        if (s->terms.log_access && !access_ring_put(w->access, &e))
                counter_add(&w->counters.log_dropped, 1);
}
