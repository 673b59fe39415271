/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Proxy.DescribeRelay, until it is attached. Main thread only. */

#include "hagw-acmed/challenge.h"
#include "hagw-acmed/relay-watch.h"

#define LOOK_USEC (3 * USEC_PER_SEC)

struct RelayWatch {
        sd_event *event;
        VlRequest *request;
        sd_event_source *timer; /* one of the two, or none while nobody waits */
        RelayWatchHandler handler;
        void *userdata;
};

static void on_described(sd_json_variant *reply, const char *error, void *userdata);

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        RelayWatch *w = userdata;

        w->timer = sd_event_source_disable_unref(w->timer);
        return proof_way_ask_ready(PROOF_RELAY, w->event, on_described, w, &w->request);
}

static int relay_watch_wait(RelayWatch *w) {
        return sd_event_add_time_relative(w->event, &w->timer, CLOCK_MONOTONIC, LOOK_USEC,
                                          500 * USEC_PER_MSEC, on_timer, w);
}

static void on_described(sd_json_variant *reply, const char *error, void *userdata) {
        RelayWatch *w = userdata;
        bool soon;

        w->request = NULL;
        if (error || proof_way_complaint(PROOF_RELAY, reply, &soon))
                (void) relay_watch_wait(w);
        else
                w->handler(w->userdata);
}

void relay_watch_set(RelayWatch *w, bool wanted) {
        if (!wanted) {
                w->request = vl_request_free(w->request);
                w->timer = sd_event_source_disable_unref(w->timer);
        } else if (!w->request && !w->timer)
                (void) relay_watch_wait(w);
}

int relay_watch_new(RelayWatch **ret, sd_event *event, RelayWatchHandler handler, void *userdata) {
        RelayWatch *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->event = sd_event_ref(event);
        w->handler = handler;
        w->userdata = userdata;
        *ret = w;
        return 0;
}

RelayWatch *relay_watch_free(RelayWatch *w) {
        if (!w)
                return NULL;
        relay_watch_set(w, false);
        sd_event_unref(w->event);
        free(w);
        return NULL;
}
